"""What a format consists of. Each has a module of its own with one of these, its FORMAT."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from ..host import Source
from ..job import Job
from .tables import TableFile

__all__ = ["ExportFormat", "ImportFormat", "Imported", "Incoming", "Value"]

Value = int | float | str | bytes | None
"""A value of SQLite's: INTEGER, REAL, TEXT, BLOB or NULL.

Bytes of a TEXT that are no UTF-8 are surrogates, which ``encode("utf-8", "surrogateescape")`` turns
into the same bytes again (PEP 383).
"""


class Imported(NamedTuple):
    """What has become of a file: a ``table`` with ``rows`` in a database, or a whole database.

    ``size`` is that of the database in bytes; ``notes`` is what the user may not expect.
    """

    database: str
    table: str | None
    rows: int | None
    size: int
    notes: list[str]


class Incoming(Protocol):
    """A file that is being imported, and the two things that it can become."""

    source: Source
    name: str
    """How the user calls it."""
    job: Job

    async def as_table(self, file: TableFile) -> Imported:
        """Makes it a table, named by the user or for the file."""
        ...

    async def as_database(self, chunks: AsyncGenerator[Any], notes: list[str]) -> Imported:
        """Makes a database of these bytes, as ``Source.pieces`` gives them or as ``bytes``.

        It becomes the current one once it is found sound.
        """
        ...


class ImportFormat(NamedTuple):
    """Files that can be imported.

    Attributes:
        name: By which a request asks for it, and a reply tells it.
        suffixes: Of the names of such files, in lower case, with the dot.
        sniff: Whether a file is one of them, by its bytes above all, and its name.
        read: Imports one.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Source, str], bool]
    read: Callable[[Incoming], Awaitable[Imported]]


class ExportFormat(NamedTuple):
    """Files that the rows of a result can be written in.

    Attributes:
        name: By which a request asks for it.
        suffix: Of the names of such files, with the dot.
        mime: Their MIME type.
        write: The bytes of the file, in pieces, of the names of the columns and of batches of rows.
    """

    name: str
    suffix: str
    mime: str
    write: Callable[[Sequence[str], Iterator[Sequence[tuple[Value, ...]]]], Iterator[bytes]]
