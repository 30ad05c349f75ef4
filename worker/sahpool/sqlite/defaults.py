"""The PRAGMAs that every connection to a pool starts with.

``sqlite3_auto_extension`` (sqlite.org/c3ref/auto_extension.html) calls back for each connection
that opens, whoever opens it; ours acts on those whose main database lies in one of our pools.
A program's own PRAGMAs come later and win.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ..names import LENT
from . import abi, causes, newer
from .callbacks import Callbacks
from .first_table import FirstTables

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

#: Query parameters of a URI (sqlite.org/uri.html).
_WITHOUT_LOCKS = (b"nolock", b"immutable")

#: pool name → (its PRAGMAs, its new databases, the first bytes of one)
_pools: dict[bytes, tuple[Mapping[str, str | int], FirstTables, Callable[[str], bytes]]] = {}
_callbacks: Callbacks | None = None
_entry_point = 0  # address of the C function that calls _on_open
_stop_handler = 0  # address of one that ends a statement once a stop was asked for

#: Virtual machine instructions between two looks at whether one was: well under a millisecond, but
#: for functions and comparisons that take long themselves.
_STEPS = 4000


def set_defaults(
    vfs_name: str,
    pragmas: Mapping[str, str | int],
    first_tables: FirstTables,
    head: Callable[[str], bytes],
) -> None:
    """Gives the connections of a VFS their PRAGMAs.

    Args:
        vfs_name: Name of the VFS.
        pragmas: PRAGMA name → value, checked (options.py).
        first_tables: Its new databases, and how they come into WAL mode.
        head: Gives the first bytes of the database of a path.
    """
    _pools[vfs_name.encode()] = (pragmas, first_tables, head)


def prepare(io: Any, module: Any) -> None:
    """Has SQLite call back for each connection that opens, from now on.

    Args:
        io: The module io.mjs.
        module: Pyodide's Emscripten module.

    Raises:
        UnsupportedError: The heap has grown beyond 2 GiB.
    """
    global _callbacks, _entry_point, _stop_handler
    if _callbacks is None:
        _callbacks = Callbacks(io, module, tell=_tell)
        causes.add_source(_callbacks.take_unfinished)
    if not _stop_handler:
        _stop_handler = int(io.stopHandler(module))
    if not _entry_point:
        _entry_point = _callbacks.bind(abi.XAUTOEXTENSION, _on_open, abi.SQLITE_ERROR)
    abi.library().sqlite3_auto_extension(_entry_point)  # of no effect when it is there


def drop_defaults(vfs_name: str) -> None:
    """The VFS is gone."""
    _pools.pop(vfs_name.encode(), None)


def _tell(_method: str, _arguments: tuple[Any, ...], _code: int, error: BaseException) -> None:
    _log.warning("A connection could not be given its PRAGMAs: %s", error)


def _on_open(database: int, _message: int, _routines: int) -> int:
    """The entry point.

    It answers SQLITE_OK unless it is cut off: an unreadable file is the first query's news, told
    there in sqlite3's own words, not a failed ``connect``.
    """
    _configure(database)
    return abi.SQLITE_OK


def _configure(database: int) -> None:
    sqlite = abi.library()
    name = ctypes.c_void_p()
    code = sqlite.sqlite3_file_control(
        database, b"main", abi.SQLITE_FCNTL_VFSNAME, ctypes.byref(name)
    )
    if code != abi.SQLITE_OK or not name.value:
        return
    try:
        settings = _pools.get(ctypes.string_at(name.value))
    finally:
        sqlite.sqlite3_free(name)
    address = sqlite.sqlite3_db_filename(database, b"main")
    path = ctypes.string_at(address) if address else b""
    if settings is None or not path:  # another VFS, or a temporary database
        return
    pragmas, first_tables, head = settings
    writable = sqlite.sqlite3_db_readonly(database, b"main") == 0
    file = path.decode("utf-8", "surrogateescape")
    if file.startswith(LENT):  # ours for a moment; and its schema must not be read unasked
        return
    new = writable and first_tables.is_new(file)
    if not new:
        newer.make_readable(database, file, lambda: head(file))
    for pragma, value in pragmas.items():
        if pragma == "journal_mode" and str(value).upper() == "WAL":
            continue  # the PRAGMA would fix the page size, and what else can be chosen
        if new or pragma not in _STORED:
            text = f"PRAGMA {pragma}={value}"
            code = sqlite.sqlite3_exec(database, text.encode(), None, None, None)
            if code != abi.SQLITE_OK:
                _log.warning("%s: %s was not done as it opened: %d", file, text, code)
    # Without locks there is no WAL.
    locks = not any(sqlite.sqlite3_uri_boolean(address, each, 0) for each in _WITHOUT_LOCKS)
    if writable and locks and str(pragmas.get("journal_mode")).upper() == "WAL":
        first_tables.expect(database, file)
    # sqlite3_open takes an error that is left on the connection for its own.
    sqlite.sqlite3_exec(database, b"", None, None, None)
    # Last: what is done here is short, and is not to be left out because of a stop.
    sqlite.sqlite3_progress_handler(database, _STEPS, _stop_handler, None)
