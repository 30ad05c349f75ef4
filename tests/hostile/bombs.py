"""Databases that are sound to the last byte, or nearly, and do harm to whoever opens them.

Runs on both sides, inside Pyodide and outside.

Runs where SQLite is Pyodide's, beside images.py. Each is made when it is asked for, by its name.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from .images import made, numbers
from .long_bombs import LONG, ROWS
from .long_bombs import table as _table
from .long_bombs import views as _views


def _generated(count: int, step: str) -> str:
    columns = [f"c{n} AS ({step.replace('@', f'c{n - 1}')})" for n in range(1, count)]
    return f"CREATE TABLE t(c0, {', '.join(columns)})"


def _chain(count: int, step: str) -> dict[str, str]:
    return {"v0": "SELECT 1 AS x"} | {
        f"v{n}": step.replace("@", f"v{n - 1}") for n in range(1, count)
    }


def endless_depth(pages: int) -> bytes:
    """A tree of one page on each level; SQLite's check calls itself for each."""
    image = bytearray(made("CREATE TABLE t(a)", settings=["page_size=512"])[:512])
    for page in range(2, pages):
        content = bytearray(512)
        struct.pack_into(">BHHHBI", content, 0, 5, 0, 0, 512, 0, page + 1)
        image += content
    last = bytearray(512)
    struct.pack_into(">BHHHB", last, 0, 13, 0, 0, 512, 0)
    image += last
    struct.pack_into(">I", image, 28, pages)
    return bytes(image)


def shared_children() -> bytes:
    """A schema whose pages have the next level a hundred times each: 100 ** 12 ways down."""
    levels, size = 12, 1024
    index = "CREATE TABLE t(a UNIQUE)"
    image = bytearray(made(index, settings=[f"page_size={size}"]))
    first = bytes(image[:size])
    leaf = len(image) // size + levels
    for level in range(levels + 1):
        page = bytearray(size)
        if level == levels:
            # What stood on the first page, a hundred bytes further up.
            page[: 8 + 2 * 2] = first[100 : 108 + 2 * 2]
            page[300:] = first[300:]
        else:
            _interior(page, 0, len(image) // size + 2, 60)
        image += page
    root = bytearray(size)
    root[:100] = image[:100]
    _interior(root, 100, leaf - levels + 1, 60)
    image[:size] = root
    struct.pack_into(">I", image, 28, len(image) // size)
    return bytes(image)


def _interior(page: bytearray, at: int, child: int, times: int) -> None:
    begin = len(page) - 6 * times
    struct.pack_into(">BHHHBI", page, at, 5, 0, times, begin, 0, child)
    for number in range(times):
        cell = begin + 6 * number
        struct.pack_into(">H", page, at + 12 + 2 * number, cell)
        struct.pack_into(">IBB", page, cell, child, 0x81, number)


BOMBS: dict[str, Callable[[], bytes]] = {
    "a tree of 20,000 levels": lambda: endless_depth(20_000),
    "a schema with 60 ** 12 ways down": shared_children,
    "views made of two of the one before": lambda: made(
        "CREATE TABLE t(a)", schema=_views(_chain(25, "SELECT a.x FROM @ a, @ b"))
    ),
    "views that read the one before twice": lambda: made(
        "CREATE TABLE t(a)", schema=_views(_chain(30, "SELECT x FROM @ UNION ALL SELECT x FROM @"))
    ),
    "views in IN twice": lambda: made(
        "CREATE TABLE t(a)", schema=_views(_chain(30, "SELECT 1 AS x WHERE 1 IN @ OR 2 IN @"))
    ),
    "5,000 views within one another": lambda: made(
        "CREATE TABLE t(a)", schema=_views(_chain(5000, "SELECT max(x) AS x FROM @"))
    ),
    "tables of a WITH made of two of the one before": lambda: made(
        "CREATE TABLE t(a)",
        schema=_views(
            {
                "v": "WITH a0(x) AS (SELECT 1), "
                + ", ".join(
                    f"a{n}(x) AS (SELECT p.x FROM a{n - 1} p, a{n - 1} q)" for n in range(1, 22)
                )
                + " SELECT x FROM a21"
            }
        ),
    ),
    "columns made of two of the one before": lambda: made(
        "CREATE TABLE t(a)", ROWS, schema=_table(_generated(40, "@ + @"))
    ),
    "NOT NULL columns made of two of the one before": lambda: made(
        "CREATE TABLE t(a)",
        ROWS,
        schema=_table(_generated(40, "@ + @").replace("),", ") NOT NULL,")),
    ),
    "1,900 columns made of the one before": lambda: made(
        "CREATE TABLE t(a)", ROWS, schema=_table(_generated(1900, "@ + 1"))
    ),
    "4,000 copies of a column of 5,000 calls": lambda: made(
        "CREATE TABLE t(a)",
        schema=_table(
            "CREATE TABLE t(c0, c1 AS (c0 IN ("
            + ",".join(["abs(c0)"] * 5000)
            + ")) NOT NULL, "
            + ", ".join(f"c{n} AS (c{n - 1} + c{n - 1}) NOT NULL" for n in range(2, 13))
            + ")"
        ),
    ),
    "2,000 copies of a view of 5,000 calls": lambda: made(
        "CREATE TABLE t(a)",
        schema=_views(
            {"v0": f"SELECT 1 AS x WHERE 1 IN ({','.join(['abs(7)'] * 5000)})"}
            | {f"v{n}": f"SELECT max(a.x) AS x FROM v{n - 1} a, v{n - 1} b" for n in range(1, 12)}
        ),
    ),
    "a NOT NULL column that computes for hours": lambda: made(
        "CREATE TABLE t(a)",
        ROWS,
        schema=_table(
            "CREATE TABLE t(a, b AS (instr(zeroblob(9000000 + a),"
            " CAST(zeroblob(5000000) || x'01' AS BLOB))) NOT NULL)"
        ),
    ),
    "a NOT NULL column that needs gigabytes": lambda: made(
        "CREATE TABLE t(a)",
        ROWS,
        schema=_table("CREATE TABLE t(a, b AS (hex(hex(zeroblob(400000000 + a)))) NOT NULL)"),
    ),
    "a constant that needs gigabytes": lambda: made(
        "CREATE TABLE t(a)",
        ROWS,
        schema=_table("CREATE TABLE t(a, b AS (a = hex(hex(zeroblob(400000000)))) NOT NULL)"),
    ),
    "a CHECK that computes for hours": lambda: made(
        "CREATE TABLE t(a)",
        ROWS,
        schema=_table(
            "CREATE TABLE t(a CHECK (0 = instr(zeroblob(9000000 + a),"
            " CAST(zeroblob(5000000) || x'01' AS BLOB))))"
        ),
    ),
    "22,500 UNIQUE constraints": lambda: made(
        "CREATE TABLE t(a)",
        schema=_table(
            "CREATE TABLE t("
            + ",".join([f"c{n}" for n in range(150)])
            + "".join(f",UNIQUE(c{n},c{m})" for n in range(150) for m in range(150))
            + ")"
        ),
    ),
    "1,900 NOT NULL columns that the rows do not have": lambda: made(
        "CREATE TABLE t(a)",
        f"INSERT INTO t SELECT 1 FROM {numbers(60_000)}",
        schema=_table(
            "CREATE TABLE t(a" + "".join(f",b{n} NOT NULL DEFAULT 1" for n in range(1900)) + ")"
        ),
    ),
    "100,000 values in a view": lambda: made(
        "CREATE TABLE t(a)", schema=_views({"v": "VALUES " + ",".join(["(1)"] * 100_000)})
    ),
    "1,500 collations that nobody knows": lambda: made(
        "CREATE TABLE t(a)",
        "CREATE INDEX i ON t(a)",
        schema=[
            *_table(
                "CREATE TABLE t(a, "
                + ", ".join(f"c{n} COLLATE unknown{n}" for n in range(1500))
                + ")"
            ),
            "UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t("
            + ",".join(f"c{n}" for n in range(1500))
            + ")' WHERE name = 'i'",
        ],
    ),
    "as many views within one another as are taken in": lambda: made(
        "CREATE TABLE t(a)", schema=_views(_chain(200, "SELECT max(x) AS x FROM @"))
    ),
    "as many columns made of the one before as are taken in": lambda: made(
        "CREATE TABLE t(a)", ROWS, schema=_table(_generated(200, "@ + 1"))
    ),
    "as many copies of views as are taken in": lambda: made(
        "CREATE TABLE t(a)", schema=_views(_chain(12, "SELECT max(a.x) AS x FROM @ a, @ b"))
    ),
    "as many copies of columns as are taken in": lambda: made(
        "CREATE TABLE t(a)", ROWS, schema=_table(_generated(12, "@ + @"))
    ),
    "a view that never ends": lambda: made(
        "CREATE TABLE t(a)",
        "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT count(*) FROM n",
    ),
    "views that are made of each other": lambda: made(
        "CREATE TABLE t(a)", schema=_views({"v": "SELECT * FROM w", "w": "SELECT * FROM v"})
    ),
    "a view of 900 parentheses": lambda: made(
        "CREATE TABLE t(a)", schema=_views({"v": f"SELECT {'(' * 900}1{')' * 900} AS x"})
    ),
    "a view of 990 sums": lambda: made(
        "CREATE TABLE t(a)", schema=_views({"v": f"SELECT {'+'.join('1' * 990)} AS x"})
    ),
    "a search table that is its own content": lambda: made(
        "CREATE VIRTUAL TABLE f USING fts5(a, content='v')",
        "CREATE VIEW v AS SELECT rowid, a FROM f",
    ),
    "an old search table that is its own content": lambda: made(
        "CREATE TABLE v(a)",
        "CREATE VIRTUAL TABLE f USING fts4(a, content='v')",
        "DROP TABLE v",
        "CREATE VIEW v AS SELECT docid AS rowid, a FROM f",
    ),
    "a virtual table that nobody knows": lambda: made(
        "CREATE TABLE t(a)",
        schema=[
            "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 0,"
            " 'CREATE VIRTUAL TABLE x USING nothing_of_the_kind(1)')"
        ],
    ),
    "a trigger that calls itself": lambda: made(
        "CREATE TABLE t(a)",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO t VALUES (1); END",
    ),
    "a view over what PRAGMAs tell": lambda: made(
        "CREATE TABLE t(a)", "CREATE VIEW v AS SELECT * FROM pragma_integrity_check"
    ),
    "sqlite_sequence as a view": lambda: made(
        "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT)",
        schema=[
            "UPDATE sqlite_schema SET type = 'view', rootpage = 0,"
            " sql = 'CREATE VIEW sqlite_sequence AS SELECT 1 AS name, 2 AS seq'"
            " WHERE name = 'sqlite_sequence'"
        ],
    ),
    "a name that is no text": lambda: made(
        "CREATE TABLE t(a)",
        schema=[
            "UPDATE sqlite_schema SET name = CAST(x'74ff' AS TEXT), tbl_name = name,"
            " sql = 'CREATE TABLE \"t' || CAST(x'ff' AS TEXT) || '\"(a)'"
        ],
    ),
}

BOMBS |= LONG

#: Their rows take for ever, or much memory, to read, and only when they are read: within one
#: function of SQLite's nothing can interrupt it. Whoever reads them has to reload the page.
LASTING = {
    "a NOT NULL column that computes for hours",
    "a NOT NULL column that needs gigabytes",
    "a constant that needs gigabytes",
}
