"""What an import finds wrong, and what it must not take for wrong."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import sahpool
from tests.harness.inside_modules import quick_check_is
from tests.harness.inside_prelude import expect, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_damage_beside_what_only_its_own_application_can_compute_is_found(pool: Pool) -> None:
    """A computed column that may not be NULL, of a function and a collation that nobody knows."""
    with contextlib.closing(sqlite3.connect(":memory:")) as con:
        con.create_collation("mine", lambda one, two: (one > two) - (one < two))
        con.create_function("twice", 1, lambda number: 2 * number, deterministic=True)
        con.execute("CREATE TABLE u(a, b AS (twice(a)) NOT NULL, c TEXT COLLATE mine)")
        con.execute("CREATE INDEX j ON u(c)")
        con.execute("CREATE TABLE plain(a NOT NULL)")
        for table in ("u(a)", "plain(a)"):
            con.executemany(f"INSERT INTO {table} VALUES(?)", [(n,) for n in range(1, 3000)])
        con.commit()
        roots = dict(con.execute("SELECT name, rootpage FROM sqlite_schema"))
        image = con.serialize()
    await pool.import_db("a.db", image)
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT count(a) FROM u") == 2999
    for name, root in roots.items():
        torn = bytearray(image)
        torn[(root - 1) * 4096 : root * 4096] = bytes(4096)
        with expect(sahpool.ImportRejectedError, "damaged"):
            await pool.import_db("b.db", bytes(torn))
        assert pool.file_names == ["/a.db"], name


@in_worker()
async def test_the_last_row_is_looked_at_however_many_there_are(pool: Pool) -> None:
    """So the limit on steps is none for a sound file: rows as small and columns as many as can be.

    The rows are written while the table has no constraints; one of them breaks those it has later.
    """
    columns = [f"c{n}" for n in range(300)]
    for bad in (None, 1, 4000):
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
            con.execute(f"CREATE TABLE t({', '.join(columns)})")
            con.execute("BEGIN")
            for number in range(1, 4001):
                given = "NULL" if number == bad else "1"
                con.execute(f"INSERT INTO t VALUES({', '.join(['1'] * 299 + [given])})")
            con.execute("COMMIT")
            strict = ", ".join(f"{column} NOT NULL" for column in columns)
            con.execute("PRAGMA writable_schema=ON")
            con.execute("UPDATE sqlite_schema SET sql = ?", (f"CREATE TABLE t({strict})",))
            image = con.serialize()
        if bad is None:
            await pool.import_db("a.db", image)
            continue
        with expect(sahpool.ImportRejectedError, "NULL value in t.c299"):
            await pool.import_db("b.db", image)


@in_worker()
async def test_a_database_whose_rows_break_its_own_rules_for_values_is_taken(pool: Pool) -> None:
    """A CHECK is the application's: it may call its functions, or have changed since."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
        con.execute("CREATE TABLE t(a, b)")
        con.execute("INSERT INTO t(a) VALUES (1)")
        con.execute("PRAGMA writable_schema=ON")
        checked = "CREATE TABLE t(a CHECK (a > 5), b CHECK (nobody_knows(b)))"
        con.execute("UPDATE sqlite_schema SET sql = ?", (checked,))
        image = con.serialize()
    await pool.import_db("a.db", image)
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT a FROM t") == 1


@in_worker()
async def test_a_large_tree_is_no_deep_one(pool: Pool) -> None:
    """A thousand pages with children and more, and pages that look like them: freed ones."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
        con.execute("PRAGMA page_size=512")
        con.execute("CREATE TABLE t(a, b)")
        con.execute("CREATE TABLE gone(a, b)")
        con.execute("BEGIN")
        for table in ("t", "gone"):
            rows = [(n, "x" * 380) for n in range(30000)]
            con.executemany(f"INSERT INTO {table} VALUES(?, ?)", rows)
        con.execute("DROP TABLE gone")
        con.execute("CREATE INDEX i ON t(a)")
        con.execute("COMMIT")
        image = con.serialize()
    interior = sum(image[at] in (2, 5) for at in range(512, len(image), 512))
    assert interior > 500
    assert await pool.import_db("a.db", image) == len(image)


@in_worker()
async def test_a_storage_that_fails_during_the_check_is_not_the_file_s_fault(pool: Pool) -> None:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES (zeroblob(100000))")
        image = con.serialize()

    def failing(connection: sqlite3.Connection, of: str = "") -> str:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = 10
        raise error from OSError("the disk was pulled out")

    with quick_check_is(failing), expect(sqlite3.OperationalError, "disk I/O error"):
        await pool.import_db("a.db", image)
    assert pool.file_names == []
    await pool.import_db("a.db", image)


@in_worker()
async def test_no_expression_keeps_damage_from_being_found(pool: Pool) -> None:
    """One that fails, or takes for ever, before or while the rows are looked at."""
    columns = [
        "b AS (hex(hex(zeroblob(400000000 + a)))) NOT NULL",
        "b AS (a = hex(hex(zeroblob(400000000)))) NOT NULL",
        "b AS (hex(hex(zeroblob(400000000)))) NOT NULL",
        "b AS (abs(-9223372036854775808) + a) NOT NULL",
        "b AS (abs(a - 9223372036854775807 - 2)) NOT NULL",
        "b AS (json(a || '{')) NOT NULL",
        "b AS (json('{')) NOT NULL",
        "b AS (nobody_knows(a)) NOT NULL",
        "b AS (a || CASE 5 WHEN 6 THEN 7 ELSE json_extract('[', '$') END) NOT NULL",
        f"b AS (a || '{'x' * 3000}') NOT NULL",
        f"b AS (a || ({' || '.join(repr('x' * 90) for _ in range(40))})) NOT NULL",
        f"b AS (a || x'{'00' * 3000}') NOT NULL",
        "b AS (instr(zeroblob(9000000), CAST(zeroblob(5000000) || x'01' AS BLOB))) NOT NULL",
    ]
    taken = 0
    for column in columns:
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
            con.execute("CREATE TABLE t(a)")
            con.execute("CREATE TABLE plain(a)")
            con.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(5)])
            con.execute("PRAGMA writable_schema=ON")
            sql = f"CREATE TABLE t(a, {column})"
            con.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 't'", (sql,))
            roots = dict(con.execute("SELECT name, rootpage FROM sqlite_schema"))
            image = con.serialize()
        try:
            await pool.import_db("sound.db", image, replace=True)
            taken += 1
        except sahpool.ImportRejectedError:
            # What fails whatever a row holds, and literals that are as long as that.
            assert column in columns[1:4] + columns[6:7] + columns[9:12], column
        for name, root in roots.items():
            torn = bytearray(image)
            torn[(root - 1) * 4096 : root * 4096] = bytes(4096)
            with expect(sahpool.ImportRejectedError) as caught:
                await pool.import_db("torn.db", bytes(torn))
                raise AssertionError((name, column[:60]))
            assert "damaged" in str(caught.error), (name, column)
    assert taken >= 5, taken


@in_worker()
async def test_a_schema_that_uses_json_is_taken(pool: Pool) -> None:
    """SQLite 3.39 has its own JSON functions among those that an untrusted schema may not use."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
        con.execute("CREATE TABLE t(j CHECK (json_valid(j)), a AS (j ->> '$.a') NOT NULL)")
        con.execute("CREATE INDEX i ON t(json_extract(j, '$.b'))")
        con.executemany("INSERT INTO t VALUES (?)", [(f'{{"a": {n}, "b": 1}}',) for n in range(99)])
        image = con.serialize()
    await pool.import_db("a.db", image)
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT sum(a) FROM t WHERE json_extract(j, '$.b') = 1") == 4851
