"""A database that comes with its WAL or its hot journal: imported as SQLite would open it.

The files of a program that still runs, that crashed, or of a backup of the two. Both go to lent
slots, where SQLite rolls the journal back or carries the WAL over, and what comes of it is checked
like any other import; so no name and no file of the pool is touched before all of it is sound.

SQLite takes whatever has the right name for a database's WAL or journal, and passes over in silence
what it finds damaged. Here it is compared as far as the files tell (page size, change counter, text
encoding, whether all pages are there), and what does not belong together is refused: mixed, the two
would be a third database that nobody has ever seen. Of what SQLite leaves out of a WAL the import
tells by a warning.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, closing
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
from ..opfs_pool.slot import Slot
from ..sqlite import abi, causes
from . import transfer
from .access import Access

Source = AbstractAsyncContextManager[AsyncIterator[Any]]

_WAL, _JOURNAL = "-wal", "-journal"

#: Offsets in the database header (sqlite.org/fileformat2.html, section 1.3).
_VERSIONS, _CHANGE_COUNTER, _FREE_PAGES, _SCHEMA_COOKIE = slice(18, 20), 24, 36, 40
_ENCODING = slice(56, 60)
_WAL_VERSION = 2

#: A transaction adds 1 to the change counter each time that a COMMIT of it writes the first page: a
#: COMMIT that failed is tried again.
_MOST_TRIES = 16

#: How many times what there is of a database it may have been: the rest was free and is cut off.
#: SQLite makes the file as long as a journal says, whatever that is.
_MOST_GROWTH = 16

#: Bytes that a database may have beyond its file and all of the WAL (walCheckpoint in wal.c).
_SLACK = 65536


_Held = TypeVar("_Held", Journal, Wal)


class Beside:
    """What is given with a database that is imported."""

    def __init__(self, access: Access, path: str, given: Mapping[str, Source]) -> None:
        """``path`` is the one that the database is to get; ``given`` has "wal" and "journal"."""
        self._access = access
        self._slots = access.slots
        self._path = path
        self._given = {f"-{kind}": source for kind, source in given.items()}
        self._warnings: list[SahpoolWarning] = []

    async def make_room(self) -> None:
        """Sees to the spare slots that it takes: one for each file.

        A WAL that SQLite makes itself, of a database in WAL mode with a hot journal, has the slot
        of the journal, which was deleted then.
        """
        if self._given:
            await self._access.add_capacity(max(0, 1 + len(self._given) - self._slots.spare_count))

    def check_start(self, head: bytes, size: int) -> None:
        """Whether it is worth reading on, after the first 16 bytes of the database.

        Raises:
            ImportRejectedError: They are not a database's.
        """
        if not head.startswith(MAGIC):
            companions.refuse_companion(head)
            if not self._given:  # else a crash may have torn them, and what was given has them
                check_header(head, size)

    @staticmethod
    async def refuse(source: Source, error: InvalidNameError) -> NoReturn:
        """Refuses a file whose name cannot be a database's; for what it is, where it tells that.

        Raises:
            ImportRejectedError: It is a WAL, a journal or a WAL-index.
            InvalidNameError: It is something else: ``error``.
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

    async def complete(self, slot: Slot) -> None:
        """Takes in what was given, and makes a lent database what SQLite would find there.

        Raises:
            ImportRejectedError: What was given is damaged, or belongs to another database.
            StorageError, sqlite3.OperationalError, JsException: The storage failed.
        """
        before = slot.file.read(FILE_HEADER_SIZE, 0)
        for suffix, source in self._given.items():
            companion = self._slots.lend(slot.path + suffix)
            async with source as pieces:
                await transfer.copy_in(companion, pieces)
        journal = self._read(slot, _JOURNAL, lambda read, size: self._journal(slot, read, size))
        wal = self._read(slot, _WAL, companions.read_wal)
        if journal and wal:
            raise ImportRejectedError(
                "A database has either a hot journal or a WAL beside it, not both.",
                hint="One of them is left over from another time: import the database with the "
                "other.",
            )
        if journal:
            self._roll_back(slot, before, journal)
        elif wal:
            self._carry_over(slot, before, wal)
        if _WAL not in self._given and not journal and _WAL_VERSION in before[_VERSIONS]:
            self._warnings.append(_missing(self._path))

    def warn(self) -> None:
        """Tells what the database may lack, to the line that imports it."""
        for warning in self._warnings:
            warn(warning, self._path)

    def _read(
        self, slot: Slot, suffix: str, reader: Callable[[companions.Read, int], _Held | None]
    ) -> _Held | None:
        """What it holds that was given; where that is nothing, SQLite is to see no such file."""
        companion = self._slots.find(slot.path + suffix)
        if companion is None:
            return None
        held = reader(companion.file.read, companion.file.size())
        if held is None:
            self._slots.give_back(companion)
        return held

    # --- rollback journal -----------------------------------------------------------------------

    def _journal(self, slot: Slot, read: companions.Read, size: int) -> Journal | None:
        page_size = page_size_of(slot.file.read(FILE_HEADER_SIZE, 0).ljust(18, b"\0"))
        journal = companions.read_journal(read, size, page_size)
        companion = self._slots.find(slot.path + _JOURNAL)
        if journal and companion:
            record, name = companions.super_journal(read, size)
            if record:
                raise _of_several(name)
        return journal

    def _roll_back(self, slot: Slot, before: bytes, journal: Journal) -> None:
        size = slot.file.size()
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
        finish(self._access, slot.path)
        if self._slots.find(slot.path + _JOURNAL) is not None:
            raise ImportRejectedError("SQLite did not finish what the journal began.")
        # A journal that was left behind by the first transaction, and is tried much later, would
        # undo everything.
        if not slot.file.size() and has_commits(before, size):
            raise _stranger("journal", "it would undo every transaction that the database has had")

    # --- WAL ------------------------------------------------------------------------------------

    def _carry_over(self, slot: Slot, before: bytes, wal: Wal) -> None:
        size = slot.file.size()
        pages, page_size = size // wal.page_size, page_size_of(before.ljust(18, b"\0"))
        known = before.startswith(MAGIC)  # else a crash has torn it, and the WAL has it whole
        if known and page_size != wal.page_size:
            raise _stranger(
                "WAL", f"its pages have {wal.page_size} bytes, those of the database {page_size}"
            )
        needed, held = max(wal.commits, default=0), pages + len(wal.pages)
        if needed > held + _SLACK // wal.page_size:
            raise _of_fewer("WAL", needed, held)
        if not size:  # SQLite would delete the WAL of an empty file
            slot.file.truncate(wal.page_size)
        taken = finish(self._access, slot.path) if any(wal.commits) else 0
        if taken:
            self._check_wal(slot, before if known else b"", pages, wal, taken)
        elif not size:
            slot.file.truncate(0)
        ignored = wal.ignored(taken)
        if ignored:
            self._warnings.append(_ignored(self._path, ignored))

    def _check_wal(self, slot: Slot, before: bytes, pages: int, wal: Wal, taken: int) -> None:
        """Whether what SQLite has made of both can be what either was a part of."""
        if before and _WAL_VERSION not in before[_VERSIONS]:
            raise _stranger("WAL", "the database is not in WAL mode")
        held = set(wal.pages[:taken])
        after = slot.file.read(FILE_HEADER_SIZE, 0)
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


def finish(access: Access, path: str) -> int:
    """Lets SQLite roll a hot journal back, or carry a WAL over into the database.

    The schema is not read: nobody has looked yet at what it says (soundness.py).

    Args:
        access: The pool.
        path: Path of a database, as its journal or WAL has it too.

    Returns:
        How many frames of a WAL SQLite took notice of.

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
            f"The storage failed as the WAL was carried over: {failure or code}",
            hint="Delete what you no longer need, or give the site more room, and try again.",
            sqlite_code=code,
        ) from failure
    if code:
        raise _damaged(f"its WAL cannot be carried over (SQLite’s result code {code})")
    return frames


def _check_whole(
    what: str, there: int, needed: int, held: set[int], page_size: int, head: bytes
) -> None:
    """That no page is missing that is in use.

    What a page holds that is free nobody has kept: SQLite cuts it off without having saved it
    (``allocateBtreePage`` in btree.c), and fills in zeros. The check of the whole finds whether the
    right ones are missing.

    Args:
        what: What lies beside the database.
        there: How many pages the database's file had.
        needed: How many the database has.
        held: Numbers of those that lie beside it.
        page_size: Bytes of a page.
        head: The database's header, or what the journal holds of it.
    """
    missing = companions.lacking(there, needed, held, page_size)
    free = int(struct.unpack_from(">I", head, _FREE_PAGES)[0]) if head else 0
    if len(missing) > free:
        raise _stranger(what, f"page {missing[0]} of {needed} is in neither of them")


def _counter(head: bytes) -> int:
    """The change counter, which grows with most transactions (section 1.3.6)."""
    return int(struct.unpack_from(">I", head, _CHANGE_COUNTER)[0])


def _schema_version(head: bytes) -> int:
    """The schema cookie: how often the schema was changed (section 1.3.9)."""
    return int(struct.unpack_from(">I", head, _SCHEMA_COOKIE)[0])


# --- what is told -------------------------------------------------------------------------------


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
