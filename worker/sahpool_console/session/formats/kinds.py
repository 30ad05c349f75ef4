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
and so does one that is too large or too small for a float.

Two texts that differ never become one number, for they may be codes: a column with 3.1 and 3.10
stays text, and so does 2E5. So zeros at the end are fine only where all values have as many digits
behind the point, and an exponent needs a sign or a point.

An empty field is NULL and fits every kind. So do the marks of a missing value (``MARKS``) in a
column whose other values are all numbers, where they can mean nothing else. In a column of text NA
stays NA: it may be Namibia.

One match of a regular expression checks a whole batch: its values are joined, each ended by NUL,
which no value contains.
"""

import re
from collections.abc import Collection
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from ..notes import Phrase
from .numerals import PLAIN, Numerals, commonest, is_ambiguous, numerals_of

__all__ = ["BIG", "DECLARED", "MARKS", "NONE", "REAL", "SMALL", "TEXT", "Column", "Misfit"]

NONE, SMALL, BIG, REAL, TEXT = range(5)

DECLARED = ("TEXT", "INTEGER", "INTEGER", "REAL", "TEXT")
"""The column type of each kind in CREATE TABLE."""

MARKS = ("NA", "NULL", "null", "\\N", "N/A", "n/a", "NaN", "nan", "None", "#N/A")
"""What programs write for a missing value: NULL in a column of numbers, as an empty field is."""


class Misfit(NamedTuple):
    """Why a column of numbers stays text: a value, and what it would become or may be.

    ``is_ambiguous``: it is a number that can be read in two ways.
    """

    value: str
    reason: Phrase | None
    is_ambiguous: bool = False


class _Patterns(NamedTuple):
    """Each matches all values of a batch, if they fit."""

    small: re.Pattern[str]
    big: re.Pattern[str]
    decimal: re.Pattern[str]
    missing: re.Pattern[str]
    firsts: str
    """The characters that marks begin with."""


@lru_cache(maxsize=50)
def _patterns(marks: tuple[str, ...]) -> _Patterns:
    missing = "|".join([*map(re.escape, sorted(marks, key=len, reverse=True)), ""])
    return _Patterns(
        re.compile(rf"(?:(?:-?[1-9][0-9]{{0,14}}+|0|{missing})\0)*+"),
        re.compile(rf"(?:(?:-?[1-9][0-9]{{0,18}}+|0|{missing})\0)*+"),
        re.compile(rf"(?:(?:{_DECIMAL}|{missing})\0)*+"),
        re.compile(rf"(?:(?:{missing})\0)*+"),
        "".join({mark[0] for mark in marks}),
    )


_DECIMAL = (
    r"(?:(?!-0*+(?:\.0*+)?(?:[eE]|\0))"  # -0, which is 0 once it is a number
    r"-?(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]++(?:[eE][+-]?[0-9]++)?|[eE][+-][0-9]++)?|\.[0-9]++))"
)
_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}(?:\.[0-9]{3})+")
_DIGIT = re.compile("[0-9]")
# Integers that may not fit into 64 bits.
_LONGEST = re.compile(r"[0-9-]{19,}")
# Numbers that a float may not keep: long ones, and those with an exponent.
_DOUBTFUL = re.compile(r"(?<![^\0])(?:[^\0]{16,}|[^\0eE]*+[eE][^\0]*+)")
_WHOLE = re.compile(r"(?<![^\0])-?[0-9]+\0")
_ZEROS = re.compile(r"\.0+\0")
_TRAILING = re.compile(r"\.(?:0[0-9]*|[1-9][0-9]*)0\0")
_BARE = re.compile(r"(?<![^\0])-?\.")
_LEADING = re.compile(r"(?<![^\0])-?0\.")
_FRACTION = re.compile(r"\.([0-9]+)\0")
_ENDING = re.compile(r"0\0")
_NO_ZEROS = re.compile(r"(?:-?(?:0|[1-9][0-9]*+)\.[0-9]*[1-9]\0)*+")
_PLAIN = re.compile(r"(?<![^\0])-?[0-9.]++\0")


class Column:
    """What is known of the values of one column so far.

    Attributes:
        kind: The narrowest kind that fits all of them.
        numerals: How its numbers are written.
        misfit: Why it stays text though most of its values are numbers; None: there is no reason
            to name.
        example: A value that shows how, where that is not with a decimal point alone.
        may_be_missing: Whether the last batch may have marks of missing values.
    """

    def __init__(self, marks: tuple[str, ...] = MARKS, decimal: str | None = None) -> None:
        self.kind = NONE
        self.numerals: Numerals = PLAIN
        self.misfit: Misfit | None = None
        self.example: str | None = None
        self.may_be_missing = False
        self._patterns = _patterns(marks)
        self._decimal = decimal
        self._real = _Real()

    def widen(self, values: Collection[str]) -> None:
        """Widens the kind as far as these values need it."""
        if self.kind == TEXT:
            return
        joined = "\0".join(values) + "\0"
        self.may_be_missing = any(first in joined for first in self._patterns.firsts)
        if _DIGIT.search(joined) is None:
            # No number is among them.
            if self._patterns.missing.fullmatch(joined) is None:
                self._become_text(values)
            return
        if self.kind == NONE:
            found = numerals_of(values, self._decimal, self._patterns.missing)
            if found is None:
                self._become_text(values)
                return
            self.numerals = found
            self.example = found.example(values)
        if self.numerals is not PLAIN:
            plain = self.numerals.plain(joined)
            if plain is None:
                self._become_text(values)
                return
            joined = plain
        kind = self._widened(joined)
        if kind == TEXT:
            self._become_text(values, self._real.misfit)
        else:
            self.kind = kind

    def plain(self, values: Collection[str]) -> list[str]:
        """Values of this column as they are written with a decimal point."""
        joined = "\0".join(values) + "\0"
        return (self.numerals.plain(joined) or joined).split("\0")[:-1]

    def doubt_points(self, values: Collection[str]) -> None:
        """Makes it text if its numbers are like 1.234, which is 1234 with a decimal comma."""
        if self.kind != REAL or self.numerals is not PLAIN:
            return
        some = [value for value in values if "." in value]
        if some and all(map(_THOUSANDS.fullmatch, some)):
            self.kind = TEXT
            whole = some[0].replace(".", "")
            self.misfit = Misfit(some[0], _either(whole, some[0]), is_ambiguous=True)

    def fits_alone(self, plain: str) -> bool:
        """Whether a value, ended by NUL, is a number by itself."""
        return self._widened(plain) != TEXT

    def _widened(self, joined: str) -> int:
        kind, patterns = self.kind, self._patterns
        if kind <= BIG:
            if kind <= SMALL and patterns.small.fullmatch(joined):
                return SMALL
            if patterns.big.fullmatch(joined) and _all_64_bit(joined):
                return BIG
            if kind == BIG:
                return TEXT
        is_regular = self._real.takes_regular(joined, had_whole=kind == SMALL)
        if not is_regular and patterns.decimal.fullmatch(joined) is None:
            return TEXT
        doubtful = _doubtful(joined)
        if not _all_kept(doubtful):
            return TEXT
        if is_regular or self._real.keeps_apart(joined, doubtful, had_whole=kind == SMALL):
            return REAL
        return TEXT

    def _become_text(self, values: Collection[str], misfit: Misfit | None = None) -> None:
        before, self.kind = self.kind, TEXT
        self.misfit = misfit or self._first_misfit(values, others=before != NONE)

    def _first_misfit(self, values: Collection[str], *, others: bool) -> Misfit | None:
        """The first value that is no number, where most values are; else None.

        ``others``: the values before these were numbers.
        """
        some = [value for value in values if not self._patterns.missing.fullmatch(value + "\0")]
        either = next(filter(is_ambiguous, some), None)
        if either is not None and all(value.isdecimal() or is_ambiguous(value) for value in some):
            whole = either[:-4] + either[-3:]
            if "," not in either:
                return Misfit(either, Phrase("may-be-no-number", {"one": whole}))
            other = either.replace(",", ".")
            return Misfit(either, _either(whole, other), is_ambiguous=True)
        numerals = self.numerals if others else commonest(some)
        misfits = [value for value in some if not _is_number(value, numerals)]
        if misfits and (others or len(misfits) * 2 < len(some)):
            return Misfit(misfits[0], None)
        return None


def _is_number(value: str, numerals: Numerals) -> bool:
    column = Column()
    plain = numerals.plain(value + "\0")
    return plain is not None and column.fits_alone(plain)


class _Real:
    """Whether the numbers of a column of REAL differ where their texts do.

    It is told apart by how numbers are written, and keeps the values themselves only of those few
    that could be written in two ways.
    """

    def __init__(self) -> None:
        self.misfit: Misfit | None = None
        self._digits: int | None = None  # behind the point; -1: they vary
        self._trailing = ""  # a value with a zero at its end
        self._has_whole = False
        self._has_zeros = False
        self._has_plain = False
        self._has_bare = False  # .5
        self._has_leading = False  # 0.5
        self._inside = ""  # a value with an exponent, of a size that is written without one too
        self._extreme = False
        self._exponents: dict[float, str] = {}
        self._wholes: dict[str, str] | None = None
        self._is_regular = True

    def takes_regular(self, joined: str, *, had_whole: bool) -> bool:
        """Takes a batch if all values so far are numbers written in one of two ways; else False.

        In the first way they have a fraction that does not end with 0; in the second as many digits
        behind the point as each other. Most columns are written so, and it takes one match to see
        it.
        """
        if not self._is_regular or had_whole:
            self._is_regular = False
            return False
        digits = self._digits
        if digits is None and (first := _FRACTION.search(joined)) is not None:
            digits = len(first[1])
        if digits not in (None, -1) and _all_of_digits(digits).fullmatch(joined):
            self._digits = digits
            self._has_zeros = self._has_zeros or f".{'0' * digits}\0" in joined
            if not self._trailing and digits > 1 and "0\0" in joined:
                self._trailing = _value_at(joined, _ENDING) or ""
        elif not (self._trailing or self._has_zeros) and _NO_ZEROS.fullmatch(joined):
            self._digits = -1
        else:
            self._is_regular = False
            return False
        self._has_leading = self._has_plain = True
        self._extreme = self._extreme or ".0000" in joined
        return True

    def keeps_apart(self, joined: str, doubtful: list[str], *, had_whole: bool) -> bool:
        """Takes a batch; whether all values so far are as different as their texts.

        ``doubtful``: those of its values that are long or have an exponent.
        """
        if not self._take_exponents(joined, doubtful):
            return False
        self._has_plain = self._has_plain or had_whole
        self._take_fractions(joined)
        self._has_bare = self._has_bare or _BARE.search(joined) is not None
        self._has_leading = self._has_leading or _LEADING.search(joined) is not None
        if self._has_bare and self._has_leading:
            both = _value_at(joined, _BARE) or _value_at(joined, _LEADING) or ""
            return self._fail(both, Phrase("written-in-two-ways"))
        if self._trailing and self._digits == -1:
            return self._fail(self._trailing, _becomes(self._trailing))
        return self._take_wholes(joined, had_whole=had_whole)

    def _fail(self, value: str, reason: Phrase) -> bool:
        self.misfit = Misfit(value, reason)
        return False

    def _take_exponents(self, joined: str, doubtful: list[str]) -> bool:
        """Whether no number is written with an exponent here, and without one there."""
        plain = 0
        for value in doubtful:
            if "e" not in value and "E" not in value:
                self._extreme = self._extreme or len(value.partition(".")[0]) > 16
                plain += 1
                continue
            number = float(value)
            if self._exponents.setdefault(number, value) != value or len(self._exponents) > 10_000:
                return self._fail(value, _becomes(value))
            if number == 0 or 1e-4 <= abs(number) < 1e16:
                self._inside = value
        if len(doubtful) == plain or not self._has_plain:
            self._has_plain = self._has_plain or _PLAIN.search(joined) is not None
        self._extreme = self._extreme or ".0000" in joined
        if self._inside and self._has_plain:
            return self._fail(self._inside, _becomes(self._inside))
        if self._extreme and self._exponents:
            value = next(iter(self._exponents.values()))
            return self._fail(value, Phrase("others-no-exponent"))
        return True

    def _take_fractions(self, joined: str) -> None:
        if self._digits != -1:
            first = _FRACTION.search(joined)
            if first is not None:
                if self._digits is None:
                    self._digits = len(first[1])
                if not _of_digits(self._digits).fullmatch(joined):
                    self._digits = -1
        # A single zero, as of 1.0, does not count: that is how Python and others write a float.
        trailing = None if self._trailing else _TRAILING.search(joined)
        if trailing is not None:
            start = joined.rfind("\0", 0, trailing.start()) + 1
            self._trailing = joined[start : trailing.end() - 1]

    def _take_wholes(self, joined: str, *, had_whole: bool) -> bool:
        """Whether no number is written with zeros behind the point here, and without them there."""
        is_first = not (self._has_whole or self._has_zeros or had_whole)
        zeros = _ZEROS.search(joined)
        self._has_zeros = self._has_zeros or zeros is not None
        self._has_whole = self._has_whole or had_whole or _WHOLE.search(joined) is not None
        if not (self._has_zeros and self._has_whole):
            return True
        if self._wholes is None:
            if not is_first:
                value = _value_at(joined, _ZEROS) or _value_at(joined, _WHOLE) or ""
                return self._fail(value, Phrase("others-no-zeros"))
            self._wholes = {}
        for value in joined.split("\0"):
            number, _, fraction = value.partition(".")
            if number and not fraction.strip("0"):
                other = self._wholes.setdefault(number, value)
                if other != value or len(self._wholes) > 10_000:
                    return self._fail(value, Phrase("becomes-same", {"other": other}))
        return True


def _value_at(joined: str, pattern: re.Pattern[str]) -> str | None:
    """The value in which a pattern matches first."""
    found = pattern.search(joined)
    if found is None:
        return None
    start = joined.rfind("\0", 0, found.start() + 1) + 1
    return joined[start : joined.index("\0", start)]


@lru_cache(maxsize=50)
def _of_digits(digits: int) -> re.Pattern[str]:
    return re.compile(rf"(?:[^\0.]*+(?:\.[0-9]{{{digits}}}(?![0-9])[^\0]*+)?\0)*+")


@lru_cache(maxsize=50)
def _all_of_digits(digits: int) -> re.Pattern[str]:
    return re.compile(rf"(?:(?!-0\.0*\0)-?(?:0|[1-9][0-9]*+)\.[0-9]{{{digits}}}\0)*+")


def _becomes(value: str) -> Phrase:
    return Phrase("would-become", {"number": repr(float(value))})


def _either(one: str, other: str) -> Phrase:
    return Phrase("may-be-either", {"one": one, "other": other})


def _all_64_bit(joined: str) -> bool:
    return all(-(2**63) <= int(value) < 2**63 for value in _LONGEST.findall(joined))


def _doubtful(joined: str) -> list[str]:
    """The numbers that a float may not keep: up to 15 significant digits always survive."""
    return [value for value in _DOUBTFUL.findall(joined) if _DIGIT.search(value)]


def _all_kept(doubtful: list[str]) -> bool:
    """Whether every number is the shortest form of a float, give or take zeros."""
    # Most files were written by programs that write a float just as Python does, so all of them
    # are compared at once first.
    return list(map(repr, map(float, doubtful))) == doubtful or all(map(_kept, doubtful))


def _kept(value: str) -> bool:
    number = float(value)
    return number - number == 0 and Decimal(repr(number)) == Decimal(value)
