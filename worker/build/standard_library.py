"""Makes the archive that the worker imports from, in files that it loads one by one.

For ``serve.py``, on the developer's machine; this module does not reach the browser.

To Python the archive is one zip file, at the path of Pyodide's own. Its bytes are those of several
files of the site, one behind the other; ``worker/archive.mjs`` puts them together:

- ``first-sources`` and ``own-sources``: the sources of the modules in ``first`` and ``own``. They
  are loaded when the lines of a traceback are wanted, and not before.
- ``rest``: the sources of all other modules of the standard library. Loaded after the start.
- ``first``: the modules of the standard library that the start imports, compiled.
- ``own``: ``sahpool`` and ``sahpool_console``, compiled, and the directory of the whole archive.

Which modules the start imports is found out by starting: ``bytecode.mjs`` runs the worker's service
in the Pyodide of the site, and that Pyodide compiles the modules, too. The .pyc files are not
checked against their sources when they are imported (PEP 552).

Nothing in the archive is compressed, for whoever sends a file compresses it better as a whole. Most
web hosts compress only some types of files, and WebAssembly is one of them. So each file is a
WebAssembly module, whose only section is one for data of any kind, and has a name with its digest:
files of two versions of the site cannot get into one archive.

Sources: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16; webassembly.github.io/spec/core,
"Binary Format", "Custom Section".
"""

from __future__ import annotations

import base64
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any, NamedTuple

from worker.build.node import Node
from worker.build.packing import ROOT, StepError, digest, own_sources, read, version_module
from worker.build.steps import WORK, run, say, unless_made, write_if_changed

__all__ = ["ASKED", "LATER", "START", "LibraryFile", "archive_files", "library_files", "listed"]

START, LATER = "start", "later"
"""When the worker loads a file: to start, or after the start; others when they are asked for."""

ASKED = ("first-sources-", "own-sources-")
"""What the names of the files begin with that are loaded when they are asked for."""

WASM = b"\0asm\1\0\0\0"
SECTION_NAME = b"\x03zip"
PREFIX = len(WASM) + 1 + 5 + len(SECTION_NAME)
"""How many bytes of a file come before those of the archive."""

EARLIEST = 0x21
"""The first of January 1980, the earliest date that a zip file can hold."""

VERSION = "sahpool_console/version.py"
"""Not compiled: it changes with every file of the site, and is one line."""


class LibraryFile(NamedTuple):
    """A file of the site, and when the worker loads it."""

    name: str
    data: bytes
    when: str


def archive_files(contents: Mapping[str, Mapping[str, bytes]]) -> dict[str, bytes]:
    """The files of an archive by their names, in their order.

    Args:
        contents: The entries of each file, by their paths in the archive.
    """
    made: dict[str, bytes] = {}
    position = entries = 0
    directory = b""
    for name, files in contents.items():
        body = bytearray()
        for path, data in files.items():
            # Version 2.0, names in UTF-8, stored, time and date, checksum, sizes, lengths.
            about = struct.pack(
                *("<HHHHHIIIHH", 20, 1 << 11, 0, 0, EARLIEST),
                *(zlib.crc32(data), len(data), len(data), len(path.encode()), 0),
            )
            place = position + PREFIX + len(body)
            directory += b"PK\1\2" + struct.pack("<H", 3 << 8 | 20) + about
            directory += struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, place) + path.encode()
            body += b"PK\3\4" + about + path.encode() + data
            entries += 1
        if name == list(contents)[-1]:
            place = position + PREFIX + len(body)
            end = struct.pack("<HHHHIIH", 0, 0, entries, entries, len(directory), place, 0)
            body += directory + b"PK\5\6" + end
        made[name] = WASM + b"\0" + _number(len(SECTION_NAME) + len(body)) + SECTION_NAME + body
        position += len(made[name])
    return made


def _number(value: int) -> bytes:
    """An unsigned LEB128 number of five bytes."""
    digits = [value >> shift & 0x7F for shift in range(0, 35, 7)]
    return bytes([digit | 0x80 for digit in digits[:-1]] + digits[-1:])


def library_files() -> list[LibraryFile]:
    """The files of the archive, in their order.

    Raises:
        StepError: The worker's own Python does not start.
    """
    own = own_sources()
    made = _bytecode(own)
    first = set(made["first"])
    code = {path: base64.b64decode(data) for path, data in made["code"].items()}
    sources = _pyodides_own()
    if not first <= set(sources):
        raise StepError("Python has imported modules that python_stdlib.zip does not have.")
    contents = {
        "first-sources": {path: sources[path] for path in sorted(first)},
        "own-sources": own,
        "rest": {path: data for path, data in sources.items() if path not in first},
        "first": {f"{path}c": code[f"{path}c"] for path in sorted(first)},
        "own": {**{f"{path}c": code[f"{path}c"] for path in own}, VERSION: version_module()},
    }
    when = {"rest": LATER, "first": START, "own": START}
    return [
        LibraryFile(f"{name}-{digest(data)[:16]}.wasm", data, when.get(name, "asked"))
        for name, data in archive_files(contents).items()
    ]


def listed(files: list[LibraryFile]) -> dict[str, Any]:
    """What parts.json says of the archive: its path, and its files."""
    archive = json.loads(read(WORK / "bytecode.json"))["archive"]
    table = [{"name": file.name, "size": len(file.data), "when": file.when} for file in files]
    return {"archive": archive, "files": table}


def _pyodides_own() -> dict[str, bytes]:
    """The files of Pyodide's archive of the standard library."""
    packed = read(ROOT / "node_modules" / "pyodide" / "python_stdlib.zip")
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        return {entry: archive.read(entry) for entry in archive.namelist() if entry[-1] != "/"}


def _bytecode(own: Mapping[str, bytes]) -> dict[str, Any]:
    """What bytecode.mjs writes."""
    folder = ROOT / "worker" / "build"
    out = WORK / "bytecode.json"
    sources = {**own, VERSION: b'SITE = ""\n'}
    told = json.dumps({path: source.decode() for path, source in sources.items()})

    def make() -> None:
        node = Node.find()
        say("Compiling the worker's Python (Pyodide) …")
        made = run(
            [node.command("node"), str(folder / "bytecode.mjs")],
            "Compiling the worker's Python",
            "What is wrong, and where, is below.",
            node.env,
            told,
        )
        write_if_changed(out, made.encode())

    used = (
        ROOT / "package-lock.json",
        ROOT / "worker" / "sahpool" / "sqlite" / "io.mjs",
        folder / "bytecode.mjs",
        folder / "inside_pyodide.py",
    )
    state = b"\0".join([*map(read, used), told.encode()])
    made: dict[str, Any] = json.loads(read(unless_made(out, state, make)))
    return made
