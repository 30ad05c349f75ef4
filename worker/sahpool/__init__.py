"""sahpool: SQLite that stays in the browser, for the ``sqlite3`` that Pyodide carries.

In a worker that runs Pyodide::

    import sahpool, sqlite3

    pool = await sahpool.install()
    con = pool.connect("notes.db")

After that, ``sqlite3.connect("file:/notes.db?vfs=opfs-sahpool", uri=True)`` opens the same
database, and so does everything that uses ``sqlite3``.

The packages, each of which imports only those named after it: ``rescue`` (quarantine, other
programs' pools), ``databases`` (import, export and checks of whole databases), the storages
``opfs_pool`` (slots in a directory) and ``memory``, ``browser`` (calls to the browser and Pyodide),
``sqlite`` (SQLite's C interface and the VFS, with its JavaScript), ``fileformat`` (SQLite's files
as bytes). Above them all are ``volume`` (a storage and its VFS), ``pool``, the public class, and
``installing``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    DatabaseInUseError,
    ForeignPoolError,
    ImportRejectedError,
    InvalidNameError,
    NameExistsError,
    NewerSchemaWarning,
    NoSuchDatabaseError,
    PoolClosedError,
    PoolFullError,
    PoolLockedError,
    SahpoolError,
    SahpoolWarning,
    StorageError,
    UnsupportedError,
    WalIgnoredWarning,
    WalMissingWarning,
)
from .opfs_pool.slot import Quarantined
from .rescue.foreign import FoundPool
from .sqlite.abi import error_offset, keywords, transaction_state
from .sqlite.connections import Connection
from .sqlite.stats import CallStats, Stats

if TYPE_CHECKING:
    from .browser.logs import set_verbosity
    from .check import CheckReport, CheckStep
    from .installing import install, set_default
    from .pool import Pool
    from .rescue.foreign import find_pools

__version__ = "0.1.0"

__all__ = [
    "CallStats",
    "CheckReport",
    "CheckStep",
    "Connection",
    "DatabaseInUseError",
    "ForeignPoolError",
    "FoundPool",
    "ImportRejectedError",
    "InvalidNameError",
    "NameExistsError",
    "NewerSchemaWarning",
    "NoSuchDatabaseError",
    "Pool",
    "PoolClosedError",
    "PoolFullError",
    "PoolLockedError",
    "Quarantined",
    "SahpoolError",
    "SahpoolWarning",
    "Stats",
    "StorageError",
    "UnsupportedError",
    "WalIgnoredWarning",
    "WalMissingWarning",
    "error_offset",
    "find_pools",
    "install",
    "keywords",
    "set_default",
    "set_verbosity",
    "transaction_state",
]


#: Public names that need a browser, with the module that has them.
_WITH_BROWSER = {
    "CheckReport": "check",
    "CheckStep": "check",
    "Pool": "pool",
    "find_pools": "rescue.foreign",
    "install": "installing",
    "set_default": "installing",
    "set_verbosity": "browser.logs",
}


if not TYPE_CHECKING:  # or every name would be one of this module to a type checker

    def __getattr__(name: str) -> Any:
        """Imports names that need a browser on first use, so that the rest works without one."""
        if name not in _WITH_BROWSER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            import_module(".browser", __name__)
            module = import_module(f".{_WITH_BROWSER[name]}", __name__)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("js", "pyodide", "pyodide_js"):
                raise
            raise UnsupportedError(
                f"sahpool.{name} needs Pyodide.",
                hint="Run it in a dedicated worker of a web page that runs Pyodide.",
            ) from error
        return getattr(module, name)
