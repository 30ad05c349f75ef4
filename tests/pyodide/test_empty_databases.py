"""Empty databases, out and in: opened and left, of no bytes, of a first page and no table."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
from typing import TYPE_CHECKING, Any

import sahpool
from tests.harness.inside_prelude import expect, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_an_empty_database_goes_out_and_comes_in_in_every_setting(pool: Pool) -> None:
    """And is a database like any other then, here and in another SQLite."""

    async def chunked(chunks: list[bytes]) -> Any:
        for chunk in chunks:
            yield chunk

    makers = {
        "left": [],
        "read": ["SELECT * FROM sqlite_schema"],
        "rolled back": ["BEGIN", "CREATE TABLE t(a)", "ROLLBACK"],
        "vacuumed": ["VACUUM"],
        "other pages": ["PRAGMA page_size=512", "VACUUM"],
        "versioned": ["PRAGMA user_version=3"],
        "dropped": ["CREATE TABLE t(a)", "DROP TABLE t", "VACUUM"],
        "DELETE": ["PRAGMA journal_mode=DELETE"],
        "WAL": ["PRAGMA journal_mode=WAL"],
        "auto_vacuum": ["PRAGMA auto_vacuum=FULL"],
    }
    settings: list[dict[str, Any]] = [{}, {"pragmas": {}}, {"pragmas": {"journal_mode": "DELETE"}}]
    for number, options in enumerate(settings):
        own = await sahpool.install(f"{pool.name}-{number}", **options)
        for name, statements in makers.items():
            with opened(own, name) as con:
                for statement in statements:
                    con.execute(statement).fetchall()
            before = own.size(name)
            file, chunks = own.export_file(name), list(own.export_chunks(name, 512))
            assert b"".join(chunks) == file, name
            assert len(file) == before == own.size(name), name
            async with own.export_blob(name) as blob:
                assert (await blob.arrayBuffer()).to_bytes() == file, name
                offers = {
                    "bytes": file,
                    "chunks": chunks,
                    "async chunks": chunked(chunks),
                    "exported": own.export_chunks(name),
                    "Blob": blob,
                    "stream": blob.stream(),
                }
                for kind, offer in offers.items():
                    copy = f"{name} as {kind}"
                    await own.top_up()
                    assert await own.import_db(copy, offer) == len(file), copy
                    assert own.exists(copy)
                    with opened(own, copy) as con:
                        assert con.execute("SELECT * FROM sqlite_schema").fetchall() == [], copy
                        assert value(con, "PRAGMA integrity_check") == "ok"
                    assert own.export_file(copy) == file, copy
                    with opened(own, copy) as con:
                        con.execute("CREATE TABLE t(a)")
                        con.execute("INSERT INTO t VALUES(1)")
                        assert value(con, "SELECT count(*) FROM t") == 1, copy
                    await own.import_db(copy, file, replace=True)
                    assert own.export_file(copy) == file, copy
                    own.unlink(copy)
            pathlib.Path("/tmp/empty.db").write_bytes(file)
            with contextlib.closing(sqlite3.connect("/tmp/empty.db")) as con:
                con.execute("CREATE TABLE t(a)")
                assert value(con, "PRAGMA integrity_check") == "ok", name


@in_worker()
async def test_no_bytes_at_all_are_an_empty_database_in_every_source(pool: Pool) -> None:
    import js

    offers = {
        "bytes": b"",
        "no chunk": [],
        "empty chunks": [b"", b""],
        "function": lambda: None,
        "array": js.Uint8Array.new(0),
        "Blob": js.Blob.new(),
        "stream": js.Blob.new().stream(),
    }
    for name, offer in offers.items():
        await pool.top_up()
        assert await pool.import_db(name, offer) == 0, name
        assert pool.size(name) == 0
    assert pool.databases == sorted(f"/{name}" for name in offers)
    with expect(sahpool.NameExistsError):
        await pool.import_db("bytes", b"")
    for refused in (b" ", b"\0", b"SQLite format 3\0", b"S"):
        with expect(sahpool.ImportRejectedError):
            await pool.import_db("bytes", refused, replace=True)
    with opened(pool, "bytes") as con:
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA journal_mode") == "wal"
        with expect(sahpool.DatabaseInUseError):
            await pool.import_db("bytes", b"", replace=True)
    assert await pool.import_db("bytes", b"", replace=True) == 0
    assert pool.export_file("bytes") == b""
