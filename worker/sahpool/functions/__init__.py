"""SQL functions that people expect from newer SQLite, its shell and other databases, in Python.

::

    import sahpool.functions, sqlite3

    con = sqlite3.connect("file:/notes.db?vfs=opfs-sahpool", uri=True)
    sahpool.functions.register(con)
    con.execute("SELECT median(price), string_agg(name, ', ') FROM goods")

Each family is a module with the tuples ``SCALARS``, ``AGGREGATES`` or ``TABLES``; ``registry``
says what they hold. A database does not keep these functions: other programs do not have them, so
an index, a CHECK or a generated column that uses one cannot be written to elsewhere.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from . import (
    conditions,
    dates,
    digests,
    escapes,
    identifiers,
    patterns,
    similarity,
    statistics,
    tables,
    text,
)
from .registry import Aggregate, AggregateState, Scalar, Table, Value

if TYPE_CHECKING:
    from ..sqlite.virtual_tables import VirtualTables

__all__ = [
    "AGGREGATES",
    "SCALARS",
    "TABLES",
    "Aggregate",
    "AggregateState",
    "Scalar",
    "Table",
    "Value",
    "register",
    "register_tables",
]

SCALARS: tuple[Scalar, ...] = (
    *text.SCALARS,
    *escapes.SCALARS,
    *conditions.SCALARS,
    *dates.SCALARS,
    *patterns.SCALARS,
    *digests.SCALARS,
    *identifiers.SCALARS,
    *similarity.SCALARS,
)
"""The functions that have one value for each row."""

AGGREGATES: tuple[Aggregate, ...] = (*text.AGGREGATES, *statistics.AGGREGATES)
"""The functions that have one value for many rows; all are window functions as well."""

TABLES: tuple[Table, ...] = tables.TABLES
"""The functions that stand in FROM."""


_virtual_tables: VirtualTables | None = None


def register(con: sqlite3.Connection) -> None:
    """Makes all functions callable from the SQL of a connection.

    A function of SQLite's own with the same name and number of arguments is replaced. Functions
    that stand in FROM need Pyodide and an installed pool; elsewhere they are left out.

    Args:
        con: An open connection, to a database in a pool or to any other.

    Raises:
        sqlite3.Error: The connection is closed, or a statement runs on it.
    """
    for scalar in SCALARS:
        con.create_function(
            scalar.name, scalar.arguments, scalar.call, deterministic=scalar.deterministic
        )
    for aggregate in AGGREGATES:
        make: Any = aggregate.make
        con.create_window_function(aggregate.name, aggregate.arguments, make)
    register_tables(con)


def register_tables(con: sqlite3.Connection) -> bool:
    """Registers the functions that stand in FROM; returns False where that cannot be done."""
    global _virtual_tables
    if _virtual_tables is None:
        try:
            from ..browser import emscripten, loaded_io_module
        except ModuleNotFoundError:  # not in Pyodide
            return False
        io = loaded_io_module()
        if io is None:
            return False
        from ..sqlite.virtual_tables import VirtualTables

        _virtual_tables = VirtualTables(io, emscripten())
    _virtual_tables.register(con, TABLES)
    return True
