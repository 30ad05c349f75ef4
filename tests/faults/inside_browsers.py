"""Runs inside a browser's worker: its own storage is full, or its handles' calls fail."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from test_modules import load

import sahpool
from sahpool.errors import StorageError, exception_name

BLOB = 40_000  # bytes of a row
NAMES = ("QuotaExceededError", "InvalidStateError", "NotFoundError", "UnknownError")
HOWS: dict[str, tuple[str | int, ...]] = {
    "write": (*NAMES, 0, -1, 4294967288),
    "read": (*NAMES, 0, -1),
    "truncate": NAMES,
    "flush": NAMES,
}
CODES = {
    "write": "SQLITE_IOERR_WRITE",
    "read": "SQLITE_IOERR_READ",
    "truncate": "SQLITE_IOERR_TRUNCATE",
    "flush": "SQLITE_IOERR_FSYNC",
}


async def installed(mode: str) -> sahpool.Pool:
    """A pool of that journal mode's own."""
    pragmas: dict[str, str | int] = {"journal_mode": mode, "cache_size": 5}
    return await sahpool.install(f"faults-{mode.lower()}", spare=4, pragmas=pragmas)


def count(connection: sqlite3.Connection) -> int:
    """Rows of the table; AssertionError when the database is not intact."""
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    number: int = connection.execute("SELECT count(*) FROM t").fetchone()[0]
    return number


def check_full(error: sqlite3.Error) -> None:
    """That SQLite said so, and why."""
    assert error.sqlite_errorname == "SQLITE_FULL", error.sqlite_errorname
    assert exception_name(error.__cause__ or error) == "QuotaExceededError", repr(error.__cause__)


def refused(connection: sqlite3.Connection, *statements: str) -> bool:
    """Whether the storage was too full for the statements; then their transaction is gone."""
    try:
        for statement in statements:
            connection.execute(statement)
    except sqlite3.OperationalError as error:
        check_full(error)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return True
    return False


async def fill(mode: str) -> int:
    """Fills the storage up, looks at what is left, makes room, fills it up again.

    Returns:
        How many rows have found room.
    """
    pool = await installed(mode)
    with closing(pool.connect("ballast.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t(a)")
        connection.execute("INSERT INTO t VALUES(zeroblob(1500000))")
    exported = pool.export_file("ballast.db")
    with closing(pool.connect("a.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t(a)")
        rows = 0
        while not refused(connection, f"INSERT INTO t VALUES(zeroblob({BLOB}))"):
            rows += 1
            assert rows < 1000, "the storage has no end"
        assert rows, "not one row found room"
        assert count(connection) == rows
        # A transaction that is larger than the cache and than what is left.
        many = [f"INSERT INTO t VALUES(zeroblob({BLOB}))"] * 60
        assert refused(connection, "BEGIN", *many)
        assert count(connection) == rows
        await refuse_imports(pool, exported)
        # What cannot be written any more can be taken out.
        await export_when_full(pool, rows)
        # What is there can be deleted, and then there is room: on the same connection.
        assert pool.unlink("ballast.db")
        assert not refused(connection, "INSERT INTO t VALUES(1)")
        rows += 1
        assert count(connection) == rows
    pool.pause_vfs()
    await pool.unpause_vfs()
    assert pool.databases == ["/a.db"], pool.databases
    with closing(pool.connect("a.db", isolation_level=None)) as connection:
        assert count(connection) == rows
        while not refused(connection, f"INSERT INTO t VALUES(zeroblob({BLOB}))"):
            rows += 1
    return rows


async def export_when_full(pool: sahpool.Pool, rows: int) -> None:
    """An export of the database that has filled the storage has every row."""
    async with pool.export_blob("a.db") as blob:
        whole = bytes((await blob.arrayBuffer()).to_py())
    assert whole == pool.export_file("a.db")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(whole)
        assert count(connection) == rows


async def refuse_imports(pool: sahpool.Pool, exported: bytes) -> None:
    """An import that does not fit changes nothing, one that replaces a database neither."""
    for name, replace in (("b.db", False), ("ballast.db", True)):
        for _ in range(3):
            before = pool.databases
            told: StorageError | None = None
            try:
                await pool.import_db(name, exported * 4, replace=replace)
            except StorageError as error:
                told = error
            assert told is not None, f"{name} of {4 * len(exported)} bytes was imported"
            assert told.sqlite_code == sqlite3.SQLITE_FULL, repr(told)
            assert "kept" in str(told), repr(told)
            assert pool.databases == before, pool.databases
    with closing(pool.connect("ballast.db", isolation_level=None)) as connection:
        assert count(connection) == 1


async def open_when_full(mode: str) -> int:
    """What a worker finds that starts while there is no room; how many rows."""
    pool = await installed(mode)
    with closing(pool.connect("a.db", isolation_level=None)) as connection:
        return count(connection)


async def at_quota() -> str:
    """See ``atQuota`` in handles.mjs."""
    return str(await (await load("tests/handles.mjs")).atQuota())


async def wipe(mode: str) -> None:
    """Removes the pool, full or not."""
    pool = await installed(mode)
    await pool.remove_vfs()


def faults(share: int) -> Iterator[tuple[str, str | int, bool]]:
    """Method, way to fail, sticky: every ``share``-th."""
    every = [
        (method, how, sticky)
        for method, hows in HOWS.items()
        for how in hows
        for sticky in (False, True)
    ]
    yield from every[::share]


async def fail(mode: str, share: int) -> dict[str, int]:
    """Makes each call of an UPDATE fail in turn, until one passes; counts."""
    handles = await load("tests/handles.mjs")
    pool = await installed(mode)
    tried = 0
    with closing(pool.connect("f.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t(a, b)")
        connection.execute("BEGIN")
        rows = [(number, "x" * 900) for number in range(40)]
        connection.executemany("INSERT INTO t VALUES(?, ?)", rows)
        connection.execute("COMMIT")
        total = sum(number for number, _ in rows)
        for method, how, sticky in faults(share):
            nth, failed = 0, 1
            while failed:
                nth += 1
                case: Any = (mode, method, how, sticky, nth)
                # The pages are to come from the storage, and the WAL into the database.
                connection.execute("PRAGMA shrink_memory")
                handles.failAt(method, nth, how, sticky)
                error = None
                try:
                    connection.execute("UPDATE t SET a = a + 1, b = upper(b)")
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                except sqlite3.OperationalError as caught:
                    error = caught
                failed = handles.heal()
                tried += bool(failed)
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if error is not None:
                    check_told(error, method, how, case)
                found = connection.execute("SELECT sum(a) FROM t").fetchone()[0]
                # An UPDATE has happened as a whole, or not at all; and it has when it said so.
                assert found in ({total, total + len(rows)} if error else {total + len(rows)}), case
                total = found
                assert count(connection) == len(rows), case
    pool.pause_vfs()
    await pool.unpause_vfs()
    with closing(pool.connect("f.db")) as connection:
        assert connection.execute("SELECT sum(a) FROM t").fetchone()[0] == total
    return {"faults": tried}


def check_told(error: sqlite3.Error, method: str, how: str | int, case: Any) -> None:
    """That the error has the code of what failed, and the browser's exception as its cause."""
    full = how == "QuotaExceededError" or (method == "write" and isinstance(how, int))
    right = {CODES[method]}
    if full and method != "read":
        right = {"SQLITE_FULL"}
    elif method in ("flush", "truncate", "write"):  # within xDelete, or an xOpen
        right |= {"SQLITE_IOERR_DELETE", "SQLITE_CANTOPEN"}
    assert error.sqlite_errorname in right, (case, error.sqlite_errorname)
    assert error.__cause__ is not None, case
    if isinstance(how, str):
        assert exception_name(error.__cause__) == how, (case, repr(error.__cause__))
