"""The PRAGMAs that every connection to a pool starts with.

``sqlite3_auto_extension`` (sqlite.org/c3ref/auto_extension.html) calls back for each connection
that opens, whoever opens it; ours acts on those whose main database lies in one of our pools.
A program's own PRAGMAs come later and win.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Mapping

from . import abi, newer
from .names import LENT

_log = logging.getLogger("sahpool")

#: Safe and fast: a commit is on the disk when it returns (FULL), readers and a writer do not wait
#: for one another and a commit costs one flush (WAL), and 32 MiB of pages are kept (cache_size is
#: negative for KiB; sqlite.org/pragma.html#pragma_cache_size).
DEFAULT_PRAGMAS: Mapping[str, str | int] = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "cache_size": -32768,
}

#: Settings that are stored in the database file: they are given to a new file only, so that a file
#: whose owner chose otherwise keeps what it has.
_STORED = frozenset({"journal_mode", "page_size", "auto_vacuum", "encoding"})

#: pool name → (its PRAGMAs, whether the database of a path is new, the first bytes of one)
_pools: dict[
    bytes, tuple[Mapping[str, str | int], Callable[[str], bool], Callable[[str], bytes]]
] = {}
_entry_point: ctypes._FuncPointer | None = None


def set_defaults(
    vfs_name: str,
    pragmas: Mapping[str, str | int],
    is_new: Callable[[str], bool],
    head: Callable[[str], bytes],
) -> None:
    """Gives the connections of a VFS their PRAGMAs.

    Args:
        vfs_name: Name of the VFS.
        pragmas: PRAGMA name → value, checked (options.py).
        is_new: Tells whether the database of a path is still empty.
        head: Gives the first bytes of the database of a path.
    """
    global _entry_point
    # The journal mode comes last: a file that is in WAL mode keeps its page size.
    ordered = dict(sorted(pragmas.items(), key=lambda item: item[0] == "journal_mode"))
    _pools[vfs_name.encode()] = (ordered, is_new, head)
    if _entry_point is None:
        _entry_point = abi.XAUTOEXTENSION(_on_open)
        abi.library().sqlite3_auto_extension(_entry_point)


def drop_defaults(vfs_name: str) -> None:
    """The VFS is gone."""
    _pools.pop(vfs_name.encode(), None)


def _on_open(database: int, _message: int, _routines: int) -> int:
    """The entry point.

    It always answers SQLITE_OK: an unreadable file is the first query's news, told there in
    sqlite3's own words, not a failed ``connect``.
    """
    try:
        _configure(database)
    except Exception as error:  # noqa: BLE001 - C cannot be thrown through
        _log.warning("A connection could not be given its PRAGMAs: %s", error)
    return abi.SQLITE_OK


def _configure(database: int) -> None:
    sqlite = abi.library()
    name = ctypes.c_void_p()
    code = sqlite.sqlite3_file_control(
        database, b"main", abi.SQLITE_FCNTL_VFSNAME, ctypes.byref(name)
    )
    if code != abi.SQLITE_OK or not name.value:
        return
    settings = _pools.get(ctypes.string_at(name.value))
    sqlite.sqlite3_free(name)
    path = sqlite.sqlite3_db_filename(database, b"main")
    if settings is None or not path:  # another VFS, or a temporary database
        return
    pragmas, is_new, head = settings
    writable = sqlite.sqlite3_db_readonly(database, b"main") == 0
    file = path.decode("utf-8", "surrogateescape")
    if file.startswith(LENT):  # ours for a moment; and its schema must not be read unasked
        return
    new = writable and is_new(file)
    if not new:
        newer.make_readable(database, file, lambda: head(file))
    for pragma, value in pragmas.items():
        if new or pragma not in _STORED:
            text = f"PRAGMA {pragma}={value}"
            code = sqlite.sqlite3_exec(database, text.encode(), None, None, None)
            if code != abi.SQLITE_OK:
                _log.warning("%s: %s was not done as it opened: %d", file, text, code)
    # sqlite3_open takes an error that is left on the connection for its own.
    sqlite.sqlite3_exec(database, b"", None, None, None)
