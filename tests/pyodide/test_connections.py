"""Connections of one worker to one database behave as on a desktop."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

import sahpool
from tests.harness.inside_pools import address_of_method, open_files, slot_of, slots_of
from tests.harness.inside_prelude import database, expect, fill_low_memory, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_rows_are_there_after_the_pool_is_opened_again(pool: Pool) -> None:
    with opened(pool, "notes.db") as con:
        con.execute("CREATE TABLE t(a, b)")
        con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "x" * n) for n in range(1000)])
    pool.pause_vfs()
    assert pool.is_paused
    await pool.unpause_vfs()
    with opened(pool, "/notes.db") as con:
        assert con.execute("SELECT count(*), sum(length(b)) FROM t").fetchone() == (1000, 499500)
        assert value(con, "PRAGMA integrity_check") == "ok"


@in_worker(default=True)
async def test_every_way_to_name_a_database_leads_to_the_same_one(pool: Pool) -> None:
    with opened(pool, "notes.db") as con:
        con.execute("CREATE TABLE t(a)")
    uri = f"file:/notes.db?vfs={pool.name}"
    for each in (pool.uri("notes.db"), uri, "notes.db", "file:notes.db", "/notes.db"):
        with database(each) as con:
            assert value(con, "SELECT count(*) FROM t") == 0, each
    with contextlib.closing(sqlite3.connect(":memory:")) as con:
        assert con.execute("SELECT * FROM sqlite_schema").fetchall() == []
    assert pool.file_names == ["/notes.db"]


@in_worker()
async def test_new_databases_are_in_wal_mode_with_full_sync_and_a_large_cache(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA journal_mode") == "wal"
        assert value(con, "PRAGMA synchronous") == 2
        assert value(con, "PRAGMA cache_size") == -32768


@in_worker()
async def test_a_program_s_own_pragmas_win(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        assert value(con, "PRAGMA journal_mode=DELETE") == "delete"
        con.execute("CREATE TABLE t(a)")
    with opened(pool, "a.db") as con, opened(pool, "a.db") as other:
        assert value(con, "PRAGMA journal_mode") == "delete"
        assert value(other, "PRAGMA journal_mode") == "delete"


@in_worker()
async def test_a_reader_sees_committed_rows_only_and_keeps_its_snapshot_in_wal(pool: Pool) -> None:
    with opened(pool, "a.db") as writer, opened(pool, "a.db") as reader:
        writer.execute("CREATE TABLE t(a)")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES(1)")
        assert value(reader, "SELECT count(*) FROM t") == 0
        reader.execute("BEGIN")
        assert value(reader, "SELECT count(*) FROM t") == 0
        writer.execute("COMMIT")
        assert value(reader, "SELECT count(*) FROM t") == 0
        reader.execute("COMMIT")
        assert value(reader, "SELECT count(*) FROM t") == 1


@in_worker()
async def test_a_second_writer_is_told_that_the_database_is_locked(pool: Pool) -> None:
    for mode in ("WAL", "DELETE", "TRUNCATE", "PERSIST"):
        with opened(pool, f"{mode}.db") as one:
            assert value(one, f"PRAGMA journal_mode={mode}") == mode.lower()
            one.execute("CREATE TABLE t(a)")
            with opened(pool, f"{mode}.db") as two:
                one.execute("BEGIN IMMEDIATE")
                with expect(sqlite3.OperationalError, "database is locked") as caught:
                    two.execute("BEGIN IMMEDIATE")
                assert caught.error.sqlite_errorname == "SQLITE_BUSY"
                one.execute("INSERT INTO t VALUES(1)")
                one.execute("COMMIT")
                two.execute("BEGIN IMMEDIATE")
                two.execute("INSERT INTO t VALUES(2)")
                two.execute("COMMIT")
                assert value(one, "SELECT count(*) FROM t") == 2


@in_worker()
async def test_a_second_connection_does_not_roll_back_a_live_writer(pool: Pool) -> None:
    """What a VFS does whose xCheckReservedLock always answers 0."""
    with opened(pool, "a.db") as writer:
        writer.execute("PRAGMA journal_mode=DELETE")
        writer.execute("PRAGMA synchronous=OFF")  # the journal's header is valid from the start
        writer.execute("CREATE TABLE t(a, b)")
        writer.executemany("INSERT INTO t VALUES(?, ?)", [(n, "x" * 900) for n in range(300)])
        with opened(pool, "a.db") as reader:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE t SET a = a + 1000 WHERE a < 3")
            assert "/a.db-journal" in pool.file_names
            assert value(reader, "SELECT max(a) FROM t") == 299
            assert "/a.db-journal" in pool.file_names
            writer.execute("UPDATE t SET a = a + 1000")
            writer.execute("COMMIT")
            assert value(reader, "SELECT min(a) FROM t") == 1003
            assert value(reader, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_a_writer_waits_for_readers_in_rollback_mode_and_then_proceeds(pool: Pool) -> None:
    with opened(pool, "a.db") as writer:
        writer.execute("PRAGMA journal_mode=DELETE")
        writer.execute("CREATE TABLE t(a)")
        with opened(pool, "a.db") as reader, opened(pool, "a.db") as late:
            reader.execute("BEGIN")
            assert value(reader, "SELECT count(*) FROM t") == 0
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("INSERT INTO t VALUES(1)")
            with expect(sqlite3.OperationalError, "database is locked"):
                writer.execute("COMMIT")
            with expect(sqlite3.OperationalError, "database is locked"):
                late.execute("SELECT * FROM t").fetchall()  # PENDING keeps new readers out
            reader.execute("COMMIT")
            writer.execute("COMMIT")
            assert value(late, "SELECT count(*) FROM t") == 1


@in_worker()
async def test_being_refused_a_lock_takes_no_time(pool: Pool) -> None:
    """sqlite3 waits five seconds by default; nothing can change while this thread sleeps."""
    with opened(pool, "a.db") as one, opened(pool, "a.db", timeout=5.0) as two:
        one.execute("CREATE TABLE t(a)")
        one.execute("BEGIN IMMEDIATE")
        begin = time.monotonic()
        with expect(sqlite3.OperationalError, "locked"):
            two.execute("BEGIN IMMEDIATE")
        assert time.monotonic() - begin < 1.0
        one.execute("ROLLBACK")


@in_worker()
async def test_a_checkpoint_moves_everything_and_respects_a_reader(pool: Pool) -> None:
    with opened(pool, "a.db") as con, opened(pool, "a.db") as reader:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(1)")
        reader.execute("BEGIN")
        assert value(reader, "SELECT count(*) FROM t") == 1
        con.execute("INSERT INTO t VALUES(2)")
        assert value(con, "PRAGMA wal_checkpoint(TRUNCATE)") == 1  # busy
        assert value(reader, "SELECT count(*) FROM t") == 1
        reader.execute("COMMIT")
        assert con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        assert pool.size("a.db-wal") == 0
        assert value(reader, "SELECT count(*) FROM t") == 2


@in_worker()
async def test_the_wal_goes_with_the_last_connection(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        with opened(pool, "a.db") as other:
            assert value(other, "SELECT count(*) FROM t") == 0
        assert pool.file_names == ["/a.db", "/a.db-wal"]
    assert pool.file_names == ["/a.db"]


@in_worker()
async def test_databases_can_be_attached_and_committed_together(pool: Pool) -> None:
    for mode in ("WAL", "DELETE"):
        with opened(pool, f"{mode}-1.db") as con:
            con.execute(f"PRAGMA journal_mode={mode}")
            con.execute("ATTACH ? AS other", (f"{mode}-2.db",))
            con.execute(f"PRAGMA other.journal_mode={mode}")
            con.execute("CREATE TABLE main.t(a)")
            con.execute("CREATE TABLE other.t(a)")
            con.execute("BEGIN")
            con.execute("INSERT INTO main.t VALUES(1)")
            con.execute("INSERT INTO other.t VALUES(2)")
            con.execute("COMMIT")
        with opened(pool, f"{mode}-2.db") as con:
            assert value(con, "SELECT a FROM t") == 2


@in_worker(temp_memory_limit=1 << 20)
async def test_a_large_sort_moves_to_a_spare_slot_and_gives_it_back(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a, b)")
        con.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            " INSERT INTO t SELECT i * 7919 % 20011, hex(zeroblob(100)) || i FROM n"
        )
        con.execute("PRAGMA cache_size=10")
        await pool.top_up()
        spares = slots_of(pool).spare_count
        cursor = con.execute("SELECT a FROM t ORDER BY b DESC, a")
        cursor.fetchone()
        assert slots_of(pool).spare_count < spares
        rows = 1 + len(cursor.fetchall())
        cursor.close()
        assert rows == 20000
        con.execute("CREATE TEMP TABLE big AS SELECT * FROM t")
        con.execute("CREATE INDEX temp.big_b ON big(b)")
        assert value(con, "SELECT count(DISTINCT b) FROM big") == 20000
        con.execute("CREATE INDEX i ON t(b)")
        assert value(con, "PRAGMA integrity_check") == "ok"
    await asyncio.sleep(0)
    assert pool.file_names == ["/a.db"]
    assert pool.capacity - pool.file_count == slots_of(pool).spare_count


@in_worker(temp_memory_limit=1 << 20, spare=0, initial_capacity=2)
async def test_a_large_sort_without_a_spare_slot_stays_in_memory(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute(
            "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 20000) SELECT hex(randomblob(100)) AS b FROM n"
        )
        con.execute("PRAGMA cache_size=10")
        assert slots_of(pool).spare_count == 0
        rows = con.execute("SELECT b FROM t ORDER BY b").fetchall()
        assert rows == sorted(rows)


@in_worker(initial_capacity=3, spare=3)
async def test_spare_slots_are_topped_up_between_statements(pool: Pool) -> None:
    for number in range(20):
        with opened(pool, f"{number}.db") as con:
            con.execute("CREATE TABLE t(a)")
        await asyncio.sleep(0.05)
    assert pool.file_count == 20
    assert slots_of(pool).spare_count >= 3


@in_worker(initial_capacity=2, spare=0)
async def test_a_full_pool_says_so_and_goes_on_when_it_has_room(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        with expect(sqlite3.OperationalError, "unable to open database file") as caught:
            pool.connect("b.db").execute("CREATE TABLE t(a)")
        assert isinstance(caught.error.__cause__, sahpool.PoolFullError)
        assert "add_capacity" in caught.error.__cause__.hint
        await pool.add_capacity(2)
        with opened(pool, "b.db") as other:
            other.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(1)")


@in_worker(default=True)
async def test_names_are_taken_as_they_are(pool: Pool) -> None:
    names = [
        "a?b.db",
        "a#b.db",
        "with space",
        "Ünï©ode-🦑.db",
        "%41.db",
        "A.db",
        "d/e/f.db",
        "x'y\"",
    ]
    await pool.add_capacity(2 * len(names))
    for name in names:
        with opened(pool, name) as con:
            con.execute("PRAGMA journal_mode=DELETE")
            con.execute("CREATE TABLE t(name)")
            con.execute("INSERT INTO t VALUES(?)", (name,))
    await pool.top_up()
    assert pool.file_names == sorted("/" + name for name in names)
    for name in names:
        with opened(pool, name) as con:
            assert value(con, "SELECT name FROM t") == name


@in_worker()
async def test_a_name_of_510_bytes_works_in_every_journal_mode(pool: Pool) -> None:
    name = "/" + "ä" * 254 + "x"
    assert len(name.encode()) == 510
    for mode in ("DELETE", "WAL", "TRUNCATE", "PERSIST"):
        with opened(pool, name) as con:
            assert value(con, f"PRAGMA journal_mode={mode}") == mode.lower()
            con.execute("CREATE TABLE IF NOT EXISTS t(a)")
            con.execute("BEGIN")
            con.execute("INSERT INTO t VALUES(?)", (mode,))
            assert len(pool.file_names) == 2
            con.execute("COMMIT")
    with opened(pool, name) as con:
        assert value(con, "SELECT count(*) FROM t") == 4


@in_worker()
async def test_databases_with_the_longest_names_commit_together(pool: Pool) -> None:
    """Their super-journal has a name that no header could hold."""
    one, two = "x" * 509, "y" * 509
    with opened(pool, one) as con, opened(pool, two) as other:
        con.execute("PRAGMA journal_mode=DELETE")
        other.execute("PRAGMA journal_mode=DELETE")
    with opened(pool, one) as con:
        con.execute("ATTACH ? AS other", (pool.uri(two),))
        con.execute("BEGIN")
        con.execute("CREATE TABLE main.t(a)")
        con.execute("CREATE TABLE other.t(a)")
        con.execute("COMMIT")
        assert value(con, "SELECT count(*) FROM other.t") == 0
    assert len(pool.file_names) == 2


@in_worker(default=True)
async def test_a_database_cannot_be_given_the_name_of_another_s_journal(pool: Pool) -> None:
    for name in ("diary-journal", "diary-wal"):
        with expect(sahpool.InvalidNameError, "own journals"):
            pool.connect(name)
        with expect(sqlite3.OperationalError) as caught:
            sqlite3.connect(name)
        assert isinstance(caught.error.__cause__, sahpool.InvalidNameError)
        with expect(sahpool.InvalidNameError, "own journals"):
            await pool.import_db(name, b"")
    assert pool.file_names == []


@in_worker(pragmas={"journal_mode": "WAL", "page_size": 8192, "auto_vacuum": 1})
async def test_settings_of_new_databases_can_be_given_to_install(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA page_size") == 8192
        assert value(con, "PRAGMA auto_vacuum") == 1
        assert value(con, "PRAGMA journal_mode") == "wal"


@in_worker(default=True)
async def test_a_name_that_is_too_long_is_refused_with_its_length(pool: Pool) -> None:
    with expect(sahpool.InvalidNameError, "511 bytes long"):
        pool.connect("x" * 510)
    with expect(sqlite3.OperationalError, "unable to open database file") as caught:
        sqlite3.connect("x" * 510)
    assert isinstance(caught.error.__cause__, sahpool.InvalidNameError)
    assert "511 bytes long" in str(caught.error.__cause__)
    assert pool.file_names == []


@in_worker()
async def test_a_database_that_must_exist_and_does_not_is_an_error_with_its_cause(
    pool: Pool,
) -> None:
    with expect(sqlite3.OperationalError) as caught:
        sqlite3.connect(pool.uri("none.db", mode="rw"), uri=True)
    assert isinstance(caught.error.__cause__, sahpool.NoSuchDatabaseError)
    assert pool.file_names == []


@in_worker()
async def test_a_file_that_is_no_database_is_the_first_query_s_error(pool: Pool) -> None:
    slot = slots_of(pool).create("/a.db", 0x106)
    slot.handle.write(b"no database at all" * 1000, 4096)
    with opened(pool, "a.db") as con:
        with expect(sqlite3.DatabaseError, "file is not a database") as caught:
            con.execute("SELECT count(*) FROM sqlite_schema")
        assert caught.error.sqlite_errorname == "SQLITE_NOTADB"


@in_worker()
async def test_a_connection_opens_while_another_has_the_database_to_itself(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a)")
        con.execute("BEGIN EXCLUSIVE")
        with opened(pool, "a.db") as other:
            with expect(sqlite3.OperationalError, "database is locked"):
                other.execute("SELECT * FROM t")
            con.execute("COMMIT")
            assert value(other, "SELECT count(*) FROM t") == 0


@in_worker()
async def test_a_read_only_connection_cannot_write(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(1)")
    with database(pool.uri("a.db", mode="ro")) as con:
        assert value(con, "SELECT a FROM t") == 1
        with expect(sqlite3.OperationalError, "readonly"):
            con.execute("INSERT INTO t VALUES(2)")


@in_worker()
async def test_a_read_only_connection_does_not_change_the_file_by_a_checkpoint(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("DROP TABLE t")
        con.execute("CREATE TABLE t(a)")
        slot = slot_of(pool, "/a.db")
        before = slot.handle.read(slot.handle.size(), 0)
        with database(pool.uri("a.db", mode="ro")) as reader:
            with expect(sqlite3.OperationalError, "disk I/O error") as caught:
                reader.execute("PRAGMA wal_checkpoint")
            assert "reading only" in str(caught.error.__cause__)
            assert value(reader, "SELECT count(*) FROM t") == 0
        assert slot.handle.read(slot.handle.size(), 0) == before
        assert con.execute("PRAGMA wal_checkpoint").fetchone()[0] == 0


@in_worker()
async def test_a_read_beyond_the_end_fills_the_rest_with_zeros(pool: Pool) -> None:
    """sqlite.org/c3ref/io_methods.html: without it, database corruption is likely."""
    prototype = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    )
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a)")
        (file,) = open_files(pool)
        read = prototype(address_of_method(pool, "xRead"))
        buffer = ctypes.create_string_buffer(b"\xff" * 200, 200)
        assert read(file, buffer, 200, 8192 - 50) == 522  # SQLITE_IOERR_SHORT_READ
        assert buffer.raw[50:] == bytes(150)
        assert read(file, buffer, 200, 1 << 33) == 522
        assert buffer.raw == bytes(200)


@in_worker()
async def test_an_error_s_place_in_the_sql_is_known(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        with expect(sqlite3.OperationalError, "no such column"):
            con.execute("SELECT 'ä', nope FROM sqlite_schema")
        assert sahpool.error_offset(con) == len("SELECT 'ä', ".encode())
    assert {"SELECT", "RETURNING", "OVER"} <= set(sahpool.keywords())


@in_worker()
async def test_an_error_is_raised_as_it_is_although_sqlite_calls_back_meanwhile(pool: Pool) -> None:
    """CPython sets its exception, then resets the statement, and the reset calls the VFS."""
    with opened(pool, "a.db") as one, opened(pool, "a.db") as two:
        for con in (one, two):
            con.execute("ATTACH ? AS b", (pool.uri("b.db"),))
            con.execute("PRAGMA b.journal_mode=DELETE")
        two.execute("BEGIN EXCLUSIVE")
        with expect(sqlite3.OperationalError, "database is locked"):
            one.execute("DROP INDEX IF EXISTS none")
        two.execute("COMMIT")
        one.execute("DROP INDEX IF EXISTS none")


@in_worker()
async def test_a_cursor_that_outlives_its_connection_says_so(pool: Pool) -> None:
    """CPython has set its exception already when the reset of the statement calls the VFS."""
    con = pool.connect("a.db")
    con.execute("CREATE TABLE t(a)")
    con.executemany("INSERT INTO t VALUES(?)", [(n,) for n in range(100)])
    con.commit()
    cursor = con.execute("SELECT * FROM t")
    cursor.fetchone()
    con.close()
    with expect(sqlite3.ProgrammingError, "closed database"):
        cursor.execute("SELECT * FROM t")


@in_worker()
async def _beyond_two_gigabytes(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        fill_low_memory()
        con.execute("BEGIN")
        con.executemany("INSERT INTO t VALUES(?)", [(f"{n:0500}",) for n in range(5000)])
        con.execute("COMMIT")
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with opened(pool, "a.db") as other:
            high = [file for file in open_files(pool) if file > 1 << 31]
            assert high, "no file of SQLite's lies beyond 2 GiB: the test tests nothing"
            assert value(other, "PRAGMA integrity_check") == "ok"
            assert value(other, "SELECT sum(a) FROM t") == 12497500
    with expect(sahpool.UnsupportedError, "2 GiB"):
        await sahpool.install(pool.name + "-late")


@pytest.mark.parametrize("runtime", ["node"], indirect=True)
def test_memory_beyond_two_gigabytes_is_read_and_written_where_it_is(runtime: Any) -> None:
    """Addresses arrive in JavaScript as signed numbers: beyond 2 GiB they are negative there."""
    runtime.restart()  # a heap with holes below 2 GiB would be filled there
    try:
        _beyond_two_gigabytes(runtime)
    finally:
        runtime.restart()
