"""What a family of functions consists of, and how a function refuses its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from ..sqlite import abi, causes

__all__ = ["Aggregate", "AggregateState", "Scalar", "Table", "Value", "refusal"]

Value = int | float | str | bytes | None
"""A value of SQLite: INTEGER, REAL, TEXT, BLOB or NULL."""


class Scalar(NamedTuple):
    """A function that has one value for each row.

    Attributes:
        name: Its name in SQL.
        arguments: How many it takes; -1: any number.
        call: Returns the value.
        deterministic: Whether it always returns the same for the same arguments, so that an index
            may use it.
    """

    name: str
    arguments: int
    call: Callable[..., Value]
    deterministic: bool = True


class AggregateState(Protocol):
    """What an aggregate knows of the rows of one group, or of one frame of a window."""

    def step(self, *arguments: Any) -> None:
        """Adds a row."""

    def inverse(self, *arguments: Any) -> None:
        """Removes the row that was added first of those that are left."""

    def value(self) -> Value:
        """The value for the rows that are left."""

    def finalize(self) -> Value:
        """The last value; nothing follows."""


class Aggregate(NamedTuple):
    """A function that has one value for many rows; also a window function.

    Attributes:
        name: Its name in SQL.
        arguments: How many it takes; -1: any number.
        make: Returns the state before the first row.
    """

    name: str
    arguments: int
    make: Callable[[], AggregateState]


class Table(NamedTuple):
    """A function that stands in FROM and has rows.

    Attributes:
        name: Its name in SQL.
        columns: Its columns.
        arguments: Its arguments, which are hidden columns as well.
        required: How many of the arguments must be given.
        rows: Returns the rows for the arguments, those left out at the end not among them.
    """

    name: str
    columns: tuple[str, ...]
    arguments: tuple[str, ...]
    required: int
    rows: Callable[..., Iterable[Sequence[Value]]]


def refusal(message: str) -> ValueError:
    """The error for arguments that a function does not take.

    ``sqlite3`` reports only that a function raised an exception; where a pool is installed, its
    exception has this one as ``__cause__``.
    """
    error = ValueError(message)
    causes.remember(abi.SQLITE_ERROR, error)
    return error
