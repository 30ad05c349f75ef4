"""Whole databases in and out: import into a spare slot with a check, export of a snapshot."""

from __future__ import annotations

import logging
import re
import sqlite3
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Any

from .abi import SQLITE_ERROR, SQLITE_OPEN_CREATE, SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_READWRITE
from .errors import (
    SQLITE_FULL,
    DatabaseInUseError,
    ImportRejectedError,
    NameExistsError,
    StorageError,
    is_storage_failure,
)
from .header import SECTOR_SIZE
from .slots import COMPANION_SUFFIXES, Handle, Slot, SlotTable

if TYPE_CHECKING:
    from .pool import Pool

_log = logging.getLogger("sahpool")

MAGIC = b"SQLite format 3\0"  #: sqlite.org/fileformat2.html, section 1.3.1
_FILE_HEADER_SIZE = 100
_MAIN_DB_FLAGS = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE

#: Offsets in the database header (sqlite.org/fileformat2.html, section 1.3).
_WRITE_VERSION, _PAGE_SIZE, _CHANGE_COUNTER, _PAGE_COUNT, _VALID_FOR = 18, 16, 24, 28, 92
_ROLLBACK_VERSIONS = b"\x01\x01"

_NO_COLLATION = re.compile(r"no such collation sequence: (.+)", re.DOTALL)

#: What is quoted of an unsound file in the error message, in characters.
_QUOTED = 200

#: How a path begins under which a slot is lent out for a moment: no header carries such a path and
#: no user means one.
LENT = "/\x01"

_lent = 0  # numbers the paths under which slots are lent out for a moment


def lent_path(purpose: str) -> str:
    """A path to lend a slot out under, which no other slot has."""
    global _lent
    _lent += 1
    return f"{LENT}{purpose}-{_lent}"


# --- import -------------------------------------------------------------------------------------


async def import_db(
    pool: Pool,
    slots: SlotTable,
    path: str,
    source: AbstractAsyncContextManager[AsyncIterator[Any]],
    replace: bool,
) -> int:
    """See :meth:`Pool.import_db`; ``source`` is opened when the target has been looked at."""
    check_target(pool, slots, path, replace)
    slot = slots.lend(lent_path("import"))
    try:
        async with source as pieces:
            await _copy_in(slot, pieces)
        return adopt(pool, slots, slot, path, replace)
    except BaseException:
        slots.give_back(slot)
        raise


def adopt(
    pool: Pool,
    slots: SlotTable,
    slot: Slot,
    path: str,
    replace: bool,
    *,
    may_be_empty: bool = False,
) -> int:
    """Makes a lent slot the database ``path`` once its content is found sound; returns its size.

    Raises:
        NameExistsError, DatabaseInUseError: As for :func:`check_target`.
        ImportRejectedError: What is in the slot is no sound database.
    """
    size = slot.handle.size() - SECTOR_SIZE
    if size or not may_be_empty:
        check_header(slot.handle.read(_FILE_HEADER_SIZE, SECTOR_SIZE), size)
        _check_content(pool, slot.path)
    # The event loop may have run since the target was looked at.
    check_target(pool, slots, path, replace)
    _settle(pool, slots, path)
    slots.rename(slot, path, _MAIN_DB_FLAGS)
    _log.info("%s: imported %s, %d bytes", pool.name, path, size)
    return size


def check_target(pool: Pool, slots: SlotTable, path: str, replace: bool) -> None:
    """Whether a database may be brought in under this path.

    Raises:
        InvalidNameError: The name is one that SQLite keeps for journals.
        NameExistsError: There is a database of that name and ``replace`` is false.
        DatabaseInUseError: There is one, and it is open.
    """
    if slots.find(path) is None:
        slots.check_new(path)
        return
    if not replace:
        raise NameExistsError(
            f"There is a database {path} already.",
            hint="Choose another name, or say that it is to be replaced.",
        )
    if path in pool._vfs.open_paths:
        raise DatabaseInUseError(
            f"{path} is open and cannot be replaced.", hint="Close every connection to it first."
        )


async def _copy_in(slot: Slot, pieces: AsyncIterator[Any]) -> None:
    """Writes the pieces into the slot."""
    size = 0
    async for piece in pieces:
        written = slot.handle.write(piece, SECTOR_SIZE + size)
        if written != len(piece):
            raise StorageError(
                f"The storage is full: it kept {size + max(0, min(written, len(piece)))} bytes "
                "of the database.",
                hint="Delete what you no longer need, or give the site more room.",
                sqlite_code=SQLITE_FULL,
            )
        before, size = size, size + len(piece)
        if before < len(MAGIC):
            head = slot.handle.read(min(size, len(MAGIC)), SECTOR_SIZE)
            if not MAGIC.startswith(head):
                check_header(head, size)  # not worth reading on
        del piece  # its owner may want to resize it


def check_header(head: bytes, size: int) -> None:
    """Whether a file can be an SQLite database, by its first bytes and its length.

    Args:
        head: The first 100 bytes, or all there are.
        size: Length of the file in bytes.

    Raises:
        ImportRejectedError: It cannot; the message says why.
    """
    if not size:
        raise ImportRejectedError("The file is empty.", hint="Choose a file that holds a database.")
    if not head.startswith(MAGIC):
        raise ImportRejectedError(
            "The file is not an SQLite database: it does not begin with “SQLite format 3”.",
            hint="If it is a CSV or text file, import it under its own ending; "
            "an encrypted database must be decrypted first.",
        )
    if len(head) < _FILE_HEADER_SIZE:
        raise ImportRejectedError(
            f"The file ends after {size} bytes, within the header of the database.",
            hint="The copy is incomplete: get the file again.",
        )
    (page_size,) = struct.unpack_from(">H", head, _PAGE_SIZE)
    page_size = 65536 if page_size == 1 else page_size
    if page_size < 512 or page_size & (page_size - 1):
        raise ImportRejectedError(
            f"The database header is damaged: {page_size} is not a page size.",
            hint="Get the file again from where it came.",
        )
    (pages,) = struct.unpack_from(">I", head, _PAGE_COUNT)
    # The page count is only kept right by programs that keep these two equal (section 1.3.8).
    in_use = head[_CHANGE_COUNTER : _CHANGE_COUNTER + 4] == head[_VALID_FOR : _VALID_FOR + 4]
    if in_use and pages * page_size > size:
        raise ImportRejectedError(
            f"The database is cut off: it has {pages} pages of {page_size} bytes, "
            f"but the file ends after {size} of {pages * page_size} bytes.",
            hint="The copy is incomplete: get the file again.",
        )


def _check_content(pool: Pool, path: str) -> None:
    """``PRAGMA quick_check`` over the copied bytes, as a hostile file is to be opened.

    Source: sqlite.org/security.html, section 1.2 (untrusted database files).
    """
    uri = pool.uri(path, mode="ro", immutable=1)
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA cell_size_check=ON")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            found = _quick_check(connection)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise ImportRejectedError(
            f"The database is damaged: {error}", hint="Get the file again from where it came."
        ) from error
    if found != "ok":
        raise ImportRejectedError(
            f"The database is damaged: {found[:_QUOTED]}",
            hint="Get the file again from where it came, or repair it with sqlite3's .recover.",
        )


def _quick_check(connection: sqlite3.Connection) -> str:
    """``"ok"``, or the first thing that is wrong.

    A sound database may use what only its own application defines: collations, functions in
    constraints and indexes, modules of virtual tables. Collations are stood in for (quick_check
    compares no keys); a table that cannot be checked without the rest is passed over.
    """
    while True:
        try:
            return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != SQLITE_ERROR:
                raise
            collation = _NO_COLLATION.match(str(error))
            if collation is None:
                break
            connection.create_collation(collation[1], lambda one, two: (one > two) - (one < two))
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    for (name,) in tables:
        quoted = str(name).replace("'", "''")
        try:
            found = connection.execute(f"PRAGMA quick_check('{quoted}')").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != SQLITE_ERROR:
                raise
            continue
        if found is not None and found[0] != "ok":
            return str(found[0])
    return "ok"


def _settle(pool: Pool, slots: SlotTable, path: str) -> None:
    """Leaves no journal or WAL that SQLite would apply to the file that takes this path over.

    Opening the old database rolls a hot journal back or recovers its WAL, and closing it deletes
    both; so the old database stays whole should the swap not happen. What is left belongs to
    nothing that can be read.
    """
    companions = [path + suffix for suffix in COMPANION_SUFFIXES]
    left = [each for each in companions if slots.find(each) is not None]
    if left and slots.find(path) is not None:
        try:
            # Not pool.connect: with JSPI it lets other tasks run, which may open the database.
            with closing(sqlite3.connect(pool.uri(path, mode="rw"), uri=True)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.DatabaseError as error:
            if is_storage_failure(error):
                raise
            left = companions  # unreadable, and about to be replaced on demand
    for companion in left:
        slots.delete(companion)


# --- export -------------------------------------------------------------------------------------


def export_chunks(pool: Pool, slots: SlotTable, path: str, size: int) -> Iterator[bytes]:
    """See :meth:`Pool.export_chunks`."""
    with _snapshot(pool, slots, path) as slot:
        yield from _read_chunks(slot, size)


@asynccontextmanager
async def export_blob(pool: Pool, slots: SlotTable, path: str) -> AsyncIterator[Any]:
    """See :meth:`Pool.export_blob`."""
    with _snapshot(pool, slots, path) as slot:
        head = _in_rollback_mode(slot.handle.read(_FILE_HEADER_SIZE, SECTOR_SIZE))
        yield await pool._hold.blob(slot.name, head, SECTOR_SIZE + len(head))


@contextmanager
def _snapshot(pool: Pool, slots: SlotTable, path: str) -> Iterator[Slot]:
    """A slot whose bytes are what was committed, and to which nobody writes within the block."""
    _log.info("%s: exporting %s", pool.name, path)
    own = slots.find(path)
    if own is not None and own.handle.size() <= SECTOR_SIZE:
        yield own  # an empty database; opening it would give it a first page
        return
    uri = pool.uri(path, mode="rw")
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        # Folds the WAL into the database file where no other connection is in the way.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # takes the read lock
        wal = slots.find(path + "-wal")
        if wal is None or wal.handle.size() <= SECTOR_SIZE:
            # Nothing outside the file, and the read lock keeps it as it is: a checkpoint must wait
            # for readers of the database file, a rollback-mode writer for SHARED locks.
            own = slots.find(path)
            assert own is not None
            yield own
            return
        # Another connection reads or writes: copy the snapshot that this one sees.
        lent = lent_path("export")
        copy = slots.lend(lent)
        try:
            uri = pool.uri(lent, mode="rw")
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as target:
                target.execute("PRAGMA journal_mode=OFF")
                connection.backup(target)
            yield copy
        finally:
            slots.give_back(copy)


def read_pieces(
    handle: Handle, size: int, piece_size: int, what: str
) -> Iterator[tuple[int, bytes]]:
    """The first ``size`` bytes behind a slot's header, in pieces, each with its offset.

    Raises:
        StorageError: The file ends before that; the message calls it ``what``.
    """
    at, end = SECTOR_SIZE, SECTOR_SIZE + size
    while at < end:
        piece = handle.read(min(piece_size, end - at), at)
        if not piece:
            raise StorageError(f"The storage ended {end - at} bytes before {what} did.")
        yield at, piece
        at += len(piece)


def _read_chunks(slot: Slot, size: int) -> Iterator[bytes]:
    whole = slot.handle.size() - SECTOR_SIZE
    for at, chunk in read_pieces(slot.handle, whole, size, "the database"):
        yield _in_rollback_mode(chunk) if at == SECTOR_SIZE else chunk


def _in_rollback_mode(head: bytes) -> bytes:
    """The first bytes of a database, saying that it is in rollback mode.

    A file in WAL mode cannot be opened from a read-only medium; the WAL of an export is empty, so
    it may say so (sqlite.org/fileformat2.html, section 1.3.3).
    """
    if not head.startswith(MAGIC) or len(head) < _WRITE_VERSION + 2:
        return head
    return head[:_WRITE_VERSION] + _ROLLBACK_VERSIONS + head[_WRITE_VERSION + 2 :]
