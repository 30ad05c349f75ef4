"""Runs tests in a copy of this repository, with and without a mutation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import serve
from tests.promises.table import ROOT, Mutation, places_of_tests

#: What a copy shares with the original of what the set-up has fetched or made (tests/__main__.py).
SHARED = (
    *("venv", "data", "docs", "docs.hash", "docs-venv", "ecosystem", "fuzzdata", "jupyterlite"),
    *("libraries", "pip-venv", "node"),
)

#: What it gets a copy of: a mutation may have it made anew.
OWN = ("parts", "parts.hash", "modules.romfs", "modules.hash", "site")

SECONDS = 900  # after which a run of one test is ended

PASSED, FAILED = "passed", "failed"


class Copy:
    """A copy of this repository in a folder, whose files can be changed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        shutil.rmtree(folder, ignore_errors=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        work = folder / serve.WORK.name
        work.mkdir()
        for name in SHARED:
            if (serve.WORK / name).exists():
                (work / name).symlink_to(serve.WORK / name)
        for name in OWN:
            source = serve.WORK / name
            if source.is_dir():
                shutil.copytree(source, work / name)
            elif source.exists():
                shutil.copy2(source, work / name)
        (folder / "node_modules").symlink_to(ROOT / "node_modules")

    def run(self, mutation: Mutation) -> str:
        """How the mutation's test ends in the copy as it is now.

        Returns:
            ``PASSED``, ``FAILED``, or a text that says what happened instead: no test was run, or
            something other than a test failed.
        """
        report = self.root / serve.WORK.name / "report.xml"
        report.unlink(missing_ok=True)
        tests = [f"{place}::{mutation.test}" for place in places_of_tests()[mutation.test]]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["--slow" if mutation.slow else "--thorough"]
        command += ["-x", f"--junit-xml={report}", *tests]
        if mutation.on:
            command += ["-m", mutation.on]
        if mutation.only:
            command += ["-k", mutation.only]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command,
                cwd=self.root,
                env=environment,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"not at its end after {SECONDS} s"
        if not report.exists():
            return f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr}"
        cases = list(ElementTree.parse(report).iter("testcase"))
        if any(case.find("failure") is not None for case in cases):
            return FAILED
        if any(case.find("error") is not None for case in cases):
            return f"an error outside of the test:\n{done.stdout[-3000:]}"
        if not any(len(case) == 0 for case in cases):
            return f"no test was run:\n{done.stdout[-1000:]}"
        return PASSED

    def run_mutated(self, mutation: Mutation) -> str:
        """How the test ends with the mutation, which is taken back afterwards."""
        path = self.root / mutation.file
        before = path.read_text(encoding="utf-8")
        path.write_text(mutation.applied(before), encoding="utf-8")
        try:
            return self.run(mutation)
        finally:
            path.write_text(before, encoding="utf-8")


class Trial:
    """Tries mutations in one copy; each test is run without a mutation once."""

    def __init__(self, folder: Path) -> None:
        self._copy = Copy(folder)
        self._unchanged: dict[tuple[str, str, str], str] = {}

    def wrong(self, mutation: Mutation) -> str:
        """What is not as it should be: the test fails with the mutation, and passes without it.

        Empty when it is so.
        """
        found = self._copy.run_mutated(mutation)
        if found != FAILED:
            return f"with the mutation: {found}"
        key = (mutation.test, mutation.on, mutation.only)
        if key not in self._unchanged:
            self._unchanged[key] = self._copy.run(mutation)
        found = self._unchanged[key]
        return "" if found == PASSED else f"without the mutation: {found}"


def main(names: list[str]) -> int:
    """Tries the named mutations, or all; returns the number of those that are wrong."""
    from tests.promises.table import mutations

    table = mutations()
    unknown = set(names) - set(table)
    if unknown:
        print(f"no such mutation: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 1
    chosen = [table[name] for name in names] if names else list(table.values())
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="promises-", dir=serve.WORK) as folder:
        trial = Trial(Path(folder))
        for mutation in chosen:
            began = time.monotonic()
            said = trial.wrong(mutation)
            wrong += bool(said)
            seconds = time.monotonic() - began
            serve.say(f"{mutation.name}: {said or 'found'} ({seconds:.0f} s)")
    serve.say(f"{len(chosen) - wrong} of {len(chosen)} mutations are found")
    return wrong


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
