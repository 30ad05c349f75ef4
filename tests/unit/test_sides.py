"""The name of a file of the tests says on which side it runs (tests/README.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import serve

TESTS = serve.ROOT / "tests"

#: What only Pyodide has.
INSIDE = {"js", "pyodide", "pyodide_js", "_pyodide_core", "sahpool_host", "sahpool_io"}

#: Files that are sent into Pyodide and imported by CPython as well.
ON_BOTH_SIDES = {
    "bench/plan.py",
    "bench/player.py",
    "connections/script.py",
    "damage.py",
    "harness/service_parts.py",
    "hostile/bombs.py",
    "hostile/images.py",
    "hostile/long_bombs.py",
    "hostile/pairs.py",
    "interchange/prelude.py",
    "kill/steps.py",
    "sql/runner.py",
    "unit/decode.py",
}

#: Bodies of tests, which are sent as they are.
BODIES = TESTS / "field" / "bodies"

FILES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(TESTS.rglob("*.py"))
    if not path.is_relative_to(BODIES)
}


def name_of(path: Path) -> str:
    return path.relative_to(TESTS).as_posix()


def imported(tree: ast.Module) -> Iterator[str]:
    """The top-level names of the modules that a file imports as it is loaded."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def sent(tree: ast.Module, path: Path) -> Iterator[Path]:
    """The files beside it that a file names in a string of its code, to read and send them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.rpartition("/")[2]
            is_helper = name.endswith(".py") and not name.startswith(("test_", "__", "conftest"))
            if is_helper and path.with_name(name) in FILES:
                yield path.with_name(name)


def test_a_file_that_runs_inside_pyodide_only_is_called_inside_something() -> None:
    wrong = [
        name_of(path)
        for path, tree in FILES.items()
        if INSIDE & set(imported(tree)) and not path.name.startswith("inside_")
    ]
    assert wrong == []


def test_a_file_that_is_sent_into_pyodide_says_so_by_its_name_or_runs_on_both_sides() -> None:
    wrong = {
        name_of(beside)
        for path, tree in FILES.items()
        for beside in sent(tree, path)
        if not beside.name.startswith("inside_") and name_of(beside) not in ON_BOTH_SIDES
    }
    assert wrong == set()


def test_what_runs_on_both_sides_says_so_in_its_docstring() -> None:
    said = {name_of(path): ast.get_docstring(tree) or "" for path, tree in FILES.items()}
    assert set(said) >= ON_BOTH_SIDES
    assert [
        name for name in sorted(ON_BOTH_SIDES) if "Runs on both sides, " not in said[name]
    ] == []
