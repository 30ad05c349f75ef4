"""A journal or WAL in quarantine whose database is not: it is refused until that is settled."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import sahpool
from tests.harness.inside_prelude import expect, killed_copy, opened, put_aside, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_a_database_whose_wal_is_in_quarantine_waits_until_that_is_recovered_or_dropped(
    pool: Pool,
) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(500)])
        for number in range(2):
            await killed_copy(pool, f".{pool.name}-{number}")
    for number, rows in enumerate((500, 0)):
        killed = await sahpool.install(f"{pool.name}-{number}")
        wal = await put_aside(killed, "/a.db-wal")
        with opened(killed, "b.db") as con:
            con.execute("CREATE TABLE t(a)")
        with expect(sqlite3.OperationalError, "unable to open") as caught:
            opened(killed, "a.db")
        assert isinstance(caught.error.__cause__, sahpool.StorageError)
        assert wal.name in str(caught.error.__cause__)
        assert killed.databases == ["/a.db", "/b.db"]
        if rows:
            assert killed.recover(wal.name) == killed.size("a.db")
        else:
            killed.drop_quarantined(wal.name)
        assert killed.quarantined == []
        for _ in range(2):
            with opened(killed, "a.db") as con:
                assert value(con, "SELECT count(*) FROM t") == rows
                assert value(con, "PRAGMA integrity_check") == "ok"
            killed.pause_vfs()
            await killed.unpause_vfs()


@in_worker()
async def test_a_wal_in_quarantine_is_freed_when_its_database_has_all_of_it(
    pool: Pool,
) -> None:
    """As a crash may leave it that tears the header while SQLite deletes the WAL."""
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(500)])
        con.execute("PRAGMA wal_checkpoint(FULL)")
        await killed_copy(pool, f".{pool.name}-killed")
    killed = await sahpool.install(pool.name + "-killed")
    wal = await put_aside(killed, "/a.db-wal")
    assert wal.size > 500 * 500
    with opened(killed, "a.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 500
        con.execute("DELETE FROM t")
        assert killed.quarantined == []
    killed.pause_vfs()
    await killed.unpause_vfs()
    with opened(killed, "a.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 0
