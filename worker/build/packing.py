"""Packs the site's Python: the wheel of ``sahpool``, the service's archive, the page's modules.

For ``serve.py``, on the developer's machine; this module does not reach the browser.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from worker.build import catalogue

__all__ = [
    "ROOT",
    "StepError",
    "build_wheel",
    "digest",
    "json_bytes",
    "messages",
    "metadata",
    "own_sources",
    "page_modules",
    "parts_list",
    "project",
    "pyproject",
    "read",
    "requirements",
    "romfs_bytes",
    "service_bytes",
    "version_module",
    "wheel_bytes",
    "wheel_name",
]

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the repository."""


class StepError(Exception):
    """A step of the build failed; the message is for the person at the terminal."""


def digest(data: bytes) -> str:
    """SHA-256 of ``data`` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read(path: Path) -> bytes:
    """The bytes of a file of this repository; raises StepError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StepError(f"{path.name} cannot be read ({error}). Is the clone complete?") from error


def json_bytes(value: object) -> bytes:
    """``value`` as readable JSON."""
    return (json.dumps(value, indent=1) + "\n").encode()


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of ``files`` in their order: the same bytes for the same contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files.items():
            # The earliest date that a zip can hold, so that the bytes do not depend on the clock.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def sources(folder: Path, suffixes: Iterable[str]) -> dict[str, bytes]:
    """The source files below ``folder``, by their path relative to its parent, sorted."""
    wanted = set(suffixes)
    return {
        path.relative_to(folder.parent).as_posix(): read(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in wanted and "__pycache__" not in path.parts
    }


def pyproject() -> dict[str, Any]:
    """The tables of pyproject.toml."""
    return tomllib.loads(read(ROOT / "pyproject.toml").decode())


def project() -> dict[str, Any]:
    """The ``[project]`` table of pyproject.toml."""
    return dict(pyproject()["project"])


def requirements(group: str) -> list[str]:
    """The requirements of a dependency group of pyproject.toml."""
    return [str(requirement) for requirement in pyproject()["dependency-groups"][group]]


def wheel_name() -> str:
    """The wheel's file name, ``sahpool-VERSION-py3-none-any.whl``."""
    table = project()
    return f"{table['name']}-{table['version']}-py3-none-any.whl"


def metadata(table: Mapping[str, Any]) -> bytes:
    """METADATA and PKG-INFO, core metadata 2.4, from the ``[project]`` table.

    Source: https://packaging.python.org/en/latest/specifications/core-metadata/
    """
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {table['name']}",
        f"Version: {table['version']}",
        f"Summary: {table['description']}",
        f"Keywords: {','.join(table['keywords'])}",
        *(f"Author: {author['name']}" for author in table["authors"]),
        f"License-Expression: {table['license']}",
        *(f"License-File: {name}" for name in table["license-files"]),
        *(f"Classifier: {name}" for name in table["classifiers"]),
        f"Requires-Python: {table['requires-python']}",
        "Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM",
        "",
        description(read(ROOT / table["readme"]).decode()),
    ]
    return "\n".join(lines).encode()


def description(readme: str) -> str:
    """The README for a package index: without links to files, which the index does not have."""
    alone = re.sub(r"^!\[[^\]]*\]\((?!https?:)[^)]*\)\n\n", "", readme, flags=re.MULTILINE)
    return re.sub(r"!?\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", alone)


def wheel_bytes() -> bytes:
    """The wheel of worker/sahpool: the same bytes for the same sources."""
    table = project()
    info = f"{table['name']}-{table['version']}.dist-info"
    files = sources(ROOT / "worker" / "sahpool", (".py", ".mjs", ".typed", ""))
    for name in table["license-files"]:
        files[f"{info}/licenses/{name}"] = read(ROOT / name)
    files[f"{info}/METADATA"] = metadata(table)
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: sahpool (serve.py)\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = ""
    for name, data in files.items():
        hashed = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={hashed},{len(data)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    return zip_bytes(files)


def build_wheel(
    wheel_directory: str, config_settings: object = None, metadata_directory: object = None
) -> str:
    """Write the wheel into ``wheel_directory`` and return its file name (a PEP 517 hook)."""
    del config_settings, metadata_directory
    name = wheel_name()
    (Path(wheel_directory) / name).write_bytes(wheel_bytes())
    return name


def version_module() -> bytes:
    """version.py for the page and for the worker: a digest of all of the site's own sources.

    By comparing the two the page notices a worker from another version of the site.
    """
    ours = b""
    for folder in ("app", "public", "worker"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                ours += path.relative_to(ROOT).as_posix().encode() + b"\0" + read(path) + b"\0"
    return f'SITE = "{digest(ours)[:16]}"\n'.encode()


def own_sources() -> dict[str, bytes]:
    """The sources of all that the worker imports besides the standard library, by their paths."""
    return {
        path: source
        for name in ("sahpool", "sahpool_console")
        for path, source in sources(ROOT / "worker" / name, (".py",)).items()
    }


def service_bytes() -> bytes:
    """An archive of ``sahpool_console``, for tests of it in a Pyodide without the site's page."""
    files = sources(ROOT / "worker" / "sahpool_console", (".py",))
    files["sahpool_console/version.py"] = version_module()
    return zip_bytes(files)


TYPES_ONLY = re.compile(rb"^MYPY = False.*\n+if MYPY:\n(?:(?: {4}.*)?\n)+(?=\S)", re.MULTILINE)
"""The block of imports that a module of the page has for mypy alone, and that does nothing when it
runs."""


def page_modules() -> dict[str, bytes]:
    """The page's Python by its path, without app/main.py and app/unpacking.py, which load it."""
    app = ROOT / "app"
    files = {
        path.relative_to(app).as_posix(): TYPES_ONLY.sub(
            lambda block: b"\n" * block[0].count(b"\n"), read(path)
        )
        for path in sorted(app.rglob("*.py"))
        if path.name not in ("main.py", "unpacking.py")
    }
    files["messages/en.py"] = catalogue.messages_module(messages())
    for name in ("__init__.py", "protocol.py"):
        path = f"sahpool_console/{name}"
        files[path] = read(ROOT / "worker" / path)
    files["sahpool_console/version.py"] = version_module()
    return files


def messages() -> dict[str, catalogue.Message]:
    """The texts of app/messages/en.toml by their keys."""
    path = ROOT / "app" / "messages" / "en.toml"
    try:
        return catalogue.messages(read(path).decode())
    except catalogue.CatalogueError as error:
        raise StepError(f"app/messages/{path.name}: {error}") from error


# The kinds of records in a ROMFS image; the magic number is one, too (MicroPython's
# extmod/vfs_rom.c).
ROMFS, DATA, FOLDER, FILE = 0x14A6B1, 2, 4, 5


def romfs_bytes(files: Mapping[str, bytes]) -> bytes:
    """An image of ``files``, given by their paths, that MicroPython mounts as a file system.

    MicroPython runs compiled modules out of it without copying them.

    Source: docs.micropython.org, "Romfs"; extmod/vfs_rom.c has the format.
    """
    tree: dict[str, Any] = {}
    for path, data in files.items():
        *folders, name = path.split("/")
        inner = tree
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[name] = data
    return romfs_record(ROMFS, romfs_entries(tree))


def romfs_entries(tree: Mapping[str, Any]) -> bytes:
    """The records of the files and folders in one folder."""
    image = b""
    for name, entry in tree.items():
        named = romfs_number(len(name.encode())) + name.encode()
        if isinstance(entry, bytes):
            image += romfs_record(FILE, named + romfs_record(DATA, entry))
        else:
            image += romfs_record(FOLDER, named + romfs_entries(entry))
    return image


def romfs_record(kind: int, content: bytes) -> bytes:
    """One record: its kind, its length, its content."""
    return romfs_number(kind) + romfs_number(len(content)) + content


def romfs_number(number: int) -> bytes:
    """A number of a ROMFS image: seven bits in each byte, the highest first.

    All bytes but the last have the eighth bit set.
    """
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def parts_list(
    pyodide: bytes, libraries: Mapping[str, str], python: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of parts.json: what the worker's start needs to know before it begins.

    Args:
        pyodide: The site's pyodide.asm.mjs.
        libraries: The files of wheels that are loaded later, by the names of their packages.
        python: The archive that Python imports from (``standard_library.listed``).

    Returns:
        ``version`` stands for everything that a snapshot of the memory depends on (snapshot.mjs).
        ``lock`` is what Pyodide needs of its lock file: no package of that is loaded here.
    """
    used = [ROOT / "worker" / name for name in ("boot.mjs", "snapshot.mjs", "archive.mjs")]
    used.append(ROOT / "node_modules" / "pyodide" / "package.json")
    names = json_bytes(python)  # with their digests
    lock = json.loads(read(ROOT / "node_modules" / "pyodide" / "pyodide-lock.json"))
    return {
        "wheel": f"../{wheel_name()}",
        "version": digest(b"\0".join([*map(read, used), pyodide, names])),
        "libraries": dict(libraries),
        "python": dict(python),
        "lock": {"info": lock["info"], "packages": {}},
    }
