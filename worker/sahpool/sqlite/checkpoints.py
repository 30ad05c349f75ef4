"""Keeping SQLite from carrying a long WAL over as part of the statement that has filled it.

A commit that leaves 1000 pages or more in the WAL (``PRAGMA wal_autocheckpoint``) copies all of
them into the database before it returns. After a transaction of 200 MB that takes most of a second,
in which nothing can be interrupted. Whoever has time for it later can say so here, even from within
the statement: the hook of a commit is all that changes.

Source: sqlite.org/c3ref/wal_hook.html, sqlite.org/c3ref/wal_autocheckpoint.html.
"""

from __future__ import annotations

import sqlite3

from . import abi

__all__ = ["put_off", "resume"]


def put_off(connection: sqlite3.Connection) -> int:
    """From now on no commit of the connection carries the WAL over.

    Returns:
        The number of pages at which it did so, for :func:`resume`; 0: it did not.
    """
    # What the hook before was given; SQLite's own is given this number.
    return abi.library().sqlite3_wal_hook(abi.connection_pointer(connection), None, None) or 0


def resume(connection: sqlite3.Connection, pages: int) -> None:
    """Has commits carry the WAL over again, once it has so many pages."""
    abi.library().sqlite3_wal_autocheckpoint(abi.connection_pointer(connection), pages)
