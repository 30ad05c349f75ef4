"""The status line at the foot of the page, and the alert below the editor that shows errors."""

import asyncio

from core import dom, format
from core.errors import hints_of, is_storage_full, message_of
from core.messages import text
from sahpool_console import protocol

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable, Iterable

    from page_types import Element, Json

    from core.commands import Commands
    from core.events import Events


class Status:
    """The status line: what was done and how long it took, the engine."""

    def __init__(self) -> None:
        self._text = dom.by_id("status-text")
        self._ticker = dom.by_id("ticker")
        self._engine = dom.by_id("engine")
        self._watch = 0
        self._reached = ""

    def say(self, said: str) -> None:
        """Shows a text that assistive technology reads out."""
        self._text.textContent = said

    def say_copied(self, allowed: bool, what: str = "") -> None:
        """Shows that something is on the clipboard, or why it is not."""
        if not allowed:
            self.say(text("status.copied-not"))
        elif what:
            self.say(text("status.copied-what", what=what))
        else:
            self.say(text("status.copied"))

    def tick(self, said: str) -> None:
        """Shows a text that changes often, so that assistive technology does not read it out."""
        self._ticker.textContent = said

    def show_engine(self, versions: "dict[str, str]") -> None:
        """Shows the version of SQLite; ``versions`` are those of the reply to ``hello``."""
        self._engine.textContent = text("status.engine", version=versions.get("sqlite", "?"))

    def start_watch(self) -> None:
        """Shows the time that passes, from 0.4 s on, until stop_watch()."""
        self._watch += 1
        self._reached = ""
        dom.spawn(self._run_watch(self._watch))

    def reached(self, said: str) -> None:
        """Shows the progress of what runs, beside the time that passes."""
        self._reached = said

    def stop_watch(self) -> None:
        """Stops showing the time that start_watch() shows."""
        self._watch += 1
        self.tick("")

    async def _run_watch(self, number: int) -> None:
        passed = 0.4
        await asyncio.sleep(passed)
        while number == self._watch:
            amount = "{:.1f}".format(passed)
            if self._reached:
                self.tick(text("status.passed-reached", amount=amount, reached=self._reached))
            else:
                self.tick(text("status.passed", amount=amount))
            await asyncio.sleep(0.2)
            passed += 0.2


class Trouble:
    """The alert below the editor: what went wrong, where, and what to do about it."""

    def __init__(self, events: "Events", commands: "Commands", status: "Status") -> None:
        self._region = dom.by_id("alert")
        self._status = status
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
            actions: Pairs of the key of a button's name and the function that it calls.
        """
        calm = error["type"] in ("Cancelled", "Restarted")
        box = dom.make("div", class_="trouble calm" if calm else "trouble")
        message = message_of(error)
        said = text("trouble.titled", title=title, message=message) if title else message
        if not where:
            where = text("trouble.note" if calm else "trouble.error")
        mores = [" ".join(hints_of(error)), error["cause"]]
        mores = [more for more in mores if more and more != message]
        box.append(dom.make("span", where, class_="where"), dom.shown(said, class_="what"))
        details = dom.make("span", error["name"] or "", class_="acts code", hidden="")
        if not calm:
            lines = [where, said]
            lines.extend(mores)
            lines.extend([error["name"]] if error["name"] else [])
            details.append(
                self._button("act.copy-error", lambda: self._copy("\n".join(lines))),
            )
            box.append(self._opener(details))
        for more in mores:
            box.append(dom.shown(more, class_="more"))
        if is_storage_full(error):
            self._events.emit("full")
            actions = list(actions)
            actions.append(("act.show-databases", lambda: self._commands.run("storage.show")))
        if actions:
            row = dom.make("span", class_="acts")
            row.append(*[self._button(name, action) for name, action in actions])
            box.append(row)
        box.append(details)
        self._region.append(box)

    def _opener(self, details: "Element") -> "Element":
        """Return the button that shows the details of an error, and hides them again."""

        def toggle() -> None:
            details.hidden = not details.hidden
            opener.setAttribute("aria-expanded", "false" if details.hidden else "true")

        title = text("trouble.details")
        opener = dom.make(
            "button",
            "⋯",
            type="button",
            class_="quiet opener",
            title=title,
            aria_label=title,
            aria_expanded="false",
            data_act="do",
            data_key=self._number(toggle),
        )
        return opener

    async def _copy(self, said: str) -> None:
        self._status.say_copied(await dom.copy(said))

    def _button(self, name: str, action: "Callable[[], object]") -> "Element":
        return dom.make(
            "button", text(name), type="button", data_act="do", data_key=self._number(action)
        )

    def _number(self, action: "Callable[[], object]") -> int:
        """Return the number by which a button runs an action."""
        self._actions.append(action)
        return len(self._actions) - 1

    def show_text(
        self,
        message: str,
        hint: "str | None" = None,
        actions: "Iterable[tuple[str, Callable[[], object]]]" = (),
        calm: bool = False,
    ) -> None:
        """Shows a message of the page itself, as show() shows an error of the protocol."""
        error = protocol.make_error("Cancelled" if calm else "", message, hint=hint)
        self.show(error, actions=actions)

    def show_crash(self, error: str) -> None:
        """Shows an unexpected exception of the page; only the last one, as they may be many."""
        self.clear()
        crash = text("trouble.crash", error=format.brief(error, 300))
        self.show_text(crash, text("trouble.crash-hint"))
