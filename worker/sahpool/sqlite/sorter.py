"""How much of a sort SQLite does in one go.

ORDER BY, CREATE INDEX and the like gather rows until they are as large as the page cache may grow
(PRAGMA cache_size), sort these, and write them to a temporary file; in the end the pieces are
merged. Between two such steps a statement can be interrupted, within one it cannot: with the cache
that connections have here one takes a third of a second and more. SQLite has no setting of its own
for the size of a piece. But it has the number that PRAGMA cache_size gives in two places, the
schema, where the sorter looks it up, and the page cache; only the first is lowered here.

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
"""KiB that are sorted in one go; SQLite takes 1000 at least."""

_VERSION = "3.39.0"
# Offsets in bytes, on wasm32.
_SQLITE3_ADB = 16
_DB_PSCHEMA = 12
_SCHEMA_CACHE_SIZE = 80


@contextmanager
def small_sorts(connection: sqlite3.Connection) -> Iterator[None]:
    """Within the block, what begins to sort on the connection does it in small pieces.

    Its page cache stays as large as it is. Nothing but a statement that is prepared within the
    block sees another ``cache_size``. With another SQLite than the one whose structures are known
    here, sorts stay as they are.
    """
    if not _is_known():
        yield
        return
    size = _cache_size(connection)
    before = size.value
    # Negative ones are in KiB, others in pages, of which the smallest has half a KiB.
    if (-before if before < 0 else before // 2) > PIECE_KIB:
        size.value = -PIECE_KIB
    try:
        yield
    finally:
        size.value = before


def _cache_size(connection: sqlite3.Connection) -> c_int:
    """Where the main database's schema has it."""
    databases = c_uint32.from_address(abi.connection_pointer(connection) + _SQLITE3_ADB).value
    schema = c_uint32.from_address(databases + _DB_PSCHEMA).value
    return c_int.from_address(schema + _SCHEMA_CACHE_SIZE)


@functools.cache
def _is_known() -> bool:
    """Whether the number is where it should be: what is written there is what the PRAGMA gives."""
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
