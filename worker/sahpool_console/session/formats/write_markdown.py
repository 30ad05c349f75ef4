"""Writing rows as a table in GitHub Flavored Markdown (github.github.com/gfm, Tables)."""

import re
from collections.abc import Iterator, Sequence

from .interfaces import ExportFormat, Value, Writing, as_text, in_utf_8

__all__ = ["FORMAT"]

_SPECIAL = re.compile(r"[\\`*_\[\]|~#]")
_LINE = re.compile(r"\r\n?|\n")


def _write(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]], writing: Writing
) -> Iterator[bytes]:
    begun = False
    for rows in batches:
        if not begun:
            yield _head(columns, rows)
            begun = True
        lines = [_line([_cell(value, writing) for value in row]) for row in rows]
        yield in_utf_8("".join(lines))
    if not begun:
        yield _head(columns, [])


def _head(columns: Sequence[str], rows: Sequence[tuple[Value, ...]]) -> bytes:
    """The names, and for each column whether it is aligned to the right, as numbers are."""
    sides = ["---"] * len(columns)
    for index, values in enumerate(zip(*rows, strict=True)):
        numbers = sum(isinstance(value, int | float) for value in values)
        if numbers and numbers + values.count(None) == len(values):
            sides[index] = "---:"
    return in_utf_8(_line([_escaped(name) for name in columns]) + _line(sides))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _cell(value: Value, writing: Writing) -> str:
    if value is None:
        return _escaped(writing.null)
    if isinstance(value, int | float):
        return as_text(value)
    text = as_text(value)
    if "\n" in text or "\r" in text:
        writing.note("export-line-breaks")
    return _escaped(text)


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return _LINE.sub("<br>", _SPECIAL.sub(r"\\\g<0>", text))


FORMAT = ExportFormat("markdown", ".md", "text/markdown", _write)
