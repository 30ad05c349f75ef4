"""Which declared type a column of text can get without a change to any of its values.

=====  =========================================================================  ==============
kind   fits                                                                       declared
=====  =========================================================================  ==============
NONE   missing values only                                                        TEXT
SMALL  integers of up to 15 digits, exact as REAL too                             INTEGER
BIG    integers of 64 bits                                                        INTEGER
REAL   decimal numbers that a 64-bit float gives back as they are                 REAL
TEXT   anything                                                                   TEXT
=====  =========================================================================  ==============

An integer counts as one in the form in which SQLite writes it; 007, +5 and -0 stay text. A decimal
number may change its form but not its value: 1.50 becomes 1.5, while one of 30 digits stays text,
and so does one that is too large or too small for a float. Empty fields are NULL and fit every
kind.

NA is how R and others write a missing value. In a column whose other values are all numbers it
can mean nothing else, and fits as NULL. In a column of text it stays NA: it may be Namibia.

One match of a regular expression checks a whole batch: its values are joined, each ended by NUL,
which no value contains.
"""

import re
from collections.abc import Collection
from decimal import Decimal

__all__ = ["BIG", "DECLARED", "MISSING", "NONE", "REAL", "SMALL", "TEXT", "widened"]

NONE, SMALL, BIG, REAL, TEXT = range(5)

DECLARED = ("TEXT", "INTEGER", "INTEGER", "REAL", "TEXT")
"""The column type of each kind in CREATE TABLE."""

MISSING = "NA"
"""The value that stands for NULL in a column of numbers, beside an empty field."""

# Each matches all values of a batch, if they fit.
_SMALL = re.compile(r"(?:(?:-?[1-9][0-9]{0,14}+|0|NA|)\0)*+")
_BIG = re.compile(r"(?:(?:-?[1-9][0-9]{0,18}+|0|NA|)\0)*+")
_DECIMAL = re.compile(
    r"(?:(?:-?(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?|NA|)\0)*+"
)
_ONLY_MISSING = re.compile(r"(?:(?:NA)?\0)*+")
# Integers that may not fit into 64 bits.
_LONGEST = re.compile(r"[0-9-]{19,}")
# Numbers that a float may not keep: long ones, and those with an exponent.
_DOUBTFUL = re.compile(r"(?<![^\0])(?:[^\0]{16,}|[^\0eE]*+[eE][^\0]*+)")


def widened(kind: int, values: Collection[str]) -> int:
    """The narrowest kind that fits these values and all values that ``kind`` was found for."""
    if kind == TEXT:
        return TEXT
    joined = "\0".join(values) + "\0"
    if not joined.strip("\0NA"):
        # The values consist of N and A only, so no number is among them.
        return kind if _ONLY_MISSING.fullmatch(joined) else TEXT
    if kind <= BIG:
        if kind <= SMALL and _SMALL.fullmatch(joined):
            return SMALL
        if _BIG.fullmatch(joined) and _all_64_bit(joined):
            return BIG
        if kind == BIG:
            return TEXT
    return REAL if _DECIMAL.fullmatch(joined) and _all_kept(joined) else TEXT


def _all_64_bit(joined: str) -> bool:
    return all(-(2**63) <= int(value) < 2**63 for value in _LONGEST.findall(joined))


def _all_kept(joined: str) -> bool:
    """Whether every decimal number is the shortest form of a float, give or take zeros.

    Up to 15 significant digits always survive; only longer values need a closer look.
    """
    doubtful = _DOUBTFUL.findall(joined)
    # Most files were written by programs that write a float just as Python does, so all of them
    # are compared at once first.
    return list(map(repr, map(float, doubtful))) == doubtful or all(map(_kept, doubtful))


def _kept(value: str) -> bool:
    number = float(value)
    return number - number == 0 and Decimal(repr(number)) == Decimal(value)
