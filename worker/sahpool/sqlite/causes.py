"""How an exception crosses SQLite: raised in a VFS method, seen as the cause of sqlite3's error.

A VFS method can return only an integer to SQLite, and CPython's ``sqlite3`` makes its exception
from that integer. Its last step before raising is to set ``sqlite_errorcode`` on the new exception
object (``_sqlite/util.c``). This module makes that attribute a data descriptor of
``sqlite3.Error``, whose setter sets the remembered exception as ``__cause__``. So every user of
``sqlite3``, SQLAlchemy and pandas among them, sees the cause without calling this library.
"""

from __future__ import annotations

import ctypes
import sqlite3
from collections.abc import Callable
from typing import Any

#: Returns (code, exception) of the failures that happened where no Python could run, in io.mjs.
Source = Callable[[], "list[tuple[int, BaseException]]"]

_sources: list[Source] = []
_pending: dict[int, BaseException] = {}  # the last one with each code


def remember(code: int, error: BaseException) -> None:
    """Keeps the exception behind a result code that is about to be returned to SQLite."""
    _pending[code] = error


def is_remembered(code: int) -> bool:
    """Whether an exception with this result code is kept that was not taken yet."""
    return code in _pending


def add_source(source: Source) -> None:
    """Adds a source of failures; each call must forget the failures that it returned."""
    _sources.append(source)


def drop_source(source: Source) -> None:
    """Removes a source, if it was added."""
    if source in _sources:
        _sources.remove(source)


def forget() -> None:
    """Forgets all kept exceptions: failures that SQLite ignored do not cause later errors."""
    _taken()


def take(code: int) -> BaseException | None:
    """The exception behind a result code, or None; forgets all kept exceptions.

    SQLite sometimes drops the extension of a code, so an exception whose primary code is the same
    counts as well. Further failures that follow from the first, for example those of the rollback,
    are ignored.
    """
    kept = _taken()
    alike = (error for each, error in kept.items() if each & 0xFF == code & 0xFF)
    return kept.get(code) or next(alike, None)


def take_any() -> BaseException | None:
    """Any exception kept since the last transaction began, or None; forgets all of them.

    For statements that report a failure in their rows, as ``PRAGMA quick_check`` does.
    """
    return next(iter(_taken().values()), None)


def _taken() -> dict[int, BaseException]:
    kept = dict(_pending)
    _pending.clear()
    for source in _sources:
        kept.update(source())
    return kept


class _ErrorCode:
    """Data descriptor for ``sqlite3.Error.sqlite_errorcode`` whose setter sets ``__cause__``."""

    key = "sqlite_errorcode"

    def __get__(self, error: sqlite3.Error | None, owner: type | None = None) -> Any:
        if error is None:
            return self
        try:
            return error.__dict__[self.key]
        except KeyError:
            raise AttributeError(self.key) from None

    def __set__(self, error: sqlite3.Error, code: int) -> None:
        error.__dict__[self.key] = code
        cause = take(code)
        if code & 0xFF == sqlite3.SQLITE_INTERRUPT:
            # A signal may have ended the statement (callbacks.mjs): raises KeyboardInterrupt then.
            ctypes.pythonapi.PyErr_CheckSignals()
        if cause is None:
            return
        if not isinstance(cause, Exception):
            raise cause  # KeyboardInterrupt and the like are not failures of the database
        error.__cause__ = cause


def attach_causes() -> None:
    """Makes ``sqlite3`` errors carry their causes from now on; calling it again changes nothing."""
    if not isinstance(sqlite3.Error.__dict__.get(_ErrorCode.key), _ErrorCode):
        sqlite3.Error.sqlite_errorcode = _ErrorCode()  # type: ignore[assignment]
