"""Whether the browser keeps the data, how much room it has, and what a person can do about it."""

from core import dom, format
from core.errors import RequestError
from core.messages import text
from ui import sheet

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from core.console import Console

# By ``why_memory`` of the worker: why databases are in memory only, and what helps.
WHY_MEMORY = {
    "insecure": "storage.memory-insecure",
    "missing": "storage.memory-missing",
    "refused": "storage.memory-refused",
}


def setup(console: "Console") -> None:
    """Shows the storage, listens for the events that change it, and adds the commands."""
    storage = Storage(console)
    for name, listener in (
        ("started", storage.measure),
        ("wrote", storage.wrote),
        ("exported", storage.exported),
        ("deleted", storage.deleted),
        ("freed", storage.freed),
        ("full", storage.refused),
    ):
        console.events.on(name, dom.guarded(listener))
    add = console.commands.add
    add("storage.show", storage.show)
    add("storage.measure", storage.measure)
    add("storage.keep", storage.ask_to_keep)


class Storage:
    """The storage's line at the foot, its part of the sheet "Databases", and its notice.

    It hears of changes by events. After the first one it asks the browser for persistent storage.
    With databases in memory it remembers which of them have changes that are in no export.
    """

    def __init__(self, console: "Console") -> None:
        self._console = console
        state = console.state
        self._asked = False
        self._waiting = False
        self._answer: "bool | None" = None
        self._full = False
        self._hidden = False
        self._said: "tuple[tuple[str, str] | None, list[str]] | None" = None
        self._exported: "str | None" = None
        self._line = dom.by_id("storage")
        self._notice = dom.by_id("notice")
        dom.on_acts(
            self._notice,
            {
                "databases": lambda _button: self.show(),
                "hide": lambda _button: self._hide(),
                "export": lambda _button: console.commands.run("databases.export"),
            },
        )
        self._keep = dom.by_id("storage-keep")
        state.watch("storage", self._begin)
        state.watch("database", lambda _name: self._show())
        dom.listen(dom.by_id("databases"), "toggle", lambda _event: self.measure())

    def wrote(self, database: str) -> None:
        """Takes the event ``wrote``: measures the storage, and asks the browser to keep data."""
        self._full = False
        if (
            self._console.state["storage"] == "memory"
            and database not in self._console.state["unexported"]
        ):
            self._console.state["unexported"] = self._console.state["unexported"] + [database]
        dom.spawn(self._after_write())

    def exported(self, database: str) -> None:
        """Takes the event ``exported``: the file has all that was committed."""
        if self._console.state["storage"] == "memory" and not self._console.state["transaction"]:
            self._exported = database
            self._forget(database)
            self._show()

    def deleted(self, database: str) -> None:
        """Takes the event ``deleted``: the person has deleted a database."""
        self._forget(database)
        self.freed()

    def freed(self) -> None:
        """Takes the event ``freed``: there is more room."""
        self._full = False
        self._hidden = False
        dom.spawn(self.measure())

    def refused(self) -> None:
        """Takes the event ``full``: frees the room of the snapshot of Python's memory."""
        self._full = True
        dom.spawn(self._make_room())

    async def _make_room(self) -> None:
        await dom.discard_snapshot()
        await self.measure()

    async def measure(self) -> None:
        """Asks the worker for usage and quota, and shows them."""
        if not self._console.state["ready"]:
            return
        try:
            reply = await self._console.client.ask("storage")
        except RequestError:
            return  # the old figures stay; a new worker is asked again after its start
        self._console.state["room"] = format.Room(
            reply["kind"], reply["persisted"], reply["usage"], reply["quota"]
        )
        self._show()

    async def show(self) -> None:
        """Shows the databases and the storage's figures."""
        await sheet.show("storage-details")

    def _begin(self, kind: "str | None") -> None:
        # A new worker has none of the databases that the one before it had in memory.
        self._exported = None
        self._console.state["unexported"] = []
        if kind == "memory":
            dom.by_id("welcome-fate").textContent = text("storage.fate-memory")
        self._show()

    def _forget(self, database: str) -> None:
        left = [name for name in self._console.state["unexported"] if name != database]
        self._console.state["unexported"] = left

    async def _after_write(self) -> None:
        await self.measure()
        if not self._asked:
            await self.ask_to_keep()

    async def ask_to_keep(self) -> None:
        """Asks the browser for persistent storage, and shows its answer."""
        # Firefox asks the person, who may never answer: only the text shown waits for this.
        room = self._console.state["room"]
        if self._waiting or room is None or room.in_memory or room.persisted:
            return
        self._asked = True
        self._waiting = True
        self._show()
        self._answer = await dom.ask_to_keep()
        self._waiting = False
        await self.measure()
        self._show()

    def _show(self) -> None:
        here = self._console.state["room"]
        if here is None:
            return
        tight = here.is_tight() and not here.in_memory
        line = here.line()
        if self._full:
            line = text("storage.full")
        self._line.hidden = False
        self._line.textContent = line
        self._line.classList.toggle("tight", tight or self._full or here.in_memory)
        dom.by_id("storage-figures").textContent = text("storage.figures", figures=here.figures())
        dom.by_id("storage-fate").textContent = " ".join(self._fate())
        meter = dom.by_id("storage-meter")
        meter.hidden = here.quota is None
        meter.value = here.share()
        self._keep.textContent = text("act.keep" if self._answer is None else "act.again")
        self._keep.hidden = here.in_memory or here.persisted or self._waiting
        if not tight:
            self._hidden = False
        if here.in_memory:
            self._show_memory()
        elif tight and not self._hidden:
            acts = [(text("act.databases"), "", "databases"), (text("act.hide"), "quiet", "hide")]
            self._tell(here.warning(), acts)
        else:
            self._tell(None, [])

    def _fate(self) -> "list[str]":
        """Return sentences: whether the data is kept, and what the browser said to that."""
        room = self._console.state["room"]
        sentences = [room.fate()]
        if self._waiting:
            sentences.append(text("storage.waiting"))
        elif self._answer is False and not room.persisted:
            sentences.append(text("storage.refused"))
        return sentences

    def _show_memory(self) -> None:
        name = self._console.state["database"]
        losses = self._console.state["unexported"]
        why = self._console.state["why_memory"]
        sentences = [text(WHY_MEMORY[why])] if why in WHY_MEMORY else []
        sentences.append(text("storage.memory-text"))
        if losses:
            sentences.append(format.unexported(losses))
        elif self._exported is not None:
            sentences.append(text("storage.exported", name=self._exported))
        acts = []
        if name is not None:
            kind = "primary" if losses else ""
            acts = [(text("act.export-named", name=format.brief(name, 30)), kind, "export")]
        self._tell((text("storage.memory-title"), " ".join(sentences)), acts)

    def _hide(self) -> None:
        self._hidden = True
        self._show()

    def _tell(self, about: "tuple[str, str] | None", acts: "list[tuple[str, str, str]]") -> None:
        """Shows the notice below the page's header, or none.

        ``about`` is (what is the case, more about it); ``acts`` are buttons (name, CSS class, act).
        """
        said = (about, [act[0] for act in acts])
        if said == self._said:
            return  # assistive technology would read the same notice out again
        self._said = said
        if about is None:
            self._notice.replaceChildren()
            return
        what = dom.make("p")
        what.append(dom.make("strong", about[0]), " " + about[1])
        row = dom.make("span", class_="acts")
        for name, kind, act in acts:
            row.append(dom.make("button", name, type="button", class_=kind or None, data_act=act))
        dom.fill(self._notice, [what, row])
