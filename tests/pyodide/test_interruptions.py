"""What comes at the wrong moment: a cancelled task, two calls at once, a storage that fails."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

import sahpool
from tests.harness.inside_pools import hold_of, set_wanted_spares, slots_of, spares_of
from tests.harness.inside_prelude import damage, expect, killed_copy, opened
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool

pytestmark = pytest.mark.real


@in_worker()
async def test_two_removals_at_once_keep_what_is_in_quarantine(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    await damage(pool, "/a.db")
    assert len(pool.quarantined) == 1
    calls = (pool.add_capacity(1), pool.remove_vfs(), pool.remove_vfs())
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert list(results[1:]) == [False, False], results
    again = await sahpool.install(pool.name, directory=pool.directory)
    assert len(again.quarantined) == 1


@in_worker()
async def test_a_removal_that_is_refused_deletes_nothing(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    data = pool.export_file("a.db")
    # A temporary file is open.
    con = sqlite3.connect(f"file:?vfs={pool.name}", uri=True, isolation_level=None)
    con.execute("PRAGMA cache_size=1")
    con.execute("CREATE TABLE t(a)")
    con.execute("INSERT INTO t VALUES(zeroblob(100000))")
    with expect(sahpool.DatabaseInUseError, "temporary file"):
        await pool.remove_vfs()
    con.close()
    # An import is under way.
    go_on = asyncio.Event()

    async def source() -> Any:
        yield data[:100]
        await go_on.wait()
        yield data[100:]

    task = asyncio.ensure_future(pool.import_db("b.db", source()))
    while not slots_of(pool).lent_count:
        await asyncio.sleep(0.01)
    with expect(sahpool.DatabaseInUseError, "under way"):
        await pool.remove_vfs()
    assert pool.databases == ["/a.db"]
    go_on.set()
    await task
    assert pool.databases == ["/a.db", "/b.db"]


@in_worker()
async def test_a_wal_whose_database_is_in_quarantine_is_kept_with_it(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [(n,) for n in range(100)])
        await killed_copy(pool, f".{pool.name}-killed")
    killed = await sahpool.install(pool.name + "-killed")
    await damage(killed, "/a.db")
    assert killed.file_names == []
    assert {kept.offered for kept in killed.quarantined} == {None, "/a.db-wal"}
    sizes = sorted(kept.size for kept in killed.quarantined)
    # A new one of that name would be ruined by that WAL at the next start.
    with expect(sahpool.StorageError, "in quarantine"):
        killed.connect("a.db")
    with expect(sqlite3.OperationalError, "unable to open"):
        sqlite3.connect(f"file:/a.db?vfs={killed.name}", uri=True)
    with expect(sahpool.StorageError, "in quarantine"):
        await killed.import_db("a.db", pool.export_file("a.db"))
    assert killed.file_names == []
    killed.pause_vfs()
    await killed.unpause_vfs()
    assert sorted(kept.size for kept in killed.quarantined) == sizes


@in_worker()
async def test_removing_a_pool_leaves_what_else_lies_in_its_directory(pool: Pool) -> None:
    inner = await sahpool.install(pool.name + "-in", directory=pool.directory + "/inner")
    with opened(inner, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    inner.pause_vfs()
    assert await pool.remove_vfs()
    await inner.unpause_vfs()
    assert inner.databases == ["/a.db"]
    assert await inner.remove_vfs()


@in_worker()
async def test_a_cancelled_task_keeps_no_handle(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    data = pool.export_file("a.db")
    for steps in range(24):
        await pool.reduce_capacity(3)
        call = pool.add_capacity(3) if steps % 2 else pool.import_db("b.db", data, replace=True)
        task = asyncio.ensure_future(call)
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.03)  # the browser may still be making one
        pool.pause_vfs()
        await pool.unpause_vfs()


@in_worker()
async def test_an_install_that_is_cancelled_lets_go_of_the_lock(pool: Pool) -> None:
    for steps in range(40):
        name = f"{pool.name}-{steps}"
        task = asyncio.ensure_future(sahpool.install(name, initial_capacity=0, spare=0))
        for _ in range(steps):
            await asyncio.sleep(0)
        await asyncio.sleep(0.0002 * (steps % 10))
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.03)
        again = result if isinstance(result, sahpool.Pool) else None
        if again is None:
            again = await sahpool.install(name, initial_capacity=0, spare=0, lock_timeout=1.0)
        await again.remove_vfs()


@in_worker()
async def test_a_stop_in_the_event_loop_as_a_pool_is_paused_keeps_no_lock(pool: Pool) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    loop: Any = asyncio.get_running_loop()
    loop.call_soon = stopped
    try:
        with contextlib.suppress(KeyboardInterrupt):
            pool.pause_vfs()
    finally:
        del loop.call_soon
    hold_of(pool).timeout = 1.0
    await pool.unpause_vfs()
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")


@in_worker()
async def test_slots_are_added_although_a_stop_lost_the_task_that_was_to_do_it(pool: Pool) -> None:
    loop: Any = asyncio.get_running_loop()
    await pool.reduce_capacity(3)
    loop.call_soon = lambda *_, **__: None  # forgets the call that begins the task
    try:
        spares_of(pool).plan()
    finally:
        del loop.call_soon
    await asyncio.sleep(1.1)
    with opened(pool, "a.db", wait=False):
        pass
    async with asyncio.timeout(10):
        while spares_of(pool).missing > 0:
            await asyncio.sleep(0.05)


@in_worker()
async def test_a_pool_that_is_paused_while_it_grows_says_so_or_stops_growing(pool: Pool) -> None:
    async def pause() -> None:
        await asyncio.sleep(0)
        pool.pause_vfs()

    calls = (pool.add_capacity(10), pool.add_capacity(10), pause())
    for result in await asyncio.gather(*calls, return_exceptions=True):
        assert result is None or isinstance(result, (int, sahpool.PoolClosedError)), result
    assert pool.is_paused
    await pool.unpause_vfs()


@in_worker(spare=1, initial_capacity=2)
async def test_a_pool_that_is_paused_while_it_starts_stays_paused(pool: Pool) -> None:
    pool.pause_vfs()
    set_wanted_spares(pool, 12)  # so that it is busy with them for a while

    async def pause() -> None:
        while pool.is_paused:
            await asyncio.sleep(0)
        pool.pause_vfs()

    await asyncio.gather(pool.unpause_vfs(), pause())
    assert pool.is_paused
    with expect(sqlite3.OperationalError, "unable to open database file") as caught:
        sqlite3.connect(f"file:/a.db?vfs={pool.name}", uri=True)
    assert isinstance(caught.error.__cause__, sahpool.PoolClosedError)
    await pool.unpause_vfs()


@in_worker()
async def test_an_export_of_what_was_deleted_meanwhile_does_not_bring_it_back(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    chunks = pool.export_chunks("a.db")
    pool.unlink("a.db")
    with expect(sqlite3.OperationalError):
        next(chunks)
    assert pool.file_names == []


@in_worker()
async def test_a_source_may_use_its_buffer_again(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(zeroblob(20000))")
    data = pool.export_file("a.db")

    def source() -> Any:
        buffer = bytearray()
        for at in range(0, len(data), 4096):
            buffer += data[at : at + 4096]
            yield buffer
            buffer.clear()

    await pool.import_db("b.db", source())
    assert pool.export_file("b.db") == data


@pytest.mark.parametrize("runtime", ["node"], indirect=True)
@in_worker()
async def test_a_start_that_fails_while_it_loads_gives_every_handle_back(pool: Pool) -> None:
    import js

    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    # A worker was killed just when it had made a file: it is empty.
    await hold_of(pool).opaque.getFileHandle("0000", sahpool.browser.js_object(create=True))
    pool.pause_vfs()
    js.memoryOpfs.failNext("truncate", "QuotaExceededError")
    with expect(Exception, "told to fail"):
        await pool.unpause_vfs()
    await pool.unpause_vfs()
    assert pool.databases == ["/a.db"]


@pytest.mark.parametrize("runtime", ["node"], indirect=True)
@in_worker()
async def test_a_storage_that_fails_in_the_swap_leaves_the_old_database_with_its_journal(
    pool: Pool,
) -> None:
    import js

    from sahpool.databases import transfer

    with opened(pool, "a.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(200)])
        data = pool.export_file("a.db")
        con.execute("PRAGMA cache_size=2")
        con.execute("BEGIN")
        con.execute("UPDATE t SET a = 'y' || a")
        await killed_copy(pool, f".{pool.name}-killed")
    killed = await sahpool.install(pool.name + "-killed")
    settle = transfer.settle

    def failing(*arguments: Any) -> None:
        js.memoryOpfs.failNext("read", "UnknownError")
        js.memoryOpfs.failNext("flush", "UnknownError")
        settle(*arguments)

    transfer.settle = failing  # type: ignore[assignment]
    try:
        with expect(sqlite3.OperationalError):
            await killed.import_db("a.db", data, replace=True)
    finally:
        transfer.settle = settle
    with opened(killed, "a.db") as con:
        rows = con.execute("SELECT substr(a, 1, 1), count(*) FROM t GROUP BY 1").fetchall()
        assert rows == [("x", 200)], rows
