"""Import of whole databases into a checked spare slot, and export of a snapshot."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any

from ..cleanup import Cleanup
from ..errors import (
    SQLITE_FULL,
    SQLITE_IOERR,
    DatabaseInUseError,
    NameExistsError,
    StorageError,
    is_storage_failure,
    sqlite_code,
    warn,
)
from ..fileformat.database import FILE_HEADER_SIZE, MAGIC, check_header, in_rollback_mode
from ..names import COMPANION_SUFFIXES, LENT, check_path
from ..opfs_pool.header import SECTOR_SIZE
from ..opfs_pool.slot import Slot
from ..opfs_pool.store import Store
from ..sqlite.abi import SQLITE_OPEN_CREATE, SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_READWRITE
from ..storage import File
from .access import Access
from .backup import back_up
from .soundness import check_content

_log = logging.getLogger("sahpool")

#: The flags in the header of an imported database.
MAIN_DB_FLAGS = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE

_SCRATCH_SLOTS = 2  # for a database, and for its journal

_lent = 0  # number of the last path for a lent slot


def lent_path(purpose: str) -> str:
    """A new path for a lent slot, which no other slot has."""
    global _lent
    _lent += 1
    return f"{LENT}{purpose}-{_lent}"


@contextmanager
def lending(slots: Store, purpose: str) -> Iterator[Slot]:
    """Lends a slot out within the block; afterwards it is a spare again, unless it was named.

    Raises:
        PoolFullError, StorageError: As for :meth:`SlotTable.lend`.
    """
    path = lent_path(purpose)
    with Cleanup(lambda: slots.take_back(path)) as last, last:
        yield slots.lend(path)


def first_bytes(slots: Store, path: str) -> bytes:
    """The first 100 bytes of a database, fewer or none where the file is shorter or missing."""
    slot = slots.find(path)
    return b"" if slot is None else slot.file.read(FILE_HEADER_SIZE, 0)


# --- import -------------------------------------------------------------------------------------


def adopt(
    access: Access,
    slot: Slot,
    path: str,
    replace: bool,
    *,
    sound: Callable[[], None] = lambda: None,
) -> int:
    """Makes a lent slot the database ``path`` if its content is sound; returns its size in bytes.

    An empty slot is a database as well: one that was opened and not written to yet.

    Args:
        access: The pool.
        slot: The lent slot.
        path: Path that the database gets.
        replace: Whether a database of that path is replaced.
        sound: Called after the check, before anything is changed.

    Raises:
        NameExistsError, DatabaseInUseError: As for :func:`check_target`.
        ImportRejectedError: The content of the slot is not a sound database.
    """
    size = slot.file.size()
    if size:
        check_header(slot.file.read(FILE_HEADER_SIZE, 0), size)
        uri = access.uri(slot.path, mode="ro", immutable=1)
        unread = check_content(uri, slot.file.read)
        if unread is not None:
            warn(unread, path)
    sound()
    # The event loop may have run since the first check of the target.
    check_target(access, path, replace)
    settle(access, path)
    access.slots.rename(slot, path, MAIN_DB_FLAGS)
    _log.info("%s: imported %s, %d bytes", access.name, path, size)
    return size


def check_target(access: Access, path: str, replace: bool) -> None:
    """Checks that a database may be imported under this path.

    Raises:
        InvalidNameError: The name is one that SQLite keeps for journals.
        NameExistsError: There is a database of that name and ``replace`` is false.
        DatabaseInUseError: The database to be replaced is open.
    """
    if access.slots.find(path) is None:
        access.slots.check_new(path)
        return
    if not replace:
        raise NameExistsError(
            f"There is a database {path} already.",
            hint="Choose another name, or say that it is to be replaced.",
        )
    if access.is_open(path):
        raise DatabaseInUseError(
            f"{path} is open and cannot be replaced.", hint="Close every connection to it first."
        )


async def copy_in(
    slot: Slot, pieces: AsyncIterator[Any], check_start: Callable[[bytes, int], None] | None = None
) -> None:
    """Writes the pieces into the slot.

    Args:
        slot: The slot.
        pieces: Bytes of Python or JavaScript.
        check_start: Called once with the first 16 bytes and the number of bytes written so far.
    """
    size = 0
    async for piece in pieces:
        try:
            written = slot.file.write(piece, size)
        except Exception as error:
            if sqlite_code(error, SQLITE_IOERR) != SQLITE_FULL:
                raise
            raise _full(size) from error
        if written != len(piece):
            raise _full(size + max(0, min(written, len(piece))))
        before, size = size, size + len(piece)
        if check_start and before < len(MAGIC) <= size:
            check_start(slot.file.read(len(MAGIC), 0), size)
        del piece  # a reference would keep its owner from resizing it


def _full(kept: int) -> StorageError:
    return StorageError(
        f"The storage is full: it kept {kept} bytes of the file.",
        hint="Delete what you no longer need, or give the site more room.",
        sqlite_code=SQLITE_FULL,
    )


def settle(access: Access, path: str) -> None:
    """Removes any journal or WAL of a path, which SQLite would apply to the file that replaces it.

    Opening the old database rolls a hot journal back or recovers its WAL, and closing it deletes
    both; so the old database stays complete if the swap does not happen. A journal or WAL that is
    still left belongs to no database that can be read, and is deleted.
    """
    companions = [path + suffix for suffix in COMPANION_SUFFIXES]
    left = [each for each in companions if access.slots.find(each) is not None]
    if left and access.slots.find(path) is not None:
        try:
            # Not pool.connect: with JSPI it lets other tasks run, which may open the database.
            with closing(sqlite3.connect(access.uri(path, mode="rw"), uri=True)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.DatabaseError as error:
            if is_storage_failure(error):
                raise
            left = companions  # the old database is unreadable, and the caller asked to replace it
    for companion in left:
        access.slots.delete(companion)


@contextmanager
def scratch(access: Access) -> Iterator[str | None]:
    """The URI of an empty database that only the caller knows, and that is gone after the block.

    None when there is no spare slot for it, or none for the journal that it may need.
    """
    if access.slots.spare_count < _SCRATCH_SLOTS:
        yield None
        return
    with lending(access.slots, "scratch") as slot:
        yield access.uri(slot.path, mode="rw")


def flush_wal(access: Access, name: str) -> None:
    """Flushes a database's WAL, so that a later commit has less to wait for.

    Raises:
        JsException: The storage refused.
    """
    slot = access.slots.find(f"{check_path(name)}-wal")
    if slot is not None:
        slot.file.flush()


# --- export -------------------------------------------------------------------------------------


def export_chunks(access: Access, path: str, size: int) -> Iterator[bytes]:
    """See :meth:`Pool.export_chunks`."""
    with _snapshot(access, path) as slot:
        yield from _read_chunks(slot, size)


@asynccontextmanager
async def export_blob(access: Access, path: str) -> AsyncIterator[Any]:
    """See :meth:`Pool.export_blob`."""
    with _snapshot(access, path) as slot:
        if not slot.name:
            yield access.blobs.blob_of(b"".join(_read_chunks(slot, slot.file.size())))
            return
        head = in_rollback_mode(slot.file.read(FILE_HEADER_SIZE, 0))
        yield await access.blobs.blob(slot.name, head, SECTOR_SIZE + len(head))


@contextmanager
def _snapshot(access: Access, path: str) -> Iterator[Slot]:
    """A slot that holds what was committed, and to which nobody writes within the block.

    When the storage has room neither for a checkpoint nor for a copy, the copy is in memory and the
    slot has no name: a database must be exportable even when the storage is full.
    """
    _log.info("%s: exporting %s", access.name, path)
    own = access.slots.find(path)
    if own is not None and not own.file.size():
        yield own  # an empty database; opening it would give it a first page
        return
    uri = access.uri(path, mode="rw")
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        # A checkpoint of the whole WAL, unless another connection reads or writes.
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != SQLITE_FULL:
                raise
            _log.warning("%s: no room to checkpoint the WAL of %s", access.name, path)
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # takes the read lock
        wal = access.slots.find(path + "-wal")
        if wal is None or not wal.file.size():
            # All commits are in the file, and the read lock keeps it unchanged: a checkpoint waits
            # for readers of the database file, a writer in rollback mode for SHARED locks.
            own = access.slots.find(path)
            assert own is not None
            yield own
            return
        # Another connection reads or writes: copy the snapshot that this connection sees.
        with lending(access.slots, "export") as copy:
            data = None
            try:
                uri = access.uri(copy.path, mode="rw")
                with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as target:
                    target.execute("PRAGMA journal_mode=OFF")
                    back_up(connection, target)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != SQLITE_FULL:
                    raise
                data = connection.serialize()
            yield copy if data is None else Slot("", access.blobs.in_memory(data))


def read_pieces(file: File, size: int, piece_size: int, what: str) -> Iterator[tuple[int, bytes]]:
    """The first ``size`` bytes of a file, in pieces, each with its offset.

    Raises:
        StorageError: The file ends before that; ``what`` is its name in the message.
    """
    at = 0
    while at < size:
        piece = file.read(min(piece_size, size - at), at)
        if not piece:
            raise StorageError(f"The storage ended {size - at} bytes before {what} did.")
        yield at, piece
        at += len(piece)


def _read_chunks(slot: Slot, size: int) -> Iterator[bytes]:
    for at, chunk in read_pieces(slot.file, slot.file.size(), size, "the database"):
        yield chunk if at else in_rollback_mode(chunk)
