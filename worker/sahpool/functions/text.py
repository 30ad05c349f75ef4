"""Texts joined and measured: concat, concat_ws, octet_length, string_agg, group_concat, unaccent.

Source: sqlite.org/lang_corefunc.html, sqlite.org/lang_aggfunc.html; for unaccent
postgresql.org/docs/current/unaccent.html.
"""

from __future__ import annotations

from collections import deque
from unicodedata import combining, normalize

from .registry import Aggregate, Scalar, Value, refusal
from .values import as_text, order

__all__ = ["AGGREGATES", "SCALARS"]


def concat(*values: Value) -> str:
    """The values as text, one after the other; NULL is the empty text."""
    try:
        return "".join(values)  # type: ignore[arg-type]
    except TypeError:
        return "".join(map(as_text, values))
    finally:
        if not values:
            raise refusal("concat() takes one argument at least")


def concat_ws(*values: Value) -> str | None:
    """The values after the first as text, with the first between them; NULLs are left out."""
    if len(values) < 2:
        raise refusal("concat_ws() takes a separator and one more argument at least")
    separator = values[0]
    if separator is None:
        return None
    try:
        return str.join(separator, values[1:])  # type: ignore[arg-type]
    except TypeError:
        return as_text(separator).join([as_text(each) for each in values[1:] if each is not None])


def octet_length(value: Value) -> int | None:
    """How many bytes a value has, as text in UTF-8 where it is a number."""
    if type(value) is str:
        return len(value) if value.isascii() else len(value.encode())
    if value is None:
        return None
    return len(value) if isinstance(value, bytes) else len(as_text(value))


#: Letters that Unicode does not decompose.
_WITHOUT_PARTS = {
    "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "ß": "ss", "ẞ": "SS", "Ø": "O", "ø": "o",
    "Đ": "D", "đ": "d", "Ð": "D", "ð": "d", "Þ": "TH", "þ": "th", "Ł": "L", "ł": "l",
    "Ħ": "H", "ħ": "h", "ı": "i", "Ŧ": "T", "ŧ": "t", "ŋ": "n", "Ŋ": "N", "ĸ": "q",
}  # fmt: skip


class _Plain(dict[int, str]):
    """Code point → what it is without accents, found out when it is first asked for."""

    def __missing__(self, point: int) -> str:
        letter = chr(point)
        parts = normalize("NFKD", letter)
        plain = "".join(each for each in parts if not combining(each))
        self[point] = plain
        return plain


_plain = _Plain({ord(letter): plain for letter, plain in _WITHOUT_PARTS.items()})


def unaccent(value: Value) -> Value:
    """A text without accents and other marks: é is e, ß is ss; other values as they are."""
    if type(value) is not str or value.isascii():
        return value
    return value.translate(_plain)


class _Joined:
    """The values as text, with a separator; a third argument says by what they are sorted."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._separators: deque[str] = deque()
        self._keys: list[Value] | None = None

    def step(self, value: Value, separator: Value = ",", *key: Value) -> None:
        if len(key) > 1:
            raise refusal("string_agg() takes a value, a separator and perhaps a key to sort by")
        if value is None:
            return
        self._texts.append(as_text(value))
        self._separators.append(as_text(separator))
        if key:
            if self._keys is None:
                self._keys = []
            self._keys.append(key[0])

    def inverse(self, value: Value, *_: Value) -> None:
        if value is not None:
            self._texts.popleft()
            self._separators.popleft()
            if self._keys:
                del self._keys[0]

    def value(self) -> str | None:
        if not self._texts:
            return None
        pairs = list(zip(self._separators, self._texts, strict=True))
        if self._keys is not None:
            keys = self._keys
            turns = sorted(range(len(pairs)), key=lambda at: order(keys[at]))
            pairs = [pairs[at] for at in turns]
        return pairs[0][1] + "".join([part for pair in pairs[1:] for part in pair])

    finalize = value


SCALARS = (
    Scalar("concat", -1, concat),
    Scalar("concat_ws", -1, concat_ws),
    Scalar("octet_length", 1, octet_length),
    Scalar("unaccent", 1, unaccent),
)

AGGREGATES = (
    Aggregate("string_agg", 2, _Joined),
    Aggregate("string_agg", 3, _Joined),
    Aggregate("group_concat", 3, _Joined),
)
