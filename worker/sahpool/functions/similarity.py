"""How alike two texts are: levenshtein, jaro_winkler; how a name sounds: soundex."""

from __future__ import annotations

from functools import lru_cache

from .registry import Scalar, Value, refusal
from .values import as_text

__all__ = ["SCALARS", "levenshtein"]

_KINDS = {int: "an integer", float: "a number", bytes: "a blob"}


def _refuse(one: Value, other: Value) -> None:
    """For arguments of which one is no text: None if one of them is NULL.

    Raises:
        ValueError: Neither is.
    """
    if one is not None and other is not None:
        found = one if not isinstance(one, str) else other
        raise refusal(f"it compares texts, and this is {_KINDS[type(found)]}: use CAST")


@lru_cache(maxsize=64)
def _places(text: str) -> dict[str, int]:
    """Character → its places in the text, as bits."""
    places: dict[str, int] = {}
    bit = 1
    for letter in text:
        places[letter] = places.get(letter, 0) | bit
        bit <<= 1
    return places


class _Column(dict[str, "_Column"]):
    """A column of the table of distances to one text: character → the column for it.

    A column is two numbers with a bit for each row: where it grows by 1 from one row to the next,
    and where it falls. Columns are computed when they are first asked for; a text to which many
    others are compared needs few of them.
    """

    __slots__ = ("_all", "_falls", "_full", "_grows", "_places", "more")

    def __init__(self, text: str, grows: int, falls: int, known: _Columns) -> None:
        self._places = _places(text).get
        self._full = (1 << len(text)) - 1
        self._grows = grows
        self._falls = falls
        self._all = known
        #: The distance of all that was read to the whole text, less the length of what was read.
        self.more = grows.bit_count() - falls.bit_count()

    def __missing__(self, letter: str) -> _Column:
        state = _next(self._grows, self._falls, self._places(letter, 0), self._full)
        column = self[letter] = self._all[state]
        return column


class _Columns(dict[tuple[int, int], _Column]):
    """The columns of one text that are known, by their two numbers."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __missing__(self, state: tuple[int, int]) -> _Column:
        column = self[state] = _Column(self.text, *state, self)
        return column


def _next(grows: int, falls: int, places: int, full: int) -> tuple[int, int]:
    """The next column, for a character that is at these places of the text."""
    same = places | falls
    equal = ((((same & grows) + grows) ^ grows) | same) & full
    up = ((falls | (full ^ (equal | grows))) << 1 | 1) & full
    return ((grows & equal) << 1 & full) | (full ^ (equal | up)), up & equal


#: A longer text has too many columns for keeping them.
_SHORT = 40
_MOST_COLUMNS = 4000

#: Those of the text that was the second argument last.
_columns = _Columns("")


def levenshtein(one: Value, other: Value) -> int | None:
    """How many characters must be inserted, deleted or replaced to make one text the other.

    Characters are Unicode code points: ``'é'`` is one or two of them, depending on how it is
    encoded, and ``'a'`` differs from ``'A'``. NULL if either argument is NULL. The time grows with
    the product of the two lengths.

    Source: H. Hyyrö, Explaining and Extending the Bit-parallel Approximate String Matching
    Algorithm of Myers (2001), figure 6.
    """
    global _columns
    if not isinstance(one, str) or not isinstance(other, str):
        _refuse(one, other)
        return None
    if not one or not other:
        return len(one) + len(other)
    if other != _columns.text and one == _columns.text:
        one, other = other, one  # the distance is the same
    full = (1 << len(other)) - 1
    if other == _columns.text and len(other) <= _SHORT and len(one) <= _MOST_COLUMNS:
        if len(_columns) > _MOST_COLUMNS:
            _columns.clear()
        column = _columns[full, 0]
        for letter in one:
            column = column[letter]
        return len(one) + column.more
    _columns = _Columns(other)
    places = _places(other).get
    grows, falls = full, 0
    for letter in one:
        grows, falls = _next(grows, falls, places(letter, 0), full)
    return len(one) + grows.bit_count() - falls.bit_count()


def jaro_winkler(one: Value, other: Value) -> float | None:
    """How alike two texts are, from 0.0 to 1.0, a common beginning counting more.

    NULL if either argument is NULL. Two empty texts are alike.

    Source: en.wikipedia.org/wiki/Jaro–Winkler_distance, with a scaling factor of 0.1 and a
    beginning of up to four characters.
    """
    if not isinstance(one, str) or not isinstance(other, str):
        _refuse(one, other)
        return None
    if one == other:
        return 1.0
    length, width = len(one), len(other)
    reach = (length if length > width else width) // 2 - 1
    if reach < 0:
        reach = 0
    begins = 0
    for letter, against in zip(one, other, strict=False):
        if letter != against:
            break
        begins += 1
    find, rest = other.find, other[begins:]
    matches: list[str] = []
    places: list[int] = []
    highest, is_crossed = -1, False
    at = begins - 1
    for letter in one[begins:]:
        at += 1
        if letter not in rest:
            continue
        low, end = at - reach, at + reach + 1
        place = find(letter, low if low > begins else begins, end)
        while place in places:
            place = find(letter, place + 1, end)
        if place < 0:
            continue
        if place < highest:
            is_crossed = True
        else:
            highest = place
        matches.append(letter)
        places.append(place)
    count = begins + len(matches)
    if not count:
        return 0.0
    moved = 0
    if is_crossed:
        places.sort()
        for letter, place in zip(matches, places, strict=True):
            moved += letter != other[place]
    jaro = (count / length + count / width + (count - moved // 2) / count) / 3
    return jaro + min(begins, 4) * 0.1 * (1 - jaro)


_SOUNDS = {"BFPV": "1", "CGJKQSXZ": "2", "DT": "3", "L": "4", "MN": "5", "R": "6"}
_CODES = {letter: digit for letters, digit in _SOUNDS.items() for letter in letters}


@lru_cache(maxsize=1024)
def _sound(text: str) -> str:
    letters = text.upper()
    at = next((at for at, letter in enumerate(letters) if "A" <= letter <= "Z"), -1)
    if at < 0:
        return "?000"
    sound = letters[at]
    before = _CODES.get(sound)
    for letter in letters[at + 1 :]:
        code = _CODES.get(letter)
        if code and code != before:
            sound += code
            if len(sound) == 4:
                return sound
        before = code
    return sound.ljust(4, "0")


def soundex(value: Value) -> str:
    """How an English name sounds, as a letter and three digits; ``?000`` if it has no letters.

    Source: sqlite.org/lang_corefunc.html#soundex. Every letter without a digit separates others.
    """
    return _sound(as_text(value))


SCALARS = (
    Scalar("levenshtein", 2, levenshtein),
    Scalar("jaro_winkler", 2, jaro_winkler),
    Scalar("soundex", 1, soundex),
)
