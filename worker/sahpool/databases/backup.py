"""SQLite's backup, which fails on a locked database here; CPython's would try again for ever."""

from __future__ import annotations

import sqlite3

__all__ = ["back_up"]


def back_up(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Replaces the database of ``target`` by a copy of that of ``source``, in one step.

    ``Connection.backup`` sleeps and tries again while another connection has a lock on either
    database. The lock holder runs in this very thread, so it would do so for ever.

    Raises:
        sqlite3.OperationalError: One of the databases is locked; or as ``Connection.backup``.
    """

    def look(status: int, _remaining: int, _total: int) -> None:
        if status & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = status
            locked = status & 0xFF == sqlite3.SQLITE_LOCKED
            error.sqlite_errorname = "SQLITE_LOCKED" if locked else "SQLITE_BUSY"
            raise error

    source.backup(target, progress=look)
