"""SQLite's C interface as ctypes sees it: constants, structures, functions.

Names are SQLite's own. Sources: sqlite.org/c3ref/vfs.html, c3ref/io_methods.html,
c3ref/c_open_autoproxy.html, rescode.html. The sizes are those of wasm32 and are checked, so that no
structure is registered that a Pyodide with another ``sqlite3.h`` would misread.
"""

from __future__ import annotations

import ctypes
import sqlite3
from collections.abc import Mapping
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from typing import Any

from ..errors import UnsupportedError

SQLITE_OK = 0
SQLITE_ERROR = 1
SQLITE_NOMEM = 7
SQLITE_IOERR = 10
SQLITE_CORRUPT = 11
SQLITE_FULL = 13
SQLITE_CANTOPEN = 14
SQLITE_IOERR_READ = SQLITE_IOERR | 1 << 8
SQLITE_IOERR_WRITE = SQLITE_IOERR | 3 << 8
SQLITE_IOERR_FSYNC = SQLITE_IOERR | 4 << 8
SQLITE_IOERR_TRUNCATE = SQLITE_IOERR | 6 << 8
SQLITE_IOERR_DELETE = SQLITE_IOERR | 10 << 8
SQLITE_IOERR_ACCESS = SQLITE_IOERR | 13 << 8
SQLITE_IOERR_CLOSE = SQLITE_IOERR | 16 << 8
SQLITE_IOERR_SHMOPEN = SQLITE_IOERR | 18 << 8
SQLITE_IOERR_SHMMAP = SQLITE_IOERR | 21 << 8
SQLITE_IOERR_DELETE_NOENT = SQLITE_IOERR | 23 << 8
SQLITE_CANTOPEN_FULLPATH = SQLITE_CANTOPEN | 3 << 8

SQLITE_OPEN_READONLY = 0x00000001
SQLITE_OPEN_READWRITE = 0x00000002
SQLITE_OPEN_CREATE = 0x00000004
SQLITE_OPEN_DELETEONCLOSE = 0x00000008
SQLITE_OPEN_EXCLUSIVE = 0x00000010
SQLITE_OPEN_MAIN_DB = 0x00000100
SQLITE_OPEN_WAL = 0x00080000

SQLITE_ACCESS_EXISTS = 0

SQLITE_FCNTL_FILE_POINTER = 7
SQLITE_FCNTL_VFSNAME = 12

SQLITE_CHECKPOINT_PASSIVE = 0
SQLITE_CHECKPOINT_TRUNCATE = 3
SQLITE_DBCONFIG_DEFENSIVE = 1010


SQLITE_IOCAP_POWERSAFE_OVERWRITE = 0x00001000

# int xOpen(sqlite3_vfs*, sqlite3_filename, sqlite3_file*, int flags, int *pOutFlags) and so on
# down the two structures. Pointers to SQLite's own structures travel as addresses.
XOPEN = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p, c_int, c_void_p)
XDELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
XACCESS = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int, c_void_p)
XFULLPATHNAME = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int, c_void_p)
XSLEEP = CFUNCTYPE(c_int, c_void_p, c_int)
XGETLASTERROR = CFUNCTYPE(c_int, c_void_p, c_int, c_void_p)

XFILE = CFUNCTYPE(c_int, c_void_p)  # xClose, xSectorSize, xDeviceCharacteristics
XFILE_INT = CFUNCTYPE(c_int, c_void_p, c_int)  # xShmUnmap
XTRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
XFILECONTROL = CFUNCTYPE(c_int, c_void_p, c_int, c_void_p)
XSHMMAP = CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int, c_void_p)

XAUTOEXTENSION = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p)


def signature(prototype: Any) -> str:
    """A prototype as Emscripten's ``addFunction`` writes it: the result, then the arguments."""
    letters = {c_int64: "j", None: "v"}  # everything else is an i32 on wasm32
    types = (prototype._restype_, *prototype._argtypes_)
    return "".join(letters.get(each, "i") for each in types)


class sqlite3_file(ctypes.Structure):
    """An open file, of ``szOsFile`` bytes, which SQLite allocates.

    Everywhere else the address of the structure identifies the open file.
    """

    _fields_ = (("pMethods", c_void_p),)


class sqlite3_io_methods(ctypes.Structure):
    """Version 2: with the shared-memory methods, without xFetch (OPFS cannot be mapped)."""

    _fields_ = (
        ("iVersion", c_int),
        ("xClose", c_void_p),
        ("xRead", c_void_p),
        ("xWrite", c_void_p),
        ("xTruncate", c_void_p),
        ("xSync", c_void_p),
        ("xFileSize", c_void_p),
        ("xLock", c_void_p),
        ("xUnlock", c_void_p),
        ("xCheckReservedLock", c_void_p),
        ("xFileControl", c_void_p),
        ("xSectorSize", c_void_p),
        ("xDeviceCharacteristics", c_void_p),
        ("xShmMap", c_void_p),
        ("xShmLock", c_void_p),
        ("xShmBarrier", c_void_p),
        ("xShmUnmap", c_void_p),
    )


class sqlite3_vfs(ctypes.Structure):
    """Version 2: with xCurrentTimeInt64, without the system calls of version 3."""

    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", c_void_p),
        ("xDelete", c_void_p),
        ("xAccess", c_void_p),
        ("xFullPathname", c_void_p),
        ("xDlOpen", c_void_p),
        ("xDlError", c_void_p),
        ("xDlSym", c_void_p),
        ("xDlClose", c_void_p),
        ("xRandomness", c_void_p),
        ("xSleep", c_void_p),
        ("xCurrentTime", c_void_p),
        ("xGetLastError", c_void_p),
        ("xCurrentTimeInt64", c_void_p),
    )


#: Bytes on wasm32, where a pointer and an int have four each.
SIZES = {sqlite3_io_methods: 68, sqlite3_vfs: 76}

_SIGNATURES: Mapping[str, tuple[Any, list[Any]]] = {
    "sqlite3_vfs_find": (POINTER(sqlite3_vfs), [c_char_p]),
    "sqlite3_vfs_register": (c_int, [c_void_p, c_int]),
    "sqlite3_vfs_unregister": (c_int, [c_void_p]),
    "sqlite3_auto_extension": (c_int, [c_void_p]),
    "sqlite3_progress_handler": (None, [c_void_p, c_int, c_void_p, c_void_p]),
    "sqlite3_profile": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "sqlite3_open": (c_int, [c_char_p, c_void_p]),
    "sqlite3_close": (c_int, [c_void_p]),
    "sqlite3_backup_init": (c_void_p, [c_void_p, c_char_p, c_void_p, c_char_p]),
    "sqlite3_backup_step": (c_int, [c_void_p, c_int]),
    "sqlite3_backup_finish": (c_int, [c_void_p]),
    "sqlite3_exec": (c_int, [c_void_p, c_char_p, c_void_p, c_void_p, c_void_p]),
    "sqlite3_file_control": (c_int, [c_void_p, c_char_p, c_int, c_void_p]),
    "sqlite3_db_config": (c_int, [c_void_p, c_int, c_void_p]),  # variadic: a pointer to the rest
    "sqlite3_db_readonly": (c_int, [c_void_p, c_char_p]),
    "sqlite3_db_filename": (c_void_p, [c_void_p, c_char_p]),
    "sqlite3_uri_boolean": (c_int, [c_void_p, c_char_p, c_int]),
    "sqlite3_errmsg": (c_char_p, [c_void_p]),
    "sqlite3_error_offset": (c_int, [c_void_p]),
    "sqlite3_txn_state": (c_int, [c_void_p, c_char_p]),
    "sqlite3_wal_hook": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "sqlite3_wal_autocheckpoint": (c_int, [c_void_p, c_int]),
    "sqlite3_wal_checkpoint_v2": (c_int, [c_void_p, c_char_p, c_int, c_void_p, c_void_p]),
    "sqlite3_keyword_count": (c_int, []),
    "sqlite3_keyword_name": (c_int, [c_int, c_void_p, c_void_p]),
    "sqlite3_malloc": (c_void_p, [c_int]),
    "sqlite3_free": (None, [c_void_p]),
}

_library: ctypes.CDLL | None = None


def library() -> ctypes.CDLL:
    """The SQLite that this Python is linked with.

    Raises:
        UnsupportedError: A function is missing or the structures have another size; the message
            names what was found.
    """
    global _library
    if _library is not None:
        return _library
    for structure, size in SIZES.items():
        if ctypes.sizeof(structure) != size:
            raise UnsupportedError(
                f"{structure.__name__} has {ctypes.sizeof(structure)} bytes here, not {size}.",
                hint="sahpool runs in Pyodide (wasm32) only.",
            )
    found = ctypes.CDLL(None)
    _declare(found, _SIGNATURES)
    _library = found
    return found


def declare(signatures: Mapping[str, tuple[Any, list[Any]]]) -> None:
    """Declares further functions of ``library()``: name → (type of the result, of the arguments).

    Raises:
        UnsupportedError: A function is missing.
    """
    _declare(library(), signatures)


def _declare(found: ctypes.CDLL, signatures: Mapping[str, tuple[Any, list[Any]]]) -> None:
    for name, (result, arguments) in signatures.items():
        try:
            function = getattr(found, name)
        except AttributeError as error:
            raise UnsupportedError(
                f"This Pyodide does not export {name}.",
                hint="Use the Pyodide version that this sahpool was built for.",
            ) from error
        function.restype = result
        function.argtypes = arguments


def connection_pointer(connection: sqlite3.Connection) -> int:
    """The ``sqlite3*`` of an open connection: the first word behind its object header.

    ``layout.check_layout`` compares it with what SQLite says.
    """
    address = c_void_p.from_address(id(connection) + object.__basicsize__).value
    if not address:
        raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
    return address


def error_offset(connection: sqlite3.Connection) -> int:
    """Position in its SQL of the connection's last error.

    Args:
        connection: The connection that raised the error, before it runs anything else.

    Returns:
        Offset in bytes of UTF-8 from the start of the statement, or −1 when SQLite gives no
        position (sqlite.org/c3ref/errcode.html).
    """
    return int(library().sqlite3_error_offset(connection_pointer(connection)))


def transaction_state(connection: sqlite3.Connection) -> str:
    """State of an open connection's transaction, the highest of all databases attached to it.

    Returns:
        ``none``, ``read`` or ``write`` (sqlite.org/c3ref/txn_state.html).
    """
    states = ("none", "read", "write")
    return states[library().sqlite3_txn_state(connection_pointer(connection), None)]


def checkpoint(connection: sqlite3.Connection) -> tuple[int, int]:
    """Checkpoints the main database, as ``PRAGMA wal_checkpoint``, but without reading the schema.

    Args:
        connection: A connection that has read from the database: before, it knows of no WAL.

    Returns:
        The result code, and the number of frames that SQLite found in the WAL.
    """
    database, frames = connection_pointer(connection), c_int(0)
    run = library().sqlite3_wal_checkpoint_v2
    code = run(database, b"main", SQLITE_CHECKPOINT_PASSIVE, ctypes.byref(frames), None)
    if code == SQLITE_OK:
        code = run(database, b"main", SQLITE_CHECKPOINT_TRUNCATE, None, None)
    return code, max(0, frames.value)


def keywords() -> list[str]:
    """The words that SQLite's parser reserves or treats specially, in upper case.

    Source: sqlite.org/c3ref/keyword_check.html.
    """
    sqlite = library()
    words = []
    for number in range(sqlite.sqlite3_keyword_count()):
        start, length = c_void_p(), c_int()
        sqlite.sqlite3_keyword_name(number, ctypes.byref(start), ctypes.byref(length))
        words.append(ctypes.string_at(start.value or 0, length.value).decode())
    return words


def write_int(address: int, value: int) -> None:
    """``*(int*)address = value``."""
    c_int.from_address(address).value = value


def write_pointer(address: int, value: int) -> None:
    """``*(void**)address = value``."""
    c_void_p.from_address(address).value = value or None
