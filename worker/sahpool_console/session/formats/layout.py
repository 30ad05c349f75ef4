"""Finding where the table is in a delimited file, and how it is written, from the first lines.

What may stand above a table: a line ``sep=;``, which names the separator for spreadsheet programs;
lines that begin with #, which are comments; and titles. All of it is left out, and said.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from ..notes import Note
from .dialect import Dialect, filled_length, find_dialect
from .headers import Header, column_names, find_header, table_start
from .options import TextOptions

__all__ = ["Layout", "find_layout"]

_RECORDS = 500
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)


class Layout(NamedTuple):
    """Where the table is, and how it is written.

    Attributes:
        dialect: How its fields are written.
        skip: How many lines stand above it.
        header: Whether its first record names the columns.
        names: The names of the columns.
        fields: How many fields a row has as a rule: one for each column, or more, which are empty.
        spare: Names for columns behind the last one, should a row have a value there.
        notes: What has been left out or changed.
        doubts: Why all this may be wrong.
    """

    dialect: Dialect
    skip: int
    header: bool
    names: list[str]
    fields: int
    spare: int
    notes: list[Note]
    doubts: list[Note]


class _Record(NamedTuple):
    above: int
    """How many lines are above it."""
    values: list[str]


def find_layout(
    lines: Sequence[str], suffix: str, options: TextOptions, *, whole: bool = True
) -> Layout:
    """The layout of a file.

    Args:
        lines: Its first lines, with their ends; one of them at least is not blank.
        suffix: The end of its name, in lower case: a file in .tsv has tabs.
        options: What has been chosen; it is taken as it is.
        whole: Whether these are all lines of the file.
    """
    notes: list[Note] = []
    above, delimiter, comment = _instructions(lines, options, notes)
    below = lines[above:]
    if delimiter is None and suffix in (".tsv", ".tab") and any("\t" in line for line in below):
        delimiter = "\t"
    dialect, doubts = find_dialect(below, delimiter=delimiter, whole=whole)
    dialect = dialect._replace(
        quote=dialect.quote if options.quote is None else options.quote,
        backslash=dialect.backslash if options.backslash is None else options.backslash,
    )
    records = _records(dialect, below) or [_Record(0, [below[0].rstrip("\r\n")] if below else [""])]
    start = 0 if options.skip is not None else table_start([record.values for record in records])
    if start:
        title = next(value for record in records for value in record.values if value.strip())
        doubts.append(Note("text-above"))
        above += records[start].above
        notes.append(Note("begins-below", {"line": above + 1, "title": title.strip()[:60]}))
    values = [record.values for record in records[start:]]
    first, rows = values[0], values[1:]
    header = _header(first, rows, options)
    own = _named_by(comment, dialect, values) if not header.there else None
    if own is not None:
        header = Header(there=False, sure=True)
        notes.append(Note("names-of-comment"))
    if not header.sure:
        doubts.append(Note("header-perhaps") if values[1:] else Note("one-line"))
    names, spare = _names(first, rows, there=header.there, own=own)
    width = len(names)
    if header.there and width > len(first):
        doubts.append(Note("names-fewer"))
    if header.there or own is not None:
        names, changed = column_names(names)
        notes += changed
    else:
        names = [f"column{number}" for number in range(1, width + 1)]
        if header.sure or rows:
            notes.append(Note("columns-numbered"))
    lengths = [len(value) for value in values]
    usual = Counter(lengths).most_common(1)[0][0]
    if sum(length < width for length in lengths) * 5 > len(lengths):
        doubts.append(Note("rows-shorter"))
    if any(filled_length(row) > width + spare for row in values):
        doubts.append(Note("rows-longer"))
    is_told = any(doubt.code.startswith("one-column") for doubt in doubts)
    if width == 1 and not is_told and _looks_wider(below):
        doubts.append(Note("one-column"))
    return Layout(dialect, above, header.there, names, max(usual, width), spare, notes, doubts)


def _instructions(
    lines: Sequence[str], options: TextOptions, notes: list[Note]
) -> tuple[int, str | None, str | None]:
    """How many lines to leave out, the separator that one of them names, and the last comment."""
    if options.skip is not None:
        return min(options.skip, len(lines)), options.delimiter, None
    told = _SEPARATOR_LINE.fullmatch(lines[0])
    at = start = 0 if told is None else 1
    delimiter = options.delimiter or (told and told[1]) or None
    while at < len(lines) and (lines[at].startswith("#") or not lines[at].strip()):
        at += 1
    comments = [line for line in lines[start:at] if line.startswith("#")]
    if not comments or at == len(lines) or delimiter == "#":
        return start, delimiter, None
    notes.append(Note("comments-left-out", {"count": len(comments)}))
    return at, delimiter, comments[-1]


def _records(dialect: Dialect, lines: Sequence[str]) -> list[_Record]:
    """The first records; those behind a malformed one are left out."""
    found: list[_Record] = []
    reader = dialect.records(lines)
    while len(found) < _RECORDS:
        above = reader.line_num
        try:
            values = next(reader, None)
        except csv.Error:
            break
        if values is None:
            break
        if values:
            found.append(_Record(above, values))
    return found


def _header(first: list[str], rows: list[list[str]], options: TextOptions) -> Header:
    if options.header is not None:
        return Header(options.header, sure=True)
    width = max(map(filled_length, [first, *rows]), default=0)
    first = first[:width]
    width = len(first)
    padded = (row + [""] * (width - len(row)) for row in rows)
    columns = list(zip(*(row[:width] for row in padded), strict=True)) or [()] * width
    return find_header(first, columns)


def _named_by(
    comment: str | None, dialect: Dialect, values: Sequence[Sequence[str]]
) -> list[str] | None:
    """The names in a comment that has as many fields as the rows; None: there are none."""
    if comment is None:
        return None
    try:
        names: list[str] = next(dialect.records([comment.lstrip("# ")]), [])
    except csv.Error:
        return None
    widths = {len(row) for row in islice(values, 20)}
    return names if len(names) > 1 and widths == {len(names)} else None


def _names(
    first: list[str], rows: list[list[str]], *, there: bool, own: list[str] | None
) -> tuple[list[str], int]:
    """The names that the columns have in the file, and how many empty ones are left out."""
    lengths = [filled_length(row) for row in rows]
    if own is not None:
        return own, 0
    if not there:
        usual = Counter(lengths).most_common(1)[0][0] if lengths else 0
        width = max(filled_length(first), usual, 1)
        return [""] * width, max(0, len(first) - width)
    names = list(first)
    wider = [length for length in lengths if length > len(names)]
    if len(wider) * 2 > len(lengths) > 1:
        width = Counter(wider).most_common(1)[0][0]
        if width == len(names) + 1 and all(name.strip() for name in names):
            names.insert(0, "")  # R leaves out the name of the column of row names
        names += [""] * (width - len(names))
    width = max(filled_length(names), min(max(lengths, default=0), len(names)), 1)
    return names[:width], len(names) - width


def _looks_wider(lines: Sequence[str]) -> bool:
    """Whether fields seem to stand side by side, with blanks between them."""
    some = [line for line in lines[:50] if line.strip()]
    return sum("  " in line.strip() for line in some) * 2 > len(some)
