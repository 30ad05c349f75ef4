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
     ├─ RowsChanged         a query may give other rows now than those that were read
     ├─ NameExists          the name is taken, and the request does not ask to replace
     ├─ ImportDoubtful      the file can be read in several ways, and the request asks to be sure
     └─ ImportRejected      the file cannot be imported
         ├─ NotADatabase    the file is no SQLite database, or not a whole one
         ├─ EncodingError   the file's bytes are not valid in its text encoding
         └─ DelimitedError  the file is text, but not well-formed delimited text

Errors of sqlite3 and of the library sahpool keep their own type names.
"""
# The page gets the class names as error types, so they name the situation, without "Error".
# ruff: noqa: N818

from collections.abc import Sequence
from typing import Any, Self

from .. import protocol
from .hints import Failure, Hint, hints_for, result_name
from .notes import Note, as_fields

__all__ = [
    "Cancelled",
    "CursorClosed",
    "DelimitedError",
    "EncodingError",
    "ForeignIndex",
    "FunctionFailed",
    "Hint",
    "ImportDoubtful",
    "ImportRejected",
    "NameExists",
    "NoDatabase",
    "NotADatabase",
    "OutcomeUnknown",
    "RowsChanged",
    "SessionError",
    "StoragePaused",
    "TimedOut",
    "TransactionLost",
    "TransactionOpen",
    "UsedElsewhere",
    "WrongDatabase",
    "add_hint",
    "describe",
    "told",
]


class SessionError(Exception):
    """An error that the service raises itself.

    The message is for logs and for other clients than the page, which shows the text of ``code``
    (``[error]`` in app/messages/en.toml).

    Attributes:
        code: What has happened, for the page; None: it shows the message.
        params: The parameters of the code's text. ``tabs`` is a list of numbers of tabs.
        hint: What the person can do about it: a Hint, for which the page has the words, or a
            sentence; None: nothing to say.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: Hint | str | None = None,
        **params: object,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.params = params
        self.hint = hint


class Cancelled(SessionError):
    """The sender cancelled the request."""

    def __init__(self) -> None:
        super().__init__("Cancelled.", code="cancelled")


class TimedOut(SessionError):
    """The request took longer than the ``seconds`` that its sender allowed."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Stopped after {seconds} s.",
            code="timed-out",
            hint=Hint("allow-more-time"),
            seconds=seconds,
        )


class RowsChanged(SessionError):
    """A query that is to be run again may give other rows than those that were read."""


class CursorClosed(SessionError):
    """The result is not open, or no longer."""


class NoDatabase(SessionError):
    """No database is open, or none has that name."""

    @classmethod
    def named(cls, name: str) -> Self:
        """The error that none has that name."""
        return cls(f"There is no database named {name!r}.", code="no-such-database", database=name)


class WrongDatabase(SessionError):
    """The request is meant for the database ``meant``, but ``opened`` is open."""

    def __init__(self, meant: str, opened: str) -> None:
        super().__init__(
            f"This was meant for the database {meant!r}, but {opened!r} is open now; nothing of "
            "it was done.",
            code="wrong-database",
            hint=Hint("open-meant", {"meant": meant, "opened": opened}),
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
            code="transaction-lost",
            hint=Hint("begin-again"),
        )


class OutcomeUnknown(SessionError):
    """A statement that writes was under way when the worker that ran it ended."""

    def __init__(self) -> None:
        super().__init__(
            "It is not known whether this was done: the tab that ran the database has gone "
            "meanwhile. It was not repeated.",
            code="outcome-unknown",
            hint=Hint("look-before-running"),
        )


class UsedElsewhere(SessionError):
    """Another tab's session uses what the request is about."""


class StoragePaused(SessionError):
    """Another program has the storage for the time being."""

    def __init__(self) -> None:
        super().__init__(
            "The storage is lent to another program.",
            code="storage-paused",
            hint=Hint("take-back"),
        )


class FunctionFailed(SessionError):
    """A function of SQL that is written in Python raised an exception, which is the cause."""


class ForeignIndex(SessionError):
    """The statement needs the order of an index whose collation another program has."""

    @classmethod
    def written(cls, collation: str) -> Self:
        """The error for a statement that would write to the index."""
        return cls(
            f"Not written: an index or key here is in the order of {collation}, a collation of the "
            "program that the database comes from, and would no longer fit there.",
            code="foreign-index-written",
            hint=Hint("write-to-a-copy"),
            collation=collation,
        )

    @classmethod
    def looked_up(cls, collation: str) -> Self:
        """The error for a statement that would look up rows in the index."""
        return cls(
            f"Not run: it would look up rows in an index in the order of {collation}, a collation "
            "of the program that the database comes from, and could miss some.",
            code="foreign-index-looked-up",
            hint=Hint("look-up-without-index"),
            collation=collation,
        )


class NameExists(SessionError):
    """The name is taken; ``existing`` is the name, ``what`` is "database" or "table"."""

    def __init__(self, existing: str, what: str) -> None:
        super().__init__(
            f"There is already a {what} named {existing!r}.",
            code=f"{what}-exists",
            hint=Hint("name-taken"),
            existing=existing,
            what=what,
        )


class ImportDoubtful(SessionError):
    """A file can be read in several ways; nothing was imported.

    ``doubts`` are the reasons: notes, and errors in its first lines. ``encoding`` is the text
    encoding that its bytes look like where that is not UTF-8.
    """

    def __init__(
        self, name: str, doubts: "list[Note | DelimitedError]", encoding: str | None
    ) -> None:
        super().__init__(
            f"The file {name} can be read in several ways.",
            code="import-doubtful",
            hint=Hint("look-at-preview"),
            name=name,
            doubts=told(doubts),
            encoding=encoding,
        )


class ImportRejected(SessionError):
    """The file cannot be imported; nothing was changed."""


class NotADatabase(ImportRejected):
    """The file is no SQLite database, or not a whole one."""


class EncodingError(ImportRejected):
    """The file's bytes are not valid in its text encoding."""


class DelimitedError(ImportRejected):
    """The file is text, but not well-formed delimited text."""


def describe(
    error: BaseException, *, statement: bytes = b"", offset: int | None = None
) -> dict[str, Any]:
    """``error`` as fields for the page, in the form that ``protocol.make_error`` defines.

    Args:
        error: What was raised.
        statement: The statement that raised it; empty: none did.
        offset: The byte of the whole SQL that the error points at; None: it points at none.
    """
    own = error if isinstance(error, SessionError) else None
    cause = error.__cause__
    hint, hints = _hints_of(error, statement)
    if cause is not None and not hint and not hints:
        hint, hints = _hints_of(cause)
    fields = protocol.make_error(
        type(error).__name__,
        str(error) or type(error).__name__,
        name=result_name(error),
        offset=offset,
        cause=None if cause is None else f"{type(cause).__name__}: {cause}",
        hint=hint,
        code=None if own is None else own.code,
        params={} if own is None else as_fields(own.params),
    )
    for name, value in fields["params"].items():
        fields.setdefault(name, value)  # other clients knew them so before there were codes
    for each in hints:
        add_hint(fields, each)
    return fields


def _hints_of(error: BaseException, statement: bytes = b"") -> tuple[str | None, list[Hint]]:
    """The hint that an error brings as a sentence, and those for which the page has the words."""
    hint = getattr(error, "hint", None)
    if isinstance(hint, Hint):
        return None, [hint]
    return (hint, []) if hint else (None, hints_for(Failure(error, statement)))


def told(notes: "Sequence[Note | DelimitedError]") -> list[dict[str, Any]]:
    """Notes, and errors that stand for notes, as replies have them."""
    return [
        describe(each) if isinstance(each, DelimitedError) else as_fields(each) for each in notes
    ]


def add_hint(error: dict[str, Any], hint: Hint) -> None:
    """Add a hint to an error that describe() has made."""
    error["hints"].append({"code": hint.code, "params": as_fields(hint.params)})
