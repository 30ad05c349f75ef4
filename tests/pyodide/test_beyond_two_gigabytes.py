"""Past 2 GiB of heap, where Pyodide computes with negative addresses: everything is right there.

Pyodide gives JavaScript other bytes from up there, and says nothing (heap.py). Each test that is so
far up asserts that it is.
"""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

import sahpool
from tests.harness.inside_prelude import (
    all_files,
    expect,
    fill_low_blocks,
    fill_low_memory,
    opened,
    put_aside,
    slot_bytes,
    value,
)
from tests.pyodide.in_worker import PRELUDE, in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@pytest.fixture(scope="module")
def left(runtime: Any) -> Iterator[Any]:
    """The runtime, for whom comes after these tests without their heaps."""
    yield runtime
    runtime.restart()


@pytest.fixture
def roomy(left: Any) -> Any:
    """A Pyodide without holes in its heap."""
    left.restart()
    return left


@in_worker()
async def _bytes_and_strings(pool: Pool) -> None:
    import js
    from pyodide.ffi import to_js

    from sahpool.sqlite import heap

    fill_low_memory()
    data = bytes(range(256)) * 1000
    long = "0123456789" * len(data[:10])  # none of the compiler's, which was made before
    for each in (data, bytearray(data), memoryview(data)[1:-1], memoryview(bytearray(data))):
        with heap.Address(each) as (address, length):
            assert address > 1 << 31
            assert length == len(each)
        array = heap.to_uint8array(each)
        assert [array[n] for n in (0, 1, 999)] == [each[n] for n in (0, 1, 999)]
        assert heap.to_bytes(array) == each
        assert heap.to_bytes(array.buffer) == each
    assert heap.to_bytes(js.Uint8Array.new(0)) == b""
    assert heap.to_uint8array(b"").length == 0
    with expect(TypeError):
        heap.to_uint8array("text")
    for text in (long, long[:63], "ä" + long, ""):
        assert js.JSON.stringify(heap.text(text)) == json.dumps(text, ensure_ascii=False)
        assert json.loads(js.JSON.stringify(heap.shown(text))).rstrip("\u200b") == text
    # Where Pyodide has become right itself, heap.py is needed no more.
    assert to_js(data)[1] != data[1], "Pyodide copies bytes from beyond 2 GiB"
    assert js.JSON.stringify(long) != json.dumps(long), "Pyodide decodes strings from there"


def test_pyodide_s_own_copies_are_wrong_up_there_and_ours_are_not(roomy: Any) -> None:
    _bytes_and_strings(roomy)


@in_worker()
async def _in_and_out(pool: Pool) -> None:
    import js
    from pyodide.ffi import to_js

    from sahpool.sqlite import heap

    content = bytes(range(256)) * 1500
    with opened(pool, "old.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(?)", (content,))
    image = pool.export_file("old.db")
    fill_low_memory()
    image = bytes(bytearray(image))
    with heap.Address(image) as (address, _):
        assert address > 1 << 31
    assert pool.export_file("old.db") == image
    assert b"".join(pool.export_chunks("old.db", 5000)) == image
    async with pool.export_blob("old.db") as blob:
        assert heap.to_bytes(await blob.arrayBuffer()) == image

    array = heap.to_uint8array(image)
    pieces = [image[at : at + 7000] for at in range(0, len(image), 7000)]
    sources: dict[str, Any] = {
        "bytes": image,
        "bytearray": bytearray(image),
        "part of a memoryview": memoryview(b"xx" + image)[2:],
        "a file": io.BytesIO(image),
        "an iterable": pieces,
        "a function": iter([*pieces, None]).__next__,
        "ArrayBuffer": array.buffer,
        "Uint8Array": array,
        "Blob": js.Blob.new(to_js([array])),
        "ReadableStream": js.Blob.new(to_js([array])).stream(),
    }
    await pool.add_capacity(2 * len(sources))
    for name, source in sources.items():
        assert await pool.import_db(name, source) == len(image), name
        assert pool.export_file(name) == image, name
    pool.pause_vfs()
    await pool.unpause_vfs()  # which reads every header
    assert pool.quarantined == []
    assert pool.databases == sorted(f"/{name}" for name in (*sources, "old.db"))
    for name in sources:
        with opened(pool, name) as con:
            assert value(con, "SELECT a FROM t") == content, name
            assert value(con, "PRAGMA integrity_check") == "ok", name
    # While others write, a copy is what is exported.
    with opened(pool, "old.db") as reader, opened(pool, "old.db") as writer:
        reader.execute("PRAGMA journal_mode=WAL")
        writer.execute("INSERT INTO t VALUES(1)")
        reader.execute("BEGIN")
        value(reader, "SELECT count(*) FROM t")
        writer.execute("INSERT INTO t VALUES(2)")
        exported = pool.export_file("old.db")
        reader.execute("COMMIT")
    assert await pool.import_db("copy.db", exported) == len(exported)
    with opened(pool, "copy.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 3
    with expect(sahpool.ImportRejectedError):
        await pool.import_db("no.db", b"no database" * 1000)
    assert pool.unlink("copy.db")


def test_databases_come_in_and_go_out_beyond_two_gigabytes_as_they_are(roomy: Any) -> None:
    _in_and_out(roomy)


@in_worker()
async def _made_and_found_again(pool: Pool) -> None:
    import js

    # Names of 64 characters and more, which Pyodide hands over as other ones.
    directory = "-".join(["directory"] * 8)
    far = await sahpool.install(pool.name + "-far", directory=directory)
    names = [letter * 100 for letter in "abc"]
    with opened(far, names[0]) as con:
        con.execute("CREATE TABLE t(a)")
    fill_low_memory()
    for each in (pool, far):
        await each.add_capacity(6)
        for name in names:
            with opened(each, name) as con:
                con.execute("CREATE TABLE IF NOT EXISTS t(a)")
                assert value(con, "PRAGMA journal_mode") == "wal"  # as for any connection
                assert value(con, "PRAGMA cache_size") == -32768
        # Each has locks of its own, in either mode.
        for mode in ("WAL", "DELETE"):
            with opened(each, names[0]) as one, opened(each, names[1]) as two:
                for con in (one, two):
                    con.execute(f"PRAGMA journal_mode={mode}")
                    con.execute("BEGIN IMMEDIATE")
                    con.execute("INSERT INTO t VALUES(?)", (mode,))
                one.execute("COMMIT")
                two.execute("ROLLBACK")
        each.pause_vfs()
        fill_low_blocks()
        await each.unpause_vfs()
        held = [lock.name for lock in (await js.navigator.locks.query()).held]
        assert f"sahpool:{each.directory}" in held, held
        assert each.quarantined == []
        assert each.databases == [f"/{name}" for name in names]
        for name, rows in zip(names, (2, 0, 0), strict=True):
            with opened(each, name) as con:
                assert value(con, "SELECT count(*) FROM t") == rows
                assert value(con, "PRAGMA integrity_check") == "ok"
    found = {each.directory: each for each in await sahpool.find_pools()}
    assert found[directory].databases == found[pool.directory].databases == far.databases
    await far.wipe_files()
    assert await far.remove_vfs()
    assert directory not in [each.directory for each in await sahpool.find_pools()]


def test_what_is_made_beyond_two_gigabytes_is_found_again_under_its_name(roomy: Any) -> None:
    _made_and_found_again(roomy)


@in_worker()
async def _quarantine_and_the_rest(pool: Pool) -> None:
    import js

    other = await sahpool.install(pool.name + "-other")
    for each, name in ((pool, "a.db"), (other, "o.db")):
        with opened(each, name) as con:
            con.execute("CREATE TABLE t(a)")
            con.execute("INSERT INTO t VALUES(randomblob(20000))")
    image = pool.export_file("a.db")
    fill_low_memory()
    other.pause_vfs()
    assert await pool.import_pool(other.directory) == {"/o.db": len(image)}
    kept = await put_aside(pool, "/a.db")
    content = b"".join(pool.export_quarantined(kept.name))
    assert content[100:] == image[100:]
    assert pool.recover(kept.name, "b.db") == len(image)
    assert pool.export_file("b.db") == image
    kept = await put_aside(pool, "/b.db")
    pool.drop_quarantined(kept.name)
    pool.pause_vfs()
    await pool.unpause_vfs()
    assert (pool.databases, pool.quarantined) == (["/o.db"], [])
    report = await pool.check()
    assert report.passed, str(report)
    assert pool.stats.read.bytes > 0
    assert slot_bytes(pool, "/o.db") in all_files(pool).values()
    with opened(pool, "c.db") as con:
        con.execute("CREATE TABLE t(a)")
        if hasattr(js, "memoryOpfs"):  # a storage that can be told to fail
            js.memoryOpfs.failNext("flush", "QuotaExceededError")
            with expect(sqlite3.OperationalError, "full") as caught:
                con.execute("INSERT INTO t VALUES(1)")
            assert "flush was told to fail" in str(caught.error.__cause__)
        con.execute("INSERT INTO t VALUES(2)")
        assert con.execute("SELECT a FROM t").fetchall() == [(2,)]


def test_quarantine_check_and_causes_are_right_beyond_two_gigabytes(roomy: Any) -> None:
    _quarantine_and_the_rest(roomy)


_LATE = """
import js, sqlite3, sahpool
fill_low_memory()
root = await js.navigator.storage.getDirectory()
before = sorted([name async for name in root.keys()])
for _ in range(2):
    with expect(sahpool.UnsupportedError, "grown beyond 2 GiB") as caught:
        await sahpool.install("late", default=True)
    assert "before the program needs that much memory" in caught.error.hint
assert sorted([name async for name in root.keys()]) == before
assert "sahpool:.late" not in [lock.name for lock in (await js.navigator.locks.query()).held]
with expect(sqlite3.OperationalError, "no such vfs"):
    sqlite3.connect("file:a.db?vfs=late", uri=True)
for place in (":memory:", "/tmp/late.db"):
    with database(place) as con:
        con.execute("CREATE TABLE IF NOT EXISTS t(a)")
True
"""


def test_a_first_install_beyond_two_gigabytes_says_why_and_has_taken_nothing(roomy: Any) -> None:
    assert roomy.run(PRELUDE + _LATE)
