"""Rows as columns: what SQLite has is what the page gets."""

import math
import sqlite3
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sahpool_console.session.sql.results import PIECE_BYTES, Piece, Rows

from .decode import Text, decode, encode


def select(sql: str, *parameters: object) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    con = sqlite3.connect(":memory:")
    con.text_factory = bytearray
    cursor = con.execute(sql, parameters)
    rows = cursor.fetchall()
    piece, data = encode(rows, len(cursor.description))
    con.close()
    piece["part"] = 0
    return piece, decode(piece, [data])


def kinds(piece: dict[str, Any]) -> list[str]:
    return [column["kind"] for column in piece["columns"]]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, None], "null"),
        ([0, -1, 2**63 - 1, -(2**63)], "int"),
        ([0.0, 0.1, -1e308, 5e-324, math.inf, -math.inf], "float"),
        (["", "a", "\0b\0", "é😀", "x" * 5000], "text"),
        ([b"", b"\0\xff", b"abc"], "blob"),
        ([None, 2**63 - 1, 1.5, "text", b"blob", "", b"", None], "mixed"),
        ([None, 3], "mixed"),
        ([1, 1.0], "mixed"),
        (["1", b"1"], "mixed"),
    ],
)
def test_values_come_back_exactly_and_with_their_types(values: list[Any], kind: str) -> None:
    sql = " UNION ALL ".join("SELECT ?" for _ in values)
    piece, rows = select(sql, *values)
    assert kinds(piece) == [kind]
    assert rows == [(value,) for value in values]
    assert [type(row[0]) for row in rows] == [type(value) for value in values]


def test_text_that_is_not_utf8_comes_as_its_bytes() -> None:
    piece, rows = select("SELECT CAST(x'61ff62' AS TEXT)")
    assert kinds(piece) == ["text"]
    assert rows == [(Text(b"a\xffb"),)]


def test_nan_is_null_as_sqlite_stores_it() -> None:
    assert select("SELECT ?", math.nan)[1] == [(None,)]


def test_negative_zero_keeps_its_sign() -> None:
    _, data = encode([(-0.0,)], 1)
    assert data == struct.pack("<d", -0.0)


def test_no_rows_still_have_their_columns() -> None:
    piece, rows = select("SELECT 1, 2 WHERE 0")
    assert (piece["rows"], kinds(piece), rows) == (0, ["null", "null"], [])


VALUE = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)


@given(st.lists(st.tuples(VALUE, VALUE, st.binary()), max_size=6))
def test_any_rows_survive(rows: list[tuple[Any, ...]]) -> None:
    piece, data = encode([tuple(map(stored, row)) for row in rows], 3)
    assert decode({**piece, "part": 0}, [data]) == rows


@given(st.lists(st.lists(st.tuples(VALUE, st.none() | st.integers(0, 9)), max_size=4), max_size=6))
def test_a_column_may_change_its_types_from_batch_to_batch(batches: list[list[Any]]) -> None:
    whole = Piece(2)
    for batch in batches:
        whole.add([tuple(map(stored, row)) for row in batch])
    piece, data = whole.encoded()
    assert decode({**piece, "part": 0}, [data]) == [row for batch in batches for row in batch]


def test_a_piece_knows_its_size() -> None:
    piece = Piece(4)
    piece.add([(1, 0.5, bytearray(b"12345678"), None)] * 1000)
    _, data = piece.encoded()
    assert len(data) <= piece.size <= len(data) + 4 * 1000


def stored(value: Any) -> Any:
    """A value as the worker's connections give it."""
    return bytearray(value.encode()) if isinstance(value, str) else value


def counted(n: int, width: int = 1) -> Iterator[tuple[Any, ...]]:
    return ((b"x" * width,) for _ in range(n))


def sizes(rows: Rows, count: int) -> list[int]:
    found, more = [], True
    while more:
        taken, more = rows.take(count)
        found.append(taken.rows)
    return found


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [(0, 10, [0]), (10, 10, [10]), (11, 10, [10, 1]), (5, 1, [1, 1, 1, 1, 1]), (3, 500, [3])],
)
def test_the_last_piece_is_known_to_be_the_last(
    total: int, count: int, expected: list[int]
) -> None:
    assert sizes(Rows(counted(total), 1, lambda: None), count) == expected


def test_long_values_make_short_pieces_but_never_empty_ones() -> None:
    found = sizes(Rows(counted(30, PIECE_BYTES // 2), 1, lambda: None), 1000)
    assert sum(found) == 30
    assert max(found) <= 8
    assert min(found) >= 1
