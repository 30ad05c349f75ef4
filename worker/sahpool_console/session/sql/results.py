"""Rows as columns in one buffer, which goes to the page without another copy.

A piece is a description (JSON) and one binary part. Each column lies in that part in the form
that suits its values; its sections start at multiples of 8 bytes and are little-endian:

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

Text is SQLite's own bytes, valid UTF-8 or not. Connections have ``text_factory = bytearray``, so
the type of a value tells TEXT (bytearray) from BLOB (bytes).
"""

import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import accumulate, chain, islice, pairwise
from typing import Any

__all__ = ["PIECE_BYTES", "Piece", "Rows", "decoded"]

Value = int | float | bytes | bytearray | None

PIECE_BYTES = 8 * 1024 * 1024
"""Bytes, roughly, from which on a piece gets no more rows, even if more were asked for."""

_BATCH_ROWS = 1024
"""Rows that exist as Python objects at a time: few enough to stay in the processor's cache."""

_TAGS = {type(None): 0, int: 1, float: 2, bytearray: 3, bytes: 4}
_KINDS = {type(None): "null", int: "int", float: "float", bytearray: "text", bytes: "blob"}
_STRINGS = {bytearray, bytes}


class Rows:
    """The rows of one statement, each of ``width`` values, taken a piece at a time.

    One row is read ahead, so that the last piece is known to be the last. Each time rows are read,
    that happens within a context that ``reading`` makes.
    """

    def __init__(
        self,
        rows: Iterator[tuple[Value, ...]],
        width: int,
        close: Callable[[], None],
        reading: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._rows = rows
        self._width = width
        self.close = close
        """Ends the statement, which releases its read lock."""
        self._ahead: list[tuple[Value, ...]] = []
        self._reading = reading

    def take(
        self, count: int, counted: Callable[[int], None] = lambda _rows: None
    ) -> tuple["Piece", bool]:
        """Up to ``count`` rows, and whether more follow.

        Long rows may come in fewer than ``count``, though never in none: see PIECE_BYTES.
        ``counted`` is called now and then with the number of rows so far.
        """
        with self._reading():
            return self._take(count, counted)

    def batches(self) -> Iterator[list[tuple[Value, ...]]]:
        """All rows that are left, in batches, none of which is empty."""
        batch, self._ahead = self._ahead, []
        while True:
            with self._reading():
                batch += islice(self._rows, _BATCH_ROWS)
            if not batch:
                return
            yield batch
            batch = []

    def _take(self, count: int, counted: Callable[[int], None]) -> tuple["Piece", bool]:
        piece = Piece(self._width)
        rows = chain(self._ahead, self._rows)
        step = 1
        while piece.rows < count and piece.size <= PIECE_BYTES:
            wanted = min(step, count - piece.rows)
            batch = list(islice(rows, wanted))
            piece.add(batch)
            counted(piece.rows)
            if len(batch) < wanted:
                self._ahead = []
                return piece, False
            # Small batches first: how long the rows are is not known before they are read.
            step = min(step * 4, _BATCH_ROWS)
        self._ahead = list(islice(rows, 1))
        return piece, bool(self._ahead)


class Piece:
    """Rows of ``width`` values as columns."""

    def __init__(self, width: int) -> None:
        self.rows = 0
        """How many rows it has so far."""
        self._columns = [_Column() for _ in range(width)]

    @property
    def size(self) -> int:
        """Bytes in memory; the encoded piece is no larger, except for padding."""
        return sum(column.size for column in self._columns)

    def add(self, rows: Sequence[tuple[Value, ...]]) -> None:
        """Adds rows at the end."""
        if rows:
            for column, values in zip(self._columns, zip(*rows, strict=True), strict=True):
                column.add(values)
            self.rows += len(rows)

    def encoded(self) -> tuple[dict[str, Any], bytes]:
        """The description and the bytes of the piece.

        The caller adds ``part``, the index of the bytes in the message, to the description.
        """
        buffer = _Buffer()
        columns = [column.encoded(buffer) for column in self._columns]
        return {"rows": self.rows, "columns": columns}, buffer.joined()


class _Buffer:
    """Sections one after another, each at a multiple of 8 bytes."""

    def __init__(self) -> None:
        self._sections: list[bytes | bytearray | array[Any]] = []
        self._end = 0

    def add(self, section: "bytes | bytearray | array[Any]") -> int:
        """Appends a section; returns the byte at which it begins."""
        if isinstance(section, array) and sys.byteorder == "big":
            section.byteswap()
        start = self._end
        size = len(memoryview(section).cast("B"))
        padding = -size % 8
        self._sections += (section, bytes(padding))
        self._end += size + padding
        return start

    def joined(self) -> bytes:
        return b"".join(self._sections)


class _Column:
    """The values of one column, packed as they come.

    Each section has a place for every row, also where the value is of another type. It stays empty
    until the first value needs it, and then gets the places of the rows before (``_fill``).
    """

    def __init__(self) -> None:
        self._types: set[type] = set()
        self._tags = bytearray()
        self._ints = array("q")
        self._floats = array("d")
        self._ends = array("I")
        self._data = bytearray()

    @property
    def size(self) -> int:
        numbers = len(self._ints) + len(self._floats)
        return len(self._tags) + 8 * numbers + 4 * len(self._ends) + len(self._data)

    def add(self, values: Sequence[Any]) -> None:
        types = set(map(type, values))
        self._fill(types)
        self._types |= types
        if len(types) == 1:
            self._tags += bytes((_TAGS[next(iter(types))],)) * len(values)
        else:
            self._tags += bytes(map(_TAGS.__getitem__, map(type, values)))
        if int in types:
            ints = [v if type(v) is int else 0 for v in values] if len(types) > 1 else values
            self._ints.extend(ints)
        if float in types:
            floats = [v if type(v) is float else 0.0 for v in values] if len(types) > 1 else values
            self._floats.extend(floats)
        if types & _STRINGS:
            strings = values
            if not types <= _STRINGS:
                strings = [v if type(v) in _STRINGS else b"" for v in values]
            ends = accumulate(map(len, strings), initial=len(self._data))
            self._ends.extend(islice(ends, 1, None))
            self._data += b"".join(strings)

    def _fill(self, types: set[type]) -> None:
        """Extends each section that values of these types need to one place for every row."""
        rows = len(self._tags)
        if int in types:
            self._ints.frombytes(bytes(8 * (rows - len(self._ints))))
        if float in types:
            self._floats.frombytes(bytes(8 * (rows - len(self._floats))))
        if types & _STRINGS:
            self._ends.extend([len(self._data)] * (rows - len(self._ends)))

    def encoded(self, buffer: _Buffer) -> dict[str, Any]:
        types = self._types
        self._fill(types)
        strings = types & _STRINGS
        if len(types) > 1:
            column: dict[str, Any] = {"kind": "mixed", "tags": buffer.add(self._tags)}
            if int in types:
                column["ints"] = buffer.add(self._ints)
            if float in types:
                column["floats"] = buffer.add(self._floats)
        else:
            column = {"kind": next((_KINDS[only] for only in types), "null")}
            if int in types:
                column["data"] = buffer.add(self._ints)
            if float in types:
                column["data"] = buffer.add(self._floats)
        if strings:
            column["ends"] = buffer.add(self._ends)
            column["data"] = buffer.add(self._data)
        return column


def decoded(piece: dict[str, Any], data: memoryview) -> Iterator[tuple[Value, ...]]:
    """The rows of a piece, from its description and its bytes.

    Raises:
        LookupError, TypeError, ValueError: They do not belong together.
    """
    rows: int = piece["rows"]
    columns = [_decoded(column, data, rows) for column in piece["columns"]]
    return zip(*columns, strict=True) if columns else iter(())


def _decoded(column: dict[str, Any], data: memoryview, rows: int) -> Sequence[Value]:
    kind = column["kind"]
    if kind == "null":
        return [None] * rows
    if kind in ("int", "float"):
        return _numbers(data, column["data"], rows, "q" if kind == "int" else "d")
    strings: Sequence[bytes] = []
    if "ends" in column:
        start = column["data"]
        ends = [0, *_numbers(data, column["ends"], rows, "I")]
        if start + ends[-1] > len(data):
            raise ValueError("a section is shorter than its values")
        strings = [bytes(data[start + a : start + b]) for a, b in pairwise(ends)]
    if kind == "blob":
        return strings
    if kind == "text":
        return list(map(bytearray, strings))
    tags = bytes(data[column["tags"] : column["tags"] + rows])
    ints = _numbers(data, column["ints"], rows, "q") if "ints" in column else []
    floats = _numbers(data, column["floats"], rows, "d") if "floats" in column else []
    texts = list(map(bytearray, strings))
    sections: list[Sequence[Any]] = [[None] * rows, ints, floats, texts, strings]
    return [sections[tag][index] for index, tag in enumerate(tags)]


def _numbers(data: memoryview, start: int, rows: int, code: str) -> Sequence[Any]:
    numbers = array(code)
    numbers.frombytes(data[start : start + rows * numbers.itemsize])
    if sys.byteorder == "big":
        numbers.byteswap()
    if len(numbers) != rows:
        raise ValueError("a section is shorter than its rows")
    return numbers
