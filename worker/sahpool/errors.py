"""The exceptions of sahpool, and how a failure becomes an SQLite result code.

    SahpoolError                  anything this library says no to
    ├── UnsupportedError          this browser, worker or Pyodide lacks a part that is needed
    ├── PoolLockedError           another tab or worker holds the pool
    ├── ForeignPoolError          the directory holds a pool of another program
    ├── PoolFullError             no spare slot is left for one more file
    ├── PoolClosedError           the pool is paused or was removed; its handles are released
    ├── InvalidNameError          a name no file of the pool can have
    ├── NameExistsError           a database of that name exists and was not to be replaced
    ├── NoSuchDatabaseError       no database of that name
    ├── DatabaseInUseError        the database is open, and what was asked needs it closed
    ├── ImportRejectedError       the bytes are not a sound SQLite database
    └── StorageError              the browser's storage failed or kept fewer bytes than given
    SahpoolWarning                what was asked was done, and may not be what was meant
    ├── WalMissingWarning         a database in WAL mode was imported without a WAL
    ├── WalIgnoredWarning         a part of the WAL is damaged, and was left out
    └── NewerSchemaWarning        what a newer SQLite made in a database cannot be read here

Every one of them carries a message that a person understands and, in ``hint``, what to do about
it. They reach a user of ``sqlite3`` as the ``__cause__`` of the ``sqlite3`` error that SQLite made
of the code; where the browser threw, the browser's own exception is that cause.
The warnings are issued as Python's own are (docs.python.org/3/library/warnings.html): made errors,
they come before anything is changed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

SQLITE_BUSY = 5
SQLITE_IOERR = 10
SQLITE_FULL = 13
SQLITE_CANTOPEN = 14

_PACKAGE = str(Path(__file__).parent)  # whose lines no warning is about


class SahpoolError(Exception):
    """Base of everything sahpool raises.

    Attributes:
        hint: What the reader can do about it; an empty string when there is nothing to say.
        sqlite_code: The SQLite result code the error turns into when it is raised inside a VFS
            method, or None for "the code of the method that failed" (sqlite.org/rescode.html).
    """

    sqlite_code: int | None = None

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UnsupportedError(SahpoolError):
    """Something the library needs is missing here; the message names it."""


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
    """The browser's storage did not do what it was asked to."""

    def __init__(self, message: str, *, hint: str = "", sqlite_code: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.sqlite_code = sqlite_code


class SahpoolWarning(UserWarning):
    """Base of the warnings: what was asked was done, and may not be what was meant.

    Attributes:
        database: Path of the database in the pool, as ``Pool.databases`` has it.
        hint: What the reader can do about it.
    """

    def __init__(self, message: str, *, database: str, hint: str = "") -> None:
        super().__init__(message)
        self.database = database
        self.hint = hint


class WalMissingWarning(SahpoolWarning):
    """A database in WAL mode was imported by itself: its newest commits may be in its WAL."""


class WalIgnoredWarning(SahpoolWarning):
    """A WAL was imported, and SQLite takes no notice of a part in which transactions end.

    Attributes:
        transactions: How many.
    """

    def __init__(self, message: str, *, database: str, transactions: int, hint: str = "") -> None:
        super().__init__(message, database=database, hint=hint)
        self.transactions = transactions


class NewerSchemaWarning(SahpoolWarning):
    """A newer SQLite made some of a database, which cannot be read here; the rest can be.

    Attributes:
        objects: Names of the tables, indexes, views and triggers that cannot be read. Of one of
            which SQLite reads the beginning only ``import_db`` tells, and of the first.
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
            database="",  # whoever issues it knows
            hint=hint,
        )

    @property
    def has_pages(self) -> bool:
        """Whether a table or an index is among them."""
        return not {"table", "index"}.isdisjoint(self.kinds)


def warn(warning: SahpoolWarning, database: str) -> None:
    """Issues a warning about a database, to the line of the program that called the library."""
    warning.database = database
    warnings.warn(warning, skip_file_prefixes=(_PACKAGE,))  # type: ignore[call-overload]  # Python 3.12


def is_storage_failure(error: BaseException) -> bool:
    """Whether SQLite failed because its storage did, which says nothing about the database.

    Args:
        error: What sqlite3 raised; errors of the module's own carry no code.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary one of an extended code
    return code in (SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR)


#: DOMException names that mean "another holder": Chromium and Firefox say the first when a second
#: access handle is asked for, Safari says the second.
LOCKED_NAMES = frozenset({"NoModificationAllowedError", "InvalidStateError"})

#: DOMException names that mean "no room": Firefox says the second when a file is to be lengthened
#: (it tells of a write that does not fit by a count of 0).
FULL_NAMES = frozenset({"QuotaExceededError", "NS_ERROR_FILE_NO_DEVICE_SPACE"})


def exception_name(error: BaseException) -> str:
    """The ``name`` of a JavaScript exception (for a DOMException its kind), else the Python type.

    Args:
        error: What was caught.

    Returns:
        For example ``"QuotaExceededError"`` or ``"KeyError"``.
    """
    name = getattr(error, "name", None)
    return name if isinstance(name, str) else type(error).__name__


def sqlite_code(error: BaseException, default: int) -> int:
    """The SQLite result code that tells SQLite what happened.

    Args:
        error: What a VFS method raised.
        default: The code of that method, for example SQLITE_IOERR_FSYNC.

    Returns:
        The error's own code when it has one, SQLITE_FULL when the quota is exceeded, otherwise
        ``default``. Never SQLITE_BUSY for an exception of the browser: all handles are held before
        SQLite asks, so nobody's lock is in the way, and a COMMIT that is busy stays open.
    """
    own = getattr(error, "sqlite_code", None)
    if isinstance(own, int):
        return own
    return SQLITE_FULL if exception_name(error) in FULL_NAMES else default
