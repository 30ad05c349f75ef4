"""The interface of a format: a module with a FORMAT, an ImportFormat or an ExportFormat."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from ..host import Source
from ..job import Job
from ..notes import Note
from .options import TextOptions
from .tables import TableFile

__all__ = ["ExportFormat", "ImportFormat", "Imported", "Incoming", "Value"]

Value = int | float | str | bytes | None
"""A value of SQLite: INTEGER, REAL, TEXT, BLOB or NULL.

In a TEXT, bytes that are not UTF-8 are surrogates, which ``encode("utf-8", "surrogateescape")``
turns into the same bytes again (PEP 383).
"""


class Imported(NamedTuple):
    """The outcome of an import: a table in a database, or a whole database.

    Attributes:
        database: The name of the database.
        table: The name of the table; None for a whole database.
        rows: How many rows the table has; None for a whole database.
        size: The size of the database in bytes.
        notes: What the user may not expect.
    """

    database: str
    table: str | None
    rows: int | None
    size: int
    notes: list[Note]


class Incoming(Protocol):
    """A file that is being imported; a reader calls one of the two methods."""

    source: Source
    name: str
    """The user's name for the file."""
    options: TextOptions
    """What the user has chosen about a text."""
    only_if_sure: bool
    """Whether a file that can be read in several ways is to be refused, with ImportDoubtful."""
    job: Job
    beside: Mapping[str, Source]
    """The files that lie beside a database: "wal", "journal"."""

    async def library(self, name: str) -> ModuleType:
        """A Python library that the host loads when it is needed."""
        ...

    async def as_table(self, file: TableFile) -> Imported:
        """Loads it into a table, whose name the user has given or the file's name gives."""
        ...

    async def as_database(self, chunks: AsyncGenerator[Any], notes: list[Note]) -> Imported:
        """Makes a database of these bytes, as ``Source.pieces`` gives them or as ``bytes``.

        The database is opened once it has been found sound.
        """
        ...


class ImportFormat(NamedTuple):
    """Files that can be imported.

    Attributes:
        name: The format's name in requests and replies.
        suffixes: The ends of such files' names, in lower case, with the dot.
        sniff: Returns whether a file, given with its name, has this format: by its bytes above
            all.
        read: Imports a file.
        preview: Returns how a file would be imported, and its first rows; None: that cannot be
            chosen.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Source, str], bool]
    read: Callable[[Incoming], Awaitable[Imported]]
    preview: Callable[[Incoming], Awaitable[dict[str, Any]]] | None = None


class ExportFormat(NamedTuple):
    """Files that the rows of a result can be written in.

    Attributes:
        name: The format's name in requests.
        suffix: The end of such files' names, with the dot.
        mime: Their MIME type.
        write: Takes the names of the columns and batches of rows; yields the bytes of the file.
    """

    name: str
    suffix: str
    mime: str
    write: Callable[[Sequence[str], Iterator[Sequence[tuple[Value, ...]]]], Iterator[bytes]]
