"""Calls of SQL functions in Python, and of the SQLite that has them itself (APSW's)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import apsw
import hypothesis
from hypothesis import strategies as st


def given(*strategies: Any, **named: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """``hypothesis.given`` without a deadline, and with fewer examples, as the tests are many."""
    few: Any = hypothesis.settings(deadline=None, max_examples=50)
    any_of: Any = hypothesis.given(*strategies, **named)
    return lambda test: few(any_of(test))


#: What stands for an error: its text is not compared, as sqlite3 does not tell it.
ERROR = "an error"


def ours(con: sqlite3.Connection, sql: str, *values: object) -> Any:
    try:
        return con.execute(sql, values).fetchall()
    except sqlite3.Error:
        return ERROR


newer = apsw.Connection(":memory:")


def theirs(sql: str, *values: Any) -> Any:
    try:
        return list(newer.execute(sql, values))
    except apsw.Error:
        return ERROR


def assert_alike(con: sqlite3.Connection, sql: str, *values: object) -> None:
    mine, other = ours(con, sql, *values), theirs(sql, *values)
    assert mine == other, (sql, values)
    if mine != ERROR:
        kinds = [[type(each) for each in row] for row in mine]
        assert kinds == [[type(each) for each in row] for row in other], (sql, values)


def call(name: str, count: int) -> str:
    return f"SELECT {name}({', '.join('?' * count)})"


# Floats of which both versions of SQLite show the same digits.
NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-999_999, 999_999).map(
    lambda number: number / 64
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
BLOBS = TEXTS.map(str.encode)
VALUES = st.none() | NUMBERS | TEXTS | BLOBS
