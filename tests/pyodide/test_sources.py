"""What a database can be imported from: Python's and JavaScript's ways to hand over bytes."""

from __future__ import annotations

import array
import asyncio
import functools
import io
import pathlib
from typing import TYPE_CHECKING, Any

import pytest

import sahpool
from tests.harness.inside_pools import slots_of
from tests.harness.inside_prelude import expect, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sahpool import Pool

pytestmark = pytest.mark.real


@in_worker()
async def test_every_kind_of_source_brings_the_same_database_in(pool: Pool) -> None:
    import js
    from pyodide.ffi import to_js

    with opened(pool, "a.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a, b)")
        con.execute("BEGIN")
        con.executemany("INSERT INTO t VALUES(?, ?)", [(n, "x" * 100) for n in range(3000)])
        con.execute("COMMIT")
    image = pool.export_file("a.db")
    # Of odd sizes, empty ones in between, a first one shorter than the magic.
    sizes = [0, 7, 1, 0, 4096, 65537, 0, len(image)]
    chunks, at = [], 0
    for size in sizes:
        chunks.append(image[at : at + size])
        at += size
    full = [chunk for chunk in chunks if chunk]

    async def pieces() -> AsyncIterator[bytes]:
        for chunk in chunks:
            await asyncio.sleep(0)
            yield chunk

    class AsyncFile:
        file = io.BytesIO(image)

        async def read(self, size: int) -> bytes:
            return self.file.read(min(size, 10000))

    later = iter([*full, None])

    async def following() -> bytes | None:
        return next(later)

    bytes_of = js.Uint8Array.new(to_js(image))
    padded = js.Uint8Array.new(to_js(bytes(8) + image + bytes(8)))
    in_javascript = to_js([to_js(chunk) for chunk in full])
    promised = to_js([js.Promise.resolve(to_js(chunk)) for chunk in full])
    sources: dict[str, Any] = {
        "bytes": image,
        "bytearray": bytearray(image),
        "array": array.array("I", image),
        "strided": memoryview(bytes(byte for each in image for byte in (each, 0)))[::2],
        "file": io.BytesIO(image),
        "asynchronous file": AsyncFile(),
        "list": chunks,
        "generator": (chunk for chunk in chunks),
        "asynchronous generator": pieces(),
        "function": iter([*full, None]).__next__,
        "function that ends empty": functools.partial(io.BytesIO(image).read, 5000),
        "asynchronous function": following,
        "Uint8Array": bytes_of,
        "ArrayBuffer": bytes_of.buffer,
        "Float64Array of a part": js.Float64Array.new(padded.buffer, 8, len(image) // 8),
        "DataView": js.DataView.new(bytes_of.buffer),
        "Blob": js.Blob.new([bytes_of]),
        "File": js.File.new([bytes_of], "a.db"),
        "ReadableStream": js.Blob.new([bytes_of]).stream(),
        "body of a response": js.Response.new(bytes_of).body,
        "JavaScript's array of chunks": to_js([to_js(chunk) for chunk in full]),
        "JavaScript's function": in_javascript.shift.bind(in_javascript),
        "JavaScript's function of promises": promised.shift.bind(promised),
        "list of ArrayBuffers": [bytes_of.slice(0, 100).buffer, bytes_of.subarray(100)],
    }
    for name, source in sources.items():
        assert await pool.import_db(name, source) == len(image), name
        assert pool.export_file(name) == image, name
        pool.unlink(name)


@in_worker()
async def test_chunks_may_be_enormous_and_memory_stays_flat(pool: Pool) -> None:
    """Also when the whole source is one chunk: it is written in pieces."""
    import js
    import pyodide_js
    from pyodide.ffi import to_js

    with opened(pool, "a.db") as con:
        con.execute("PRAGMA cache_size=100")
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(zeroblob(1000000))", [()] * 24)
    async with pool.export_blob("a.db") as blob:
        whole = js.Uint8Array.new(await blob.arrayBuffer())
    half = 10 * 1024 * 1024 + 1  # more than a piece, and no multiple of one

    def chunks() -> Iterator[bytes]:
        for at in range(0, whole.length, half):
            yield whole.subarray(at, min(at + half, whole.length)).to_bytes()

    await pool.import_db("first.db", chunks())  # the heap grows to what one chunk takes
    before = pyodide_js._module.HEAPU8.length
    await pool.import_db("chunks.db", chunks())
    await pool.import_db("stream.db", js.Blob.new(to_js([whole])).stream())
    await pool.import_db("array.db", whole)
    await pool.import_db("blob.db", js.Blob.new(to_js([whole])))
    async with pool.export_blob("a.db") as blob:
        await pool.import_db("copy.db", blob)
    assert pyodide_js._module.HEAPU8.length == before
    for name in ("chunks.db", "stream.db", "array.db", "blob.db", "copy.db"):
        with opened(pool, name) as con:
            assert value(con, "SELECT sum(length(a)) FROM t") == 24_000_000, name


@in_worker()
async def test_what_holds_no_bytes_is_a_type_error_that_says_what_is_taken(pool: Pool) -> None:
    import js

    await pool.top_up()
    before = slots_of(pool).spare_count
    for source in ("/a.db", pathlib.Path("a.db"), None, 42, js.Object.new(), js.Response.new("")):
        with expect(TypeError, "import_db takes a bytes-like object") as caught:
            await pool.import_db("a.db", source)  # type: ignore[arg-type]
        assert "ReadableStream" in str(caught.error)
    with expect(TypeError, "not JavaScript's Response"):
        await pool.import_db("a.db", js.Response.new(""))
    with expect(TypeError, "must be bytes, not str; encode it"):
        await pool.import_db("a.db", ["SQLite format 3\0"])
    with expect(TypeError, "binary mode"):
        await pool.import_db("a.db", io.StringIO("SQLite format 3\0"))
    for chunk in (42, None, ["SQLite"], js.Object.new()):
        with expect(TypeError, "must be bytes, not"):
            await pool.import_db("a.db", [chunk])
    assert pool.file_names == []
    assert slots_of(pool).spare_count == before


@in_worker()
async def test_a_stream_is_cancelled_when_its_import_fails_and_not_touched_before_it_begins(
    pool: Pool,
) -> None:
    import js
    from pyodide.ffi import JsException, create_proxy, to_js

    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    image = pool.export_file("a.db")
    reasons: list[str] = []

    def stream(*chunks: Any) -> Any:
        """A stream of these chunks, and then of nothing for ever."""
        left = list(chunks)

        def pull(controller: Any) -> Any:
            if not left:
                return js.Promise.new(create_proxy(lambda _resolve, _reject: None))
            chunk = left.pop(0)
            if isinstance(chunk, bytes):
                return controller.enqueue(to_js(chunk))
            if chunk == "end":
                return controller.close()
            if chunk == "text":
                return controller.enqueue(chunk)
            return controller.error(js.Error.new(chunk))

        def cancel(reason: Any, *_controller: Any) -> None:
            reasons.append(reason.message)

        return js.ReadableStream.new(
            sahpool.browser.js_object(pull=create_proxy(pull), cancel=create_proxy(cancel))
        )

    cut = stream(b"name,born\nAda,1815\n" * 100)
    with expect(sahpool.ImportRejectedError, "not an SQLite database"):
        await pool.import_db("b.db", cut)
    assert "not an SQLite database" in reasons.pop()
    assert not cut.locked
    texts = stream(image[:4096], "text")
    with expect(TypeError, "must be bytes, not str"):
        await pool.import_db("b.db", texts)
    assert "must be bytes" in reasons.pop()
    assert not texts.locked

    endless = stream(image[:4096])
    importing = asyncio.ensure_future(pool.import_db("b.db", endless))
    await asyncio.sleep(0.05)
    assert endless.locked
    importing.cancel()
    with expect(asyncio.CancelledError):
        await importing
    assert "CancelledError" in reasons.pop()
    assert not endless.locked

    broken = stream(image[:4096], "the line was cut")
    with expect(JsException, "the line was cut"):
        await pool.import_db("b.db", broken)
    assert not broken.locked

    good = stream(image[:5000], b"", image[5000:], "end")
    with expect(sahpool.NameExistsError):
        await pool.import_db("a.db", good)
    assert not good.locked
    assert await pool.import_db("b.db", good) == len(image)
    assert reasons == []
    assert not good.locked
    with expect(JsException, "locked"):
        held = stream(image)
        held.getReader()
        await pool.import_db("c.db", held)
    assert pool.databases == ["/a.db", "/b.db"]
    assert slots_of(pool).lent_count == 0


@pytest.mark.parametrize("runtime", ["node"], indirect=True)
@in_worker()
async def test_a_storage_that_is_full_fails_the_import_and_frees_what_it_took(pool: Pool) -> None:
    """A fake is needed: a browser's storage is not full on demand."""
    import js
    from pyodide.ffi import to_js

    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(zeroblob(1000000))")
    image = pool.export_file("a.db")
    for source in (image, js.Blob.new(to_js([to_js(image)])).stream()):
        js.memoryOpfs.shortWrites = 5000
        with expect(sahpool.StorageError, "kept 5000 bytes"):
            await pool.import_db("b.db", source)
        js.memoryOpfs.shortWrites = 0
        assert pool.databases == ["/a.db"]
        assert slots_of(pool).lent_count == 0
