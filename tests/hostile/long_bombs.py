"""Statements of up to a million bytes that take SQLite the square of their length, and some more.

Runs on both sides, inside Pyodide and outside.

Runs where SQLite is Pyodide's. A name that ends in "is taken in" is of one that comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from .images import made, numbers

MILLION = 1_000_000
ROWS = f"INSERT INTO t(a) SELECT i FROM {numbers(300)}"
WIDE = ",".join(f"c{n}" for n in range(2000))


def text(sql: str) -> str:
    return "'" + sql.replace("'", "''") + "'"


def table(sql: str) -> list[str]:
    """Makes the table ``t`` another one, without SQLite's looking at it."""
    return [f"UPDATE sqlite_schema SET sql = {text(sql)} WHERE name = 't'"]


def views(definitions: dict[str, str]) -> list[str]:
    return [
        f"INSERT INTO sqlite_schema VALUES ('view', '{name}', '{name}', 0, "
        + text(f"CREATE VIEW {name} AS {sql}")
        + ")"
        for name, sql in definitions.items()
    ]


def filled(
    begin: str, part: Callable[[int], str], end: str, between: str = ",", size: int = MILLION
) -> str:
    """A statement of as many parts as fit into so many bytes."""
    parts: list[str] = []
    left = size - len(begin) - len(end) - len("CREATE VIEW v AS ")
    while left > 0:
        parts.append(part(len(parts)))
        left -= len(parts[-1]) + len(between)
    return begin + between.join(parts[:-1]) + end


def alike(count: int, length: int) -> list[str]:
    """Names that differ in their last letters only, and have one sum of letters: SQLite's hash."""
    found = []
    for letters in product("ab", repeat=11):
        balance = chr(ord("a") + letters.count("a"))
        found.append("a" * (length - 12) + "".join(letters) + balance)
    return found[:count]


def _of_table(sql: str, *statements: str, begins: str = "CREATE TABLE t(a)") -> bytes:
    return made(begins, *statements, schema=table(sql))


def _of_view(sql: str, columns: str = "a") -> bytes:
    return made(f"CREATE TABLE t({columns})", schema=views({"v": sql}))


def _short_indexes() -> bytes:
    """So short that SQLite parses them before anything has been counted."""
    return made(
        "CREATE TABLE t(a)",
        "CREATE TABLE filled(a)",
        "INSERT INTO filled VALUES (zeroblob(8000000))",
        settings=["page_size=512"],
        schema=[
            "INSERT INTO sqlite_schema SELECT 'index', 'i' || i, 't', i + 3,"
            f" 'CREATE INDEX i' || i || ' ON t(a)' FROM {numbers(12_000)}"
        ],
    )


LONG: dict[str, Callable[[], bytes]] = {
    "78,000 UNIQUE constraints": lambda: _of_table(
        filled(
            f"CREATE TABLE t({','.join(f'c{n}' for n in range(300))},",
            lambda n: f"UNIQUE(c{n // 300},c{n % 300})",
            ")",
        )
    ),
    "90,000 UNIQUE constraints that are one": lambda: _of_table(
        filled("CREATE TABLE t(a,", lambda _: "UNIQUE(a)", ")")
    ),
    "10,000 indexes of 2,000 columns": lambda: _of_table(
        filled(
            f"CREATE TABLE t({WIDE},PRIMARY KEY({WIDE}),",
            lambda n: f"UNIQUE(c{n // 2000},c{n % 2000})",
            ") WITHOUT ROWID",
            size=200_000,
        )
    ),
    "12,000 short indexes": _short_indexes,
    "50,000 tables of a WITH": lambda: _of_view(
        filled("WITH ", lambda n: f"a{n} AS (SELECT 1)", " SELECT 1")
    ),
    "80,000 windows made of one": lambda: _of_view(
        filled("SELECT 1 WINDOW a AS (),", lambda n: f"b{n} AS (a)", "")
    ),
    "500 windows within one another": lambda: _of_view(
        filled(
            "SELECT 1 IN (",
            lambda n: f"sum({n}) OVER (ORDER BY (a + {n}))",
            ") FROM t",
            size=20_000,
        )
    ),
    "1,000 named windows of depth": lambda: _of_view(
        filled(
            "SELECT 1 IN (",
            lambda n: f"sum({n}) OVER (ORDER BY ((a + ({n}))))",
            ") FROM t",
            size=40_000,
        )
    ),
    "23,000 sums that differ": lambda: _of_view(
        filled("SELECT 1 IN (", lambda n: f"sum(a+{n})", ") FROM t", size=300_000)
    ),
    "100,000 constants in a view": lambda: _of_view(
        filled("SELECT a IN (", lambda n: f"a+{n}", ") FROM t")
    ),
    "100,000 constants in a NOT NULL column": lambda: _of_table(
        filled("CREATE TABLE t(a, b AS (a IN (", lambda n: f"a+{n}", ")) NOT NULL)"), ROWS
    ),
    "50,000 cases of a NOT NULL column": lambda: _of_table(
        filled(
            "CREATE TABLE t(a, b AS (CASE a ",
            lambda n: f"WHEN {n} THEN {n}",
            " END) NOT NULL)",
            between=" ",
        ),
        ROWS,
    ),
    "100,000 constants in 2,000 CHECKs": lambda: _of_table(
        filled("CREATE TABLE t(a,", lambda n: f"CHECK (a + {n} <> {n} + 'x' || a)", ")"), ROWS
    ),
    "25,000 names looked for in 120,000 columns": lambda: _of_view(
        filled(
            "SELECT 1 IN (",
            lambda _: '"a"',
            f") FROM {','.join(f't t{n}' for n in range(60))}",
            size=100_000,
        ),
        WIDE,
    ),
    "200,000 names looked for 15 deep": lambda: _of_view(
        "SELECT "
        + "(SELECT " * 15
        + filled("1 IN (", lambda _: '"a"', ")")
        + " FROM t)" * 15
        + " FROM t",
        WIDE,
    ),
    "a million brackets that are never closed": lambda: _of_view("SELECT " + "[" * 990_000),
    "a million parentheses": lambda: _of_view("SELECT " + ")" * 990_000),
    "2,000 columns of names alike is taken in": lambda: _of_table(
        f"CREATE TABLE t({','.join(alike(2000, 245))})"
    ),
    "a foreign key of every name alike is taken in": lambda: _of_table(
        filled(
            f"CREATE TABLE t({','.join(alike(2000, 250))},",
            lambda _: f"FOREIGN KEY({alike(1, 250)[0]}) REFERENCES x",
            ")",
        )
    ),
    "a CHECK of a million bytes is taken in": lambda: _of_table(
        filled("CREATE TABLE t(a CHECK (a IN (", str, ")))")
    ),
    "a table of values of a million bytes is taken in": lambda: _of_view(
        filled("VALUES ", lambda n: f"({n},'x{n}')", "")
    ),
    "500 SELECTs of a million bytes is taken in": lambda: _of_view(
        filled("", lambda _: "SELECT " + ",".join("1" * 990), "", between=" UNION ALL ")
    ),
    "a trigger of a million bytes is taken in": lambda: made(
        "CREATE TABLE t(a)",
        schema=[
            "INSERT INTO sqlite_schema VALUES ('trigger', 'g', 't', 0, "
            + text(
                filled(
                    "CREATE TRIGGER g AFTER INSERT ON t BEGIN ", lambda _: "SELECT 1", "; END"
                ).replace(",", ";")
            )
            + ")"
        ],
    ),
    "a comment of five million bytes is taken in": lambda: _of_table(
        f"CREATE TABLE t(a /* {'x' * 5 * MILLION} */)"
    ),
}
