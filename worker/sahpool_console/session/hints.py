"""Hints: what a person can do about an error, by the table HINTS.

The page has the words, by the code of a hint (``[hint]`` in app/messages/en.toml).
"""

import re
import sqlite3
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["HINTS", "Condition", "Failure", "Hint", "hints_for", "is_storage_full", "result_name"]

Parameters = Mapping[str, object]


class Hint(NamedTuple):
    """A hint: its code, and the parameters of its text."""

    code: str
    params: Parameters = MappingProxyType({})


class Failure(NamedTuple):
    """What failed: what was raised, and the statement that raised it; empty: none did."""

    error: BaseException
    statement: bytes = b""


Condition = Callable[[Failure], Parameters | None]
"""Returns the parameters of a hint, {} where it has none; None: it does not apply."""


def says(pattern: str, kind: type[BaseException] = Exception) -> Condition:
    """Whether an error of a kind has a message with a pattern, whose groups are the parameters."""
    compiled = re.compile(pattern)

    def condition(failure: Failure) -> Parameters | None:
        found = compiled.search(str(failure.error)) if isinstance(failure.error, kind) else None
        return None if found is None else found.groupdict()

    return condition


def result(name: str) -> Condition:
    """Whether SQLite's result code is the primary code of a name, or extends it."""
    # Extended codes (SQLITE_BUSY_SNAPSHOT) begin with the name of their primary one.
    return where(lambda failure: (result_name(failure.error) or "").startswith(name))


def dot_command(*names: str) -> Condition:
    """Whether the statement is a command of the sqlite3 shell: one of these, or any if none."""

    def is_one(failure: Failure) -> bool:
        words = failure.statement.split(None, 1)
        command = words[0].lower().rstrip(b";").decode("utf-8", "replace") if words else ""
        return command in names if names else command.startswith(".")

    return where(is_one)


def where(holds: Callable[[Failure], bool]) -> Condition:
    """A condition without parameters."""
    return lambda failure: {} if holds(failure) else None


def _is_own_limit(failure: Failure) -> bool:
    return result_name(failure.error) == "SQLITE_FULL" and not is_storage_full(failure.error)


# Each hint that applies is shown, in this order. An error that brings a hint of its own gets none
# of these.
HINTS: tuple[tuple[str, Condition], ...] = (
    ("dot-command", dot_command()),
    ("dot-tables", dot_command(".tables")),
    ("dot-schema", dot_command(".schema")),
    ("dot-indexes", dot_command(".indexes")),
    ("dot-databases", dot_command(".databases")),
    ("dot-import", dot_command(".import")),
    ("dot-read", dot_command(".read")),
    ("dot-open", dot_command(".open")),
    ("dot-export", dot_command(".dump", ".save", ".backup")),
    ("dot-quit", dot_command(".quit", ".exit")),
    ("no-parameters", says("binding", sqlite3.ProgrammingError)),
    ("name-no-utf8", says("", UnicodeDecodeError)),
    ("ask-for-less", says("", MemoryError)),
    ("storage-full", where(lambda failure: is_storage_full(failure.error))),
    ("own-limit", where(_is_own_limit)),
    ("busy", result("SQLITE_BUSY")),
    ("table-locked", result("SQLITE_LOCKED")),
    ("damaged", result("SQLITE_CORRUPT")),
    ("no-database", result("SQLITE_NOTADB")),
    ("too-long", result("SQLITE_TOOBIG")),
)


def hints_for(failure: Failure) -> list[Hint]:
    """The hints of HINTS that apply."""
    found = ((code, condition(failure)) for code, condition in HINTS)
    return [Hint(code, params) for code, params in found if params is not None]


#: The browsers' names for a full storage; Firefox has the second when a file is to be lengthened.
_FULL_NAMES = ("QuotaExceededError", "NS_ERROR_FILE_NO_DEVICE_SPACE")


#: Result codes for which CPython 3.14 has no name (sqlite.org/rescode.html).
_NAMES = {3091: "SQLITE_CONSTRAINT_DATATYPE"}


def result_name(error: BaseException) -> str | None:
    """SQLite's result code by name; SQLITE_FULL also for a full storage, whoever reports it."""
    name: str | None = getattr(error, "sqlite_errorname", None)
    if name == "unknown":  # to this Python, which has no name for it
        name = _NAMES.get(getattr(error, "sqlite_errorcode", 0))
    return "SQLITE_FULL" if name is None and _is_out_of_room(error) else name


def is_storage_full(error: BaseException) -> bool:
    """Whether the storage is full, and not a database as large as it may be.

    SQLite's own limits, like max_page_count, are SQLITE_FULL as well; but an error of sqlite3 has a
    cause only when the storage failed.
    """
    name = getattr(error, "sqlite_errorname", None)
    return _is_out_of_room(error) or (name == "SQLITE_FULL" and error.__cause__ is not None)


def _is_out_of_room(error: BaseException) -> bool:
    """Whether the library, or the browser itself, reports that the storage is full."""
    code = getattr(error, "sqlite_code", None)
    return code == sqlite3.SQLITE_FULL or getattr(error, "name", None) in _FULL_NAMES
