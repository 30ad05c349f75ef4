"""What happens when the page is left, and when a person comes back to it."""

from core import dom

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from core.console import Console


def setup(console: "Console") -> None:
    """Listens for the page being left."""
    Leaving(console)


class Leaving:
    """Lets go of the storage when the page goes; asks first where something would be lost.

    It is asked while a transaction is open, while a file is imported, and while databases in
    memory have changes that were not exported. Not while statements merely run: what they have
    committed stays, and a person who leaves can see that they run.
    """

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._left = False
        self._undone = False
        for name in ("importing", "in_transaction", "unexported"):
            console.state.watch(name, lambda _value: self._update())
        dom.listen_window("pagehide", lambda _event: self._leave())
        dom.listen_window("pageshow", lambda _event: self._come_back())

    def _update(self) -> None:
        state = self._console.state
        dom.ask_before_leaving(
            state["importing"] or state["in_transaction"] or len(state["unexported"]) > 0
        )

    def _leave(self) -> None:
        # A page that is kept for the way back would keep its worker, and that the storage. What is
        # in memory only would be lost with the worker, and nobody else waits for it.
        if self._console.state["storage"] != "memory":
            self._left = True
            self._undone = self._console.state["in_transaction"]
            self._console.events.emit("left")

    def _come_back(self) -> None:
        if not self._left:
            return
        self._left = False
        self._console.events.emit("returned")
        if self._undone:
            self._console.trouble.show_text(
                "The transaction that was open when you left this page was undone.",
                "What was committed is kept.",
                calm=True,
            )
