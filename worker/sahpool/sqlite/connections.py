"""The connections that a pool opens."""

from __future__ import annotations

import sqlite3

from ..fileformat.database import in_rollback_mode


class Connection(sqlite3.Connection):
    """What :meth:`Pool.connect` returns: sqlite3's own, with a ``serialize()`` for every SQLite.

    For ``sqlite3.connect(…, factory=sahpool.Connection)``, too, and for classes of your own that
    are to be given as ``factory``.
    """

    __slots__ = ()

    def serialize(self, *, name: str = "main") -> bytes:
        """The database as the bytes of a file that says that it is in rollback mode.

        SQLite's own says WAL where the database is in that mode: ``deserialize()`` cannot open it,
        nor can an SQLite without shared memory. The bytes are whole, nothing of them is in a WAL.

        Args:
            name: Name of the database within the connection.

        Raises:
            sqlite3.OperationalError: There is no such database, or it is still empty.
        """
        content = super().serialize(name=name)
        return in_rollback_mode(content)
