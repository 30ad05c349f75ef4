"""Which tests there are."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def names_of_tests() -> frozenset[str]:
    """Each name once; the files are read in the first call."""
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def files_of_items(items: Iterable[pytest.Item]) -> set[str]:
    return {item.nodeid.partition("::")[0] for item in items}


def collected(request: pytest.FixtureRequest, mark: str, files: Collection[str] = ()) -> set[str]:
    """Node ids of the tests that ``-m`` chooses by an expression, in the files or in all folders.

    A run of all tests has collected them itself; only another one starts pytest for it.

    Args:
        request: The fixture, for the tests of this run.
        mark: ``"name"`` or ``"not name"``.
        files: Paths below the repository.
    """
    name, wanted = mark.removeprefix("not "), not mark.startswith("not ")
    items = request.session.items
    folders = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").glob("*/test_*.py")}
    if files_of_items(items) >= set(files or folders):
        chosen = [item for item in items if (item.get_closest_marker(name) is not None) == wanted]
        within = [item.nodeid for item in chosen]
        return {each for each in within if not files or each.partition("::")[0] in files}
    command = [sys.executable, "-m", "pytest", "-m", mark, "--collect-only", "-q", *sorted(files)]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {line for line in listed.stdout.splitlines() if "::" in line}
