"""Line coverage of worker/ and app/: ``python3 -m tests.coverage``.

    python3 -m tests.coverage              runs what measures it, and prints the tables
    python3 -m tests.coverage --table      prints the tables of the last run again

The unit tests run under CPython, where coverage.py counts; all tests in Node run the library inside
Pyodide, where ``sys.monitoring`` does (harness/inside_lines.py). Both are merged, so that a line
counts that ran on either side. Browsers are left out: what only they run is listed in
tests/README.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import serve
from tests.pyodide.node_lines import FOLDER

WORK = serve.WORK / "coverage"

#: What is measured on each side, and by which tests.
UNDER_CPYTHON, IN_PYODIDE, TOGETHER = "cpython", "pyodide", "together"
SIDES = (UNDER_CPYTHON, IN_PYODIDE, TOGETHER)


def data_of(side: str) -> Path:
    """coverage.py's file with what ran on a side."""
    return WORK / f"{side}.data"


def measure() -> bool:
    """Runs the tests of both sides and keeps what they ran; False when one of them failed."""
    shutil.rmtree(WORK, ignore_errors=True)
    lines = WORK / "lines"
    lines.mkdir(parents=True)
    pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    under = [sys.executable, "-m", "coverage", "run", f"--data-file={data_of(UNDER_CPYTHON)}"]
    one = subprocess.run([*under, *pytest, "tests/unit"], cwd=serve.ROOT)
    environment = {**os.environ, FOLDER: str(lines)}
    inside = [sys.executable, *pytest, "-m", "node", "--thorough"]
    other = subprocess.run(inside, cwd=serve.ROOT, env=environment)
    merge(lines.glob("*.json"))
    return one.returncode == other.returncode == 0


def merge(files: Iterable[Path]) -> None:
    """Makes coverage.py's files for Pyodide's side, and for both together."""
    from coverage import CoverageData

    found: dict[str, set[int]] = {}
    for file in files:
        for name, numbers in json.loads(file.read_text(encoding="utf-8")).items():
            path = serve.ROOT / "worker" / name
            if path.is_file():  # version.py is made by the build
                found.setdefault(str(path), set()).update(numbers)
    inside = CoverageData(str(data_of(IN_PYODIDE)))
    inside.add_lines(found)
    inside.write()
    under = CoverageData(str(data_of(UNDER_CPYTHON)))
    under.read()
    both = CoverageData(str(data_of(TOGETHER)))
    both.update(under)
    both.update(inside)
    both.write()


def table(side: str, folder: str, *, whole: bool) -> tuple[list[str], float]:
    """coverage.py's table of a folder, file by file if ``whole``, and the share of lines in %."""
    from coverage import Coverage

    report = WORK / "report.txt"
    data = Coverage(data_file=str(data_of(side)), config_file=str(serve.ROOT / "pyproject.toml"))
    data.load()
    with report.open("w", encoding="utf-8") as file:
        share = data.report(file=file, include=[f"{folder}/*"], show_missing=whole)
    return report.read_text(encoding="utf-8").splitlines(), share


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 when every test passed."""
    passed = "--table" in arguments or measure()
    os.chdir(serve.ROOT)
    for side, folder in ((TOGETHER, "worker"), (UNDER_CPYTHON, "app")):
        serve.say("\n".join(table(side, folder, whole=True)[0]))
    for folder in ("worker/sahpool", "worker/sahpool_console", "worker/build", "worker", "app"):
        shares = ", ".join(f"{side} {table(side, folder, whole=False)[1]:.1f} %" for side in SIDES)
        serve.say(f"{folder}: {shares}")
    return 0 if passed else 1


if __name__ == "__main__":
    from tests import __main__ as tests

    code = f"import sys; from tests.coverage import main; sys.exit(main({sys.argv[1:]!r}))"
    sys.exit(tests.run_inside("coverage", "-c", code))
