"""What a person has chosen about a file of text; anything not chosen is found in the file."""

from typing import Any, NamedTuple

__all__ = ["NO_OPTIONS", "TextOptions"]


class TextOptions(NamedTuple):
    """Each is None where nothing is chosen.

    Attributes:
        encoding: The text encoding, by one of Python's names for it.
        delimiter: The separator, one character.
        quote: The quotation mark, one character; empty: the file does not quote.
        backslash: Whether a backslash makes the next character an ordinary one.
        skip: How many lines stand above the table.
        header: Whether the first record of the table names the columns.
        decimal: The decimal mark: a point or a comma.
        nulls: The texts that stand for NULL, in all columns; an empty field always does.
        types: The declared types of the columns: INTEGER, REAL or TEXT.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    backslash: bool | None = None
    skip: int | None = None
    header: bool | None = None
    decimal: str | None = None
    nulls: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "TextOptions":
        """The options among the fields of a request."""
        return cls(*(_kept(fields.get(name)) for name in cls._fields))


def _kept(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


NO_OPTIONS = TextOptions()
