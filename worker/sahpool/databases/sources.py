"""The sources of ``import_db``: objects of Python and JavaScript with many bytes, read in pieces.

Pieces of JavaScript stay in JavaScript: they are written without passing through Python.
"""

from __future__ import annotations

import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, Protocol

from .. import browser


class BinaryFile(Protocol):
    """An object with the ``read`` of a file opened in binary mode."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most ``size``; empty at the end."""


#: Types that :meth:`Pool.import_db` takes. It also takes JavaScript's ArrayBuffer, typed arrays,
#: Blob, File and ReadableStream, which have no types in Python.
Source = (
    bytes
    | bytearray
    | memoryview
    | BinaryFile
    | Iterable[Any]
    | AsyncIterable[Any]
    | Callable[[], Any]
)

#: A memoryview of bytes, or a Uint8Array of JavaScript's.
Piece = Any

#: The most bytes in one piece, which bounds the memory used in JavaScript for any source.
PIECE_SIZE = 4 << 20

_ACCEPTED = (
    "a bytes-like object, a file opened in binary mode, an iterable or async iterable of chunks, "
    "a function that returns the next chunk and None at the end, or JavaScript's ArrayBuffer, "
    "typed array, Blob, File or ReadableStream"
)


@asynccontextmanager
async def opened(source: Source) -> AsyncIterator[AsyncIterator[Piece]]:
    """The bytes of a source, in pieces; a ReadableStream is cancelled when the block fails.

    Raises:
        TypeError: The source or one of its chunks is of no accepted type.
        JsException: The browser could not read the source, or the stream has another reader.
    """
    kind = browser.kind(source)
    if kind in ("Blob", "File"):
        source, kind = source.stream(), "ReadableStream"  # type: ignore[union-attr]  # JavaScript's
    if kind != "ReadableStream":
        async with aclosing(_pieces(_chunks(source))) as pieces:
            yield pieces
        return
    reader, into_buffers = browser.reader_of(source)
    try:
        chunks = _read_into(reader) if into_buffers else _read(reader)
        async with aclosing(_pieces(chunks)) as pieces:
            yield pieces
    except BaseException as error:
        browser.cancel(reader, error)
        raise
    finally:
        reader.releaseLock()


def those_given(
    **kinds: Source | None,
) -> dict[str, AbstractAsyncContextManager[AsyncIterator[Piece]]]:
    """The results of :func:`opened` for the sources that are not None, by their names."""
    return {kind: opened(source) for kind, source in kinds.items() if source is not None}


async def _pieces(chunks: AsyncGenerator[Any]) -> AsyncGenerator[Piece]:
    async with aclosing(chunks):
        async for chunk in chunks:
            for piece in _cut(_checked(chunk)):
                yield piece
                del piece


def _cut(view: Piece) -> Iterator[Piece]:
    for at in range(0, len(view), PIECE_SIZE):
        end = min(at + PIECE_SIZE, len(view))
        yield view[at:end] if isinstance(view, memoryview) else view.subarray(at, end)


def _checked(chunk: Any) -> Piece:
    """The bytes of a chunk, uncopied."""
    array = browser.byte_array(chunk)
    if array is not None:
        return array
    try:
        view = memoryview(chunk)
    except TypeError:
        hint = "; encode it, or open the file in binary mode" if isinstance(chunk, str) else ""
        raise TypeError(
            f"a chunk of a database must be bytes, not {type(chunk).__name__}{hint}"
        ) from None
    if not view.nbytes or not view.c_contiguous:
        return memoryview(view.tobytes())
    return view.cast("B")


async def _chunks(source: Any) -> AsyncGenerator[Any]:
    if _holds_bytes(source):
        yield source
    elif callable(getattr(source, "read", None)):
        async for chunk in _until_nothing(lambda: source.read(PIECE_SIZE)):
            yield chunk
    elif isinstance(source, AsyncIterable):
        async for chunk in source:
            yield chunk
    elif isinstance(source, Iterable) and not isinstance(source, str):
        for chunk in source:
            yield chunk
    elif callable(source):
        async for chunk in _until_nothing(source):
            yield chunk
    else:
        kind = browser.kind(source)
        name = type(source).__name__ if kind is None else f"JavaScript's {kind}"
        raise TypeError(f"import_db takes {_ACCEPTED}; not {name}")


def _holds_bytes(source: Any) -> bool:
    if browser.byte_array(source) is not None:
        return True
    try:
        memoryview(source).release()
    except TypeError:
        return False
    return True


async def _until_nothing(following: Callable[[], Any | Awaitable[Any]]) -> AsyncGenerator[Any]:
    """The results of calls of ``following``, awaited if needed, until one is None or empty."""
    while True:
        chunk = following()
        if inspect.isawaitable(chunk):
            chunk = await chunk
        if chunk is None or not len(_checked(chunk)):
            return
        yield chunk


async def _read(reader: Any) -> AsyncGenerator[Any]:
    while not (result := await reader.read()).done:
        yield result.value


async def _read_into(reader: Any) -> AsyncGenerator[Any]:
    """Reads a byte stream always into the same memory, which is filled where the browser can.

    With new chunks for 2 GB, 300 to 500 MB piled up before the browsers collected them; with the
    default pieces of 64 KiB Firefox took 55 s instead of 34.
    """
    full = browser.js_object(min=PIECE_SIZE)
    buffer = browser.new_buffer(PIECE_SIZE)
    while True:
        result = await reader.read(browser.byte_array(buffer), full)
        if result.value is not None:  # the last bytes may come together with the end
            yield result.value
        if result.done:
            return
        buffer = result.value.buffer
