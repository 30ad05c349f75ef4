"""The schema of a database: its tables, views, columns, indexes and triggers."""

import sqlite3
from contextlib import closing
from typing import Any

from ..host import Engine
from .connection import Connection
from .names import quoted

__all__ = ["KnownNames", "function_names", "schema", "signature"]


def schema(connection: Connection) -> list[dict[str, Any]]:
    """Every table and view: those of the main database, then temporary and attached ones.

    Each is ``{schema, name, type, columns, indexes, triggers, sql}``; SQLite's own tables are
    left out. ``columns`` is an empty list for a view that no longer works, and for a virtual table
    whose module is missing or whose own tables are damaged.
    """
    tables: list[dict[str, Any]] = []
    for (database,) in connection.query("SELECT name FROM pragma_database_list ORDER BY seq <> 0"):
        tables += _tables(connection, database)
    return tables


def _tables(connection: Connection, database: str) -> list[dict[str, Any]]:
    described = {}
    triggers: dict[str, list[str]] = {}
    for kind, name, table, sql in connection.query(
        f"SELECT type, name, tbl_name, sql FROM {quoted(database)}.sqlite_schema ORDER BY name"
    ):
        if kind == "trigger":
            triggers.setdefault(table, []).append(name)
        elif kind in ("table", "view"):
            described[name] = sql
    return [
        {
            "schema": database,
            "name": name,
            "type": kind,
            "columns": _columns(connection, database, name),
            "indexes": _indexes(connection, database, name),
            "triggers": triggers.get(name, []),
            "sql": described.get(name),
        }
        for name, kind in _listed(connection, database)
    ]


def _listed(connection: Connection, database: str) -> list[tuple[str, str]]:
    """Name and kind of every table and view, in the order of their names.

    ``pragma_table_list`` connects to every virtual table, and one whose own tables are damaged
    makes it fail as a whole (an FTS5 index: SQLITE_NOMEM or SQLITE_CORRUPT_VTAB), though all other
    tables can be used. Then the names come from the schema table, which does not tell a virtual
    table's own tables from others.
    """
    order = "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY lower(name), name"
    try:
        listed = connection.query(
            f"SELECT name, type FROM pragma_table_list WHERE schema = ? {order}", (database,)
        )
    except (sqlite3.DatabaseError, MemoryError):
        listed = connection.query(
            "SELECT name, iif(type = 'table' AND rootpage = 0, 'virtual', type)"
            f" FROM {quoted(database)}.sqlite_schema WHERE type IN ('table', 'view') {order}"
        )
    return [(name, kind) for name, kind in listed]


def _columns(connection: Connection, database: str, table: str) -> list[dict[str, Any]]:
    try:
        rows = connection.query(
            'SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?, ?) ORDER BY cid',
            (table, database),
        )
    except (sqlite3.DatabaseError, MemoryError):
        return []
    return [
        {"name": name, "type": kind, "notnull": bool(notnull), "pk": pk, "hidden": hidden}
        for name, kind, notnull, pk, hidden in rows
    ]


def _indexes(connection: Connection, database: str, table: str) -> list[dict[str, Any]]:
    """The indexes of a table; among the columns of one, None stands for an expression."""
    indexes = []
    for name, unique in connection.query(
        'SELECT name, "unique" FROM pragma_index_list(?, ?) ORDER BY name', (table, database)
    ):
        columns = connection.query(
            "SELECT name FROM pragma_index_info(?, ?) ORDER BY seqno", (name, database)
        )
        indexes.append(
            {"name": name, "unique": bool(unique), "columns": [column for (column,) in columns]}
        )
    return indexes


def signature(connection: Connection) -> list[tuple[str, int]] | None:
    """The ``schema_version`` of every attached database: another list after every schema change.

    None when a version cannot be read now, because a database is damaged or locked.
    """
    versions = []
    try:
        for (name,) in connection.query("SELECT name FROM pragma_database_list"):
            ((version,),) = connection.query(f"PRAGMA {quoted(name)}.schema_version")
            versions.append((name, version))
    except sqlite3.DatabaseError:
        return None
    return versions


def function_names(engine: Engine) -> list[str]:
    """The SQL functions of this SQLite that are called by name, those of the console among them."""
    with closing(sqlite3.connect(":memory:")) as con:
        rows = con.execute("SELECT DISTINCT name FROM pragma_function_list")
        own = [function.name for function in engine.functions()]
        return sorted({name for (name,) in rows if name.isidentifier()} | set(own))


class KnownNames:
    """The names that a statement on a connection may use (``likely.Names``)."""

    def __init__(self, connection: Connection, engine: Engine) -> None:
        self._connection = connection
        self._engine = engine

    def tables(self) -> list[tuple[str, str]]:
        """Schema and name of every table and view."""
        schemas = self._connection.query("SELECT name FROM pragma_database_list ORDER BY seq <> 0")
        return [
            (schema, name) for (schema,) in schemas for name, _ in _listed(self._connection, schema)
        ]

    def columns(self, schema: str, table: str) -> list[str]:
        """The columns of a table or view."""
        return [column["name"] for column in _columns(self._connection, schema, table)]

    def functions(self) -> list[str]:
        """The SQL functions."""
        return function_names(self._engine)
