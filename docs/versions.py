"""Writes the versions of Pyodide and PyScript, which package.json has, wherever they are shown.

docs/generate.py calls it. Statements about one release, as that a fault of 314.0.7 is repaired, are
not touched: whoever upgrades has to try them again (docs/upgrading.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]

_PYODIDE = r"\d{3}\.\d+\.\d+"
_PYSCRIPT = r"\d+\.\d+\.\d+"

#: Files that name the version of Pyodide, and where: the text before it.
PYODIDE = {
    "README.md": r"runs Pyodide ",
    "docs/tutorial.md": r"Pyodide |pyodide@|Use ",
    "docs/coming-from-sqlite-wasm.md": r"\. Pyodide ",
    "worker/sahpool/browser/__init__.py": r'PYODIDE_VERSION = "',
}
PYSCRIPT = {"docs/tutorial.md": r"PyScript "}

#: The page, which names PyScript's modules so that the browser fetches them early: their names have
#: a hash that changes with each release.
PAGE = "public/index.html"
_PRELOAD = re.compile(r'^  <link rel="modulepreload" href="\./pyscript/(\S+)">\n', re.MULTILINE)
PRELOADED = ("core-", "deprecations-", "donkey-", "error-", "py-editor-", "py-game-", "py-term")


class Versions(NamedTuple):
    """What is installed.

    Attributes:
        pyodide: Version of Pyodide.
        pyscript: Version of PyScript.
        modules: Names of PyScript's files.
    """

    pyodide: str
    pyscript: str
    modules: list[str]


def installed(root: Path = ROOT) -> Versions:
    """The versions that package.json pins, and the files that npm has installed by it."""
    wanted = json.loads((root / "package.json").read_text(encoding="utf-8"))["dependencies"]
    folder = root / "node_modules" / "@pyscript" / "core" / "dist"
    modules = sorted(path.name for path in folder.glob("*.js"))
    return Versions(wanted["pyodide"], wanted["@pyscript/core"], modules)


def rewritten(versions: Versions, root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """The files that show a version, with the text that each has to have.

    Raises:
        ValueError: A place is missing, or PyScript has no module of a name in PRELOADED.
    """
    texts: dict[str, str] = {}
    for places, version, form in (
        (PYODIDE, versions.pyodide, _PYODIDE),
        (PYSCRIPT, versions.pyscript, _PYSCRIPT),
    ):
        for name, before in places.items():
            text = texts.get(name) or (root / name).read_text(encoding="utf-8")
            texts[name], count = re.subn(f"({before}){form}", rf"\g<1>{version}", text)
            if not count:
                raise ValueError(f"{name} names no version behind {before!r}")
    texts[PAGE] = _preloading((root / PAGE).read_text(encoding="utf-8"), versions.modules)
    return ((root / name, text) for name, text in texts.items())


def _preloading(page: str, modules: list[str]) -> str:
    names = []
    for begin in PRELOADED:
        # core.js loads the one with a hash in its name.
        found = [name for name in modules if name.startswith(begin) and "-" in name]
        if len(found) != 1:
            raise ValueError(f"PyScript has {len(found)} modules that begin with {begin}")
        names += found
    first = _PRELOAD.search(page)
    if first is None:
        raise ValueError(f"{PAGE} preloads no module of PyScript")
    lines = [f'  <link rel="modulepreload" href="./pyscript/{name}">\n' for name in names]
    return page[: first.start()] + "".join(lines) + _PRELOAD.sub("", page[first.start() :])


def write(root: Path = ROOT) -> None:
    """Writes the versions of package.json into every file that shows one."""
    for path, text in rewritten(installed(root), root):
        path.write_text(text, encoding="utf-8")
