"""Errors of the protocol (worker/protocol.py) as the page sees them."""

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Json


class RequestError(Exception):
    """A request that was answered with an error; ``error`` is that error (protocol.make_error)."""

    def __init__(self, error: "Json") -> None:
        super().__init__(error["message"])
        self.error = error

    @property
    def kind(self) -> str:
        """The error's type: ``Cancelled``, ``NameExists``, ``OperationalError``…"""
        kind: str = self.error["type"]
        return kind


def is_storage_full(error: "Json") -> bool:
    """Whether the storage takes no more; limits of SQLite's own have the same name but no cause."""
    own_limit = error["type"] == "OperationalError" and not error["cause"]
    return error["name"] == "SQLITE_FULL" and not own_limit
