r"""Characters and bytes written out: unistr, unistr_quote, unhex.

``.dump`` of the sqlite3 shell writes texts with control characters as ``unistr('…\u000a…')`` since
3.50. Source: sqlite.org/lang_corefunc.html.
"""

from __future__ import annotations

import re
from binascii import unhexlify

from .registry import Scalar, Value, refusal
from .values import as_text

__all__ = ["SCALARS"]

_ESCAPE = re.compile(
    r"\\(?:(\\)|([0-9A-Fa-f]{4})|\+([0-9A-Fa-f]{6})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|)"
)
_CONTROL = re.compile(r"[\x01-\x1f]")


def _character(found: re.Match[str]) -> str:
    if found[1]:
        return "\\"
    digits = found[2] or found[3] or found[4] or found[5]
    if digits is None:
        raise refusal("invalid Unicode escape")
    point = int(digits, 16)
    # UTF-8 has no bytes for half a surrogate pair.
    return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else "\ufffd"


def unistr(value: Value) -> str | None:
    r"""A text with its escapes resolved: ``\XXXX``, ``\+XXXXXX``, ``\uXXXX``, ``\UXXXXXXXX``."""
    if type(value) is not str:
        if value is None:
            return None
        value = as_text(value)
    return _ESCAPE.sub(_character, value) if "\\" in value else value


def unistr_quote(value: Value) -> str:
    """A value as a literal of SQL, control characters in it written out by unistr()."""
    if type(value) is not str:
        if value is None:
            return "NULL"
        if isinstance(value, bytes):
            return f"X'{value.hex().upper()}'"
        text = as_text(value)
        return {"Inf": "9.0e+999", "-Inf": "-9.0e+999"}.get(text, text)
    text = value.partition("\0")[0].replace("'", "''")
    if text.isprintable() or not _CONTROL.search(text):
        return f"'{text}'"
    text = text.replace("\\", "\\\\")
    return "unistr('" + _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "')"


def unhex(value: Value, *ignored: Value) -> bytes | None:
    """The bytes that a text of hexadecimal digits stands for; NULL if it is none.

    Args:
        value: The text.
        *ignored: A text of the characters that may stand between two bytes.
    """
    if ignored:
        if value is None or ignored[0] is None:
            return None
        value = _without(as_text(value), as_text(ignored[0]))
    try:
        return unhexlify(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        if value is None or isinstance(value, str):
            return None
    return unhex(as_text(value))


_DIGITS = frozenset("0123456789abcdefABCDEF")


def _without(text: str, ignored: str) -> str | None:
    """The digits of a text, if what is between two bytes is ignored; else None."""
    found = []
    at = 0
    while at < len(text):
        if text[at] in _DIGITS:
            found.append(text[at : at + 2])
            at += 2
        elif text[at] in ignored:
            at += 1
        else:
            return None
    return "".join(found)


SCALARS = (
    Scalar("unistr", 1, unistr),
    Scalar("unistr_quote", 1, unistr_quote),
    Scalar("unhex", 1, unhex),
    Scalar("unhex", 2, unhex),
)
