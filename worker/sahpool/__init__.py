"""sahpool: SQLite that stays in the browser, for the ``sqlite3`` that Pyodide carries.

In a worker that runs Pyodide::

    import sahpool, sqlite3

    pool = await sahpool.install()
    con = pool.connect("notes.db")

After that, ``sqlite3.connect("file:/notes.db?vfs=opfs-sahpool", uri=True)`` is the same, and so
is everything that speaks ``sqlite3``. The rooms: ``pool`` (directory, handles, lock), ``slots``
(which slot is whose), ``header`` (the format on disk), ``vfs`` (SQLite's callbacks), ``io.mjs``
(page reads and writes), ``locks`` and ``shm`` (connections among one another), ``transfer``
(import, export), ``defaults`` (PRAGMAs of a new connection), ``causes`` and ``errors``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .abi import error_offset, keywords
from .errors import (
    DatabaseInUseError,
    ImportRejectedError,
    InvalidNameError,
    NameExistsError,
    NoSuchDatabaseError,
    PoolClosedError,
    PoolFullError,
    PoolLockedError,
    SahpoolError,
    StorageError,
    UnsupportedError,
)
from .slots import Quarantined

if TYPE_CHECKING:
    from .pool import Pool, install

__version__ = "0.1.0"

__all__ = [
    "DatabaseInUseError",
    "ImportRejectedError",
    "InvalidNameError",
    "NameExistsError",
    "NoSuchDatabaseError",
    "Pool",
    "PoolClosedError",
    "PoolFullError",
    "PoolLockedError",
    "Quarantined",
    "SahpoolError",
    "StorageError",
    "UnsupportedError",
    "error_offset",
    "install",
    "keywords",
]


def __getattr__(name: str) -> Any:
    """``Pool`` and ``install`` need a browser; the rest of the package can be used without one."""
    if name not in ("Pool", "install"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from . import pool
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("js", "pyodide", "pyodide_js"):
            raise
        raise UnsupportedError(
            "sahpool.install() needs Pyodide.",
            hint="Run it in a dedicated worker of a web page that runs Pyodide.",
        ) from error
    return getattr(pool, name)
