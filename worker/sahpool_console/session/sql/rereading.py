"""What is asked of a query before it is run again for the rows that it gave before."""

from __future__ import annotations

from ..errors import Hint, RowsChanged, SessionError
from .connection import Connection
from .statements import texts

__all__ = ["only_statement", "require_certain", "require_state"]


def only_statement(sql: bytes) -> str:
    """The one statement of a text in UTF-8.

    Raises:
        SessionError: There are none or several.
    """
    statements = list(texts(sql))
    if len(statements) != 1:
        raise SessionError(
            f"The rows of one statement are exported at a time, and here are {len(statements)}.",
            code="not-one-statement",
            hint=Hint("leave-one"),
            count=len(statements),
        )
    return statements[0]


def require_state(connection: Connection, state: str) -> None:
    """Raises RowsChanged where the data is no longer in that state (``Connection.state``)."""
    if connection.state() != state:
        raise RowsChanged("The data has changed since these rows were read.", code="data-changed")


def require_certain(connection: Connection, statement: str) -> None:
    """Raises RowsChanged where the statement may give other rows though no data has changed."""
    if connection.varies(statement):
        raise RowsChanged(
            "This query may give other rows each time that it runs.", code="query-varies"
        )
