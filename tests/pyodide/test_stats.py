"""The counters of a pool."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import sahpool
from tests.harness.inside_prelude import expect, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_reads_and_writes_are_counted_with_their_bytes_and_time(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA cache_size=10")
        con.execute("CREATE TABLE t(a, b)")
        pool.reset_stats()
        assert pool.stats.write == sahpool.CallStats(0, 0, 0.0, 0)
        con.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            " INSERT INTO t SELECT i, zeroblob(500) FROM n"
        )
        written = pool.stats.write
        assert written.bytes > 20000 * 500
        assert 2000 < written.calls <= written.bytes / 24  # no write of a WAL is shorter
        assert 1 <= written.calls - written.hits < written.calls / 50  # the browser was asked
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pool.reset_stats()
        assert value(con, "SELECT sum(length(b)) FROM t") == 20000 * 500
        stats = pool.stats
        assert stats.read.bytes >= 20000 * 500
        assert stats.read.calls >= stats.read.bytes / 4096
        # Clocks are coarse; the sum over thousands of calls is not nothing and not hours.
        assert 0 < written.microseconds < 60e6
        assert 0 <= stats.read.microseconds < 60e6
        assert 0 < stats.read.calls - stats.read.hits < stats.read.calls / 5
        assert stats.write.calls == stats.sync.calls == 0
        assert stats is not pool.stats
        assert stats == pool.stats


@in_worker()
async def test_each_commit_in_delete_mode_syncs_and_deletes_its_journal(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a)")
        pool.reset_stats()
        for number in range(5):
            con.execute("INSERT INTO t VALUES(?)", (number,))
        stats = pool.stats
        assert (stats.open.calls, stats.delete.calls) == (5, 5)
        assert stats.delete.hits == 0
        assert stats.sync.calls >= 10  # the journal's and the database's
        assert stats.sync.hits == 0
        con.execute("PRAGMA journal_mode=TRUNCATE")
        con.execute("INSERT INTO t VALUES(9)")
        assert pool.stats.truncate.calls >= 1


@in_worker(temp_memory_limit=1 << 20)
async def test_temporary_files_in_memory_count_as_hits_until_they_outgrow_it(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA cache_size=10")
        con.execute("PRAGMA temp.cache_size=10")
        await pool.top_up()
        pool.reset_stats()
        con.execute("CREATE TEMP TABLE t AS SELECT zeroblob(400000) AS a")
        small = pool.stats
        assert small.write.hits == small.write.calls > 50
        assert small.open.hits == small.open.calls >= 1
        assert value(con, "SELECT count(*) FROM temp.t WHERE a = zeroblob(400000)") == 1
        assert pool.stats.read.hits == pool.stats.read.calls > 50
        con.execute("INSERT INTO temp.t SELECT zeroblob(4000000)")
        large = pool.stats
        assert large.write.bytes > 4_000_000
        assert large.write.calls > large.write.hits


@in_worker()
async def test_refused_locks_are_counted(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        for mode in ("WAL", "DELETE"):
            con.execute(f"PRAGMA journal_mode={mode}")
            with opened(pool, "a.db", timeout=0) as other:
                con.execute("BEGIN IMMEDIATE")
                before = pool.stats.busy
                with expect(sqlite3.OperationalError, "locked"):
                    other.execute("BEGIN IMMEDIATE")
                assert pool.stats.busy > before, mode
                con.execute("COMMIT")
                before = pool.stats.busy
                other.execute("BEGIN IMMEDIATE")
                other.execute("COMMIT")
                assert pool.stats.busy == before, mode
