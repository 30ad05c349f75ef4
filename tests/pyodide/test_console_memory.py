"""The console where the browser keeps nothing: its service over databases in memory."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

import sahpool
from tests.pyodide import shipping
from tests.pyodide.engines import Engine
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sahpool import Pool
    from tests.harness.inside_prelude import expect

pytestmark = pytest.mark.parametrize(
    "runtime", [pytest.param("node", marks=pytest.mark.node)], indirect=True
)


@pytest.fixture(autouse=True)
def shipped(runtime: Engine) -> None:
    """The console of these tests is there inside."""
    shipping.ship(runtime)


@in_worker()
async def test_the_hello_says_that_databases_are_in_memory_and_why(pool: Pool) -> None:
    from sahpool_console import protocol
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        hello = await console.told("hello", protocol=protocol.PROTOCOL)
        assert (hello["storage"], hello["why_memory"]) == ("memory", "missing")
        assert hello["quarantined"] == []


@in_worker()
async def test_the_storage_tells_what_the_databases_take_and_promises_nothing(pool: Pool) -> None:
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        before = await console.told("storage")
        assert (before["kind"], before["persisted"], before["quota"]) == ("memory", None, None)
        assert before["quarantined"] == []
        await console.script(
            "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000)); PRAGMA wal_checkpoint"
        )
        assert (await console.told("storage"))["usage"] >= before["usage"] + 100_000


@in_worker()
async def test_there_is_no_quarantine_and_that_is_said(pool: Pool) -> None:
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        for op in ("quarantine_export", "quarantine_recover", "quarantine_drop"):
            error = await console.refused(op, slot="slot1")
            assert (error["type"], "has none" in error["message"]) == ("SessionError", True)


@in_worker()
async def test_new_databases_are_in_wal_mode_as_those_of_a_pool(pool: Pool) -> None:
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        await console.script("CREATE TABLE t (a)")
        assert await console.all_rows("PRAGMA journal_mode") == [("wal",)]


@in_worker()
async def test_several_databases_are_kept_apart_and_listed_without_their_journals(
    pool: Pool,
) -> None:
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        await console.script("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        await console.told("open", database="below/other.db")
        await console.script("CREATE TABLE t (a); INSERT INTO t VALUES (2)")
        listed = (await console.told("databases"))["databases"]
        assert [entry["name"] for entry in listed] == ["below/other.db", "notes.db"]
        assert await console.exported("notes.db") == [(1,)]
        assert await console.exported("below/other.db") == [(2,)]


@in_worker()
async def test_an_attached_name_is_the_database_of_that_name_and_in_use(pool: Pool) -> None:
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        await console.script(
            "ATTACH 'other.db' AS o; CREATE TABLE o.t (a); INSERT INTO o.t VALUES (3)"
        )
        names = [name for name, _ in console.storage.databases()]
        assert "other.db" in names
        error = await console.refused("delete", database="other.db")
        assert error["type"] == "DatabaseInUseError"
        await console.script("DETACH o")
        assert await console.exported("other.db") == [(3,)]
        await console.told("delete", database="other.db")
        assert [name for name, _ in console.storage.databases()] == ["notes.db"]


@in_worker()
async def test_an_export_holds_what_was_committed_and_nothing_else(pool: Pool) -> None:
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        await console.script("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        await console.script("BEGIN; INSERT INTO t VALUES (2)")
        assert await console.exported("notes.db") == [(1,)]
        await console.script("COMMIT")
        assert await console.exported("notes.db") == [(1,), (2,)]
        assert console.parts[0][18:20] == b"\1\1", "a file in WAL mode is of little use elsewhere"


@in_worker()
async def test_an_export_while_another_connection_reads_is_whole(pool: Pool) -> None:
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        await console.script("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        reader = console.storage.connect("notes.db")
        # It keeps the WAL from being checkpointed whole.
        reader.execute("BEGIN")
        assert reader.execute("SELECT a FROM t").fetchall() == [(1,)]
        await console.script("INSERT INTO t VALUES (2)")
        assert await console.exported("notes.db") == [(1,), (2,)]
        assert reader.execute("SELECT a FROM t").fetchall() == [(1,)]
        reader.close()
        paths = console.storage.volume.storage.paths
        assert sorted(paths) == ["/notes.db", "/notes.db-wal"]


@in_worker()
async def test_an_empty_database_is_exported_as_it_is(pool: Pool) -> None:
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        console.storage.connect("empty.db").close()
        assert (await console.told("export", database="empty.db"))["size"] == 0


@in_worker()
async def test_a_database_comes_in_with_every_row(pool: Pool) -> None:
    from pathlib import Path

    from tests.harness.service_parts import BytesSource, make_database
    from tests.pyodide.inside_console import console_in_memory

    made = Path("/tmp/made.db")
    made.unlink(missing_ok=True)
    data = make_database(made, rows=5000)
    async with console_in_memory() as console:
        source = BytesSource(data, "made.db")
        reply = await console.told("import_file", source, name="made.db")
        assert reply["database"] == "made.db"
        await console.told("open", database="made.db")
        assert await console.all_rows("SELECT count(*) FROM thing") == [(5000,)]
        assert await console.all_rows("PRAGMA journal_mode") == [("wal",)]


@in_worker()
async def test_of_a_schema_that_a_newer_sqlite_wrote_it_is_told_and_the_rest_is_read(
    pool: Pool,
) -> None:
    from pathlib import Path

    from tests.harness.service_parts import BytesSource, make_database
    from tests.pyodide.inside_console import console_in_memory

    path = Path("/tmp/newer.db")
    path.unlink(missing_ok=True)
    make_database(path)
    con = sqlite3.connect(path, isolation_level=None)
    con.execute("PRAGMA writable_schema=ON")
    row = ("view", "v", "v", "CREATE VIEW v AS SELECT WHATEVER COMES NEXT 1")
    con.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, 0, ?)", row)
    con.close()
    data = bytearray(path.read_bytes())
    data[96:100] = (9_001_002).to_bytes(4, "big")
    async with console_in_memory() as console:
        source = BytesSource(bytes(data), "newer.db")
        (note,) = (await console.told("import_file", source, name="newer.db"))["notes"]
        assert "SQLite 9.1.2 wrote: view v" in note["params"]["message"]
        await console.told("open", database="newer.db")
        assert await console.all_rows("SELECT count(*) FROM thing") == [(100,)]
        exported = await console.told("export", database="newer.db")
        assert exported["size"] == len(data)


@in_worker()
async def test_a_csv_comes_in_as_a_table(pool: Pool) -> None:
    from tests.harness.service_parts import BytesSource
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        source = BytesSource(b"a,b\n1,x\n2,y\n", "two.csv")
        assert (await console.told("import_file", source, name="two.csv"))["rows"] == 2
        assert await console.all_rows("SELECT a FROM two") == [(1,), (2,)]


@in_worker()
async def test_an_import_that_fails_leaves_what_was_there(pool: Pool) -> None:
    from pathlib import Path

    from tests.harness.service_parts import BytesSource, make_database
    from tests.pyodide.inside_console import console_in_memory

    made = Path("/tmp/made.db")
    made.unlink(missing_ok=True)
    data = bytearray(make_database(made, rows=5000))
    data[4096:8192] = b"\xff" * 4096
    async with console_in_memory() as console:
        await console.script("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        source = BytesSource(bytes(data), "notes.db")
        error = await console.refused("import_file", source, name="notes.db", replace=True)
        assert error["type"] == "ImportRejectedError"
        assert await console.all_rows("SELECT a FROM t") == [(1,)]
        paths = console.storage.volume.storage.paths
        assert sorted(paths) == ["/notes.db", "/notes.db-wal"]


@in_worker()
async def test_imports_and_exports_that_are_under_way_keep_their_bytes_apart(pool: Pool) -> None:
    from pathlib import Path

    from tests.harness.service_parts import make_database
    from tests.pyodide.inside_console import console_in_memory

    files = []
    for rows in (10, 5000):
        path = Path(f"/tmp/{rows}.db")
        path.unlink(missing_ok=True)
        files.append(make_database(path, rows=rows))

    async def chunks(data: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(data), 4096):
            yield data[at : at + 4096]
            await asyncio.sleep(0)

    async with console_in_memory() as console:
        storage = console.storage
        await console.script("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        reader, writer = storage.connect("notes.db"), storage.connect("notes.db")
        reader.execute("BEGIN")  # so that the export is of a copy
        reader.execute("SELECT a FROM t").fetchall()
        with writer:
            writer.execute("INSERT INTO t VALUES (2)")
        imports = [
            asyncio.ensure_future(storage.import_db(f"{number}.db", chunks(data), replace=False))
            for number, data in enumerate(files)
        ]
        await asyncio.sleep(0)
        exported = b"".join(storage.export_chunks("notes.db", 4096))
        await asyncio.gather(*imports)
        reader.close()
        writer.close()
        con = sqlite3.connect(":memory:")
        con.deserialize(exported)
        assert con.execute("SELECT count(*) FROM t").fetchone() == (2,)
        for number, rows in enumerate((10, 5000)):
            con = storage.connect(f"{number}.db")
            assert con.execute("SELECT count(*) FROM thing").fetchone() == (rows,)
            con.close()


@in_worker()
async def test_a_database_that_was_made_during_its_import_is_not_replaced(pool: Pool) -> None:
    from pathlib import Path

    from tests.harness.service_parts import make_database
    from tests.pyodide.inside_console import console_in_memory

    made = Path("/tmp/made.db")
    made.unlink(missing_ok=True)
    data = make_database(made, rows=10)
    async with console_in_memory() as console:
        storage = console.storage

        async def chunks() -> AsyncIterator[bytes]:
            con = storage.connect("late.db")
            con.execute("CREATE TABLE t (a)")
            con.close()
            yield data

        with expect(sahpool.NameExistsError):
            await storage.import_db("late.db", chunks(), replace=False)
        con = storage.connect("late.db")
        assert con.execute("SELECT count(*) FROM t").fetchone() == (0,)
        con.close()


@in_worker()
async def test_a_name_that_is_taken_is_asked_about_and_then_replaced(pool: Pool) -> None:
    from pathlib import Path

    from tests.harness.service_parts import BytesSource, make_database
    from tests.pyodide.inside_console import console_in_memory

    made = Path("/tmp/made.db")
    made.unlink(missing_ok=True)
    source = BytesSource(make_database(made), "notes.db")
    async with console_in_memory() as console:
        await console.script("CREATE TABLE t (a)")
        error = await console.refused("import_file", source, name="notes.db")
        assert error["type"] == "NameExists"
        await console.told("import_file", source, name="notes.db", replace=True)
        assert await console.all_rows("SELECT count(*) FROM thing") == [(100,)]


@in_worker()
async def test_a_database_in_use_is_not_replaced(pool: Pool) -> None:
    from pathlib import Path

    from tests.harness.service_parts import BytesSource, make_database
    from tests.pyodide.inside_console import console_in_memory

    made = Path("/tmp/made.db")
    made.unlink(missing_ok=True)
    source = BytesSource(make_database(made), "notes.db")
    async with console_in_memory() as console:
        await console.script("CREATE TABLE t (a)")
        other = console.storage.connect("notes.db")
        other.execute("SELECT * FROM t").fetchall()
        error = await console.refused("import_file", source, name="notes.db", replace=True)
        assert error["type"] == "DatabaseInUseError"
        other.close()
        assert await console.all_rows("SELECT count(*) FROM t") == [(0,)]


@in_worker()
async def test_names_that_a_pool_refuses_are_refused_here(pool: Pool) -> None:
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        for name in ("", "x\0y", "notes.db-wal", "notes.db-journal", "n" * 511):
            with expect(sahpool.InvalidNameError):
                console.storage.connect(name).close()


@in_worker()
async def test_names_are_taken_as_they_are_and_lead_out_of_nowhere(pool: Pool) -> None:
    from tests.pyodide.inside_console import console_in_memory

    for name in ("a b?c#d%20.db", "é.db", "./plain.db", "../up.db", "n" * 509):
        async with console_in_memory() as console:
            con = console.storage.connect(name)
            con.execute("CREATE TABLE t (a)")
            con.close()
            wanted = name.removeprefix("../").removeprefix("./")
            assert (wanted, console.storage.size(name)) in console.storage.databases()


@in_worker()
async def test_a_vacuum_in_pieces_and_a_large_sort_work_in_memory(pool: Pool) -> None:
    from tests.pyodide.inside_console import console_in_memory

    async with console_in_memory() as console:
        await console.script(
            "CREATE TABLE t (a, b); INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL "
            "SELECT i + 1 FROM n WHERE i < 20000) SELECT i, hex(randomblob(100)) FROM n; "
            "CREATE INDEX i ON t (b); DELETE FROM t WHERE a % 4 > 0; PRAGMA wal_checkpoint"
        )
        before = console.storage.size("notes.db")
        await console.script("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
        assert console.storage.size("notes.db") < before / 2
        assert await console.all_rows("SELECT count(*) FROM t") == [(5000,)]
        assert await console.all_rows("PRAGMA integrity_check") == [("ok",)]
