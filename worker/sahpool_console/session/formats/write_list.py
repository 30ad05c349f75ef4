"""Writing rows as a list for IN in SQL, without NULL, which IN never finds, each value once.

Rows of several columns are compared as rows are: ``(a, b) IN (VALUES (1, 2), (3, 4))``
(sqlite.org/rowvalue.html).
"""

from collections.abc import Iterator, Sequence

from .interfaces import ExportFormat, Value, Writing
from .write_sql import literal

__all__ = ["FORMAT"]


def _write(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]], writing: Writing
) -> Iterator[bytes]:
    is_single = len(columns) == 1
    seen: set[str] = set()
    before = "(" if is_single else "(VALUES "
    for rows in batches:
        values = []
        for row in rows:
            if None in row:
                writing.note("copy-null")
                continue
            value = ", ".join(map(literal, row))
            if value not in seen:
                seen.add(value)
                values.append(value if is_single else f"({value})")
        if values:
            yield (before + ", ".join(values)).encode("utf-8", "surrogateescape")
            before = ", "
    # Without a row, SQLite takes () for the empty list, whatever is looked for.
    yield b")" if before == ", " else b"()"


FORMAT = ExportFormat("in-list", ".sql", "application/sql", _write)
