"""Functions that analysts ask of SQL and SQLite lacks.

A Python function with ``@sql_function`` above it is one of SQL, of the same name, in every
connection of the console.

Their loops are Python's own, so that a cancel stops them (``session.sql.functions``): nothing here
hands long work to a function of C that looks for no signal.
"""

from collections.abc import Callable
from typing import TypeVar

from session.host import Function

__all__ = ["FUNCTIONS", "levenshtein", "sql_function"]

F = TypeVar("F", bound=Callable[..., object])

FUNCTIONS: list[Function] = []
"""All of them."""

_VARARGS = 0x04  # of a code object's flags (docs.python.org, "inspect", CO_VARARGS)


def sql_function(*, deterministic: bool) -> Callable[[F], F]:
    """Makes a Python function one of SQL, with as many arguments as it has; ``*`` is any number.

    It is given int, float, str, bytes or None and gives one of these. What it raises fails the
    statement, and the text of it is shown. ``deterministic`` says that it always gives the same
    for the same arguments, so that an index may use it.
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

    The characters are Unicode's code points: ``'é'`` is one or two of them, by how it is written,
    and ``'a'`` is not ``'A'``. None (NULL) if either is None; TypeError if either is no text.
    The time goes with the product of the two lengths.

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
            # In this order: replaced or the same, deleted, inserted.
            left = min(above[column] + (letter != against), above[column + 1] + 1, left + 1)
            current.append(left)
        above = current
    return above[-1]
