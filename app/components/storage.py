"""What becomes of the data: whether the browser keeps it, how much room there is, what to do."""

import asyncio

import dom
import words
from client import RequestError

from components import dialogs
from components.startup import AFTERWARDS


class Storage:
    """The storage's line at the foot, its part of the sheet "Databases", and its notice.

    Other parts tell it what they changed; it asks the browser to keep the data after the first
    change, and in memory mode knows which databases would be lost.
    """

    def __init__(self, client, state):
        self._client = client
        self._state = state
        self._room = None
        self._asked = False
        self._waiting = False
        self._answer = None
        self._full = False
        self._hidden = False
        self._said = None
        self._exported = None
        self._export = lambda: None
        self._line = dom.by_id("storage")
        self._notice = dom.by_id("notice")
        dom.on_acts(
            self._notice,
            {
                "databases": lambda _button: self.open_sheet(),
                "hide": lambda _button: self._hide(),
                "export": lambda _button: self._export(),
            },
        )
        self._keep = dom.by_id("storage-keep")
        state.watch("storage", self._begin)
        state.watch("ready", lambda _ready: dom.spawn(self._refresh_afterwards()))
        state.watch("database", lambda _name: self._show())
        dom.on_click(self._line, self.open_sheet)
        dom.on_click(self._keep, self._ask_to_keep)
        dom.listen(dom.by_id("databases"), "toggle", lambda _event: self.refresh())

    def on_export(self, export):
        """``export()`` is called to export the open database from the notice."""
        self._export = export

    def wrote(self, database):
        """Something in a database has changed; a coroutine takes it from here."""
        self._full = False
        if self._state["storage"] == "memory" and database not in self._state["unexported"]:
            self._state["unexported"] = self._state["unexported"] + [database]
        dom.spawn(self._after_write())

    def exported(self, database):
        """The person has got a database as a file, with all that was committed."""
        if self._state["storage"] == "memory" and not self._state["in_transaction"]:
            self._exported = database
            self._forget(database)
            self._show()

    def deleted(self, database):
        """A database is gone, as was asked for."""
        self._forget(database)
        self.freed()

    def freed(self):
        """Something was deleted: there is more room."""
        self._full = False
        self._hidden = False
        dom.spawn(self.refresh())

    def refused(self):
        """SQLite was told that the storage is full."""
        self._full = True
        dom.spawn(self._make_room())

    async def _make_room(self):
        await dom.discard_snapshot()
        await self.refresh()

    async def refresh(self):
        """Asks for the figures and shows them."""
        if not self._state["ready"]:
            return
        try:
            reply = await self._client.ask("storage")
        except RequestError:
            return  # what was known stays; a worker that begins anew is asked anew
        self._room = words.Room(reply["kind"], reply["persisted"], reply["usage"], reply["quota"])
        self._show()

    async def _refresh_afterwards(self):
        await asyncio.sleep(AFTERWARDS)
        await self.refresh()

    async def may_import(self, file):
        """Whether a file is to be imported: asks when there is less room than it needs."""
        await self.refresh()
        if self._room is None:
            return True
        lack = self._room.lacks_room_for(dom.size_of(file))
        if lack is None:
            return True
        button, _ = await dialogs.ask(
            "“{}” may not fit".format(file.name),
            lack,
            [("Import all the same", ""), ("Do not import", "primary")],
        )
        return button == "Import all the same"

    async def open_sheet(self):
        """Shows the databases and the storage's figures."""
        # After the click has gone its way, which would close the sheet again.
        await asyncio.sleep(0)
        dom.by_id("databases").open = True
        dom.by_id("database").focus()
        dom.by_id("storage-details").scrollIntoView()

    def _begin(self, kind):
        # A worker that begins anew has nothing of what the one before it had in memory.
        self._exported = None
        self._state["unexported"] = []
        if kind == "memory":
            dom.by_id("welcome-fate").textContent = words.GONE
        self._show()

    def _forget(self, database):
        left = [name for name in self._state["unexported"] if name != database]
        self._state["unexported"] = left

    async def _after_write(self):
        await self.refresh()
        if not self._asked:
            await self._ask_to_keep()

    async def _ask_to_keep(self):
        # Firefox asks the person, who may never answer: nothing waits for this but the words.
        if self._waiting or self._room is None or self._room.in_memory or self._room.persisted:
            return
        self._asked = True
        self._waiting = True
        self._show()
        self._answer = await dom.ask_to_keep()
        self._waiting = False
        await self.refresh()
        self._show()

    def _show(self):
        if self._room is None:
            return
        here = self._room
        tight = here.is_tight() and not here.in_memory
        line = here.line()
        if self._full:
            line = "The storage is full"
        self._line.hidden = False
        self._line.textContent = line
        self._line.classList.toggle("tight", tight or self._full or here.in_memory)
        dom.by_id("storage-figures").textContent = here.figures() + "."
        dom.by_id("storage-fate").textContent = here.fate() + self._reply()
        meter = dom.by_id("storage-meter")
        meter.hidden = here.quota is None
        meter.value = here.share()
        self._keep.textContent = (
            "Ask the browser to keep it" if self._answer is None else "Ask again"
        )
        self._keep.hidden = here.in_memory or here.persisted or self._waiting
        if not tight:
            self._hidden = False
        if here.in_memory:
            self._show_memory()
        elif tight and not self._hidden:
            self._tell(here.warning(), [("Databases", "", "databases"), ("Hide", "quiet", "hide")])
        else:
            self._tell(None, [])

    def _reply(self):
        if self._waiting:
            return " It has been asked to keep it, and may wait for your answer."
        if self._answer is False and not self._room.persisted:
            return (
                " It was asked to keep it and did not agree; browsers do for sites that are "
                "bookmarked, installed or often used."
            )
        return ""

    def _show_memory(self):
        name = self._state["database"]
        losses = self._state["unexported"]
        text = words.WHY_MEMORY.get(self._state["why_memory"], "") + " "
        text += "Databases are in memory and gone when this page is closed or reloaded."
        if losses:
            text += " " + words.unexported(losses)
        elif self._exported is not None:
            text += " {} is exported as it is now.".format(self._exported)
        acts = []
        if name is not None:
            kind = "primary" if losses else ""
            acts = [("Export " + words.brief(name, 30), kind, "export")]
        self._tell(("Nothing is kept here.", text), acts)

    def _hide(self):
        self._hidden = True
        self._show()

    def _tell(self, text, acts):
        """The notice below the page's head: (what, more) and buttons (name, class, act)."""
        said = (text, [act[0] for act in acts])
        if said == self._said:
            return  # it would be read out again
        self._said = said
        if text is None:
            self._notice.replaceChildren()
            return
        what = dom.make("p")
        what.append(dom.make("strong", text[0]), " " + text[1])
        row = dom.make("span", class_="acts")
        for name, kind, act in acts:
            row.append(dom.make("button", name, type="button", class_=kind or None, data_act=act))
        dom.fill(self._notice, [what, row])
