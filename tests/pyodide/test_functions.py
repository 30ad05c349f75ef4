"""SQL functions in Python in Pyodide: those that stand in FROM, and what a call costs."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from tests.harness.inside_pools import open_cursors, open_tables
from tests.harness.inside_prelude import expect, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_all_functions_are_there_after_register(pool: Pool) -> None:
    import sahpool.functions as functions

    with opened(pool, "a.db") as con:
        functions.register(con)
        known = {name for (name,) in con.execute("SELECT name FROM pragma_function_list")}
        assert {each.name for each in functions.SCALARS} <= known
        assert {each.name for each in functions.AGGREGATES} <= known
        modules = {name for (name,) in con.execute("SELECT name FROM pragma_module_list")}
        assert {each.name for each in functions.TABLES} <= modules
        assert value(con, "SELECT median(value) FROM generate_series(1, 4)") == 2.5


@in_worker()
async def test_generate_series_has_the_rows_of_sqlite_s_extension(pool: Pool) -> None:
    import sahpool.functions as functions

    with opened(pool, "a.db") as con:
        functions.register(con)

        def series(arguments: str, rest: str = "") -> list[int]:
            rows = con.execute(f"SELECT value FROM generate_series({arguments}) {rest}")
            return [row[0] for row in rows]

        # sqlite.org/series.html, and ext/misc/series.c for what it does not tell.
        assert series("5, 30, 5") == [5, 10, 15, 20, 25, 30]
        assert series("1, 3") == [1, 2, 3]
        assert series("3, 1") == []
        assert series("3, 1, -1") == [3, 2, 1]
        assert series("1, 3, 0") == [1, 2, 3]
        assert series("1, 10, 4") == [1, 5, 9]
        assert series("7", "LIMIT 2") == [7, 8]
        assert series("'2x', 4.9") == [2, 3, 4]
        assert series("NULL, 3") == series("1, NULL") == series("1, 3, NULL") == []
        top = (1 << 63) - 1
        assert series(f"{top - 1}, {top}") == [top - 1, top]
        assert series(f"{-top - 1}, {-top}") == [-top - 1, -top]
        assert series("1, 9", "WHERE value % 2 = 0 ORDER BY value DESC") == [8, 6, 4, 2]
        rows = con.execute("SELECT rowid, value, start, stop, step FROM generate_series(4, 6, 2)")
        assert rows.fetchall() == [(1, 4, 4, 6, 2), (2, 6, 4, 6, 2)]
        rows = con.execute("SELECT value FROM generate_series WHERE start = 8 AND stop = 9")
        assert rows.fetchall() == [(8,), (9,)]


@in_worker()
async def test_a_table_function_may_take_its_arguments_from_another_table(pool: Pool) -> None:
    import sahpool.functions as functions

    with opened(pool, "a.db") as con:
        functions.register(con)
        con.execute("CREATE TABLE t (id, tags)")
        con.execute("INSERT INTO t VALUES (1, 'a,b'), (2, NULL), (3, ''), (4, 'c')")
        sql = "SELECT id, ordinal, value FROM t, string_split(t.tags) {} ORDER BY id, ordinal"
        rows = [(1, 1, "a"), (1, 2, "b"), (3, 1, ""), (4, 1, "c")]
        assert con.execute(sql.format("")).fetchall() == rows
        # The table function cannot be the outer loop, as its argument is not known there.
        assert con.execute(sql.format("WHERE ordinal < 9 AND id > 0")).fetchall() == rows
        many = con.execute(
            "SELECT a.value, b.value FROM generate_series(1, 3) AS a,"
            " generate_series(a.value, 3) AS b"
        )
        assert len(many.fetchall()) == 6
        assert con.execute("SELECT count(*) FROM string_split('a--b--', '--')").fetchone() == (3,)


@in_worker()
async def test_a_table_function_says_what_it_needs(pool: Pool) -> None:
    import sahpool.functions as functions

    with opened(pool, "a.db") as con:
        functions.register(con)
        with expect(sqlite3.OperationalError, "needs the argument start"):
            con.execute("SELECT * FROM generate_series").fetchall()
        with expect(sqlite3.OperationalError, "needs the argument start"):
            con.execute("SELECT * FROM generate_series WHERE stop = 3").fetchall()
        with expect(sqlite3.OperationalError, "separator that is not empty"):
            con.execute("SELECT * FROM string_split('abc', '')").fetchall()
        with expect(sqlite3.OperationalError, "too many arguments"):
            con.execute("SELECT * FROM generate_series(1, 2, 3, 4)").fetchall()
        with expect(sqlite3.OperationalError, "may not be modified"):
            con.execute("INSERT INTO generate_series VALUES (1)")
        assert value(con, "SELECT count(*) FROM generate_series(1, 3)") == 3


@in_worker()
async def test_values_of_every_type_pass_through_a_table_function(pool: Pool) -> None:
    from sahpool.browser import emscripten, loaded_io_module
    from sahpool.functions.registry import Table
    from sahpool.sqlite.virtual_tables import VirtualTables

    def echo(**given: object) -> list[tuple[object]]:
        return [(each,) for each in given.values()]

    table = Table("echo", ("value",), ("a", "b", "c", "d", "e"), 0, echo)  # type: ignore[arg-type]
    tables = VirtualTables(loaded_io_module(), emscripten())
    with opened(pool, "a.db") as con:
        tables.register(con, [table])
        rows = con.execute(
            "SELECT value FROM echo(-9223372036854775808, 1e300, 'a' || char(0) || 'é', x'00ff',"
            " NULL)"
        ).fetchall()
        assert [row[0] for row in rows] == [-(1 << 63), 1e300, "a\0é", b"\0\xff", None]
        rows = con.execute("SELECT value, b FROM echo WHERE b = 'x' AND d = x''").fetchall()
        assert rows == [("x", "x"), (b"", "x")]


@in_worker()
async def test_nothing_is_left_of_a_table_function_that_was_read_in_part(pool: Pool) -> None:
    import sahpool.functions as functions

    with opened(pool, "a.db") as con:
        functions.register(con)
        cursor = con.execute("SELECT value FROM generate_series(1, 1000000000000)")
        assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
        assert open_cursors(functions) == 1
        cursor.close()
        assert open_cursors(functions) == 0
        # Two connections use the same functions.
        with opened(pool, "b.db") as other:
            functions.register(other)
            assert value(other, "SELECT sum(value) FROM generate_series(1, 10)") == 55
    assert open_tables(functions) == 0


@in_worker()
async def test_the_reason_of_a_refused_argument_is_the_cause(pool: Pool) -> None:
    import sahpool.functions as functions

    with opened(pool, "a.db") as con:
        functions.register(con)
        with expect(sqlite3.OperationalError) as raised:
            con.execute("SELECT percentile(1, 200)").fetchall()
        assert "not between 0.0 and 100.0" in str(raised.error.__cause__)
