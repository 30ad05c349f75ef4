"""Rows into pieces of results, and back into rows as the page does it, in Python, for tests.

Runs on both sides, because the console's service is tried inside Pyodide too.
"""

import struct
from collections.abc import Sequence
from typing import Any

from sahpool_console.session.sql.results import Piece, Value


class Text(bytes):
    """TEXT as SQLite has it, told apart from a BLOB."""


def encode(rows: Sequence[tuple[Value, ...]], width: int) -> tuple[dict[str, Any], bytes]:
    """The piece that holds these rows: its description, without ``part``, and its bytes."""
    piece = Piece(width)
    piece.add(rows)
    return piece.encoded()


def decode(piece: dict[str, Any], parts: list[bytes]) -> list[tuple[Any, ...]]:
    """The rows of a piece; TEXT that is valid UTF-8 as str, other TEXT as Text."""
    count, part = piece["rows"], bytes(parts[piece["part"]])
    columns = [_column(column, count, part) for column in piece["columns"]]
    return list(zip(*columns, strict=True)) if count else []


def _column(column: dict[str, Any], count: int, part: bytes) -> list[Any]:
    kind = column["kind"]
    for name in ("data", "ends", "tags", "ints", "floats"):
        assert column.get(name, 0) % 8 == 0, f"{name} is not aligned"
    if kind == "null":
        return [None] * count
    if kind == "int":
        return _numbers("q", column["data"], count, part)
    if kind == "float":
        return _numbers("d", column["data"], count, part)
    if kind in ("text", "blob"):
        strings = _strings(column, count, part)
        return list(map(_text, strings)) if kind == "text" else strings
    assert kind == "mixed"
    tags = part[column["tags"] : column["tags"] + count]
    nothing = [None] * count
    ints = _numbers("q", column["ints"], count, part) if "ints" in column else nothing
    floats = _numbers("d", column["floats"], count, part) if "floats" in column else nothing
    strings = _strings(column, count, part) if "ends" in column else nothing
    choices = (nothing, ints, floats, list(map(_text, strings)), strings)
    return [choices[tag][row] for row, tag in enumerate(tags)]


def _numbers(code: str, start: int, count: int, part: bytes) -> list[Any]:
    return list(struct.unpack_from(f"<{count}{code}", part, start))


def _strings(column: dict[str, Any], count: int, part: bytes) -> list[Any]:
    ends = _numbers("I", column["ends"], count, part)
    starts = [0, *ends[:-1]]
    data = column["data"]
    return [part[data + a : data + b] for a, b in zip(starts, ends, strict=True)]


def _text(data: bytes | None) -> Any:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Text(data)
