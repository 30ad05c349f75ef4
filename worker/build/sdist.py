"""Builds the source distribution: the repository, to make the wheel and site from and to test."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from worker.build.packing import ROOT, metadata, project, read

__all__ = ["build_sdist", "sdist_bytes", "sdist_name"]

FILES = (
    ".gitattributes",
    ".gitignore",
    ".npmrc",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "mkdocs.yml",
    "package-lock.json",
    "package.json",
    "pyproject.toml",
    "pyscript.toml",
    "serve.py",
)
FOLDERS = (".ci", ".github", "app", "docs", "public", "tests", "worker")

EARLIEST = 315_532_800
"""1980 in Unix time, as in the wheel, so that the bytes do not depend on the clock."""


def sdist_name() -> str:
    """The source distribution's file name, ``sahpool-VERSION.tar.gz``."""
    return f"{_top()}.tar.gz"


def _top() -> str:
    table = project()
    return f"{table['name']}-{table['version']}"


def sources() -> list[Path]:
    """The files of the source distribution, without caches and hidden files in folders."""
    found = [
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name[0] != "."
    ]
    return sorted([*(ROOT / name for name in FILES), *found])


def sdist_bytes() -> bytes:
    """The source distribution: the same bytes for the same files.

    Source: https://packaging.python.org/en/latest/specifications/source-distribution-format/
    """
    contents = {path.relative_to(ROOT).as_posix(): read(path) for path in sources()}
    contents["PKG-INFO"] = metadata(project())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in sorted(contents.items()):
            entry = tarfile.TarInfo(f"{_top()}/{name}")
            entry.size = len(data)
            entry.mtime = EARLIEST
            entry.mode = 0o755 if data.startswith(b"#!") else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0)


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    """Write the source distribution into the folder and return its file name (a PEP 517 hook)."""
    del config_settings
    (Path(sdist_directory) / sdist_name()).write_bytes(sdist_bytes())
    return sdist_name()
