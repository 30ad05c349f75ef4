"""Files in quarantine, which the page calls "kept aside": their list, and what to do with them.

The header of such a file cannot be trusted, so the library leaves it as it is. A notice tells of
it once; the list below the databases lets a person export, recover or delete it.
"""

from core import dom, format
from core.errors import RequestError
from core.messages import text
from core.state import database_of, name_of
from ui import dialogs, sheet

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from typing import Any

    from page_types import Element, Json

    from core.console import Console

ACTS = {
    "export": "quarantine.export",
    "recover": "quarantine.recover",
    "complete": "quarantine.recover",
    "delete": "quarantine.delete",
}
LABELS = {
    "export": "quarantine.export-label",
    "recover": "quarantine.recover-label",
    "complete": "quarantine.recover-label",
    "delete": "quarantine.delete-label",
}


def setup(console: "Console") -> None:
    """Shows the files in quarantine, and adds the commands of the notice."""
    quarantine = Quarantine(console)
    console.commands.add("quarantine.show", quarantine.show)
    console.commands.add("quarantine.hide", quarantine.hide)


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
            dom.by_id("kept-count").textContent = text("quarantine.count", count=number)
            self._notice.hidden = False
        elif not number:
            self._notice.hidden = True
        self._shown = number

    def _item(self, kept: "Json") -> "Element":
        name = name_of(kept)
        line = dom.make("p", class_="line")
        line.append(
            dom.make("span", name or text("quarantine.unnamed"), class_="name"),
            dom.make("span", format.size(kept["size"]), class_="size"),
        )
        acts = ["export"]
        if name == database_of(kept):
            acts.append("recover")
        elif name and name.endswith("-wal") and database_of(kept) in self._console.state.names():
            acts.append("complete")
        acts.append("delete")
        row = dom.make("p", class_="acts")
        for act in acts:
            button = dom.make(
                "button",
                text(ACTS[act]),
                type="button",
                class_="quiet remove" if act == "delete" else "quiet",
                aria_label=text(LABELS[act], name=name or text("quarantine.unnamed")),
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
        name = name_of(kept) or text("quarantine.the-file")
        self._console.status.say(text("databases.exporting", name=name))
        failed = text("databases.exported-not", name=name)
        reply = await self._ask(failed, "quarantine_export", slot=kept["name"])
        if reply is None:
            self._console.status.say(text("status.not-exported"))
            return
        dom.download(reply["parts"][0], reply["name"])
        self._console.status.say(
            text("databases.exported", name=reply["name"], size=format.size(reply["size"]))
        )

    async def _recover(self, kept: "Json") -> None:
        sheet.close()
        button, entered = await dialogs.ask(
            text("quarantine.recover-title", name=name_of(kept) or text("quarantine.unnamed")),
            text("quarantine.recover-text"),
            [("act.cancel", ""), ("act.recover", "primary")],
            field=(text("databases.name"), name_of(kept) or "recovered.db"),
        )
        fields = {"slot": kept["name"], "database": entered.strip()}
        while button in ("act.recover", "act.replace") and fields["database"]:
            if not self._console.may_begin():
                return
            fields["replace"] = button == "act.replace"
            try:
                reply = await self._console.client.ask("quarantine_recover", **fields)
            except RequestError as error:
                if error.kind != "NameExists":
                    title = text("quarantine.recovered-not", name=fields["database"])
                    self._console.trouble.clear()
                    self._console.trouble.show(error.error, title=title)
                    return
                button, fields["database"] = await self._settle_name(error.error)
                continue
            await self._recovered(reply)
            return

    async def _settle_name(self, error: "Json") -> "tuple[str | None, str]":
        """Ask what to do about a taken name; return the button and the name to recover it by."""
        existing = error["params"]["existing"]
        taken = self._console.state.names()
        button, entered = await dialogs.ask(
            text("databases.exists", name=existing),
            text("quarantine.exists-text"),
            [("act.cancel", ""), ("act.replace", "danger"), ("act.recover", "primary")],
            field=(text("quarantine.name"), format.numbered(existing, taken)),
        )
        return button, existing if button == "act.replace" else entered.strip()

    async def _complete(self, kept: "Json") -> None:
        """Recovers a WAL into its database, which is not in quarantine itself."""
        sheet.close()
        database = database_of(kept)
        button, _ = await dialogs.ask(
            text("quarantine.complete", database=database),
            text("quarantine.complete-text"),
            [("act.cancel", ""), ("act.recover", "primary")],
        )
        if button != "act.recover" or not self._console.may_begin():
            return
        self._console.trouble.clear()
        failed = text("quarantine.complete-not", database=database)
        fields = {"slot": kept["name"], "database": database, "replace": True}
        reply = await self._ask(failed, "quarantine_recover", **fields)
        if reply is not None:
            await self._recovered(reply)

    async def _recovered(self, reply: "Json") -> None:
        self._console.trouble.clear()
        self._take(reply)
        self._console.events.emit("replaced", reply["database"])
        self._console.events.emit("wrote", reply["database"])
        self._console.state["databases"] = reply["databases"]
        if not self._console.state["transaction"]:
            await self._console.opening.switch(reply["database"])
        size = format.size(reply["size"])
        self._console.status.say(text("quarantine.recovered", name=reply["database"], size=size))

    async def _delete(self, kept: "Json") -> None:
        sheet.close()
        name = name_of(kept) or text("quarantine.unnamed")
        button, _ = await dialogs.ask(
            text("quarantine.delete-title", name=name),
            text("quarantine.delete-text", size=format.size(kept["size"])),
            [("act.cancel", ""), ("act.delete", "danger")],
        )
        if button != "act.delete" or not self._console.may_begin():
            return
        self._console.trouble.clear()
        failed = text("databases.deleted-not", name=name)
        reply = await self._ask(failed, "quarantine_drop", slot=kept["name"])
        if reply is not None:
            self._take(reply)
            self._console.events.emit("freed")
            self._console.status.say(text("quarantine.deleted", name=name))

    def _take(self, reply: "Json") -> None:
        self._console.state["quarantined"] = reply["quarantined"]


def reason_of(kept: "Json") -> str:
    """Return why a file is in quarantine, and what it belongs to, as sentences."""
    reason: str = kept["reason"]
    reason = reason[:1].upper() + reason[1:]
    if name_of(kept) == database_of(kept):
        return text("quarantine.reason", reason=reason)
    return text("quarantine.belongs", reason=reason, database=database_of(kept))
