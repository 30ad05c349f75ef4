"""Runs inside Pyodide in Node: single cases of a storage that is full or fails."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing

import js
from pyodide.ffi import JsException

import sahpool
from tests.faults.inside_sweep import digest
from tests.harness.inside_pools import spares_of
from tests.harness.inside_prelude import expect

opfs = js.memoryOpfs


async def full_to_the_last_byte(mode: str) -> None:
    """Fills a pool up, and starts it again with as many bytes as it has, and not one more."""
    opfs.clear()
    name = f"last-byte-{mode}"
    pragmas: dict[str, str | int] = {"journal_mode": mode}
    pool = await sahpool.install(name, spare=4, pragmas=pragmas)
    with closing(pool.connect("other.db")) as connection:
        connection.execute("CREATE TABLE t(a)")
    opfs.quota = opfs.used() + 300_000
    connection = pool.connect("a.db", isolation_level=None)
    connection.execute("CREATE TABLE t(a)")
    fill_up(connection)
    held = digest(connection)
    opfs.put("." + name + "-next", opfs.copy("." + name))  # the worker is killed
    opfs.quota = opfs.used()
    following = await sahpool.install(name + "-next", spare=8, pragmas=pragmas)
    with closing(following.connect("a.db")) as again:
        assert digest(again) == held
    exported = following.export_file("a.db")
    with closing(sqlite3.connect(":memory:")) as copy:
        copy.deserialize(exported)
        assert digest(copy) == held
    # What is to be created or brought in says that there is no room, and leaves nothing.
    for _ in range(3):
        before = following.file_names
        with expect(sahpool.StorageError, "full") as caught:
            await following.import_db("b.db", exported)
        assert caught.error.sqlite_code == sqlite3.SQLITE_FULL
        assert following.file_names == before
    # What is there can be deleted, and then there is room.
    room = opfs.used()
    assert following.unlink("a.db")
    assert opfs.used() < room - 200_000
    await following.import_db("b.db", following.export_file("other.db"))
    connection.close()
    opfs.quota = None
    await pool.remove_vfs()
    await following.remove_vfs()


def fill_up(connection: sqlite3.Connection) -> None:
    """Inserts rows until there is no room for another."""
    with expect(sqlite3.OperationalError, "full"):
        while True:
            connection.execute("INSERT INTO t VALUES(zeroblob(9000))")


async def grow_without_room() -> None:
    """Asks for slots in vain: connecting, importing and starting do so by themselves."""
    opfs.clear()
    pool = await sahpool.install("no-room", initial_capacity=6, spare=6)
    logging.getLogger("sahpool").setLevel(logging.CRITICAL)
    try:
        opfs.quota = opfs.used()
        files = opfs.files()
        with closing(pool.connect("a.db")):
            pass
        task = spares_of(pool).task
        assert task is not None
        await task
        for method in ("write", "createSyncAccessHandle"):
            for _ in range(3):
                opfs.failAt(method, 1, "UnknownError")
                with expect(JsException, "told to fail"):
                    await pool.add_capacity(1)
        pool.pause_vfs()
        await pool.unpause_vfs()
        assert opfs.files() == files, (opfs.files(), files)
    finally:
        opfs.quota = None
        logging.getLogger("sahpool").setLevel(logging.NOTSET)
    await pool.remove_vfs()


async def swallow() -> None:
    """A failure that SQLite says nothing of is not the cause of another one later."""
    opfs.clear()
    pool = await sahpool.install("swallow")
    logging.getLogger("sahpool").setLevel(logging.CRITICAL)
    with closing(pool.connect("a.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=1")
        connection.execute("CREATE TABLE t(a)")
        swallowed = 0
        for nth in range(1, 100):
            opfs.watch()
            opfs.failAt("write", nth, "QuotaExceededError")
            try:
                # The checkpoint after the commit fails in silence, the commit itself does not.
                connection.execute("INSERT INTO t VALUES(zeroblob(9000))")
            except sqlite3.OperationalError:
                continue
            if not opfs.failed.length:
                break
            swallowed += 1
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages}")
            with expect(sqlite3.OperationalError, "full") as caught:
                connection.execute("INSERT INTO t VALUES(zeroblob(9000))")
            assert caught.error.__cause__ is None, caught.error.__cause__
            connection.execute("PRAGMA max_page_count=100000")
        assert swallowed, "the checkpoint has not failed"
    opfs.heal()
    logging.getLogger("sahpool").setLevel(logging.NOTSET)
    await pool.remove_vfs()
