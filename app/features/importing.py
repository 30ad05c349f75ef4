"""Imports files that were chosen, dropped on the page or opened with it, one after the other."""

import asyncio

from core import dom, format
from core.errors import RequestError
from ui import dialogs

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Event, File, Json

    from core.client import Request
    from core.console import Console

PHASES = {
    "copying": "Copying",
    "checking": "Checking",
    "reading": "Reading",
    "indexing": "Indexing",
}


def setup(console: "Console") -> None:
    """Listens for files and for the progress of their import, and adds the commands."""
    importer = Importer(console)
    console.events.on("progress", importer.take_progress)
    console.events.on("brought", dom.guarded(importer.add))
    console.commands.add("import.choose", "Import files…", importer.choose)
    console.commands.add("import.stop", "Stop the import", importer.stop, importer.idle)


class Importer:
    """Imports with progress, a way to stop, and a question where a name is taken."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._queue: "list[File]" = []
        self._request: "Request | None" = None
        self._drag_depth = 0
        self._input = dom.by_id("import-file")
        self._bar = dom.by_id("import-bar")
        dom.listen(self._input, "change", self._on_chosen)
        dom.listen_window("dragenter", self._on_drag_enter)
        dom.listen_window("dragleave", self._on_drag_leave)
        dom.listen_window("dragover", self._on_drag_over)
        dom.listen_window("drop", self._on_drop)

    def choose(self) -> None:
        """Has the person choose files."""
        self._input.click()

    def idle(self) -> "str | None":
        """Return why there is no import to stop; None when there is one."""
        return None if self._console.state["importing"] else "Nothing is being imported."

    def take_progress(self, message: "Json") -> None:
        """Takes the event ``progress``: shows how far the import has come."""
        request = self._request
        if request is not None and message["request"] == request.number:
            total = message["total"]
            if total:
                self._bar.max = 1
                self._bar.value = message["done"] / total
            text = "{} · {} of {}".format(
                PHASES.get(message["phase"], "Working"),
                format.size(message["done"]),
                format.size(total or message["done"]),
            )
            if message["rows"] is not None:
                text += " · " + format.count(message["rows"], "row")
            dom.by_id("import-count").textContent = text

    def stop(self) -> None:
        """Stops the import that is under way; those still waiting are not begun."""
        self._queue = []
        if self._request is not None:
            dom.by_id("import-count").textContent = "Stopping…"
            self._console.client.start("cancel", target=self._request.number)

    async def add(self, files: "list[File]") -> None:
        """Imports files, after those that are already waiting."""
        self._queue.extend(files)
        if self._console.state["importing"] or not self._queue:
            return
        self._console.state["importing"] = True
        try:
            await self._wait_for_turn()
            # Once for all files, so that the errors of each of them stay to the end.
            self._console.trouble.clear()
            while self._queue:
                await self._import(self._queue.pop(0))
        finally:
            self._console.state["importing"] = False

    async def _wait_for_turn(self) -> None:
        said = None
        while self._console.state["running"] or not self._console.state["ready"]:
            text = "Imports as soon as the storage is open…"
            if self._console.state["ready"]:
                text = "Imports when the running statement has ended"
            if text != said:
                said = text
                self._console.status.say(text)
            await asyncio.sleep(0.1)

    async def _import(self, file: "File") -> None:
        if not await self._has_room(file):
            self._console.status.say("{} was not imported; nothing has changed".format(file.name))
            return
        fields = {"name": file.name}
        while True:
            try:
                reply = await self._send(file, fields)
            except RequestError as error:
                if error.kind == "NameExists" and await self._settle_name(error.error, fields):
                    continue
                self._show_error(error, file.name)
                return
            await self._done(reply, file.name)
            return

    async def _has_room(self, file: "File") -> bool:
        """Return whether to import a file: asks when there is less room than it needs."""
        await self._console.commands.run("storage.measure")
        room = self._console.state["room"]
        if room is None:
            return True
        lack = room.lacks_room_for(dom.size_of(file))
        if lack is None:
            return True
        button, _ = await dialogs.ask(
            "“{}” may not fit".format(file.name),
            lack,
            [("Import all the same", ""), ("Do not import", "primary")],
        )
        return button == "Import all the same"

    async def _send(self, file: "File", fields: "Json") -> "Json":
        card = dom.by_id("import-progress")
        dom.by_id("import-name").textContent = "Importing " + file.name
        dom.by_id("import-count").textContent = ""
        self._bar.removeAttribute("value")
        card.hidden = False
        self._console.status.say("Importing {}…".format(file.name))
        request = self._request = self._console.client.start("import_file", part=file, **fields)
        try:
            return await request.reply()
        finally:
            self._request = None
            card.hidden = True

    async def _settle_name(self, error: "Json", fields: "Json") -> bool:
        """Ask what to do about a taken name; return whether to send ``fields``, changed, again."""
        existing = error["existing"]
        what = error["what"]
        taken = [
            entry["name"]
            for entry in self._console.state["databases" if what == "database" else "schema"]
        ]
        button, text = await dialogs.ask(
            "“{}” exists already".format(existing),
            "Replace the {} with this file, or keep both under different names?".format(what),
            [("Cancel", ""), ("Replace", "danger"), ("Keep both", "primary")],
            field=("Name of the new " + what, format.numbered(existing, taken)),
        )
        if button == "Replace":
            fields["replace"] = True
            fields.pop(what, None)
            return True
        if button == "Keep both" and text.strip():
            fields[what] = text.strip()
            return True
        return False

    def _show_error(self, error: "RequestError", name: str) -> None:
        if error.kind in ("Cancelled", "NameExists"):
            self._console.status.say("{} was not imported; nothing has changed".format(name))
            return
        self._console.trouble.show(error.error, title="“{}” was not imported".format(name))
        self._console.status.say("Not imported")

    async def _done(self, reply: "Json", name: str) -> None:
        await self._console.opening.switch(reply["database"])
        self._console.events.emit("wrote", reply["database"])
        if reply["table"] is None:
            said = "Imported {} · {}".format(reply["database"], format.size(reply["size"]))
        else:
            said = "Imported {} into {}".format(format.count(reply["rows"], "row"), reply["table"])
        self._console.status.say(said)
        notes = reply.get("notes")
        if notes:
            self._console.trouble.show_text("{}: {}".format(name, " ".join(notes)), calm=True)

    def _on_chosen(self, _event: "Event") -> "object":
        files = dom.files_of(self._input)
        # Without this, choosing the same file again would be no "change".
        self._input.value = ""
        return self.add(files)

    def _on_drag_enter(self, event: "Event") -> None:
        if dom.carries_files(event):
            self._drag_depth += 1
            dom.by_id("drop").hidden = False

    def _on_drag_leave(self, event: "Event") -> None:
        if dom.carries_files(event):
            self._drag_depth = max(0, self._drag_depth - 1)
            dom.by_id("drop").hidden = self._drag_depth == 0

    def _on_drag_over(self, event: "Event") -> None:
        if dom.carries_files(event):
            event.preventDefault()
            event.dataTransfer.dropEffect = "copy"

    def _on_drop(self, event: "Event") -> "object":
        if not dom.carries_files(event):
            return None
        event.preventDefault()
        self._drag_depth = 0
        dom.by_id("drop").hidden = True
        return self.add(dom.files_of(event.dataTransfer))
