"""Writing rows as JSON in UTF-8: an array of objects, or JSON Lines (jsonlines.org).

Each row is an object. A BLOB is ``{"$base64": true, "encoded": "…"}``, as sqlite-utils and
Datasette have it. JSON has no infinity, so that is written as null.
"""

import json
from binascii import b2a_base64
from collections.abc import Iterator, Sequence
from math import isinf

from .interfaces import ExportFormat, Value, Writing, distinct, in_utf_8

__all__ = ["ARRAY", "LINES"]

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _lines(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]], writing: Writing
) -> Iterator[bytes]:
    for objects in _objects(columns, batches, writing):
        yield in_utf_8("\n".join(objects) + "\n")


def _array(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]], writing: Writing
) -> Iterator[bytes]:
    before = "[\n"
    for objects in _objects(columns, batches, writing):
        yield in_utf_8(before + ",\n".join(objects))
        before = ",\n"
    yield b"\n]\n" if before == ",\n" else b"[]\n"


def _objects(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]], writing: Writing
) -> Iterator[list[str]]:
    """The rows of each batch as texts of JSON."""
    names = distinct(columns)
    for rows in batches:
        by_column = [_column(values, writing) for values in zip(*rows, strict=True)]
        yield [
            _ENCODER.encode(dict(zip(names, row, strict=True)))
            for row in zip(*by_column, strict=True)
        ]


def _column(values: Sequence[Value], writing: Writing) -> Sequence[object]:
    types = set(map(type, values))
    if float in types:
        infinite = sum(map(_is_infinite, values))
        if infinite:
            writing.note("export-infinity", infinite)
            values = [None if _is_infinite(value) else value for value in values]
    if bytes in types:
        return [_blob(value) if isinstance(value, bytes) else value for value in values]
    return values


def _is_infinite(value: Value) -> bool:
    return isinstance(value, float) and isinf(value)


def _blob(value: bytes) -> object:
    return {"$base64": True, "encoded": b2a_base64(value, newline=False).decode()}


ARRAY = ExportFormat("json", ".json", "application/json", _array)
LINES = ExportFormat("jsonl", ".jsonl", "application/jsonl", _lines)
