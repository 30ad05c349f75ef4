"""The rows of a query as a file: every value in every format, cancelled and refused."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sahpool_console import protocol
from sahpool_console.session.errors import SessionError
from sahpool_console.session.formats import write_xlsx
from sahpool_console.session.formats.interfaces import Writing
from sahpool_console.session.formats.registry import EXPORTS, IMPORTS
from sahpool_console.session.host import Function

from .fake_host import BytesSource, Client, hint_of

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


TYPES = "SELECT typeof(i), typeof(r), typeof(t), typeof(b), typeof(n) FROM "
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) {}"


@pytest.mark.parametrize("kind", [known.name for known in EXPORTS])
def test_more_rows_than_a_batch_are_all_there_in_their_order(client: Client, kind: str) -> None:
    data = exported(client, NUMBERS.format(10_000, "SELECT i FROM n"), kind)
    if kind == "xlsx":
        found = [row[0] for row in list(sheets(data)[0].values)[1:]]
    else:
        found = [int(each) for each in re.findall(r"[0-9]+", body(data.decode(), kind))]
    assert found == list(range(1, 10_001))


@pytest.mark.parametrize("kind", [known.name for known in EXPORTS])
def test_no_rows_at_all_are_a_file_with_the_names_of_the_columns(client: Client, kind: str) -> None:
    data = exported(client, "SELECT 1 AS alpha, 2 AS beta WHERE 0", kind)
    if kind == "xlsx":
        assert list(sheets(data)[0].values) == [("alpha", "beta")]
        return
    without_names = {"json": b"[]\n", "jsonl": b"", "sql": b""}
    if kind in without_names:
        assert data == without_names[kind]
    else:
        assert data.index(b"alpha") < data.index(b"beta")


def body(text: str, kind: str) -> str:
    """The file without what has numbers and is no value: a style, say."""
    return text.partition("<tbody>")[2] if kind == "html" else text


def sheets(data: bytes) -> list[Any]:
    """The sheets of a workbook, as another program reads it."""
    return list(openpyxl.load_workbook(io.BytesIO(data), read_only=True).worksheets)


def notes(client: Client, sql: str, kind: str, **options: object) -> dict[str, int]:
    """What an export says that it could not hold as it is."""
    reply = client.ask("export_rows", sql=sql, format=kind, **options)
    return {each["code"]: each["params"]["count"] for each in reply["notes"]}


def test_a_mark_stands_for_null_and_a_text_that_is_the_same_is_told(client: Client) -> None:
    sql = "SELECT NULL AS a, 'x' AS b UNION ALL SELECT 'NULL', x'01' UNION ALL SELECT 1, NULL"
    reply = client.ask("export_rows", sql=sql, format="csv", null="NULL")
    assert client.parts == [b"a,b\r\nNULL,x\r\nNULL,X'01'\r\n1,NULL\r\n"]
    assert reply["notes"] == [{"code": "export-same-as-null", "params": {"count": 1}}]
    assert notes(client, "SELECT '' AS a", "csv") == {"export-same-as-null": 1}
    assert notes(client, "SELECT 'a' AS a, NULL AS b", "csv") == {}


def test_tsv_separates_by_tabs_and_quotes_what_has_one(client: Client) -> None:
    data = exported(client, "SELECT 'a' || char(9) || 'b' AS x, 'c' AS y", "tsv")
    assert data == b'x\ty\r\n"a\tb"\tc\r\n'


def test_a_json_array_is_one_json_text_over_several_batches(client: Client) -> None:
    data = exported(client, NUMBERS.format(3000, "SELECT i, 'é' AS t FROM n"), "json")
    assert json.loads(data) == [{"i": i, "t": "é"} for i in range(1, 3001)]


def test_statements_of_sql_give_the_same_values_of_the_same_types(client: Client) -> None:
    sql = (
        VALUES + "INSERT INTO t VALUES (9e999, -9e999, 'it''s' || char(0) || 'x',"
        " CAST(x'61ff' AS TEXT), 0.1 + 0.2), (1.0, 5e-324, 1.7976931348623157e308, char(10), 2)"
    )
    client.run(sql)
    data = exported(client, "SELECT * FROM t", "sql")
    with closing(sqlite3.connect(":memory:")) as con:
        con.text_factory = bytes
        con.execute("CREATE TABLE result (i, r, t, b, n)")
        con.executescript(data.decode())
        found = con.execute("SELECT * FROM result").fetchall()
        types = con.execute(TYPES + "result")
        rows = [tuple(map(_bytes, row)) for row in client.rows("SELECT * FROM t")]
        assert found == rows
        assert types.fetchall() == [tuple(map(_bytes, row)) for row in client.rows(TYPES + "t")]


def _bytes(value: object) -> object:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def test_statements_of_sql_name_the_table_and_stay_below_sqlites_limit(client: Client) -> None:
    sql = NUMBERS.format(300, 'SELECT i AS "a""b", i AS i, printf(\'%05000d\', i) AS t FROM n')
    reply = client.ask("export_rows", sql=sql, format="sql", table='my "own"')
    (data,) = client.parts
    statements = data.decode().split(";\n")[:-1]
    assert len(statements) > 10
    assert max(map(len, statements)) < 110_000
    assert all(
        each.startswith('INSERT INTO "my ""own""" ("a""b", "i", "t")') for each in statements
    )
    assert reply["notes"] == []
    assert notes(client, "SELECT printf('%01000000d', 1)", "sql") == {"export-long-statement": 1}


def test_a_workbook_has_every_value_as_another_program_reads_it(client: Client) -> None:
    client.run(VALUES)
    client.run("INSERT INTO t VALUES (9007199254740992, 9e999, ' <&>\"', '_x0041_', 2.0)")
    reply = client.ask("export_rows", sql="SELECT * FROM t", format="xlsx")
    (sheet,) = sheets(client.parts[0])
    assert list(sheet.values) == [
        ("i", "r", "t", "b", "n"),
        (1, 1.5, 'a "quoted", text', "X'00FF'", None),
        ("9223372036854775807", -0.1, "two\nlines; é 😀", "X'0000'", None),
        ("-9223372036854775808", 1e300, "", "X''", None),
        (2**53, "Infinity", ' <&>"', "_x005F_x0041_", 2.0),
    ]
    assert reply["notes"] == [
        {"code": "export-integer-as-text", "params": {"count": 2}},
        {"code": "export-infinity-as-text", "params": {"count": 1}},
        {"code": "export-blob-as-text", "params": {"count": 3}},
    ]


def unpacked(data: bytes, name: str = "xl/worksheets/sheet1.xml") -> bytes:
    """One of the files that a workbook consists of."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return archive.read(name)


def ascii_of(text: str) -> str:
    """A short name of a case."""
    return ascii(text[:6])


@pytest.mark.parametrize(
    "text",
    ["a\rb", "a\r\nb", "\ttab", "end ", "\n", "]]>", "é\u2028", "=1+1", "😀" * 16_000, "'"],
    ids=ascii_of,
)
def test_a_text_is_the_same_in_a_workbook(client: Client, text: str) -> None:
    literal = f"CAST(x'{text.encode().hex()}' AS TEXT)"
    data = exported(client, f"SELECT {literal} AS a UNION ALL SELECT 'b'", "xlsx")
    assert list(sheets(data)[0].values) == [("a",), (text,), ("b",)]


def test_a_workbook_escapes_what_xml_cannot_hold_and_cuts_what_a_cell_cannot(
    client: Client,
) -> None:
    data = exported(client, "SELECT char(1) || 'a' || char(65535) AS a", "xlsx")
    assert b"<t>_x0001_a_xFFFF_</t>" in unpacked(data)
    sql = "SELECT printf('%.*c', 32766, 'x') || '😀' AS a"
    assert notes(client, sql, "xlsx") == {"export-text-cut": 1}
    assert list(sheets(client.parts[0])[0].values) == [("a",), ("x" * 32_766,)]


def test_more_rows_than_a_sheet_holds_go_on_further_sheets(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_xlsx, "SHEET_ROWS", 1501)
    sql = NUMBERS.format(4500, "SELECT i FROM n")
    reply = client.ask("export_rows", sql=sql, format="xlsx", table="a/b")
    found = sheets(client.parts[0])
    assert [each.title for each in found] == ["a_b", "a_b 2", "a_b 3"]
    values = [list(each.values) for each in found]
    assert [rows[0] for rows in values] == [("i",)] * 3
    assert [row[0] for rows in values for row in rows[1:]] == list(range(1, 4501))
    assert reply["notes"] == [{"code": "export-further-sheets", "params": {"count": 2}}]


def test_more_columns_than_a_sheet_holds_are_refused(client: Client) -> None:
    # SQLite itself has at most 2,000 columns in a result, unless it was compiled otherwise.
    rows = write_xlsx.FORMAT.write(["a"] * 16_385, iter([]), Writing())
    with pytest.raises(SessionError, match="16384 columns"):
        next(rows)


def test_markdown_is_a_table_in_which_nothing_has_a_meaning(client: Client) -> None:
    sql = "SELECT 1 AS n, 'a|b*c' AS \"x|y\" UNION ALL SELECT NULL, '<b>' || char(10) || '`&'"
    reply = client.ask("export_rows", sql=sql, format="markdown", null="∅")
    assert client.parts[0].decode() == (
        "| n | x\\|y |\n| ---: | --- |\n| 1 | a\\|b\\*c |\n| ∅ | &lt;b><br>\\`&amp; |\n"
    )
    assert reply["notes"] == [{"code": "export-line-breaks", "params": {"count": 1}}]


def test_html_is_a_page_in_which_values_are_text(client: Client) -> None:
    sql = "SELECT '<script>alert(1)</script>' AS \"<i>\", NULL AS b, 0.1 AS c"
    client.ask("export_rows", sql=sql, format="html", null="<null>", table="<title>")
    text = client.parts[0].decode()
    assert "<script" not in text
    assert "<i>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert '<td class="null">&lt;null&gt;</td>' in text
    assert '<td class="n">0.1</td>' in text
    assert "<title>&lt;title&gt;</title>" in text


def test_a_compressed_file_is_the_same_when_it_is_unpacked(client: Client) -> None:
    sql = NUMBERS.format(5000, "SELECT i, 'text' AS t FROM n")
    plain = exported(client, sql, "csv")
    reply = client.ask("export_rows", sql=sql, format="csv", gzip=True)
    assert gzip.decompress(client.parts[0]) == plain
    assert (reply["name"], reply["mime"]) == ("result.csv.gz", "application/gzip")
    assert reply["size"] == len(client.parts[0]) < len(plain) / 3
    reply = client.ask("export_rows", sql=sql, format="xlsx", gzip=True)
    assert reply["name"] == "result.xlsx"


@pytest.mark.parametrize("kind", ["json", "jsonl", "xlsx", "markdown", "html"])
def test_a_format_of_utf_8_refuses_a_text_that_is_none(client: Client, kind: str) -> None:
    error = client.fail("export_rows", sql="SELECT CAST(x'61ff62' AS TEXT) AS a", format=kind)
    assert error["type"] == "EncodingError"
    assert "AS BLOB" in hint_of(error)
    assert client.rows("SELECT 1") == [(1,)]


# --- the rows that were read ---


def another(client: Client) -> Client:
    """Another tab of the same worker, with the same database."""
    other = Client(client.host, client.service, "other")
    other.ask("hello", protocol=protocol.PROTOCOL)
    other.ask("open", database=client.session.open_connection.name)
    return other


def state_of(client: Client, sql: str) -> str:
    """Runs a script and returns the ``state`` of its last outcome."""
    state = client.run(sql)[-1]["state"]
    assert isinstance(state, str)
    return state


def assert_changed(client: Client, sql: str, state: str) -> None:
    """A query is not read again as in a state, because the data has changed since."""
    error = client.fail("export_rows", sql=sql, format="csv", state=state)
    assert (error["type"], error["code"]) == ("RowsChanged", "data-changed")


CHANGES = [
    "INSERT INTO t (i) VALUES (4)",
    "UPDATE t SET r = 2 WHERE i = 1",
    "DELETE FROM t",
    "CREATE TABLE u (a)",
    "DROP TABLE t; CREATE TABLE t (i)",
    "WITH a AS (SELECT 1) INSERT INTO t (i) SELECT * FROM a",
    "WITH a AS (SELECT 1) INSERT INTO t (i) SELECT * FROM a RETURNING i",
    "PRAGMA user_version = 3",
    "PRAGMA case_sensitive_like = 1",
    "BEGIN; INSERT INTO t (i) VALUES (9); ROLLBACK",
    "ALTER TABLE t ADD COLUMN more",
    "ATTACH ':memory:' AS other",
    "CREATE TEMP TABLE t (i)",
    "REPLACE INTO t (i) VALUES (1)",
    "VACUUM",
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_since_is_not_read_again_as_if_it_had_not(
    client: Client, change: str
) -> None:
    client.run(VALUES)
    sql = "SELECT i FROM t"
    state = state_of(client, sql)
    client.run(change)
    assert_changed(client, sql, state)
    assert client.ask("export_rows", sql=sql, format="csv")["size"] > 0


@pytest.mark.parametrize(
    "harmless",
    [
        "SELECT 1",
        "BEGIN; SELECT 1",
        "BEGIN; COMMIT",
        "PRAGMA table_info(t)",
        "PRAGMA user_version",
        "EXPLAIN SELECT 1",
        "VALUES (1)",
        "-- nothing",
        "SELECT oops",
        "WITH a AS (SELECT 1) SELECT * FROM a",
    ],
)
def test_what_has_not_changed_is_read_again(client: Client, harmless: str) -> None:
    client.run(VALUES)
    state = state_of(client, "SELECT i FROM t")
    client.run(harmless)
    reply = client.ask("export_rows", sql="SELECT i FROM t", format="csv", state=state)
    assert reply["rows"] == 3


def test_a_query_that_begins_with_with_is_read_again(client: Client) -> None:
    client.run(VALUES)
    sql = "WITH a AS (SELECT i FROM t) SELECT * FROM a"
    state = state_of(client, sql)
    for _ in range(2):
        assert client.ask("export_rows", sql=sql, format="csv", state=state)["rows"] == 3


def test_a_statement_with_with_that_fails_may_have_changed_something(client: Client) -> None:
    client.run("CREATE TABLE k (a PRIMARY KEY); INSERT INTO k VALUES (3)")
    state = state_of(client, "SELECT a FROM k")
    client.run("WITH w (x) AS (VALUES (1), (3)) INSERT OR FAIL INTO k SELECT x FROM w")
    assert_changed(client, "SELECT a FROM k", state)
    assert client.ask("export_rows", sql="SELECT a FROM k", format="csv")["rows"] == 2


def test_a_rollback_of_what_was_read_is_a_change(client: Client) -> None:
    client.run(VALUES)
    state = state_of(client, "BEGIN; INSERT INTO t (i) VALUES (9); SELECT i FROM t")
    client.run("ROLLBACK")
    assert_changed(client, "SELECT i FROM t", state)


def test_a_statement_that_fails_and_rolls_back_is_a_change(client: Client) -> None:
    client.run("CREATE TABLE k (a UNIQUE); INSERT INTO k VALUES (1)")
    state = state_of(client, "BEGIN; INSERT INTO k VALUES (2); SELECT a FROM k")
    client.run("INSERT OR ROLLBACK INTO k VALUES (1)")
    assert_changed(client, "SELECT a FROM k", state)


def test_an_import_into_the_database_is_a_change(client: Client) -> None:
    client.run(VALUES)
    state = state_of(client, "SELECT i FROM t")
    client.load(b"a,b\n1,2\n", "more.csv")
    assert_changed(client, "SELECT i FROM t", state)


def test_a_commit_of_another_tab_is_a_change(client: Client) -> None:
    client.run(VALUES)
    state = state_of(client, "SELECT i FROM t")
    other = another(client)
    other.run("INSERT INTO t (i) VALUES (4)")
    assert_changed(client, "SELECT i FROM t", state)


def test_the_state_of_another_connection_is_none_of_this_one(client: Client) -> None:
    client.run(VALUES)
    other = another(client)
    error = client.fail(
        "export_rows", sql="SELECT i FROM t", format="csv", state=state_of(other, "SELECT 1")
    )
    assert error["code"] == "data-changed"


VARYING = [
    "SELECT random()",
    "SELECT i FROM t ORDER BY random()",
    "SELECT i FROM t WHERE i > abs(random() % 5)",
    "SELECT hex(randomblob(4))",
    "SELECT CURRENT_TIMESTAMP",
    "SELECT date('now')",
    "SELECT datetime(' NOW ', 'localtime')",
    "SELECT strftime('%s')" if sqlite3.sqlite_version_info >= (3, 46) else "SELECT date()",
    "SELECT julianday()",
    "SELECT * FROM moving",
    "WITH a AS (SELECT random() AS r) SELECT r FROM a",
    "SELECT changes()",
    "SELECT uuid()",
    "SELECT count(i) FILTER (WHERE random() > 0) FROM t",
]


@pytest.mark.parametrize("sql", VARYING)
def test_a_query_that_gives_other_rows_each_time_is_not_run_again(client: Client, sql: str) -> None:
    client.run(VALUES + "CREATE VIEW moving AS SELECT i, date('now') AS today FROM t")
    client.host.engine.own_functions.append(Function("uuid", 0, lambda: "x", deterministic=False))
    client.session.close()
    client.ask("open", database="notes.db")
    state = state_of(client, sql)
    error = client.fail("export_rows", sql=sql, format="csv", state=state)
    assert (error["type"], error["code"]) == ("RowsChanged", "query-varies")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT date('2024-01-01', '+1 day')",
        "SELECT date(t) FROM t",
        "SELECT 'random()', i AS now FROM t",
        'SELECT "i" AS random FROM t',
        "SELECT count(*), max(r), abs(-1) FROM t",
        "EXPLAIN SELECT random()",
    ],
)
def test_a_query_that_only_looks_so_is_run_again(client: Client, sql: str) -> None:
    client.run(VALUES)
    state = state_of(client, sql)
    assert client.ask("export_rows", sql=sql, format="csv", state=state)["rows"] > 0


def held(client: Client, sql: str) -> tuple[bytes, int, list[str]]:
    """The rows of a query as the page keeps and sends them."""
    outcome = client.run(sql)[-1]
    pieces, data, at = [], b"", 0
    piece, part = outcome["piece"], client.parts[outcome["piece"]["part"]]
    pieces.append({**piece, "start": at, "size": len(part)})
    data += bytes(part)
    head = json.dumps(pieces).encode()
    return head + data, len(head), outcome["columns"]


@pytest.mark.parametrize("kind", ["csv", "sql", "jsonl", "xlsx"])
def test_rows_that_the_page_has_become_the_same_file(client: Client, kind: str) -> None:
    client.run(VALUES + "INSERT INTO t VALUES (NULL, 'x', x'01', 2, 3.5)")
    sql = "SELECT *, 7 AS seven, i || '' AS text, NULL AS none FROM t"
    wanted = exported(client, sql, kind)
    data, described, columns = held(client, sql)
    source = BytesSource(data)
    reply = client.ask("write_rows", source, format=kind, columns=columns, described=described)
    assert client.parts == [wanted]
    assert reply["rows"] == 4


@pytest.mark.parametrize("described", [0, 5, 10_000])
def test_rows_that_are_not_as_the_page_keeps_them_are_refused(
    client: Client, described: int
) -> None:
    client.run(VALUES)
    data, _, columns = held(client, "SELECT * FROM t")
    error = client.fail(
        "write_rows", BytesSource(data), format="csv", columns=columns, described=described
    )
    assert error["type"] == "ProtocolError"


@pytest.mark.parametrize("end", [20, 60, 200])
def test_rows_that_are_cut_are_refused(client: Client, end: int) -> None:
    client.run(VALUES)
    data, described, columns = held(client, "SELECT * FROM t")
    error = client.fail(
        "write_rows", BytesSource(data[:-end]), format="csv", columns=columns, described=described
    )
    assert error["type"] == "ProtocolError"


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
    assert "json, jsonl" in error["message"]


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
