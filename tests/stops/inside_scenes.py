"""Runs inside Pyodide in Node: what a program does with a pool while exceptions strike."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import js
from pyodide.ffi import to_js

import sahpool
import sahpool.functions
from sahpool.opfs_pool.header import SECTOR_SIZE
from tests.harness.inside_pools import forget, slot_of
from tests.stops.inside_strikes import Play, Scene

#: A table of 30 rows over 10 pages: the cache has 6.
FILL = """
    CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 29)
        INSERT INTO t SELECT i, printf('%0900d', i) FROM n
"""

SCENES: dict[str, Scene] = {}

Act = Callable[[Play], Awaitable[None]]


def scene(prepare: Act | None = None, **options: Any) -> Callable[[Act], Act]:
    """Make a function a scene with its name as title; ``prepare`` creates its databases."""

    def decorate(act: Act) -> Act:
        SCENES[act.__name__] = Scene(act.__name__, prepare or one_database, act, options)
        return act

    return decorate


def run(connection: sqlite3.Connection, sql: str) -> None:
    """Runs the statements of a script without triggers, one by one."""
    for statement in sql.split(";"):
        connection.execute(statement).fetchall()


async def nothing(_play: Play) -> None:
    """Prepares an empty pool."""


async def one_database(play: Play) -> None:
    """Prepares a database that no connection has open."""
    with contextlib.closing(play.pool.connect("a.db", isolation_level=None)) as connection:
        run(connection, FILL)
    await play.pool.top_up()


async def two_databases(play: Play) -> None:
    """Prepares two databases that no connection has open."""
    await one_database(play)
    with contextlib.closing(play.pool.connect("b.db", isolation_level=None)) as connection:
        run(connection, FILL)
    await play.pool.top_up()


async def one_open(play: Play) -> None:
    """Prepares a database with an open connection that has read it."""
    await one_database(play)
    play.kept["con"] = play.connect("a.db")
    run(play.kept["con"], "SELECT count(*) FROM t")


async def exported(play: Play) -> None:
    """Prepares a database, and the bytes of another one."""
    await one_database(play)
    with contextlib.closing(play.pool.connect("o.db", isolation_level=None)) as connection:
        run(connection, "CREATE TABLE o(x); INSERT INTO o VALUES(zeroblob(30000))")
    play.kept["data"] = play.pool.export_file("o.db")
    play.pool.unlink("o.db")
    await play.pool.top_up()


# --- statements -----------------------------------------------------------------------------------


@scene(nothing)
async def a_new_database(play: Play) -> None:
    con = play.connect("n.db")
    run(con, "CREATE TABLE n(x)")
    play.returned()
    run(con, "INSERT INTO n VALUES(1)")
    play.returned()
    con.close()


@scene()
async def a_connection_a_cell(play: Play) -> None:
    for number in (1, 2):
        con = play.connect("a.db")
        run(con, f"INSERT INTO t VALUES({number}00, 'a')")
        play.returned()
        con.close()


@scene(one_open)
async def statements_on_one_connection(play: Play) -> None:
    con = play.kept["con"]
    run(con, "INSERT INTO t VALUES(100, 'a')")
    play.returned()
    run(con, "BEGIN; UPDATE t SET v = printf('%0850d', id); COMMIT")
    play.returned()
    run(con, "BEGIN; DELETE FROM t; ROLLBACK")
    play.returned()
    run(con, "BEGIN; DELETE FROM t WHERE id < 9; SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; COMMIT")
    play.returned()
    run(con, "SELECT sum(length(v)) FROM t")
    play.returned()


@scene(one_open)
async def two_connections(play: Play) -> None:
    one, two = play.kept["con"], play.connect("a.db")
    reading = two.execute("SELECT * FROM t")
    reading.fetchone()
    with contextlib.suppress(sqlite3.OperationalError):  # locked, except in WAL mode
        run(one, "INSERT INTO t VALUES(100, 'a')")
    play.returned()
    reading.close()
    two.execute("BEGIN IMMEDIATE")
    with contextlib.suppress(sqlite3.OperationalError):
        run(one, "BEGIN IMMEDIATE")
    two.execute("ROLLBACK")
    two.close()


@scene(one_open)
async def a_checkpoint(play: Play) -> None:
    con = play.kept["con"]
    run(con, "INSERT INTO t VALUES(100, 'a')")
    play.returned()
    run(con, "PRAGMA wal_checkpoint(TRUNCATE)")
    play.returned()
    con.close()


@scene(one_open)
async def a_vacuum(play: Play) -> None:
    run(play.kept["con"], "DELETE FROM t WHERE id % 2")
    play.returned()
    run(play.kept["con"], "VACUUM")
    play.returned()


@scene(two_databases)
async def a_transaction_over_two(play: Play) -> None:
    con = play.connect("a.db")
    run(con, f"ATTACH '{play.pool.uri('b.db')}' AS b")
    if play.mode == "WAL":
        return  # in WAL mode each database commits by itself (sqlite.org/lang_attach.html)
    run(con, "BEGIN; DELETE FROM t; DELETE FROM b.t WHERE id < 9; COMMIT")
    play.returned()
    run(con, "DETACH b")


@scene(one_open, temp_memory_limit=20_000)
async def a_large_sort(play: Play) -> None:
    con = play.kept["con"]
    run(con, "CREATE TEMP TABLE x AS SELECT v || id AS w FROM t")
    run(con, "SELECT * FROM x, t ORDER BY w || v")
    run(con, "CREATE INDEX i ON t(v)")
    play.returned()


@scene(one_open)
async def functions_that_stand_in_from(play: Play) -> None:
    con = play.kept["con"]
    assert sahpool.functions.register_tables(con)
    rows = con.execute("SELECT rowid, value FROM generate_series(1, 3)").fetchall()
    assert rows == [(1, 1), (2, 2), (3, 3)], rows
    run(con, "INSERT INTO t SELECT 100 + value, 'a' FROM generate_series(1, 20, 4)")
    play.returned()
    run(con, "BEGIN; DELETE FROM t WHERE id IN (SELECT value FROM string_split('3,4')); COMMIT")
    play.returned()
    cursor = con.execute("SELECT ordinal FROM generate_series(1, 9), string_split('a-b', '-')")
    cursor.fetchone()
    cursor.close()
    with contextlib.suppress(sqlite3.OperationalError):
        run(con, "SELECT * FROM string_split('a', '')")


@scene(one_open)
async def other_journal_modes(play: Play) -> None:
    con = play.kept["con"]
    for mode in ("DELETE", "PERSIST", "WAL", "TRUNCATE", "MEMORY", "WAL"):
        run(con, f"PRAGMA journal_mode={mode}")
        run(con, f"INSERT INTO t VALUES(NULL, '{mode}')")
        play.returned()


async def cut_off(play: Play) -> None:
    """Prepares a database that a killed worker left in a transaction, with a journal or WAL."""
    await one_database(play)
    con = play.pool.connect("a.db", isolation_level=None)
    run(con, "INSERT INTO t VALUES(100, 'a'); BEGIN; UPDATE t SET v = 'cut off' || v")
    image = js.memoryOpfs.copy("crash")
    con.close()
    play.pool.pause_vfs()
    js.memoryOpfs.put("crash", image)
    await play.pool.unpause_vfs()


@scene(cut_off)
async def a_recovery(play: Play) -> None:
    con = play.connect("a.db")
    run(con, "SELECT count(*) FROM t")
    play.returned()
    run(con, "DELETE FROM t WHERE id < 3")
    play.returned()


# --- pool methods ---------------------------------------------------------------------------------


@scene(exported)
async def an_import(play: Play) -> None:
    await play.pool.import_db("n.db", play.kept["data"])
    play.returned()
    data = play.kept["data"]
    await play.pool.import_db("a.db", [data[:9000], data[9000:]], replace=True)
    play.returned()


@scene(exported)
async def an_import_from_a_blob(play: Play) -> None:
    await play.pool.import_db("n.db", js.Blob.new(to_js([to_js(play.kept["data"])])))
    play.returned()


@scene(exported)
async def an_import_that_is_refused(play: Play) -> None:
    with contextlib.suppress(sahpool.ImportRejectedError):
        await play.pool.import_db("a.db", play.kept["data"][:-5000], replace=True)
    with contextlib.suppress(sahpool.ImportRejectedError):
        await play.pool.import_db("n.db", b"no database")
    with contextlib.suppress(sahpool.NameExistsError):
        await play.pool.import_db("a.db", play.kept["data"])


@scene(cut_off)
async def an_import_over_one_that_was_cut_off(play: Play) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    run(connection, FILL)
    await play.pool.import_db("a.db", connection.serialize(), replace=True)
    play.returned()


@scene(one_open)
async def exports(play: Play) -> None:
    play.pool.export_file("a.db")
    sum(map(len, play.pool.export_chunks("a.db", size=5000)))
    async with play.pool.export_blob("a.db"):
        pass
    run(play.kept["con"], "BEGIN IMMEDIATE; INSERT INTO t VALUES(200, 'b')")
    play.pool.export_file("a.db")
    async with play.pool.export_blob("a.db"):
        pass
    run(play.kept["con"], "ROLLBACK")


@scene(two_databases)
async def deletions(play: Play) -> None:
    play.pool.unlink("b.db")
    play.returned()
    play.pool.unlink("no.db")
    play.pool.unlink("a.db")
    play.returned()


@scene(cut_off)
async def a_deletion_of_what_was_cut_off(play: Play) -> None:
    play.pool.unlink("a.db")
    play.returned()


@scene()
async def slots_added_and_removed(play: Play) -> None:
    await play.pool.add_capacity(2)
    await play.pool.reduce_capacity(4)
    await play.pool.reserve_minimum_capacity(9)
    await play.pool.top_up()


@scene()
async def a_pause(play: Play) -> None:
    play.pool.pause_vfs()
    await play.pool.unpause_vfs()


@scene(nothing)
async def a_wipe(play: Play) -> None:
    await play.pool.wipe_files()


@scene()
async def installs(play: Play) -> None:
    await sahpool.install("struck")
    other = await sahpool.install("other", spare=1, initial_capacity=2)
    other.connect("x.db").close()
    await other.remove_vfs()


@scene()
async def looks(play: Play) -> None:
    pool = play.pool
    _ = (
        pool.databases,
        pool.file_names,
        pool.capacity,
        pool.quarantined,
        pool.stats,
        pool.file_count,
    )
    assert pool.exists("a.db")
    assert pool.size("a.db")
    pool.reset_stats()
    await sahpool.find_pools()


@scene()
async def a_check(play: Play) -> None:
    await play.pool.check()


async def in_quarantine(play: Play) -> None:
    """Prepares two databases in quarantine, one cut off in a transaction, with journal or WAL."""
    await two_databases(play)
    con = play.pool.connect("a.db", isolation_level=None)
    run(con, "INSERT INTO t VALUES(100, 'a'); BEGIN; UPDATE t SET v = 'cut off' || v")
    for path in ("/a.db", "/b.db"):
        slot = slot_of(play.pool, path)
        play.kept[path] = slot.name
        before = slot.handle.read(SECTOR_SIZE, 0)
        slot.handle.write(b"\xff" * SECTOR_SIZE, 0)
        play.kept[path + " before"] = before
    image = js.memoryOpfs.copy("crash")
    for path in ("/a.db", "/b.db"):
        slot_of(play.pool, path).handle.write(play.kept[path + " before"], 0)
    con.close()
    play.pool.pause_vfs()
    js.memoryOpfs.put("crash", image)
    await play.pool.unpause_vfs()
    await play.pool.top_up()
    assert len(play.pool.quarantined) >= 2


@scene(in_quarantine)
async def a_way_out_of_quarantine(play: Play) -> None:
    sum(map(len, play.pool.export_quarantined(play.kept["/b.db"])))
    play.pool.recover(play.kept["/a.db"], "a.db")
    play.returned()
    play.pool.drop_quarantined(play.kept["/b.db"])


async def another_pool(play: Play) -> None:
    """Prepares another program's pool, with a database."""
    await one_database(play)
    other = await sahpool.install("other", directory="other", spare=1, initial_capacity=3)
    with contextlib.closing(other.connect("x.db", isolation_level=None)) as connection:
        run(connection, "CREATE TABLE x(a); INSERT INTO x VALUES(1)")
    other.pause_vfs()
    forget(other)


@scene(another_pool)
async def an_import_of_a_pool(play: Play) -> None:
    await play.pool.import_pool("other")
    play.returned()
