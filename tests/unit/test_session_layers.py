"""Who may import whom in the session (docs/how-it-works.md); imports for types count, too."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "worker" / "session"

#: From the top: each may import what is further down. Those of one line know nothing of each other.
LAYERS = (
    {"service"},
    {"operations"},
    {"session"},
    {"formats"},
    {"sql"},
    {"job"},
    {"neighbours", "host", "errors"},
)


def imported(path: Path) -> Iterator[str]:
    """The modules of ``session`` that a file imports, as ``session.formats.text``."""
    relative = path.relative_to(FOLDER.parent).with_suffix("")
    package = ".".join(relative.parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(name, package)
            # What is imported from a package may be a module of it.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def parts(names: Iterator[str]) -> set[str]:
    """Which modules and packages of ``session`` these are in."""
    return {name.split(".")[1] for name in names if name.startswith("session.")}


def height(part: str) -> int:
    return next(at for at, layer in enumerate(LAYERS) if part in layer)


def test_every_part_of_the_session_is_in_a_layer() -> None:
    found = {path.name.partition(".")[0] for path in FOLDER.iterdir()} - {"__init__", "__pycache__"}
    assert found == set().union(*LAYERS)


def test_no_part_of_the_session_imports_one_above_or_beside_it() -> None:
    seen = 0
    for path in sorted(FOLDER.rglob("*.py")):
        own = path.relative_to(FOLDER).parts[0].partition(".")[0]
        if own == "__init__":
            continue
        for other in parts(imported(path)) - {own}:
            seen += 1
            assert height(own) < height(other), f"{path.name} of {own} imports {other}"
    assert seen > 50


def test_no_modules_within_a_package_of_the_session_go_in_a_circle() -> None:
    for package in ("operations", "formats", "sql"):
        wanted = {
            path.stem: {
                name.split(".")[2]
                for name in imported(path)
                if name.startswith(f"session.{package}.")
            }
            for path in (FOLDER / package).glob("*.py")
            if path.stem != "__init__"
        }
        while wanted:
            free = {name for name, needs in wanted.items() if not needs & wanted.keys()}
            assert free, f"a circle among {sorted(wanted)}"
            wanted = {name: needs for name, needs in wanted.items() if name not in free}
