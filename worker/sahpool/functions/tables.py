"""Functions that stand in FROM: generate_series, string_split.

Source: sqlite.org/series.html; learn.microsoft.com/sql/t-sql/functions/string-split-transact-sql.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .registry import Table, Value, refusal
from .values import as_integer, as_text

__all__ = ["TABLES"]

#: Where a series ends that is not told where.
_STOP = 4294967295


def series(start: Value, stop: Value = _STOP, step: Value = 1) -> Iterable[tuple[Value, ...]]:
    """The integers from ``start`` to ``stop``; ``step`` may be negative, and 0 counts as 1."""
    if start is None or stop is None or step is None:
        return ()
    pace = as_integer(step) or 1
    # The stop itself is part of the series.
    beyond = as_integer(stop) + (1 if pace > 0 else -1)
    return ((number,) for number in range(as_integer(start), beyond, pace))


def split(text: Value, separator: Value = ",") -> Iterator[tuple[Value, ...]]:
    """The parts of a text between the separators, with their places from 1."""
    if text is None or separator is None:
        return
    between, whole = as_text(separator), as_text(text)
    if not between:
        raise refusal("string_split() needs a separator that is not empty")
    place, at = 1, 0
    while (end := whole.find(between, at)) >= 0:
        yield whole[at:end], place
        place, at = place + 1, end + len(between)
    yield whole[at:], place


TABLES = (
    Table("generate_series", ("value",), ("start", "stop", "step"), 1, series),
    Table("string_split", ("value", "ordinal"), ("text", "separator"), 1, split),
)
