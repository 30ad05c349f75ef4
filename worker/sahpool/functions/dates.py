"""timediff(A, B): the time from B to A in years, months, days and parts of a day.

Source: sqlite.org/lang_datefunc.html#tmdif.
"""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from functools import cache, lru_cache

from .registry import Scalar, Value

__all__ = ["SCALARS"]

_DAY = 86_400_000
#: The first of January of year 1 in milliseconds of Julian days: 1721425.5 days.
_FIRST = 148_731_163_200_000
#: Lengths of texts that SQLite and ``fromisoformat`` read alike when they have hyphens:
#: YYYY-MM-DD, and with HH:MM, HH:MM:SS or HH:MM:SS.SSS.
_PLAIN = frozenset({10, 16, 19, 23})

_TWO_DIGITS = tuple(f"{number:02d}" for number in range(100))

#: Days of the months.
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

Moment = tuple[int, int, int, int]
"""Year, month, day, and milliseconds since midnight."""


def timediff(one: Value, other: Value) -> str | None:
    """What must be added to the second time to get the first, as ``+YYYY-MM-DD HH:MM:SS.SSS``.

    NULL if either is no time as SQLite's date functions take it.
    """
    try:
        after, before = _moment(one), _moment(other)
    except _NowError:
        after, before = _moment_of_sqlite(one), _moment_of_sqlite(other)
    if after is None or before is None:
        return None
    year, month, day, clock = after
    before_year, before_month, before_day, before_clock = before
    months = (year - before_year) * 12 + month - before_month
    left = (day - before_day) * _DAY + clock - before_clock
    # The second time moves by whole months towards the first, at most as far as that. A day that
    # the month does not have counts on into the next month.
    if after >= before:
        sign = "+"
        while left < 0:
            months -= 1
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
            left += _length(year, month) * _DAY
    else:
        sign, months, left = "-", -months, -left
        while left < 0:
            months -= 1
            left += _length(year, month) * _DAY
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    days, left = divmod(left, _DAY)
    seconds, left = divmod(left, 1000)
    minutes, seconds = divmod(seconds, 60)
    years, months = divmod(months, 12)
    two = _TWO_DIGITS
    clock_text = f"{two[minutes // 60]}:{two[minutes % 60]}:{two[seconds]}.{left:03d}"
    return f"{sign}{years:04d}-{two[months]}-{two[days]} {clock_text}"


def _length(year: int, month: int) -> int:
    """Days of a month."""
    if month == 2 and year % 4 == 0 and (year % 100 or year % 400 == 0):
        return 29
    return _LENGTHS[month - 1]


class _NowError(Exception):
    """Leaves :func:`_moment` for a text that may be another time each time."""


@lru_cache(maxsize=16_384)
def _moment(value: Value) -> Moment | None:
    """The moment of a value that does not change. The columns of a table share many.

    Raises:
        _NowError: The text is none that begins with a digit: it may be ``now``.
    """
    if type(value) is str and not "0" <= value[:1] <= "9":
        raise _NowError
    if type(value) is not str or not _is_plain(value):
        return _moment_of_sqlite(value)
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return _moment_of_sqlite(value)
    if found.tzinfo is not None:
        return _moment_of_sqlite(value)
    clock = (found.hour * 60 + found.minute) * 60_000 + found.second * 1000
    return found.year, found.month, found.day, clock + found.microsecond // 1000


def _is_plain(text: str) -> bool:
    """Whether Python reads a text as SQLite does, if it reads it."""
    length = len(text)
    return (
        length in _PLAIN
        and text[4] == "-" == text[7]
        and (length == 10 or text[10] in " T")
        and (length < 23 or text[19] == ".")
    )


@cache
def _sqlite() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def _moment_of_sqlite(value: Value) -> Moment | None:
    """The moment as SQLite reads it, which knows more forms than Python."""
    (days,) = _sqlite().execute("SELECT round(julianday(?) * 86400000)", (value,)).fetchone()
    if days is None:
        return None
    day, clock = divmod(int(days) - _FIRST, _DAY)
    cycles, rest = divmod(day, 146_097)
    found = date.fromordinal(rest + 1)
    return found.year + cycles * 400, found.month, found.day, clock


#: Not deterministic, as ``now`` is not.
SCALARS = (Scalar("timediff", 2, timediff, deterministic=False),)
