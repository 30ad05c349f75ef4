"""Who waits for whom: nobody for ever, and nobody at all where there is nothing to wait for."""

from __future__ import annotations

import contextlib
import ctypes
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

import sahpool
from tests.harness.inside_pools import allocate_region
from tests.harness.inside_prelude import expect, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool

pytestmark = pytest.mark.real

ROLLBACK_MODES = ["DELETE", "TRUNCATE", "PERSIST"]


@pytest.mark.parametrize("mode", ROLLBACK_MODES)
@in_worker()
async def test_readers_that_keep_coming_do_not_keep_a_writer_from_committing(
    pool: Pool, mode: str
) -> None:
    """Each reader begins before the one before it ends: there is never a moment without one."""
    readers = 5
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(opened(pool, "a.db", timeout=0))
        writer.execute(f"PRAGMA journal_mode={mode}")
        writer.execute("CREATE TABLE t(a)")
        others = [stack.enter_context(opened(pool, "a.db", timeout=0)) for _ in range(readers + 1)]
        for commits in range(20):
            for reader in others:
                assert not reader.in_transaction
            for reader in others[:readers]:
                reader.execute("BEGIN")
                assert value(reader, "SELECT count(*) FROM t") == commits
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("INSERT INTO t VALUES(1)")
            refused, waiting = 0, [*others[readers:], *others[:readers]]
            for turn in range(100):
                try:
                    writer.execute("COMMIT")
                    break
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorname != "SQLITE_BUSY":
                        raise
                new, old = waiting[turn % len(waiting)], waiting[(turn + 1) % len(waiting)]
                new.execute("BEGIN")
                try:
                    new.execute("SELECT count(*) FROM t").fetchall()
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorname != "SQLITE_BUSY":
                        raise
                    refused += 1
                    new.execute("ROLLBACK")
                if old.in_transaction:
                    assert value(old, "SELECT count(*) FROM t") == commits
                    old.execute("COMMIT")
            assert not writer.in_transaction, "the writer starves"
            assert turn == refused == readers
            assert value(others[0], "SELECT count(*) FROM t") == commits + 1


@in_worker()
async def test_in_wal_mode_a_writer_never_waits_for_readers_nor_they_for_it(pool: Pool) -> None:
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(opened(pool, "a.db", timeout=0))
        writer.execute("CREATE TABLE t(a)")
        readers = [stack.enter_context(opened(pool, "a.db", timeout=0)) for _ in range(5)]
        began: dict[int, int] = {}
        for turn in range(300):
            which = turn % len(readers)
            reader = readers[which]
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("INSERT INTO t VALUES(1)")
            if reader.in_transaction:
                assert value(reader, "SELECT count(*) FROM t") == began[which]
                reader.execute("COMMIT")
            reader.execute("BEGIN")
            began[which] = value(reader, "SELECT count(*) FROM t")
            assert began[which] == turn
            writer.execute("COMMIT")


@in_worker()
async def test_a_wal_ends_its_growth_as_soon_as_its_readers_pause(pool: Pool) -> None:
    """While readers overlap it cannot begin anew (sqlite.org/wal.html, section 6)."""
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(opened(pool, "a.db", timeout=0))
        writer.execute("PRAGMA wal_autocheckpoint=50")
        writer.execute("CREATE TABLE t(a)")
        readers = [stack.enter_context(opened(pool, "a.db", timeout=0)) for _ in range(2)]
        sizes = []
        for turn in range(600):
            if turn < 300:
                reader = readers[turn % 2]
                if reader.in_transaction:
                    reader.execute("COMMIT")
                reader.execute("BEGIN")
                assert value(reader, "SELECT count(*) FROM t") == turn
            elif turn == 300:
                for reader in readers:
                    reader.execute("COMMIT")
            writer.execute("INSERT INTO t VALUES(zeroblob(1000))")
            sizes.append(pool.size("a.db-wal"))
        frame = 4096 + 24
        assert sizes[290] > 4 * 50 * frame, "the readers did not hold the WAL up: nothing is tested"
        assert max(sizes[302:]) == sizes[301], "it goes on growing"
        assert writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
        assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        assert pool.size("a.db-wal") == 0


@in_worker()
async def test_a_snapshot_that_is_behind_cannot_be_written_from(pool: Pool) -> None:
    """What a program reads and then writes is not what another has committed meanwhile."""
    with opened(pool, "a.db") as one, opened(pool, "a.db") as two:
        one.execute("CREATE TABLE t(n)")
        one.execute("INSERT INTO t VALUES(0)")
        for con in (one, two):
            con.execute("BEGIN")
        seen = value(one, "SELECT n FROM t")
        assert value(two, "SELECT n FROM t") == seen
        one.execute("UPDATE t SET n = ?", (seen + 1,))
        one.execute("COMMIT")
        with expect(sqlite3.OperationalError, "database is locked") as caught:
            two.execute("UPDATE t SET n = ?", (seen + 1,))
        assert caught.error.sqlite_errorname == "SQLITE_BUSY_SNAPSHOT"
        two.execute("ROLLBACK")
        two.execute("UPDATE t SET n = n + 1")
        assert value(one, "SELECT n FROM t") == 2


@pytest.mark.parametrize("mode", ["WAL", *ROLLBACK_MODES])
@in_worker()
async def test_a_timeout_of_minutes_is_answered_at_once_and_in_few_tries(
    pool: Pool, mode: str
) -> None:
    """Whoever holds the lock runs in this very thread: while it waits nothing changes."""
    with opened(pool, "a.db") as one:
        one.execute(f"PRAGMA journal_mode={mode}")
        one.execute("CREATE TABLE t(a)")
        with opened(pool, "a.db", timeout=600) as two:
            one.execute("BEGIN IMMEDIATE")
            refusals, begin = pool.stats.busy, time.monotonic()
            with expect(sqlite3.OperationalError, "database is locked"):
                two.execute("BEGIN IMMEDIATE")
            assert time.monotonic() - begin < 60.0
            assert pool.stats.busy - refusals < 10_000
            one.execute("COMMIT")
            two.execute("INSERT INTO t VALUES(1)")
        assert value(one, "SELECT count(*) FROM t") == 1


@pytest.mark.parametrize("mode", [*ROLLBACK_MODES, "MEMORY"])
@in_worker()
async def test_a_connection_that_leaves_wal_mode_undoes_nothing_of_what_others_committed(
    pool: Pool, mode: str
) -> None:
    """SQLite, up to 3.54.1, does on a desktop: it goes on with the pages that it has."""
    with opened(pool, "a.db") as two:
        with opened(pool, "a.db") as one:
            one.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
            one.executemany("INSERT INTO t(a) VALUES(?)", [("x" * 300,) for _ in range(30)])
            assert value(two, "SELECT count(*) FROM t") == 30  # from now on it has the pages
            one.execute("INSERT INTO t(a) VALUES('by one')")
        assert value(two, f"PRAGMA journal_mode={mode}") == mode.lower()
        two.execute("INSERT INTO t(a) VALUES('by two')")
        found = two.execute("SELECT id, a FROM t WHERE id > 30").fetchall()
        assert found == [(31, "by one"), (32, "by two")]
        assert value(two, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_the_memory_of_a_wal_index_is_zeroed(pool: Pool) -> None:
    """A region with old content in it would be taken for the index of a WAL that is no more."""
    sqlite, size = sahpool.sqlite.abi.library(), 32768
    blocks = [sqlite.sqlite3_malloc(size) for _ in range(8)]
    for block in blocks:
        ctypes.memset(block, 0xFF, size)
        sqlite.sqlite3_free(block)
    # The heap fills smaller holes of its own first.
    regions: list[int] = []
    while not any(abs(region - block) < size for region in regions for block in blocks):
        assert len(regions) < 1000, "the heap gave no block back: nothing is tested"
        regions.append(allocate_region(pool, size))
    for region in regions:
        assert ctypes.string_at(region, size) == bytes(size)
        sqlite.sqlite3_free(region)
