"""The errors of a session, and what the page gets of each.

    SessionError            an error that the service raises itself
     ├─ Cancelled           the sender cancelled the request
     ├─ TimedOut            the request took longer than its sender allowed
     ├─ CursorClosed        the result is not open, or no longer
     ├─ NoDatabase          no database is open, or none has that name
     ├─ WrongDatabase       another database is open than the one that the request is meant for
     ├─ TransactionOpen     an open transaction forbids the request
     ├─ TransactionLost     the transaction of the request was rolled back with its worker
     ├─ OutcomeUnknown      a worker that is gone got the request first, and may have done it
     ├─ UsedElsewhere       another tab's session uses what the request is about
     ├─ StoragePaused       another program has the storage for the time being
     ├─ FunctionFailed      a function of SQL that is written in Python raised an exception
     ├─ ForeignIndex        the statement needs the order of an index of another program
     ├─ NameExists          the name is taken, and the request does not ask to replace
     └─ ImportRejected      the file cannot be imported
         ├─ NotADatabase    the file is no SQLite database, or not a whole one
         ├─ EncodingError   the file's bytes are not valid in its text encoding
         └─ DelimitedError  the file is text, but not well-formed delimited text

Errors of sqlite3 and of the library sahpool keep their own type names.
"""
# The page gets the class names as error types, so they name the situation, without "Error".
# ruff: noqa: N818

from __future__ import annotations

import sqlite3
from typing import Any

from .. import protocol

__all__ = [
    "Cancelled",
    "CursorClosed",
    "DelimitedError",
    "EncodingError",
    "ForeignIndex",
    "FunctionFailed",
    "ImportRejected",
    "NameExists",
    "NoDatabase",
    "NotADatabase",
    "OutcomeUnknown",
    "SessionError",
    "StoragePaused",
    "TimedOut",
    "TransactionLost",
    "TransactionOpen",
    "UsedElsewhere",
    "WrongDatabase",
    "describe",
]


class SessionError(Exception):
    """An error that the service raises itself.

    Attributes:
        hint: What the user can do about it; None: nothing to say.
        extra: Further fields of the error as it is sent to the page.
    """

    def __init__(self, message: str, *, hint: str | None = None, **extra: object) -> None:
        super().__init__(message)
        self.hint = hint
        self.extra = extra


class Cancelled(SessionError):
    """The sender cancelled the request."""

    def __init__(self) -> None:
        super().__init__("Cancelled.")


class TimedOut(SessionError):
    """The request took longer than the ``seconds`` that its sender allowed."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Stopped after {seconds} s.",
            hint="Allow it more time, or none to be limited by, and run it again.",
        )


class CursorClosed(SessionError):
    """The result is not open, or no longer."""


class NoDatabase(SessionError):
    """No database is open, or none has that name."""


class WrongDatabase(SessionError):
    """The request is meant for the database ``meant``, but ``opened`` is open."""

    def __init__(self, meant: str, opened: str) -> None:
        super().__init__(
            f"This was meant for the database {meant!r}, but {opened!r} is open now; nothing of "
            "it was done.",
            hint=f"Open {meant!r} and run it again, or run it in {opened!r}.",
            meant=meant,
            opened=opened,
        )


class TransactionOpen(SessionError):
    """An open transaction forbids the request."""


class TransactionLost(SessionError):
    """The transaction of the request was rolled back when the worker that held it ended."""

    def __init__(self) -> None:
        super().__init__(
            "The transaction that was open is undone, for the tab that ran the database has gone. "
            "Nothing of this was done.",
            hint="What was committed before is kept. Begin the transaction again.",
        )


class OutcomeUnknown(SessionError):
    """A statement that writes was under way when the worker that ran it ended."""

    def __init__(self) -> None:
        super().__init__(
            "It is not known whether this was done: the tab that ran the database has gone "
            "meanwhile. It was not repeated.",
            hint="Look at the data before you run it again.",
        )


class UsedElsewhere(SessionError):
    """Another tab's session uses what the request is about."""


class StoragePaused(SessionError):
    """Another program has the storage for the time being."""

    def __init__(self) -> None:
        super().__init__(
            "The storage is lent to another program.",
            hint="Take it back when the other program is done with it.",
        )


class FunctionFailed(SessionError):
    """A function of SQL that is written in Python raised an exception, which is the cause."""


class ForeignIndex(SessionError):
    """The statement needs the order of an index whose collation another program has."""

    @classmethod
    def written(cls, collation: str) -> ForeignIndex:
        """The error for a statement that would write to the index."""
        return cls(
            f"Not written: an index or key here is in the order of {collation}, a collation of the "
            "program that the database comes from, and would no longer fit there.",
            hint="Write to the table in that program, or to a copy of it: CREATE TABLE a_copy AS "
            "SELECT * FROM the_table.",
            collation=collation,
        )

    @classmethod
    def looked_up(cls, collation: str) -> ForeignIndex:
        """The error for a statement that would look up rows in the index."""
        return cls(
            f"Not run: it would look up rows in an index in the order of {collation}, a collation "
            "of the program that the database comes from, and could miss some.",
            hint="Put a plus sign before the column in the condition: WHERE +name = 'x'. Then no "
            "index is used.",
            collation=collation,
        )


class NameExists(SessionError):
    """The name is taken; ``existing`` is the name, ``what`` is "database" or "table"."""

    def __init__(self, existing: str, what: str) -> None:
        super().__init__(
            f"There is already a {what} named {existing!r}.",
            hint="Choose another name, or say that it is to be replaced.",
            existing=existing,
            what=what,
        )


class ImportRejected(SessionError):
    """The file cannot be imported; nothing was changed."""


class NotADatabase(ImportRejected):
    """The file is no SQLite database, or not a whole one."""


class EncodingError(ImportRejected):
    """The file's bytes are not valid in its text encoding."""


class DelimitedError(ImportRejected):
    """The file is text, but not well-formed delimited text."""


_HINTS = {
    "SQLITE_BUSY": "Another connection is writing to this database; try again when it is done.",
    "SQLITE_LOCKED": "Another statement is still reading this table; close its result first.",
    "SQLITE_FULL": "The database is as large as PRAGMA max_page_count allows, an AUTOINCREMENT has "
    "no number left, or the browser grants no more storage: then delete a database or free disk "
    "space.",
    "SQLITE_CORRUPT": "The database is damaged. Export it before doing anything else with it.",
    "SQLITE_NOTADB": "This file is not a SQLite database, or it is encrypted.",
    "SQLITE_TOOBIG": "One value or statement is longer than SQLite takes.",
}

_STORAGE_FULL = (
    "The browser grants no more storage. What was committed before is safe. Export what you cannot "
    "lose, delete databases that you no longer need or free disk space, then run it again."
)

_DOT_COMMANDS = {
    b".tables": "The tables are listed beside the editor, or: "
    "SELECT name FROM sqlite_schema WHERE type = 'table';",
    b".schema": "Use SQL instead: SELECT sql FROM sqlite_schema;",
    b".indexes": "Use SQL instead: SELECT name FROM sqlite_schema WHERE type = 'index';",
    b".databases": "Use SQL instead: PRAGMA database_list;",
    b".import": "To load a file, use Import.",
    b".read": "Paste the script into the editor instead.",
    b".open": "To open another database, choose it from the list of databases.",
    b".dump": "To get the whole database as a file, use Export.",
    b".save": "To get the whole database as a file, use Export.",
    b".backup": "To get the whole database as a file, use Export.",
    b".quit": "Just close the page; what was committed stays.",
    b".exit": "Just close the page; what was committed stays.",
}


def describe(
    error: BaseException, *, statement: bytes = b"", offset: int | None = None
) -> dict[str, Any]:
    """``error`` as fields for the page, in the form that ``protocol.make_error`` defines.

    Args:
        error: What was raised.
        statement: The statement that raised it; empty: none did.
        offset: The byte of the whole SQL that the error points at; None: it points at none.
    """
    cause = error.__cause__
    extra = error.extra if isinstance(error, SessionError) else {}
    return protocol.make_error(
        type(error).__name__,
        str(error) or type(error).__name__,
        name=_result_name(error),
        offset=offset,
        cause=None if cause is None else f"{type(cause).__name__}: {cause}",
        hint=_hint(error, statement) or (None if cause is None else _hint(cause, b"")),
        **extra,
    )


#: Result codes for which CPython 3.14 has no name (sqlite.org/rescode.html).
_NAMES = {3091: "SQLITE_CONSTRAINT_DATATYPE"}


def _result_name(error: BaseException) -> str | None:
    """SQLite's result code by name; SQLITE_FULL also for a full storage, whoever reports it."""
    name: str | None = getattr(error, "sqlite_errorname", None)
    if name == "unknown":  # to this Python, which has no name for it
        name = _NAMES.get(getattr(error, "sqlite_errorcode", 0))
    if name is None and _is_out_of_room(error):
        return "SQLITE_FULL"
    return name


#: The browsers' names for a full storage; Firefox has the second when a file is to be lengthened.
_FULL_NAMES = ("QuotaExceededError", "NS_ERROR_FILE_NO_DEVICE_SPACE")


def _is_out_of_room(error: BaseException) -> bool:
    """Whether the library, or the browser itself, reports that the storage is full."""
    code = getattr(error, "sqlite_code", None)
    return code == sqlite3.SQLITE_FULL or getattr(error, "name", None) in _FULL_NAMES


def _hint(error: BaseException, statement: bytes) -> str | None:
    own = getattr(error, "hint", None)
    if isinstance(own, str):
        return own
    if statement.startswith(b"."):
        command = statement.split(None, 1)[0].lower().rstrip(b";")
        text = "Commands that begin with a dot belong to the sqlite3 shell, not to SQL."
        known = _DOT_COMMANDS.get(command)
        return text if known is None else f"{text} {known}"
    if isinstance(error, sqlite3.ProgrammingError) and "binding" in str(error):
        return "Parameters have no values here: write the value itself into the SQL."
    if isinstance(error, UnicodeDecodeError):
        return "A name in this database is not valid UTF-8."
    if isinstance(error, MemoryError):
        return "Ask for less at once: fewer rows, or shorter values."
    name = _result_name(error) or ""
    if _is_out_of_room(error) or (name == "SQLITE_FULL" and error.__cause__ is not None):
        # An error of sqlite3 has a cause only when the storage failed; SQLite's own limits, like
        # max_page_count, give SQLITE_FULL without one.
        return _STORAGE_FULL
    # Extended codes (SQLITE_BUSY_SNAPSHOT) begin with the name of their primary one.
    return next((hint for code, hint in _HINTS.items() if name.startswith(code)), None)
