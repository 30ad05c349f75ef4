"""sahpool: SQLite that stays in the browser, for the ``sqlite3`` that Pyodide carries.

In a worker that runs Pyodide::

    import sahpool, sqlite3

    pool = await sahpool.install()
    con = pool.connect("notes.db")

After that, ``sqlite3.connect("file:/notes.db?vfs=opfs-sahpool", uri=True)`` is the same, and so is
everything that speaks ``sqlite3``. The rooms: ``installing`` (the way in), ``pool`` (its public
face), ``standing`` (open, paused or removed), ``hold`` (directory, handles, lock), ``slots``,
``places`` and ``slot`` (which slot is whose), ``header`` (the format on disk), ``quarantine`` (the
way out of it), ``vfs`` (SQLite's methods), ``callbacks`` and ``cleanup`` (what holds whatever stops
Python), ``default_vfs`` (where plain names lead), ``io.mjs`` (page reads and writes), ``heap``
(bytes between Python and JavaScript), ``first_table`` (how a new database comes into WAL mode),
``locks`` and ``shm`` (connections among one another), ``connections`` (what ``connect`` gives),
``transfer``, ``sources`` and ``backup`` (import, export), ``beside`` and ``companions`` (a WAL or
journal that comes with a database), ``foreign`` (other programs' pools), ``stats`` (counters),
``check`` (the self-check), ``collecting`` (suspended calls and Python's garbage collector),
``logs`` (the console), ``defaults`` (PRAGMAs of a new connection), ``causes`` and ``errors``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .abi import error_offset, keywords, transaction_state
from .connections import Connection
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
from .foreign import FoundPool
from .slot import Quarantined
from .stats import CallStats, Stats

if TYPE_CHECKING:
    from .check import CheckReport, CheckStep
    from .foreign import find_pools
    from .installing import install, set_default
    from .logs import set_verbosity
    from .pool import Pool

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
    "find_pools": "foreign",
    "install": "installing",
    "set_default": "installing",
    "set_verbosity": "logs",
}


if not TYPE_CHECKING:  # or every name would be one of this module to a type checker

    def __getattr__(name: str) -> Any:
        """What needs a browser is imported when asked for; the rest can be used without one."""
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
