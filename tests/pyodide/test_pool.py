"""The pool as a whole: installing, pausing, what a killed worker leaves, failing storage."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

import sahpool
from tests.harness.inside_pools import hold_of, named_slots, slot_of, slots_of, spares_of
from tests.harness.inside_prelude import database, expect, killed_copy, opened, value
from tests.pyodide.in_worker import WITH_STACK_SWITCHING, in_worker

if TYPE_CHECKING:
    from sahpool import Pool

pytestmark = pytest.mark.real

#: Where the storage fails on demand.
ONLY_NODE = [pytest.param("node", marks=pytest.mark.node)]


@in_worker()
async def test_installing_twice_gives_the_same_pool(pool: Pool) -> None:
    assert await sahpool.install(pool.name) is pool
    one, two = await asyncio.gather(*[sahpool.install(pool.name + "-2") for _ in range(2)])
    assert one is two
    one.pause_vfs()
    await asyncio.gather(one.unpause_vfs(), one.unpause_vfs())
    assert not one.is_paused
    with expect(sahpool.UnsupportedError, "open already"):
        await sahpool.install("other", directory=pool.directory)


@in_worker()
async def test_two_pools_live_side_by_side(pool: Pool) -> None:
    other = await sahpool.install(pool.name + "-other")
    with opened(pool, "a.db") as one, opened(other, "a.db") as two:
        one.execute("CREATE TABLE t(a)")
        two.execute("CREATE TABLE u(a)")
        assert value(one, "SELECT name FROM sqlite_schema") == "t"
        assert value(two, "SELECT name FROM sqlite_schema") == "u"
    await other.remove_vfs()
    assert pool.file_names == ["/a.db"]


@in_worker()
async def test_a_paused_pool_lets_go_of_its_files_and_takes_them_again(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        with expect(sahpool.DatabaseInUseError, "/a.db"):
            pool.pause_vfs()
    pool.pause_vfs()
    with expect(sahpool.PoolClosedError):
        pool.connect("a.db")
    with expect(sqlite3.OperationalError, "unable to open database file") as caught:
        sqlite3.connect(f"file:/a.db?vfs={pool.name}", uri=True)
    assert isinstance(caught.error.__cause__, sahpool.PoolClosedError)
    other = await sahpool.install(pool.name + "-2", directory=pool.directory)
    assert other.file_names == ["/a.db"]
    hold_of(pool).timeout = 0.2
    with expect(sahpool.PoolLockedError):
        await pool.unpause_vfs()
    other.pause_vfs()
    await pool.unpause_vfs()
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 0


@in_worker()
async def test_capacity_grows_and_shrinks_and_files_stay(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    await pool.top_up()
    before = pool.capacity
    assert await pool.add_capacity(3) == before + 3
    assert await pool.reserve_minimum_capacity(before) == before + 3
    assert await pool.reduce_capacity(100) == before + 3 - 1
    assert (pool.capacity, pool.file_count) == (1, 1)
    assert await pool.reserve_minimum_capacity(5) == 5
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 0


@in_worker()
async def test_a_negative_number_of_slots_is_refused(pool: Pool) -> None:
    before = pool.capacity
    for change in (pool.add_capacity(-1), pool.reduce_capacity(-1)):
        with expect(ValueError, "-1"):
            await change
    assert await pool.reserve_minimum_capacity(-1) == before
    assert await pool.add_capacity(0) == before
    assert await pool.reduce_capacity(0) == 0


@in_worker(spare=16)
async def test_the_databases_of_a_pool_are_listed_without_their_companions(pool: Pool) -> None:
    longest = "/" + "x" * 509  # its WAL is kept under a hash
    names = ["/a.db", "/a.db-wal.db", "/b-journal/c.db", longest]
    with contextlib.ExitStack() as stack:
        for name in names:
            con = stack.enter_context(opened(pool, name))
            con.execute("CREATE TABLE t(a)")
        con = stack.enter_context(opened(pool, "/in DELETE mode.db"))
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a)")
        con.execute("BEGIN")
        con.execute("INSERT INTO t VALUES(1)")
        assert pool.databases == sorted([*names, "/in DELETE mode.db"])
        assert pool.file_count == 2 * len(pool.databases)
        con.execute("COMMIT")
    pool.pause_vfs()
    await pool.unpause_vfs()
    assert pool.databases == sorted([*names, "/in DELETE mode.db"])


@pytest.mark.parametrize("runtime", WITH_STACK_SWITCHING, indirect=True)
@in_worker(initial_capacity=3, spare=3)
async def test_spares_are_topped_up_by_whoever_connects_and_not_by_asking_for_a_uri(
    pool: Pool,
) -> None:
    from pyodide.ffi import can_run_sync, create_proxy

    def connecting() -> None:
        assert can_run_sync()
        pool.uri("a.db")
        assert slots_of(pool).spare_count == 0
        with opened(pool, "a.db") as con:
            con.execute("CREATE TABLE t(a)")

    await pool.reduce_capacity(100)
    await create_proxy(connecting).callPromising()
    await pool.reduce_capacity(100)
    await pool.add_capacity(2)
    with database(pool.uri("b.db")) as con:
        con.execute("CREATE TABLE t(a)")
        assert slots_of(pool).spare_count == 0
        task = spares_of(pool).task
        assert task is not None
        await task
        assert slots_of(pool).spare_count == 3


@in_worker()
async def test_a_removed_pool_is_gone_and_a_paused_one_can_be_removed(pool: Pool) -> None:
    other = await sahpool.install(pool.name + "-2")
    with opened(other, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    other.pause_vfs()
    thief = await sahpool.install(pool.name + "-3", directory=other.directory)
    hold_of(other).timeout = 0.2
    with expect(sahpool.PoolLockedError):
        await other.remove_vfs()
    assert thief.databases == ["/a.db"]
    thief.pause_vfs()
    assert await other.remove_vfs()
    assert not await other.remove_vfs()
    assert other.is_paused
    for use in (other.connect, other.uri, other.export_file, other.export_blob, other.unlink):
        with expect(sahpool.PoolClosedError, "removed"):
            use("a.db")
    with expect(sahpool.PoolClosedError, "removed"):
        await other.unpause_vfs()
    again = await sahpool.install(pool.name + "-2")
    assert again is not other
    assert again.file_names == []


@in_worker()
async def test_a_pause_while_slots_are_added_or_removed_leaves_nothing_held(pool: Pool) -> None:
    class Slow:
        """The pool's directory, on a slow disk."""

        def __init__(self, directory: Any) -> None:
            self.directory = directory

        async def removeEntry(self, name: str) -> None:  # noqa: N802
            await asyncio.sleep(0.05)
            await self.directory.removeEntry(name)

        async def getFileHandle(self, name: str, options: Any) -> Any:  # noqa: N802
            await asyncio.sleep(0.05)
            return await self.directory.getFileHandle(name, options)

    await pool.add_capacity(3)
    for change in (pool.reduce_capacity(3), pool.add_capacity(3)):
        hold_of(pool).opaque = Slow(hold_of(pool).opaque)
        changing = asyncio.ensure_future(change)
        await asyncio.sleep(0.06)
        pool.pause_vfs()
        await changing
        await pool.unpause_vfs()
        assert not pool.is_paused


@in_worker()
async def test_wiping_deletes_every_database_and_none_that_is_open(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        with expect(sahpool.DatabaseInUseError):
            await pool.wipe_files()
        assert value(con, "SELECT count(*) FROM t") == 0
    await pool.wipe_files()
    assert pool.file_names == []


@in_worker()
async def test_a_killed_worker_s_transaction_is_rolled_back_by_the_next(pool: Pool) -> None:
    """What a VFS does not do whose xCheckReservedLock always answers 1."""
    for mode in ("DELETE", "TRUNCATE", "PERSIST", "WAL"):
        name = f"{mode}.db"
        with opened(pool, name) as con:
            con.execute(f"PRAGMA journal_mode={mode}")
            con.execute("PRAGMA cache_size=5")
            con.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
            con.execute("BEGIN")
            con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "x" * 900) for n in range(2000)])
            con.execute("COMMIT")
            con.execute("BEGIN")
            con.execute("UPDATE t SET b = 'gone'")  # spills: pages of it reach the file
            await killed_copy(pool, f"killed-{mode}")
            con.execute("ROLLBACK")
        after = await sahpool.install(f"after-{mode}", directory=f"killed-{mode}")
        with opened(after, name) as con:
            assert value(con, "PRAGMA integrity_check") == "ok", mode
            assert value(con, "SELECT count(*) FROM t WHERE b <> 'gone'") == 2000, mode
        await after.remove_vfs()


@pytest.mark.parametrize("runtime", ONLY_NODE, indirect=True)
@in_worker()
async def test_every_failure_of_the_storage_has_its_own_code_and_its_cause(pool: Pool) -> None:
    """A fake is needed: a browser's storage does not fail on demand."""
    from pyodide.code import run_js

    breaking = run_js(
        "(handle, method, name) => { handle[method] = () => {"
        " throw new DOMException('on purpose', name); }; }"
    )
    lying = run_js("(handle, count) => { handle.write = () => count; }")
    mending = run_js(
        "(handle) => { for (const m of ['read', 'write', 'flush', 'truncate']) delete handle[m]; }"
    )
    cases = [
        ("write", "UnknownError", "SQLITE_IOERR_WRITE"),
        ("write", "QuotaExceededError", "SQLITE_FULL"),
        ("flush", "UnknownError", "SQLITE_IOERR_FSYNC"),
        ("flush", "InvalidStateError", "SQLITE_IOERR_FSYNC"),
        ("read", "NotFoundError", "SQLITE_IOERR_READ"),
        (0, "QuotaExceededError", "SQLITE_FULL"),
        (100, "QuotaExceededError", "SQLITE_FULL"),
        (4294967288, "QuotaExceededError", "SQLITE_FULL"),
    ]
    for mode in ("DELETE", "WAL"):
        with opened(pool, f"{mode}.db") as con:
            con.execute(f"PRAGMA journal_mode={mode}")
            con.execute("PRAGMA cache_size=5")
            con.execute("CREATE TABLE t(a, b)")
            con.execute("BEGIN")
            con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "x" * 900) for n in range(100)])
            con.execute("COMMIT")
            con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for method, kind, code in cases:
                handles = [slot.handle.raw for slot in named_slots(pool).values()]
                for handle in handles:
                    if isinstance(method, int):
                        lying(handle, method)
                    else:
                        breaking(handle, method, kind)
                with expect(sqlite3.OperationalError) as caught:
                    con.execute("UPDATE t SET b = upper(b), a = a + 1")
                for handle in handles:
                    mending(handle)
                if con.in_transaction:
                    con.execute("ROLLBACK")
                case = (mode, method, kind, caught.error)
                assert caught.error.sqlite_errorname == code, (case, caught.error.sqlite_errorname)
                assert caught.error.__cause__ is not None, case
                assert caught.error.__cause__.name == kind, (case, caught.error.__cause__)
                assert value(con, "SELECT sum(a) FROM t") == 4950, case
                assert value(con, "PRAGMA integrity_check") == "ok", case
            con.execute("UPDATE t SET a = a + 1")
            assert value(con, "SELECT sum(a) FROM t") == 5050
            with expect(sqlite3.OperationalError, "no such table") as caught:
                con.execute("SELECT * FROM none")
            assert caught.error.__cause__ is None


@in_worker()
async def test_a_slot_with_a_damaged_header_is_kept_and_listed(pool: Pool) -> None:
    import js

    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    slot = slot_of(pool, "/a.db")
    slot.handle.write(b"\xff" * 600, 0)
    damaged = slot.handle.read(1 << 20, 0)
    pool.pause_vfs()
    await pool.unpause_vfs()
    assert pool.file_names == []
    (kept,) = pool.quarantined
    assert kept.offered == "/a.db"
    assert kept.size == len(damaged) - 4096
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE u(a)")
    await pool.wipe_files()
    assert kept.handle.read(1 << 20, 0) == damaged
    assert not await pool.remove_vfs()
    root = await js.navigator.storage.getDirectory()
    await root.removeEntry(pool.directory, sahpool.browser.js_object(recursive=True))


@in_worker()
async def test_a_failed_start_gives_everything_back_and_deletes_nothing(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    pool.pause_vfs()
    folder = await sahpool.browser.directory(pool.directory + "/.opaque")
    files = [file async for file in folder.values()]
    held = await files[-1].createSyncAccessHandle()
    hold_of(pool).timeout = 0.5
    with expect(sahpool.PoolLockedError, "held by another tab") as caught:
        await pool.unpause_vfs()
    assert caught.error.hint
    for file in files[:-1]:
        (await file.createSyncAccessHandle()).close()
    held.close()
    await pool.unpause_vfs()
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 0


@in_worker()
async def test_a_start_waits_for_handles_that_are_let_go_late(pool: Pool) -> None:
    pool.pause_vfs()
    folder = await sahpool.browser.directory(pool.directory + "/.opaque")
    files = [file async for file in folder.values()]
    held = await files[0].createSyncAccessHandle()

    async def let_go() -> None:
        await asyncio.sleep(0.7)
        held.close()

    letting = asyncio.ensure_future(let_go())
    await pool.unpause_vfs()
    await letting
    assert not pool.is_paused


@pytest.mark.parametrize("runtime", ONLY_NODE, indirect=True)
@in_worker(initial_capacity=4, spare=2)
async def test_a_start_that_fails_at_any_call_gives_everything_back_and_deletes_nothing(
    pool: Pool,
) -> None:
    """The n-th handle is not made, the n-th size or header is not read, for every n."""
    import js

    opfs = js.memoryOpfs
    for name in ("a.db", "b.db"):
        with opened(pool, name) as con:
            con.execute("CREATE TABLE t(a)")
    pool.pause_vfs()
    folder = await sahpool.browser.directory(pool.directory + "/.opaque")
    files = sorted([file.name async for file in folder.values()])

    async def contents() -> dict[str, bytes]:
        """Every file; each is held by nobody, or no handle could be had."""
        found = {}
        for name in files:
            handle = await hold_of(pool).open(await folder.getFileHandle(name))
            found[name] = handle.read(handle.size(), 0)
            handle.close()
        return found

    before = await contents()
    hold_of(pool).timeout = 0.0  # no second attempt
    for how in ("NoModificationAllowedError", "InvalidStateError", "UnknownError"):
        for number in range(1, len(files) + 1):
            opfs.failAt("createSyncAccessHandle", number, how)
            locked = how != "UnknownError"
            with expect(sahpool.PoolLockedError if locked else Exception) as caught:
                await pool.unpause_vfs()
            assert locked or caught.error.name == how, caught.error
            assert pool.is_paused
            assert await contents() == before, (how, number)
            await asyncio.sleep(0)  # the Web Lock is let go of in the next turns of the loop
            assert (await js.navigator.locks.query()).held.length == 0, (how, number)
    hold_of(pool).timeout = 5.0
    for method in ("getSize", "read"):
        number, reached = 0, True
        while reached:
            number += 1
            for use in (False, True):
                start = int(getattr(opfs.calls, method))
                opfs.failAt(method, number, "UnknownError")
                await pool.unpause_vfs()
                reached = int(getattr(opfs.calls, method)) - start >= number
                opfs.heal()
                if use:  # what could not be read is read when it is needed
                    for name in ("a.db", "b.db"):
                        with opened(pool, name) as con:
                            assert value(con, "SELECT count(*) FROM t") == 0
                    assert pool.databases == ["/a.db", "/b.db"]
                    assert pool.quarantined == []
                pool.pause_vfs()
                assert use or await contents() == before, (method, number)
            before = await contents()
    await pool.unpause_vfs()
    assert pool.databases == ["/a.db", "/b.db"]


@pytest.mark.parametrize("runtime", ONLY_NODE, indirect=True)
@in_worker()
async def test_a_start_waits_well_past_two_seconds_and_gives_all_handles_back_between(
    pool: Pool,
) -> None:
    """Chromium holds those of a worker that was killed inside a statement for up to two seconds."""
    from pyodide.ffi import JsException

    pool.pause_vfs()
    folder = await sahpool.browser.directory(pool.directory + "/.opaque")
    files = [file async for file in folder.values()]
    held = [await file.createSyncAccessHandle() for file in files]
    starting = asyncio.ensure_future(pool.unpause_vfs())
    for handle in held[:-1]:  # freed one after the other, as Chromium does
        await asyncio.sleep(2.6 / len(held))
        handle.close()
        assert not starting.done()
    # An attempt gives back what it could take: soon enough somebody else gets it.
    for _ in range(50):
        try:
            (await files[0].createSyncAccessHandle()).close()
            break
        except JsException:  # in the middle of an attempt
            await asyncio.sleep(0.01)
    else:
        raise AssertionError("an attempt that failed keeps a handle")
    held[-1].close()
    await starting
    assert pool.capacity == len(files)


_HALF_DONE = """
import sahpool
pool = await sahpool.install("kill-{mode}", lock_timeout=20.0)
con = pool.connect("a.db", isolation_level=None)
con.execute("PRAGMA journal_mode={mode}")
con.execute("PRAGMA cache_size=5")
con.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
con.execute("BEGIN")
con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "x" * 900) for n in range(2000)])
con.execute("COMMIT")
con.execute("BEGIN")
con.execute("UPDATE t SET b = 'gone'")
sahpool.kept_for_the_kill = con  # or it would be closed with this source's globals
con.in_transaction
"""

_AFTERWARDS = """
import sahpool
pool = await sahpool.install("kill-{mode}", lock_timeout=20.0)
names = pool.file_names
con = pool.connect("a.db")
found = [
    names,
    con.execute("PRAGMA integrity_check").fetchone()[0],
    con.execute("SELECT count(*) FROM t WHERE b <> 'gone'").fetchone()[0],
]
con.close()
await pool.remove_vfs()
found
"""


@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "PERSIST", "WAL"])
def test_a_worker_killed_inside_a_transaction_loses_that_and_nothing_else(
    runtime: Any, mode: str
) -> None:
    assert runtime.run(_HALF_DONE.format(mode=mode))
    runtime.restart()
    companion = "/a.db-wal" if mode == "WAL" else "/a.db-journal"
    assert runtime.run(_AFTERWARDS.format(mode=mode)) == [["/a.db", companion], "ok", 2000]
