"""The databases of this browser: switch, make, delete, export."""

import dom
import words
from client import RequestError

from components import dialogs


class Databases:
    """The switcher in the page's head and the button "Export"."""

    def __init__(self, client, state, status, trouble, results, startup, storage):
        self._client = client
        self._state = state
        self._status = status
        self._trouble = trouble
        self._results = results
        self._startup = startup
        self._storage = storage
        self._switcher = dom.by_id("databases")
        self._list = dom.by_id("database-list")
        state.watch("database", self._show_name)
        state.watch("databases", self._show_list)
        state.watch("schema", self._show_welcome)
        state.watch_busy(self._show_busy)
        dom.on_acts(
            self._list,
            {
                "choose": lambda button: self._choose(button.dataset.key),
                "delete": lambda button: self._delete(button.dataset.key),
            },
        )
        dom.on_click(dom.by_id("new-database"), lambda: self._new())
        dom.on_click(dom.by_id("export"), lambda: self.export())
        dom.listen_window("click", self._close_outside)
        dom.listen(self._switcher, "keydown", self._close_on_escape)
        dom.listen(self._switcher, "toggle", self._refresh)

    async def open(self, name):
        """Opens a database and begins with no results; tells when that is refused."""
        try:
            await self._startup.open(name)
        except RequestError as error:
            self._trouble.show(error.error, title="“{}” was not opened".format(name))
            return
        self._results.reset()
        self._status.say("Opened " + name)

    def _show_busy(self, reason):
        dom.by_id("database-acts").disabled = reason is not None
        wait = dom.by_id("database-wait")
        wait.textContent = reason or ""
        wait.hidden = reason is None

    async def _refresh(self, _event):
        # ATTACH and VACUUM INTO make databases, and everything changes their sizes.
        if self._switcher.open and self._state["ready"] and not self._state.busy():
            self._state["databases"] = (await self._client.ask("databases"))["databases"]

    def _show_name(self, name):
        dom.by_id("database-name").textContent = name or "…"
        dom.by_id("export").disabled = name is None
        self._show_list(self._state["databases"])

    def _show_welcome(self, schema):
        self._results.welcome(self._state["database"] is not None and not schema)

    def _show_list(self, databases):
        items = []
        for database in databases:
            name = database["name"]
            current = name == self._state["database"]
            choose = dom.make(
                "button",
                type="button",
                class_="choose",
                aria_current="true" if current else None,
                data_act="choose",
                data_key=name,
            )
            choose.append(
                dom.make("span", name, class_="name"),
                dom.make("span", words.size(database["size"]), class_="size"),
            )
            remove = dom.make(
                "button",
                "Delete",
                type="button",
                class_="quiet remove",
                aria_label="Delete " + name,
                data_act="delete",
                data_key=name,
            )
            item = dom.make("li")
            item.append(choose, remove)
            items.append(item)
        dom.fill(self._list, items)

    async def _choose(self, name):
        self._close()
        # Asked here, too: a question that was open has kept nothing from beginning.
        if self._status.may_begin():
            self._trouble.clear()
            await self.open(name)

    def names(self):
        """The names of all databases."""
        return [database["name"] for database in self._state["databases"]]

    async def _new(self):
        self._close()
        taken = self.names()
        name = "notes.db"
        if name in taken:
            name = words.numbered(name, taken)
        button, text = await dialogs.ask(
            "New database",
            "It is empty and is in memory only."
            if self._state["storage"] == "memory"
            else "It is empty and stays in this browser.",
            [("Cancel", ""), ("Create", "primary")],
            field=("Name", name),
        )
        name = text.strip()
        if button != "Create" or not name:
            return
        if name in self.names():
            button, _ = await dialogs.ask(
                "“{}” exists already".format(name),
                "Open it as it is, or make a new one under another name.",
                [("Cancel", ""), ("Open", "primary")],
            )
            if button != "Open":
                return
        await self._choose(name)

    async def _delete(self, name):
        self._close()
        button, _ = await dialogs.ask(
            "Delete “{}”?".format(name),
            "The database and everything in it is removed from this browser. Export it first if "
            "you may need it again.",
            [("Cancel", ""), ("Delete", "danger")],
        )
        if button != "Delete" or not self._status.may_begin():
            return
        self._trouble.clear()
        try:
            reply = await self._client.ask("delete", database=name)
        except RequestError as error:
            self._trouble.show(error.error, title="“{}” was not deleted".format(name))
            return
        self._state["databases"] = reply["databases"]
        self._storage.deleted(name)
        if name == self._state["database"]:
            others = self.names()
            await self.open(others[0] if others else "notes.db")
        self._status.say("Deleted " + name)

    async def export(self):
        """Hands the open database to the person as a file."""
        name = self._state["database"]
        self._trouble.clear()
        self._status.say("Exporting {}…".format(name))
        try:
            reply = await self._client.ask("export", database=name)
        except RequestError as error:
            self._trouble.show(error.error, title="“{}” was not exported".format(name))
            self._status.say("Not exported")
            return
        dom.download(reply["parts"][0], reply["name"])
        self._storage.exported(name)
        self._status.say("Exported {} · {}".format(reply["name"], words.size(reply["size"])))

    def _close(self):
        # The focus is put where a dialog will give it back to.
        self._switcher.open = False
        dom.by_id("database").focus()

    def _close_outside(self, event):
        if self._switcher.open and not self._switcher.contains(event.target):
            self._switcher.open = False

    def _close_on_escape(self, event):
        if event.key == "Escape" and self._switcher.open:
            self._close()
