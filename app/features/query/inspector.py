"""The inspector beside the rows: the cell that a person is at, in several forms, and its row."""

import json

from core import dom
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Element, Event, Json

    from core.console import Console
    from features.query.results import Results

KINDS = {
    "null": "cell.null",
    "int": "cell.int",
    "float": "cell.float",
    "text": "cell.text",
    "blob": "cell.blob",
}

VIEWS = {
    "text": "inspect.text",
    "json": "inspect.json",
    "hex": "inspect.hex",
    "image": "inspect.image",
    "date": "inspect.date",
}


class Inspector:
    """The panel; it follows the cell that has the focus, and never takes it away."""

    def __init__(self, console: "Console", results: "Results") -> None:
        self._console = console
        self._grid = results.grid
        self._panel = dom.by_id("inspector")
        self._name = dom.by_id("inspector-name")
        self._about = dom.by_id("inspector-about")
        self._views = dom.by_id("inspector-views")
        self._body = dom.by_id("inspector-body")
        self._known: "Json | None" = None
        self._view = ""
        self._wanted = ""  # the form that a person has chosen last
        self._is_row = False
        self._asked = 0  # counts the cells that were asked for
        dom.on_acts(
            self._panel,
            {
                "cell": lambda _button: self._turn(False),
                "row": lambda _button: self._turn(True),
                "view": self._choose,
                "copy": lambda _button: self._copy(),
                "download": lambda _button: self._grid.downloadOpened(),
                "close": lambda _button: self.close(),
            },
        )
        dom.listen(dom.by_id("results"), "keydown", self._on_key)
        self._follow = dom.guarded(self.look)

    async def open(self) -> None:
        """Opens the panel at the cell that a person is at."""
        self._panel.hidden = False
        self._grid.follow(self._follow)
        await self.look()
        self._grid.reveal()

    def close(self) -> None:
        """Closes the panel and focuses the cell."""
        self._panel.hidden = True
        self._grid.follow(None)
        self._grid.focus()

    async def look(self) -> None:
        """Shows the cell that a person is at."""
        self._asked += 1
        asked = self._asked
        found = await self._grid.inspect()
        if asked != self._asked or self._panel.hidden:
            return
        self._known = json.loads(found) if found else None
        self._draw()

    def _on_key(self, event: "Event") -> None:
        if event.key == "Escape" and not self._panel.hidden:
            event.preventDefault()  # it stops nothing then
            self.close()

    def _turn(self, is_row: bool) -> None:
        self._is_row = is_row
        self._draw()

    def _choose(self, button: "Element") -> None:
        self._wanted = button.dataset.key
        self._draw()
        for other in dom.items(self._views.children):
            if other.dataset.key == self._wanted:
                other.focus()

    def _draw(self) -> None:
        known = self._known
        pressed = {"inspector-cell": not self._is_row, "inspector-row": self._is_row}
        for name in pressed:
            dom.by_id(name).setAttribute("aria-pressed", "true" if pressed[name] else "false")
        dom.by_id("inspector-acts").hidden = known is None or self._is_row
        dom.fill(self._views, [])
        if known is None:
            self._name.textContent = ""
            self._about.textContent = text("inspect.none")
            dom.fill(self._body, [])
            return
        row = text("inspect.row-number", row=known["row"])
        if self._is_row:
            self._name.textContent = row
            self._about.textContent = ""
            self._grid.drawRow(self._body)
            return
        views = known["views"]
        view = self._wanted if self._wanted in views else views[0]
        if len(views) > 1:
            dom.fill(self._views, [self._button(each, each == view) for each in views])
        dom.fill(self._name, [dom.named(known["name"])])
        is_whole = self._grid.drawCell(self._body, view)
        kind = text(KINDS[known["kind"]], count=known["bytes"])
        about = text("cell.row", row=known["row"], about=kind)
        self._about.textContent = about if is_whole else text("cell.cut", about=about)

    def _button(self, view: str, is_on: bool) -> "Element":
        return dom.make(
            "button",
            text(VIEWS[view]),
            type="button",
            aria_pressed="true" if is_on else "false",
            data_act="view",
            data_key=view,
        )

    async def _copy(self) -> None:
        self._console.status.say_copied(await self._grid.copyOpened())


def _press(button: "Element", is_on: bool) -> None:
    """Shows whether a button is the one that counts."""
    button.setAttribute("aria-pressed", "true" if is_on else "false")
