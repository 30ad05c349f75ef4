"""The generated part of docs/architecture.md: every module, and which folder imports which.

``docs/generate.py`` writes it into the page; tests/docs/test_architecture.py compares them. The
sources are read, never imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"

BEGIN = "<!-- from here on written by docs/generate.py -->"

#: The folders of the program; docs/contributing.md describes the tests.
FOLDERS = ("worker", "app", "public")

#: Modules that exist in the browser only.
BROWSER_MODULES = {"js", "pyodide", "pyodide_js", "_pyodide_core", "sahpool_host"}


def page() -> str:
    """Returns the whole of architecture.md: its own text, and the tables made from the tree now.

    Raises:
        ValueError: The page lacks the line that the tables follow.
    """
    written, mark, _ = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    if not mark:
        raise ValueError(f"{PAGE.name} has no line {BEGIN}")
    return f"{written}{mark}\n\n" + "\n".join([*_imports(), "", *_modules()]) + "\n"


def sources() -> list[Path]:
    """Returns the Python and JavaScript files of the program, sorted by folder and name."""
    found = [
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".mjs", ".js") and "__pycache__" not in path.parts
    ]
    return [
        ROOT / "serve.py",
        *sorted(found, key=lambda path: (folder_of(path), path.parent, path.name)),
    ]


def folder_of(path: Path) -> str:
    """Returns the folder of a source as the page names it; ``.`` is the top level.

    A package of one module is listed with the modules beside it.
    """
    folder = path.parent
    if path.name == "__init__.py" and folder.parent != ROOT and len([*folder.rglob("*.py")]) == 1:
        folder = folder.parent
    return folder.relative_to(ROOT).as_posix()


def description(path: Path) -> str:
    """Returns the first paragraph of a module's docstring or a script's first comment, in Markdown.

    Raises:
        ValueError: The file has neither.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        first = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
    else:
        comment = re.match(r"(?://(?: .*)?\n)+", text)
        first = re.sub(r"^// ?", "", comment[0], flags=re.MULTILINE) if comment else ""
        first = first.partition("\n\n")[0]
    if not first:
        raise ValueError(f"{path.name} does not say what it is")
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(first.split())).replace("|", "\\|")


def _modules() -> Iterator[str]:
    yield "## The modules"
    before = None
    for path in sources():
        if (folder := folder_of(path)) != before:
            title = "the top level" if folder == "." else f"`{folder}`"
            yield from ("", f"### {title[0].upper()}{title[1:]}", "")
            yield from ("| Module | What it is |", "| --- | --- |")
            before = folder
        name = path.relative_to(ROOT / folder).as_posix()
        yield f"| `{name}` | {_marked(description(path))} |"


def _marked(text: str) -> str:
    """Returns text with tags such as ``<dialog>`` as code: HTML would take them for real tags."""
    return re.sub(r"(?<!`)(<\w+>)(?!`)", r"`\1`", text)


# --- who imports whom ---------------------------------------------------------------------------


def imported_folders() -> dict[str, set[str]]:
    """Returns for each folder with Python the folders that it imports from, for types as well.

    ``the browser`` stands for the modules that exist only there.
    """
    python = [path for path in sources() if path.suffix == ".py"]
    found: dict[str, set[str]] = {}
    for path in python:
        folders = found.setdefault(folder_of(path), set())
        for module in _imported(path):
            if module.partition(".")[0] in BROWSER_MODULES:
                folders.add("the browser")
            elif (target := _file_of(module, path)) is not None:
                folders.add(folder_of(target))
    for folder, folders in found.items():
        folders.discard(folder)
    return found


def _imported(path: Path) -> Iterator[str]:
    """Yields the full names that a file imports, anywhere in it; relative ones from its folder."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "/".join([".", *[".."] * (node.level - 1)]) if node.level else ""
            module = (node.module or "").replace(".", "/")
            for alias in node.names:
                yield "/".join(part for part in (start, module, alias.name) if part)
                yield "/".join(part for part in (start, module) if part)


def _file_of(module: str, importer: Path) -> Path | None:
    """Returns the program's file that an imported name stands for, None when it is not ours."""
    if module.startswith("."):
        places = [importer.parent]
    elif importer.is_relative_to(ROOT / "app"):
        # MicroPython finds the page's own modules and the protocol at its top level.
        places = [ROOT / "app", ROOT / "worker"]
    else:
        places = [ROOT / "worker", ROOT]
    for place in places:
        base = (place / module.replace(".", "/") if module[0] != "." else place / module).resolve()
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file() and file.is_relative_to(ROOT):
                return file
    return None


def _imports() -> Iterator[str]:
    yield from ("## Who imports whom now", "", "| Folder | Imports from |", "| --- | --- |")
    for folder, imported in sorted(imported_folders().items()):
        told = [name if name == "the browser" else f"`{name}`" for name in sorted(imported)]
        yield f"| `{folder}` | {', '.join(told) or 'nothing of ours'} |"
