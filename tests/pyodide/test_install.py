"""install(): its options, what it refuses and in which words, several workers, several pools."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

import sahpool
from tests.harness.inside_pools import hold_of
from tests.harness.inside_prelude import database, expect, opened, value
from tests.matrix import PARAMS
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool

pytestmark = pytest.mark.real


@in_worker()
async def test_an_argument_that_makes_no_sense_is_told_before_anything_is_touched(
    pool: Pool,
) -> None:
    import js

    root = await js.navigator.storage.getDirectory()
    before = sorted([entry.name async for entry in root.values()])
    for kind, text, options in (
        (TypeError, "the name of a pool is a string", {"name": 5}),
        (ValueError, "cannot be the name of a pool", {"name": ""}),
        (ValueError, "cannot be the name of a pool", {"name": "a//b"}),
        (ValueError, "cannot be the name of a pool", {"name": "a\\b"}),
        (ValueError, "cannot be the name of a pool", {"name": "a\0b"}),
        (ValueError, "cannot be the name of a pool", {"name": "."}),
        (ValueError, "cannot be the name of a pool", {"name": "/a"}),
        (ValueError, "cannot be the name of a pool", {"name": "a/../b"}),
        (ValueError, "cannot be the name of a pool", {"name": "\ud800"}),
        (ValueError, "SQLite has a VFS 'unix' of its own", {"name": "unix"}),
        (TypeError, "directory must be a path", {"directory": 5}),
        (ValueError, "is no directory for a pool", {"directory": ""}),
        (ValueError, "is no directory for a pool", {"directory": "/"}),
        (ValueError, "is no directory for a pool", {"directory": "a/../b"}),
        (ValueError, "is no directory for a pool", {"directory": "./a"}),
        (ValueError, "is no directory for a pool", {"directory": "a\\b"}),
        (ValueError, "is no directory for a pool", {"directory": "a\0"}),
        (TypeError, "initial_capacity must be a whole number", {"initial_capacity": "6"}),
        (TypeError, "initial_capacity must be a whole number", {"initial_capacity": 2.5}),
        (ValueError, "initial_capacity must be 0 or more", {"initial_capacity": -1}),
        (TypeError, "spare must be a whole number", {"spare": None}),
        (ValueError, "spare must be 0 or more", {"spare": -1}),
        (ValueError, "temp_memory_limit must be 0 or more", {"temp_memory_limit": -1}),
        (TypeError, "lock_timeout must be a number of seconds", {"lock_timeout": "10"}),
        (ValueError, "lock_timeout must be a finite number", {"lock_timeout": -0.1}),
        (ValueError, "lock_timeout must be a finite number", {"lock_timeout": float("inf")}),
        (ValueError, "lock_timeout must be a finite number", {"lock_timeout": float("nan")}),
        (TypeError, "pragmas must map names to values", {"pragmas": None}),
        (ValueError, "no PRAGMA 'jornal_mode'", {"pragmas": {"jornal_mode": "WAL"}}),
        (TypeError, "a word or a whole number", {"pragmas": {"cache_size": None}}),
        (ValueError, "give it to each connection", {"pragmas": {"wal_autocheckpoint": 100}}),
        (ValueError, "one word or number", {"pragmas": {"cache_size": "1; DROP TABLE t"}}),
        (ValueError, "not a verbosity from 0 to 3", {"verbosity": 4}),
        (TypeError, "unexpected keyword argument", {"capacity": 6}),
    ):
        arguments: dict[str, Any] = {"name": "refused", **options}
        with expect(kind, text):
            await sahpool.install(**arguments)
    assert sorted([entry.name async for entry in root.values()]) == before
    with expect(ValueError, "count must be 0 or more"):
        await pool.add_capacity(-1)


@in_worker()
async def test_installing_again_gives_the_pool_as_it_is_whatever_the_options(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    await pool.top_up()
    capacity = pool.capacity
    again = await sahpool.install(
        pool.name,
        directory="elsewhere",
        initial_capacity=capacity + 50,
        spare=50,
        default=True,
        clear_on_init=True,
        pragmas={"journal_mode": "DELETE"},
    )
    assert again is pool
    assert (pool.directory, pool.capacity) == ("." + pool.name, capacity)
    assert pool.file_names == ["/a.db"]
    with opened(pool, "b.db") as con:
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA journal_mode") == "wal"
    with database("/tmp/plain.db") as con:
        con.execute("CREATE TABLE IF NOT EXISTS t(a)")
    assert not pool.exists("/tmp/plain.db")


@in_worker()
async def test_a_directory_is_one_however_it_is_written(pool: Pool) -> None:
    one = await sahpool.install(pool.name + "-1", directory="/some//where/")
    assert one.directory == "some/where"
    with expect(sahpool.UnsupportedError, "open already"):
        await sahpool.install(pool.name + "-2", directory="some/where")
    with opened(one, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    one.pause_vfs()
    two = await sahpool.install(pool.name + "-2", directory="some/where")
    assert two.file_names == ["/a.db"]
    two.pause_vfs()
    await one.remove_vfs()
    await two.unpause_vfs()


@in_worker()
async def test_clearing_on_init_deletes_the_databases_and_nothing_else(pool: Pool) -> None:
    first = await sahpool.install(pool.name + "-1", directory="cleared")
    with opened(first, "a.db") as con, opened(pool, "kept.db") as kept:
        con.execute("CREATE TABLE t(a)")
        kept.execute("CREATE TABLE t(a)")
    capacity = first.capacity
    first.pause_vfs()
    second = await sahpool.install(pool.name + "-2", directory="cleared", clear_on_init=True)
    assert second.file_names == []
    assert second.capacity >= capacity
    assert pool.file_names == ["/kept.db"]


@in_worker(initial_capacity=9, spare=2)
async def test_a_new_pool_has_its_initial_capacity_and_keeps_spare_slots(pool: Pool) -> None:
    assert pool.capacity == 9
    for number in range(9):
        with opened(pool, f"{number}.db") as con:
            con.execute("PRAGMA journal_mode=MEMORY")
            con.execute("CREATE TABLE t(a)")
        await pool.top_up()
    assert pool.capacity == 11
    empty = await sahpool.install(pool.name + "-empty", initial_capacity=0, spare=0)
    assert empty.capacity == 0


@in_worker()
async def test_a_pool_that_is_free_is_had_without_waiting_at_all(pool: Pool) -> None:
    one = await sahpool.install(pool.name + "-1", directory="once", lock_timeout=0)
    one.pause_vfs()
    await asyncio.sleep(0.1)  # a Web Lock is let go of in the next turns of the event loop
    two = await sahpool.install(pool.name + "-2", directory="once", lock_timeout=0)
    began = time.monotonic()
    with expect(sahpool.PoolLockedError, "held by another tab or worker"):
        await one.unpause_vfs()
    assert time.monotonic() - began < 1
    two.pause_vfs()
    await asyncio.sleep(0.1)
    await one.unpause_vfs()


@in_worker()
async def test_a_name_may_hold_what_has_a_meaning_in_a_uri(pool: Pool) -> None:
    odd = await sahpool.install("a?b&c=d#e %25 ü")
    with opened(odd, "x.db") as con:
        con.execute("CREATE TABLE t(a)")
    with database(odd.uri("x.db", mode="ro")) as con:
        assert value(con, "SELECT count(*) FROM t") == 0
    assert pool.file_names == []
    await odd.remove_vfs()


@in_worker()
async def test_five_pools_hold_a_database_of_the_same_name_each(pool: Pool) -> None:
    pools = await asyncio.gather(*[sahpool.install(f"{pool.name}-{n}") for n in range(5)])
    for number, each in enumerate(pools):
        with opened(each, "a.db") as con:
            con.execute("CREATE TABLE t(a)")
            con.execute("INSERT INTO t VALUES(?)", (number,))
    pools[2].pause_vfs()
    await pools[3].remove_vfs()
    for number in (0, 1, 4):
        with opened(pools[number], "a.db") as con:
            assert value(con, "SELECT a FROM t") == number
    await pools[2].unpause_vfs()
    with opened(pools[2], "a.db") as con:
        assert value(con, "SELECT a FROM t") == 2


@in_worker()
async def test_find_pools_names_what_is_missing_as_install_does(pool: Pool) -> None:
    """As on a page that is not secure, where browsers have none of these."""
    import js

    navigator = js.globalThis.navigator
    for owner, names in (
        (navigator.storage, ["getDirectory"]),
        (navigator, ["storage"]),
        (navigator, ["storage", "locks"]),
    ):
        taken = []
        for name in names:
            holder = owner
            while not js.Object.hasOwn(holder, name):
                holder = js.Object.getPrototypeOf(holder)
            taken.append((holder, name, js.Object.getOwnPropertyDescriptor(holder, name)))
            js.Reflect.deleteProperty(holder, name)
        try:
            for call in (sahpool.find_pools, lambda: sahpool.install("another")):
                with expect(sahpool.UnsupportedError, "private file system (OPFS)") as told:
                    await call()
                assert "https" in told.error.hint
        finally:
            for holder, name, descriptor in taken:
                js.Object.defineProperty(holder, name, descriptor)
    # Without the locks alone nobody can be told to hold a pool.
    holder = navigator
    while not js.Object.hasOwn(holder, "locks"):
        holder = js.Object.getPrototypeOf(holder)
    descriptor = js.Object.getOwnPropertyDescriptor(holder, "locks")
    js.Reflect.deleteProperty(holder, "locks")
    try:
        found = {each.directory: each.holder for each in await sahpool.find_pools()}
    finally:
        js.Object.defineProperty(holder, "locks", descriptor)
    assert found[pool.directory] is None


@in_worker()
async def test_what_is_missing_is_named_with_what_to_do(pool: Pool) -> None:
    """Everything install() needs is taken away in turn; each answer names it and gives a hint."""
    import js
    import pyodide_js

    scope = js.globalThis
    for owner, name, text, hint in (
        (scope.navigator.storage, "getDirectory", "private file system (OPFS)", "https"),
        (scope.FileSystemFileHandle.prototype, "createSyncAccessHandle", "synchronous", "worker"),
        (scope.navigator, "locks", "Web Locks", "https"),
        (pyodide_js._module, "addFunction", "does not offer _module.addFunction", "314.0.7"),
        (pyodide_js._module, "wasmTable", "does not offer _module.wasmTable", "314.0.7"),
    ):
        while not js.Object.hasOwn(owner, name):
            owner = js.Object.getPrototypeOf(owner)
        there = js.Object.getOwnPropertyDescriptor(owner, name)
        js.Reflect.deleteProperty(owner, name)
        try:
            with expect(sahpool.UnsupportedError, text) as caught:
                await sahpool.install("missing")
        finally:
            js.Object.defineProperty(owner, name, there)
        assert hint in caught.error.hint, (name, caught.error.hint)
    assert (await sahpool.install("missing")).capacity


_BROWSERS = PARAMS


@pytest.mark.parametrize("runtime", _BROWSERS, indirect=True)
@in_worker()
async def test_a_second_worker_is_told_in_time_and_gets_the_pool_when_the_first_lets_go(
    pool: Pool,
) -> None:
    """A real one, which this one starts; killed it lets go as well."""
    import js
    from pyodide.ffi import create_proxy

    second = """
import time, sahpool
began = time.monotonic()
try:
    pool = await sahpool.install(name, lock_timeout=timeout)
    await pool.unpause_vfs()
    con = pool.connect("a.db")
    found = con.execute("SELECT a FROM t").fetchall()
    con.close()
    if not keep:
        pool.pause_vfs()
except sahpool.PoolLockedError as error:
    found = [str(error), error.hint]
[found, time.monotonic() - began]
"""
    module = sahpool.browser.js_object(type="module")
    worker = js.Worker.new("/tests/worker.mjs", module)
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()
    take = create_proxy(lambda event: answer.set_result(event.data.to_py()))
    worker.onmessage = take

    async def install_there(timeout: float, *, keep: bool = False) -> Any:
        nonlocal answer
        answer = loop.create_future()
        values = json.dumps({"name": pool.name, "timeout": timeout, "keep": keep})
        code = json.dumps({"source": second, "values": values})
        worker.postMessage(sahpool.browser.js_object(id=1, code=code))
        reply = await answer
        assert reply["ok"], reply
        result = json.loads(reply["result"])
        assert "value" in result, result["traceback"]
        return result["value"]

    try:
        with opened(pool, "a.db") as con:
            con.execute("CREATE TABLE t(a)")
            con.execute("INSERT INTO t VALUES(7)")
        (message, hint), seconds = await install_there(0.5)
        assert "held by another tab or worker and was not released within 0.5 s" in message
        assert "Close the other tab" in hint
        assert 0.4 < seconds < 10

        waiting = asyncio.ensure_future(install_there(30.0))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        pool.pause_vfs()
        rows, seconds = await waiting
        assert rows == [[7]]
        assert seconds > 0.4

        await pool.unpause_vfs()  # the second has let go
        pool.pause_vfs()
        rows, _ = await install_there(30.0, keep=True)
        assert rows == [[7]]
        with expect(sahpool.PoolLockedError, "held by another"):
            hold_of(pool).timeout = 0.3
            await pool.unpause_vfs()
    finally:
        worker.terminate()
        take.destroy()
    hold_of(pool).timeout = 20.0
    await pool.unpause_vfs()
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT a FROM t") == 7


@in_worker()
async def test_a_pool_that_is_just_being_removed_is_handed_out_to_nobody(pool: Pool) -> None:
    name = pool.name + "-removed"
    for order in (1, -1):
        first = await sahpool.install(name)
        with opened(first, "a.db") as con:
            con.execute("CREATE TABLE t(a)")
        tasks = [
            asyncio.ensure_future(call)
            for call in [first.remove_vfs(), sahpool.install(name)][::order]
        ]
        removed, second = [await task for task in tasks][::order]
        assert removed is True
        assert isinstance(second, sahpool.Pool)
        if order == 1:
            assert second is not first
            with opened(second, "a.db") as con:
                con.execute("CREATE TABLE t(a)")
            assert await second.remove_vfs()
        else:  # it was there when it was asked for
            assert second is first


@in_worker()
async def test_a_pool_that_is_open_here_is_no_pool_to_copy_from(pool: Pool) -> None:
    """It is told at once, instead of after the time that another program would be given."""
    other = await sahpool.install(pool.name + "-other", directory="some/where")
    with opened(other, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    began = time.monotonic()
    for directory in (pool.directory, f"/{pool.directory}/", "some//where"):
        with expect(sahpool.PoolLockedError, "open here, as the pool"):
            await pool.import_pool(directory)
    assert time.monotonic() - began < 1
    other.pause_vfs()
    assert list(await pool.import_pool("some//where")) == ["/a.db"]
