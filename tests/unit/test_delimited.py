"""CSV files: no value changes on its way in, and what is wrong is named with its line."""

import asyncio
import csv
import io
import random
import sqlite3
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import message_of
from sahpool_console.session.formats import read_delimited
from sahpool_console.session.formats.dialect import find_dialect
from sahpool_console.session.formats.headers import column_names, find_header
from sahpool_console.session.formats.kinds import MARKS
from sahpool_console.session.formats.names import table_name
from sahpool_console.session.formats.tables import load
from sahpool_console.session.formats.text import TextReader
from tests.unit.inputs import NUMBERISH

from .fake_host import BytesSource, Client, FakeHost, FakeStorage, said

BIG_INT = 2**63 - 1

#: Source: sqlite.org/lang_keywords.html
_KEYWORDS = """
    abort action add after all alter always analyze and as asc attach autoincrement before begin
    between by cascade case cast check collate column commit conflict constraint create cross
    current current_date current_time current_timestamp database default deferrable deferred delete
    desc detach distinct do drop each else end escape except exclude exclusive exists explain fail
    filter first following for foreign from full generated glob group groups having if ignore
    immediate in index indexed initially inner insert instead intersect into is isnull join key last
    left like limit match materialized natural no not nothing notnull null nulls of offset on or
    order others outer over partition plan pragma preceding primary query raise range recursive
    references regexp reindex release rename replace restrict returning right rollback row rows
    savepoint select set table temp temporary then ties to transaction trigger unbounded union
    unique update using vacuum values view virtual when where window with without
"""


def declared(client: Client, table: str = "data") -> dict[str, str]:
    reply = client.ask("schema")
    (found,) = (t for t in reply["schema"] if t["name"] == table)
    return {column["name"]: column["type"] for column in found["columns"]}


def tables(client: Client) -> list[str]:
    return [table["name"] for table in client.ask("schema")["schema"]]


def written(rows: list[list[str]], **options: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, **options).writerows(rows)
    return out.getvalue()


def test_a_file_becomes_a_table_with_types(client: Client) -> None:
    reply = client.load("n,x,name\n1,1.50,Ann\n2,,\n-3,20.00,\u00e9\n", "My People.csv")
    assert (reply["kind"], reply["table"], reply["rows"]) == ("csv", "My_People", 3)
    assert reply["database"] == "notes.db"
    assert reply["notes"] == []
    assert declared(client, "My_People") == {"n": "INTEGER", "x": "REAL", "name": "TEXT"}
    assert client.rows("SELECT * FROM My_People") == [
        (1, 1.5, "Ann"),
        (2, None, None),
        (-3, 20.0, "\u00e9"),
    ]


FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(deadline=None)
@given(
    rows=st.integers(2, 4).flatmap(
        lambda width: st.lists(
            st.lists(NUMBERISH | FIELD, min_size=width, max_size=width), max_size=12
        )
    ),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    delimiter=st.sampled_from(",;\t|"),
    block=st.integers(1, 40),
)
def test_every_value_arrives_whatever_it_is(
    rows: list[list[str]], end: str, delimiter: str, block: int
) -> None:
    header = ["c" + "abcd"[i] for i in range(len(rows[0]) if rows else 2)]
    text = written([header, *rows], lineterminator=end, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    arrives_whole(text, rows, block)


PLAIN = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters='\0\r\n",;\t|'), max_size=8
)


@settings(deadline=None)
@given(
    rows=st.integers(2, 4).flatmap(
        lambda width: st.lists(
            st.lists(NUMBERISH | PLAIN, min_size=width, max_size=width), max_size=12
        )
    ),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    last=st.booleans(),
    delimiter=st.sampled_from(",;\t|"),
    quoted=st.none() | st.integers(0, 11),
    block=st.integers(1, 40),
)
def test_every_value_of_lines_without_quotes_arrives(
    rows: list[list[str]], end: str, last: bool, delimiter: str, quoted: int | None, block: int
) -> None:
    lines = [delimiter.join(row) for row in rows]
    if quoted is not None and quoted < len(rows):
        lines[quoted] = written([rows[quoted]], delimiter=delimiter, quoting=csv.QUOTE_ALL).strip()
    header = delimiter.join("c" + "abcd"[i] for i in range(len(rows[0]) if rows else 2))
    text = end.join([header, *lines]) + (end if last else "")
    arrives_whole(text, rows, block)


def arrives_whole(text: str, rows: list[list[str]], block: int) -> None:
    """Loads a file in blocks of so many bytes; every value must be in the table as it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sahpool_console.session.formats.text.BLOCK", block)
        patch.setattr("sahpool_console.session.formats.read_delimited.BATCH_ROWS", 3)
        loaded, kinds = load_plainly(text.encode())
    assert len(loaded) == len(rows)
    for row, original in zip(loaded, rows, strict=True):
        for value, field, kind in zip(row, original, kinds, strict=True):
            if field == "" or (field in MARKS and kind != "TEXT"):
                assert value is None
            elif kind == "TEXT":
                assert value == field
            else:
                assert Decimal(repr(value)) in readings(field)
    for kind, column in zip(kinds, zip(*rows, strict=True), strict=bool(rows)):
        if kind != "TEXT":
            texts = {field for field in column if field not in ("", *MARKS)}
            assert len({min(readings(field)) for field in texts}) == len(texts)


def readings(field: str) -> set[Decimal]:
    """The numbers that a field can be, by the decimal mark and what separates thousands."""
    found = set()
    for decimal in ".,":
        for group in ["", *set(",.' \u2019\u00a0\u202f") - {decimal}]:
            with suppress(InvalidOperation):
                plain = field.replace(group, "") if group else field
                found.add(Decimal(plain.replace(decimal, ".")))
    return found


def load_plainly(data: bytes) -> tuple[list[tuple[Any, ...]], list[str]]:
    """Loads into a database in memory, without a service; hypothesis has no fixtures."""
    from sahpool_console.session.job import Job
    from sahpool_console.session.sql.connection import Connection

    class Memory(FakeStorage):
        def connect(self, _name: str) -> sqlite3.Connection:
            return sqlite3.connect(":memory:")

    host = FakeHost(Memory(Path()))
    connection = Connection(host, "memory", lambda: 0)
    job = Job({"id": 1}, [], host.loop, lambda _head: None)

    async def begin() -> None:
        connection.begin()

    source = BytesSource(data)
    loaded = asyncio.run(
        load(
            connection,
            read_delimited.Delimited(source, "data.csv"),
            "data",
            replace=False,
            job=job,
            begin=begin,
        )
    )
    rows = connection.query("SELECT * FROM data")
    kinds = [kind for (kind,) in connection.query("SELECT type FROM pragma_table_info('data')")]
    connection.close()
    assert loaded.rows == len(rows)
    return rows, kinds


@pytest.mark.parametrize(
    "encoded",
    [
        "a,b\n1,\u00e9\U0001f600\n".encode("utf-8-sig"),
        "a,b\n1,\u00e9\U0001f600\n".encode("utf-16"),
        b"\xfe\xff" + "a,b\n1,\u00e9\U0001f600\n".encode("utf-16-be"),
    ],
    ids=["utf-8", "utf-16-le", "utf-16-be"],
)
@pytest.mark.parametrize("block", [1, 3, 1024])
def test_a_byte_order_mark_tells_the_encoding(
    client: Client, monkeypatch: pytest.MonkeyPatch, encoded: bytes, block: int
) -> None:
    monkeypatch.setattr("sahpool_console.session.formats.text.BLOCK", block)
    client.load(encoded)
    assert client.rows("SELECT a, b FROM data") == [(1, "\u00e9\U0001f600")]


@pytest.mark.parametrize("block", [1, 7, 1024])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_wrong_byte_is_named_with_its_line(
    client: Client, monkeypatch: pytest.MonkeyPatch, block: int, end: bytes
) -> None:
    monkeypatch.setattr("sahpool_console.session.formats.text.BLOCK", block)
    data = end.join([b"name,n", b'"two', b'lines",1', b"caf\xe9,2", b"x,3"])
    error = client.reject(data, encoding="utf-8")
    assert error["type"] == "EncodingError"
    assert error["line"] == 4
    assert error["byte"] == data.index(b"\xe9")
    assert "line 4" in error["message"]
    assert "0xE9" in error["message"]
    assert [hint["code"] for hint in error["hints"]] == ["save-as-utf-8"]
    assert tables(client) == []


def test_a_character_cut_at_the_end_is_a_wrong_byte(client: Client) -> None:
    error = client.reject("a,b\n1,\u20ac".encode()[:-1], encoding="utf-8")
    assert (error["type"], error["line"]) == ("EncodingError", 2)


def test_half_a_utf16_file_is_named(client: Client) -> None:
    error = client.reject("a,b\n1,2\n".encode("utf-16")[:-1])
    assert error["type"] == "EncodingError"
    assert "UTF-16" in error["message"]


@pytest.mark.parametrize("block", [5, 1024])
def test_lines_keep_their_ends(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr("sahpool_console.session.formats.text.BLOCK", block)
    text = "a\r\nb\rc\nd\x0be\u2028f\r\n\n\rg\r"
    lines = list(TextReader(BytesSource(text.encode()), "x").lines())
    assert lines == ["a\r\n", "b\r", "c\n", "d\x0be\u2028f\r\n", "\n", "\r", "g\r"]


def test_a_file_is_read_in_pieces(client: Client) -> None:
    source = BytesSource(b"a,b\n" + b"12345,abcdefgh\n" * 200_000)
    client.ask("import_file", source, name="data.csv")
    assert source.largest <= 1024 * 1024
    assert client.rows("SELECT count(*), sum(a) FROM data") == [(200_000, 200_000 * 12345)]


@pytest.mark.parametrize(
    ("text", "told", "line"),
    [
        ("a,b,c\n1,2,3\n1,2,3,4\n1,2,3\n", "4 fields, the first one has 3", 3),
        ("a,b\n1,2\n\n1,2,3\n", "3 fields, the first one has 2", 4),
        ('a,b\n"x\ny",2\n1,2,3\n3,4\n', "3 fields, the first one has 2", 4),
        ('a,b\n"1,1",2\n"never,3\n4,5\n', "never closed", 3),
        ('a,b\n"1,1",2\n1,"two"x\n', "after the closing quotation mark", 3),
        ("a,b\n1,\0\n", "NUL", 2),
        ("", "empty", None),
        ("\ufeff", "empty", None),
        ("\n\n  \n", "empty", None),
    ],
)
def test_a_malformed_file_is_told_with_its_line(
    client: Client, text: str | bytes, told: str, line: int | None
) -> None:
    error = client.reject(text)
    assert error["type"] == "DelimitedError"
    assert told in error["message"]
    assert error["hints"]
    assert error.get("line") == line
    if line is not None:
        assert f"line {line}" in error["message"]
    assert tables(client) == []


def test_a_ragged_row_far_down_leaves_nothing(client: Client) -> None:
    lines = ["a,b"] + ["1,2"] * 30_000
    lines[25_000] = "1,2,3"
    error = client.reject("\n".join(lines))
    assert (error["line"], error["found"], error["expected"]) == (25_001, 3, 2)
    assert tables(client) == []
    assert not client.ask("run", sql="SELECT 1")["in_transaction"]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_types_are_widened_when_a_late_value_does_not_fit(
    client: Client, monkeypatch: pytest.MonkeyPatch, quoting: Any
) -> None:
    monkeypatch.setattr("sahpool_console.session.formats.text.BLOCK", 16 * 1024)
    rows = [[str(i), str(i), "", str(i), "1.5"] for i in range(20_000)]
    rows[9_000][0] = "x007"
    rows[9_500][1] = "0.5"
    rows[15_000][2] = "42"
    rows[19_999][3] = str(BIG_INT)
    rows[5][4] = ""
    client.load(written([["a", "b", "c", "d", "e"], *rows], quoting=quoting))
    types = {"a": "TEXT", "b": "REAL", "c": "INTEGER", "d": "INTEGER", "e": "REAL"}
    assert declared(client) == types
    found = client.rows("SELECT typeof(a), a, b, c, d, e FROM data")
    assert len(found) == 20_000
    assert found[7] == ("text", "7", 7.0, None, 7, 1.5)
    assert found[9_000][1] == "x007"
    assert found[9_500][2] == 0.5
    assert found[15_000][3] == 42
    assert found[19_999][4] == BIG_INT
    assert found[5][5] is None
    phases = [event["phase"] for event in client.events if event["event"] == "progress"]
    assert phases[0] == "reading"
    assert "checking" in phases
    assert phases[-1] == "reading"


def test_large_integers_seen_early_forbid_floats_later(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sahpool_console.session.formats.text.BLOCK", 4 * 1024)
    rows = [["9007199254740993"], *([["1"]] * 10_000), ["1.5"]]
    client.load(written([["a"], *rows]))
    assert declared(client) == {"a": "TEXT"}
    assert client.rows("SELECT a FROM data LIMIT 1") == [("9007199254740993",)]


def test_na_is_null_among_numbers_and_text_among_text(client: Client) -> None:
    text = "n,x,country,none\n1,0.5,NA,NA\nNA,NA,FR,\n3,,DE,\n"
    reply = client.load(text)
    assert client.rows("SELECT * FROM data") == [
        (1, 0.5, "NA", "NA"),
        (None, None, "FR", None),
        (3, None, "DE", None),
    ]
    assert said(reply["notes"]) == ["NA became NULL among the numbers of n, x."]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_file_is_found(client: Client, delimiter: str) -> None:
    rows = [["id", "text, and; more|here\t", "n"], ["1", "a;b,c|d\te", "1.5"], ["2", "x", "2"]]
    client.load(written(rows, delimiter=delimiter))
    assert client.rows('SELECT id, "text, and; more|here", n FROM data') == [
        (1, "a;b,c|d\te", 1.5),
        (2, "x", 2.0),
    ]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a;b\n1,5;2,5\n1,7;3,5\n", ";"),
        ("last, first, middle;age\nAnn;1\nBob;2\n", ";"),
        ("word\nhello, world\nyes\n", ","),
        ("a|b|c\n1,2|3|4\n", "|"),
        ('"a,b";c\n"1";2\n', ";"),
        ('a,"never\nclosed', ","),
    ],
)
def test_the_delimiter_is_the_one_that_makes_rows_alike(text: str, delimiter: str) -> None:
    assert find_dialect(text.splitlines(keepends=True)).dialect.delimiter == delimiter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,n\nAnn,1\n", True),
        ("Ann,1\nBob,2\n", False),
        ("a,b\n", True),
        ("a,1\n", False),
        ("name,city\nAnn,Rome\n", True),
        ("Ann,Ann\nBob,Rome\n", False),
        ("id,\n1,x\n", True),
        ("1\n2\n", False),
    ],
)
def test_the_header_is_told_from_data(text: str, expected: bool) -> None:
    first, *rest = csv.reader(text.splitlines())
    columns = list(zip(*rest, strict=True)) if rest else [()] * len(first)
    assert find_header(first, columns).there is expected


def test_without_a_header_columns_are_numbered_and_it_is_said(client: Client) -> None:
    reply = client.load("Ann,1\nBob,2\n")
    assert client.rows("SELECT column1, column2 FROM data") == [("Ann", 1), ("Bob", 2)]
    assert "numbered" in said(reply["notes"])[0]


@pytest.mark.parametrize(
    ("header", "names", "remarks"),
    [
        (["a", "b"], ["a", "b"], 0),
        ([" a ", "b"], ["a", "b"], 0),
        (["a", "A", "a_2", "a"], ["a", "A_3", "a_2", "a_4"], 2),
        (["", "column1", ""], ["column1_2", "column1", "column3"], 2),
        (["\u00e9", "\u00c9"], ["\u00e9", "\u00c9"], 0),
    ],
)
def test_column_names_are_made_unique(header: list[str], names: list[str], remarks: int) -> None:
    found, said = column_names(header)
    assert found == names
    assert len(said) == remarks


def test_renamed_columns_are_said_in_the_reply(client: Client) -> None:
    reply = client.load('x,,X,"say ""hi"""\n1,2,3,4\n')
    assert list(declared(client)) == ["x", "column2", "X_2", 'say "hi"']
    assert len(reply["notes"]) == 2


def test_too_many_columns_are_refused(client: Client) -> None:
    error = client.reject(",".join(f"c{i}" for i in range(2001)) + "\n")
    assert "2001 columns" in error["message"]


def test_a_blank_line_is_a_null_in_a_single_column_only(client: Client) -> None:
    client.load("\n\nn\n1\n\n3\n", "one.csv")
    assert client.rows("SELECT n FROM one") == [(1,), (None,), (3,)]
    client.load("n\n1\n\n3\n", "one.csv", replace=True)
    assert client.rows("SELECT n FROM one") == [(1,), (None,), (3,)]
    client.load("\n\na,b\n\n1,2\n\n3,4\n\n", "two.csv")
    assert client.rows("SELECT a, b FROM two") == [(1, 2), (3, 4)]


def test_a_long_field_is_taken_whole(client: Client) -> None:
    long = "x" * 3_000_000
    client.load(f"a,b\n1,{long}\n")
    assert client.rows("SELECT length(b) FROM data") == [(len(long),)]


def test_a_field_that_is_too_long_is_told_from_a_quotation_mark_never_closed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sahpool_console.session.formats.read_delimited.MAX_FIELD", 1_000_000)
    field = "x" * 1_000_001
    error = client.reject(f'a,b\n1,2\n1,"{field}"\n')
    assert error["message"] == (
        "data.csv: in the row that begins in line 3, a field is longer than 1,000,000 "
        "characters, the most that is taken."
    )
    assert [hint["code"] for hint in error["hints"]] == ["quote-unclosed-perhaps"]
    never = client.reject(f'a,b\n"1,1",2\n1,"{field[:900_000]}')
    assert "is never closed" in never["message"]


def test_an_existing_table_is_kept_unless_it_is_to_be_replaced(client: Client) -> None:
    client.load("a,b\n1,2\n")
    error = client.reject("c,d\n3,4\n", table="DATA")
    assert (error["type"], error["existing"], error["what"]) == ("NameExists", "DATA", "table")
    assert client.rows("SELECT a, b FROM data") == [(1, 2)]
    client.load("c,d\n3,4\n", replace=True)
    assert client.rows("SELECT c, d FROM data") == [(3, 4)]


def test_what_a_replaced_table_takes_with_it_is_said(client: Client) -> None:
    client.run("CREATE TABLE data (a PRIMARY KEY, b); CREATE TABLE other (a)")
    client.run("CREATE INDEX by_b ON data (b); CREATE INDEX elsewhere ON other (a)")
    client.run("CREATE TRIGGER log AFTER INSERT ON data BEGIN SELECT 1; END")
    client.run("CREATE TEMP TRIGGER passing AFTER INSERT ON main.data BEGIN SELECT 1; END")
    rows = "1,2\n" * 10_000 + "x,y\n"  # it is loaded twice, and said once
    reply = client.load("a,b\n" + rows, replace=True)
    assert said(reply["notes"])[2:] == [
        "Replacing data also dropped what belonged to it: index by_b, trigger log, trigger passing."
    ]
    assert client.load("a,b\n1,2\n", replace=True)["notes"] == []
    assert client.rows("SELECT name FROM sqlite_schema WHERE type = 'index'") == [("elsewhere",)]


def test_a_failed_replacement_keeps_the_old_table(client: Client) -> None:
    client.load("a,b\n1,2\n")
    client.reject("a,b\n" + "1,2\n" * 10_000 + "1,2,3\n", replace=True)
    assert client.rows("SELECT a, b FROM data") == [(1, 2)]


def test_a_view_can_be_replaced_too(client: Client) -> None:
    client.run("CREATE VIEW data AS SELECT 1")
    client.load("a,b\n1,2\n", replace=True)
    assert client.rows("SELECT a, b FROM data") == [(1, 2)]


def test_a_cancelled_import_leaves_no_table(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sahpool_console.session.formats.text.BLOCK", 16 * 1024)
    source = BytesSource(b"a,b\n" + b"1,2\n" * 100_000)
    breaths = 0

    def cancel_later() -> None:
        nonlocal breaths
        breaths += 1
        if breaths == 5:
            client.cancel(client.next_id() - 1)

    client.host.loop.on_breathe = cancel_later
    error = client.fail("import_file", source, name="data.csv")
    assert error["type"] == "Cancelled"
    assert breaths == 5
    assert tables(client) == []
    assert not client.ask("run", sql="SELECT 1")["in_transaction"]


def test_a_cancel_just_before_the_end_leaves_no_table_either(client: Client) -> None:
    client.host.loop.on_breathe = lambda: client.cancel(client.next_id() - 1)
    assert client.reject("a,b\n1,2\n")["type"] == "Cancelled"
    assert tables(client) == []


def test_a_cancel_does_not_interrupt_the_rollback_it_leads_to(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sahpool_console.session.sql.connection.PROGRESS_STEPS", 1)
    monkeypatch.setattr("sahpool_console.session.job.TICK_SECONDS", 0.0)
    client.ask("open", database="other.db")
    client.host.loop.on_breathe = lambda: client.cancel(client.next_id() - 1)
    assert client.reject("a,b\n1,2\n")["type"] == "Cancelled"
    assert not client.ask("run", sql="SELECT 1")["in_transaction"]
    assert tables(client) == []


def test_an_import_within_a_transaction_is_refused(client: Client) -> None:
    client.run("BEGIN; CREATE TABLE mine (a)")
    error = client.reject("a,b\n1,2\n")
    assert error["type"] == "TransactionOpen"
    assert client.ask("run", sql="SELECT * FROM mine")["in_transaction"]


def test_progress_is_told_by_time_with_bytes_and_rows(client: Client) -> None:
    data = b"a,b\n" + b"1,2\n" * 50_000
    client.load(data)
    first = client.events[0]
    assert (first["request"], first["total"]) == (client.next_id() - 1, len(data))
    assert first["rows"] >= 1
    assert 0 < first["done"] <= len(data)
    assert len(client.events) < 12


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("flights.csv", "flights"),
        ("2024 Sales (final).csv", "t_2024_Sales_final"),
        ("a.b.tsv", "a_b"),
        ("C:\\data\\x.csv", "x"),
        ("sqlite_master.csv", "t_sqlite_master"),
        (".csv", "imported"),
        ("Stra\u00dfe\u0301.csv", "Stra\u00df\u00e9"),
    ],
)
def test_a_table_is_named_after_its_file(file: str, table: str) -> None:
    assert table_name(file, read_delimited.FORMAT.suffixes) == table


def test_every_name_of_a_table_made_of_a_file_needs_no_quotes() -> None:
    con = sqlite3.connect(":memory:")
    for word in _KEYWORDS.split():
        name = table_name(f"{word}.csv", (".csv",))
        con.execute(f"CREATE TABLE {name} (a)")
        con.execute(f"SELECT * FROM {name} AS one JOIN {name} AS two")
        con.execute(f"DROP TABLE {name}")


def test_a_large_random_file_equals_what_the_csv_module_reads(client: Client) -> None:
    chance = random.Random(1)
    rows = [
        [
            str(chance.randint(-5, 5) * 10 ** chance.randint(0, 14)),
            "" if chance.random() < 0.1 else f"{chance.uniform(-90, 90):.6f}",
            chance.choice(['a "quoted" one', "two\nlines", "x,y", "", "plain"]),
            repr(chance.gauss(0, 1e6)),
        ]
        for _ in range(20_000)
    ]
    client.load(written([["i", "lat", "text", "x"], *rows]))
    expected = [
        (int(i), float(lat) if lat else None, text or None, float(x)) for i, lat, text, x in rows
    ]
    assert client.rows("SELECT i, lat, text, x FROM data") == expected


def test_a_character_that_cannot_be_seen_is_named_where_it_keeps_a_column_text(
    client: Client,
) -> None:
    reply = client.load("a,b\n1,2\n\ufeff3,4\n5,6\n")
    assert said(reply["notes"]) == [
        "a stayed text because of \ufeff3, line 3, which has a character that cannot be seen"
        " (U+FEFF)."
    ]


def test_the_name_of_a_file_stays_as_it_is_in_what_is_said_of_it(client: Client) -> None:
    error = client.reject("")
    assert message_of(error) == "data.csv is empty."
    reply = client.load("version,n\n3.1,1\n3.10,2\n")
    assert said(reply["notes"])[0].startswith("version stayed text")
