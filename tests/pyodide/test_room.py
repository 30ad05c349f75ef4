"""Room that the browser has set aside for files, and what gives it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.inside_pools import hold_of
from tests.harness.inside_prelude import all_files, expect, opened, slot_name, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool

pytestmark = pytest.mark.real


@in_worker()
async def test_slots_that_were_large_are_made_anew_and_small_ones_stay(pool: Pool) -> None:
    with opened(pool, "small.db") as con:
        con.execute("CREATE TABLE t(a)")
    with opened(pool, "large.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(zeroblob(6000000))")
    large = {slot_name(pool, "/large.db")}
    small = slot_name(pool, "/small.db")
    pool.unlink("small.db")
    pool.unlink("large.db")
    capacity = pool.capacity
    await pool.top_up()
    files = all_files(pool)
    assert not large & set(files)
    assert small in files
    assert pool.capacity == capacity
    found = {entry.name async for entry in hold_of(pool).opaque.values()}
    assert found == set(files)
    with opened(pool, "next.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(1)")
        assert value(con, "SELECT a FROM t") == 1


@in_worker()
async def test_a_wal_that_was_large_is_made_anew_when_it_is_no_longer_needed(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(zeroblob(6000000))")
        wal = slot_name(pool, "/a.db-wal")
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await pool.top_up()
        assert wal in all_files(pool), "it is in use"
    await pool.top_up()
    assert wal not in all_files(pool)
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT length(a) FROM t") == 6000000


@in_worker()
async def test_a_pool_that_is_paused_meanwhile_keeps_all_its_slots(pool: Pool) -> None:
    import asyncio

    import sahpool

    with opened(pool, "large.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(zeroblob(6000000))")
    pool.unlink("large.db")
    task = asyncio.ensure_future(pool.top_up())
    pool.pause_vfs()
    await task
    await pool.unpause_vfs()
    assert pool.file_names == []
    with opened(pool, "next.db") as con:
        con.execute("CREATE TABLE t(a)")
    with expect(sahpool.NoSuchDatabaseError):
        pool.size("large.db")
