"""Postponing the automatic checkpoint that SQLite runs as part of a commit.

A commit that leaves 1000 pages or more in the WAL (``PRAGMA wal_autocheckpoint``) copies all of
them into the database before it returns. After a transaction of 200 MB that takes most of a second,
in which nothing can be interrupted. A program that can checkpoint later may postpone it, even while
the statement runs, because only the commit hook of the WAL changes.

Source: sqlite.org/c3ref/wal_hook.html, sqlite.org/c3ref/wal_autocheckpoint.html.
"""

from __future__ import annotations

import sqlite3

from . import abi

__all__ = ["put_off", "resume"]


def put_off(connection: sqlite3.Connection) -> int:
    """Stops the automatic checkpoints of a connection.

    Returns:
        The number of pages from which a commit ran one, for :func:`resume`; 0 if none did.
    """
    # sqlite3_wal_hook returns the argument of the previous hook; that of SQLite's own hook is the
    # number of pages.
    return abi.library().sqlite3_wal_hook(abi.connection_pointer(connection), None, None) or 0


def resume(connection: sqlite3.Connection, pages: int) -> None:
    """Has commits run a checkpoint again once the WAL has this many pages."""
    abi.library().sqlite3_wal_autocheckpoint(abi.connection_pointer(connection), pages)
