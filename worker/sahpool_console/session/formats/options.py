"""What a person has chosen about a file of text; anything not chosen is found in the file."""

from typing import Any, NamedTuple

from ... import protocol
from .encodings import ENCODINGS

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
        types: The declared types of the columns: INTEGER, REAL or TEXT; empty: not chosen.
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
        """The options among the fields of a request.

        Raises:
            protocol.ProtocolError: One of them means nothing.
        """
        chosen = cls(*(_kept(fields.get(name)) for name in cls._fields))
        for text, fits in chosen.rules():
            if not fits:
                raise protocol.ProtocolError(f"The {text}.")
        return chosen

    def rules(self) -> list[tuple[str, bool]]:
        """What has to hold, each with whether it does."""
        delimiter, quote = self.delimiter, self.quote
        return [
            (
                "delimiter is one character, and no line end, quotation mark or backslash",
                delimiter is None or (len(delimiter) == 1 and delimiter not in '\r\n\0"\\'),
            ),
            (
                "quote is one character or none, and no line end, blank or backslash",
                quote is None or (len(quote) < 2 and quote not in "\r\n\0 \\") or not quote,
            ),
            ("quote is not the delimiter", not quote or quote != delimiter),
            (
                f"encoding is one of {', '.join(ENCODINGS)}",
                self.encoding is None or self.encoding in ENCODINGS,
            ),
            ("decimal is a point or a comma", self.decimal in (None, ".", ",")),
            ("types are TEXT, INTEGER or REAL", set(self.types or ()) <= TYPES),
            ("nulls have no NUL", not any("\0" in mark for mark in self.nulls or ())),
        ]


TYPES = {"TEXT", "INTEGER", "REAL", ""}


def _kept(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


NO_OPTIONS = TextOptions()
