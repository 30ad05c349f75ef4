"""Whether a query, run again, gives the rows that it gave before."""

import re
from collections.abc import Container, Iterable
from typing import Any

__all__ = ["changes_what_is_read", "varies"]

_VARYING = {
    *("random", "randomblob"),
    *("changes", "total_changes", "last_insert_rowid"),
    *("current_date", "current_time", "current_timestamp"),
}
_DATES = {"date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"}
_CALLS = {"Function", "PureFunc", "AggStep", "AggStep1"}

_CHANGES_NOTHING = {
    *("SELECT", "VALUES", "EXPLAIN"),
    *("BEGIN", "COMMIT", "END", "SAVEPOINT", "RELEASE"),
}
_READING_PRAGMA = re.compile(
    r"PRAGMA\s+(?:\w+\s*\.\s*)?\w+\s*(?:;|$)"
    r"|PRAGMA\s+(?:\w+\s*\.\s*)?(?:\w+_(?:info|xinfo|list|check))\b",
    re.IGNORECASE,
)


def changes_what_is_read(word: str, sql: str) -> bool:
    """Whether a statement, which begins with ``word``, may change what later queries give.

    A rollback does as well.

    False only where that is certain: WITH may begin a write (``Connection.execute`` looks), VACUUM
    may change rowids, and ANALYZE the order of rows.
    """
    if word == "PRAGMA":
        return not _READING_PRAGMA.match(sql)
    return word not in _CHANGES_NOTHING


def varies(program: Iterable[tuple[Any, ...]], changing: Container[str]) -> bool:
    """Whether a query may give other rows each time, though nothing has changed.

    It does if it asks for random numbers, the time, or the counters of the connection.

    Args:
        program: The rows of its EXPLAIN, which have the functions of views as well, and no names
            that only look alike (sqlite.org/opcode.html#Function).
        changing: The names of functions beside SQLite's own that are not deterministic.
    """
    steps = list(program)
    calls = [(str(step[5]).partition("(")[0].lower(), step) for step in steps if step[1] in _CALLS]
    if any(name in _VARYING or name in changing for name, _ in calls):
        return True
    dates = [step for name, step in calls if name in _DATES]
    # Without an argument a date function takes the time as well; then it reads no register.
    return any(step[3] == 0 for step in dates) or (
        bool(dates)
        and any(step[1] == "String8" and str(step[5]).strip().lower() == "now" for step in steps)
    )
