"""The house rules of the design, as far as a machine can check them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import serve

ROOT = serve.ROOT
LONGEST = 600

PYTHON = [
    ROOT / "serve.py",
    *sorted(
        path
        for folder in ("app", "worker", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    ),
]
SCRIPTS = sorted(
    path
    for folder in ("app", "worker", "public", "tests")
    for suffix in ("*.mjs", "*.js")
    for path in (ROOT / folder).rglob(suffix)
)

BROWSER_MODULES = {"js", "pyodide", "pyodide_js", "_pyodide_core", "sahpool_host"}
MAY_KNOW_THE_BROWSER = {
    "worker/main.py",
    "worker/sahpool/browser/__init__.py",
    "worker/sahpool/check.py",
    "worker/sahpool/browser/collecting.py",
    "worker/sahpool/sqlite/heap.py",
    "worker/sahpool/opfs_pool/hold.py",
    "worker/sahpool/browser/logs.py",
    "worker/sahpool/pool.py",
    "app/core/dom.py",
    "app/core/client.py",
    "app/core/leader.py",
}
LAYERS = {"core", "ui", "features"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, anywhere in it; relative ones with their dots."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def roots(path: Path) -> set[str]:
    return {module.partition(".")[0] for module in imported(path)} - {""}


@pytest.mark.parametrize("path", [*PYTHON, *SCRIPTS], ids=name_of)
def test_a_file_past_600_lines_is_two_files(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_javascript_file_says_in_its_first_line_why_it_is_one(path: Path) -> None:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    assert first.startswith("// JavaScript")
    assert re.search(r"\b(because|as|for)\b", first)


@pytest.mark.parametrize("path", [*PYTHON, *SCRIPTS], ids=name_of)
def test_no_text_is_parsed_as_markup(path: Path) -> None:
    # Spelled in two parts: this file is among those that are read.
    words = ("inner" + "HTML", "outer" + "HTML", "insertAdjacent" + "HTML", "document." + "write")
    text = path.read_text(encoding="utf-8")
    assert [word for word in words if word in text] == []


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_no_exception_is_swallowed(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            assert not all(isinstance(line, ast.Pass) for line in node.body), node.lineno
            assert node.type is not None, node.lineno


def test_only_the_named_files_know_the_browser() -> None:
    known = {
        name_of(path)
        for path in PYTHON
        if roots(path) & BROWSER_MODULES and not name_of(path).startswith("tests/")
    }
    assert known <= MAY_KNOW_THE_BROWSER


def test_sahpool_knows_nothing_of_the_layers_above() -> None:
    for path in (ROOT / "worker" / "sahpool").rglob("*.py"):
        assert roots(path) & {"session", "protocol", "main", "app", "client"} == set(), path


def test_session_knows_neither_the_browser_nor_the_library() -> None:
    for path in (ROOT / "worker" / "session").rglob("*.py"):
        known = roots(path) & (BROWSER_MODULES | {"sahpool", "sahpool_io", "main", "app"})
        assert known == set(), path


def test_app_takes_the_protocol_from_the_worker_and_nothing_else() -> None:
    for path in (ROOT / "app").rglob("*.py"):
        assert roots(path) & {"sahpool", "session", "sahpool_io"} == set(), path


@pytest.mark.parametrize(
    ("folder", "known"),
    [("core", {"core"}), ("ui", {"core", "ui"}), ("features", {"core", "ui"})],
)
def test_the_page_s_layers_know_those_below_them_and_features_not_one_another(
    folder: str, known: set[str]
) -> None:
    for path in (ROOT / "app" / folder).rglob("*.py"):
        inner = path.relative_to(ROOT / "app").with_suffix("").parts[:2]
        modules = {module for module in imported(path) if module.split(".")[0] in LAYERS}
        # A feature that is a package knows its own modules.
        others = {module for module in modules if tuple(module.split(".")[:2]) != inner}
        assert {module.split(".")[0] for module in others} <= known, path


def test_the_protocol_knows_nobody() -> None:
    # Both runs of Python that read it have these two.
    assert roots(ROOT / "worker" / "protocol.py") <= {"json", "sys"}


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_scripts_tell_errors_instead_of_logging_them(path: Path) -> None:
    assert "console." not in path.read_text(encoding="utf-8")


def test_the_top_level_is_as_the_design_has_it() -> None:
    wanted = {"app", "public", "pyscript.toml", "worker", "tests", "serve.py", "README.md"}
    assert wanted <= {path.name for path in ROOT.iterdir()}
