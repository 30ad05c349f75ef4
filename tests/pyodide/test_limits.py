"""What one pool exports every pool imports: schemas of any size, as SQLite itself accepts them."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

import sahpool
from tests.harness.inside_prelude import opened, put_aside, random_database, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@pytest.mark.parametrize("first", [0, 100])
@in_worker()
async def test_what_one_pool_exports_every_pool_imports(pool: Pool, first: int) -> None:
    other = await sahpool.install(pool.name + "-other")
    for seed in range(first, first + 8):
        pragmas, statements = random_database(random.Random(seed))
        with opened(pool, "a.db") as con:
            con.execute("PRAGMA journal_mode=DELETE")
            for pragma in pragmas:
                con.execute(f"PRAGMA {pragma}")
            con.execute("VACUUM")  # makes the settings those of the file
            con.execute("BEGIN")
            refused: dict[str, str] = {}
            for statement in statements:
                try:
                    con.execute(statement)
                except sqlite3.OperationalError as error:  # what SQLite does not accept
                    refused[str(error)] = statement[:200]
            con.execute("COMMIT")
            assert all("too" in error for error in refused), (seed, refused)
            tables = value(con, "SELECT count(*) FROM sqlite_schema")
            assert value(con, "PRAGMA integrity_check") == "ok"
        content = pool.export_file("a.db")
        assert await other.import_db("b.db", content, replace=True) == len(content), seed
        assert other.export_file("b.db") == content, seed
        with opened(other, "b.db") as con:
            assert value(con, "SELECT count(*) FROM sqlite_schema") == tables
            assert value(con, "PRAGMA integrity_check") == "ok"
        # So it does when it comes out of quarantine, or as a pool.
        kept = await put_aside(other, "/b.db")
        other.recover(kept.name, "b.db")
        assert other.export_file("b.db") == content, seed
        pool.unlink("a.db")
        other.pause_vfs()
        assert await pool.import_pool(other.directory, replace=True) == {"/b.db": len(content)}
        await other.unpause_vfs()
        assert pool.export_file("b.db") == content, seed


@in_worker()
async def test_a_statement_of_a_million_bytes_and_more_comes_in_again(pool: Pool) -> None:
    """Each kind of statement, of SQLite's million bytes and of three of them."""
    for size in (1_000_000, 3_000_000):
        numbers = ",".join(map(str, range(size // 8)))
        comment = "/* " + "x" * (size - 100) + " */"
        wide = ",".join(f"{'column ' * (size // 16_000)}{n}".join('""') for n in range(1990))
        statements = {
            "checked": f"CREATE TABLE checked(a CHECK (a IN ({numbers})))",
            "given": f"CREATE TABLE given(a, b DEFAULT '{'x' * size}')",
            "made": f"CREATE TABLE made(a, b AS (a IN ({numbers})) NOT NULL)",
            "wide": f"CREATE TABLE wide({wide})",
            "noted": f"CREATE TABLE noted(a {comment})",
            "seen": f"CREATE VIEW seen AS SELECT a IN ({numbers}) AS x FROM given",
            "listed": f"CREATE VIEW listed AS VALUES ({'),('.join(numbers.split(','))})",
            "found": f"CREATE INDEX found ON given(a) WHERE a IN ({numbers})",
            "fired": "CREATE TRIGGER fired AFTER INSERT ON given BEGIN "
            + "UPDATE made SET a = 7 WHERE a = 8; " * (size // 40)
            + "END",
            "called": f'CREATE TABLE "{"n" * size}"(a)',
        }
        for name, sql in statements.items():
            needs_given = name in ("seen", "found", "fired")
            with opened(pool, "a.db") as con:
                if needs_given:
                    con.execute("CREATE TABLE given(a)")
                    con.execute("CREATE TABLE made(a)")
                con.execute(sql)
                assert value(con, "SELECT max(length(sql)) FROM sqlite_schema") > 0.7 * size, name
            content = pool.export_file("a.db")
            await pool.import_db("b.db", content, replace=True)
            assert pool.export_file("b.db") == content, name
            pool.unlink("a.db")


@in_worker()
async def test_functions_and_collations_of_an_application_may_be_many(pool: Pool) -> None:
    """SQLite names one at a time of those that it does not know."""
    with opened(pool, "a.db") as con:
        for n in range(400):
            con.create_function(f"f{n}", 1, lambda given: given, deterministic=True)
            con.create_collation(f"order{n}", lambda one, two: (one > two) - (one < two))
        made = ",".join(f"b{n} AS (f{n}(a)) NOT NULL" for n in range(400))
        con.execute(f"CREATE TABLE t(a, {made})")
        texts = ",".join(f"c{n} TEXT COLLATE order{n}" for n in range(400))
        con.execute(f"CREATE TABLE u({texts})")
        con.execute(f"CREATE INDEX i ON u({','.join(f'c{n}' for n in range(400))})")
        con.execute("INSERT INTO t(a) VALUES (1)")
        con.execute("INSERT INTO u(c1) VALUES ('x')")
    content = pool.export_file("a.db")
    await pool.import_db("b.db", content)
    assert pool.export_file("b.db") == content
