r"""Regular expressions: the operator REGEXP, and regexp_like, _replace, _substr, _capture.

Patterns are those of Python's ``re``. A flag is one of the letters i (case does not matter), m (^
and $ at each line), s (. is a line break as well) and x (blanks and comments in the pattern). In a
replacement ``\1`` or ``\g<name>`` is a group. Where an argument is NULL, the value is NULL.

Source: docs.python.org/3/library/re.html.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .registry import Scalar, Value, refusal
from .values import as_integer, as_text

__all__ = ["SCALARS"]

_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}


@lru_cache(maxsize=128)
def _compiled(pattern: Value, flags: Value = "") -> re.Pattern[str]:
    chosen = re.NOFLAG
    for letter in as_text(flags):
        if letter not in _FLAGS:
            raise refusal(f"{letter!r} is no flag of a regular expression; i, m, s and x are")
        chosen |= _FLAGS[letter]
    try:
        return re.compile(as_text(pattern), chosen)
    except (re.error, OverflowError, RecursionError) as error:
        raise refusal(f"{pattern!r} is no regular expression: {error}") from None


def regexp(pattern: Value, value: Value) -> int | None:
    """Whether the pattern is found in the value: ``value REGEXP pattern``."""
    if pattern is None or value is None:
        return None
    text = value if type(value) is str else as_text(value)
    return 1 if _compiled(pattern).search(text) else 0


def regexp_like(value: Value, pattern: Value, flags: Value = "") -> int | None:
    """Whether the pattern is found in the value."""
    if value is None or pattern is None or flags is None:
        return None
    return 1 if _compiled(pattern, flags).search(as_text(value)) else 0


def regexp_substr(value: Value, pattern: Value, flags: Value = "") -> str | None:
    """The first part of the value that the pattern matches; NULL if there is none."""
    return regexp_capture(value, pattern, 0, flags)


def regexp_capture(value: Value, pattern: Value, group: Value = 1, flags: Value = "") -> str | None:
    """What a group of the pattern matches first, given by number or name; NULL if nothing."""
    if value is None or pattern is None or group is None or flags is None:
        return None
    found = _compiled(pattern, flags).search(as_text(value))
    if found is None:
        return None
    try:
        return found[group if isinstance(group, str) else as_integer(group)]
    except IndexError:
        raise refusal(f"the pattern {pattern!r} has no group {group!r}") from None


def regexp_replace(
    value: Value, pattern: Value, replacement: Value, flags: Value = ""
) -> str | None:
    """The value with every part that the pattern matches replaced."""
    if value is None or pattern is None or replacement is None or flags is None:
        return None
    try:
        return _compiled(pattern, flags).sub(as_text(replacement), as_text(value))
    except (re.error, IndexError) as error:
        raise refusal(f"{replacement!r} is no replacement: {error}") from None


SCALARS = (
    Scalar("regexp", 2, regexp),
    Scalar("regexp_like", 2, regexp_like),
    Scalar("regexp_like", 3, regexp_like),
    Scalar("regexp_substr", 2, regexp_substr),
    Scalar("regexp_substr", 3, regexp_substr),
    Scalar("regexp_capture", 2, regexp_capture),
    Scalar("regexp_capture", 3, regexp_capture),
    Scalar("regexp_capture", 4, regexp_capture),
    Scalar("regexp_replace", 3, regexp_replace),
    Scalar("regexp_replace", 4, regexp_replace),
)
