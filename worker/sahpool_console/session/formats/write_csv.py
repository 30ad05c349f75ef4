"""Writing rows as CSV (RFC 4180) and as TSV in UTF-8, with a header.

Reading the CSV gives the same values, except that it cannot tell a text from the same text as the
mark of NULL. A BLOB is written as in SQL: ``X'00FF'``.
"""

import csv
import io
from collections.abc import Iterator, Sequence

from .interfaces import ExportFormat, Value, Writing, blob_literal

__all__ = ["CSV", "TSV"]


def _csv(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]], writing: Writing
) -> Iterator[bytes]:
    return _write(columns, batches, writing, ",")


def _tsv(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]], writing: Writing
) -> Iterator[bytes]:
    return _write(columns, batches, writing, "\t")


def _write(
    columns: Sequence[str],
    batches: Iterator[Sequence[tuple[Value, ...]]],
    writing: Writing,
    delimiter: str,
) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(columns)
    for rows in batches:
        by_column = [_column(values, writing) for values in zip(*rows, strict=True)]
        writer.writerows(zip(*by_column, strict=True))
        yield _taken(text)
    yield _taken(text)  # the header, where there are no rows


def _column(values: Sequence[Value], writing: Writing) -> Sequence[Value]:
    types = set(map(type, values))
    mark = writing.null
    if str in types:
        same = values.count(mark)
        if same:
            writing.note("export-same-as-null", same)
    if bytes in types or (type(None) in types and mark):
        return [
            mark if value is None else blob_literal(value) if isinstance(value, bytes) else value
            for value in values
        ]
    return values


def _taken(text: io.StringIO) -> bytes:
    """The bytes that were written since the last call."""
    data = text.getvalue().encode("utf-8", "surrogateescape")
    text.seek(0)
    text.truncate()
    return data


CSV = ExportFormat("csv", ".csv", "text/csv", _csv)
TSV = ExportFormat("tsv", ".tsv", "text/tab-separated-values", _tsv)
