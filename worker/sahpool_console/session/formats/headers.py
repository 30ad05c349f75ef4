"""Finding where a table begins in a file, whether a header stands there, and names for columns."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ..notes import Note
from .forms import NUMBER, form

__all__ = ["Header", "column_names", "find_header", "table_start"]

_YEAR = re.compile(r"(?:1[89]|20|21)[0-9]{2}")
_INTEGER = re.compile(r"[0-9]{1,9}")
_COMMON = re.compile(
    r"(?:^|[\W_]|(?<=[a-z]))(?:id|no|nr|name|names|nom|nombre|vorname|nachname|date|datum|time|zeit"
    r"|type|typ|code|key|title|titel|text|value|wert|year|jahr|city|ort|stadt|country|land|state"
    r"|street|address|adresse|phone|telefon|e-?mail|url|description|status|category|group|region"
    r"|first|last|count|price|preis|label|comment|note|user|word|definition|lang|language|number"
    r"|artist|album|author|company|product|question|answer|term|capital|population)(?:$|[\W_]|s$)",
    re.IGNORECASE,
)
"""Words that stand in many headers and are rarely values."""
_DIGIT = re.compile(r"[0-9]")
_WORD = re.compile(r"[^\W\d]|[(\[#]")
_ONE_LINE = re.compile(r"[\w .\-/()%#]+")
"""What a name looks like in a file that has one line."""
_UNSEEN = "\ufeff\u200b\u2060"
"""Characters that a person cannot see, and so cannot write in SQL."""
_JOINERS = "\u200c\u200d\u00ad"
"""More of them; within a word they have a meaning in some languages."""


class Header(NamedTuple):
    """Whether the first record of a table is its header; ``sure``: there is no doubt about it."""

    there: bool
    sure: bool


def table_start(records: Sequence[Sequence[str]]) -> int:
    """How many records stand above the table: titles, which fill few of its fields, or none."""
    filled = [sum(1 for value in record if value.strip()) for record in records]
    usual = sorted(filled)[len(filled) // 2]
    if usual < 2:
        return 0
    few = max(1, usual // 3)
    at = 0
    while at < len(filled) - 1 and filled[at] <= few:
        if usual == 2 and len(records[at]) > 1 and filled[at]:
            break  # a header in which one of two columns has no name
        at += 1
    return at if len(filled) - at > 1 else 0


def find_header(first: Sequence[str], columns: Sequence[Sequence[str]]) -> Header:
    """Whether ``first``, the first record, names the columns; ``columns`` are the values below it.

    Each column whose values have a form votes: a first value of the same form is data, one of
    another form a name. Years above other numbers are names, and so is an empty first field above
    the numbers of an index. Where no column votes, a first record of words that differ is a header.
    """
    names = [name.strip() for name in first]
    votes = sum(_vote(name, values) for name, values in zip(names, columns, strict=True))
    numbers = [i for i, name in enumerate(names) if _INTEGER.fullmatch(name)]
    rising = len(numbers) > 1 and _are_rising([int(names[i]) for i in numbers])
    if rising and all(_YEAR.fullmatch(names[i]) for i in numbers):
        below = [value for i in numbers for value in columns[i] if value.strip()]
        if below and not all(map(_YEAR.fullmatch, below)):
            votes += 2 * len(numbers)
    if len(names) > 1 and not names[0]:
        if all(map(_is_name, names[1:])):
            votes += 2
        elif rising and len(numbers) == len(names) - 1 and names[1] in ("0", "1"):
            votes += 2 * len(numbers)
    if votes:
        return Header(votes > 0, sure=votes > 0 or not (rising and len(numbers) == len(names) > 2))
    folded = [name.lower() for name in names]
    plain = all(map(_is_name, names)) and len(set(folded)) == len(folded)
    repeated = any(name and name in values for name, values in zip(first, columns, strict=True))
    rows = max(map(len, columns), default=0)
    if not rows:
        return Header(plain and all(map(_ONE_LINE.fullmatch, names)), sure=False)
    known = any(map(_COMMON.search, names))
    return Header(plain and not repeated, sure=plain and not repeated and known)


def _vote(name: str, values: Sequence[str]) -> int:
    """1: the name is one above these values; -1: it is a value like them; 0: it may be either."""
    some = [value for value in values[:200] if value.strip()]
    if not some:
        return 0
    forms = {form(value) for value in some}
    numbers = forms <= {NUMBER, "missing"} and NUMBER in forms
    if not name:
        return -1 if numbers and len(some) == len(values) else 0
    own = form(name)
    if numbers:
        return -1 if own == NUMBER else 0 if own == "missing" else 1
    if forms & {"datetime", "time", "address", "measure"} and len(forms - {"missing"}) == 1:
        return -1 if own in forms else 1
    if len(some) > 1 and all(map(_DIGIT.search, some)):
        # Codes, telephone numbers: every one has a digit.
        return 0 if _DIGIT.search(name) else 1
    return 0


def _are_rising(years: list[int]) -> bool:
    steps = {later - earlier for earlier, later in pairwise(years)}
    return len(steps) == 1 and abs(steps.pop()) in (1, 2, 5, 10)


def _is_name(name: str) -> bool:
    return bool(name) and form(name) != NUMBER and len(name) < 200 and _WORD.match(name) is not None


def column_names(header: Sequence[str]) -> tuple[list[str], list[Note]]:
    """Column names from a header, and remarks about those that had to be changed.

    SQLite wants every name once, and does not tell a from A. Characters that nobody can see are
    left out, for they would have to be written in SQL as well.
    """
    names: list[str] = []
    remarks: list[Note] = []
    seen_ones = [_seen(name) for name in header]
    # A name that is made up for one column must not be the header's own name of another.
    taken = {_folded(name) for name in seen_ones}
    used: set[bytes] = set()
    for position, (original, seen) in enumerate(zip(header, seen_ones, strict=True), 1):
        name = base = seen or f"column{position}"
        number = 2
        while _folded(name) in used or (name != seen and _folded(name) in taken):
            name = f"{base}_{number}"
            number += 1
        used.add(_folded(name))
        names.append(name)
        if not seen:
            remarks.append(Note("column-unnamed", {"column": position, "name": name}))
        elif name != seen:
            remarks.append(Note("column-renamed", {"column": position, "base": base, "name": name}))
        elif seen != original.strip():
            remarks.append(Note("name-unseen", {"name": name}))
    return names, remarks


def _seen(name: str) -> str:
    """A name without characters that cannot be seen, and without blanks at its ends."""
    for unseen in _UNSEEN:
        name = name.replace(unseen, "")
    return name.strip(" \t\r\n\f\v\u00a0" + _JOINERS)


def _folded(name: str) -> bytes:
    """A key that is equal for names that SQLite takes for the same: it folds ASCII letters only."""
    return name.encode().lower()
