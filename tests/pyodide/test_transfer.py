"""Whole databases in and out."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

import sahpool
from tests.harness.inside_pools import slots_of
from tests.harness.inside_prelude import expect, killed_copy, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sahpool import Pool

pytestmark = pytest.mark.real


@in_worker()
async def test_an_export_comes_back_in_with_every_row(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a, b)")
        con.execute("BEGIN")
        con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "x" * 100) for n in range(20000)])
        con.execute("COMMIT")
        exported = pool.export_file("a.db")
        chunks = list(pool.export_chunks("a.db", 10000))
    assert b"".join(chunks) == exported
    assert max(map(len, chunks)) == 10000
    assert await pool.import_db("b.db", exported) == len(exported)

    async def pieces() -> AsyncIterator[bytes]:
        for chunk in chunks:
            await asyncio.sleep(0)
            yield chunk

    await pool.import_db("c.db", pieces())
    await pool.import_db("d.db", iter(chunks))
    for name in ("b.db", "c.db", "d.db"):
        with opened(pool, name) as con:
            assert con.execute("SELECT count(*), sum(a) FROM t").fetchone() == (20000, 199990000)
            assert value(con, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_an_export_holds_what_was_committed_and_nothing_else(pool: Pool) -> None:
    for mode in ("WAL", "DELETE"):
        name = f"{mode}.db"
        with opened(pool, name) as con:
            con.execute(f"PRAGMA journal_mode={mode}")
            con.execute("CREATE TABLE t(a)")
        with opened(pool, name) as con, opened(pool, name) as reader:
            con.execute("INSERT INTO t VALUES(1)")
            if mode == "WAL":  # an old snapshot is held: the WAL cannot be folded in
                reader.execute("BEGIN")
                value(reader, "SELECT count(*) FROM t")
            con.execute("INSERT INTO t VALUES(2)")
            con.execute("BEGIN IMMEDIATE")
            con.execute("INSERT INTO t VALUES(3)")
            exported = pool.export_file(name)
            con.execute("COMMIT")
            if mode == "WAL":
                reader.execute("COMMIT")
        assert exported[18:20] == b"\1\1"
        with contextlib.closing(sqlite3.connect(":memory:")) as copy:
            copy.deserialize(exported)
            assert copy.execute("SELECT a FROM t ORDER BY a").fetchall() == [(1,), (2,)], mode
            assert value(copy, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_an_export_stays_what_it_was_while_others_write(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a, b)")
        con.execute("BEGIN")
        con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "x" * 1000) for n in range(500)])
        con.execute("COMMIT")
        chunks = pool.export_chunks("a.db", 4096)
        parts = [next(chunks)]
        con.execute("UPDATE t SET b = upper(b)")
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        parts.extend(chunks)
        with contextlib.closing(sqlite3.connect(":memory:")) as copy:
            copy.deserialize(b"".join(parts))
            assert value(copy, "SELECT count(*) FROM t WHERE b = lower(b)") == 500
            assert value(copy, "PRAGMA integrity_check") == "ok"
        assert value(con, "SELECT count(*) FROM t WHERE b = upper(b)") == 500


@in_worker()
async def test_an_export_stays_what_it_was_whatever_is_done_between_two_chunks(pool: Pool) -> None:
    """Writing, checkpoints, VACUUM, another journal mode, by others; a reader from before, or none.

    In rollback mode they are told that the database is locked.
    """
    doings = (
        *("UPDATE t SET b = b + 1", "INSERT INTO t(b, c) SELECT b, c FROM t LIMIT 20"),
        *("PRAGMA wal_checkpoint(TRUNCATE)", "DELETE FROM t WHERE a % 3 = 0", "VACUUM"),
        *("PRAGMA wal_checkpoint(RESTART)", "CREATE TABLE more AS SELECT * FROM t", "VACUUM"),
        *("PRAGMA journal_mode=DELETE", "PRAGMA journal_mode=WAL", "DROP TABLE IF EXISTS more"),
    )
    for mode in ("WAL", "DELETE", "PERSIST"):
        for reads in (False, True):
            name, refused = f"{mode}-{reads}.db", 0
            with opened(pool, name) as con:
                con.execute(f"PRAGMA journal_mode={mode}").fetchone()
            with opened(pool, name, timeout=0) as con, opened(pool, name, timeout=0) as reader:
                con.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)")
                con.execute("BEGIN")
                rows = [(n, 0, "x" * 500) for n in range(300)]
                con.executemany("INSERT INTO t VALUES(?, ?, ?)", rows)
                con.execute("COMMIT")
                if reads and mode == "WAL":  # it sees less: the WAL cannot be folded in
                    reader.execute("BEGIN")
                    value(reader, "SELECT count(*) FROM t")
                    con.execute("UPDATE t SET b = 1")
                expected = con.execute("SELECT * FROM t").fetchall()
                chunks, parts = pool.export_chunks(name, 4096), []
                for number, chunk in enumerate(chunks):
                    parts.append(chunk)
                    try:
                        con.execute(doings[number % len(doings)]).fetchall()
                    except sqlite3.OperationalError:
                        refused += 1
                assert len(parts) > 2 * len(doings)
                assert mode == "WAL" or refused > len(doings), (mode, refused)
                assert mode != "WAL" or con.execute("SELECT * FROM t").fetchall() != expected
            with contextlib.closing(sqlite3.connect(":memory:")) as copy:
                copy.deserialize(b"".join(parts))
                assert copy.execute("SELECT * FROM t").fetchall() == expected, (mode, reads)
                assert value(copy, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_what_is_no_sound_database_is_refused_and_the_old_one_stays(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a, b)")
        con.execute("BEGIN")
        con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "x" * 500) for n in range(500)])
        con.execute("COMMIT")
    good = pool.export_file("a.db")
    torn = bytearray(good)
    torn[4096 * 3 : 4096 * 4] = bytes(4096)
    offers = {
        "not an SQLite database": b"name,born\nAda,1815\n" * 100,
        "within the header": good[:60],
        "cut off": good[: len(good) // 2],
        "damaged": bytes(torn),
        "not a page size": good[:16] + b"\x03\x03" + good[18:],
    }
    await pool.top_up()
    before = pool.capacity
    for said, offer in offers.items():
        with expect(sahpool.ImportRejectedError, said) as caught:
            await pool.import_db("a.db", offer, replace=True)
        assert caught.error.hint
        with expect(sahpool.ImportRejectedError, said):
            await pool.import_db("new.db", offer)
    assert pool.file_names == ["/a.db"]
    assert pool.capacity <= before + 1  # one slot was lent out at a time
    assert pool.export_file("a.db") == good


@in_worker()
async def test_a_source_that_fails_half_way_leaves_nothing(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    good = pool.export_file("a.db")

    def failing() -> Iterator[bytes]:
        yield good[:4096]
        raise ZeroDivisionError("the disk was pulled out")

    with expect(ZeroDivisionError):
        await pool.import_db("b.db", failing())
    assert pool.file_names == ["/a.db"]
    await pool.import_db("b.db", good)


@in_worker()
async def test_an_existing_database_is_replaced_only_on_demand_and_only_when_closed(
    pool: Pool,
) -> None:
    with opened(pool, "new.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES('new')")
    new = pool.export_file("new.db")
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES('old')")
        with expect(sahpool.NameExistsError, "/a.db"):
            await pool.import_db("a.db", new)
        with expect(sahpool.DatabaseInUseError, "/a.db"):
            await pool.import_db("a.db", new, replace=True)
        with expect(sahpool.DatabaseInUseError, "/a.db"):
            pool.unlink("a.db")
        assert value(con, "SELECT a FROM t") == "old"
    await pool.import_db("a.db", new, replace=True)
    pool.pause_vfs()
    await pool.unpause_vfs()
    assert pool.quarantined == []
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT a FROM t") == "new"
    assert pool.unlink("a.db")
    assert not pool.unlink("a.db")
    assert pool.file_names == ["/new.db"]


@in_worker()
async def test_exporting_what_is_not_there_says_so(pool: Pool) -> None:
    with expect(sahpool.NoSuchDatabaseError, "none.db"):
        pool.export_file("none.db")
    with expect(sahpool.NoSuchDatabaseError, "none.db"):
        pool.size("none.db")


@in_worker()
async def test_an_imported_rollback_mode_database_keeps_its_mode(pool: Pool) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as con:
        con.execute("PRAGMA page_size=1024")
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(42)")
        con.commit()
        image = con.serialize()
    await pool.import_db("a.db", image)
    with opened(pool, "a.db") as con:
        assert value(con, "PRAGMA journal_mode") == "delete"
        assert value(con, "PRAGMA page_size") == 1024
        assert value(con, "SELECT a FROM t") == 42


@in_worker()
async def test_what_a_killed_worker_left_is_not_applied_to_the_database_that_replaces_it(
    pool: Pool,
) -> None:
    """Neither the hot journal nor the WAL of the old database belongs to the new one."""
    with opened(pool, "new.db") as con:
        con.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        con.execute("BEGIN")
        con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "new" * 300) for n in range(500)])
        con.execute("COMMIT")
    new = pool.export_file("new.db")
    for mode in ("DELETE", "WAL"):
        name = f"{mode}.db"
        with opened(pool, name) as con:
            con.execute(f"PRAGMA journal_mode={mode}")
            con.execute("PRAGMA cache_size=5")
            con.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
            con.execute("BEGIN")
            con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "old" * 300) for n in range(500)])
            con.execute("COMMIT")
            con.execute("BEGIN")
            con.execute("UPDATE t SET b = upper(b)")
            await killed_copy(pool, f"left-{mode}")
            con.execute("ROLLBACK")
        after = await sahpool.install(f"left-{mode}", directory=f"left-{mode}")
        assert any(each.startswith(f"/{name}-") for each in after.file_names)
        await after.import_db(name, new, replace=True)
        assert not any(each.startswith(f"/{name}-") for each in after.file_names)
        with opened(after, name) as con:
            assert value(con, "SELECT count(*) FROM t WHERE b LIKE 'new%'") == 500, mode
            assert value(con, "PRAGMA integrity_check") == "ok", mode
        await after.remove_vfs()


@in_worker()
async def test_an_import_under_way_is_nobody_else_s_slot(pool: Pool) -> None:
    with opened(pool, "new.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("imported" * 50,)] * 500)
    new = pool.export_file("new.db")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield new[:8192]
        begun.set()
        await go_on.wait()
        yield new[8192:]

    importing = asyncio.ensure_future(pool.import_db("b.db", slowly()))
    await begun.wait()
    assert pool.file_names == ["/new.db"]
    await pool.wipe_files()
    with expect(sahpool.DatabaseInUseError, "under way"):
        pool.pause_vfs()
    with opened(pool, "mine.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("mine" * 60,)] * 500)
    go_on.set()
    await importing
    for name, text in (("mine.db", "mine"), ("b.db", "imported")):
        with opened(pool, name) as con:
            assert value(con, "SELECT count(*) FROM t WHERE a LIKE ?", text + "%") == 500
            assert value(con, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_chunks_too_small_for_a_database_header_are_refused(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    with expect(ValueError, "at least 512"):
        pool.export_chunks("a.db", 10)


@in_worker()
async def test_a_sound_database_that_needs_its_own_application_is_taken_and_a_damaged_one_is_not(
    pool: Pool,
) -> None:
    """Collations and functions that only the program defines that wrote the file."""
    with contextlib.closing(sqlite3.connect(":memory:")) as con:
        con.create_collation("mine", lambda one, two: (one > two) - (one < two))
        con.create_function("twice", 1, lambda number: 2 * number, deterministic=True)
        con.execute("CREATE TABLE t(a TEXT COLLATE mine, b)")
        con.execute("CREATE INDEX i ON t(a)")
        con.execute("CREATE TABLE u(a CHECK (twice(a) > 0), b AS (twice(a)))")
        con.execute("CREATE INDEX j ON u(twice(a))")
        con.execute("CREATE TABLE plain(a)")
        for table in ("t(a)", "u(a)", "plain(a)"):
            con.executemany(f"INSERT INTO {table} VALUES(?)", [(n,) for n in range(1, 3000)])
        con.commit()
        root = con.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'plain'").fetchone()[0]
        image = con.serialize()
    await pool.import_db("a.db", image)
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT count(*) FROM t NOT INDEXED") == 2999
        assert value(con, "SELECT count(*) FROM plain") == 2999
    torn = bytearray(image)
    torn[(root - 1) * 4096 : root * 4096] = bytes(4096)
    with expect(sahpool.ImportRejectedError, "damaged"):
        await pool.import_db("b.db", bytes(torn))
    assert pool.file_names == ["/a.db"]


@in_worker()
async def test_a_blob_is_the_database_as_it_was_when_the_block_began(pool: Pool) -> None:
    """While other connections write. The blob refers to the slot: a write to it would spoil it."""
    for mode in ("WAL", "DELETE"):
        name = f"{mode}.db"
        with opened(pool, name, timeout=0) as con:
            con.execute(f"PRAGMA journal_mode={mode}")
            con.execute("CREATE TABLE t(a, b)")
            con.execute("BEGIN")
            con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "x" * 1000) for n in range(500)])
            con.execute("COMMIT")
            expected = pool.export_file(name)
            async with pool.export_blob(name) as blob:
                assert slots_of(pool).lent_count == 0  # it is no copy
                if mode == "WAL":
                    con.execute("UPDATE t SET b = upper(b)")
                    con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                    con.execute("CREATE TABLE later(a)")
                else:
                    with expect(sqlite3.OperationalError, "locked"):
                        con.execute("UPDATE t SET b = upper(b)")
                with expect(sahpool.DatabaseInUseError):
                    pool.unlink(name)
                assert (blob.size, blob.type) == (len(expected), "application/vnd.sqlite3")
                assert (await blob.arrayBuffer()).to_bytes() == expected, mode
            assert expected[18:20] == b"\1\1"
            con.execute("BEGIN EXCLUSIVE")  # the read lock was let go of
            con.execute("ROLLBACK")


@in_worker()
async def test_a_blob_of_a_database_that_others_read_and_write_is_a_copy_of_what_was_committed(
    pool: Pool,
) -> None:
    with opened(pool, "a.db") as con, opened(pool, "a.db") as reader:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(1)")
        reader.execute("BEGIN")
        value(reader, "SELECT count(*) FROM t")
        con.execute("INSERT INTO t VALUES(2)")
        con.execute("BEGIN IMMEDIATE")
        con.execute("INSERT INTO t VALUES(3)")
        with expect(ZeroDivisionError):
            async with pool.export_blob("a.db") as blob:
                assert slots_of(pool).lent_count == 1
                con.execute("COMMIT")
                reader.execute("COMMIT")
                con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                image = (await blob.arrayBuffer()).to_bytes()
                raise ZeroDivisionError
        assert slots_of(pool).lent_count == 0
    assert image[18:20] == b"\1\1"
    with contextlib.closing(sqlite3.connect(":memory:")) as copy:
        copy.deserialize(image)
        assert copy.execute("SELECT a FROM t ORDER BY a").fetchall() == [(1,), (2,)]
    pool.pause_vfs()
    await pool.unpause_vfs()


@in_worker()
async def test_an_empty_file_is_exported_as_one_and_left_alone(pool: Pool) -> None:
    """As the reference has it. A program leaves one that opens a database and writes nothing."""
    slots_of(pool).create("/a.db", 0x106)
    assert pool.export_file("a.db") == b""
    async with pool.export_blob("a.db") as blob:
        assert blob.size == 0
        assert (await blob.arrayBuffer()).byteLength == 0
    assert pool.size("a.db") == 0
    with expect(sahpool.NoSuchDatabaseError, "none.db"):
        pool.export_blob("none.db")
