"""Where plain names lead: to the pool that was chosen, or nowhere; never elsewhere in silence."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import sqlite3
from typing import TYPE_CHECKING, Any

import sahpool
from tests.harness.inside_pools import hold_of, vfs_of
from tests.harness.inside_prelude import database, expect, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker(default=True)
async def test_plain_names_lead_nowhere_while_the_default_pool_is_paused(pool: Pool) -> None:
    with database("n.db") as con:
        con.execute("CREATE TABLE t(a)")
    pool.pause_vfs()
    for uri in ("n.db", "file:n.db", "new.db", "/n.db", f"file:n.db?vfs={pool.name}"):
        with expect(sqlite3.OperationalError, "unable to open database file") as caught:
            sqlite3.connect(uri, uri=True)
        cause = caught.error.__cause__
        assert isinstance(cause, sahpool.PoolClosedError), (uri, cause)
        assert pool.name in str(cause)
        assert "unpause_vfs" in cause.hint
    with expect(sahpool.PoolClosedError, "paused"):
        await pool.check()
    assert not pathlib.Path("n.db").exists()
    await pool.unpause_vfs()
    with database("n.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 0
    assert pool.databases == ["/n.db"]


@in_worker(default=True)
async def test_what_has_no_name_works_while_the_default_pool_is_away(pool: Pool) -> None:
    """Temporary files are the default VFS's business, also of databases that are elsewhere."""

    def work(con: sqlite3.Connection) -> None:
        con.execute("PRAGMA temp_store=FILE")
        con.execute("CREATE TEMP TABLE IF NOT EXISTS u(a)")
        con.execute("PRAGMA temp.cache_size=5")
        con.executemany("INSERT INTO u VALUES(?)", [("x" * 1000,) for _ in range(1000)])
        con.execute("CREATE TABLE IF NOT EXISTS t(a)")
        con.execute("PRAGMA cache_size=5")
        con.execute("INSERT INTO t SELECT a FROM u ORDER BY a DESC")
        con.execute("VACUUM")
        assert value(con, "SELECT sum(length(a)) % 1000000 FROM u") == 0

    places = (":memory:", "", f"file:/tmp/{pool.name}.db?vfs=unix", "file:/m?mode=memory")
    with database(":memory:") as before:
        pool.pause_vfs()
        for place in places:
            with database(place) as con:
                work(con)
        work(before)
        assert "" in vfs_of(pool).open_paths
        with expect(sqlite3.OperationalError) as caught:
            before.execute("ATTACH 'n.db' AS n")
        assert isinstance(caught.error.__cause__, sahpool.PoolClosedError)
        await pool.unpause_vfs()
        work(before)  # what it had open is there as before
    with database(":memory:") as before:
        await pool.remove_vfs()
        for place in places:
            with database(place) as con:
                work(con)
        work(before)
        sahpool.set_default(None)
        before.execute("DROP TABLE temp.u")
        work(before)  # it keeps the VFS that it was opened with
    pathlib.Path(f"/tmp/{pool.name}.db").unlink()


@in_worker(default=True)
async def test_a_default_pool_that_is_not_had_back_is_told_with_the_reason(pool: Pool) -> None:
    with database("n.db") as con:
        con.execute("CREATE TABLE t(a)")
    pool.pause_vfs()
    other = await sahpool.install(pool.name + "-2", directory=pool.directory)
    hold_of(pool).timeout = 0.2

    async def meanwhile() -> list[Any]:
        causes: list[Any] = []
        while not unpausing.done():
            with contextlib.suppress(sqlite3.OperationalError), database("n.db"):
                causes.append("opened")
            await asyncio.sleep(0.02)
        return causes

    unpausing = asyncio.ensure_future(pool.unpause_vfs())
    assert await meanwhile() == []
    assert isinstance(unpausing.exception(), sahpool.PoolLockedError)
    for uri in ("n.db", f"file:n.db?vfs={pool.name}"):
        with expect(sqlite3.OperationalError) as caught:
            sqlite3.connect(uri, uri=True)
        assert isinstance(caught.error.__cause__, sahpool.PoolClosedError)
        assert "held by another tab or worker" in str(caught.error.__cause__)
    with expect(sahpool.PoolClosedError, "held by another tab or worker"):
        pool.connect("n.db")
    # The pool that has the files did not become the default by that, and does not by a removal.
    other.pause_vfs()
    await pool.unpause_vfs()
    pool.pause_vfs()
    with expect(sqlite3.OperationalError) as caught:
        sqlite3.connect("n.db")
    assert "was not had back" not in str(caught.error.__cause__)
    await pool.unpause_vfs()
    with database("n.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 0


@in_worker(default=True)
async def test_plain_names_lead_nowhere_after_the_default_pool_is_removed(pool: Pool) -> None:
    name = pool.name
    kept = await sahpool.install(name + "-kept")
    await pool.remove_vfs()

    def refused() -> None:
        with expect(sqlite3.OperationalError, "unable to open database file") as caught:
            sqlite3.connect("n.db")
        cause = caught.error.__cause__
        assert isinstance(cause, sahpool.PoolClosedError)
        assert name in str(cause)
        assert "set_default(None)" in cause.hint
        assert not pathlib.Path("n.db").exists()

    refused()
    with expect(sqlite3.OperationalError, "no such vfs"):
        sqlite3.connect(f"file:n.db?vfs={name}", uri=True)
    again = await sahpool.install(name)  # its name is free; no word of a default
    refused()
    with opened(again, "n.db") as con:
        con.execute("CREATE TABLE t(again)")
    refused()
    sahpool.set_default(kept)
    with database("n.db") as con:
        con.execute("CREATE TABLE t(kept)")
    assert kept.databases == ["/n.db"]
    sahpool.set_default(again)
    with database("n.db") as con:
        assert value(con, "SELECT name FROM pragma_table_info('t')") == "again"
    await again.remove_vfs()
    refused()
    third = await sahpool.install(name, default=True)
    with database("third.db") as con:
        con.execute("CREATE TABLE t(a)")
    assert third.databases == ["/third.db"]
    await third.remove_vfs()
    with expect(sahpool.PoolClosedError, "removed"):
        sahpool.set_default(third)
    refused()
    sahpool.set_default(None)
    with database(f"/tmp/{name}-plain.db") as con:
        con.execute("CREATE TABLE t(a)")
    assert pathlib.Path(f"/tmp/{name}-plain.db").exists()
    pathlib.Path(f"/tmp/{name}-plain.db").unlink()


@in_worker(default=True)
async def test_of_two_default_pools_the_later_one_has_the_plain_names(pool: Pool) -> None:
    second = await sahpool.install(pool.name + "-2", default=True)
    with database("n.db") as con:
        con.execute("CREATE TABLE t(a)")
    assert (pool.databases, second.databases) == ([], ["/n.db"])
    # Neither a pause of the first nor its coming back changes that, nor its end.
    pool.pause_vfs()
    await pool.unpause_vfs()
    with database("n.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 0
    second.pause_vfs()
    with expect(sqlite3.OperationalError) as caught:
        sqlite3.connect("n.db")
    assert second.name in str(caught.error.__cause__)
    assert pool.databases == []
    await second.unpause_vfs()
    await second.remove_vfs()
    with expect(sqlite3.OperationalError) as caught:
        sqlite3.connect("n.db")
    assert isinstance(caught.error.__cause__, sahpool.PoolClosedError)
    sahpool.set_default(pool)
    with database("n.db") as con:
        con.execute("CREATE TABLE t(a)")
    assert pool.databases == ["/n.db"]
    third = await sahpool.install(pool.name + "-3", default=True)
    await pool.remove_vfs()
    with database("n.db") as con:
        con.execute("CREATE TABLE t(a)")
    assert third.databases == ["/n.db"]


@in_worker()
async def test_an_install_that_fails_changes_nothing_about_plain_names(pool: Pool) -> None:
    plain = f"/tmp/{pool.name}-plain.db"
    with expect(sahpool.UnsupportedError, "open already"):
        await sahpool.install(pool.name + "-2", directory=pool.directory, default=True)
    for _ in range(2):
        with database(plain) as con:
            con.execute("CREATE TABLE IF NOT EXISTS t(a)")
        assert pathlib.Path(plain).exists()
        pathlib.Path(plain).unlink()
        sahpool.set_default(None)  # nothing to put back
    with expect(TypeError, "takes a pool or None"):
        sahpool.set_default(pool.name)  # type: ignore[arg-type]
    assert pool.databases == []
