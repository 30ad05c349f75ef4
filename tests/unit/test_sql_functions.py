"""SQL functions in Python against the SQLite that has them itself (APSW's), results and errors."""

from __future__ import annotations

import math
import sqlite3
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import strategies as st

from sahpool import functions

from .sql_calls import (
    ERROR,
    NUMBERS,
    TEXTS,
    VALUES,
    assert_alike,
    call,
    given,
    newer,
    ours,
    theirs,
)


@pytest.fixture(scope="module")
def con() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    functions.register(connection)
    yield connection
    connection.close()


@given(st.lists(VALUES, min_size=1, max_size=6))
def test_concat_is_sqlite_s(con: sqlite3.Connection, values: list[object]) -> None:
    assert_alike(con, call("concat", len(values)), *values)


@given(st.lists(VALUES, min_size=2, max_size=6))
def test_concat_ws_is_sqlite_s(con: sqlite3.Connection, values: list[object]) -> None:
    assert_alike(con, call("concat_ws", len(values)), *values)


@pytest.mark.parametrize("name", ["concat", "concat_ws", "if", "iif"])
def test_too_few_arguments_are_an_error_as_in_sqlite(con: sqlite3.Connection, name: str) -> None:
    for count in (0, 1):
        assert_alike(con, call(name, count), *([1] * count))


@given(VALUES)
def test_octet_length_is_sqlite_s(con: sqlite3.Connection, value: object) -> None:
    assert_alike(con, "SELECT octet_length(?)", value)


_DIGITS = st.text(st.sampled_from("0123456789abcdefABCDEF"), max_size=4)


@given(st.lists(_DIGITS | st.sampled_from(["-", " ", "é", "x", ""]), max_size=6).map("".join))
def test_unhex_is_sqlite_s(con: sqlite3.Connection, text: str) -> None:
    assert_alike(con, "SELECT unhex(?)", text)
    assert_alike(con, "SELECT unhex(?, '-é ')", text)


@given(VALUES, VALUES)
def test_unhex_of_anything_is_sqlite_s(
    con: sqlite3.Connection, value: object, ignored: object
) -> None:
    assert_alike(con, "SELECT unhex(?)", value)
    assert_alike(con, "SELECT unhex(?, ?)", value, ignored)


ESCAPES = st.sampled_from(
    ["\\", "\\\\", "u", "\\u00e9", "\\U0001f600", "\\+00F600", "\\0041", "\\u00", "x", "'", "é"]
)


@given(st.lists(ESCAPES, max_size=6).map("".join))
def test_unistr_is_sqlite_s(con: sqlite3.Connection, text: str) -> None:
    assert_alike(con, "SELECT unistr(?)", text)


@given(VALUES)
def test_unistr_of_anything_is_sqlite_s(con: sqlite3.Connection, value: object) -> None:
    assert_alike(con, "SELECT unistr(?)", value)


def test_unistr_gives_no_half_of_a_surrogate_pair(con: sqlite3.Connection) -> None:
    assert ours(con, r"SELECT unistr('\ud800'), unistr('\U00110000')") == [("\ufffd", "\ufffd")]


@given(VALUES | st.text(st.sampled_from("a'\\\n\t\x01\x1f\x7f\x85é"), max_size=6))
def test_unistr_quote_is_sqlite_s(con: sqlite3.Connection, value: object) -> None:
    assert_alike(con, "SELECT unistr_quote(?)", value)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8))
def test_what_unistr_quote_writes_is_read_back(con: sqlite3.Connection, text: str) -> None:
    ((literal,),) = ours(con, "SELECT unistr_quote(?)", text)
    assert ours(con, f"SELECT {literal}") == [(text,)]


_CONDITIONS = VALUES | st.sampled_from(["1x", " 2", "x", "0.0", "-.5e1", "1e400", b"1", ".", "+"])


@given(st.lists(_CONDITIONS, min_size=2, max_size=7))
def test_if_and_iif_are_sqlite_s(con: sqlite3.Connection, values: list[object]) -> None:
    assert_alike(con, call("if", len(values)), *values)
    if len(values) != 3:
        assert_alike(con, call("iif", len(values)), *values)


def test_sqlite_s_own_iif_computes_only_what_it_needs_also_beside_ours(
    con: sqlite3.Connection,
) -> None:
    overflow = "abs(-9223372036854775807 - 1)"
    assert ours(con, f"SELECT iif(1, 2, {overflow}), iif(0, {overflow}, 3)") == [(2, 3)]


# Days that each month has: SQLite keeps others, as 2023-02-31, until it has to compute with them.
_DATES = st.dates().map(str)
_CLOCKS = st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
_TIMES = (
    _DATES
    | st.builds(lambda day, clock: f"{day} {clock[0]:02d}:{clock[1]:02d}", _DATES, _CLOCKS)
    | st.builds(lambda day, at: f"{day}T{at[0]:02d}:{at[1]:02d}:{at[2]:02d}", _DATES, _CLOCKS)
    | st.builds(
        lambda day, at: f"{day} {at[0]:02d}:{at[1]:02d}:{at[2]:02d}.{at[3]:03d}", _DATES, _CLOCKS
    )
    | st.builds(lambda day, at: f"{day} {at[0]:02d}:{at[1]:02d}+02:30", _DATES, _CLOCKS)
    | st.builds(lambda at: f"{at[0]:02d}:{at[1]:02d}", _CLOCKS)
    | st.integers(0, 5_373_484)
    | st.integers(1_721_060, 2_500_000).map(lambda day: day + 0.5)
    | st.sampled_from(["", "x", "2024-13-01", "2024-01-01X10:00", "0000-03-01", "9999-12-31", None])
    | st.sampled_from(["2024-01-01 10:00:00,123", "2024-W01-1", "20240101", "2024-01-01 24:00"])
)


@given(_TIMES, _TIMES)
def test_timediff_is_sqlite_s(con: sqlite3.Connection, one: object, other: object) -> None:
    assert_alike(con, "SELECT timediff(?, ?)", one, other)


@given(st.dates(), st.dates())
def test_timediff_of_days_near_the_end_of_a_month_is_sqlite_s(
    con: sqlite3.Connection, one: Any, other: Any
) -> None:
    for day in (28, 29, 30, 31):
        try:
            late = str(one.replace(day=day))
        except ValueError:
            continue
        assert_alike(con, "SELECT timediff(?, ?)", late, str(other))
        assert_alike(con, "SELECT timediff(?, ?)", str(other), late)


# --- aggregates -----------------------------------------------------------------------------------


#: Frames that rows leave again.
_FRAMES = (
    "ORDER BY n ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
    "ORDER BY n ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING",
    "PARTITION BY n % 2 ORDER BY n ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
)


def compare_aggregates(
    con: sqlite3.Connection, call: str, rows: list[tuple[Any, ...]], *, windows: bool = True
) -> None:
    """Compares an aggregate of the columns a and b, also over frames of a window."""
    for each in (con, newer):
        each.execute("CREATE TEMP TABLE t (n INTEGER PRIMARY KEY, a, b)")
    try:
        con.executemany("INSERT INTO temp.t (a, b) VALUES (?, ?)", rows)
        newer.executemany("INSERT INTO temp.t (a, b) VALUES (?, ?)", rows)
        assert_alike(con, f"SELECT {call} FROM temp.t")
        assert_alike(con, f"SELECT {call} FILTER (WHERE n % 2) FROM temp.t GROUP BY n % 3")
        for frame in ("ORDER BY n", *(_FRAMES if windows else ())):
            assert_alike(con, f"SELECT n, {call} OVER ({frame}) FROM temp.t ORDER BY n")
    finally:
        con.rollback()
        for each in (con, newer):
            each.execute("DROP TABLE IF EXISTS temp.t")


@given(st.lists(st.tuples(VALUES, VALUES), max_size=8))
def test_string_agg_is_sqlite_s(con: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    compare_aggregates(con, "string_agg(a, b)", rows, windows=False)
    compare_aggregates(con, "string_agg(a, ', ')", rows, windows=False)


# SQLite forgets an empty text that is left alone in the frame, and the separator behind it.
_SOME_TEXT = TEXTS.filter(bool) | NUMBERS


@given(st.lists(st.tuples(st.none() | _SOME_TEXT, _SOME_TEXT), max_size=8))
def test_string_agg_over_a_window_is_sqlite_s(
    con: sqlite3.Connection, rows: list[tuple[Any, ...]]
) -> None:
    compare_aggregates(con, "string_agg(a, b)", rows)


_MEASURES = st.none() | st.integers(-1000, 1000) | st.integers(-1000, 1000).map(lambda n: n / 8)
_FRACTIONS = [
    "median(a)",
    "percentile(a, 25)",
    "percentile(a, '50')",
    "percentile(a, 100)",
    "percentile_cont(a, 0.25)",
    "percentile_cont(a, 1)",
    "percentile_disc(a, 0.3)",
    "percentile_disc(a, 0)",
]


@pytest.mark.parametrize("call", _FRACTIONS)
@given(rows=st.lists(st.tuples(_MEASURES), max_size=9))
def test_percentiles_are_sqlite_s(
    con: sqlite3.Connection, call: str, rows: list[tuple[Any]]
) -> None:
    compare_aggregates(con, call, [(value, None) for (value,) in rows])


@given(rows=st.lists(st.tuples(VALUES, st.sampled_from([0, 10, 10.0005, "50", None])), max_size=4))
def test_percentiles_refuse_what_sqlite_refuses(
    con: sqlite3.Connection, rows: list[tuple[Any, ...]]
) -> None:
    compare_aggregates(con, "percentile(a, b)", rows)


@pytest.mark.parametrize(
    "call",
    [
        "percentile(1, 101)",
        "percentile(1, -1)",
        "percentile(1, 'x')",
        "percentile(NULL, 200)",
        "percentile_cont(1, 1.5)",
        "median('3')",
        "median(x'31')",
        "median(1e999)",
        "percentile_disc(1, NULL)",
    ],
)
def test_what_is_no_number_is_refused_by_percentiles_as_by_sqlite(
    con: sqlite3.Connection, call: str
) -> None:
    assert theirs(f"SELECT {call}") == ERROR
    assert ours(con, f"SELECT {call}") == ERROR


def frames(values: list[Any], before: int) -> list[list[Any]]:
    return [values[max(0, at - before) : at + 1] for at in range(len(values))]


def aggregates_of(con: sqlite3.Connection, call: str, values: list[Any]) -> tuple[Any, list[Any]]:
    """The aggregate over all values, and over each with the two before it."""
    con.execute("CREATE TEMP TABLE s (n INTEGER PRIMARY KEY, a)")
    try:
        con.executemany("INSERT INTO temp.s (a) VALUES (?)", [(value,) for value in values])
        ((whole,),) = con.execute(f"SELECT {call} FROM temp.s")
        window = con.execute(
            f"SELECT {call} OVER (ORDER BY n ROWS 2 PRECEDING) FROM temp.s ORDER BY n"
        )
        return whole, [each for (each,) in window]
    finally:
        con.rollback()
        con.execute("DROP TABLE IF EXISTS temp.s")


#: The square of a smaller number is no float.
_REALS = st.floats(-1e9, 1e9).filter(lambda number: not 0 < abs(number) < 1e-150)


@pytest.mark.parametrize(
    ("name", "defined", "least"),
    [
        ("variance", statistics.variance, 2),
        ("var_samp", statistics.variance, 2),
        ("var_pop", statistics.pvariance, 1),
        ("stddev", statistics.stdev, 2),
        ("stddev_samp", statistics.stdev, 2),
        ("stddev_pop", statistics.pstdev, 1),
    ],
)
@given(values=st.lists(st.integers(-(1 << 62), 1 << 62) | _REALS, max_size=8))
def test_the_spread_is_exact(
    con: sqlite3.Connection,
    name: str,
    defined: Callable[[list[Any]], float],
    least: int,
    values: list[Any],
) -> None:
    def expected(part: list[Any]) -> float | None:
        return float(defined([*map(_fraction, part)])) if len(part) >= least else None

    whole, window = aggregates_of(con, f"{name}(a)", values)
    for found, part in zip([whole, *window], [values, *frames(values, 2)], strict=True):
        wanted = expected(part)
        assert (found is None) == (wanted is None)
        assert found is None or math.isclose(found, wanted or 0.0, rel_tol=1e-14)


def _fraction(value: Any) -> Any:
    from fractions import Fraction

    return Fraction(value)


def test_the_spread_of_large_numbers_that_differ_little_is_right(con: sqlite3.Connection) -> None:
    values = [1e15 + 0.25 * number for number in range(4)]
    assert aggregates_of(con, "var_pop(a)", values)[0] == 0.078125


def test_null_is_left_out_of_the_spread_and_infinity_makes_it_null(con: sqlite3.Connection) -> None:
    assert ours(con, "SELECT variance(column1) FROM (VALUES (1), (NULL), (3), ('5'))") == [(4.0,)]
    assert ours(con, "SELECT stddev(column1) FROM (VALUES (1), (9e999), (3))") == [(None,)]
    assert ours(con, "SELECT variance('x')") == ERROR


@given(st.lists(st.none() | st.integers(0, 3) | st.sampled_from(["a", "b", b"a", 1.5]), max_size=9))
def test_the_mode_is_the_most_frequent_value_or_the_first_of_them(
    con: sqlite3.Connection, values: list[Any]
) -> None:
    def defined(part: list[Any]) -> Any:
        known = [value for value in part if value is not None]
        sql = (
            "SELECT value FROM (SELECT column1 AS value, count(*) AS n FROM (VALUES {}) GROUP BY 1"
        )
        sql += " ORDER BY n DESC, value) LIMIT 1"
        rows = con.execute(sql.format(", ".join(["(?)"] * len(known))), known) if known else ()
        return next((value for (value,) in rows), None)

    whole, window = aggregates_of(con, "mode(a)", values)
    assert whole == defined(values)
    assert window == [defined(part) for part in frames(values, 2)]


def test_a_third_argument_says_in_which_order_texts_are_joined(con: sqlite3.Connection) -> None:
    rows = "(VALUES ('b', 2), ('a', 10), ('c', NULL), (NULL, 0), ('d', 'x'))"
    sql = f"SELECT {{}}(column1, '-', column2) FROM {rows}"
    for name in ("string_agg", "group_concat"):
        assert ours(con, sql.format(name)) == [("c-b-a-d",)]
    wanted = theirs(f"SELECT string_agg(column1, '-' ORDER BY column2) FROM {rows}")
    assert wanted == [("c-b-a-d",)]
