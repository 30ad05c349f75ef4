"""The rows of a query as a file: every value in every format, cancelled and refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sahpool_console.session.formats.registry import EXPORTS, IMPORTS

from .fake_host import Client, hint_of

VALUES = """
CREATE TABLE t (i, r, t, b, n);
INSERT INTO t VALUES
  (1, 1.5, 'a "quoted", text', x'00ff', NULL),
  (9223372036854775807, -0.1, 'two
lines; é 😀', zeroblob(2), NULL),
  (-9223372036854775808, 1e300, '', x'', NULL);
"""


def exported(client: Client, sql: str, kind: str) -> bytes:
    """The file that the rows of a query become."""
    reply = client.ask("export_rows", sql=sql, format=kind)
    (data,) = client.parts
    assert isinstance(data, bytes)
    assert reply["size"] == len(data)
    return data


def test_csv_has_every_value_and_a_header(client: Client) -> None:
    client.run(VALUES)
    text = exported(client, "SELECT * FROM t", "csv").decode()
    assert list(csv.reader(text.splitlines(keepends=True))) == [
        ["i", "r", "t", "b", "n"],
        ["1", "1.5", 'a "quoted", text', "X'00FF'", ""],
        ["9223372036854775807", "-0.1", "two\nlines; é 😀", "X'0000'", ""],
        ["-9223372036854775808", "1e+300", "", "X''", ""],
    ]


def test_what_is_exported_as_csv_is_imported_as_it_was(client: Client) -> None:
    client.run(VALUES)
    query = "SELECT i, r, nullif(t, '') AS t, n FROM t"
    data = exported(client, query, "csv")
    client.load(data, "copy.csv")
    assert client.rows("SELECT * FROM copy") == client.rows(query)


def test_json_lines_have_every_value_under_its_name(client: Client) -> None:
    client.run(VALUES)
    lines = exported(client, "SELECT * FROM t", "jsonl").decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "i": 1,
            "r": 1.5,
            "t": 'a "quoted", text',
            "b": {"$base64": True, "encoded": "AP8="},
            "n": None,
        },
        {
            "i": 2**63 - 1,
            "r": -0.1,
            "t": "two\nlines; é 😀",
            "b": {"$base64": True, "encoded": "AAA="},
            "n": None,
        },
        {"i": -(2**63), "r": 1e300, "t": "", "b": {"$base64": True, "encoded": ""}, "n": None},
    ]


def test_columns_of_one_name_are_told_apart_in_json(client: Client) -> None:
    data = exported(client, "SELECT 1 AS a, 2 AS a, 3 AS a_2, 9e999 AS far", "jsonl")
    assert json.loads(data) == {"a": 1, "a_2": 2, "a_2_2": 3, "far": None}


def test_text_that_is_no_utf_8_is_kept_in_csv_and_refused_in_json(client: Client) -> None:
    sql = "SELECT CAST(x'61ff62' AS TEXT) AS a"
    assert exported(client, sql, "csv") == b"a\r\na\xffb\r\n"
    error = client.fail("export_rows", sql=sql, format="jsonl")
    assert error["type"] == "EncodingError"
    assert "AS BLOB" in hint_of(error)
    assert client.rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize("kind", [known.name for known in EXPORTS])
def test_more_rows_than_a_piece_are_all_there_and_none_at_all_is_a_file(
    client: Client, kind: str
) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
    data = exported(client, numbers.format(10_000) + " SELECT i FROM n", kind)
    found = [line.strip('{"i:}') for line in data.decode().split()]
    assert [int(each) for each in found if each] == list(range(1, 10_001))
    nothing = exported(client, "SELECT 1 AS i WHERE 0", kind)
    assert nothing in (b"", b"i\r\n")


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DELETE FROM t RETURNING i", "only read"),
        ("WITH a AS (SELECT 1) INSERT INTO t (i) SELECT * FROM a RETURNING i", "only read"),
        ("PRAGMA user_version=7", "only read"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("-- nothing", "one statement"),
        ("SELECT oops", "no such column"),
    ],
)
def test_what_is_no_single_query_is_refused_and_not_done(
    client: Client, sql: str, told: str
) -> None:
    client.run(VALUES)
    error = client.fail("export_rows", sql=sql, format="csv")
    assert told in error["message"]
    assert client.rows("SELECT count(*) FROM t") == [(3,)]
    assert client.rows("PRAGMA user_version") == [(0,)]


def test_an_unknown_format_is_refused_with_the_names_of_those_that_there_are(
    client: Client,
) -> None:
    error = client.fail("export_rows", sql="SELECT 1", format="papyrus")
    assert "csv, jsonl" in error["message"]


def test_a_cancelled_export_lets_go_of_the_database(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sahpool_console.session.job.TICK_SECONDS", 0.0)
    client.run("CREATE TABLE t (a)")
    client.host.loop.on_tick = lambda: client.cancel(client.next_id() - 1)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    assert client.fail("export_rows", sql=endless, format="csv")["type"] == "Cancelled"
    client.host.loop.on_tick = lambda: None
    assert client.run("DROP TABLE t")[0]["error"] is None


def test_another_database_than_the_one_that_is_meant_is_not_read(client: Client) -> None:
    error = client.fail("export_rows", sql="SELECT 1", format="csv", database="other.db")
    assert error["type"] == "WrongDatabase"


def test_the_formats_are_told_with_their_suffixes(client: Client, tmp_path: Path) -> None:
    reply = client.ask("formats")
    assert [each["name"] for each in reply["imports"]] == [known.name for known in IMPORTS]
    assert ".tsv" in reply["imports"][-1]["suffixes"]
    assert {"name": "csv", "suffix": ".csv", "mime": "text/csv"} in reply["exports"]
