"""SQL functions in Python that analysts expect and SQLite lacks.

A Python function with ``@sql_function`` above it is an SQL function of the same name in every
connection of the console.

Their loops are in Python, so that a cancel stops them (``session.sql.functions``): none of them
calls a long C function that does not check for signals.
"""

from collections.abc import Callable
from typing import TypeVar

from .session.host import Function

__all__ = ["FUNCTIONS", "levenshtein", "sql_function"]

F = TypeVar("F", bound=Callable[..., object])

FUNCTIONS: list[Function] = []
"""All functions that were registered with ``@sql_function``."""

_VARARGS = 0x04  # the flag of a code object that takes *args (docs.python.org, inspect.CO_VARARGS)


def sql_function(*, deterministic: bool) -> Callable[[F], F]:
    """A decorator that makes a Python function an SQL function with as many arguments.

    With ``*args`` it takes any number of them. It is given int, float, str, bytes or None and
    returns one of these. An exception that it raises fails the statement; the user is shown its
    text.

    Args:
        deterministic: Whether it always returns the same for the same arguments, so that an index
            may use it.
    """

    def register(call: F) -> F:
        code = call.__code__
        arguments = -1 if code.co_flags & _VARARGS else code.co_argcount
        FUNCTIONS.append(Function(code.co_name, arguments, call, deterministic=deterministic))
        return call

    return register


_KINDS = {int: "an integer", float: "a number", bytes: "a blob"}


@sql_function(deterministic=True)
def levenshtein(one: object, other: object) -> int | None:
    """How many characters must be inserted, deleted or replaced to make one text the other.

    Characters are Unicode code points: ``'é'`` is one or two of them, depending on how it is
    encoded, and ``'a'`` differs from ``'A'``. None (NULL) if either argument is None. The time
    grows with the product of the two lengths.

    Raises:
        TypeError: Either argument is neither text nor None.

    Source: https://en.wikipedia.org/wiki/Levenshtein_distance (iterative with two matrix rows).
    """
    if one is None or other is None:
        return None
    if not isinstance(one, str) or not isinstance(other, str):
        found = one if not isinstance(one, str) else other
        raise TypeError(f"it compares texts, and this is {_KINDS[type(found)]}: use CAST")
    if len(one) < len(other):
        one, other = other, one
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        left = row
        current = [left]
        for column, against in enumerate(other):
            # The three are, in this order: replaced or the same, deleted, inserted.
            left = min(above[column] + (letter != against), above[column + 1] + 1, left + 1)
            current.append(left)
        above = current
    return above[-1]
