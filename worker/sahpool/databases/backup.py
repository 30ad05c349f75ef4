"""SQLite's backup, which ends: CPython's tries a locked database again for as long as it is."""

from __future__ import annotations

import sqlite3

__all__ = ["back_up"]


def back_up(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Makes the database of ``target`` the one of ``source``, in one go.

    ``Connection.backup`` sleeps and tries again where somebody else has a lock on either of them.
    Whoever has it runs in this very thread, so that would be for ever.

    Raises:
        sqlite3.OperationalError: It is locked; or as ``Connection.backup``.
    """

    def look(status: int, _remaining: int, _total: int) -> None:
        if status & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = status
            locked = status & 0xFF == sqlite3.SQLITE_LOCKED
            error.sqlite_errorname = "SQLITE_LOCKED" if locked else "SQLITE_BUSY"
            raise error

    source.backup(target, progress=look)
