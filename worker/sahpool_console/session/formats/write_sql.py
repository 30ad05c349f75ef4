"""Writing rows as INSERT statements, which give the same values of the same types."""

from collections.abc import Iterator, Sequence

from ..sql.names import quoted
from .interfaces import ExportFormat, Value, Writing, as_text, blob_literal, distinct

__all__ = ["FORMAT"]

_STATEMENT_BYTES = 100_000
"""Bytes, roughly, from which on the next rows go into a statement of their own: SQLite refuses a
statement of more than a million (sqlite.org/limits.html#max_sql_length)."""

_LONGEST_ROW = 999_000


def _write(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]], writing: Writing
) -> Iterator[bytes]:
    names = ", ".join(map(quoted, distinct(columns)))
    begin = f"INSERT INTO {quoted(writing.table)} ({names}) VALUES\n"
    for rows in batches:
        yield "".join(_statements(begin, rows, writing)).encode("utf-8", "surrogateescape")


def _statements(begin: str, rows: Sequence[tuple[Value, ...]], writing: Writing) -> Iterator[str]:
    values: list[str] = []
    size = 0
    for row in rows:
        text = f"({', '.join(map(literal, row))})"
        if len(text) > _LONGEST_ROW:
            writing.note("export-long-statement")
        if values and size + len(text) > _STATEMENT_BYTES:
            yield begin + ",\n".join(values) + ";\n"
            values, size = [], 0
        values.append(text)
        size += len(text)
    yield begin + ",\n".join(values) + ";\n"


def literal(value: Value) -> str:
    """A value as SQL has it (sqlite.org/lang_expr.html#literal_values_constants_)."""
    if value is None:
        return "NULL"
    if isinstance(value, float):
        # There is no literal for infinity; a number that is too large is one.
        return {"inf": "9e999", "-inf": "-9e999"}.get(repr(value)) or repr(value)
    if isinstance(value, bytes):
        return blob_literal(value)
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogateescape")
        if "\0" in value or not _is_utf_8(value):
            return f"CAST({blob_literal(data)} AS TEXT)"
        return "'" + value.replace("'", "''") + "'"
    return as_text(value)


def _is_utf_8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


FORMAT = ExportFormat("sql", ".sql", "application/sql", _write)
