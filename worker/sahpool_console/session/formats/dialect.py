"""Finding how a delimited file is written: its delimiter, its header, names for its columns."""

import csv
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice

from .kinds import NONE, TEXT, widened

__all__ = ["column_names", "delimiter_of", "has_header"]

DELIMITERS = ",;\t|"

_SAMPLE_RECORDS = 200


def delimiter_of(lines: Sequence[str]) -> str:
    """The delimiter of a file, guessed from its first lines.

    It is the one by which the most records have as many fields as the first record; a comma when
    none gives the first record two fields.
    """
    best, best_score = ",", (0.0, 1)
    for delimiter in DELIMITERS:
        records = _records(lines, delimiter)
        if not records or len(records[0]) < 2:
            continue
        width = len(records[0])
        alike = sum(1 for record in records if len(record) == width) / len(records)
        if (alike, width) > best_score:
            best, best_score = delimiter, (alike, width)
    return best


def _records(lines: Iterable[str], delimiter: str) -> list[list[str]]:
    records: list[list[str]] = []
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    # An error means that this is not the right delimiter, or that the sample ends within a quoted
    # field. extend() has kept the records before it, and the caller judges those.
    with suppress(csv.Error):
        records.extend(filter(None, islice(reader, _SAMPLE_RECORDS)))
    return records


def has_header(first: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether ``first``, the first record, names the columns; ``columns`` are the values below it.

    Each column whose values are numbers votes: a first value that is a number too is data, any
    other a name. On a tie the first record is a header if it could be one: no value of it is empty,
    occurs twice or is a number.
    """
    votes = 0
    for name, values in zip(first, columns, strict=True):
        if widened(NONE, values) not in (NONE, TEXT):
            votes += -1 if not name.strip() or _is_number(name) else 1
    if votes:
        return votes > 0
    plain = [name.strip().lower() for name in first]
    return all(plain) and len(set(plain)) == len(plain) and not any(map(_is_number, first))


def _is_number(value: str) -> bool:
    return widened(NONE, [value.strip()]) not in (NONE, TEXT)


def column_names(header: Sequence[str]) -> tuple[list[str], list[str]]:
    """Column names from a header, and remarks about those that had to be changed.

    SQLite wants every name once, and does not tell a from A.
    """
    names: list[str] = []
    remarks: list[str] = []
    # A name that is made up for one column must not be the header's own name of another.
    taken = {_folded(name.strip()) for name in header}
    seen: set[bytes] = set()
    for position, original in enumerate(header, 1):
        name = base = original.strip() or f"column{position}"
        number = 2
        while _folded(name) in seen or (name != original.strip() and _folded(name) in taken):
            name = f"{base}_{number}"
            number += 1
        seen.add(_folded(name))
        names.append(name)
        if not original.strip():
            remarks.append(f"Column {position} has no name in the file; it is called {name}.")
        elif name != original.strip():
            remarks.append(f"Column {position}, {base}, has a name used before; it is {name}.")
    return names, remarks


def _folded(name: str) -> bytes:
    """A key that is equal for names that SQLite takes for the same: it folds ASCII letters only."""
    return name.encode().lower()
