"""SQLite database files: what the first page tells before anything is copied.

Source: https://www.sqlite.org/fileformat2.html#the_database_header
"""

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Any

from ..errors import NotADatabase
from ..hints import Hint
from ..host import Source
from ..job import Job
from ..notes import Note, Phrase
from . import unreadable
from .interfaces import Imported, ImportFormat, Incoming

__all__ = ["FORMAT", "check"]

MAGIC = b"SQLite format 3\0"

_HEADER_SIZE = 100
_WAL = 2


def check(source: Source, name: str, beside: Collection[str] = ()) -> list[Note]:
    """Remarks about a file that may be a whole SQLite database, by its header and its size.

    The host checks the content once it is copied. An empty file is a database that nothing has been
    written to yet. With a file ``beside`` it, "wal" or "journal", it may be a part only: the host
    checks the whole.

    Raises:
        NotADatabase: It cannot be a whole SQLite database.
    """
    if not source.size or beside:
        return []
    header = source.read(0, 512)
    if not header.startswith(MAGIC):
        raise _not_a_database(source, name)
    if len(header) < _HEADER_SIZE:
        why = f"it ends after {len(header)} bytes, within its header"
        raise _cut_off(name, why, Phrase("within-header", {"size": len(header)}))
    page_size = int.from_bytes(header[16:18], "big")
    if page_size == 1:
        page_size = 65536
    if not 512 <= page_size <= 65536 or page_size & (page_size - 1):
        raise NotADatabase(
            f"{name} begins like a SQLite database, but its page size, {page_size}, cannot be.",
            code="no-page-size",
            hint=Hint("look-for-another-copy"),
            name=name,
            size=page_size,
        )
    change_counter, valid_for = header[24:28], header[92:96]
    pages = int.from_bytes(header[28:32], "big")
    # Programs from before SQLite 3.7.0 do not keep the page count, and leave valid_for behind.
    if change_counter == valid_for and source.size < pages * page_size:
        whole = pages * page_size
        why = f"it has {source.size} bytes of {whole}"
        raise _cut_off(name, why, Phrase("bytes-of", {"size": source.size, "whole": whole}))
    if source.size < page_size:
        why = f"its pages have {page_size} bytes and it has {source.size}"
        phrase = Phrase("less-than-a-page", {"size": source.size, "page": page_size})
        raise _cut_off(name, why, phrase)
    if _WAL in header[18:20]:
        return [Note("wal-not-included", {"name": name})]
    return []


def _not_a_database(source: Source, name: str) -> NotADatabase:
    """The error for a file that does not begin like a database; says what it seems to be."""
    start = source.read(0, unreadable.START)
    other = unreadable.binary(source)
    text = _as_text(start)
    is_script = (text or "").lstrip().upper().startswith(("PRAGMA ", "BEGIN", "CREATE ", "--"))
    if other is None and is_script:
        other = unreadable.SCRIPT
    if other is not None:
        return NotADatabase(
            f"{name} is not a SQLite database, but {other.what}.",
            code="no-database-but",
            hint=other.hint,
            name=name,
            what=other.phrase,
        )
    if text is None:
        return NotADatabase(
            f"{name} is not a SQLite database as it stands: it may be encrypted, or damaged.",
            code="no-database-encrypted",
            hint=Hint("import-decrypted"),
            name=name,
        )
    beginning = " ".join(text.split())[:30]
    return NotADatabase(
        f"{name} is not a SQLite database, but text that begins with “{beginning}”.",
        code="no-database-text",
        hint=Hint("name-it-csv"),
        name=name,
        beginning=beginning,
    )


async def _chunks(source: Source, job: Job) -> AsyncGenerator[Any]:
    """The file from start to end; raises Cancelled when the request was cancelled."""
    done = 0
    job.progress("copying", done, source.size)
    async with aclosing(source.pieces()) as pieces:
        async for piece in pieces:
            done += len(piece)
            yield piece
            job.progress("copying", done, source.size)
            await job.breathe()
    if done < source.size:
        raise OSError(f"The file ended after {done} of {source.size} bytes.")
    job.progress("checking", done, source.size)


def _cut_off(name: str, why: str, phrase: Phrase) -> NotADatabase:
    return NotADatabase(
        f"{name} is cut off: {why}.",
        code="cut-off",
        hint=Hint("copy-again"),
        name=name,
        why=phrase,
    )


def _as_text(start: bytes) -> str | None:
    """The bytes as text if they look like text, else None; the last character may be cut off."""
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:
            return None
        text = start[: error.start].decode("utf-8")
    printable = sum(1 for c in text if c.isprintable() or c.isspace())
    return text if printable == len(text) else None


def _is_database(source: Source, name: str) -> bool:
    """Whether a file has SQLite's first bytes, or a database's suffix.

    For one with the suffix alone, ``check`` raises an error that says what it is instead.
    """
    return source.read(0, len(MAGIC)) == MAGIC or name.lower().endswith(FORMAT.suffixes)


async def _read(incoming: Incoming) -> Imported:
    notes = check(incoming.source, incoming.name, incoming.beside)
    return await incoming.as_database(_chunks(incoming.source, incoming.job), notes)


FORMAT = ImportFormat("sqlite", (".sqlite", ".sqlite3", ".db", ".db3"), _is_database, _read)
