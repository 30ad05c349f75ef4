"""The PRAGMAs that every connection to a pool starts with.

``sqlite3_auto_extension`` (sqlite.org/c3ref/auto_extension.html) registers a function that SQLite
calls for each connection that opens; this one acts on connections whose main database is in a pool.
A program's own PRAGMAs run later and override these.
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
from .layout import check_layout

_log = logging.getLogger("sahpool")

#: Safe and fast: a commit is on the disk when it returns (FULL), readers and a writer do not wait
#: for one another and a commit costs one flush (WAL), and 32 MiB of pages are kept (cache_size is
#: negative for KiB; sqlite.org/pragma.html#pragma_cache_size).
DEFAULT_PRAGMAS: Mapping[str, str | int] = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "cache_size": -32768,
}

#: Settings that are stored in the database file. They are applied to new databases only, so that an
#: existing one keeps the choice of its owner.
_STORED = frozenset({"journal_mode", "page_size", "auto_vacuum", "encoding"})

#: Query parameters of a URI (sqlite.org/uri.html).
_WITHOUT_LOCKS = (b"nolock", b"immutable")

#: pool name → (its PRAGMAs, its new databases, the first bytes of one)
_pools: dict[bytes, tuple[Mapping[str, str | int], FirstTables, Callable[[str], bytes]]] = {}
_callbacks: Callbacks | None = None
_entry_point = 0  # address of the C function that calls _on_open
_stop_handler = 0  # address of the progress handler that ends a statement after a stop request

#: Virtual machine instructions between two calls of the progress handler: well under a millisecond,
#: except where single functions or comparisons take long.
_STEPS = 4000


def set_defaults(
    vfs_name: str,
    pragmas: Mapping[str, str | int],
    first_tables: FirstTables,
    head: Callable[[str], bytes],
) -> None:
    """Sets the PRAGMAs for the connections of a VFS.

    Args:
        vfs_name: Name of the VFS.
        pragmas: PRAGMA name → value, checked (options.py).
        first_tables: Brings the new databases of the VFS into WAL mode.
        head: Returns the first bytes of the database of a path.
    """
    _pools[vfs_name.encode()] = (pragmas, first_tables, head)


def prepare(io: Any, module: Any) -> None:
    """Has SQLite call this module for each connection that opens, from now on.

    Args:
        io: The module io.mjs.
        module: Pyodide's Emscripten module.

    Raises:
        UnsupportedError: The heap has grown beyond 2 GiB, or CPython's connections are not known.
    """
    global _callbacks, _entry_point, _stop_handler
    if _callbacks is None:
        _callbacks = Callbacks(io, module, tell=_tell)
        causes.add_source(_callbacks.take_unfinished)
    check_layout(_callbacks)
    if not _stop_handler:
        _stop_handler = int(io.stopHandler(module))
    if not _entry_point:
        _entry_point = _callbacks.bind(abi.XAUTOEXTENSION, _on_open, abi.SQLITE_ERROR)
    abi.library().sqlite3_auto_extension(_entry_point)  # no effect when it is registered already


def drop_defaults(vfs_name: str) -> None:
    """Forgets the PRAGMAs of a VFS."""
    _pools.pop(vfs_name.encode(), None)


def _tell(_method: str, _arguments: tuple[Any, ...], _code: int, error: BaseException) -> None:
    _log.warning("A connection could not be given its PRAGMAs: %s", error)


def _on_open(database: int, _message: int, _routines: int) -> int:
    """The function that SQLite calls for each connection that opens.

    It answers SQLITE_OK unless it is interrupted: an unreadable file does not make ``connect``
    fail; the first query reports it, in sqlite3's own words.
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
    if file.startswith(LENT):  # a temporary path of the library; its schema must not be read yet
        return
    new = writable and first_tables.is_new(file)
    if not new:
        newer.make_readable(database, file, lambda: head(file))
    for pragma, value in pragmas.items():
        if pragma == "journal_mode" and str(value).upper() == "WAL":
            continue  # the PRAGMA would fix page size, encoding and auto_vacuum; see first_table.py
        if new or pragma not in _STORED:
            text = f"PRAGMA {pragma}={value}"
            code = sqlite.sqlite3_exec(database, text.encode(), None, None, None)
            if code != abi.SQLITE_OK:
                _log.warning("%s: %s was not done as it opened: %d", file, text, code)
    # Without locks SQLite cannot use a WAL.
    locks = not any(sqlite.sqlite3_uri_boolean(address, each, 0) for each in _WITHOUT_LOCKS)
    if writable and locks and str(pragmas.get("journal_mode")).upper() == "WAL":
        first_tables.expect(database, file)
    # Clears the connection's error, which sqlite3_open would report as its own.
    sqlite.sqlite3_exec(database, b"", None, None, None)
    # Last, so that a stop request does not end the PRAGMAs above, which are short.
    sqlite.sqlite3_progress_handler(database, _STEPS, _stop_handler, None)
