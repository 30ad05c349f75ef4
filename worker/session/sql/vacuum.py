"""VACUUM that a cancel stops at any time, and during which others have their turn.

SQLite builds the database anew, statement by statement, in a temporary one, and then copies all of
that back in a single step, in which nothing else can happen: a second and more where there is much.
Here are the same two halves, the second one in small pieces: ``VACUUM INTO`` a file, then
``sqlite3_backup_step`` from there into the database, within one transaction.  What comes of it is
the same, and until that transaction is committed nothing has happened.

**Nothing comes in between.**  SQLite's VACUUM has the write lock throughout.  Here a second
connection holds it while the first half reads; it is let go, and taken by the first step of the
second half, without the event loop running meanwhile.

**Where it is not done like this** SQLite's own is: for a small database, which takes no time; in
another journal mode than WAL, where the second half could not begin while somebody reads; and where
a PRAGMA says that the database is to become another (page_size, auto_vacuum), is not to be written
(query_only) or is this connection's alone (locking_mode).

Source: sqlite.org/lang_vacuum.html, sqlite.org/c3ref/backup_finish.html; SQLite 3.39.0, vacuum.c
(sqlite3RunVacuum) and backup.c.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from functools import partial

from ..errors import Cancelled
from ..host import Host

__all__ = ["LARGE", "Settings", "is_vacuum", "size_of", "suits", "vacuum"]

LARGE = 8 << 20
"""Bytes of a database from which on it is done in pieces: what is less is copied in no time."""

PIECE = 1 << 20
"""Bytes that are copied back between two looks at whether to go on."""

_CACHE_KIB = 2048
"""So much each half writes in one go at its end; what came before is written by then."""

_FLUSHED_PIECES = 16
"""So many at a time are flushed."""

_FULL = 2
"""PRAGMA synchronous: from here on a commit is flushed (sqlite.org/pragma.html)."""

_GAP = r"(?:[ \t\n\f\r]|--[^\n]*|/\*.*?\*/)"
_MAIN = r"""(?:"main"|'main'|\[main\]|`main`)"""
_VACUUM = re.compile(
    f"VACUUM(?:{_GAP}+main|{_GAP}*{_MAIN})?{_GAP}*;?{_GAP}*", re.IGNORECASE | re.DOTALL
)

_FIXED = ("page_size", "auto_vacuum")
"""What another PRAGMA may have asked for, and a copy in pieces cannot change."""

Look = Callable[[], int]


class Settings:
    """PRAGMAs of a connection's main database that have other values for a while."""

    def __init__(self, con: sqlite3.Connection) -> None:
        self.con = con
        self._owed: dict[str, int] = {}

    @contextmanager
    def having(self, name: str, value: int) -> Iterator[None]:
        """Within the block a PRAGMA has another value.

        It may need the schema, which a storage that fails does not give: then what it was before is
        owed, and nobody is told, for what has happened in the block counts.
        """
        before = _number(self.con, name)
        self._set(name, value)
        try:
            yield
        finally:
            self._owed[name] = before
            with suppress(sqlite3.Error):
                self.put_back()

    def put_back(self) -> None:
        """Gives back what is owed, before anything else is asked of the connection.

        Raises:
            sqlite3.Error: The storage fails still.
        """
        for name, value in list(self._owed.items()):
            self._set(name, value)
            del self._owed[name]

    def _set(self, name: str, value: int) -> None:
        self.con.execute(f"PRAGMA main.{name}={value}").fetchall()


def is_vacuum(sql: str) -> bool:
    """Whether a statement is a VACUUM of the main database into itself."""
    return _VACUUM.fullmatch(sql) is not None


def suits(con: sqlite3.Connection) -> bool:
    """Whether it can be done in pieces, as far as the connection tells, and is worth it."""
    return (
        not con.in_transaction
        and _pragma(con, "journal_mode") == "wal"
        and _pragma(con, "locking_mode") == "normal"
        and _pragma(con, "query_only") == "0"
        and size_of(con) >= LARGE
    )


def size_of(con: sqlite3.Connection) -> int:
    """Bytes of the main database as the connection sees it: also of what is in the WAL only."""
    return _number(con, "page_count") * _number(con, "page_size")


def vacuum(
    host: Host, name: str, settings: Settings, stop: Look, steps: int, *, may_put_off: bool
) -> bool:
    """Does it; False when it has to be SQLite's own after all, and nothing has been done.

    Args:
        host: Where the database lies.
        name: Of the database.
        settings: Of the connection to it that ``suits``; without a progress handler, before and
            afterwards: what stops the work must not stop settings from being put back, and nobody
            may run in between.
        stop: Asked every ``steps`` instructions of the first half, and between two pieces of the
            second: whether to stop.
        steps: See there.
        may_put_off: Whether somebody else checkpoints the WAL soon.

    Raises:
        Cancelled: ``stop`` said so.
        sqlite3.OperationalError: As VACUUM does: interrupted, no room, somebody else writes.
    """
    con = settings.con
    with (
        # Others may come in while it connects, and take the last slots.
        closing(host.connect(name)) as guard,
        host.scratch() as copy,
        # What a cache has gathered is written in one go in the end, and sorted in one go.
        settings.having("cache_size", -_CACHE_KIB),
    ):
        if copy is None:
            return False
        guard.isolation_level = None
        guard.execute("BEGIN IMMEDIATE")
        con.set_progress_handler(stop, steps)
        try:
            con.execute("VACUUM main INTO ?", (copy,))
        finally:
            con.set_progress_handler(None, steps)
        with closing(sqlite3.connect(copy, uri=True)) as source:
            if any(_pragma(source, fixed) != _pragma(con, fixed) for fixed in _FIXED):
                return False
            flush = partial(host.flush_wal, name) if _number(con, "synchronous") >= _FULL else None
            pages = PIECE // _number(con, "page_size")
            with settings.having("wal_autocheckpoint", 0) if may_put_off else nullcontext():
                guard.execute("ROLLBACK")
                _copy_back(source, con, pages, stop, flush)
                # Not the backup but the next statement has SQLite checkpoint the WAL.
                con.execute("SELECT 1").fetchall()
    return True


def _copy_back(
    source: sqlite3.Connection,
    con: sqlite3.Connection,
    pages: int,
    stop: Look,
    flush: Callable[[], None] | None,
) -> None:
    """The second half: all of ``source`` becomes the database of ``con``, or nothing does.

    Flushing the WAL on the way spreads the cost, so that the COMMIT has little left to flush.
    """
    pieces = 0

    def look(status: int, _remaining: int, _total: int) -> None:
        nonlocal pieces
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            # Nobody here can have taken the lock; sqlite3 would try again for ever.
            raise sqlite3.OperationalError("database is locked")
        if status != sqlite3.SQLITE_OK:
            return  # it is committed, or sqlite3 tells what is wrong
        if stop():
            raise Cancelled
        pieces += 1
        if flush is not None and pieces % _FLUSHED_PIECES == 0:
            flush()

    source.backup(con, pages=pages, progress=look)


def _pragma(con: sqlite3.Connection, name: str) -> str:
    """The value of a PRAGMA of the main database, as text."""
    ((value,),) = con.execute(f"PRAGMA main.{name}").fetchall()
    return value.decode() if isinstance(value, bytearray) else str(value)


def _number(con: sqlite3.Connection, name: str) -> int:
    return int(_pragma(con, name))
