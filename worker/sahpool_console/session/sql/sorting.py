"""The order in which the rows of a result are wanted, as SQL and without SQLite."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

__all__ = ["Key", "keys_of", "ordered", "sql_of"]

_CHUNK_ROWS = 20_000
"""Rows that are sorted in one go, which nothing can interrupt."""

_KEY = re.compile(r"(\d{1,5})( desc)?")
_PLAIN = re.compile(
    r"Init|Halt|Goto|Transaction|TableLock|Explain|Noop|OpenRead|ReopenIdx|Rewind|Last|Next|Prev"
    r"|Column|Rowid|IdxRowid|DeferredSeek|Seek\w*|NotExists|Idx(?:GE|GT|LE|LT)|ResultRow|MakeRecord"
    r"|Sorter\w+|OpenPseudo|Integer|Int64|Real|RealAffinity|String8?|Blob|Null|S?Copy|Cast|Affinity"
    r"|Eq|Ne|Lt|Le|Gt|Ge|ElseEq|IsNull|NotNull|IsTrue|Is|If|IfNot|And|Or|Not|BitAnd|BitOr|BitNot"
    r"|ShiftLeft|ShiftRight|Add|Subtract|Multiply|Divide|Remainder|Concat|CollSeq|(?:Pure)?Func\w*"
)
"""Opcodes of a query that gives each row by itself: which ones does not depend on their order."""

_COMPARES = frozenset({"Eq", "Ne"})
_IS = 0x80

_WRAPPED = re.compile(r"(?:SELECT|VALUES|WITH)\b", re.IGNORECASE)

_NAME = '"rows as read"'

Row = tuple[Any, ...]


class Key(NamedTuple):
    """A column to sort by.

    Attributes:
        column: Its number, from 1.
        descending: Whether the greatest value comes first.
    """

    column: int
    descending: bool


def keys_of(texts: Iterable[str]) -> list[Key]:
    """The columns to sort by, from texts as requests have them: "2", "1 desc".

    Raises:
        ValueError: There is none, or a text is something else, or names a column twice.
    """
    found = [_KEY.fullmatch(text) for text in texts]
    keys = [Key(int(each[1]), bool(each[2])) for each in found if each and int(each[1])]
    if not keys or len(keys) < len(found) or len({key.column for key in keys}) < len(keys):
        raise ValueError("no order of columns")
    return keys


def sql_of(
    statement: str, keys: Sequence[Key], explained: Callable[[str], Iterable[Row]]
) -> str | None:
    """A query for the same rows in that order; None where the statement cannot stand in a query.

    Columns keep their collations; they are told by their numbers, as names may be there twice.

    The statement is run apart, MATERIALIZED, unless it is a plain one: SQLite may else find other
    rows for ``LIMIT 10``, and other values for a window or a group, for the sake of the order.

    Args:
        statement: A query.
        keys: The columns.
        explained: Returns the rows of EXPLAIN of a statement.
    """
    if not _WRAPPED.match(statement):
        return None
    inner = statement.rstrip().removesuffix(";").rstrip()
    # A comment may stand at its end.
    end = "\n" if "--" in inner.rpartition("\n")[2] else ""
    terms = ", ".join(f"{column}{' DESC' if descending else ''}" for column, descending in keys)
    if all(map(_is_plain, explained(inner))):
        return f"SELECT * FROM ({inner}{end})\nORDER BY {terms}"
    return f"WITH {_NAME} AS MATERIALIZED ({inner}{end})\nSELECT * FROM {_NAME}\nORDER BY {terms}"


def _is_plain(step: Row) -> bool:
    _, opcode, _, _, _, _, flags, *_ = step
    # A comparison in which NULLs are alike may be one with the row before, for DISTINCT.
    return bool(_PLAIN.fullmatch(str(opcode))) and not (opcode in _COMPARES and flags & _IS)


def ordered(rows: Iterable[Row], keys: Sequence[Key], check: Callable[[], object]) -> Iterator[Row]:
    """Rows in the order that ORDER BY gives values without a collation; equal ones as they came.

    Args:
        rows: With text as bytearray.
        keys: The columns.
        check: Called now and then while rows are sorted; what it raises ends that.
    """
    key = _ordering(keys)
    is_backward = all(each.descending for each in keys)
    each_row = iter(rows)
    chunks = []
    while chunk := list(islice(each_row, _CHUNK_ROWS)):
        check()
        chunk.sort(key=key, reverse=is_backward)
        chunks.append(chunk)
    return merge(*chunks, key=key, reverse=is_backward)


def _ordering(keys: Sequence[Key]) -> Callable[[Row], Any]:
    """A function of a row by which rows are compared; backward if all ``keys`` are descending."""
    is_mixed = len({key.descending for key in keys}) > 1
    if len(keys) == 1:
        index = keys[0].column - 1
        return lambda row: _rank(row[index])
    places = [(key.column - 1, is_mixed and key.descending) for key in keys]
    return lambda row: tuple(
        _Backward(_rank(row[index])) if backward else _rank(row[index])
        for index, backward in places
    )


def _rank(value: Any) -> tuple[int, Any]:
    """What values are compared by: NULL, numbers, texts by their bytes, blobs.

    Source: https://sqlite.org/datatype3.html#sort_order
    """
    if value is None:
        return (0, 0)
    if isinstance(value, (int, float)):
        return (1, value)
    return (2, value) if type(value) is bytearray else (3, value)


class _Backward:
    """A value that is compared the other way round."""

    __slots__ = ("rank",)

    def __init__(self, rank: tuple[int, Any]) -> None:
        self.rank = rank

    def __lt__(self, other: _Backward) -> bool:
        return other.rank < self.rank

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Backward) and self.rank == other.rank

    def __hash__(self) -> int:
        return hash(self.rank)
