"""SQL functions in Python against the SQLite that has them itself (APSW's), else their sources."""

from __future__ import annotations

import hashlib
import math
import re
import sqlite3
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import apsw
import hypothesis
import pytest
from hypothesis import strategies as st

from sahpool import functions


def given(*strategies: Any, **named: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """``hypothesis.given`` without a deadline, and with fewer examples, as the tests are many."""
    few: Any = hypothesis.settings(deadline=None, max_examples=50)
    any_of: Any = hypothesis.given(*strategies, **named)
    return lambda test: few(any_of(test))


#: What stands for an error: its text is not compared, as sqlite3 does not tell it.
ERROR = "an error"


@pytest.fixture(scope="module")
def con() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    functions.register(connection)
    yield connection
    connection.close()


def ours(con: sqlite3.Connection, sql: str, *values: object) -> Any:
    try:
        return con.execute(sql, values).fetchall()
    except sqlite3.Error:
        return ERROR


_newer = apsw.Connection(":memory:")


def theirs(sql: str, *values: Any) -> Any:
    try:
        return list(_newer.execute(sql, values))
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
    for each in (con, _newer):
        each.execute("CREATE TEMP TABLE t (n INTEGER PRIMARY KEY, a, b)")
    try:
        con.executemany("INSERT INTO temp.t (a, b) VALUES (?, ?)", rows)
        _newer.executemany("INSERT INTO temp.t (a, b) VALUES (?, ?)", rows)
        assert_alike(con, f"SELECT {call} FROM temp.t")
        assert_alike(con, f"SELECT {call} FILTER (WHERE n % 2) FROM temp.t GROUP BY n % 3")
        for frame in ("ORDER BY n", *(_FRAMES if windows else ())):
            assert_alike(con, f"SELECT n, {call} OVER ({frame}) FROM temp.t ORDER BY n")
    finally:
        con.rollback()
        for each in (con, _newer):
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


# --- functions that SQLite has elsewhere, or not --------------------------------------------------


@given(TEXTS | BLOBS | st.integers(-99, 99))
def test_digests_are_hashlib_s_of_the_bytes(con: sqlite3.Connection, value: Any) -> None:
    data = value if isinstance(value, bytes) else str(value).encode()
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, data).hexdigest()
        assert ours(con, f"SELECT {name}(?)", value) == [(digest,)]
    assert ours(con, "SELECT sha3(?)", value) == [(hashlib.sha3_256(data).digest(),)]
    for size in (224, 256, 384, 512):
        digest_of = hashlib.new(f"sha3_{size}", data).digest()
        assert ours(con, "SELECT sha3(?, ?)", value, size) == [(digest_of,)]


def test_digests_of_null_are_null_and_other_sizes_are_refused(con: sqlite3.Connection) -> None:
    assert ours(con, "SELECT md5(NULL), sha1(NULL), sha256(NULL), sha3(NULL)") == [(None,) * 4]
    assert ours(con, "SELECT sha3('a', 100)") == ERROR
    # The values of the standards themselves.
    assert ours(con, "SELECT md5('abc')") == [("900150983cd24fb0d6963f7d28e17f72",)]
    assert ours(con, "SELECT sha1('abc')") == [("a9993e364706816aba3e25717850c26c9cd0d89d",)]


def test_uuids_are_of_their_versions_and_differ(con: sqlite3.Connection) -> None:
    for name, version in (("uuid", 4), ("uuid4", 4), ("uuid7", 7)):
        rows = con.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
            f" SELECT {name}() FROM n"
        ).fetchall()
        found = [uuid.UUID(text) for (text,) in rows]
        assert {each.version for each in found} == {version}
        assert {each.variant for each in found} == {uuid.RFC_4122}
        assert len(set(found)) == 3000
        assert [str(each) for each in found] == [text for (text,) in rows]


def test_uuids_of_version_7_begin_with_the_time_and_grow(con: sqlite3.Connection) -> None:
    before = time.time_ns() // 1_000_000
    rows = con.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
        " SELECT uuid7() FROM n"
    ).fetchall()
    found = [text for (text,) in rows]
    assert found == sorted(found)
    times = [uuid.UUID(text).int >> 80 for text in found]
    assert before <= times[0] <= times[-1] <= time.time_ns() // 1_000_000 + 1


@given(st.uuids())
def test_a_uuid_as_text_and_as_blob_are_each_other_s(
    con: sqlite3.Connection, value: uuid.UUID
) -> None:
    for written in (str(value), value.hex, f"{{{value}}}", str(value).upper(), value.bytes):
        assert ours(con, "SELECT uuid_str(?), uuid_blob(?)", written, written) == [
            (str(value), value.bytes)
        ]


@pytest.mark.parametrize("value", ["", "x", b"123", 5, None, "1234", "g" * 32])
def test_what_is_no_uuid_is_null(con: sqlite3.Connection, value: object) -> None:
    assert ours(con, "SELECT uuid_str(?), uuid_blob(?)", value, value) == [(None, None)]


def test_regexp_is_the_operator_with_python_s_patterns(con: sqlite3.Connection) -> None:
    assert ours(con, r"SELECT 'abc' REGEXP 'b.', 'abc' REGEXP '^b', 12 REGEXP '\d\d'") == [
        (1, 0, 1)
    ]
    assert ours(con, "SELECT NULL REGEXP 'a', 'a' REGEXP NULL") == [(None, None)]
    assert ours(con, "SELECT 'a' REGEXP '('") == ERROR


@given(st.text("ab1-", max_size=8), st.sampled_from(["a+", "(a)(b)?", "^a|b$", "[0-9]", "x*", "A"]))
def test_the_regexp_functions_are_python_s_re(
    con: sqlite3.Connection, text: str, pattern: str
) -> None:
    found = re.search(pattern, text)
    found_in_any_case = re.search(pattern, text, re.IGNORECASE)
    assert ours(con, "SELECT regexp(?, ?)", pattern, text) == [(int(found is not None),)]
    assert ours(con, "SELECT regexp_like(?, ?)", text, pattern) == [(int(found is not None),)]
    assert ours(con, "SELECT regexp_like(?, ?, 'i')", text, pattern) == [
        (int(found_in_any_case is not None),)
    ]
    assert ours(con, "SELECT regexp_substr(?, ?)", text, pattern) == [(found and found[0],)]
    assert ours(con, "SELECT regexp_capture(?, ?, 0)", text, pattern) == [(found and found[0],)]
    assert ours(con, "SELECT regexp_replace(?, ?, '<\\g<0>>')", text, pattern) == [
        (re.sub(pattern, r"<\g<0>>", text),)
    ]


def test_groups_are_captured_by_number_and_by_name(con: sqlite3.Connection) -> None:
    sql = "SELECT regexp_capture('2024-05', '(?P<y>\\d+)-(\\d+)'{})"
    assert ours(con, sql.format("")) == [("2024",)]
    assert ours(con, sql.format(", 2")) == [("05",)]
    assert ours(con, sql.format(", 'y'")) == [("2024",)]
    assert ours(con, sql.format(", 3")) == ERROR
    assert ours(con, "SELECT regexp_capture('b', '(a)?b')") == [(None,)]
    assert ours(con, "SELECT regexp_replace('ab', '(a)(b)', '\\2\\1')") == [("ba",)]
    assert ours(con, "SELECT regexp_replace('a', 'a', '\\9')") == ERROR
    assert ours(con, "SELECT regexp_like('a', 'a', 'q')") == ERROR
    assert ours(con, "SELECT regexp_replace('a', NULL, 'b'), regexp_substr(NULL, 'a')") == [
        (None, None)
    ]


#: host's own SQLite has soundex, built in.
_HAS_SOUNDEX = ("SOUNDEX",) in sqlite3.connect(":memory:").execute("PRAGMA compile_options")


@pytest.mark.skipif(not _HAS_SOUNDEX, reason="the SQLite of this Python has no soundex")
@given(st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=12) | st.none())
def test_soundex_is_sqlite_s(con: sqlite3.Connection, text: str | None) -> None:
    plain = sqlite3.connect(":memory:")
    try:
        assert ours(con, "SELECT soundex(?)", text) == ours(plain, "SELECT soundex(?)", text)
    finally:
        plain.close()


@pytest.mark.parametrize(
    ("name", "sound"),
    [("Robert", "R163"), ("Rupert", "R163"), ("Tymczak", "T522"), ("Pfister", "P236"),
     ("Honeyman", "H555"), ("Ashcraft", "A226"), ("", "?000"), ("12", "?000")],
)  # fmt: skip
def test_names_that_sound_alike_have_the_same_code(
    con: sqlite3.Connection, name: str, sound: str
) -> None:
    assert ours(con, "SELECT soundex(?)", name) == [(sound,)]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("MARTHA", "MARHTA", 0.9611),
        ("DWAYNE", "DUANE", 0.84),
        ("DIXON", "DICKSONX", 0.8133),
        ("CRATE", "TRACE", 0.7333),
        ("", "", 1.0),
        ("", "a", 0.0),
        ("a", "b", 0.0),
        ("same", "same", 1.0),
        (None, "a", None),
        ("a", None, None),
    ],
)
def test_jaro_winkler_is_what_its_article_gives(
    con: sqlite3.Connection, one: str | None, other: str | None, alike: float | None
) -> None:
    for pair in ((one, other), (other, one)):
        ((found,),) = ours(con, "SELECT jaro_winkler(?, ?)", *pair)
        assert found == alike or abs(found - (alike or 0.0)) < 0.00005, pair
    assert ours(con, "SELECT jaro_winkler(1, 'a')") == ERROR


@given(st.text("abc", max_size=9), st.text("abc", max_size=9))
def test_levenshtein_is_the_distance_by_its_definition(one: str, other: str) -> None:
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, against in enumerate(other):
            current.append(
                min(above[column] + (letter != against), above[column + 1] + 1, current[-1] + 1)
            )
        above = current
    # The second time and in the other order, what is kept of a text is used.
    levenshtein = functions.similarity.levenshtein
    assert [levenshtein(one, other) for _ in range(2)] == [above[-1]] * 2
    assert levenshtein(other, one) == above[-1]


def test_the_distance_of_long_texts_to_one_text_is_right() -> None:
    levenshtein = functions.similarity.levenshtein
    long = "ab" * 5000
    assert levenshtein("a", "ba") == levenshtein("a", "ba") == 1
    assert [levenshtein(long, "ba") for _ in range(2)] == [len(long) - 2] * 2
    assert [levenshtein(long, long[:-1] + "c") for _ in range(2)] == [1, 1]
    texts = [f"{number:x}" * 3 for number in range(5000)]
    for text in texts:
        assert (levenshtein(text, "0123456789abcdef") or 0) >= 16 - len(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Élodie Ørsted", "Elodie Orsted"),
        ("Straße", "Strasse"),
        ("ŁÓDŹ", "LODZ"),
        ("Ærø", "AEro"),
        ("Crème Brûlée", "Creme Brulee"),
        ("naïve ﬁn", "naive fin"),
        ("Ελλάς", "Ελλας"),
        ("日本", "日本"),
        ("e\u0301", "e"),
        ("plain", "plain"),
    ],
)
def test_unaccent_takes_the_marks_off(con: sqlite3.Connection, text: str, plain: str) -> None:
    assert ours(con, "SELECT unaccent(?)", text) == [(plain,)]


def test_unaccent_leaves_what_is_no_text(con: sqlite3.Connection) -> None:
    assert ours(con, "SELECT unaccent(5), unaccent(NULL), unaccent(x'e9')") == [(5, None, b"\xe9")]


def test_functions_that_always_give_the_same_may_be_used_in_an_index(
    con: sqlite3.Connection,
) -> None:
    plain = sqlite3.connect(":memory:")
    functions.register(plain)
    plain.execute("CREATE TABLE t (a, b)")
    for scalar in functions.SCALARS:
        count = scalar.arguments if scalar.arguments >= 0 else 2
        arguments = ", ".join(["a", "b"] * 3)[: max(0, 3 * count - 2)]
        sql = f'CREATE INDEX "{scalar.name}{count}" ON t ({scalar.name}({arguments}))'
        if scalar.deterministic:
            plain.execute(sql)
        else:
            with pytest.raises(sqlite3.OperationalError, match="non-deterministic"):
                plain.execute(sql)
    plain.close()


def test_a_refused_argument_is_the_cause_where_causes_are_attached(con: sqlite3.Connection) -> None:
    from sahpool.sqlite import causes

    before = sqlite3.Error.__dict__.get("sqlite_errorcode")
    causes.attach_causes()
    try:
        with pytest.raises(sqlite3.OperationalError) as raised:
            con.execute("SELECT percentile(1, 200)").fetchall()
        assert "not between 0.0 and 100.0" in str(raised.value.__cause__)
    finally:
        if before is None:
            del sqlite3.Error.sqlite_errorcode
