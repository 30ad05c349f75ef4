"""Writing rows as CSV (RFC 4180) in UTF-8, with a header; reading it gives the same values.

NULL is an empty field, and so is an empty text. A BLOB is written as in SQL: ``X'00FF'``.
"""

import csv
import io
from collections.abc import Iterator, Sequence

from .interfaces import ExportFormat, Value

__all__ = ["FORMAT"]


def _write(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]]
) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for rows in batches:
        writer.writerows(map(_written, rows))
        yield _taken(text)
    yield _taken(text)  # the header, where there are no rows


def _written(row: tuple[Value, ...]) -> Sequence[Value]:
    if bytes in map(type, row):
        return [f"X'{value.hex().upper()}'" if isinstance(value, bytes) else value for value in row]
    return row


def _taken(text: io.StringIO) -> bytes:
    """The bytes that were written since the last call."""
    data = text.getvalue().encode("utf-8", "surrogateescape")
    text.seek(0)
    text.truncate()
    return data


FORMAT = ExportFormat("csv", ".csv", "text/csv", _write)
