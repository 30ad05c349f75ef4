"""The exceptions of sahpool, and how a failure becomes an SQLite result code.

    SahpoolError                  base of all errors of this library
    ├── UnsupportedError          this browser, worker or Pyodide lacks a part that is needed
    ├── PoolLockedError           another tab or worker holds the pool
    ├── ForeignPoolError          the directory holds a pool of another program
    ├── PoolFullError             no spare slot is left for one more file
    ├── PoolClosedError           the pool is paused or was removed; its handles are released
    ├── InvalidNameError          a name no file of the pool can have
    ├── NameExistsError           a database of that name exists and ``replace`` is false
    ├── NoSuchDatabaseError       no database of that name
    ├── DatabaseInUseError        the database is open, and the operation needs it closed
    ├── ImportRejectedError       the bytes are not a sound SQLite database
    └── StorageError              the browser's storage failed or kept fewer bytes than given
    SahpoolWarning                the operation succeeded, but perhaps not as intended
    ├── WalMissingWarning         a database in WAL mode was imported without a WAL
    ├── WalIgnoredWarning         a part of the WAL is damaged, and was left out
    └── NewerSchemaWarning        a newer SQLite wrote parts of the schema, which cannot be read

Each has a message that a person understands and, in ``hint``, what to do about it. A user of
``sqlite3`` gets them as the ``__cause__`` of the ``sqlite3`` error that the result code became; if
the browser threw an exception, that exception is the cause.
Warnings are issued with Python's ``warnings`` (docs.python.org/3/library/warnings.html). A filter
may turn them into errors, which are raised before anything is changed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

SQLITE_BUSY = 5
SQLITE_IOERR = 10
SQLITE_FULL = 13
SQLITE_CANTOPEN = 14

_PACKAGE = str(Path(__file__).parent)  # warnings name the first line outside of it


class SahpoolError(Exception):
    """Base of everything sahpool raises.

    Attributes:
        hint: What the reader can do about it; empty when there is nothing to do.
        sqlite_code: The SQLite result code the error turns into when it is raised inside a VFS
            method, or None for "the code of the method that failed" (sqlite.org/rescode.html).
    """

    sqlite_code: int | None = None

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UnsupportedError(SahpoolError):
    """The browser, the worker or Pyodide lacks a part that is needed; the message names it."""


class PoolLockedError(SahpoolError):
    """Another tab, worker or program holds the pool's files."""

    sqlite_code = SQLITE_BUSY


class ForeignPoolError(SahpoolError):
    """The directory holds another program's pool, which was left as it is."""

    sqlite_code = SQLITE_CANTOPEN


class PoolFullError(SahpoolError):
    """Every slot of the pool is taken."""

    sqlite_code = SQLITE_CANTOPEN


class PoolClosedError(SahpoolError):
    """The pool is paused, or was removed; SQLite opens no file of it."""

    sqlite_code = SQLITE_CANTOPEN


class InvalidNameError(SahpoolError, ValueError):
    """The name is empty, too long or holds a NUL."""

    sqlite_code = SQLITE_CANTOPEN


class NameExistsError(SahpoolError):
    """There is a database of that name already."""


class NoSuchDatabaseError(SahpoolError, LookupError):
    """There is no database of that name."""


class DatabaseInUseError(SahpoolError):
    """The database is open, so it can be neither replaced nor deleted."""


class ImportRejectedError(SahpoolError, ValueError):
    """The bytes offered are not a sound SQLite database; nothing was changed."""


class StorageError(SahpoolError):
    """The browser's storage failed, or kept fewer bytes than it was given."""

    def __init__(self, message: str, *, hint: str = "", sqlite_code: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.sqlite_code = sqlite_code


class SahpoolWarning(UserWarning):
    """Base of the warnings: the operation succeeded, but perhaps not as intended.

    Attributes:
        database: Path of the database in the pool, as in ``Pool.databases``.
        hint: What the reader can do about it.
    """

    def __init__(self, message: str, *, database: str, hint: str = "") -> None:
        super().__init__(message)
        self.database = database
        self.hint = hint


class WalMissingWarning(SahpoolWarning):
    """A database in WAL mode was imported without its WAL, which may have its newest commits."""


class WalIgnoredWarning(SahpoolWarning):
    """A WAL was imported, but SQLite ignores a part of it in which transactions end.

    Attributes:
        transactions: Number of transactions in that part.
    """

    def __init__(self, message: str, *, database: str, transactions: int, hint: str = "") -> None:
        super().__init__(message, database=database, hint=hint)
        self.transactions = transactions


class NewerSchemaWarning(SahpoolWarning):
    """A newer SQLite wrote parts of a database's schema, which cannot be read; the rest can be.

    Attributes:
        objects: Names of the tables, indexes, views and triggers that cannot be read. One whose
            definition SQLite reads in part is named by ``import_db`` only, and only the first.
        kinds: For each of them ``"table"``, ``"index"``, ``"view"`` or ``"trigger"``.
        written_by: Version of the SQLite that wrote the database last, for example ``"3.46.1"``.
    """

    def __init__(self, unread: Iterable[tuple[str, str]], written_by: str, own: str) -> None:
        found = list(unread)
        self.kinds = tuple(kind for kind, _ in found)
        self.objects = tuple(name for _, name in found)
        self.written_by = written_by
        hint = (
            "The rest can be read and exported. Nothing is written to it before PRAGMA "
            "query_only=OFF: a trigger or index that is not known here would be left out."
        )
        names = ", ".join(f"{kind} {name}" for kind, name in found) or "not even its name is known"
        super().__init__(
            f"SQLite {own} cannot read some of the schema, which SQLite {written_by} wrote: "
            f"{names}. {hint}",
            database="",  # warn() sets it
            hint=hint,
        )

    @property
    def has_pages(self) -> bool:
        """Whether a table or an index is among the objects, which have pages of their own."""
        return not {"table", "index"}.isdisjoint(self.kinds)


def warn(warning: SahpoolWarning, database: str) -> None:
    """Issues a warning about a database, for the program's line that called the library."""
    warning.database = database
    warnings.warn(warning, skip_file_prefixes=(_PACKAGE,))  # type: ignore[call-overload]  # Python 3.12


def is_storage_failure(error: BaseException) -> bool:
    """Whether an sqlite3 error was caused by the storage, and says nothing about the database.

    Args:
        error: An exception of sqlite3; those that it raises without SQLite have no result code.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary one of an extended code
    return code in (SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR)


#: Names of DOMExceptions that mean "another holder has the file": Chromium and Firefox throw the
#: first when a second access handle is asked for, Safari the second.
LOCKED_NAMES = frozenset({"NoModificationAllowedError", "InvalidStateError"})

#: Names of exceptions that mean "no room": Firefox throws the second when a file cannot be
#: extended (for a write that does not fit it returns a count of 0).
FULL_NAMES = frozenset({"QuotaExceededError", "NS_ERROR_FILE_NO_DEVICE_SPACE"})


def exception_name(error: BaseException) -> str:
    """The ``name`` of a JavaScript exception (for a DOMException its kind), else the Python type.

    Args:
        error: The exception.

    Returns:
        For example ``"QuotaExceededError"`` or ``"KeyError"``.
    """
    name = getattr(error, "name", None)
    return name if isinstance(name, str) else type(error).__name__


def sqlite_code(error: BaseException, default: int) -> int:
    """The SQLite result code for an exception of a VFS method.

    Args:
        error: The exception.
        default: The code of that method, for example SQLITE_IOERR_FSYNC.

    Returns:
        The error's own code when it has one, SQLITE_FULL when the quota is exceeded, otherwise
        ``default``. Never SQLITE_BUSY for an exception of the browser: all handles are open before
        SQLite uses them, so no lock holder is involved, and after SQLITE_BUSY a COMMIT would leave
        its transaction open.
    """
    own = getattr(error, "sqlite_code", None)
    if isinstance(own, int):
        return own
    return SQLITE_FULL if exception_name(error) in FULL_NAMES else default
