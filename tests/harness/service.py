"""The private parts of the service and of the page's client, for tests outside Pyodide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sahpool_console.session.service import Service
    from sahpool_console.session.session import Session


def session_of(service: Service, key: str) -> Session:
    """Return the session of a tab in the service."""
    return service._sessions[key]


def settled_value(request: Any) -> Any:
    """Return the error and the result that a request of the page's client ended with, or None."""
    return request._future.value
