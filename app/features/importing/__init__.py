"""Imports files that were chosen, dropped on the page or opened with it, one after the other."""

import asyncio

from core import dom, format
from core.errors import RequestError, note_of
from core.messages import text
from ui import dialogs

from .preview import Preview

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Event, File, Json

    from core.client import Request
    from core.console import Console

PHASES = {
    "copying": "importing.copying",
    "checking": "importing.checking",
    "reading": "importing.reading",
    "indexing": "importing.indexing",
}

# What is asked where a name is taken, and the label of the new name.
EXISTS = {
    "database": ("importing.exists-database", "importing.name-database"),
    "table": ("importing.exists-table", "importing.name-table"),
}


#: What the names of the files end in that lie beside a database: its WAL, its rollback journal, and
#: the index of the WAL, which is made anew.
COMPANIONS = ("-wal", "-journal", "-shm")


def setup(console: "Console") -> None:
    """Listens for files and for the progress of their import, and adds the commands."""
    importer = Importer(console)
    console.events.on("progress", importer.take_progress)
    console.events.on("brought", dom.guarded(importer.add))
    console.commands.add("import.choose", importer.choose)
    console.commands.add("import.options", importer.choose_with_options)
    console.commands.add("import.stop", importer.stop, importer.idle, "Escape")


class Importer:
    """Imports with progress, a way to stop, and a question where a name is taken."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        # Files, each with whether the person is to be asked how it is read.
        self._queue: "list[tuple[File, bool]]" = []
        self._with_options = False
        self._preview = Preview(console)
        self._beside: "dict[str, list[File]]" = {}  # name of a database → its WAL, its journal
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
        self._with_options = False
        self._input.click()

    def choose_with_options(self) -> None:
        """Has the person choose files, and how each of them is read."""
        self._with_options = True
        self._input.click()

    def idle(self) -> "str | None":
        """Return why there is no import to stop; None when there is one."""
        return None if self._console.state["importing"] else text("importing.idle")

    def take_progress(self, message: "Json") -> None:
        """Takes the event ``progress``: shows how far the import has come."""
        request = self._request
        if request is not None and message["request"] == request.number:
            total = message["total"]
            if total:
                self._bar.max = 1
                self._bar.value = message["done"] / total
            said = text(
                "importing.progress",
                phase=text(PHASES.get(message["phase"], "importing.working")),
                done=format.size(message["done"]),
                total=format.size(total or message["done"]),
            )
            if message["rows"] is not None:
                rows = text("count.rows", count=message["rows"])
                said = text("importing.progress-rows", progress=said, rows=rows)
            dom.by_id("import-count").textContent = said

    def stop(self) -> None:
        """Stops the import that is under way; those still waiting are not begun."""
        self._queue = []
        if self._request is not None:
            dom.by_id("import-count").textContent = text("importing.stopping")
            self._console.client.start("cancel", target=self._request.number)

    async def add(self, files: "list[File]", asked: bool = False) -> None:
        """Imports files, after those that are already waiting.

        ``asked``: shows the preview of each, and not only of those that can be read in several
        ways.
        """
        self._queue.extend([(file, asked) for file in self._without_companions(files)])
        if self._console.state["importing"] or not self._queue:
            return
        self._console.state["importing"] = True
        try:
            await self._wait_for_turn()
            # Once for all files, so that the errors of each of them stay to the end.
            self._console.trouble.clear()
            while self._queue:
                await self._import(*self._queue.pop(0))
        finally:
            self._console.state["importing"] = False

    def _without_companions(self, files: "list[File]") -> "list[File]":
        """Return the files without those that lie beside a database among them, which are kept."""
        names = [file.name for file in files]
        left = []
        for file in files:
            base = None
            for suffix in COMPANIONS:
                if file.name.endswith(suffix) and file.name[: -len(suffix)] in names:
                    base = file.name[: -len(suffix)]
            if base is None:
                left.append(file)
            elif not file.name.endswith("-shm"):
                self._beside.setdefault(base, []).append(file)
        return left

    async def _wait_for_turn(self) -> None:
        said = None
        while self._console.state["running"] or not self._console.state["ready"]:
            waits = text(
                "importing.wait-for-statement"
                if self._console.state["ready"]
                else "importing.wait-for-storage"
            )
            if waits != said:
                said = waits
                self._console.status.say(waits)
            await asyncio.sleep(0.1)

    async def _import(self, file: "File", asked: bool) -> None:
        if not await self._has_room(file):
            self._console.status.say(text("importing.unchanged", name=file.name))
            return
        fields: "Json | None" = {"only_if_sure": True}
        beside = self._beside.pop(file.name, [])
        try:
            if asked:
                fields = await self._preview.ask(file, {})
            while fields is not None:
                try:
                    for companion in beside:
                        request = self._console.client.start(
                            "beside", part=companion, name=companion.name
                        )
                        await request.reply()
                    reply = await self._send(file, fields)
                except RequestError as error:
                    fields = await self._settle(error, file, fields)
                else:
                    await self._done(reply, file.name)
                    return
        except RequestError as error:
            self._show_error(error, file.name)
            return
        self._console.status.say(text("importing.unchanged", name=file.name))

    async def _settle(self, error: "RequestError", file: "File", fields: "Json") -> "Json | None":
        """Ask what to do about an error; return the fields to import with, None to leave it.

        Raises:
            RequestError: There is nothing to ask about it.
        """
        if error.kind == "NameExists":
            return fields if await self._settle_name(error.error, fields) else None
        if error.kind == "ImportDoubtful":
            encoding = error.error["params"]["encoding"]
            return await self._preview.ask(file, {"encoding": encoding} if encoding else {})
        raise error

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
            text("importing.room", name=file.name),
            lack,
            [("act.import-anyway", ""), ("act.import-not", "primary")],
        )
        return button == "act.import-anyway"

    async def _send(self, file: "File", fields: "Json") -> "Json":
        card = dom.by_id("import-progress")
        dom.by_id("import-name").textContent = text("importing.name", name=file.name)
        dom.by_id("import-count").textContent = ""
        self._bar.removeAttribute("value")
        card.hidden = False
        self._console.status.say(text("importing.running", name=file.name))
        request = self._request = self._console.client.start(
            "import_file", part=file, name=file.name, **fields
        )
        try:
            return await request.reply()
        finally:
            self._request = None
            card.hidden = True

    async def _settle_name(self, error: "Json", fields: "Json") -> bool:
        """Ask what to do about a taken name; return whether to send ``fields``, changed, again."""
        existing = error["params"]["existing"]
        what = error["params"]["what"]
        question, label = EXISTS[what]
        taken = [
            entry["name"]
            for entry in self._console.state["databases" if what == "database" else "schema"]
        ]
        number = format.numbered if what == "database" else format.numbered_table
        button, entered = await dialogs.ask(
            text("databases.exists", name=existing),
            text(question),
            [("act.cancel", ""), ("act.replace", "danger"), ("act.keep-both", "primary")],
            field=(text(label), number(existing, taken)),
        )
        if button == "act.replace":
            fields["replace"] = True
            fields.pop(what, None)
            return True
        if button == "act.keep-both" and entered.strip():
            fields[what] = entered.strip()
            return True
        return False

    def _show_error(self, error: "RequestError", name: str) -> None:
        if error.kind == "Cancelled":
            self._console.status.say(text("importing.unchanged", name=name))
            return
        self._console.trouble.show(error.error, title=text("importing.done-not", name=name))
        self._console.status.say(text("importing.unsuccessful"))

    async def _done(self, reply: "Json", name: str) -> None:
        await self._console.opening.switch(reply["database"])
        self._console.events.emit("wrote", reply["database"])
        if reply["table"] is None:
            self._console.events.emit("replaced", reply["database"])
            size = format.size(reply["size"])
            said = text("importing.done", name=reply["database"], size=size)
        else:
            rows = text("count.rows", count=reply["rows"])
            said = text("importing.done-rows", rows=rows, table=reply["table"])
        self._console.status.say(said)
        notes = " ".join([note_of(note) for note in reply["notes"]])
        if notes:
            told = text("importing.notes", name=name, notes=notes)
            self._console.trouble.show_text(told, calm=True)

    def _on_chosen(self, _event: "Event") -> "object":
        files = dom.files_of(self._input)
        # Without this, choosing the same file again would be no "change".
        self._input.value = ""
        return self.add(files, self._with_options)

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
        return self._take_drop(dom.dropped(event.dataTransfer))

    async def _take_drop(self, promise: "object") -> None:
        files, empty, unread, cut = await dom.dropped_files(promise)
        if files:
            await self.add(files)
        for name in empty:
            self._console.trouble.show_text(text("importing.empty", name=name))
        for name in unread:
            self._console.trouble.show_text(text("importing.unread", name=name))
        if cut:
            self._console.trouble.show_text(text("importing.cut", count=len(files)))
