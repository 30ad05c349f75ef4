"""Parameters of statements: ``?``, ``?1``, ``:name``, ``@name``, ``$name``."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["Values", "with_stand_ins"]

_USES = re.compile(r"current statement uses (\d+)")

T = TypeVar("T")
Values = Sequence[object] | dict[str, object]
"""Values of parameters: by their numbers, or by their names."""


class _Nulls(dict[str, object]):
    """NULL by any name."""

    def __missing__(self, name: str) -> None:
        return None


def with_stand_ins(run: Callable[[Values], T]) -> tuple[T, Values]:
    """What ``run(values)`` returns for NULLs in the place of a statement's parameters, and these.

    Raises:
        sqlite3.Error: Any other error; sqlite3.ProgrammingError if some of the parameters have
            names and some have not.
    """
    try:
        return run(()), ()
    except sqlite3.ProgrammingError as error:
        found = _USES.search(str(error))
        if found is None:
            raise
        count = int(found[1])
    try:
        return run(_Nulls()), _Nulls()
    except sqlite3.ProgrammingError:
        return run([None] * count), [None] * count
