"""How an exception crosses SQLite: raised in a VFS method, seen as the cause of sqlite3's error.

A VFS method can hand SQLite an integer only, and CPython's ``sqlite3`` makes its exception from
that integer. The last thing it does before raising is to set ``sqlite_errorcode`` on the new
exception object (``_sqlite/util.c``). That attribute is made a data descriptor on ``sqlite3.Error``
here, and its setter hangs the remembered exception on as ``__cause__``. So every user of
``sqlite3``, SQLAlchemy and pandas among them, sees the cause without calling anything of ours.
"""

from __future__ import annotations

import ctypes
import sqlite3
from collections.abc import Callable
from typing import Any

#: Asked for (code, exception) of the failures that happened where no Python could run: in io.mjs.
Source = Callable[[], "list[tuple[int, BaseException]]"]

_sources: list[Source] = []
_pending: dict[int, BaseException] = {}  # the last one with each code


def remember(code: int, error: BaseException) -> None:
    """Keeps the exception behind a result code that is about to be given to SQLite."""
    _pending[code] = error


def is_remembered(code: int) -> bool:
    """Whether the exception behind a result code is known that was not taken yet."""
    return code in _pending


def add_source(source: Source) -> None:
    """Has ``source`` asked from now on; it forgets what it answered."""
    _sources.append(source)


def drop_source(source: Source) -> None:
    """``source`` is asked no more."""
    if source in _sources:
        _sources.remove(source)


def forget() -> None:
    """A new transaction begins: what SQLite swallowed before is not the cause of what comes."""
    _taken()


def take(code: int) -> BaseException | None:
    """The exception behind ``code``; whatever was remembered is forgotten.

    SQLite sometimes drops a code's extension on the way up, so one that is the same but for that
    will do. A failure often brings others with it, the rollback's for example: they do not count.
    """
    kept = _taken()
    alike = (error for each, error in kept.items() if each & 0xFF == code & 0xFF)
    return kept.get(code) or next(alike, None)


def take_any() -> BaseException | None:
    """Any exception that was remembered since the last transaction began; all are forgotten.

    For statements that tell of a failure in their rows, as ``PRAGMA quick_check`` does.
    """
    return next(iter(_taken().values()), None)


def _taken() -> dict[int, BaseException]:
    kept = dict(_pending)
    _pending.clear()
    for source in _sources:
        kept.update(source())
    return kept


class _ErrorCode:
    """Data descriptor for ``sqlite3.Error.sqlite_errorcode`` that hangs on the cause when set."""

    _key = "sqlite_errorcode"

    def __get__(self, error: sqlite3.Error | None, owner: type | None = None) -> Any:
        if error is None:
            return self
        try:
            return error.__dict__[self._key]
        except KeyError:
            raise AttributeError(self._key) from None

    def __set__(self, error: sqlite3.Error, code: int) -> None:
        error.__dict__[self._key] = code
        cause = take(code)
        if code & 0xFF == sqlite3.SQLITE_INTERRUPT:
            # A stop may have ended the statement (callbacks.mjs): then it comes up as what it is.
            ctypes.pythonapi.PyErr_CheckSignals()
        if cause is None:
            return
        if not isinstance(cause, Exception):
            raise cause  # KeyboardInterrupt and the like are no news of a database
        error.__cause__ = cause


def attach_causes() -> None:
    """Makes ``sqlite3`` errors carry their causes from now on; calling it again changes nothing."""
    if not isinstance(sqlite3.Error.__dict__.get(_ErrorCode._key), _ErrorCode):
        sqlite3.Error.sqlite_errorcode = _ErrorCode()  # type: ignore[assignment]
