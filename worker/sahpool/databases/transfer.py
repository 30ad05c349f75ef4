"""Import of whole databases into a lent file that is checked, and export of a snapshot."""

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
    SahpoolWarning,
    StorageError,
    is_storage_failure,
    sqlite_code,
    warn,
)
from ..fileformat.database import FILE_HEADER_SIZE, MAGIC, check_header, in_rollback_mode
from ..names import COMPANION_SUFFIXES, LENT, check_path
from ..sqlite.abi import SQLITE_OPEN_CREATE, SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_READWRITE
from ..storage import File, Storage, StoredFile
from .access import Access
from .backup import back_up
from .soundness import check_content

_log = logging.getLogger("sahpool")

#: The flags in the header of an imported database.
MAIN_DB_FLAGS = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE

_SCRATCH_FILES = 2  # a database, and its journal

_lent = 0  # number of the last path for a lent file


def lent_path(purpose: str) -> str:
    """A new path for a lent file, which no other file has."""
    global _lent
    _lent += 1
    return f"{LENT}{purpose}-{_lent}"


@contextmanager
def lending(storage: Storage, purpose: str) -> Iterator[StoredFile]:
    """Lends a file within the block; afterwards it is gone, unless it was given a name.

    Raises:
        PoolFullError, StorageError: As for :meth:`Storage.lend`.
    """
    path = lent_path(purpose)
    with Cleanup(lambda: storage.take_back(path)) as last, last:
        yield storage.lend(path)


def first_bytes(storage: Storage, path: str) -> bytes:
    """The first 100 bytes of a database, fewer or none where the file is shorter or missing."""
    stored = storage.find(path)
    return b"" if stored is None else stored.file.read(FILE_HEADER_SIZE, 0)


# --- import -------------------------------------------------------------------------------------


def adopt(
    access: Access,
    lent: StoredFile,
    path: str,
    replace: bool,
    *,
    sound: Callable[[], None] = lambda: None,
    tell: Callable[[SahpoolWarning, str], None] = warn,
) -> int:
    """Makes a lent file the database ``path`` if its content is sound; returns its size in bytes.

    An empty file is a database as well: one that was opened and not written to yet.

    Args:
        access: The storage.
        lent: The lent file.
        path: Path that the database gets.
        replace: Whether a database of that path is replaced.
        sound: Called after the check, before anything is changed.
        tell: Called with a warning about the content and the path.

    Raises:
        NameExistsError, DatabaseInUseError: As for :func:`check_target`.
        ImportRejectedError: The content of the file is not a sound database.
    """
    size = lent.file.size()
    if size:
        check_header(lent.file.read(FILE_HEADER_SIZE, 0), size)
        uri = access.uri(lent.path, mode="ro", immutable=1)
        unread = check_content(uri, lent.file.read)
        if unread is not None:
            tell(unread, path)
    sound()
    # The event loop may have run since the first check of the target.
    check_target(access, path, replace)
    settle(access, path)
    access.storage.rename(lent, path, MAIN_DB_FLAGS)
    _log.info("%s: imported %s, %d bytes", access.name, path, size)
    return size


def check_target(access: Access, path: str, replace: bool) -> None:
    """Checks that a database may be imported under this path.

    Raises:
        InvalidNameError: The name is one that SQLite keeps for journals.
        NameExistsError: There is a database of that name and ``replace`` is false.
        DatabaseInUseError: The database to be replaced is open.
    """
    if access.storage.find(path) is None:
        access.storage.check_new(path)
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
    file: File, pieces: AsyncIterator[Any], check_start: Callable[[bytes, int], None] | None = None
) -> None:
    """Writes the pieces into a file.

    Args:
        file: The file, which is empty.
        pieces: Bytes of Python or JavaScript.
        check_start: Called once with the first 16 bytes and the number of bytes written so far.
    """
    size = 0
    async for piece in pieces:
        try:
            written = file.write(piece, size)
        except Exception as error:
            if sqlite_code(error, SQLITE_IOERR) != SQLITE_FULL:
                raise
            raise _full(size) from error
        if written != len(piece):
            raise _full(size + max(0, min(written, len(piece))))
        before, size = size, size + len(piece)
        if check_start and before < len(MAGIC) <= size:
            check_start(file.read(len(MAGIC), 0), size)
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
    left = [each for each in companions if access.storage.find(each) is not None]
    if left and access.storage.find(path) is not None:
        try:
            # Not pool.connect: with JSPI it lets other tasks run, which may open the database.
            with closing(sqlite3.connect(access.uri(path, mode="rw"), uri=True)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.DatabaseError as error:
            if is_storage_failure(error):
                raise
            left = companions  # the old database is unreadable, and the caller asked to replace it
    for companion in left:
        access.storage.delete(companion)


@contextmanager
def scratch(access: Access) -> Iterator[str | None]:
    """The URI of an empty database that only the caller knows, and that is gone after the block.

    None when the storage has no room for it, or none for the journal that it may need.
    """
    if access.storage.spare_count < _SCRATCH_FILES:
        yield None
        return
    with lending(access.storage, "scratch") as lent:
        yield access.uri(lent.path, mode="rw")


def flush_wal(access: Access, name: str) -> None:
    """Flushes a database's WAL, so that a later commit has less to wait for.

    Raises:
        JsException: The storage refused.
    """
    wal = access.storage.find(f"{check_path(name)}-wal")
    if wal is not None:
        wal.file.flush()


# --- export -------------------------------------------------------------------------------------


def export_chunks(access: Access, path: str, size: int) -> Iterator[bytes]:
    """See :meth:`Pool.export_chunks`."""
    with _snapshot(access, path) as content:
        if isinstance(content, bytes):
            yield from (content[at : at + size] for at in range(0, len(content), size))
        else:
            yield from _read_chunks(content.file, size)


@asynccontextmanager
async def export_blob(access: Access, path: str) -> AsyncIterator[Any]:
    """See :meth:`Pool.export_blob`.

    Raises:
        UnsupportedError: The storage has no Blobs.
    """
    blobs = access.need_blobs()
    with _snapshot(access, path) as content:
        if isinstance(content, bytes):
            yield blobs.blob_of(content)
        else:
            head = in_rollback_mode(content.file.read(FILE_HEADER_SIZE, 0))
            yield await blobs.blob(content, head)


@contextmanager
def _snapshot(access: Access, path: str) -> Iterator[StoredFile | bytes]:
    """A file that holds what was committed, and to which nobody writes within the block.

    When the storage has room neither for a checkpoint nor for a copy, the copy is in memory, as
    bytes: a database must be exportable even when the storage is full.
    """
    _log.info("%s: exporting %s", access.name, path)
    own = access.storage.find(path)
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
        wal = access.storage.find(path + "-wal")
        if wal is None or not wal.file.size():
            # All commits are in the file, and the read lock keeps it unchanged: a checkpoint waits
            # for readers of the database file, a writer in rollback mode for SHARED locks.
            own = access.storage.find(path)
            assert own is not None
            yield own
            return
        # Another connection reads or writes: copy the snapshot that this connection sees.
        with lending(access.storage, "export") as copy:
            data = None
            try:
                uri = access.uri(copy.path, mode="rw")
                with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as target:
                    target.execute("PRAGMA journal_mode=OFF")
                    back_up(connection, target)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != SQLITE_FULL:
                    raise
                data = in_rollback_mode(connection.serialize())
            yield copy if data is None else data


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


def _read_chunks(file: File, size: int) -> Iterator[bytes]:
    for at, chunk in read_pieces(file, file.size(), size, "the database"):
        yield chunk if at else in_rollback_mode(chunk)
