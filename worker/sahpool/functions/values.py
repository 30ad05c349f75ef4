"""SQLite's conversions between its types, as its own functions do them with their arguments.

Source: sqlite.org/datatype3.html, sections 3 and 4; sqlite.org/lang_expr.html#castexpr.
"""

from __future__ import annotations

import re

from .registry import Value

__all__ = ["as_integer", "as_number", "as_text", "is_true", "order"]

_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_PREFIX = re.compile(r"[ \t\n\v\f\r]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_NUMBER = re.compile(_PREFIX.pattern + r"[ \t\n\v\f\r]*\Z")

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def as_text(value: Value) -> str:
    """``CAST(value AS TEXT)``; NULL is the empty text.

    Bytes of a BLOB that are not UTF-8 become replacement characters.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _shown(value)
    return value.decode("utf-8", "replace")


def _shown(number: float) -> str:
    if number in (float("inf"), float("-inf")):
        return "Inf" if number > 0 else "-Inf"
    text = f"{number + 0.0:.15g}"  # + 0.0: SQLite shows -0.0 as 0.0
    if "e" in text:
        digits, _, exponent = text.partition("e")
        return text if "." in digits else f"{digits}.0e{exponent}"
    return text if "." in text else text + ".0"


def as_number(value: Value) -> int | float | None:
    """A number, or text that is written like one, as the number; None for everything else."""
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str) or not _NUMBER.match(value):
        return None
    return float(value)


def as_integer(value: Value) -> int:
    """``CAST(value AS INTEGER)``; NULL is 0."""
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return min(max(int(value), _LEAST), _MOST) if abs(value) < 1e19 else _at_the_end(value)
    found = _INTEGER.match(as_text(value))
    return min(max(int(found[1]), _LEAST), _MOST) if found else 0


def _at_the_end(number: float) -> int:
    return _MOST if number > 0 else _LEAST


def is_true(value: Value) -> bool:
    """Whether a value is true as a condition: text and BLOBs count as the number they begin with.

    NULL is not true.
    """
    if value is None or isinstance(value, (int, float)):
        return bool(value)
    found = _PREFIX.match(as_text(value))
    return bool(found) and float(found[1]) != 0  # type: ignore[index]


def order(value: Value) -> tuple[int, int | float | str | bytes]:
    """A key by which Python sorts values as SQLite does: NULL, numbers, text, BLOBs."""
    if value is None:
        return 0, 0
    if isinstance(value, (int, float)):
        return 1, value
    return (2, value.encode()) if isinstance(value, str) else (3, value)
