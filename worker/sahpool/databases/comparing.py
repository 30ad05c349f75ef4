"""Estimates the time of SQLite's quadratic comparisons from the text of a schema.

Most of SQLite's work on a statement grows with its length, and no length is a problem. The work on
a few things grows with the square of their number: a UNIQUE constraint is compared with each other
one of its table, a table of a WITH clause with each other one, a constant or an aggregate with each
other one of its statement. A million bytes can hold enough of them for minutes, and nothing can
interrupt SQLite while it parses or compiles. So they are counted, and their time is added up.

The nanoseconds are those of SQLite 3.39 in Node on two cores of 2026 (tests/hostile/bombs.py).

Source: ``build.c`` (sqlite3CreateIndex, sqlite3WithAdd), ``window.c``, ``expr.c``
(sqlite3ExprCodeRunJustOnce, addAggInfoFunc).
"""

from __future__ import annotations

import re

__all__ = ["MOST_COLUMNS", "columns_at_most", "compiling", "indexing", "parsing"]

#: The most columns of a table or view (SQLITE_LIMIT_COLUMN).
MOST_COLUMNS = 2000

# Nanoseconds for each pair: n things of a kind take n * n times as long.
_UNIQUE, _INDEX, _DEFINITION, _CONSTANT, _AGGREGATE = 3.1, 8.0, 1.0, 3.0, 40.0
#: Nanoseconds for windows: n different ones become nested subqueries, and take n**4 times as long.
_WINDOW = 0.03
#: Nanoseconds for each column of the primary key in each index of a table WITHOUT ROWID.
_KEY_COLUMN = 150.0

# Text to skip: comments and quoted names; string literals are constants. An unclosed one extends to
# the end of the text, or the search for its end would itself take quadratic time.
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

#: A constant beside an operator; constants in a list of values are not compared.
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
#: OVER with a name or a definition without deep nesting; of any other definition only its start.
_WINDOWS = re.compile(
    rf"{_PASSED}|\bOVER\s*+(?:(\((?:[^()]|\([^()]*+\))*+\)|[A-Z_]\w*+)|(\())", re.DOTALL
)
_UNIQUES = re.compile(rf"{_PASSED}|\b(UNIQUE|PRIMARY\s++KEY)\b", re.DOTALL)
_DEFINED = re.compile(rf"{_PASSED}|\b(AS\s*+(?:(?:NOT\s++)?MATERIALIZED\s*+)?\()", re.DOTALL)


def _count(pattern: re.Pattern[str], sql: str) -> int:
    found = pattern.findall(sql)
    return len(found) - found.count("")


def columns_at_most(sql: str) -> int:
    """An upper bound for the number of columns that a CREATE TABLE statement defines."""
    return min(MOST_COLUMNS, sql.count(",") + 1)


def parsing(sql: str) -> float:
    """Nanoseconds to parse the WITH and WINDOW definitions of a view or trigger with the schema.

    Args:
        sql: The statement, in upper case.
    """
    if "WITH" not in sql and "WINDOW" not in sql:
        return 0.0
    return _DEFINITION * _count(_DEFINED, sql) ** 2


def indexing(sql: str, created: int) -> float:
    """Nanoseconds to compare the indexes of a table when the schema is read.

    Args:
        sql: The CREATE TABLE statement, in upper case.
        created: Number of CREATE INDEX statements for the table.
    """
    unique = _count(_UNIQUES, sql) if "UNIQUE" in sql or "PRIMARY" in sql else 0
    keys = columns_at_most(sql) if "WITHOUT" in sql else 0
    return _UNIQUE * unique**2 + _INDEX * created**2 + _KEY_COLUMN * (unique + created) * keys


def compiling(sql: str) -> float:
    """Nanoseconds to compile the expressions of a view or table when it is read.

    Args:
        sql: The statement, in upper case.
    """
    taken = _CONSTANT * _count(_CONSTANTS, sql) ** 2 + _AGGREGATE * _count(_CALLS, sql) ** 2
    if "OVER" in sql:
        found = _WINDOWS.findall(sql)
        nested = sum(1 for _, other in found if other)
        taken += _WINDOW * (len({window for window, _ in found if window}) + nested) ** 4
    return taken
