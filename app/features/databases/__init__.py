"""The list of databases: opening another one, creating, deleting and exporting one."""

from core import dom, format
from core.errors import RequestError
from core.messages import text
from ui import dialogs, sheet

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Event, Json

    from core.console import Console


def setup(console: "Console") -> None:
    """Shows the databases, and adds the commands to create and to export one."""
    databases = Databases(console)
    add = console.commands.add
    add("databases.new", databases.make, console.state.busy)
    add("databases.export", databases.export)


class Databases:
    """The switcher in the page's head and the button "Export"."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        state = console.state
        self._switcher = dom.by_id("databases")
        self._list = dom.by_id("database-list")
        state.watch("database", self._show_name)
        state.watch("databases", self._show_list)
        state.watch_busy(self._show_busy)
        dom.on_acts(
            self._list,
            {
                "choose": lambda button: self._choose(button.dataset.key),
                "delete": lambda button: self._delete(button.dataset.key),
            },
        )
        dom.listen_window("click", self._close_outside)
        dom.listen(self._switcher, "keydown", self._close_on_escape)
        dom.listen(self._switcher, "toggle", self._refresh)

    def _show_busy(self, reason: "str | None") -> None:
        dom.by_id("database-acts").disabled = reason is not None
        wait = dom.by_id("database-wait")
        wait.textContent = reason or ""
        wait.hidden = reason is None

    async def _refresh(self, _event: "Event") -> None:
        # ATTACH and VACUUM INTO create databases, and every write may change their sizes.
        if sheet.is_open() and self._console.state["ready"] and not self._console.state.busy():
            self._console.state["databases"] = (await self._console.client.ask("databases"))[
                "databases"
            ]

    def _show_name(self, name: "str | None") -> None:
        dom.by_id("database-name").textContent = name or text("databases.none")
        dom.by_id("export").disabled = name is None
        self._show_list(self._console.state["databases"])

    def _show_list(self, databases: "list[Json]") -> None:
        items = []
        for database in databases:
            name = database["name"]
            current = name == self._console.state["database"]
            choose = dom.make(
                "button",
                type="button",
                class_="choose",
                aria_current="true" if current else None,
                data_act="choose",
                data_key=name,
            )
            choose.append(
                dom.named(name, class_="name"),
                dom.make("span", format.size(database["size"]), class_="size"),
            )
            remove = dom.make(
                "button",
                text("act.delete"),
                type="button",
                class_="quiet remove",
                aria_label=text("databases.delete-label", name=name),
                data_act="delete",
                data_key=name,
            )
            item = dom.make("li")
            item.append(choose, remove)
            items.append(item)
        dom.fill(self._list, items)

    async def _choose(self, name: str) -> None:
        sheet.close()
        # Checked here, too: while a dialog was open, a statement or an import may have begun.
        if self._console.may_begin():
            self._console.trouble.clear()
            await self._console.opening.switch(name)

    async def make(self) -> None:
        """Asks for a name, then creates and opens a database."""
        sheet.close()
        taken = self._console.state.names()
        name = "notes.db"
        if name in taken:
            name = format.numbered(name, taken)
        in_memory = self._console.state["storage"] == "memory"
        button, entered = await dialogs.ask(
            text("databases.new-title"),
            text("databases.new-in-memory" if in_memory else "databases.new-in-browser"),
            [("act.cancel", ""), ("act.create", "primary")],
            field=(text("databases.name"), name),
        )
        name = entered.strip()
        if button != "act.create" or not name:
            return
        if name in self._console.state.names():
            button, _ = await dialogs.ask(
                text("databases.exists", name=name),
                text("databases.exists-text"),
                [("act.cancel", ""), ("act.open", "primary")],
            )
            if button != "act.open":
                return
        await self._choose(name)

    async def _delete(self, name: str) -> None:
        sheet.close()
        button, _ = await dialogs.ask(
            text("databases.delete-title", name=name),
            text("databases.delete-text"),
            [("act.cancel", ""), ("act.delete", "danger")],
        )
        if button != "act.delete" or not self._console.may_begin():
            return
        self._console.trouble.clear()
        try:
            reply = await self._console.client.ask("delete", database=name)
        except RequestError as error:
            title = text("databases.deleted-not", name=name)
            self._console.trouble.show(error.error, title=title)
            return
        self._console.state["databases"] = reply["databases"]
        self._console.events.emit("deleted", name)
        if name == self._console.state["database"]:
            others = self._console.state.names()
            await self._console.opening.switch(others[0] if others else "notes.db")
        self._console.status.say(text("databases.deleted", name=name))

    async def export(self) -> None:
        """Exports the open database as a file, to the person's downloads."""
        name = self._console.state["database"]
        self._console.trouble.clear()
        self._console.status.say(text("databases.exporting", name=name))
        try:
            reply = await self._console.client.ask("export", database=name)
        except RequestError as error:
            title = text("databases.exported-not", name=name)
            self._console.trouble.show(error.error, title=title)
            self._console.status.say(text("status.not-exported"))
            return
        dom.download(reply["parts"][0], reply["name"])
        self._console.events.emit("exported", name)
        self._console.status.say(
            text("databases.exported", name=reply["name"], size=format.size(reply["size"]))
        )

    def _close_outside(self, event: "Event") -> None:
        if sheet.is_open() and not self._switcher.contains(event.target):
            self._switcher.open = False

    def _close_on_escape(self, event: "Event") -> None:
        if event.key == "Escape" and sheet.is_open():
            sheet.close()
