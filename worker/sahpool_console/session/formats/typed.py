"""Values of columns whose type a person has chosen."""

import re
from collections.abc import Container

__all__ = ["as_type"]

_INTEGER = re.compile(r"[-+]?[0-9]{1,25}")
_REAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_GROUPS = {",": ". '’\u00a0\u202f", ".": ", '’\u00a0\u202f", None: ""}


def as_type(
    value: str, declared: str, absent: Container[str], decimal: str | None
) -> int | float | str | None:
    """A field as a value of a column that is declared INTEGER or REAL.

    A number is an int or a float, whatever its form; one of ``absent`` is None. Anything else stays
    the text that it is.

    Args:
        value: The field.
        declared: INTEGER or REAL.
        absent: Fields that stand for NULL.
        decimal: The decimal mark, where that has been chosen; then thousands may be separated.
    """
    if value in absent:
        return None
    text = value.strip()
    for group in _GROUPS[decimal]:
        text = text.replace(group, "")
    if decimal == ",":
        text = text.replace(",", ".")
    if declared == "INTEGER" and _INTEGER.fullmatch(text):
        number = int(text)
        return number if -(2**63) <= number < 2**63 else value
    if _REAL.fullmatch(text):
        real = float(text)
        return real if real - real == 0 else value
    return value
