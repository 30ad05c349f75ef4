"""Writing the rows of a result as a file in constant memory."""

from __future__ import annotations

import json
import zlib
from collections.abc import Generator, Iterable, Iterator
from operator import methodcaller
from typing import Any, NamedTuple

from ... import protocol
from ..errors import Hint, SessionError
from ..formats.interfaces import ExportFormat, Value, Writing
from ..formats.registry import export_format
from ..host import Source
from ..job import Job
from ..notes import Note, as_fields
from ..session import Fields, Session
from ..sql.rereading import only_statement, require_certain, require_state
from ..sql.results import Rows, decoded
from .files import copy_out

__all__ = ["OPERATIONS", "held_rows"]

_GZIP_LEVEL = 4
"""Of zlib: half the time of level 6, for a twentieth more bytes."""

_text = methodcaller("decode", "utf-8", "surrogateescape")


class _File(NamedTuple):
    """The file that a request asks for."""

    known: ExportFormat
    writing: Writing
    is_compressed: bool

    def reply(self, size: int, rows: int) -> Fields:
        known, gzip = self.known, self.is_compressed
        return {
            "name": f"result{known.suffix}{'.gz' if gzip else ''}",
            "mime": "application/gzip" if gzip else known.mime,
            "size": size,
            "rows": rows,
            "notes": [
                as_fields(Note(code, {"count": count}))
                for code, count in self.writing.notes.items()
            ],
        }


def _asked(job: Job) -> _File:
    request = job.request
    known = export_format(request["format"])
    writing = Writing(request["null"], request["table"] or "result")
    return _File(known, writing, request["gzip"] and not known.is_compressed)


async def export_rows(session: Session, job: Job) -> Fields:
    """Hands out all rows of one statement that only reads, as one binary part: a file."""
    connection = session.meant_connection(job)
    file = _asked(job)
    statement = only_statement(job.request["sql"].encode())
    if not connection.only_reads(statement):
        raise SessionError(
            "Rows are exported of statements that only read.",
            code="not-only-reading",
            hint=Hint("run-then-export"),
        )
    await session.host.storage.prepare()
    state = job.request["state"]
    if state is not None:
        require_state(connection, state)
        require_certain(connection, statement)
    execution = await session.patiently(job, lambda: connection.execute(statement))
    if execution is None or execution.rows is None:
        raise SessionError("This statement gives no rows.", code="no-rows")
    try:
        # The statement has its snapshot now; what it gives is what was meant, or nothing.
        if state is not None:
            require_state(connection, state)
        return _write(session, job, file, execution.columns, execution.rows.batches())
    finally:
        execution.rows.close()


async def write_rows(session: Session, job: Job) -> Fields:
    """Hands out rows that the page has, as a file, whatever has become of the data."""
    file = _asked(job)
    source: Source = job.files[0]
    columns: list[str] = job.request["columns"] or []
    held = held_rows(source, job.request["described"], len(columns))
    rows = Rows(held, len(columns), held.close)
    return _write(session, job, file, columns, rows.batches())


def held_rows(source: Source, described: int, width: int) -> Generator[tuple[Any, ...]]:
    """The rows of a file that begins with ``described`` bytes: JSON, a list of pieces.

    Each piece is described as in a reply, with ``start`` and ``size``: where its bytes lie.

    Raises:
        ProtocolError: It is no such file.
    """
    try:
        for piece in json.loads(source.read(0, described)):
            data = source.read(described + piece["start"], piece["size"])
            if len(piece["columns"]) != width:
                raise ValueError("another number of columns")
            yield from decoded(piece, memoryview(data))
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise protocol.ProtocolError(f"The rows are not as the page keeps them: {error}.") from None


def _write(
    session: Session,
    job: Job,
    file: _File,
    columns: list[str],
    read: Iterable[list[tuple[Any, ...]]],
) -> Fields:
    batches = _Batches(read, job)
    chunks = file.known.write(columns, iter(batches), file.writing)
    size = copy_out(session, job, _compressed(chunks) if file.is_compressed else chunks)
    return file.reply(size, batches.count)


def _compressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes as a gzip file (RFC 1952)."""
    gzip = zlib.compressobj(_GZIP_LEVEL, wbits=31)
    for chunk in chunks:
        yield gzip.compress(chunk)
    yield gzip.flush()


class _Batches:
    """The rows in batches, as formats take them; ``count`` is how many were read so far."""

    def __init__(self, read: Iterable[list[tuple[Any, ...]]], job: Job) -> None:
        self._read = read
        self._job = job
        self.count = 0

    def __iter__(self) -> Iterator[list[tuple[Value, ...]]]:
        for batch in self._read:
            self.count += len(batch)
            self._job.counted(self.count)
            columns = [_plain(values) for values in zip(*batch, strict=True)]
            yield list(zip(*columns, strict=True))


def _plain(values: tuple[Any, ...]) -> Iterable[Value]:
    """The values of a column with texts as str."""
    types = set(map(type, values))
    if bytearray not in types:
        return values
    if len(types) == 1:
        return map(_text, values)
    return [_text(value) if type(value) is bytearray else value for value in values]


OPERATIONS = {"export_rows": export_rows, "write_rows": write_rows}
