"""Sorts in small pieces, and what must not change for them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from tests.harness.inside_prelude import opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_a_sort_takes_less_memory_at_once_within_the_block_only(pool: Pool) -> None:
    from sahpool.sqlite.sorter import PIECE_KIB, small_sorts

    with opened(pool, "a.db") as con:
        with small_sorts(con):
            assert value(con, "PRAGMA cache_size") == -PIECE_KIB
        assert value(con, "PRAGMA cache_size") == -32768
        for smaller in (-100, 100, 0):
            con.execute(f"PRAGMA cache_size={smaller}")
            with small_sorts(con):
                assert value(con, "PRAGMA cache_size") == smaller
        con.execute("PRAGMA cache_size=100000")
        try:
            with small_sorts(con):
                con.execute("SELECT nothing_of_this_name")
        except sqlite3.OperationalError:
            assert value(con, "PRAGMA cache_size") == 100000


@in_worker()
async def test_a_sort_in_small_pieces_gives_the_same_rows(pool: Pool) -> None:
    from sahpool.sqlite.sorter import small_sorts

    with opened(pool, "a.db") as con:
        con.execute(
            "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 60000) SELECT i * 7919 % 60013 AS i, hex(zeroblob(50)) AS filler FROM n"
        )
        with small_sorts(con):
            cursor = con.execute("SELECT i FROM t ORDER BY filler, i")
            first = cursor.fetchone()
        rows = [first, *cursor]
        assert rows == sorted(rows)
        assert len(rows) == 60000


@in_worker()
async def test_pages_are_kept_as_if_there_were_no_such_block(pool: Pool) -> None:
    from sahpool.sqlite.sorter import small_sorts

    with opened(pool, "a.db") as con:
        con.execute(
            "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 8000) SELECT i, zeroblob(1000) AS filler FROM n"
        )
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with small_sorts(con):
            con.execute("SELECT sum(length(filler)) FROM t").fetchone()
        pool.reset_stats()
        con.execute("SELECT sum(length(filler)) FROM t").fetchone()
        assert pool.stats.read.calls == 0, "eight megabytes stay in a cache of 32"
