"""Writes a result as a file: asks for the format, and has the worker write it."""

import json

from core import dom, format
from core.errors import RequestError, note_of
from core.messages import text
from ui import dialogs

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Element, Event, Json

    from core.console import Console
    from features.query.results import Result, Results
    from features.query.runner import Runner

# By the name of a format: its title, and what it cannot hold.
FORMATS = {
    "csv": ("export.csv", "export.csv-about"),
    "tsv": ("export.tsv", "export.csv-about"),
    "xlsx": ("export.xlsx", "export.xlsx-about"),
    "json": ("export.json", "export.json-about"),
    "jsonl": ("export.jsonl", "export.json-about"),
    "sql": ("export.sql", "export.sql-about"),
    "markdown": ("export.markdown", "export.markdown-about"),
    "html": ("export.html", "export.html-about"),
}
WITH_NULL = ("csv", "tsv", "markdown", "html")
WITH_TABLE = ("sql", "xlsx", "html")
WITHOUT_GZIP = ("xlsx",)

# Why a query is not run again without asking, by the code of the error.
WHY = {
    "data-changed": "export.data-changed",
    "query-varies": "export.query-varies",
    "not-only-reading": "export.not-only-reading",
}

FEW_ROWS = 20_000
"""Rows that are sent to the worker as they were read rather than read again."""


class Export:
    """The dialog "Export rows", which remembers what was chosen, and what follows."""

    def __init__(self, console: "Console", runner: "Runner", results: "Results") -> None:
        self._console = console
        self._runner = runner
        self._results = results
        self._formats: "list[Json]" = []
        self._chosen: "Json" = {"format": "csv", "null": "", "table": "", "gzip": False}
        # Made once: a listener on elements that are removed would leak them.
        self._body = dom.make("div", class_="export")
        dom.listen(self._body, "change", self._on_change)

    async def ask(self, result: "Result") -> None:
        """Asks in which format a result is wanted, and exports it."""
        if not self._formats:
            self._formats = (await self._console.client.ask("formats"))["exports"]
        self._draw()
        button, _ = await dialogs.ask(
            text("export.title"),
            text("export.text" if result.complete else "export.text-more", count=result.rows),
            [("act.cancel", ""), ("act.export", "primary")],
            body=self._body,
        )
        if button == "act.export" and self._console.may_begin():
            await self._export(result)

    def _on_change(self, event: "Event") -> None:
        name = event.target.dataset.option
        self._chosen[name] = event.target.checked if name == "gzip" else event.target.value
        if name == "format":
            self._draw()
            select = self._body.querySelector("select")
            if select is not None:
                select.focus()

    def _draw(self) -> None:
        known = self._chosen["format"]
        select = dom.make("select", data_option="format")
        for each in self._formats:
            name = each["name"]
            title = text(FORMATS[name][0]) if name in FORMATS else name
            select.append(dom.make("option", title, value=name, selected=name == known))
        children = [self._labelled("export.format", select)]
        if known in WITH_NULL:
            children.append(self._entry("export.null", "null"))
        if known in WITH_TABLE:
            children.append(self._entry("export.table", "table"))
        if known not in WITHOUT_GZIP:
            label = dom.make("label", class_="check")
            box = dom.make(
                "input", type="checkbox", checked=self._chosen["gzip"], data_option="gzip"
            )
            label.append(box)
            label.append(text("export.gzip"))
            children.append(label)
        if known in FORMATS:
            children.append(dom.make("p", text(FORMATS[known][1]), class_="note"))
        dom.fill(self._body, children)

    def _labelled(self, key: str, control: "Element") -> "Element":
        label = dom.make("label", text(key))
        label.append(control)
        return label

    def _entry(self, key: str, option: str) -> "Element":
        entry = dom.make(
            "input",
            type="text",
            value=self._chosen[option],
            placeholder=text("export.as-result") if option == "table" else "",
            autocomplete="off",
            spellcheck="false",
            data_option=option,
        )
        return self._labelled(key, entry)

    async def _export(self, result: "Result") -> None:
        self._console.trouble.clear()
        options = dict(self._chosen)
        if options["format"] not in WITH_NULL:
            options["null"] = ""
        if options["format"] not in WITH_TABLE:
            options["table"] = ""
        reply: "Json | None"
        try:
            if result.complete and result.rows <= FEW_ROWS:
                reply = await self._write_held(result, options)
            else:
                reply = await self._read_again(result, options)
        except RequestError as error:
            if error.kind == "Cancelled":
                self._console.status.say(text("export.cancelled"))
                return
            self._console.trouble.show(error.error, title=text("export.failed"))
            self._console.status.say(text("status.not-exported"))
            return
        if reply is not None:
            self._done(reply)

    async def _read_again(self, result: "Result", options: "Json") -> "Json | None":
        """Have the worker run the query again, if it gives the same rows; return the reply.

        Else the rows are written that the page has. If these are not all, a person is asked what is
        wanted; None: nothing is.
        """
        try:
            return await self._ask_again(result, options, result.state)
        except RequestError as error:
            why = error.error["code"]
            if why not in WHY:
                raise
        if result.complete:
            return await self._write_held(result, options)
        can_run = why != "not-only-reading"  # nothing that changes data runs twice
        acts = [("act.cancel", ""), ("act.export-read", "" if can_run else "primary")]
        if can_run:
            acts.append(("act.run-and-export", "primary"))
        button, _ = await dialogs.ask(
            text("export.incomplete", count=result.rows),
            text(WHY[why]),
            acts,
        )
        if button == "act.export-read":
            return await self._write_held(result, options)
        if button == "act.run-and-export":
            return await self._ask_again(result, options, None)
        self._console.status.say(text("export.cancelled"))
        return None

    async def _ask_again(self, result: "Result", options: "Json", state: "str | None") -> "Json":
        return await self._runner.work(
            text("export.running"),
            "export_rows",
            sql=result.shown_statement(),
            state=state,
            database=result.database,
            **options,
        )

    async def _write_held(self, result: "Result", options: "Json") -> "Json":
        held = await self._results.held(result)
        return await self._runner.work(
            text("export.running"),
            "write_rows",
            part=held.file,
            described=held.described,
            columns=json.loads(held.names),
            **options,
        )

    def _done(self, reply: "Json") -> None:
        dom.download(reply["parts"][0], reply["name"])
        rows = text("count.rows", count=reply["rows"])
        size = format.size(reply["size"])
        self._console.status.say(text("export.done", rows=rows, name=reply["name"], size=size))
        notes = " ".join([note_of(note) for note in reply["notes"]])
        if notes:
            self._console.trouble.show_text(notes, calm=True)
