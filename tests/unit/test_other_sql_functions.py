"""SQL functions in Python that SQLite has in an extension, or not at all, against their sources."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st

from sahpool import functions

from .sql_calls import BLOBS, ERROR, TEXTS, given, ours


@pytest.fixture(scope="module")
def con() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    functions.register(connection)
    yield connection
    connection.close()


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
