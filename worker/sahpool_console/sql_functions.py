"""SQL functions in Python that every connection of the console has: the library's, and more.

A Python function with ``@sql_function`` above it is an SQL function of the same name in every
connection of the console.

Their loops are in Python, so that a cancel stops them (``session.sql.functions``). Of the library's
functions, an aggregate that sorts all its values at the end cannot be stopped while it does.
"""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from sahpool import UnsupportedError, functions

from .session.host import Aggregate, Function

__all__ = ["AGGREGATES", "FUNCTIONS", "add_table_functions", "sql_function"]

F = TypeVar("F", bound=Callable[..., object])

FUNCTIONS: list[Function] = [Function(*each) for each in functions.SCALARS]
"""The library's functions, and all that were registered with ``@sql_function``."""

AGGREGATES: list[Aggregate] = [Aggregate(*each) for each in functions.AGGREGATES]
"""The library's aggregates."""

_TABLES = frozenset(each.name for each in functions.TABLES)


def add_table_functions(con: sqlite3.Connection, missing: str) -> bool:
    """Registers the library's functions that stand in FROM, if ``missing`` is the name of one.

    Returns whether it is there now.
    """
    if missing.lower() not in _TABLES:
        return False
    try:
        return functions.register_tables(con)
    except UnsupportedError:
        return False


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
