"""Copies rows: for a spreadsheet, or as text that the worker writes; says what is selected."""

import asyncio
import json

from core import dom
from core.errors import RequestError, note_of
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from typing import Any

    from page_types import Event, Json

    from core.console import Console
    from features.query.results import Results
    from features.query.runner import Runner

SHOWN_SECONDS = 6
"""How long it is shown what was copied."""


class Copying:
    """The menu "Copy", what follows, and the figures of the cells that are selected."""

    def __init__(self, console: "Console", runner: "Runner", results: "Results") -> None:
        self._console = console
        self._runner = runner
        self._results = results
        self._menu = dom.by_id("copy-menu")
        self._figures = dom.by_id("figures")
        self._copied = dom.by_id("copied")
        self._said = 0  # counts what was said

    def show(self, told: str) -> None:
        """Shows the figures of the selected cells (Grid.watch in grid.mjs)."""
        said = _figures(json.loads(told)) if told else ""
        self._figures.textContent = said
        self._figures.title = said

    def open_menu(self, x: float, y: float) -> None:
        """Opens the menu at a point of the window."""
        menu = self._menu
        if menu.matches(":popover-open"):
            menu.hidePopover()
        menu.classList.toggle("at-point", True)
        menu.style.setProperty("--x", "{}px".format(x))
        menu.style.setProperty("--y", "{}px".format(y))
        menu.showPopover()
        dom.by_id("copy-first").focus()

    def name(self, event: "Event") -> None:
        """Says in the menu what it copies, when it opens."""
        shown = self._results.shown
        if event.newState != "open":
            dom.spawn(self._closed())
        elif shown is not None:
            dom.by_id("copy-what").textContent = text("copy.what", what=self._taken(shown.key))

    async def _closed(self) -> None:
        """Forgets the cell that the menu was for, once what was chosen has begun."""
        await asyncio.sleep(0.1)
        if not self._menu.matches(":popover-open"):
            self._menu.classList.toggle("at-point", False)
            self._results.grid.endMenu()

    def by_key(self, is_many: bool) -> "Any":
        """Copies the selected cells; a single one has been copied already."""
        if is_many:
            return self.copy_sheet(None)
        self._say(text("copy.done", what=text("count.cells", count=1)))
        return None

    async def copy_sheet(self, named: "bool | None") -> None:
        """Copies for a spreadsheet, with names of columns as ``named`` says (Grid.copySheet)."""
        shown = self._results.shown
        if shown is None:
            return
        what = self._taken(shown.key)
        self._end(await self._results.grid.copySheet(shown.key, named), what)

    async def copy_as(self, name: str) -> None:
        """Copies in a format of the worker's."""
        shown = self._results.shown
        if shown is None or not self._console.may_begin():
            return
        self._console.trouble.clear()
        what = self._taken(shown.key)
        later = self._results.grid.copyLater()
        try:
            part = await self._results.grid.part(shown.key)
            reply = await self._runner.work(
                text("copy.running"),
                "write_rows",
                part=part.file,
                described=part.described,
                columns=json.loads(part.names),
                format=name,
            )
        except RequestError as error:
            later.drop()
            self._results.say()
            if error.kind != "Cancelled":
                self._console.trouble.show(error.error, title=text("copy.failed"))
            return
        later.deliver(reply["parts"][0])
        self._results.say()
        self._end(await later.done, what, reply["notes"])

    def _taken(self, key: int) -> str:
        """Return what a copy takes, in words."""
        scope = json.loads(self._results.grid.scope(key))
        if scope["rows"] < scope["of"]:
            return text("copy.first", count=scope["rows"], all=scope["of"])
        if scope["whole"]:
            return text("count.rows", count=scope["rows"])
        return text("count.cells", count=scope["cells"])

    def _end(self, allowed: bool, what: str, notes: "list[Json] | tuple[()]" = ()) -> None:
        self._say(text("copy.done", what=what) if allowed else text("status.copied-not"))
        noted = " ".join([note_of(note) for note in notes])
        if noted:
            self._console.trouble.show_text(noted, calm=True)

    def _say(self, said: str) -> None:
        """Shows for some seconds what was copied, beside the status, which stays."""
        self._said += 1
        self._copied.textContent = said
        dom.spawn(self._unsay(self._said))

    async def _unsay(self, number: int) -> None:
        await asyncio.sleep(SHOWN_SECONDS)
        if number == self._said:
            self._copied.textContent = ""


def _figures(told: "Json") -> str:
    """Return what is said of the selected cells."""
    said = text("copy.corner") if told["awaits"] else ""
    if "cells" not in told:
        return said
    cells = text("count.cells", count=told["cells"])
    if told["numbers"]:
        if told["numbers"] < told["cells"]:
            numbers = text("copy.numbers", count=told["numbers"])
            cells = text("copy.cells-with", cells=cells, numbers=numbers)
        cells = text(
            "copy.figures",
            cells=cells,
            sum=told["sum"],
            average=told["average"],
            least=told["least"],
            most=told["most"],
        )
    return cells + (" · " + said if said else "")
