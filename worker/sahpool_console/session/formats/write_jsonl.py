"""Writing rows as JSON Lines: one object on one line for each row, in UTF-8 (jsonlines.org).

A BLOB is ``{"$base64": true, "encoded": "…"}``, as sqlite-utils and Datasette have it. JSON has no
infinity, so that is written as null.
"""

import json
from binascii import b2a_base64
from collections.abc import Iterator, Sequence
from math import isinf

from ..errors import EncodingError
from ..hints import Hint
from .interfaces import ExportFormat, Value

__all__ = ["FORMAT"]

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _write(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]]
) -> Iterator[bytes]:
    names = _distinct(columns)
    for rows in batches:
        lines = (_ENCODER.encode(dict(zip(names, map(_written, row), strict=True))) for row in rows)
        try:
            yield ("\n".join(lines) + "\n").encode()
        except UnicodeEncodeError:
            raise EncodingError(
                "JSON is UTF-8, and there is a text that is not.",
                code="json-not-utf-8",
                hint=Hint("cast-as-blob"),
            ) from None


def _distinct(columns: Sequence[str]) -> list[str]:
    """The names of the columns; where two are the same, the second gets a number."""
    names: list[str] = []
    for column in columns:
        name, number = column, 2
        while name in names:
            name = f"{column}_{number}"
            number += 1
        names.append(name)
    return names


def _written(value: Value) -> object:
    if isinstance(value, bytes):
        return {"$base64": True, "encoded": b2a_base64(value, newline=False).decode()}
    if isinstance(value, float) and isinf(value):
        return None
    return value


FORMAT = ExportFormat("jsonl", ".jsonl", "application/jsonl", _write)
