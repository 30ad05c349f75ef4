"""Databases whose schema a newer SQLite wrote: read as far as it is known, kept as they are."""

from __future__ import annotations

import sqlite3
import warnings
from typing import TYPE_CHECKING

import sahpool
from tests.harness.inside_prelude import (
    database,
    expect,
    killed_copy,
    newer_database,
    opened,
    put_aside,
    told,
    value,
)
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_a_view_that_only_a_newer_sqlite_knows_is_told_and_the_rest_is_read(
    pool: Pool,
) -> None:
    image = newer_database(
        {
            "v": "CREATE VIEW v AS SELECT group_concat(b, ',' ORDER BY a) FROM t",
            "w": "CREATE VIEW w AS SELECT 1_000 AS x",
        },
        statements=("CREATE VIEW known AS SELECT b FROM t",),
    )
    with told() as found:
        assert await pool.import_db("a.db", image) == len(image)
    (warning,) = found.warnings
    assert (warning.objects, warning.kinds) == (("v", "w"), ("view", "view"))
    assert warning.written_by == "3.46.1"
    assert "view v, view w" in str(warning)
    assert "3.46.1" in str(warning)
    assert warning.hint in str(warning)
    with told() as found, opened(pool, "a.db") as con:
        assert [each.objects for each in found.warnings] == [("v", "w")]
        assert value(con, "SELECT b FROM t") == "one"
        assert value(con, "SELECT b FROM known") == "one"
        with expect(sqlite3.OperationalError, "no such table: v"):
            con.execute("SELECT * FROM v")
    # What speaks sqlite3 without knowing of the pool reads it as well.
    with database(f"file:/a.db?vfs={pool.name}") as con:
        assert value(con, "SELECT b FROM t") == "one"
    assert pool.export_file("a.db") == image
    assert b"".join(pool.export_chunks("a.db", 512)) == image
    async with pool.export_blob("a.db") as blob:
        assert blob.size == len(image)


@in_worker()
async def test_a_newer_database_is_not_written_to_unless_that_is_asked_for(pool: Pool) -> None:
    image = newer_database({"v": "CREATE VIEW v AS SELECT 1_000 AS x"})
    await pool.import_db("a.db", image)
    with opened(pool, "a.db") as con:
        for sql in (
            "INSERT INTO t VALUES (2, 'two')",
            "CREATE TABLE u(a)",
            "CREATE VIEW v AS SELECT 1 AS x",
            "DROP TABLE t",
            "PRAGMA user_version=5",
        ):
            with expect(sqlite3.OperationalError, "readonly"):
                con.execute(sql)
    assert pool.export_file("a.db") == image
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA query_only=OFF")
        con.execute("INSERT INTO t VALUES (2, 'two')")
        # The schema itself cannot be written to, and no name is given a second time.
        with expect(sqlite3.OperationalError, "may not be modified"):
            con.execute("DELETE FROM sqlite_schema")
        with expect(sqlite3.DatabaseError, "malformed"):
            con.execute("CREATE VIEW v AS SELECT 1 AS x")
        names = [name for (name,) in con.execute("SELECT name FROM sqlite_schema")]
        assert names == ["t", "v"], names
    # By its header this SQLite wrote it last; it opens, goes out and comes in all the same.
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 2
    content = pool.export_file("a.db")
    assert content[96:100] != image[96:100]
    with told() as found:
        await pool.import_db("b.db", content)
    assert [each.objects for each in found.warnings] == [("v",)]
    with opened(pool, "b.db") as con:
        assert value(con, "SELECT group_concat(b) FROM t") == "one,two"


@in_worker()
async def test_a_newer_schema_is_read_again_when_another_connection_changes_it(
    pool: Pool,
) -> None:
    await pool.import_db("a.db", newer_database({"v": "CREATE VIEW v AS SELECT 1_000 AS x"}))
    with opened(pool, "a.db") as reader, opened(pool, "a.db") as writer:
        assert value(reader, "SELECT count(*) FROM t") == 1
        writer.execute("PRAGMA query_only=OFF")
        writer.execute("CREATE TABLE u(a)")
        writer.execute("BEGIN")
        writer.execute("CREATE TABLE w(a)")
        writer.execute("ROLLBACK")
        assert value(reader, "SELECT count(*) FROM u") == 0
        assert value(writer, "SELECT count(*) FROM t") == 1


@in_worker()
async def test_tables_indexes_and_triggers_of_a_newer_sqlite_leave_the_rest_readable(
    pool: Pool,
) -> None:
    entries = {
        "odd": "CREATE TABLE odd(a DEFAULT 1_000)",
        "i": "CREATE INDEX i ON t(a + 1_000)",
        "g": "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1_000; END",
    }
    filled = (
        "CREATE TABLE odd(a)",
        "CREATE INDEX i ON t(a)",
        "CREATE INDEX of_odd ON odd(a)",
        "CREATE TABLE s(k PRIMARY KEY, v AS (k + 1) NOT NULL) WITHOUT ROWID",
        "INSERT INTO odd WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < 5000) SELECT hex(i) FROM n",
        "INSERT INTO s SELECT rowid FROM odd",
    )
    image = newer_database(entries, statements=filled)
    with told() as found:
        await pool.import_db("a.db", image)
    (warning,) = found.warnings
    assert dict(zip(warning.objects, warning.kinds, strict=True)) == {
        "odd": "table",
        "i": "index",
        "of_odd": "index",
        "g": "trigger",
    }
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT b FROM t") == "one"
        assert value(con, "SELECT sum(v) FROM s") == 12_507_500
        with expect(sqlite3.OperationalError, "readonly"):
            con.execute("INSERT INTO t VALUES (2, 'two')")
    assert pool.export_file("a.db") == image
    # A table that can be read is looked at as ever.
    with database(":memory:") as con:
        con.deserialize(image)
        con.execute("PRAGMA writable_schema=ON")
        root = value(con, "SELECT rootpage FROM sqlite_schema WHERE name = 's'")
    torn = bytearray(image)
    torn[(root - 1) * 4096 : root * 4096] = bytes(4096)
    with expect(sahpool.ImportRejectedError, "damaged"):
        await pool.import_db("b.db", bytes(torn))
    # Last written here: rows would be lost if it is damage, so the old database stays.
    own = newer_database(entries, sqlite3.sqlite_version_info[1] * 1000 + 3_000_000, filled)
    with expect(sahpool.ImportRejectedError, "table odd, index i") as refused:
        await pool.import_db("a.db", own, replace=True)
    assert "a newer SQLite" in str(refused.error)
    assert pool.export_file("a.db") == image


@in_worker()
async def test_what_an_older_sqlite_wrote_and_nobody_can_read_is_damaged(pool: Pool) -> None:
    view = {"v": "CREATE VIEW v AS SELECT 1_000 AS x"}
    with expect(sahpool.ImportRejectedError, "damaged: malformed database schema (v)"):
        await pool.import_db("a.db", newer_database(view, 3038005))
    # Nor is it new what SQLite could parse, whatever the header says.
    image = newer_database({"i": "CREATE INDEX i ON t(a)"}, 3039000)
    with expect(sahpool.ImportRejectedError, "damaged: malformed database schema (i)"):
        await pool.import_db("a.db", image)
    assert pool.file_names == []


@in_worker()
async def test_what_can_be_read_to_its_middle_is_told_as_well(pool: Pool) -> None:
    """SQLite takes a view for complete before it comes to the word that it does not know."""
    image = newer_database({"v": "CREATE VIEW v AS SELECT a FROM t QUALIFY whatever"})
    with told() as found:
        await pool.import_db("a.db", image)
    assert [each.objects for each in found.warnings] == [("v",)]
    with told() as found, opened(pool, "a.db") as con:
        assert len(found.warnings) == 1
        assert value(con, "SELECT b FROM t") == "one"
        with expect(sqlite3.OperationalError, "readonly"):
            con.execute("INSERT INTO t VALUES (2, 'two')")
    assert pool.export_file("a.db") == image


@in_worker()
async def test_a_warning_that_is_an_error_leaves_everything_as_it_was(pool: Pool) -> None:
    await pool.import_db("a.db", newer_database({}))
    before = pool.export_file("a.db")
    with warnings.catch_warnings():
        warnings.simplefilter("error", sahpool.NewerSchemaWarning)
        with expect(sahpool.NewerSchemaWarning):
            image = newer_database({"v": "CREATE VIEW v AS SELECT 1_000 AS x"})
            await pool.import_db("a.db", image, replace=True)
    assert pool.file_names == ["/a.db"]
    assert pool.export_file("a.db") == before


@in_worker(pragmas={})
async def test_a_newer_database_in_wal_mode_is_read_without_settings_of_ours(pool: Pool) -> None:
    image = bytearray(newer_database({"v": "CREATE VIEW v AS SELECT 1_000 AS x"}))
    image[18:20] = b"\2\2"
    await pool.import_db("a.db", bytes(image))
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT b FROM t") == "one"
        assert value(con, "PRAGMA journal_mode") == "wal"
    content = pool.export_file("a.db")
    assert content == bytes(image[:18]) + b"\1\1" + bytes(image[20:])
    await pool.import_db("b.db", content)


@in_worker()
async def test_a_newer_database_comes_back_from_quarantine(pool: Pool) -> None:
    view = {"v": "CREATE VIEW v AS SELECT 1_000 AS x"}
    await pool.import_db("a.db", newer_database(view))
    kept = await put_aside(pool, "/a.db")
    with told() as found:
        pool.recover(kept.name, "a.db")
    assert [each.objects for each in found.warnings] == [("v",)]
    assert pool.export_file("a.db") == newer_database(view)


@in_worker()
async def test_a_newer_database_comes_back_from_quarantine_with_its_wal_or_journal(
    pool: Pool,
) -> None:
    for mode, rows in (("WAL", 301), ("DELETE", 1)):
        image = newer_database({"v": "CREATE VIEW v AS SELECT 1_000 AS x"})
        await pool.import_db(f"{mode}.db", image)
        directory = f".{pool.name}-{mode}"
        with opened(pool, f"{mode}.db") as con:
            con.execute("PRAGMA query_only=OFF")
            con.execute(f"PRAGMA journal_mode={mode}")
            con.execute("PRAGMA cache_size=2")
            if mode == "DELETE":
                con.execute("BEGIN")
            con.executemany("INSERT INTO t VALUES (?, 'x')", [("y" * 900,) for _ in range(300)])
            await killed_copy(pool, directory)
            if mode == "DELETE":
                con.execute("ROLLBACK")
        killed = await sahpool.install(directory[1:])
        kept = await put_aside(killed, f"/{mode}.db")
        assert len(killed.quarantined) == 2, mode
        with told() as found:
            killed.recover(kept.name)
        assert [each.objects for each in found.warnings] == [("v",)]
        assert killed.quarantined == []
        with opened(killed, f"{mode}.db") as con:
            assert value(con, "SELECT count(*) FROM t") == rows
        # Another pool's copy takes what is half done there as well.
        killed.pause_vfs()
        with told() as found:
            await pool.import_pool(directory, replace=True)
        assert [each.objects for each in found.warnings] == [("v",)]
        with opened(pool, f"{mode}.db") as con:
            assert value(con, "SELECT count(*) FROM t") == rows
        await killed.unpause_vfs()
        pool.unlink(f"{mode}.db")


@in_worker()
async def test_functions_that_only_a_newer_sqlite_has_are_no_reason_to_refuse(pool: Pool) -> None:
    """SQLite parses what it cannot call: the rest of the table is read."""
    image = newer_database(
        {
            "t": "CREATE TABLE t(a, b, c AS (unistr(b)), CHECK (json_valid(b, 6)))",
            "j": "CREATE VIEW j AS SELECT jsonb(b) AS x FROM t",
        }
    )
    with told() as found:
        await pool.import_db("a.db", image)
    assert found.warnings == []
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT b FROM t") == "one"
        with expect(sqlite3.OperationalError, "no such function: jsonb"):
            con.execute("SELECT * FROM j")
    assert pool.export_file("a.db") == image
