"""Rows as columns in one buffer, ready to be handed to the page without being copied again.

A piece is a description (JSON) and one binary part.  Each column lies in the part in the form
that suits its values; sections start at multiples of 8 bytes and are little-endian:

========  =============================================  ======================================
kind      when                                           sections
========  =============================================  ======================================
null      every value is NULL (or there are no rows)     none
int       every value is an INTEGER                      data: Int64 x rows
float     every value is a REAL                          data: Float64 x rows
text      every value is TEXT                            ends: Uint32 x rows, data: UTF-8
blob      every value is a BLOB                          ends: Uint32 x rows, data: bytes
mixed     anything else                                  tags: Uint8 x rows (0 NULL, 1 INTEGER,
                                                         2 REAL, 3 TEXT, 4 BLOB); ints, floats,
                                                         ends and data as far as they are needed
========  =============================================  ======================================

Text is SQLite's own bytes, valid UTF-8 or not.  Connections have ``text_factory = bytearray``,
which tells TEXT (bytearray) from BLOB (bytes) without a look at a single value.
"""

import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, islice
from typing import Any

__all__ = ["PIECE_BYTES", "Rows", "encode"]

Value = int | float | bytes | bytearray | None

PIECE_BYTES = 8 * 1024 * 1024
"""About how large a piece may grow before it is cut short of the rows asked for."""

_TAGS = {type(None): 0, int: 1, float: 2, bytearray: 3, bytes: 4}


class Rows:
    """The rows of one statement, taken a piece at a time.

    One row is read ahead, so that the last piece is known to be the last.
    """

    def __init__(self, rows: Iterator[tuple[Value, ...]], close: Callable[[], None]) -> None:
        self._rows = rows
        self.close = close
        """Lets go of the statement, and with it of its read lock."""
        self._ahead: list[tuple[Value, ...]] = []

    def take(self, count: int) -> tuple[list[tuple[Value, ...]], bool]:
        """Up to ``count`` rows, and whether there are more.

        It may be fewer, though not none, when they are long: see PIECE_BYTES.
        """
        rows, weight, step = self._ahead, 0, 1
        while True:
            wanted = min(step, count + 1 - len(rows))
            batch = list(islice(self._rows, wanted))
            rows += batch
            if len(batch) < wanted:
                self._ahead = []
                return rows, False
            weight += sum(map(sys.getsizeof, chain.from_iterable(batch)))
            if len(rows) > count or (weight > PIECE_BYTES and len(rows) > 1):
                self._ahead = [rows.pop()]
                return rows, True
            step *= 4


def encode(rows: Sequence[tuple[Value, ...]], width: int) -> tuple[dict[str, Any], bytes]:
    """The description of ``rows``, each of ``width`` values, and their bytes.

    The description lacks ``part``, the place of the bytes in the message.
    """
    buffer = _Buffer()
    if rows:
        columns = [_column(values, buffer) for values in zip(*rows, strict=True)]
    else:
        columns = [{"kind": "null"} for _ in range(width)]
    return {"rows": len(rows), "columns": columns}, buffer.joined()


class _Buffer:
    """Sections one after another, each at a multiple of 8 bytes."""

    def __init__(self) -> None:
        self._sections: list[bytes] = []
        self._end = 0

    def add(self, section: bytes) -> int:
        """Where the section begins."""
        start = self._end
        padding = -len(section) % 8
        self._sections += (section, bytes(padding))
        self._end += len(section) + padding
        return start

    def joined(self) -> bytes:
        return b"".join(self._sections)


def _column(values: tuple[Any, ...], buffer: _Buffer) -> dict[str, Any]:
    types = set(map(type, values))
    if len(types) > 1:
        return _mixed(values, types, buffer)
    (only,) = types
    if only is int:
        return {"kind": "int", "data": buffer.add(_packed("q", values))}
    if only is float:
        return {"kind": "float", "data": buffer.add(_packed("d", values))}
    if only is bytearray or only is bytes:
        kind = "blob" if only is bytes else "text"
        return {"kind": kind, **_strings(values, buffer)}
    return {"kind": "null"}


def _mixed(values: tuple[Any, ...], types: set[type], buffer: _Buffer) -> dict[str, Any]:
    tags = bytes(map(_TAGS.__getitem__, map(type, values)))
    column: dict[str, Any] = {"kind": "mixed", "tags": buffer.add(tags)}
    if int in types:
        ints = [v if type(v) is int else 0 for v in values]
        column["ints"] = buffer.add(_packed("q", ints))
    if float in types:
        floats = [v if type(v) is float else 0.0 for v in values]
        column["floats"] = buffer.add(_packed("d", floats))
    if bytes in types or bytearray in types:
        strings = [v if type(v) is bytearray or type(v) is bytes else b"" for v in values]
        column.update(_strings(strings, buffer))
    return column


def _strings(values: Sequence[bytes | bytearray], buffer: _Buffer) -> dict[str, int]:
    ends = _packed("I", accumulate(map(len, values)))
    return {"ends": buffer.add(ends), "data": buffer.add(b"".join(values))}


def _packed(code: str, values: Any) -> bytes:
    packed = array(code, values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()
