"""Files of the storage whose headers cannot be trusted: kept aside, and what can be done with them.

The library leaves such a file as it is. It is told of once, calmly, and listed below the databases,
where a person can take its bytes, make it a database again, or delete it.
"""

import asyncio

import dom
import words
from client import RequestError

from components import dialogs

JOURNALS = ("-journal", "-wal")


class Quarantine:
    """The notice after the start, and the part "Kept aside" of the sheet of databases."""

    def __init__(self, client, state, status, trouble, databases, storage):
        self._client = client
        self._state = state
        self._status = status
        self._trouble = trouble
        self._databases = databases
        self._storage = storage
        self._told = 0
        self._notice = dom.by_id("kept-notice")
        self._section = dom.by_id("kept")
        state.watch("quarantined", self._show)
        state.watch_busy(self._show_busy)
        dom.on_acts(
            dom.by_id("kept-list"),
            {
                "export": lambda button: self._export(self._of(button)),
                "recover": lambda button: self._recover(self._of(button)),
                "complete": lambda button: self._complete(self._of(button)),
                "delete": lambda button: self._delete(self._of(button)),
            },
        )
        dom.on_click(dom.by_id("kept-show"), self._open_sheet)
        dom.on_click(dom.by_id("kept-hide"), self._hide)

    def _show_busy(self, reason):
        dom.by_id("kept-acts").disabled = reason is not None

    def _show(self, quarantined):
        number = len(quarantined)
        self._section.hidden = not number
        dom.fill(dom.by_id("kept-list"), [self._item(kept) for kept in quarantined])
        # What a person has seen and hidden is not told again; what is new is.
        if number > self._told:
            text = words.count(number, "file") + (" is" if number == 1 else " are") + " kept aside."
            dom.by_id("kept-count").textContent = text
            self._notice.hidden = False
        elif not number:
            self._notice.hidden = True
        self._told = number

    def _item(self, kept):
        name = name_of(kept)
        line = dom.make("p", class_="line")
        line.append(
            dom.make("span", name or "unnamed", class_="name"),
            dom.make("span", words.size(kept["size"]), class_="size"),
        )
        acts = [("Export", "export")]
        if name == database_of(kept):
            acts.append(("Recover…", "recover"))
        elif name.endswith("-wal") and database_of(kept) in self._databases.names():
            acts.append(("Recover…", "complete"))
        acts.append(("Delete…", "delete"))
        row = dom.make("p", class_="acts")
        for text, act in acts:
            button = dom.make(
                "button",
                text,
                type="button",
                class_="quiet remove" if act == "delete" else "quiet",
                aria_label="{} {}, kept aside".format(text, name or "unnamed"),
                data_act=act,
                data_key=kept["name"],
            )
            row.append(button)
        item = dom.make("li", class_="kept")
        item.append(line, dom.make("p", reason_of(kept), class_="note"), row)
        return item

    def _of(self, button):
        """The file that a button belongs to."""
        slot = button.dataset.key
        return next(kept for kept in self._state["quarantined"] if kept["name"] == slot)

    async def _open_sheet(self):
        # After the click has gone its way, which would close the sheet again.
        await asyncio.sleep(0)
        dom.by_id("databases").open = True
        dom.by_id("database").focus()
        self._section.scrollIntoView()

    def _hide(self):
        self._notice.hidden = True
        dom.by_id("database").focus()

    def _close_sheet(self):
        # The focus is put where a dialog will give it back to.
        dom.by_id("databases").open = False
        dom.by_id("database").focus()

    async def _ask(self, failed, op, **fields):
        """The reply to a request; None where it was refused, which is told with ``failed``."""
        try:
            return await self._client.ask(op, **fields)
        except RequestError as error:
            self._trouble.show(error.error, title=failed)
            return None

    async def _export(self, kept):
        self._close_sheet()
        if not self._status.may_begin():
            return
        self._trouble.clear()
        name = name_of(kept) or "the file"
        self._status.say("Exporting {}…".format(name))
        failed = "“{}” was not exported".format(name)
        reply = await self._ask(failed, "quarantine_export", slot=kept["name"])
        if reply is None:
            self._status.say("Not exported")
            return
        dom.download(reply["parts"][0], reply["name"])
        self._status.say("Exported {} · {}".format(reply["name"], words.size(reply["size"])))

    async def _recover(self, kept):
        self._close_sheet()
        button, text = await dialogs.ask(
            "Recover “{}”".format(name_of(kept) or "unnamed"),
            "It is checked first. If it is a sound database, it is among your databases again; if "
            "not, it stays kept aside as it is.",
            [("Cancel", ""), ("Recover", "primary")],
            field=("Name", name_of(kept) or "recovered.db"),
        )
        fields = {"slot": kept["name"], "database": text.strip()}
        while button in ("Recover", "Replace") and fields["database"]:
            if not self._status.may_begin():
                return
            fields["replace"] = button == "Replace"
            try:
                reply = await self._client.ask("quarantine_recover", **fields)
            except RequestError as error:
                if error.kind != "NameExists":
                    title = "“{}” was not recovered".format(fields["database"])
                    self._trouble.clear()
                    self._trouble.show(error.error, title=title)
                    return
                button, fields["database"] = await self._settle_name(error.error)
                continue
            await self._recovered(reply)
            return

    async def _settle_name(self, error):
        """Asks what to do about a name that is taken; answers the button and the name to be."""
        existing = error["existing"]
        taken = self._databases.names()
        button, text = await dialogs.ask(
            "“{}” exists already".format(existing),
            "Replace that database, and all that is in it, with the recovered one, or give the "
            "recovered one another name?",
            [("Cancel", ""), ("Replace", "danger"), ("Recover", "primary")],
            field=("Name of the recovered database", words.numbered(existing, taken)),
        )
        return button, existing if button == "Replace" else text.strip()

    async def _complete(self, kept):
        """Gives a WAL to its database, which is not kept aside."""
        self._close_sheet()
        database = database_of(kept)
        button, _ = await dialogs.ask(
            "Recover the last changes of “{}”".format(database),
            "They are tried on a copy first: if the database is sound with them, it gets them; if "
            "not, both stay as they are.",
            [("Cancel", ""), ("Recover", "primary")],
        )
        if button != "Recover" or not self._status.may_begin():
            return
        self._trouble.clear()
        failed = "The last changes of “{}” were not recovered".format(database)
        fields = {"slot": kept["name"], "database": database, "replace": True}
        reply = await self._ask(failed, "quarantine_recover", **fields)
        if reply is not None:
            await self._recovered(reply)

    async def _recovered(self, reply):
        self._trouble.clear()
        self._take(reply)
        self._storage.wrote(reply["database"])
        self._state["databases"] = reply["databases"]
        if not self._state["in_transaction"]:
            await self._databases.open(reply["database"])
        text = "Recovered {} · {}".format(reply["database"], words.size(reply["size"]))
        self._status.say(text)

    async def _delete(self, kept):
        self._close_sheet()
        name = name_of(kept) or "unnamed"
        button, _ = await dialogs.ask(
            "Delete “{}” for good?".format(name),
            "The file of {} is erased. This cannot be undone: export it first if you may need it "
            "again.".format(words.size(kept["size"])),
            [("Cancel", ""), ("Delete", "danger")],
        )
        if button != "Delete" or not self._status.may_begin():
            return
        self._trouble.clear()
        failed = "“{}” was not deleted".format(name)
        reply = await self._ask(failed, "quarantine_drop", slot=kept["name"])
        if reply is not None:
            self._take(reply)
            self._storage.freed()
            self._status.say("Deleted {}, which was kept aside".format(name))

    def _take(self, reply):
        self._state["quarantined"] = reply["quarantined"]


def name_of(kept):
    """The name that a file kept aside may have had, as names are shown; None: not known."""
    offered = kept["offered"]
    return offered.lstrip("/") if offered else None


def database_of(kept):
    """The name of the database that a file kept aside may be, or may belong to; None: not known."""
    name = name_of(kept)
    for ending in JOURNALS:
        if name and name.endswith(ending):
            return name[: -len(ending)]
    return name


def reason_of(kept):
    """Why a file is kept aside, and what becomes of it, as sentences."""
    reason = kept["reason"]
    text = reason[:1].upper() + reason[1:] + "."
    if name_of(kept) != database_of(kept):
        text += " It belongs to “{}”, and may hold its last changes.".format(database_of(kept))
    return text
