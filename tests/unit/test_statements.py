"""Splitting a script into statements."""

import io
import sqlite3
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sahpool_console.session.sql.statements import split


def texts(sql: str) -> list[str]:
    data = sql.encode()
    return [data[s.start : s.end].decode() for s in split(data)]


TRIGGER = "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT ';'; UPDATE b SET c = 1; END;"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        (" \n\t; ;; -- nothing\n /* at; all */", []),
        ("/* never closed; SELECT 1;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;SELECT 2 ; \n", ["SELECT 1;", "SELECT 2 ;"]),
        ("-- first;\nSELECT 1; -- second;\n SELECT 2  ", ["SELECT 1;", "SELECT 2"]),
        ("SELECT ';', 'it''s;'; SELECT 2", ["SELECT ';', 'it''s;';", "SELECT 2"]),
        ('SELECT ";", `;`, [;]; SELECT 2', ['SELECT ";", `;`, [;];', "SELECT 2"]),
        ("SELECT 1 /* ; */ ; SELECT 2", ["SELECT 1 /* ; */ ;", "SELECT 2"]),
        ("SELECT 'never closed; SELECT 2;", ["SELECT 'never closed; SELECT 2;"]),
        ("SELECT 4-2/1; SELECT 2", ["SELECT 4-2/1;", "SELECT 2"]),
        (TRIGGER + "SELECT 1;", [TRIGGER, "SELECT 1;"]),
        ("SELECT 'é';\ufeff SELECT '😀';", ["SELECT 'é';", "SELECT '😀';"]),
        ("SELECT 1\0; SELECT 2", ["SELECT 1\0;", "SELECT 2"]),
        (".tables\nSELECT 1;", [".tables\nSELECT 1;"]),
    ],
)
def test_statements_come_out_as_the_shell_sees_them(sql: str, expected: list[str]) -> None:
    assert texts(sql) == expected


def test_positions_are_bytes_of_utf8() -> None:
    sql = "SELECT 'é😀'; SELECT 2".encode()
    first, second = split(sql)
    assert (first.start, first.end, second.start) == (0, 16, 17)
    assert list(split(sql, first.end)) == [second]


@given(st.text(st.sampled_from("x;\r\n'-"), max_size=30), st.integers(0, 30))
def test_a_statement_knows_its_line_wherever_the_splitting_began(sql: str, start: int) -> None:
    data = sql.encode()
    for statement in split(data, min(start, len(data))):
        before = data[: statement.start].decode()
        assert statement.line == len(io.StringIO(before + "x", newline="").readlines())


WORDS = ["SELECT", "CREATE", " TEMP ", " TRIGGER ", "BEGIN ", "END", "EXPLAIN ", "CASE ", "x", "é"]
MARKS = [";", ";", " ", "\n", "'", '"', "`", "[", "]", "--", "/*", "*/", "-", "/", "1"]
PIECES = st.sampled_from(WORDS + MARKS)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_every_statement_ends_where_sqlite_first_finds_it_complete(sql: str) -> None:
    data = sql.encode()
    for statement in split(data):
        text = data[statement.start : statement.end].decode()
        ends = [i + 1 for i, c in enumerate(text) if c == ";"]
        complete = [end for end in ends if sqlite3.complete_statement(text[:end])]
        assert complete in ([], [len(text)])
        if statement.end < len(data.rstrip()):
            assert complete == [len(text)]


@pytest.mark.parametrize(
    "sql",
    [
        b"INSERT INTO t VALUES (1, 'a; b');\n" * 150_000,
        b"CREATE TRIGGER never ends; " + b"INSERT INTO t VALUES (1);\n" * 200_000,
        b"SELECT '" + b";" * 5_000_000,
        b"-- ;\n" * 1_000_000,
        b"SELECT 1" + b" -- ;\n" * 1_000_000,
    ],
    ids=["dump", "trigger", "string", "comments", "commented"],
)
def test_five_megabytes_take_a_moment_and_not_minutes(sql: bytes) -> None:
    began = time.process_time()
    count = sum(1 for _ in split(sql))
    assert count in (0, 1, 150_000)
    assert time.process_time() - began < 5
