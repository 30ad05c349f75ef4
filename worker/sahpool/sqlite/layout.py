"""Whether ``abi.connection_pointer`` finds the ``sqlite3*`` in CPython's connection object.

It reads a word of an object whose layout CPython does not document. SQLite itself tells the address
of each connection that opens to a function registered with ``sqlite3_auto_extension``: the two are
compared once, before the first use.
"""

from __future__ import annotations

import ctypes
import sqlite3
from contextlib import closing

from ..errors import UnsupportedError
from . import abi
from .callbacks import Callbacks

__all__ = ["check_layout"]

_SIGNATURES = {"sqlite3_cancel_auto_extension": (ctypes.c_int, [ctypes.c_void_p])}

_is_known = False


def check_layout(callbacks: Callbacks) -> None:
    """Compares the two addresses of a new connection, unless that was done before.

    Args:
        callbacks: Makes the function that SQLite calls.

    Raises:
        UnsupportedError: They differ.
    """
    global _is_known
    if _is_known:
        return
    seen: list[int] = []

    def opened(database: int, _message: int, _routines: int) -> int:
        seen.append(database)
        return abi.SQLITE_OK

    sqlite = abi.library()
    abi.declare(_SIGNATURES)
    entry = callbacks.bind(abi.XAUTOEXTENSION, opened, abi.SQLITE_ERROR)
    sqlite.sqlite3_auto_extension(entry)
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            found = abi.connection_pointer(connection)
    finally:
        sqlite.sqlite3_cancel_auto_extension(entry)
    if seen != [found]:
        raise UnsupportedError(
            "sqlite3.Connection has another layout here than is known.",
            hint="Use the Pyodide version that this sahpool was built for.",
        )
    _is_known = True
