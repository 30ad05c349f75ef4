"""if() and iif() with any number of conditions.

Unlike SQLite's own iif(), which has three arguments, these get all their arguments computed, also
those that are not used. Source: sqlite.org/lang_corefunc.html#iif.
"""

from __future__ import annotations

from .registry import Scalar, Value, refusal
from .values import is_true

__all__ = ["SCALARS"]


def choose(*values: Value) -> Value:
    """The value behind the first true condition, else the last one if it has no condition."""
    count = len(values)
    if count < 2:
        raise refusal("if() takes a condition and a value at least")
    for at in range(0, count - 1, 2):
        if is_true(values[at]):
            return values[at + 1]
    return values[-1] if count % 2 else None


#: Numbers of arguments of iif(). Not any number, as SQLite would then use this function for three
#: arguments as well; its own computes only the one that is used.
_COUNTS = (2, *range(4, 20))

SCALARS = (Scalar("if", -1, choose), *(Scalar("iif", count, choose) for count in _COUNTS))
