"""Pools made by hand, after the sources of the programs; its text is sent ahead of a test's own."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sahpool
from tests.harness.inside_pools import slot_of

if TYPE_CHECKING:
    from sahpool import Pool

MAIN_DB, MAIN_JOURNAL, SUPER_JOURNAL, WAL = 0x106, 0x806, 0x4006, 0x80006
RUST_PERSISTENT = 0x100 | 0x800 | 0x4000 | 0x80000


async def handle_on(directory: str, name: str) -> Any:
    """An access handle on a file, which is made where it is missing."""
    import sahpool_io

    folder = await sahpool.browser.directory(directory)
    file = await folder.getFileHandle(name, sahpool.browser.js_object(create=True))
    return sahpool.browser.SyncHandle(await file.createSyncAccessHandle(), sahpool_io)


async def put(directory: str, name: str, header: bytes, content: bytes = b"") -> None:
    """A slot with a header; what the header leaves of it stays as it was."""
    handle = await handle_on(directory, name)
    handle.truncate(4096)
    handle.write(header, 0)
    if content:
        handle.write(content, 4096)
    handle.close()


def rust(path: str, flags: int = MAIN_DB) -> bytes:
    """What sqlite-wasm-rs writes into a slot: ``set_associated_filename`` in its sahpool.rs."""
    return path.encode().ljust(512, b"\0") + struct.pack(">I", flags if path else 0)


def rust_reads(sector: bytes) -> str | None:
    """Which file sqlite-wasm-rs takes a slot for: ``get_associated_filename`` in its sahpool.rs.

    None is a free slot; one that is not free already is emptied.
    """
    (flags,) = struct.unpack_from(">I", sector, 512)
    if sector[0] and (flags & 0x08 or not flags & RUST_PERSISTENT):
        return None
    name = sector[:512].partition(b"\0")[0]
    return name.decode() if name else None


def official(path: str, flags: int = MAIN_DB) -> bytes:
    """A header of the official package, 3.50 or newer."""
    return sahpool.opfs_pool.header.encode(path, flags, 0)[:524]


def image(text: str, *, journal_mode: str = "DELETE") -> bytes:
    """A database file with a table of 200 rows that say ``text``."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
        con.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        con.executemany("INSERT INTO t(b) VALUES(?)", [(text * 50,)] * 200)
        content = bytearray(con.serialize())
    if journal_mode == "WAL":
        content[18:20] = b"\2\2"
    return bytes(content)


def rows(pool: Pool, path: str) -> dict[str, int]:
    """How many rows say what, in a sound database."""
    with contextlib.closing(pool.connect(path)) as con:
        assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)], path
        found = con.execute("SELECT rtrim(substr(b, 1, 3)), count(*) FROM t GROUP BY 1").fetchall()
    return dict(found)


async def undone(pool: Pool) -> tuple[bytes, bytes]:
    """A database after a commit that changed ``old`` to ``new``, and the journal that undoes it.

    The journal of a PERSIST database keeps everything but its header, which is put back.
    """
    await pool.import_db("/undone.db", image("old"))
    with contextlib.closing(pool.connect("/undone.db", isolation_level=None)) as con:
        con.execute("PRAGMA journal_mode=PERSIST")
        con.execute("BEGIN")
        con.execute("UPDATE t SET b = replace(b, 'old', 'new')")
        slot = slot_of(pool, "/undone.db-journal")
        header = slot.handle.read(28, 4096)
        con.execute("COMMIT")
        journal = slot.handle.read(slot.handle.size(), 4096)
        assert any(header[12:])
        assert not any(journal[:28])
        # Magic, and the count of records that says: as many as the file holds. SQLite writes both
        # when it syncs, the rest at once.
        journal = bytes.fromhex("d9d505f920a163d7 ffffffff") + header[12:] + journal[28:]
        content = slot_of(pool, "/undone.db")
        database = content.handle.read(content.handle.size(), 4096)
    pool.unlink("/undone.db")
    return database, journal


def super_record(name: str) -> bytes:
    """How a journal with a super-journal ends: ``writeSuperJournal`` in pager.c."""
    raw = name.encode()
    signed: Sequence[int] = memoryview(raw).cast("b")
    tail = struct.pack(">II", len(raw), sum(signed) & 0xFFFFFFFF)
    return (
        struct.pack(">I", 0x40000000 // 4096 + 1) + raw + tail + bytes.fromhex("d9d505f920a163d7")
    )
