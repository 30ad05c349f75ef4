"""How much SQLite sorts in one step, so that a long sort can be interrupted.

ORDER BY, CREATE INDEX and the like collect rows up to the size of the page cache (PRAGMA
cache_size), sort them and write them to a temporary file as one piece; in the end the pieces are
merged. A statement can be interrupted between two such steps, but not within one, and with the
cache of a pool's connections one step takes a third of a second and more. SQLite has no setting for
the size of a piece. But it keeps the value of PRAGMA cache_size in two places: in the schema, where
the sorter looks it up, and in the page cache. Only the first is lowered here.

Source: SQLite 3.39.0, vdbesort.c (sqlite3VdbeSorterInit), sqliteInt.h (sqlite3, Db, Schema).
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ctypes import c_int, c_uint32

from . import abi

__all__ = ["PIECE_KIB", "small_sorts"]

PIECE_KIB = 2048
"""KiB that are sorted in one step; SQLite takes 1000 at least."""

_VERSION = "3.39.0"
# Offsets in bytes, on wasm32.
_SQLITE3_ADB = 16
_DB_PSCHEMA = 12
_SCHEMA_CACHE_SIZE = 80


@contextmanager
def small_sorts(connection: sqlite3.Connection) -> Iterator[None]:
    """Within the block, a sort that begins on the connection uses small pieces.

    The page cache keeps its size. Only a statement that is prepared within the block sees another
    ``cache_size``. With an SQLite whose structures are not known here, nothing changes.
    """
    if not _is_known():
        yield
        return
    size = _cache_size(connection)
    before = size.value
    # A negative size is in KiB, another in pages, of which the smallest has half a KiB.
    if (-before if before < 0 else before // 2) > PIECE_KIB:
        size.value = -PIECE_KIB
    try:
        yield
    finally:
        size.value = before


def _cache_size(connection: sqlite3.Connection) -> c_int:
    """The field of the main database's schema that holds the cache size."""
    databases = c_uint32.from_address(abi.connection_pointer(connection) + _SQLITE3_ADB).value
    schema = c_uint32.from_address(databases + _DB_PSCHEMA).value
    return c_int.from_address(schema + _SCHEMA_CACHE_SIZE)


@functools.cache
def _is_known() -> bool:
    """Whether ``_cache_size`` finds the right field: its value and the PRAGMA's always agree."""
    if sqlite3.sqlite_version != _VERSION:
        return False
    with closing(sqlite3.connect(":memory:")) as connection:
        for number in (-1234, 5678):
            connection.execute(f"PRAGMA cache_size={number}")
            size = _cache_size(connection)
            if size.value != number:
                return False
            size.value = number + 1
            if connection.execute("PRAGMA cache_size").fetchone()[0] != number + 1:
                return False
    return True
