"""What SQLite compares with all that came before, told from the text of a schema.

Most of SQLite's work on a statement grows with its length, and no length is too much. A few things
grow with the square of their number: a UNIQUE constraint is compared with each other one of its
table, a table of a WITH clause with each other one, a constant or an aggregate with each other one
of its statement. A million bytes hold enough of them for minutes, and nothing can interrupt SQLite
while it parses or compiles. So they are counted, and what they take is added up.

Nanoseconds are those that SQLite 3.39 took in Node on two cores of 2026 (tests/hostile/bombs.py).

Source: ``build.c`` (sqlite3CreateIndex, sqlite3WithAdd), ``window.c``, ``expr.c``
(sqlite3ExprCodeRunJustOnce, addAggInfoFunc).
"""

from __future__ import annotations

import re

__all__ = ["MOST_COLUMNS", "columns_at_most", "compiling", "indexing", "parsing"]

#: A table or view has no more columns (SQLITE_LIMIT_COLUMN).
MOST_COLUMNS = 2000

# Nanoseconds for each pair, so that n of a kind take n * n of them.
_UNIQUE, _INDEX, _DEFINITION, _CONSTANT, _AGGREGATE = 3.1, 8.0, 1.0, 3.0, 40.0
#: Windows that differ become subqueries within one another: for each four of them.
_WINDOW = 0.03
#: For each column of the primary key in each index of a table WITHOUT ROWID, which holds it.
_KEY_COLUMN = 150.0

# What is passed over: comments and quoted names; texts are constants. What is never closed goes on
# to the end, or looking for its end would itself take the square of the length.
_OTHER = (
    r"--[^\n]*+|/\*.*?(?:\*/|\Z)"
    r"|\"(?:[^\"]|\"\")*+(?:\"|\Z)|`(?:[^`]|``)*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z)"
)
_TEXT = r"'(?:[^']|'')*+(?:'|\Z)"
_PASSED = rf"{_OTHER}|{_TEXT}"

_WORDS = "AND|OR|NOT|IS|IN|LIKE|GLOB|MATCH|REGEXP|BETWEEN|COLLATE|ISNULL|NOTNULL"
_BEFORE = rf"(?:[-+*/%|&<>=!~]|\b(?:{_WORDS}|WHEN|CASE)\b)"
_BEHIND = rf"(?:[-+*/%|&<>=!~]|\b(?:{_WORDS})\b)"
_VALUE = rf"(?:X?{_TEXT}|\.?\d[\w.]*+)"

#: A constant beside an operator; one of a list of values is compared with none.
_CONSTANTS = re.compile(
    rf"{_OTHER}|({_BEFORE}\s*+\(*+\s*+(?:{_VALUE}|[A-Z_]\w*+\s*+\()"
    rf"|(?:{_VALUE}|\))\s*+\){{0,9}}+\s*+(?={_BEHIND}))|{_TEXT}|[\w$]++",
    re.DOTALL,
)
_CALLS = re.compile(
    rf"{_PASSED}|\b((?:AVG|COUNT|GROUP_CONCAT|JSON_GROUP_ARRAY|JSON_GROUP_OBJECT|MAX|MIN"
    r"|SUM|TOTAL)\s*+\(|FILTER\s*+\()",
    re.DOTALL,
)
#: What stands behind OVER: a name, or a definition that is not nested deep; else only that.
_WINDOWS = re.compile(
    rf"{_PASSED}|\bOVER\s*+(?:(\((?:[^()]|\([^()]*+\))*+\)|[A-Z_]\w*+)|(\())", re.DOTALL
)
_UNIQUES = re.compile(rf"{_PASSED}|\b(UNIQUE|PRIMARY\s++KEY)\b", re.DOTALL)
_DEFINED = re.compile(rf"{_PASSED}|\b(AS\s*+(?:(?:NOT\s++)?MATERIALIZED\s*+)?\()", re.DOTALL)


def _count(pattern: re.Pattern[str], sql: str) -> int:
    found = pattern.findall(sql)
    return len(found) - found.count("")


def columns_at_most(sql: str) -> int:
    """No fewer than the columns that a CREATE TABLE statement defines."""
    return min(MOST_COLUMNS, sql.count(",") + 1)


def parsing(sql: str) -> float:
    """Nanoseconds that the definitions within a view or trigger take when the schema is read.

    Args:
        sql: The statement, in upper case.
    """
    if "WITH" not in sql and "WINDOW" not in sql:
        return 0.0
    return _DEFINITION * _count(_DEFINED, sql) ** 2


def indexing(sql: str, created: int) -> float:
    """Nanoseconds that the indexes of a table take when the schema is read.

    Args:
        sql: The CREATE TABLE statement, in upper case.
        created: How many CREATE INDEX statements there are for it.
    """
    unique = _count(_UNIQUES, sql) if "UNIQUE" in sql or "PRIMARY" in sql else 0
    keys = columns_at_most(sql) if "WITHOUT" in sql else 0
    return _UNIQUE * unique**2 + _INDEX * created**2 + _KEY_COLUMN * (unique + created) * keys


def compiling(sql: str) -> float:
    """Nanoseconds that the expressions of a view or table take when it is read.

    Args:
        sql: The statement, in upper case.
    """
    taken = _CONSTANT * _count(_CONSTANTS, sql) ** 2 + _AGGREGATE * _count(_CALLS, sql) ** 2
    if "OVER" in sql:
        found = _WINDOWS.findall(sql)
        nested = sum(1 for _, other in found if other)
        taken += _WINDOW * (len({window for window, _ in found if window}) + nested) ** 4
    return taken
