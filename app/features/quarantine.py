"""Files in quarantine, which the page calls "kept aside": their list, and what to do with them.

The header of such a file cannot be trusted, so the library leaves it as it is. A notice tells of
it once; the list below the databases lets a person export, recover or delete it.
"""

from core import dom, format
from core.errors import RequestError
from core.state import database_of, name_of
from ui import dialogs, sheet

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from typing import Any

    from page_types import Element, Json

    from core.console import Console


def setup(console: "Console") -> None:
    """Shows the files in quarantine, and adds the commands of the notice."""
    quarantine = Quarantine(console)
    console.commands.add("quarantine.show", "Show files kept aside", quarantine.show)
    console.commands.add("quarantine.hide", "Hide the notice", quarantine.hide)


class Quarantine:
    """The notice after the start, and the part "Kept aside" of the sheet of databases."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._shown = 0
        self._notice = dom.by_id("kept-notice")
        self._section = dom.by_id("kept")
        console.state.watch("quarantined", self._show)
        console.state.watch_busy(self._show_busy)
        dom.on_acts(
            dom.by_id("kept-list"),
            {
                "export": lambda button: self._export(self._of(button)),
                "recover": lambda button: self._recover(self._of(button)),
                "complete": lambda button: self._complete(self._of(button)),
                "delete": lambda button: self._delete(self._of(button)),
            },
        )

    def _show_busy(self, reason: "str | None") -> None:
        dom.by_id("kept-acts").disabled = reason is not None

    def _show(self, quarantined: "list[Json]") -> None:
        number = len(quarantined)
        self._section.hidden = not number
        dom.fill(dom.by_id("kept-list"), [self._item(kept) for kept in quarantined])
        # Show the notice again only when there are more files than the person has seen.
        if number > self._shown:
            text = (
                format.count(number, "file") + (" is" if number == 1 else " are") + " kept aside."
            )
            dom.by_id("kept-count").textContent = text
            self._notice.hidden = False
        elif not number:
            self._notice.hidden = True
        self._shown = number

    def _item(self, kept: "Json") -> "Element":
        name = name_of(kept)
        line = dom.make("p", class_="line")
        line.append(
            dom.make("span", name or "unnamed", class_="name"),
            dom.make("span", format.size(kept["size"]), class_="size"),
        )
        acts = [("Export", "export")]
        if name == database_of(kept):
            acts.append(("Recover…", "recover"))
        elif name and name.endswith("-wal") and database_of(kept) in self._console.state.names():
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

    def _of(self, button: "Element") -> "Json":
        """Return the file that a button belongs to."""
        slot = button.dataset.key
        return next(kept for kept in self._console.state["quarantined"] if kept["name"] == slot)

    async def show(self) -> None:
        """Opens the sheet of databases at the list of files in quarantine."""
        await sheet.show("kept")

    def hide(self) -> None:
        """Hides the notice until there are more files."""
        self._notice.hidden = True
        dom.by_id("database").focus()

    async def _ask(self, failed: str, op: str, **fields: "Any") -> "Json | None":
        """Return the reply to a request; None where it was refused, shown with title ``failed``."""
        try:
            return await self._console.client.ask(op, **fields)
        except RequestError as error:
            self._console.trouble.show(error.error, title=failed)
            return None

    async def _export(self, kept: "Json") -> None:
        sheet.close()
        if not self._console.may_begin():
            return
        self._console.trouble.clear()
        name = name_of(kept) or "the file"
        self._console.status.say("Exporting {}…".format(name))
        failed = "“{}” was not exported".format(name)
        reply = await self._ask(failed, "quarantine_export", slot=kept["name"])
        if reply is None:
            self._console.status.say("Not exported")
            return
        dom.download(reply["parts"][0], reply["name"])
        self._console.status.say(
            "Exported {} · {}".format(reply["name"], format.size(reply["size"]))
        )

    async def _recover(self, kept: "Json") -> None:
        sheet.close()
        button, text = await dialogs.ask(
            "Recover “{}”".format(name_of(kept) or "unnamed"),
            "It is checked first. If it is a sound database, it is among your databases again; if "
            "not, it stays kept aside as it is.",
            [("Cancel", ""), ("Recover", "primary")],
            field=("Name", name_of(kept) or "recovered.db"),
        )
        fields = {"slot": kept["name"], "database": text.strip()}
        while button in ("Recover", "Replace") and fields["database"]:
            if not self._console.may_begin():
                return
            fields["replace"] = button == "Replace"
            try:
                reply = await self._console.client.ask("quarantine_recover", **fields)
            except RequestError as error:
                if error.kind != "NameExists":
                    title = "“{}” was not recovered".format(fields["database"])
                    self._console.trouble.clear()
                    self._console.trouble.show(error.error, title=title)
                    return
                button, fields["database"] = await self._settle_name(error.error)
                continue
            await self._recovered(reply)
            return

    async def _settle_name(self, error: "Json") -> "tuple[str | None, str]":
        """Ask what to do about a taken name; return the button and the name to recover it by."""
        existing = error["existing"]
        taken = self._console.state.names()
        button, text = await dialogs.ask(
            "“{}” exists already".format(existing),
            "Replace that database, and all that is in it, with the recovered one, or give the "
            "recovered one another name?",
            [("Cancel", ""), ("Replace", "danger"), ("Recover", "primary")],
            field=("Name of the recovered database", format.numbered(existing, taken)),
        )
        return button, existing if button == "Replace" else text.strip()

    async def _complete(self, kept: "Json") -> None:
        """Recovers a WAL into its database, which is not in quarantine itself."""
        sheet.close()
        database = database_of(kept)
        button, _ = await dialogs.ask(
            "Recover the last changes of “{}”".format(database),
            "They are tried on a copy first: if the database is sound with them, it gets them; if "
            "not, both stay as they are.",
            [("Cancel", ""), ("Recover", "primary")],
        )
        if button != "Recover" or not self._console.may_begin():
            return
        self._console.trouble.clear()
        failed = "The last changes of “{}” were not recovered".format(database)
        fields = {"slot": kept["name"], "database": database, "replace": True}
        reply = await self._ask(failed, "quarantine_recover", **fields)
        if reply is not None:
            await self._recovered(reply)

    async def _recovered(self, reply: "Json") -> None:
        self._console.trouble.clear()
        self._take(reply)
        self._console.events.emit("wrote", reply["database"])
        self._console.state["databases"] = reply["databases"]
        if not self._console.state["in_transaction"]:
            await self._console.opening.switch(reply["database"])
        text = "Recovered {} · {}".format(reply["database"], format.size(reply["size"]))
        self._console.status.say(text)

    async def _delete(self, kept: "Json") -> None:
        sheet.close()
        name = name_of(kept) or "unnamed"
        button, _ = await dialogs.ask(
            "Delete “{}” for good?".format(name),
            "The file of {} is erased. This cannot be undone: export it first if you may need it "
            "again.".format(format.size(kept["size"])),
            [("Cancel", ""), ("Delete", "danger")],
        )
        if button != "Delete" or not self._console.may_begin():
            return
        self._console.trouble.clear()
        failed = "“{}” was not deleted".format(name)
        reply = await self._ask(failed, "quarantine_drop", slot=kept["name"])
        if reply is not None:
            self._take(reply)
            self._console.events.emit("freed")
            self._console.status.say("Deleted {}, which was kept aside".format(name))

    def _take(self, reply: "Json") -> None:
        self._console.state["quarantined"] = reply["quarantined"]


def reason_of(kept: "Json") -> str:
    """Return why a file is in quarantine, and what it belongs to, as sentences."""
    reason: str = kept["reason"]
    text = reason[:1].upper() + reason[1:] + "."
    if name_of(kept) != database_of(kept):
        text += " It belongs to “{}”, and may hold its last changes.".format(database_of(kept))
    return text
