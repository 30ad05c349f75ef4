"""The interface of a format: a module with a FORMAT, an ImportFormat or an ExportFormat."""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from ..errors import EncodingError, Hint
from ..host import Source
from ..job import Job
from ..notes import Note
from .options import TextOptions
from .tables import TableFile

__all__ = [
    "ExportFormat",
    "ImportFormat",
    "Imported",
    "Incoming",
    "Value",
    "Writing",
    "as_text",
    "blob_literal",
    "distinct",
    "in_utf_8",
]

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


class Writing:
    """What a writer is told beside the rows, and what it tells.

    Attributes:
        null: The text that stands for NULL, in formats that have none of their own.
        table: The name of the table or sheet, in formats that have one.
        notes: What the format could not hold as it is: a code, for which the page has the words,
            and how many values.
    """

    def __init__(self, null: str = "", table: str = "result") -> None:
        self.null = null
        self.table = table
        self.notes: Counter[str] = Counter()

    def note(self, code: str, count: int = 1) -> None:
        """Counts values that the format does not hold as they are."""
        self.notes[code] += count


class ExportFormat(NamedTuple):
    """Files that the rows of a result can be written in.

    Attributes:
        name: The format's name in requests.
        suffix: The end of such files' names, with the dot.
        mime: Their MIME type.
        write: Takes the names of the columns, batches of rows, and a Writing; yields the bytes of
            the file.
        is_compressed: Whether its bytes are compressed already.
    """

    name: str
    suffix: str
    mime: str
    write: Callable[
        [Sequence[str], Iterator[Sequence[tuple[Value, ...]]], Writing], Iterator[bytes]
    ]
    is_compressed: bool = False


def distinct(columns: Sequence[str]) -> list[str]:
    """The names of the columns; where two are the same, the second gets a number."""
    names: dict[str, None] = {}
    for column in columns:
        name, number = column, 2
        while name in names:
            name = f"{column}_{number}"
            number += 1
        names[name] = None
    return list(names)


def blob_literal(value: bytes) -> str:
    """A BLOB as SQL has it: ``X'00FF'``."""
    return f"X'{value.hex().upper()}'"


def as_text(value: int | float | str | bytes) -> str:
    """A value as people read it; a number has the digits that read back as the same number."""
    if isinstance(value, bytes):
        return blob_literal(value)
    return value if isinstance(value, str) else repr(value)


def in_utf_8(text: str) -> bytes:
    """The text in UTF-8, for formats that are nothing else.

    Raises:
        EncodingError: It is not: there are surrogates in it (see Value).
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise EncodingError(
            "The format is UTF-8, and there is a text that is not.",
            code="export-not-utf-8",
            hint=Hint("cast-or-csv"),
        ) from None
