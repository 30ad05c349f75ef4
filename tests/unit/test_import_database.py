"""SQLite files taken in as databases: whole, checked, and never at the cost of what was there."""

import io
import itertools
import zipfile
from pathlib import Path

import pytest

from .fake_host import Client, FileSource, hint_of, make_database, said


def test_a_database_is_imported_and_open_at_once(client: Client, tmp_path: Path) -> None:
    data = make_database(tmp_path / "things.sqlite")
    source = FileSource(tmp_path / "things.sqlite")
    reply = client.ask("import_file", source, name="things.sqlite")
    assert (reply["kind"], reply["database"]) == ("sqlite", "things.sqlite")
    assert (reply["table"], reply["rows"], reply["size"]) == (None, None, len(data))
    assert client.rows("SELECT count(*) FROM thing") == [(100,)]
    assert client.events[-1]["phase"] == "checking"


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (b"just some text, and more", "x.sqlite", "text that begins with “just some"),
        ("bärenstark, no database".encode(), "x.DB", "text that begins"),
        (b"BEGIN TRANSACTION;\nCREATE TABLE", "dump.db", "script of SQL"),
        (bytes(range(256)) * 20, "secret.db", "encrypted"),
        (b"PK\x03\x04rest", "x.sqlite3", "archive"),
        (b"SQLite format 3\0" + b"\0" * 50, "x.sqlite", "cut off"),
        (b"SQLite format 3\0" + b"\0" * 500, "any", "page size"),
    ],
)
def test_what_is_no_database_is_told_what_it_is(
    client: Client, data: bytes, name: str, told: str
) -> None:
    error = client.reject(data, name)
    assert error["type"] == "NotADatabase"
    assert told in error["message"]
    assert hint_of(error)
    assert client.ask("databases")["databases"] == [{"name": "notes.db", "size": 0}]


@pytest.mark.parametrize("name", ["x.sqlite", "notes.DB", "notes", "notes.data"])
def test_a_file_without_a_byte_is_an_empty_database(
    client: Client, tmp_path: Path, name: str
) -> None:
    (tmp_path / "nothing").touch()
    reply = client.ask("import_file", FileSource(tmp_path / "nothing"), name=name)
    assert (reply["kind"], reply["database"], reply["size"]) == ("sqlite", name, 0)
    assert client.ask("export", database=name)["size"] == 0
    assert client.parts == [b""]
    client.run("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    assert client.rows("SELECT a FROM t") == [(1,)]


def test_an_empty_file_of_text_is_no_database(client: Client) -> None:
    for name in ("x.csv", "x.txt", "x.sql", "x.json"):
        error = client.reject(b"", name)
        assert error["type"] != "NotADatabase", name
    assert client.reject(b" ", "x.sqlite")["type"] == "NotADatabase"


@pytest.mark.parametrize("keep", [99, 100, 3000, 4096, -1])
def test_a_truncated_database_is_refused(client: Client, tmp_path: Path, keep: int) -> None:
    data = make_database(tmp_path / "x.db", 5000)
    error = client.reject(data[:keep], "x.db")
    assert error["type"] == "NotADatabase"
    assert "cut off" in error["message"]


def zipped(*names: str) -> bytes:
    """A ZIP file with these entries, in this order."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            # Without the clock, so that this test has one name in all processes of pytest-xdist.
            archive.writestr(zipfile.ZipInfo(name), "x" * 99)
    return data.getvalue()


def ole(*names: str) -> bytes:
    """An OLE compound file with these names in its directory, as far as that is looked at."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(30, b"\0") + b"\x09\0"
    directory = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in names)
    return header.ljust(48, b"\0").ljust(512, b"\0") + directory.ljust(512, b"\0")


ZIP = b"PK\x03\x04" + b"\0" * 26


@pytest.mark.parametrize(
    ("data", "name", "told", "advised"),
    [
        (ZIP + b"[Content_Types].xml", "book.xlsx", "spreadsheet", "CSV (UTF-8)"),
        (ZIP + b"mimetypeapplication/vnd.oasis.opendocument", "a.ods", "spreadsheet", "CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "old.xls", "spreadsheet", "CSV"),
        (ZIP + b"flights.csv", "flights.zip", "packed archive", "Unpack"),
        (b"\x1f\x8b\x08\0rest", "flights.csv.gz", "packed archive", "Unpack"),
        (b"\x89PNG\r\n\x1a\nrest", "chart.csv", "image", "CSV"),
        (b"%PDF-1.7\n%rest", "report.pdf", "PDF", "CSV"),
        (b"PAR1\x15\x04rest\0PAR1", "flights.parquet", "Parquet", "CSV"),
        (b"\x37\x7f\x06\x82" + b"\0" * 99, "shop.db-wal", "WAL of a database", "close it"),
        (b"\x37\x7f\x06\x83" + b"\0" * 99, "renamed.csv", "WAL of a database", "close it"),
        (b"\xd9\xd5\x05\xf9 \xa1c\xd7" + b"\0" * 99, "shop.db-journal", "journal", "close it"),
        (b"\x18\xe2-\0" + b"\0" * 99, "shop.db-shm", "WAL-index", "close it"),
        (b"\0-\xe2\x18" + b"\0" * 99, "shop.db-shm", "WAL-index", "close it"),
        (b"CREATE TABLE t (a);\n", "dump.SQL", "script of SQL", "editor"),
        (b'[{"a": 1}]', "data.json", "JSON", "json_each"),
        (b'[{"a": 1}]', "data.csv", "JSON", "json_each"),
        (b'{"a": 1}\n{"a": 2}\n', "data.csv", "JSON", "json_each"),
        (b'["a", 1]\n["b", 2]\n', "data.csv", "JSON", "json_each"),
        (b'{"a": "' + b"x" * 70_000 + b'"}', "data.csv", "JSON", "json_each"),
        (b"[" * 70_000, "data.csv", "JSON", "json_each"),
        (b'{"type": "FeatureCollection", "features": []}', "a.csv", "GeoJSON", "json_each"),
        (b"\xef\xbb\xbf<!DOCTYPE HTML><p>Sign in", "data.csv", "HTML", "sign in"),
        ("<html><table>".encode("utf-16"), "report.xls", "HTML", "CSV"),
        (b"<!-- made --><table><tr><td>1", "report.xls", "HTML", "CSV"),
        (b'<?xml version="1.0"?><kml></kml>', "map.csv", "XML", "CSV"),
        (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "dump.txt", "SQL", "editor"),
        (b"-- MySQL dump\n\nDROP TABLE IF EXISTS t;\n", "dump.txt", "SQL", "editor"),
        (zipped("docProps/app.xml", "xl/workbook.xml"), "data.csv", "spreadsheet", "CSV"),
        (zipped("mimetype", "content.xml"), "data.ods", "spreadsheet", "CSV"),
        (zipped("word/document.xml"), "letter.docx", "office program", "CSV"),
        (zipped("a.csv"), "a.zip", "packed archive", "Unpack"),
        (ole("Root Entry", "Workbook"), "old.xls", "spreadsheet", "CSV"),
        (ole("Root Entry", "WordDocument"), "old.doc", "office program", "CSV"),
        (b'{"a": 1}\n{"a": 2}\n', "data.ndjson", "JSON", "json_each"),
    ],
    ids=itertools.count(),
)
def test_what_is_known_to_be_no_table_is_told_what_it_is(
    client: Client, data: bytes, name: str, told: str, advised: str
) -> None:
    error = client.reject(data, name)
    assert error["type"] == "ImportRejected"
    assert told in error["message"]
    assert advised in hint_of(error)
    assert client.ask("schema")["schema"] == []


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.tab", "a.txt", "plain"])
@pytest.mark.parametrize(
    "text",
    [
        "PAR1,x\n1,2\n",
        "{,[\n1,2\n",
        "SELECT,FROM\n1,2\n",
        "<b>,x\n1,2\n",
        "[1],x\n1,2\n",
        '{"a": 1},x\n1,2\n',
        "insert into,values\n1,2\n",
    ],
)
def test_text_stays_a_table_whatever_it_begins_with(client: Client, name: str, text: str) -> None:
    assert client.load(text, name)["rows"] == 1


def test_a_kind_that_is_asked_for_wins(client: Client, tmp_path: Path) -> None:
    assert client.load("a,b\n1,2\n", "data.json", kind="csv")["table"] == "data_json"
    assert client.reject("a,b\n1,2\n", "data.csv", kind="sqlite")["type"] == "NotADatabase"


def test_content_and_not_the_name_decides(client: Client, tmp_path: Path) -> None:
    data = make_database(tmp_path / "x.db")
    assert client.load(data, "things.csv")["kind"] == "sqlite"
    assert client.load("a,b\n1,2\n", "strange.name")["kind"] == "csv"
    assert client.reject("a,b\n1,2\n", kind="parquet")["type"] == "ProtocolError"


def test_an_existing_database_is_kept_unless_it_is_to_be_replaced(
    client: Client, tmp_path: Path
) -> None:
    client.run("CREATE TABLE mine (a)")
    data = make_database(tmp_path / "x.db")
    error = client.reject(data, "notes.db")
    assert (error["type"], error["existing"], error["what"]) == (
        "NameExists",
        "notes.db",
        "database",
    )
    assert client.rows("SELECT count(*) FROM mine") == [(0,)]
    client.load(data, "notes.db", replace=True)
    assert client.rows("SELECT count(*) FROM thing") == [(100,)]


def test_a_failed_replacement_keeps_the_old_database_open(client: Client, tmp_path: Path) -> None:
    client.run("CREATE TABLE mine (a)")
    data = bytearray(make_database(tmp_path / "x.db", 5000))
    data[8192:12288] = b"\xff" * 4096
    error = client.reject(bytes(data), "notes.db", replace=True)
    assert error["type"] == "RejectedError"
    assert client.rows("SELECT count(*) FROM mine") == [(0,)]


def test_a_cancelled_import_leaves_the_old_database(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.run("CREATE TABLE mine (a)")
    data = make_database(tmp_path / "x.db", 50_000)
    monkeypatch.setattr("tests.harness.service_parts.PIECE", 4096)
    client.host.loop.on_breathe = lambda: client.cancel(client.next_id() - 1)
    error = client.reject(data, "notes.db", replace=True)
    assert error["type"] == "Cancelled"
    assert client.rows("SELECT count(*) FROM mine") == [(0,)]


def test_a_cancel_does_not_interrupt_the_reopening_it_leads_to(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.run("".join(f"CREATE TABLE t{i} (a);" for i in range(50)))
    data = make_database(tmp_path / "x.db", 50_000)
    monkeypatch.setattr("tests.harness.service_parts.PIECE", 4096)
    monkeypatch.setattr("sahpool_console.session.sql.connection.PROGRESS_STEPS", 10)
    monkeypatch.setattr("sahpool_console.session.job.TICK_SECONDS", 0.0)
    client.host.loop.on_breathe = lambda: client.cancel(client.next_id() - 1)
    error = client.reject(data, "notes.db", replace=True)
    client.host.loop.on_breathe = lambda: None
    assert error["type"] == "Cancelled"
    assert client.rows("SELECT count(*) FROM t49") == [(0,)]


def test_a_database_in_wal_mode_is_taken_with_a_remark(client: Client, tmp_path: Path) -> None:
    data = bytearray(make_database(tmp_path / "x.db"))
    data[18] = data[19] = 2
    reply = client.load(bytes(data), "wal.db")
    assert "wal.db-wal" in said(reply["notes"])[0]
    assert client.rows("SELECT count(*) FROM thing") == [(100,)]


def test_the_name_is_cleaned(client: Client, tmp_path: Path) -> None:
    data = make_database(tmp_path / "x.db")
    assert client.load(data, "C:\\my\\thi\nngs?.db")["database"] == "things?.db"
