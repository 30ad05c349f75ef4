"""The source distribution: the whole repository, from which wheel, site and tests can be made."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from worker.packing import ROOT, metadata, project, read

__all__ = ["build_sdist", "sdist_bytes", "sdist_name"]

FILES = (
    ".gitattributes",
    ".gitignore",
    ".importlinter",
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
"""1980, as in the wheel: the clock must not be in the bytes."""


def sdist_name() -> str:
    """The source distribution's file name, ``sahpool-VERSION.tar.gz``."""
    return f"{_top()}.tar.gz"


def _top() -> str:
    table = project()
    return f"{table['name']}-{table['version']}"


def sources() -> list[Path]:
    """The files that it holds, without what Python leaves beside them."""
    found = [
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name[0] != "."
    ]
    return sorted([*(ROOT / name for name in FILES), *found])


def sdist_bytes() -> bytes:
    """The source distribution, the same bytes whenever its files are the same.

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
    """PEP 517's hook: write the source distribution into the folder, return its file name."""
    del config_settings
    (Path(sdist_directory) / sdist_name()).write_bytes(sdist_bytes())
    return sdist_name()
