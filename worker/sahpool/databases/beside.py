"""Import of a database with its WAL or hot journal, which are applied as SQLite would.

Such files come from a program that still runs or has crashed, or from a backup of the two. Both go
to lent files, where SQLite rolls the journal back or checkpoints the WAL, and the result is checked
like any other import. So no path and no file of the pool changes before the result is sound.

SQLite takes any file with the right name for a database's WAL or journal, and silently skips parts
that are damaged. This module compares the two files as far as possible (page size, change counter,
text encoding, whether all pages are there), and refuses files that do not belong together: applied
to each other, they would make a third database that never existed. The import warns of transactions
that SQLite leaves out of a WAL.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, closing
from functools import partial
from typing import Any, NoReturn, TypeVar

from ..errors import (
    SQLITE_CANTOPEN,
    SQLITE_FULL,
    SQLITE_IOERR,
    ImportRejectedError,
    InvalidNameError,
    SahpoolWarning,
    StorageError,
    WalIgnoredWarning,
    WalMissingWarning,
    is_storage_failure,
    warn,
)
from ..fileformat import companions
from ..fileformat.companions import Journal, Wal
from ..fileformat.database import FILE_HEADER_SIZE, MAGIC, check_header, has_commits, page_size_of
from ..names import is_companion
from ..sqlite import abi, causes
from ..storage import StoredFile
from . import transfer
from .access import Access

Source = AbstractAsyncContextManager[AsyncIterator[Any]]

_WAL, _JOURNAL = "-wal", "-journal"

#: Offsets in the database header (sqlite.org/fileformat2.html, section 1.3).
_VERSIONS, _CHANGE_COUNTER, _FREE_PAGES, _SCHEMA_COOKIE = slice(18, 20), 24, 36, 40
_ENCODING = slice(56, 60)
_WAL_VERSION = 2

#: The most that one transaction may have added to the change counter: each try of its COMMIT that
#: writes the first page adds 1, and a COMMIT that failed is tried again.
_MOST_TRIES = 16

#: How many times more pages the database may have had before the transaction than the two files
#: hold now: the rest was free and is cut off. SQLite extends the file to the size that a journal
#: gives, whatever that is.
_MOST_GROWTH = 16

#: Bytes that a database may have beyond its file and all of the WAL (walCheckpoint in wal.c).
_SLACK = 65536


_Held = TypeVar("_Held", Journal, Wal)


class Beside:
    """The WAL or journal given with an imported database."""

    def __init__(self, access: Access, path: str, given: Mapping[str, Source]) -> None:
        """``path`` is the path that the database gets; ``given`` has "wal" and "journal"."""
        self._access = access
        self._storage = access.storage
        self._path = path
        self._given = {f"-{kind}": source for kind, source in given.items()}
        self._warnings: list[SahpoolWarning] = []

    async def make_room(self) -> None:
        """Makes room for each file.

        When SQLite itself makes a WAL, for a database in WAL mode with a hot journal, it uses the
        place of the journal, which it has deleted by then.
        """
        if self._given:
            await self._access.make_room(1 + len(self._given))

    def check_start(self, head: bytes, size: int) -> None:
        """Checks the first 16 bytes of the database, before the rest is read.

        Raises:
            ImportRejectedError: They are not those of a database.
        """
        if not head.startswith(MAGIC):
            companions.refuse_companion(head)
            if not self._given:  # else a crash may have torn them; the WAL or journal has them too
                check_header(head, size)

    @staticmethod
    async def refuse(source: Source, error: InvalidNameError) -> NoReturn:
        """Refuses a file whose name a database cannot have, by its content if that is known.

        Raises:
            ImportRejectedError: It is a WAL, a journal or a WAL-index.
            InvalidNameError: It is any other file; this is ``error``.
        """
        head = b""
        async with source as pieces:
            async for piece in pieces:
                whole = isinstance(piece, memoryview)
                head += piece[: len(MAGIC)] if whole else piece.subarray(0, len(MAGIC)).to_bytes()
                if len(head) >= len(MAGIC):
                    break
            companions.refuse_companion(head)
            raise error

    async def complete(self, stored: StoredFile) -> None:
        """Copies the given WAL or journal, and has SQLite apply it to a lent database.

        Raises:
            ImportRejectedError: The WAL or journal is damaged, or belongs to another database.
            StorageError, sqlite3.OperationalError, JsException: The storage failed.
        """
        before = stored.file.read(FILE_HEADER_SIZE, 0)
        for suffix, source in self._given.items():
            companion = self._storage.lend(stored.path + suffix)
            async with source as pieces:
                await transfer.copy_in(companion.file, pieces)
        journal = self._read(stored, _JOURNAL, lambda read, size: self._journal(stored, read, size))
        wal = self._read(stored, _WAL, companions.read_wal)
        if journal and wal:
            raise ImportRejectedError(
                "A database has either a hot journal or a WAL beside it, not both.",
                hint="One of them is left over from another time: import the database with the "
                "other.",
            )
        if journal:
            self._roll_back(stored, before, journal)
        elif wal:
            self._checkpoint(stored, before, wal)
        if _WAL not in self._given and not journal and _WAL_VERSION in before[_VERSIONS]:
            self._warnings.append(_missing(self._path))

    def warn(self, tell: Callable[[SahpoolWarning, str], None]) -> None:
        """Warns of commits that the database may lack."""
        for warning in self._warnings:
            tell(warning, self._path)

    def _read(
        self,
        stored: StoredFile,
        suffix: str,
        reader: Callable[[companions.Read, int], _Held | None],
    ) -> _Held | None:
        """The content of a given file; None, and the file is removed, if it applies nothing."""
        companion = self._storage.find(stored.path + suffix)
        if companion is None:
            return None
        held = reader(companion.file.read, companion.file.size())
        if held is None:
            self._storage.give_back(companion)
        return held

    # --- rollback journal -----------------------------------------------------------------------

    def _journal(self, stored: StoredFile, read: companions.Read, size: int) -> Journal | None:
        page_size = page_size_of(stored.file.read(FILE_HEADER_SIZE, 0).ljust(18, b"\0"))
        journal = companions.read_journal(read, size, page_size)
        companion = self._storage.find(stored.path + _JOURNAL)
        if journal and companion:
            record, name = companions.super_journal(read, size)
            if record:
                raise _of_several(name)
        return journal

    def _roll_back(self, stored: StoredFile, before: bytes, journal: Journal) -> None:
        size = stored.file.size()
        pages = size // journal.page_size
        if not size and journal.pages_before:  # SQLite would delete the journal of an empty file
            raise _stranger("journal", "the database is empty")
        needed, saved = journal.pages_before, journal.saved
        if needed > _MOST_GROWTH * (pages + len(saved)):
            raise _of_fewer("journal", needed, pages + len(saved))
        _check_whole("journal", pages, needed, saved, journal.page_size, journal.first_page)
        if journal.first_page and before.startswith(MAGIC):
            tries = _counter(before) - _counter(journal.first_page) & 0xFFFFFFFF
            if tries > _MOST_TRIES:
                raise _stranger(
                    "journal",
                    "it was written when the database’s change counter was "
                    f"{_counter(journal.first_page)}, and that is {_counter(before)}",
                )
        finish(self._access, stored.path)
        if self._storage.find(stored.path + _JOURNAL) is not None:
            raise ImportRejectedError("SQLite did not finish what the journal began.")
        # A journal left behind by the database's first transaction would undo all later ones.
        if not stored.file.size() and has_commits(before, size):
            raise _stranger("journal", "it would undo every transaction that the database has had")

    # --- WAL ------------------------------------------------------------------------------------

    def _checkpoint(self, stored: StoredFile, before: bytes, wal: Wal) -> None:
        size = stored.file.size()
        pages, page_size = size // wal.page_size, page_size_of(before.ljust(18, b"\0"))
        known = before.startswith(MAGIC)  # else a crash has torn page 1, which the WAL has whole
        if known and page_size != wal.page_size:
            raise _stranger(
                "WAL", f"its pages have {wal.page_size} bytes, those of the database {page_size}"
            )
        needed, held = max(wal.commits, default=0), pages + len(wal.pages)
        if needed > held + _SLACK // wal.page_size:
            raise _of_fewer("WAL", needed, held)
        if not size:  # SQLite would delete the WAL of an empty file
            stored.file.truncate(wal.page_size)
        taken = finish(self._access, stored.path) if any(wal.commits) else 0
        if taken:
            self._check_wal(stored, before if known else b"", pages, wal, taken)
        elif not size:
            stored.file.truncate(0)
        ignored = wal.ignored(taken)
        if ignored:
            self._warnings.append(_ignored(self._path, ignored))

    def _check_wal(
        self, stored: StoredFile, before: bytes, pages: int, wal: Wal, taken: int
    ) -> None:
        """Checks that the result of the checkpoint fits both the database and the WAL."""
        if before and _WAL_VERSION not in before[_VERSIONS]:
            raise _stranger("WAL", "the database is not in WAL mode")
        held = set(wal.pages[:taken])
        after = stored.file.read(FILE_HEADER_SIZE, 0)
        _check_whole("WAL", pages, wal.commits[taken - 1], held, wal.page_size, after)
        if not before or 1 not in held:
            return
        for what, read in (("change counter", _counter), ("schema version", _schema_version)):
            if read(after) - read(before) & 0xFFFFFFFF >= 1 << 31:
                raise _stranger(
                    "WAL",
                    f"the database is newer: its {what} is {read(before)}, the WAL’s {read(after)}",
                )
        if after[_ENCODING] != before[_ENCODING] and any(before[_ENCODING]):
            raise _stranger("WAL", "its text has another encoding than the database’s")


async def import_db(
    access: Access,
    path: str,
    source: Source,
    replace: bool,
    given: Mapping[str, Source],
    tell: Callable[[SahpoolWarning, str], None] = warn,
) -> int:
    """See :meth:`Pool.import_db`; ``source`` is opened after the target was checked.

    Args:
        access: The storage.
        path: The path that the database is to get.
        source: The database file.
        replace: Whether a database of that name is replaced.
        given: The files beside it: "wal" and "journal".
        tell: Called with each warning and the path, before anything is changed.
    """
    beside = Beside(access, path, given)
    await beside.make_room()
    try:
        transfer.check_target(access, path, replace)
    except InvalidNameError as error:
        if is_companion(path):
            await beside.refuse(source, error)
        raise
    with transfer.lending(access.storage, "import") as lent:
        async with source as pieces:
            await transfer.copy_in(lent.file, pieces, beside.check_start)
        await beside.complete(lent)
        warnings = partial(beside.warn, tell)
        return transfer.adopt(access, lent, path, replace, sound=warnings, tell=tell)


def finish(access: Access, path: str) -> int:
    """Has SQLite roll a hot journal back, or checkpoint a WAL into the database.

    The schema is not read, because it was not checked yet (soundness.py).

    Args:
        access: The storage.
        path: Path of a database; its journal or WAL has this path with the suffix.

    Returns:
        Number of frames that SQLite found in the WAL.

    Raises:
        ImportRejectedError: SQLite finds the database damaged.
        StorageError, sqlite3.OperationalError: The storage failed.
    """
    try:
        with closing(sqlite3.connect(access.uri(path, mode="rw"), uri=True)) as connection:
            connection.execute("PRAGMA user_version").fetchone()  # takes a read lock
            causes.forget()
            code, frames = abi.checkpoint(connection)
            failure = causes.take(code) if code else None
    except sqlite3.DatabaseError as error:
        if is_storage_failure(error):
            raise
        raise _damaged(str(error)) from error
    if failure is not None or code & 0xFF in (SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR):
        raise StorageError(
            f"The storage failed as the WAL was checkpointed: {failure or code}",
            hint="Delete what you no longer need, or give the site more room, and try again.",
            sqlite_code=code,
        ) from failure
    if code:
        raise _damaged(f"its WAL cannot be checkpointed (SQLite’s result code {code})")
    return frames


def _check_whole(
    what: str, there: int, needed: int, held: set[int], page_size: int, head: bytes
) -> None:
    """Checks that no more pages are missing than the database has free pages.

    The content of a free page is saved nowhere: SQLite cuts it off without saving it
    (``allocateBtreePage`` in btree.c), and fills in zeros. The later check of the whole database
    finds out whether the missing pages are the free ones.

    Args:
        what: ``"WAL"`` or ``"journal"``, for the message.
        there: Number of pages in the database's file.
        needed: Number of pages of the database.
        held: Numbers of the pages in the WAL or journal.
        page_size: Bytes of a page.
        head: The database's header, or the first page that the journal has; empty if unknown.

    Raises:
        ImportRejectedError: More pages are missing.
    """
    missing = companions.lacking(there, needed, held, page_size)
    free = int(struct.unpack_from(">I", head, _FREE_PAGES)[0]) if head else 0
    if len(missing) > free:
        raise _stranger(what, f"page {missing[0]} of {needed} is in neither of them")


def _counter(head: bytes) -> int:
    """The change counter of a header, which grows with most transactions (section 1.3.6)."""
    return int(struct.unpack_from(">I", head, _CHANGE_COUNTER)[0])


def _schema_version(head: bytes) -> int:
    """The schema cookie of a header: how often the schema was changed (section 1.3.9)."""
    return int(struct.unpack_from(">I", head, _SCHEMA_COOKIE)[0])


# --- errors and warnings ------------------------------------------------------------------------


def _damaged(why: str) -> ImportRejectedError:
    return ImportRejectedError(
        f"The database is damaged: {why}", hint="Its own program may be able to repair it."
    )


def _stranger(what: str, why: str) -> ImportRejectedError:
    parameter = "wal" if what == "WAL" else "journal"
    return ImportRejectedError(
        f"The {what} does not belong to this database, or not to this state of it: {why}.",
        hint="Copy both at the same time, while no program writes to them; "
        f"or import the database without it: {parameter}=b''.",
    )


def _of_fewer(what: str, needed: int, held: int) -> ImportRejectedError:
    return _stranger(what, f"of {needed} pages the two of them hold {held}")


def _of_several(name: str) -> ImportRejectedError:
    return ImportRejectedError(
        "The journal is that of a transaction over several databases, and what decides whether "
        f"that was committed is another file, the super-journal {name}.",
        hint="If that file is gone, the transaction was committed: import the database with "
        "journal=b''. If it is there, the transaction was not: open the database once where it "
        "lies, which rolls it back, and import it then.",
    )


def _missing(path: str) -> WalMissingWarning:
    return WalMissingWarning(
        f"{path} is in WAL mode and was imported without a WAL: its newest commits may be in "
        "there, in the file beside it of the same name with -wal at its end.",
        database=path,
        hint="import_db(name, main, wal=…) brings both in; wal=b'' says that there is none.",
    )


def _ignored(path: str, transactions: int) -> WalIgnoredWarning:
    return WalIgnoredWarning(
        f"{path} was imported without {transactions} of the transactions that its WAL seems to "
        "hold: a frame of it, there or before, does not have its checksum or is not all there, so "
        "that SQLite leaves it out and all that follows.",
        database=path,
        transactions=transactions,
        hint="Where the WAL was copied while a program wrote to it, copy it again.",
    )
