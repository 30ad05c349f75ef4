"""Databases in memory, over the files of a folder: the same service, the same errors."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import sahpool
from sahpool_console import protocol
from sahpool_console.memory import MemoryFiles
from sahpool_console.session.host import Host

from .fake_host import BytesSource, Client, FakeHost, make_database


class MemoryHost(MemoryFiles, FakeHost):
    """Files of a folder, and surroundings without a browser."""

    def __init__(self, folder: Path) -> None:
        FakeHost.__init__(self, folder)
        MemoryFiles.__init__(self, folder)
        self.storage = MemoryFiles.storage
        self.why_memory = "missing"
        self.quarantine = None


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryHost:
    host = MemoryHost(tmp_path / "databases")
    monkeypatch.chdir(host.folder)
    return host


@pytest.fixture
def client(host: MemoryHost) -> Iterator[Client]:
    client = Client(host)
    client.ask("open", database="notes.db")
    yield client
    client.service.close()


def content(client: Client, name: str) -> list[tuple[object, ...]]:
    """The rows of table t in what an export of ``name`` hands out."""
    client.ask("export", database=name)
    with closing(sqlite3.connect(":memory:")) as con:
        con.deserialize(client.parts[0])
        return con.execute("SELECT a FROM t ORDER BY a").fetchall()


def test_the_hello_says_that_databases_are_in_memory_and_why(client: Client) -> None:
    hello = client.ask("hello", protocol=protocol.PROTOCOL)
    assert (hello["storage"], hello["why_memory"]) == ("memory", "missing")


def test_the_storage_tells_what_the_databases_take_and_promises_nothing(client: Client) -> None:
    before = client.ask("storage")
    assert (before["kind"], before["persisted"], before["quota"]) == ("memory", None, None)
    assert before["quarantined"] == []
    client.run("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000)); PRAGMA wal_checkpoint")
    assert client.ask("storage")["usage"] >= before["usage"] + 100_000


@pytest.mark.parametrize("op", ["quarantine_export", "quarantine_recover", "quarantine_drop"])
def test_a_memory_has_no_quarantine_and_says_so(client: Client, op: str) -> None:
    assert client.ask("hello", protocol=protocol.PROTOCOL)["quarantined"] == []
    error = client.fail(op, slot="slot1")
    assert (error["type"], "has none" in error["message"]) == ("SessionError", True)


def test_new_databases_are_in_wal_mode_as_those_of_a_pool(client: Client) -> None:
    assert client.rows("PRAGMA journal_mode") == [("wal",)]


def test_several_databases_are_kept_apart_and_listed_without_their_journals(
    client: Client,
) -> None:
    client.run("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    client.ask("open", database="below/other.db")
    client.run("CREATE TABLE t (a); INSERT INTO t VALUES (2)")
    listed = [entry["name"] for entry in client.ask("databases")["databases"]]
    assert listed == ["below/other.db", "notes.db"]
    assert content(client, "notes.db") == [(1,)]
    assert content(client, "below/other.db") == [(2,)]


def test_an_attached_name_is_the_database_of_that_name_and_in_use(client: Client) -> None:
    client.run("ATTACH 'other.db' AS o; CREATE TABLE o.t (a); INSERT INTO o.t VALUES (3)")
    assert "other.db" in [entry["name"] for entry in client.ask("databases")["databases"]]
    assert client.fail("delete", database="other.db")["type"] == "DatabaseInUseError"
    client.run("DETACH o")
    assert content(client, "other.db") == [(3,)]
    client.ask("delete", database="other.db")
    assert [entry["name"] for entry in client.ask("databases")["databases"]] == ["notes.db"]


def test_an_export_holds_what_was_committed_and_nothing_else(client: Client) -> None:
    client.run("CREATE TABLE t (a); INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2)")
    assert content(client, "notes.db") == [(1,)]
    client.run("COMMIT")
    assert content(client, "notes.db") == [(1,), (2,)]
    assert client.parts[0][18:20] == b"\1\1", "a file in WAL mode is of little use elsewhere"


def test_an_export_while_another_connection_reads_is_whole(
    client: Client, host: MemoryHost
) -> None:
    client.run("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    with closing(host.connect("notes.db")) as reader:
        # It keeps the WAL from being folded into the file.
        reader.execute("BEGIN")
        assert reader.execute("SELECT a FROM t").fetchall() == [(1,)]
        client.run("INSERT INTO t VALUES (2)")
        assert content(client, "notes.db") == [(1,), (2,)]
        assert reader.execute("SELECT a FROM t").fetchall() == [(1,)]
    assert [path.name for path in host.folder.parent.iterdir()] == ["databases"]


def test_an_empty_database_is_exported_as_it_is(client: Client, host: MemoryHost) -> None:
    (host.folder / "empty.db").touch()
    assert client.ask("export", database="empty.db")["size"] == 0


def test_a_database_comes_in_with_every_row(client: Client, tmp_path: Path) -> None:
    data = make_database(tmp_path / "made.db", rows=5000)
    reply = client.ask("import_file", BytesSource(data, "made.db"), name="made.db")
    assert reply["database"] == "made.db"
    assert client.rows("SELECT count(*) FROM thing") == [(5000,)]


def test_of_a_schema_that_a_newer_sqlite_wrote_it_is_told_and_the_rest_is_read(
    client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "newer.db"
    make_database(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as con:
        con.execute("PRAGMA writable_schema=ON")
        row = ("view", "v", "v", "CREATE VIEW v AS SELECT WHATEVER COMES NEXT 1")
        con.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, 0, ?)", row)
    data = bytearray(path.read_bytes())
    data[96:100] = (9_001_002).to_bytes(4, "big")
    reply = client.ask("import_file", BytesSource(bytes(data), "newer.db"), name="newer.db")
    (note,) = reply["notes"]
    assert "SQLite 9.1.2 wrote: view v" in note
    assert client.rows("SELECT count(*) FROM thing") == [(100,)]
    exported = client.ask("export", database="newer.db")
    assert exported["size"] == len(data)


def test_a_csv_comes_in_as_a_table(client: Client) -> None:
    assert client.load("a,b\n1,x\n2,y\n", "two.csv")["rows"] == 2
    assert client.rows("SELECT a FROM two") == [(1,), (2,)]


def test_an_import_that_fails_leaves_what_was_there(
    client: Client, host: MemoryHost, tmp_path: Path
) -> None:
    client.run("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    data = bytearray(make_database(tmp_path / "made.db", rows=5000))
    data[4096:8192] = b"\xff" * 4096
    source = BytesSource(bytes(data), "notes.db")
    error = client.fail("import_file", source, name="notes.db", replace=True)
    assert error["type"] == "ImportRejectedError"
    assert client.rows("SELECT a FROM t") == [(1,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["databases", "made.db"]


def test_imports_and_exports_that_are_under_way_keep_their_bytes_apart(
    client: Client, host: MemoryHost, tmp_path: Path
) -> None:
    client.run("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    files = [make_database(tmp_path / f"{rows}.db", rows=rows) for rows in (10, 5000)]

    async def chunks(data: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(data), 4096):
            yield data[at : at + 4096]
            await asyncio.sleep(0)

    async def bring_both() -> None:
        with closing(host.connect("notes.db")) as reader:
            reader.execute("BEGIN")  # so that the export is of a copy
            reader.execute("SELECT a FROM t").fetchall()
            with closing(host.connect("notes.db")) as writer, writer:
                writer.execute("INSERT INTO t VALUES (2)")
            imports = [
                asyncio.ensure_future(host.import_db(f"{number}.db", chunks(data), replace=False))
                for number, data in enumerate(files)
            ]
            await asyncio.sleep(0)
            exported = b"".join(host.export_chunks("notes.db", 4096))
            await asyncio.gather(*imports)
        with closing(sqlite3.connect(":memory:")) as con:
            con.deserialize(exported)
            assert con.execute("SELECT count(*) FROM t").fetchone() == (2,)

    asyncio.run(bring_both())
    for number, rows in enumerate((10, 5000)):
        with closing(host.connect(f"{number}.db")) as con:
            assert con.execute("SELECT count(*) FROM thing").fetchone() == (rows,)


def test_a_database_that_was_made_during_its_import_is_not_replaced(
    client: Client, host: MemoryHost, tmp_path: Path
) -> None:
    data = make_database(tmp_path / "made.db", rows=10)

    async def chunks() -> AsyncIterator[bytes]:
        with closing(host.connect("late.db")) as con:
            con.execute("CREATE TABLE t (a)")
        yield data

    with pytest.raises(sahpool.NameExistsError):
        asyncio.run(host.import_db("late.db", chunks(), replace=False))
    with closing(host.connect("late.db")) as con:
        assert con.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_name_that_is_taken_is_asked_about_and_then_replaced(
    client: Client, tmp_path: Path
) -> None:
    client.run("CREATE TABLE t (a)")
    data = make_database(tmp_path / "made.db")
    source = BytesSource(data, "notes.db")
    assert client.fail("import_file", source, name="notes.db")["type"] == "NameExists"
    client.ask("import_file", source, name="notes.db", replace=True)
    assert client.rows("SELECT count(*) FROM thing") == [(100,)]


def test_a_database_in_use_is_not_replaced(
    client: Client, host: MemoryHost, tmp_path: Path
) -> None:
    client.run("CREATE TABLE t (a)")
    data = make_database(tmp_path / "made.db")
    with closing(host.connect("notes.db")) as other:
        other.execute("SELECT * FROM t").fetchall()
        source = BytesSource(data, "notes.db")
        error = client.fail("import_file", source, name="notes.db", replace=True)
    assert error["type"] == "DatabaseInUseError"
    assert client.rows("SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize("name", ["", "x\0y", "notes.db-wal", "notes.db-journal", "n" * 511])
def test_names_that_a_pool_refuses_are_refused_here(host: MemoryHost, name: str) -> None:
    with pytest.raises(sahpool.InvalidNameError):
        host.connect(name).close()


@pytest.mark.parametrize("name", ["a b?c#d%20.db", "é.db", "./plain.db", "../up.db"])
def test_names_are_taken_as_they_are_and_lead_out_of_nowhere(host: MemoryHost, name: str) -> None:
    with closing(host.connect(name)) as con:
        con.execute("CREATE TABLE t (a)")
    assert host.databases() == [(name.removeprefix("../").removeprefix("./"), host.size(name))]
    assert [path.name for path in host.folder.parent.iterdir()] == ["databases"]


def test_the_memory_host_has_all_that_a_service_needs_of_a_host(host: MemoryHost) -> None:
    needed = {name for name in vars(Host) if not name.startswith("_")} | set(Host.__annotations__)
    assert {name for name in needed if not hasattr(host, name)} == set()
