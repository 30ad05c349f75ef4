"""The status line at the foot of the page, and the alert below the editor that shows errors."""

import asyncio

from core import dom, format
from core.errors import is_storage_full

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable, Iterable

    from page_types import Json

    from core.commands import Commands
    from core.events import Events
    from core.state import State


class Status:
    """The status line: what was done and how long it took, an open transaction, the engine."""

    def __init__(self, state: "State") -> None:
        self._text = dom.by_id("status-text")
        self._ticker = dom.by_id("ticker")
        self._engine = dom.by_id("engine")
        self._watch = 0
        self._reached = ""
        state.watch("in_transaction", self._show_transaction)

    def say(self, text: str) -> None:
        """Shows a text that assistive technology reads out."""
        self._text.textContent = text

    def say_copied(self, allowed: bool, what: str = "") -> None:
        """Shows that something is on the clipboard, or why it is not."""
        copied = "Copied " + what if what else "Copied"
        self.say(copied if allowed else "The browser did not allow copying")

    def tick(self, text: str) -> None:
        """Shows a text that changes often, so that assistive technology does not read it out."""
        self._ticker.textContent = text

    def show_engine(self, versions: "dict[str, str]") -> None:
        """Shows the version of SQLite; ``versions`` are those of the reply to ``hello``."""
        text = "SQLite {} · data stays on this machine"
        self._engine.textContent = text.format(versions.get("sqlite", "?"))

    def start_watch(self) -> None:
        """Shows the time that passes, from 0.4 s on, until stop_watch()."""
        self._watch += 1
        self._reached = ""
        dom.spawn(self._run_watch(self._watch))

    def reached(self, text: str) -> None:
        """Shows the progress of what runs, beside the time that passes."""
        self._reached = " · " + text

    def stop_watch(self) -> None:
        """Stops showing the time that start_watch() shows."""
        self._watch += 1
        self.tick("")

    async def _run_watch(self, number: int) -> None:
        passed = 0.4
        await asyncio.sleep(passed)
        while number == self._watch:
            self.tick("{:.1f} s{}".format(passed, self._reached))
            await asyncio.sleep(0.2)
            passed += 0.2

    def _show_transaction(self, is_open: bool) -> None:
        dom.by_id("transaction").hidden = not is_open


class Trouble:
    """The alert below the editor: what went wrong, where, and what to do about it."""

    def __init__(self, events: "Events", commands: "Commands") -> None:
        self._region = dom.by_id("alert")
        self._events = events
        self._commands = commands
        self._actions: "list[Callable[[], object]]" = []
        dom.on_acts(self._region, {"do": lambda button: self._actions[int(button.dataset.key)]()})

    def clear(self) -> None:
        """Removes the alert."""
        self._region.replaceChildren()
        self._actions = []

    def show(
        self,
        error: "Json",
        where: "str | None" = None,
        title: "str | None" = None,
        actions: "Iterable[tuple[str, Callable[[], object]]]" = (),
    ) -> None:
        """Show an error of the protocol, below those shown since clear().

        Args:
            error: The error, as protocol.make_error makes it.
            where: Its place in the editor.
            title: What was being done.
            actions: Pairs of a button's name and the function that it calls.
        """
        calm = error["type"] in ("Cancelled", "Restarted")
        box = dom.make("div", class_="trouble calm" if calm else "trouble")
        message = error["message"]
        if title:
            message = "{}: {}".format(title, message)
        box.append(
            dom.make("span", where or ("Note" if calm else "Error"), class_="where"),
            dom.shown(message, class_="what"),
            dom.make("span", error["name"] or "", class_="code"),
        )
        for text in (error["hint"], error["cause"]):
            if text and text != error["message"]:
                box.append(dom.shown(text, class_="more"))
        if is_storage_full(error):
            self._events.emit("full")
            actions = list(actions)
            actions.append(("Show databases", lambda: self._commands.run("storage.show")))
        if actions:
            row = dom.make("span", class_="acts")
            for name, action in actions:
                key = str(len(self._actions))
                row.append(dom.make("button", name, type="button", data_act="do", data_key=key))
                self._actions.append(action)
            box.append(row)
        self._region.append(box)

    def show_text(
        self,
        message: str,
        hint: "str | None" = None,
        actions: "Iterable[tuple[str, Callable[[], object]]]" = (),
        calm: bool = False,
    ) -> None:
        """Shows a message of the page itself, as show() shows an error of the protocol."""
        error: "Json" = {"type": "Cancelled" if calm else "", "name": None, "cause": None}
        error["message"] = message
        error["hint"] = hint
        self.show(error, actions=actions)

    def show_crash(self, text: str) -> None:
        """Shows an unexpected exception of the page; only the last one, as they may be many."""
        self.clear()
        self.show_text(
            "Something in this page went wrong: " + format.brief(text, 300),
            "Your data is not affected. Reload the page if it does not answer any more.",
        )
