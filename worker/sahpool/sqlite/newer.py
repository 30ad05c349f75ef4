"""Databases with a newer SQLite's schema: the part that this SQLite knows is read, all is kept.

One definition that SQLite cannot parse makes it refuse the whole database. With ``PRAGMA
writable_schema=ON`` it skips that definition instead. That is safe as long as nothing is written:
on a write, an unknown trigger would not run and an unknown index would not be updated. So such a
database is opened with

- ``writable_schema=ON``, so that the known part can be read;
- ``SQLITE_DBCONFIG_DEFENSIVE``, so that the schema still cannot be written to;
- ``query_only=ON``, which a program may turn off.

The header says which SQLite wrote a database last (sqlite.org/fileformat2.html, section 1.3.1). If
that was an older one, a definition that cannot be parsed is damaged, not new. A forged version
gains nothing: the trees are checked as in every other database.

Source: ``prepare.c`` (sqlite3InitCallback, SQLITE_NoSchemaError), sqlite.org/pragma.html,
c3ref/c_dbconfig_defensive.html.
"""

from __future__ import annotations

import ctypes
import logging
import re
import sqlite3
from collections.abc import Callable

from ..errors import ImportRejectedError, NewerSchemaWarning, warn
from . import abi

__all__ = [
    "make_readable",
    "quoted",
    "tolerate",
    "unread_by",
    "warn_of",
    "written_by",
]

_log = logging.getLogger("sahpool")

_WRITTEN_BY = slice(96, 100)  # SQLITE_VERSION_NUMBER of the SQLite that wrote last

_OWN = sqlite3.sqlite_version_info[0] * 1_000_000 + sqlite3.sqlite_version_info[1] * 1_000
_OWN += sqlite3.sqlite_version_info[2]

#: Kinds of entries of a schema that DROP takes.
_KINDS = frozenset({"table", "index", "view", "trigger"})
_ENTRIES = "SELECT type, name, substr(sql, 1, 15) FROM main.sqlite_schema WHERE sql IS NOT NULL"
_VIRTUAL = "CREATE VIRTUAL "

#: Errors of SQLite about a definition that it parsed, but whose page cannot be right (prepare.c).
_DAMAGE = ("invalid rootpage", "orphan index")

#: Errors of SQLite about a definition outside its grammar.
_SYNTAX = re.compile(r"syntax error|unrecognized token|unknown table option")

#: A statement that reads the schema and nothing else.
_READ = b"SELECT 1 FROM main.sqlite_schema LIMIT 0"

#: Settings with which the known part of a database can be read.
_TOLERANT = b"PRAGMA writable_schema=ON"
_READ_ONLY = b"PRAGMA query_only=ON"
_STRICT = b"PRAGMA writable_schema=RESET"


def written_by(head: bytes) -> int:
    """SQLITE_VERSION_NUMBER of the SQLite that wrote a database last; 0 without a header.

    3046001 is 3.46.1.
    """
    return int.from_bytes(head[_WRITTEN_BY], "big")


def _may_be_newer(failed: str, head: bytes) -> bool:
    """Whether SQLite may refuse a schema because a newer SQLite made it, not for damage.

    Args:
        failed: SQLite's error message.
        head: The first bytes of the database. This SQLite may have written to it after a newer one.
    """
    version, (told, _, why) = written_by(head), failed.partition(") - ")
    if not why or why.startswith(_DAMAGE) or not told.startswith("malformed database schema"):
        return False
    return version > _OWN or (version == _OWN and _SYNTAX.search(why) is not None)


def tolerate(
    connection: sqlite3.Connection, head: bytes, failed: sqlite3.DatabaseError
) -> NewerSchemaWarning:
    """Makes a connection skip definitions that it cannot parse, for a check.

    Args:
        connection: A connection on which nothing was read yet.
        head: The first bytes of the database.
        failed: SQLite's error on reading the schema.

    Returns:
        The warning about the skipped definitions.

    Raises:
        sqlite3.DatabaseError: ``failed``, when the schema is damaged.
        ImportRejectedError: The schema may be damaged or newer, and if it is damaged, rows would be
            lost.
    """
    if not _may_be_newer(str(failed), head):
        raise failed
    connection.execute("PRAGMA writable_schema=ON")
    unread = _unread(connection, str(failed))
    if not unread:
        raise failed
    told = _warning(unread, head)
    if written_by(head) == _OWN and told.has_pages:
        names = ", ".join(f"{kind} {name}" for kind, name in unread)
        raise ImportRejectedError(
            f"The database is damaged, or a newer SQLite has made what SQLite "
            f"{sqlite3.sqlite_version} cannot read: {names} ({failed}).",
            hint="Get the file again from where it came, as a newer SQLite wrote it.",
        )
    return told


#: Addresses of the ``sqlite3`` of connections that :func:`make_readable` changed and about which
#: nobody was warned yet. SQLite may have reused an address for another connection since.
_tolerant: set[int] = set()


def make_readable(database: int, name: str, head: Callable[[], bytes]) -> None:
    """Makes a connection that just opened read the known part of a newer database, and not write.

    Args:
        database: Address of the ``sqlite3``.
        name: Name of the database, for the log.
        head: Returns the first bytes of the database.
    """
    sqlite = abi.library()
    if _code(database, _READ) != abi.SQLITE_CORRUPT:
        return
    failed = sqlite.sqlite3_errmsg(database).decode("utf-8", "replace")
    if not _may_be_newer(failed, head()):
        return
    if _code(database, _TOLERANT) or _code(database, _READ):
        _code(database, _STRICT)
        return
    on = (ctypes.c_int * 2)(1, 0)  # variadic arguments, as wasm32 has them: int, int*
    sqlite.sqlite3_db_config(database, abi.SQLITE_DBCONFIG_DEFENSIVE, ctypes.addressof(on))
    _code(database, _READ_ONLY)
    _tolerant.add(database)
    _log.warning("%s: a newer SQLite made some of it; it is read as far as it is known", name)


def _code(database: int, sql: bytes) -> int:
    return int(abi.library().sqlite3_exec(database, sql, None, None, None)) & 0xFF


def unread_by(connection: sqlite3.Connection, head: bytes) -> NewerSchemaWarning | None:
    """The warning for a connection that was made to read a newer database; else None."""
    if not connection.execute("PRAGMA writable_schema").fetchone()[0]:
        return None
    return _warning(_unread(connection), head)


def warn_of(connection: sqlite3.Connection, path: str, head: Callable[[], bytes]) -> None:
    """Warns about a connection that :func:`make_readable` has changed."""
    address = abi.connection_pointer(connection)
    if address not in _tolerant:
        return
    _tolerant.discard(address)
    if connection.execute("PRAGMA writable_schema").fetchone()[0]:
        unread = unread_by(connection, head())
        if unread is not None:
            warn(unread, path)


def _warning(unread: list[tuple[str, str]], head: bytes) -> NewerSchemaWarning:
    number = written_by(head)
    version = f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"
    return NewerSchemaWarning(unread, version, sqlite3.sqlite_version)


def _unread(connection: sqlite3.Connection, failed: str = "") -> list[tuple[str, str]]:
    """(kind, name) of the entries of the schema that SQLite could not parse.

    SQLite may know an entry by name whose definition it parsed in part; ``failed``, its error on
    reading the schema, names that entry.
    """
    found = []
    refused = failed.partition(") - ")[0]
    execute, text_factory = connection.execute, connection.text_factory
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    for kind, name, begins in execute(_ENTRIES).fetchall():
        # EXPLAIN DROP would open a virtual table, whose definition cannot be trusted.
        if kind in _KINDS and isinstance(name, str) and begins.upper() != _VIRTUAL:
            try:
                execute(f"EXPLAIN DROP {kind} main.{quoted(name)}").close()
                is_known = True
            except sqlite3.DatabaseError as error:
                is_known = not str(error).startswith(f"no such {kind}: ")
            if not is_known or refused == f"malformed database schema ({name}":
                found.append((kind, name))
    connection.text_factory = text_factory
    return found


def quoted(name: str) -> str:
    """A name as a quoted identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'
