"""Types that the page's modules share; there is nothing of it when they run."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from js import Element as Element
from js import Event as Event
from js import File as File

Json = dict[str, Any]
"""A request, a reply, an event, or what is in one (worker/sahpool_console/protocol.py)."""

Actions = Iterable[tuple[str, Callable[[], object]]]
"""Pairs of the key of a button's name and what it calls."""

class StatusLine(Protocol):
    """ui/notices.py: Status, as core knows it."""

    def say(self, said: str) -> None: ...
    def say_copied(self, allowed: bool, what: str = "") -> None: ...
    def tick(self, said: str) -> None: ...
    def show_engine(self, versions: dict[str, str]) -> None: ...
    def start_watch(self) -> None: ...
    def reached(self, said: str) -> None: ...
    def stop_watch(self) -> None: ...

class Alert(Protocol):
    """ui/notices.py: Trouble, as core knows it."""

    def clear(self) -> None: ...
    def show(
        self, error: Json, where: str | None = None, title: str | None = None, actions: Actions = ()
    ) -> None: ...
    def show_text(
        self, message: str, hint: str | None = None, actions: Actions = (), calm: bool = False
    ) -> None: ...
