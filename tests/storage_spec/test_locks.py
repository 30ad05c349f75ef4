"""Connections beside one another: who may read and write while another one does."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.storage_spec.spec import over_each_storage

if TYPE_CHECKING:
    from tests.harness.inside_prelude import expect
    from tests.storage_spec.inside_steps import connect, fill, make, marks
    from tests.storage_spec.inside_storages import Opened


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@over_each_storage(in_browsers=True)
async def test_a_second_writer_is_refused_until_the_first_one_ends(made: Opened, mode: str) -> None:
    with (
        connect(made.volume, "a.db", mode) as one,
        connect(made.volume, "a.db", timeout=0) as two,
    ):
        make(one)
        one.execute("BEGIN IMMEDIATE")
        with expect(sqlite3.OperationalError, "locked"):
            two.execute("BEGIN IMMEDIATE")
        fill(one, 10)
        one.execute("COMMIT")
        two.execute("BEGIN IMMEDIATE")
        fill(two, 5, "new")
        two.execute("COMMIT")
        assert marks(one) == {"old": 10, "new": 5}


@over_each_storage(in_browsers=True)
async def test_in_wal_mode_a_reader_keeps_its_snapshot_while_others_write(made: Opened) -> None:
    with (
        connect(made.volume, "a.db", "WAL") as writer,
        connect(made.volume, "a.db", timeout=0) as reader,
    ):
        make(writer)
        fill(writer, 10)
        reader.execute("BEGIN")
        assert marks(reader) == {"old": 10}
        fill(writer, 300, "new")
        busy, *_ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert busy, "a checkpoint must leave what the reader needs"
        assert marks(reader) == {"old": 10}
        reader.execute("COMMIT")
        assert marks(reader) == {"old": 10, "new": 300}
        busy, *_ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy
        assert made.volume.size("a.db-wal") == 0


@over_each_storage()
async def test_in_rollback_mode_a_commit_waits_for_readers_and_new_readers_for_it(
    made: Opened,
) -> None:
    with (
        connect(made.volume, "a.db", "DELETE", timeout=0) as writer,
        connect(made.volume, "a.db", timeout=0) as reader,
        connect(made.volume, "a.db", timeout=0) as late,
    ):
        make(writer)
        fill(writer, 10)
        reader.execute("BEGIN")
        assert marks(reader) == marks(late) == {"old": 10}
        writer.execute("BEGIN")
        fill(writer, 5, "new")
        with expect(sqlite3.OperationalError, "locked"):
            writer.execute("COMMIT")  # it has a PENDING lock from here on
        with expect(sqlite3.OperationalError, "locked"):
            late.execute("SELECT * FROM t").fetchall()
        reader.execute("COMMIT")
        writer.execute("COMMIT")
        assert marks(late) == {"old": 10, "new": 5}


@over_each_storage()
async def test_exclusive_locking_keeps_all_others_out_until_it_ends(made: Opened) -> None:
    for mode in ("DELETE", "WAL"):
        name = f"{mode}.db"
        with connect(made.volume, name, mode) as con:
            make(con)
        with connect(made.volume, name) as one:
            one.execute("PRAGMA locking_mode=EXCLUSIVE")
            fill(one, 10)
            with connect(made.volume, name, timeout=0) as two:
                with expect(sqlite3.OperationalError, "locked"):
                    two.execute("SELECT count(*) FROM sqlite_schema").fetchall()
                one.close()
                assert marks(two) == {"old": 10}


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@over_each_storage()
async def test_a_connection_that_is_closed_in_a_transaction_has_no_locks_any_more(
    made: Opened, mode: str
) -> None:
    with connect(made.volume, "a.db", mode) as con:
        make(con)
        fill(con, 10)
    one = made.volume.connect("a.db", isolation_level=None)
    one.execute("PRAGMA cache_size=2")
    one.execute("BEGIN EXCLUSIVE")
    fill(one, 300, "gone")
    one.close()
    with connect(made.volume, "a.db", timeout=0) as two:
        assert marks(two) == {"old": 10}
        two.execute("BEGIN EXCLUSIVE")
        two.execute("COMMIT")


@over_each_storage()
async def test_many_connections_in_turn_lose_no_update(made: Opened) -> None:
    for mode in ("DELETE", "TRUNCATE", "WAL"):
        name = f"{mode}.db"
        with connect(made.volume, name, mode) as con:
            con.execute("CREATE TABLE n (value)")
            con.execute("INSERT INTO n VALUES (0)")
        cons = [made.volume.connect(name, isolation_level=None, timeout=0) for _ in range(5)]
        done = 0
        for step in range(100):
            con = cons[step * 7 % 5]
            other = cons[step * 3 % 5]
            con.execute("BEGIN IMMEDIATE")
            if other is not con:
                with expect(sqlite3.OperationalError, "locked"):
                    other.execute("BEGIN IMMEDIATE")
            con.execute("UPDATE n SET value = value + 1")
            con.execute("COMMIT" if step % 4 else "ROLLBACK")
            done += bool(step % 4)
            assert other.execute("SELECT value FROM n").fetchone() == (done,)
        for con in cons:
            con.close()


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@over_each_storage()
async def test_two_files_that_had_one_path_share_no_locks_and_no_wal_index(
    made: Opened, mode: str
) -> None:
    """An open database is deleted, and another one is made under its path."""
    with connect(made.volume, "a.db", mode) as old:
        make(old)
        fill(old, 300)
        old.execute("BEGIN IMMEDIATE")
        if mode == "WAL":  # SQLite commits in the other mode by deleting the journal by its path
            fill(old, 5, "more")
        for suffix in ("", "-wal", "-journal"):
            made.volume.storage.delete("/a.db" + suffix)
        with connect(made.volume, "a.db", mode, timeout=0) as new:
            make(new)
            fill(new, 3, "new")
            new.execute("BEGIN")
            assert marks(new) == {"new": 3}
            old.execute("COMMIT")
            if mode == "WAL":
                fill(old, 2, "last")
            new.execute("COMMIT")
            assert new.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        more = {"more": 5, "last": 2} if mode == "WAL" else {}
        assert marks(old) == {"old": 300, **more}
        assert old.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with connect(made.volume, "a.db", mode) as con:
        assert marks(con) == {"new": 3}
