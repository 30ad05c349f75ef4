"""Events and their listeners: those of the worker, and those that features send to each other.

The worker's events (protocol.py) and those of public/start.mjs have the message as their one value.
The page's own events:

    schema (reply)      a reply brought the schema of the open database
    opened (database)   a person opened a database
    wrote (database)    a database was changed
    exported (database) a person got a database as a file
    deleted (database)  a database was deleted
    replaced (database) a file became a database, perhaps in place of another one of that name
    freed ()            a file other than a database was deleted: there is more room
    full ()             the storage was full when something was to be written
    browsed (sql)       a person chose a table; ``sql`` reads its first rows
    brought (files)     the operating system opened files with this page
    ran (database)      a run has ended, and its results are shown
    missed ()           the database that was open last is not there, or cannot be opened
    started ()          SQL is answered, and the requests that waited for that have been sent
    left ()             the page is being left
    returned ()         the page is shown again after ``left``
"""

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable
    from typing import Any


class Events:
    """The listeners of each event."""

    def __init__(self) -> None:
        self._listeners: "dict[str, list[Callable[..., object]]]" = {}

    def on(self, name: str, listener: "Callable[..., object]") -> None:
        """Calls ``listener(*values)`` at every event of that name, after earlier listeners."""
        self._listeners.setdefault(name, []).append(listener)

    def emit(self, name: str, *values: "Any") -> None:
        """Calls the listeners of an event, if there are any, in the order in which they came."""
        for listener in self._listeners.get(name, ()):
            listener(*values)
