"""Tables of all kinds written as delimited text in all kinds of ways, with what is right for each.

A generator instead of files: hypothesis and ``tests.corpora`` draw from it.
"""

from __future__ import annotations

import csv
import io
import random
from typing import Any, NamedTuple

_WORDS = (
    "Ada Berlin Rome Lima café naïve Müller Paris plain green box of the small large Oslo "
    "O'Neil 8-bit blue Łódź 東京 ok north"
)
_NAMES = "id name city price amount date count title note code region year status kind size"
WORDS, NAMES = _WORDS.split(), _NAMES.split()


class Written(NamedTuple):
    """A table as text, and what a reader must find in it."""

    text: str
    delimiter: str
    names: list[str]
    rows: list[list[str]]
    header: bool
    sure: bool
    """Whether a reader can be sure of all that."""


def table(chance: random.Random) -> tuple[list[str], list[list[str]]]:
    """Names of columns, and rows of at least two columns, one of which holds numbers."""
    makers = [_integer, _decimal, _date, _words, _sentence, _code, _words]
    columns = [_integer, *chance.choices(makers, k=chance.randint(1, 6))]
    chance.shuffle(columns)
    names = chance.sample(NAMES, len(columns))
    return names, [[column(chance) for column in columns] for _ in range(chance.randint(3, 60))]


def written(chance: random.Random) -> Written:
    """A table in a way of writing that is drawn."""
    names, rows = table(chance)
    delimiter = chance.choice(",,,;;\t|")
    text = io.StringIO(newline="")
    quoting: Any = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    backslash = chance.random() < 0.1
    writer = csv.writer(
        text,
        delimiter=delimiter,
        quoting=quoting,
        lineterminator=chance.choice(["\n", "\r\n", "\r"]),
        doublequote=not backslash,
        escapechar="\\" if backslash else None,
    )
    above = chance.choice(["", "", "", "sep", "comments"])
    end = "\n"
    if above == "sep":
        text.write(f"sep={delimiter}{end}")
    elif above == "comments":
        text.write(f"# exported; 2024-01-01, by hand{end}#{end}")
    writer.writerow(names)
    writer.writerows(rows)
    return Written(text.getvalue(), delimiter, names, rows, True, True)


def _integer(chance: random.Random) -> str:
    return str(chance.randint(-500, 100_000))


def _decimal(chance: random.Random) -> str:
    return f"{chance.uniform(-90, 90):.2f}"


def _date(chance: random.Random) -> str:
    day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(1990, 2030)
    return f"{year}-{month:02}-{day:02}"


def _words(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(1, 3)))


def _sentence(chance: random.Random) -> str:
    marks = chance.choices([", ", " ", "; ", ' "', '" ', " | ", ": "], k=3)
    return "".join(chance.choice(WORDS) + mark for mark in marks) + chance.choice(WORDS)


def _code(chance: random.Random) -> str:
    return f"{chance.choice('ABCX')}{chance.randint(0, 999):03}-{chance.randint(0, 9)}"
