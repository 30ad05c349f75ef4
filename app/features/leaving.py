"""Releases the storage when the page is left, and begins again when a person comes back."""

from core import dom
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from core.console import Console


def setup(console: "Console") -> None:
    """Listens for the page being left and being shown again."""
    Leaving(console)


class Leaving:
    """Releases the storage when the page is left; has the browser ask first if data would be lost.

    The browser asks while a transaction is open, while a file is imported, and while databases in
    memory have changes that were not exported. It does not ask while statements merely run: what
    they have committed stays, and a person who leaves can see that they run.
    """

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._left = False
        self._undone = False
        for name in ("importing", "transaction", "unexported"):
            console.state.watch(name, lambda _value: self._update())
        dom.listen_window("pagehide", lambda _event: self._leave())
        dom.listen_window("pageshow", lambda _event: self._come_back())

    def _update(self) -> None:
        state = self._console.state
        dom.ask_before_leaving(
            state["importing"] or bool(state["transaction"]) or len(state["unexported"]) > 0
        )

    def _leave(self) -> None:
        # A page in the back/forward cache would keep its worker, and the worker the storage. A
        # worker with databases in memory is kept: they would be lost, and no other tab needs it.
        if self._console.state["storage"] != "memory":
            self._left = True
            self._undone = bool(self._console.state["transaction"])
            self._console.events.emit("left")

    def _come_back(self) -> None:
        if not self._left:
            return
        self._left = False
        self._console.events.emit("returned")
        if self._undone:
            self._console.trouble.show_text(
                text("leaving.undone"),
                text("leaving.undone-hint"),
                calm=True,
            )
