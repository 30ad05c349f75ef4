"""``pool.connect`` in one step: with ``wait=False`` no other task runs meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import sahpool
from tests.harness.inside_pools import slots_of, spares_of
from tests.harness.inside_prelude import expect, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool

pytestmark = pytest.mark.real


@in_worker(spare=4, initial_capacity=4)
async def test_a_connection_without_waiting_lets_nobody_in(pool: Pool) -> None:
    from pyodide.ffi import can_run_sync

    turns = 0

    async def others() -> None:
        nonlocal turns
        while turns >= 0:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(others())
    await asyncio.sleep(0)
    cons, before = [], turns
    for number in range(2):  # two slots each, and then none is free
        cons.append(pool.connect(f"{number}.db", wait=False))
        cons[-1].execute("CREATE TABLE t(a)")
    assert spares_of(pool).missing == 4
    with expect(sahpool.PoolFullError, "needs 2 free slots") as caught:
        pool.connect("2.db", wait=False)
    assert "add_capacity" in caught.error.hint
    assert turns == before
    assert pool.databases == ["/0.db", "/1.db"]
    if can_run_sync():
        cons.append(pool.connect("2.db"))  # adds slots, and lets others in for it
        assert turns > before
    turns = -1
    await task
    for con in cons:
        con.close()


@in_worker(spare=0, initial_capacity=4)
async def test_a_connection_needs_as_many_free_slots_as_its_database_takes(pool: Pool) -> None:
    with opened(pool, "wal.db") as con:
        con.execute("CREATE TABLE t(a)")
    with opened(pool, "delete.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a)")
    assert slots_of(pool).spare_count == 2
    for name in ("wal.db", "delete.db", "new.db"):
        with opened(pool, name, wait=False) as con:
            value(con, "SELECT count(*) FROM sqlite_schema")
    pool.unlink("new.db")
    one = slots_of(pool).lend("/\x01one")
    try:
        with expect(sahpool.PoolFullError, "/new.db needs 2 free slots"):
            pool.connect("new.db", wait=False)
        with opened(pool, "wal.db", wait=False) as con:
            assert value(con, "SELECT count(*) FROM t") == 0
            # Its WAL is there now: another connection takes no slot, though none is free.
            assert slots_of(pool).spare_count == 0
            with opened(pool, "wal.db", wait=False) as other:
                assert value(other, "SELECT count(*) FROM t") == 0
        two = slots_of(pool).lend("/\x01two")
        try:
            with expect(sahpool.PoolFullError, "/wal.db needs 1 free slots"):
                pool.connect("wal.db", wait=False)
            with opened(pool, "delete.db", wait=False) as con:
                assert value(con, "SELECT count(*) FROM t") == 0
        finally:
            slots_of(pool).give_back(two)
    finally:
        slots_of(pool).give_back(one)
    with expect(sahpool.InvalidNameError):
        pool.connect("", wait=False)
    pool.pause_vfs()
    with expect(sahpool.PoolClosedError, "paused"):
        pool.connect("wal.db", wait=False)
    await pool.unpause_vfs()
