"""The class of the connections that a pool opens."""

from __future__ import annotations

import sqlite3

from ..fileformat.database import in_rollback_mode


class Connection(sqlite3.Connection):
    """A ``sqlite3.Connection`` whose ``serialize()`` every SQLite can open.

    :meth:`Pool.connect` returns it. It can also be given to ``sqlite3.connect`` as ``factory``, and
    be the base of your own factories.
    """

    __slots__ = ()

    def serialize(self, *, name: str = "main") -> bytes:
        """The database as the bytes of a file whose header says rollback mode.

        Of a database in WAL mode, SQLite's own ``serialize()`` gives a file that says WAL mode,
        which neither ``deserialize()`` nor an SQLite without shared memory can open. The bytes are
        complete, with all that is in the WAL.

        Args:
            name: Name of the database within the connection.

        Raises:
            sqlite3.OperationalError: There is no such database, or nothing was written to it yet.
        """
        content = super().serialize(name=name)
        return in_rollback_mode(content)
