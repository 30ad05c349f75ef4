"""What a VACUUM in pieces needs: checkpoints put off, room for a copy, a WAL that is flushed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.inside_pools import slot_of, slots_of
from tests.harness.inside_prelude import database, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_what_is_put_off_from_within_a_statement_is_so_for_its_own_commit(
    pool: Pool,
) -> None:
    from sahpool.sqlite import checkpoints

    filled = (
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 5000) SELECT zeroblob(3000) FROM n"
    )
    with opened(pool, "a.db") as con, opened(pool, "a.db") as other:
        con.execute("CREATE TABLE t (a)")
        con.execute("PRAGMA wal_autocheckpoint=77")
        before = pool.size("a.db")
        told: list[int] = []

        def handler() -> int:
            told.append(checkpoints.put_off(con))
            return 0

        con.set_progress_handler(handler, 1000)
        con.execute(filled)
        con.set_progress_handler(None, 0)
        assert len(told) > 3
        assert told[0] == 77
        assert set(told[1:]) == {0}, "it is put off already"
        assert pool.size("a.db") == before
        assert value(other, "SELECT count(*) FROM t") == 5000
        checkpoints.resume(con, 77)
        assert value(con, "PRAGMA wal_autocheckpoint") == 77
        con.execute("INSERT INTO t VALUES (1)")
        assert pool.size("a.db") > 15_000_000
        assert value(con, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_what_has_no_checkpoints_has_none_to_put_off(pool: Pool) -> None:
    from sahpool.sqlite import checkpoints

    with opened(pool, "a.db") as con:
        con.execute("PRAGMA wal_autocheckpoint=0")
        assert checkpoints.put_off(con) == 0


@in_worker()
async def test_a_scratch_database_is_empty_nobody_else_s_and_gone_afterwards(pool: Pool) -> None:
    from sahpool.databases.transfer import scratch
    from sahpool.pool import access_to

    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t (a)")
        con.execute("INSERT INTO t VALUES (zeroblob(3000000))")
        capacity = pool.capacity
        with scratch(access_to(pool)) as one, scratch(access_to(pool)) as two:
            assert one
            assert two
            named: set[str] = set()
            con.set_progress_handler(lambda: named.update(pool.file_names), 1)
            before = pool.stats.sync.calls
            con.execute("VACUUM INTO ?", (one,))
            con.set_progress_handler(None, 0)
            assert pool.stats.sync.calls == before, "it need not reach the disk, and takes no time"
            # Nothing of it has a name that the next worker could find, its journal neither.
            assert named == {"/a.db", "/a.db-wal"}
            with database(one) as copy:
                assert value(copy, "SELECT sum(length(a)) FROM t") == 3_000_000
            with database(two) as copy:
                assert value(copy, "SELECT count(*) FROM sqlite_schema") == 0
        assert slots_of(pool).lent_count == 0
        await pool.top_up()
        assert pool.capacity <= capacity + 2
    assert pool.databases == pool.file_names == ["/a.db"]


@in_worker()
async def test_without_a_slot_to_spare_there_is_no_scratch_database(pool: Pool) -> None:
    from sahpool.databases.transfer import scratch
    from sahpool.pool import access_to

    lent = [slots_of(pool).lend(f"/\x01test-{i}") for i in range(slots_of(pool).spare_count - 1)]
    with scratch(access_to(pool)) as uri:
        assert uri is None
    for slot in lent:
        slots_of(pool).give_back(slot)
    with scratch(access_to(pool)) as uri:
        assert uri is not None


@in_worker()
async def test_a_wal_is_flushed_where_there_is_one(pool: Pool) -> None:
    from sahpool.databases.transfer import flush_wal
    from sahpool.pool import access_to

    flush_wal(access_to(pool), "none.db")
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t (a)")
        flushed: list[None] = []
        slot = slot_of(pool, "/a.db-wal")
        flush = slot.handle.flush
        slot.handle.flush = lambda: flushed.append(flush())  # type: ignore[method-assign]
        try:
            flush_wal(access_to(pool), "a.db")
        finally:
            del slot.handle.flush
        assert len(flushed) == 1
