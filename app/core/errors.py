"""Errors of the protocol (worker/sahpool_console/protocol.py) as the page sees them."""

from core.messages import text
from sahpool_console import protocol

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Json


class RequestError(Exception):
    """The worker answered a request with ``error``, as protocol.make_error makes it."""

    def __init__(self, error: "Json") -> None:
        super().__init__(error["message"])
        self.error = error

    @property
    def kind(self) -> str:
        """The error's type: ``Cancelled``, ``NameExists``, ``OperationalError``…"""
        kind: str = self.error["type"]
        return kind


def own_error(kind: str, key: str, hint_key: "str | None" = None) -> "Json":
    """Return an error that the page makes itself, with texts of the catalogue."""
    hint = None if hint_key is None else text(hint_key)
    return protocol.make_error(kind, text(key), hint=hint)


def is_storage_full(error: "Json") -> bool:
    """Return whether an error says that the storage is full.

    SQLite's own limits, such as max_page_count, are SQLITE_FULL as well, but without a cause.
    """
    own_limit = error["type"] == "OperationalError" and not error["cause"]
    return error["name"] == "SQLITE_FULL" and not own_limit
