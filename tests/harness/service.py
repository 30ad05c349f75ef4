"""The private parts of the service and of the page's client, for tests outside Pyodide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from session.service import Service
    from session.session import Session


def session_of(service: Service, key: str) -> Session:
    """The session that a tab has in the service."""
    return service._sessions[key]


def settled_value(request: Any) -> Any:
    """What a request of the page's client was settled with: an error and a result, or None."""
    return request._future.value
