"""How numbers are written in a column: with a decimal point or comma, with thousands separators.

A way of writing counts only if every value of the column is strictly in it: where thousands are
separated, 1000 is not among them. 52,520 may be 52520 or 52.52; a column in which each value can be
read in two ways is told by ``numerals_of`` to be no column of numbers.
"""

import re
from collections.abc import Collection
from functools import lru_cache

__all__ = ["PLAIN", "Numerals", "commonest", "is_ambiguous", "numerals_of"]


class Numerals:
    """One way of writing numbers.

    Attributes:
        group: What separates thousands; empty where nothing does.
        decimal: What stands before the fraction.
    """

    def __init__(self, group: str, decimal: str) -> None:
        self.group = group
        self.decimal = decimal
        whole = "0|[1-9][0-9]*+"
        if group:
            mark = re.escape(group)
            whole = rf"0|[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})*+"
        number = rf"-?(?:{whole})(?:{re.escape(decimal)}[0-9]++)?"
        self._values = re.compile(rf"(?:(?:{number}|[^\0,.0-9]*|[^\0]*[^\0,.0-9'\s-][^\0]*)\0)*+")
        self.number = re.compile(number)

    def plain(self, joined: str) -> str | None:
        """Values, each ended by NUL, as they are written with a point; None: some are not so.

        What is no number at all, NA for example, is left as it is.
        """
        if self is PLAIN:
            return joined
        if self._values.fullmatch(joined) is None:
            return None
        # In text that is no number, nothing is replaced either: it has none of these characters,
        # or the patterns of ``kinds`` refuse it.
        if self.group:
            joined = joined.replace(self.group, "")
        return joined.replace(self.decimal, ".")

    def example(self, values: Collection[str]) -> str | None:
        """A value that shows how numbers are written; None where that is with a point alone."""
        if self is PLAIN:
            return None
        marks = [mark for mark in (self.group, self.decimal) if mark and mark != "."]
        marks = marks or [self.group]
        return next((value for value in values if any(mark in value for mark in marks)), None)

    def is_sure(self, values: Collection[str]) -> bool:
        """Whether a value can be read in this way only: 1,000,000 or 12,50, but not 12,500."""
        return any(map(self._telling().fullmatch, values))

    @lru_cache(maxsize=20)  # noqa: B019 - there are as many as there are constants below
    def _telling(self) -> re.Pattern[str]:
        fraction = re.escape(self.decimal)
        if not self.group:
            return re.compile(
                rf"-?(?:0{fraction}[0-9]+|[0-9]+{fraction}(?![0-9]{{3}}$)[0-9]+"
                rf"|[0-9]{{4,}}{fraction}[0-9]+)"
            )
        mark = re.escape(self.group)
        return re.compile(
            rf"-?[0-9]{{1,3}}(?:(?:{mark}[0-9]{{3}}){{2,}}(?:{fraction}[0-9]+)?"
            rf"|{mark}[0-9]{{3}}{fraction}[0-9]+)"
        )


PLAIN = Numerals("", ".")

_POINT = [PLAIN, *(Numerals(group, ".") for group in (",", "'", "’", " ", "\u00a0", "\u202f"))]
_COMMA = [Numerals("", ","), *(Numerals(group, ",") for group in (".", " ", "\u00a0", "\u202f"))]

_AMBIGUOUS = re.compile(r"-?[1-9][0-9]{0,2}[, '\u2019\u00a0\u202f][0-9]{3}")
_FRACTION = re.compile(r"[0-9],[0-9]|[0-9][ '’\u00a0\u202f][0-9]{3}|\.[0-9]+[.,]")


def numerals_of(
    values: Collection[str], decimal: str | None, missing: re.Pattern[str]
) -> Numerals | None:
    """How the numbers of a column are written; None: not in one of the known ways, or in two.

    Args:
        values: Its first values.
        decimal: The decimal mark, where it is known already: a point or a comma.
        missing: Matches a missing value, ended by NUL.
    """
    if decimal != "," and _FRACTION.search("\0".join(values)) is None:
        return PLAIN
    some = [value for value in values if not missing.fullmatch(value + "\0")]
    ways = _POINT if decimal == "." else _COMMA if decimal == "," else [*_POINT, *_COMMA]
    fitting = [way for way in ways if all(map(way.number.fullmatch, some))]
    sure = [way for way in fitting if way.is_sure(some)]
    if PLAIN in fitting and not sure:
        return PLAIN
    if decimal is not None and not sure:
        return fitting[0] if fitting else None
    joined = "\0".join(some) + "\0"
    # 1 000 is the same with a decimal point and with a comma.
    return sure[0] if len({way.plain(joined) for way in sure}) == 1 else None


def commonest(values: Collection[str]) -> Numerals:
    """The way in which the most values are written."""
    return max([*_POINT, *_COMMA], key=lambda way: len([*filter(way.number.fullmatch, values)]))


def is_ambiguous(value: str) -> bool:
    """Whether it may be a number with thousands and something else: 52,520 is 52.52 as well."""
    return _AMBIGUOUS.fullmatch(value) is not None
