"""A browser is one entry of tests/matrix.py: the recipe of docs/contributing.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import matrix, stages

ROOT = Path(matrix.__file__).parents[1]
NAME = "narrow"  # of the recipe's browser

#: Where the recipe's browser has to be met.
FOLDERS = {"connections", "docs", "ecosystem", "hostile", "interchange", "pyodide", "sql"}


def diffs() -> list[str]:
    """The changes that the recipe shows."""
    page = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    text = page.partition("\n## Add a browser to the tests\n")[2].partition("\n## ")[0]
    return re.findall(r"^```diff\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def changed(text: str, diff: str) -> str:
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] or line for line in lines if line[0] != "+")
    assert text.count(before) == 1, before
    return text.replace(before, "".join(line[1:] or line for line in lines))


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the repository in which the recipe was followed."""
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis")
    for name in ("app", "docs", "worker", "tests", "public"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("pyproject.toml", "serve.py", "package.json", "README.md", "SECURITY.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    path = tmp_path / "tests" / "matrix.py"
    text = path.read_text(encoding="utf-8")
    for diff in diffs():
        text = changed(text, diff)
    path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_browser_that_the_recipe_adds_has_the_tests_of_the_library_and_of_other_programs(
    house: Path,
) -> None:
    folders = [f"tests/{name}" for name in sorted(FOLDERS)]
    command = [sys.executable, "-m", "pytest", "-m", NAME, "--collect-only", "-q", "--thorough"]
    done = subprocess.run([*command, *folders], cwd=house, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [line for line in done.stdout.splitlines() if "::" in line]
    assert len(found) > 300
    assert {line.split("/")[1] for line in found} == FOLDERS
    ruff = subprocess.run([sys.executable, "-m", "ruff", "check", "tests/matrix.py"], cwd=house)
    assert ruff.returncode == 0


def test_every_browser_is_a_place_of_the_stages() -> None:
    assert ("node", *matrix.BROWSERS) == stages.PLACES
