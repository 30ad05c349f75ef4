"""What the sources that run beside sahpool may use; its text is sent there ahead of them.

Runs on both sides, inside Pyodide and outside.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import sahpool
from sahpool.opfs_pool.recognise import existing
from tests.harness.inside_modules import second_copy

if TYPE_CHECKING:
    from sahpool import Pool


@contextlib.asynccontextmanager
async def held(directory: str, **options: Any) -> AsyncIterator[Pool]:
    """The pool of a directory, of which this worker lets go at the end of the block."""
    options = {"directory": directory, "lock_timeout": 20.0, "spare": 3, **options}
    pool = await sahpool.install(directory, **options)
    await pool.unpause_vfs()
    try:
        yield pool
    finally:
        pool.pause_vfs()


def typed(value: Any) -> list[str]:
    """A value as it travels: see lab.py."""
    if value is None:
        return ["n", ""]
    if isinstance(value, int):
        return ["i", str(value)]
    if isinstance(value, float):
        return ["f", struct.pack(">d", value).hex()]
    if isinstance(value, str):
        return ["t", value.encode().hex()]
    return ["b", bytes(value).hex()]


def untyped(pair: Sequence[str]) -> Any:
    """The value that ``typed`` wrote down."""
    kind, text = pair
    if kind == "i":
        return int(text)
    if kind == "f":
        return struct.unpack(">d", bytes.fromhex(text))[0]
    if kind == "t":
        return bytes.fromhex(text).decode()
    return bytes.fromhex(text) if kind == "b" else None


def contents(pool: Pool, paths: Sequence[str]) -> dict[str, Any]:
    """What the pool holds; ``Lab.read_theirs`` gives the same from another program."""
    found: dict[str, Any] = {"capacity": pool.capacity, "files": pool.file_names}
    assert pool.quarantined == [], pool.quarantined
    for path in paths:
        with contextlib.closing(pool.connect(path)) as con:
            assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)], path
            values = con.execute("SELECT value FROM v ORDER BY id").fetchall()
            sums = con.execute("SELECT count(*), sum(a), total(length(b)) FROM t").fetchone()
        found[path] = {
            "values": [typed(value) for (value,) in values],
            "sums": [typed(value) for value in sums],
        }
    return found


def write(
    pool: Pool,
    path: str,
    journal_mode: str,
    tables: Sequence[str],
    values: Sequence[Sequence[str]],
    fill: str,
) -> None:
    """A whole database."""
    with contextlib.closing(pool.connect(path, isolation_level=None)) as con:
        con.execute(f"PRAGMA journal_mode={journal_mode}")
        for sql in ("BEGIN", *tables):
            con.execute(sql)
        con.executemany("INSERT INTO v(value) VALUES(?)", [(untyped(each),) for each in values])
        con.execute(fill)
        con.execute("COMMIT")


async def slot_files(directory: str) -> AsyncIterator[tuple[str, int, bytes]]:
    """Name, time of the last change and content of each file below a directory."""
    folders = [("", await existing(directory))]
    while folders:
        prefix, folder = folders.pop()
        async for entry in folder.values():
            if entry.kind == "directory":
                folders.append((f"{prefix}{entry.name}/", entry))
            else:
                file = await entry.getFile()
                content = bytes((await file.arrayBuffer()).to_bytes())
                yield prefix + entry.name, file.lastModified, content


async def every_byte(directory: str) -> dict[str, list[Any]]:
    """Each file's time of the last change, size and digest."""
    return {
        name: [changed, len(content), hashlib.sha256(content).hexdigest()]
        async for name, changed, content in slot_files(directory)
    }


async def stale_copies(directory: str) -> list[str]:
    """Paths of slots whose second header copy says something else than the first."""
    found = []
    async for _, _, content in slot_files(directory):
        second = second_copy(content[:4096])
        if second is not None and second != content[:524]:
            found.append(content.split(b"\0", 1)[0].decode())
    return sorted(found)
