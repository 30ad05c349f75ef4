"""VACUUM that a cancel stops at any time, and during which other sessions go on.

SQLite's VACUUM builds the database anew, statement by statement, in a temporary one, and then
copies all of that back in a single step, which nothing can interrupt: a second and more for a large
database. This module does the same two halves, the second one in small pieces: ``VACUUM INTO`` a
file, then ``sqlite3_backup_step`` from there into the database, within one transaction. The result
is the same, and until that transaction is committed the database is unchanged.

**No other write comes in between.** SQLite's VACUUM holds the write lock throughout. Here a second
connection holds it while the first half reads. That connection then releases it, and the first step
of the second half takes it, without the event loop running meanwhile.

**SQLite's own VACUUM runs instead** for a small database, where it takes no time; in another
journal mode than WAL, where the second half could not begin while another connection reads; and
where a PRAGMA says that VACUUM is to change the database's form (page_size, auto_vacuum), that this
connection may not write (query_only), or that it keeps the database to itself (locking_mode).

Source: sqlite.org/lang_vacuum.html, sqlite.org/c3ref/backup_finish.html; SQLite 3.39.0, vacuum.c
(sqlite3RunVacuum) and backup.c.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from functools import partial

from ..errors import Cancelled
from ..host import Storage

__all__ = ["LARGE", "Settings", "is_vacuum", "size_of", "suits", "vacuum"]

LARGE = 8 << 20
"""Bytes of a database from which on VACUUM runs in pieces: a smaller one is copied in no time."""

PIECE = 1 << 20
"""Bytes that are copied back between two checks for a cancel."""

_CACHE_KIB = 2048
"""KiB of page cache meanwhile: at most so much is left for each half to write in one step at its
end; SQLite has written the rest by then."""

_FLUSHED_PIECES = 16
"""Pieces that are copied back between two flushes of the WAL."""

_FULL = 2
"""PRAGMA synchronous, FULL: from this value on a commit is flushed (sqlite.org/pragma.html)."""

_GAP = r"(?:[ \t\n\f\r]|--[^\n]*|/\*.*?\*/)"
_MAIN = r"""(?:"main"|'main'|\[main\]|`main`)"""
_VACUUM = re.compile(
    f"VACUUM(?:{_GAP}+main|{_GAP}*{_MAIN})?{_GAP}*;?{_GAP}*", re.IGNORECASE | re.DOTALL
)

_FIXED = ("page_size", "auto_vacuum")
"""What the user may have set for the next VACUUM to change, and a copy in pieces cannot change."""

Look = Callable[[], int]


class Settings:
    """Gives PRAGMAs of a connection's main database other values for a while."""

    def __init__(self, con: sqlite3.Connection) -> None:
        self.con = con
        self._owed: dict[str, int] = {}

    @contextmanager
    def having(self, name: str, value: int) -> Iterator[None]:
        """Within the block a PRAGMA has another value; afterwards its earlier one.

        Setting it back may need the schema, which a failing storage does not give. Then the earlier
        value stays owed (``put_back``) and no error is raised: the outcome of the block counts.
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
        """Sets PRAGMAs back that having() could not; called before each statement of the user's.

        Raises:
            sqlite3.Error: The storage still fails.
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
    """Whether VACUUM can run in pieces, as far as the connection tells, and is worth it."""
    return (
        not con.in_transaction
        and _pragma(con, "journal_mode") == "wal"
        and _pragma(con, "locking_mode") == "normal"
        and _pragma(con, "query_only") == "0"
        and size_of(con) >= LARGE
    )


def size_of(con: sqlite3.Connection) -> int:
    """Bytes of the main database as the connection sees it, with what is only in the WAL so far."""
    return _number(con, "page_count") * _number(con, "page_size")


def vacuum(
    storage: Storage, name: str, settings: Settings, stop: Look, steps: int, *, may_put_off: bool
) -> bool:
    """Runs VACUUM in pieces; False when SQLite's own has to run after all and nothing was changed.

    Args:
        storage: Where the database lies.
        name: The name of the database.
        settings: Those of the connection that ``suits``. It has no progress handler, before and
            afterwards: a cancel must not keep settings from being put back, and no other session
            may run between the two halves.
        stop: Returns whether to stop; called every ``steps`` instructions of the first half, and
            between two pieces of the second.
        steps: Instructions of SQLite's virtual machine between two calls of ``stop``.
        may_put_off: Whether the service checkpoints the WAL soon, so that this need not.

    Raises:
        Cancelled: ``stop`` asked for it.
        sqlite3.OperationalError: As from VACUUM: interrupted, no room, another connection writes.
    """
    con = settings.con
    with (
        # Connecting may let other sessions run, and they may take the last slots: so scratch(),
        # which tells whether there is one, comes after it.
        closing(storage.connect(name)) as guard,
        storage.scratch() as copy,
        # SQLite sorts and writes the changed pages that are left in its cache in one step.
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
            flush = (
                partial(storage.flush_wal, name) if _number(con, "synchronous") >= _FULL else None
            )
            pages = PIECE // _number(con, "page_size")
            with settings.having("wal_autocheckpoint", 0) if may_put_off else nullcontext():
                guard.execute("ROLLBACK")
                _copy_back(source, con, pages, stop, flush)
                # The automatic checkpoint comes not with the backup but with the next statement,
                # which therefore has to run while wal_autocheckpoint has its other value.
                con.execute("SELECT 1").fetchall()
    return True


def _copy_back(
    source: sqlite3.Connection,
    con: sqlite3.Connection,
    pages: int,
    stop: Look,
    flush: Callable[[], None] | None,
) -> None:
    """The second half: copies all of ``source`` into the database of ``con``, or nothing.

    ``flush``, if there is one, flushes the WAL on the way: that spreads the cost, so that the
    COMMIT has little left to flush.
    """
    pieces = 0

    def look(status: int, _remaining: int, _total: int) -> None:
        nonlocal pieces
        if status & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            # No other session can have taken the lock in between; sqlite3 would retry for ever.
            raise sqlite3.OperationalError("database is locked")
        if status != sqlite3.SQLITE_OK:
            return  # the copy is committed, or sqlite3 raises what is wrong
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
