"""Builds the pages under docs as a site, which ``serve.py --build`` puts beside the console.

MkDocs with the Material theme makes it, in a virtual environment of its own with the versions that
pyproject.toml pins (group ``docs``). ``python3 serve.py`` alone leaves it out, because a first
start is to fetch nothing that the console does not need; the console's page then has no link to it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from worker.build.packing import ROOT, StepError, read, requirements
from worker.build.steps import WORK, environment, run, say, unless_made

__all__ = ["FOLDER", "files", "linked", "made"]

FOLDER = "docs"
"""The folder of the documentation on the site."""

LEFT_OUT = ("404.html", "sitemap.xml", "sitemap.xml.gz")
"""Files that MkDocs makes for the address of the site, which is not known here."""

ICON = b'  <link rel="icon" href="./icon.svg" type="image/svg+xml">\n'


def install() -> Path:
    """The Python that has what the documentation is built with."""
    why = "Installing what the documentation is built with into .build/docs-venv"
    return environment(WORK / "docs-venv", requirements("docs"), why=why)


def sources() -> list[Path]:
    """The files that the documentation is made from."""
    found = [
        path
        for path in sorted((ROOT / "docs").rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    single = ("mkdocs.yml", "SECURITY.md", "CHANGELOG.md", "public/headers.toml", "public/icon.svg")
    return [*found, *(ROOT / name for name in single)]


def made() -> Path:
    """The folder of the built documentation; builds it if its sources have changed.

    Raises:
        StepError: MkDocs fails, at a broken link for one, or could not be installed.
    """
    out = WORK / "docs"
    state = "\n".join(requirements("docs")).encode()
    for source in sources():
        state += b"\0" + source.relative_to(ROOT).as_posix().encode() + b"\0" + read(source)

    def make() -> None:
        python = str(install())
        fresh = out.with_name(f"docs.{os.getpid()}")  # another build may be under way
        say("Building the documentation (MkDocs) …")
        run(
            [python, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(fresh)],
            "Building the documentation",
            "What is wrong is below.",
            # MkDocs 1 is pinned, so the theme's warning of MkDocs 2 says nothing new.
            {"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"},
        )
        shutil.rmtree(out, ignore_errors=True)
        fresh.replace(out)

    return unless_made(out, state, make)


def files() -> dict[str, Path]:
    """The documentation's files by their paths on the site."""
    folder = made()
    return {
        f"{FOLDER}/{name}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and (name := path.relative_to(folder).as_posix()) not in LEFT_OUT
        # Source maps are for changes to the theme; lunr's files are for languages other than the
        # pages' own.
        and path.suffix != ".map"
        and "/lunr/" not in name
    }


def linked(page: bytes) -> bytes:
    """The console's page with a link to the documentation, which "About" shows."""
    if page.count(ICON) != 1:
        raise StepError("public/index.html has no place for the link to the documentation.")
    link = f'  <link rel="help" id="documentation" href="./{FOLDER}/index.html">\n'
    return page.replace(ICON, ICON + link.encode())
