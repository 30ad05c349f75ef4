"""The results of a run: a tab for each result, the grid, and the messages."""

import asyncio
import json

from core import dom, format
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable, Iterator
    from typing import Any

    from page_types import Element, Event, Json
    from polyscript.js_modules import Grid, Script

    from core.console import Console
    from features.query.editor import Editor

MOST_TABS = 40
TAB_WIDTH = 24
MOST_MESSAGES = 1000
MESSAGES_AT_ONCE = 10
ACTS = ("show-plan", "copy", "export-rows")
"""The ids of the buttons for the result that is shown."""


class Result:
    """The result of one statement; ``rows`` counts the rows that the page holds so far.

    One of kind "many" stands for ``count`` statements in a row that gave no rows: ``buffer`` has
    what became of each (protocol.py), and is read when a person looks.
    """

    def __init__(self, key: int, sql: str, line: int) -> None:
        self.key = key
        self.sql = sql
        self.line = line
        self.database: "str | None" = None
        self.span = (0, 0)  # of the statement, in bytes of the script
        self.state: "str | None" = None  # of the data when it was read (protocol.py)
        self.kind = "done"
        self.count = 1
        self.script: "Script | None" = None
        self.buffer: "Any" = None
        self.rows = 0
        self.complete = True
        self.order: "list[tuple[int, bool]]" = []  # index and whether descending, by which sorted
        self.sorted_sql: "str | None" = None  # what gives the rows as they are sorted
        self.as_read = (0, True)  # ``rows`` and ``complete`` of the rows as read, while sorted
        self.offers_more = False  # as read: whether a button fetches more rows
        self.elapsed = 0.0
        self.changes: "int | None" = None
        self.error: "Json | None" = None

    def statement(self) -> "Any":
        """Return the whole statement; it stays in JavaScript, however long it is."""
        script: "Any" = self.script
        return script.statement(self.span[0], self.span[1])

    def shown_statement(self) -> "Any":
        """Return what gives the rows in the order in which they are shown."""
        return self.sorted_sql or self.statement()

    def said(self) -> str:
        """Return what the status line says about the result."""
        if self.error is not None:
            return text("status.failed" if self.has_failed() else "results.cancelled")
        if self.kind == "rows":
            said = text("count.rows" if self.complete else "results.rows-so-far", count=self.rows)
        elif self.changes is None:
            said = text("results.done")
        else:
            said = text("results.changed", count=self.changes)
        return text("results.took", said=said, time=format.time(self.elapsed))

    def has_failed(self) -> bool:
        """Return whether the statement ended in an error, and not because it was cancelled."""
        return self.error is not None and self.error["type"] != "Cancelled"


class Results:
    """The part of the page below the editor."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._results: "list[Result]" = []
        self._shown: "Result | None" = None
        self._last_key = 0
        self._drawing = 0  # counts the lists of messages that were begun
        self._has_run = False
        self._is_awaited = False  # whether a run has begun, and has no result yet
        self._without = ""  # what the status line says of a run that ends without
        self._has_tables = True
        self._tabs = dom.by_id("tabs")
        self._messages = dom.by_id("messages")
        self._panel = dom.by_id("results")
        self._title = dom.by_id("results-title")
        self._older = dom.by_id("older")
        self._edit = dom.by_id("edit-query")
        self._earlier = dom.by_id("earlier")
        self._bar = dom.by_id("results-bar")
        self._grid = dom.create_grid(
            dom.by_id("results"),
            lambda: console.commands.run("results.inspect"),
            {
                "label": text("results.label"),
                "blob": text("results.blob-line", start="{start}", count="{count}"),
                "unloaded": text("results.unloaded"),
                "unnamed": text("cell.unnamed"),
                "inspect": {
                    "value": text("cell.label"),
                    "more": text("inspect.more", count="{count}"),
                    "members": text("inspect.members", count="{count}"),
                    "weekdays": text("inspect.weekdays"),
                    "seconds": text("inspect.seconds"),
                    "milliseconds": text("inspect.milliseconds"),
                    "microseconds": text("inspect.microseconds"),
                    "julian": text("inspect.julian"),
                    "iso": text("inspect.iso"),
                },
            },
        )
        dom.on_acts(self._tabs, {"show": self._on_tab})
        dom.listen(self._tabs, "keydown", self._on_tab_key)

    def on_sort(self, sort: "Callable[[int, bool], object]") -> None:
        """Calls ``sort`` at a press on a header: index of its column, and whether with Shift."""
        dom.listen(
            self._panel, "sort-by", lambda event: sort(event.detail.index, bool(event.detail.add))
        )

    def no_sql(self) -> "str | None":
        """Return why no SQL gives the rows as they are sorted; None when some does."""
        shown = self._shown
        return text("sort.no-sql") if shown is None or shown.sorted_sql is None else None

    def prepare(self) -> None:
        """Loads the grid's code, so that the first rows are shown quickly."""
        self._grid.prepare()

    def welcome(self, schema: "list[Json]") -> None:
        """Shows, before the first run, an invitation if the database is empty, else a hint."""
        self._has_tables = bool(schema) or self._console.state["database"] is None
        self._draw_empty()

    def grow_old(self, _message: "object") -> None:
        """Marks the shown rows as older than the data, which another tab changed, until a run."""
        self._older.hidden = not any(result.kind == "rows" for result in self._results)

    def reset(self, _database: str) -> None:
        """Removes all results, and shows what is shown before the first run."""
        self._is_awaited = False
        self._clear()
        dom.last_rows.end()
        self._has_run = False
        self._draw_empty()

    def begin(self) -> None:
        """Begins a run. The results of the one before stay until there is one of this run."""
        self._is_awaited = True
        self._without = text("results.nothing")

    def _clear(self) -> None:
        self._set_earlier(False)
        self._results = []
        self._shown = None
        self.cover(None)
        self._grid.clear()
        self._has_run = True
        self._title.textContent = ""
        self._messages.hidden = True
        self._draw_tabs()
        self._draw_sorted()
        for name in ACTS:
            dom.by_id(name).hidden = True
        dom.by_id("more").hidden = True
        self._show_source()
        self._older.hidden = True
        self._draw_empty()

    def add(self, outcome: "Json", script: "Script", parts: "Any") -> "Result":
        """Add the outcome of a statement (protocol.py), or of many, and return its Result.

        Where the first statement of a run fails, what was shown before it stays, marked as such:
        there is nothing else to show, and the error itself is above.
        """
        self._last_key += 1
        result = _result_of(outcome, script, self._last_key)
        result.script = script
        result.span = (outcome["start"], outcome["end"])
        result.state = outcome.get("state")
        if outcome["kind"] == "many":
            result.count = outcome["count"]
            result.buffer = parts[outcome["part"]]
        result.kind = outcome["kind"]
        result.error = outcome["error"]
        if self._is_awaited and result.error is not None:
            self._set_earlier(bool(self._results))
            self._without = "" if result.has_failed() else result.said()
            dom.last_rows.end()
            return result
        if self._is_awaited:
            self._is_awaited = False
            self._clear()
        if result.kind == "rows":
            result.complete = outcome["cursor"] is None
            self._grid.begin(result.key, json.dumps(outcome["columns"]))
            self._take(result, outcome["piece"], parts)
        self._results.append(result)
        return result

    def extend(self, result: "Result", reply: "Json") -> None:
        """Adds the rows of a reply to ``fetch`` to a result."""
        result.elapsed += reply["elapsed"]
        result.complete = reply["cursor"] is None
        self._take(result, reply["piece"], reply["parts"])
        if result is self._shown:
            self._console.status.tick(text("results.rows-so-far", count=result.rows))

    def keep(self, database: str) -> bool:
        """Keep the first rows of the shown result for the next visit; False where none is shown."""
        shown = self._shown
        if shown is None:
            return False
        # The next visit shows the rows of a statement that the editor has: those kept last.
        if not _is_apart(shown):
            self._grid.keep(shown.key, database, shown.sql)
        return True

    def cover(self, view: "Element | None") -> None:
        """Shows an element of the panel in the place of the rows until a result is shown.

        None shows the rows again.
        """
        if view is None:
            self._panel.removeAttribute("data-view")
        else:
            self._panel.setAttribute("data-view", view.id)

    def megabytes(self) -> float:
        """Return the memory that the rows of all results take, in MB."""
        return self._grid.megabytes()

    @property
    def shown(self) -> "Result | None":
        """The result that is shown; None: the messages are."""
        return self._shown

    @property
    def grid(self) -> "Grid":
        """The grid with the rows (app/parts/grid.mjs)."""
        return self._grid

    def held(self, result: "Result", as_read: bool = False) -> "Any":
        """Return a promise of the rows that the page has of a result (Grid.held in grid.mjs).

        They are in the order in which they are shown, or ``as_read``.
        """
        return self._grid.held(result.key, as_read)

    def sort(self, result: "Result", order: "list[tuple[int, bool]]", reply: "Json") -> None:
        """Shows a result in another order, with the rows of a reply as the first ones."""
        more = dom.by_id("more")
        if not result.order:
            result.as_read = (result.rows, result.complete)
            result.offers_more = not more.hidden
        more.hidden = True
        piece = reply["piece"]
        buffer = reply["parts"][piece["part"]]
        result.order = order
        result.sorted_sql = reply["sql"]
        self._grid.sort(result.key, json.dumps(order), json.dumps(piece), buffer)
        self._count_sorted(result, reply)

    def extend_sorted(self, result: "Result", reply: "Json") -> None:
        """Adds the rows of a reply to ``fetch`` to a result that is sorted."""
        piece = reply["piece"]
        self._grid.addSorted(result.key, json.dumps(piece), reply["parts"][piece["part"]])
        self._count_sorted(result, reply)

    def _count_sorted(self, result: "Result", reply: "Json") -> None:
        result.rows = self._grid.size(result.key)
        result.complete = reply["cursor"] is None
        self._draw_sorted()

    def unsort(self, result: "Result") -> None:
        """Shows a result as it was read."""
        if not result.order:
            return
        result.order = []
        result.sorted_sql = None
        result.rows, result.complete = result.as_read
        self._grid.unsort(result.key)
        if result is self._shown:
            dom.by_id("more").hidden = not result.offers_more
        self._draw_sorted()

    def _draw_sorted(self) -> None:
        shown = self._shown
        dom.by_id("show-sql").hidden = shown is None or shown.sorted_sql is None

    def _set_earlier(self, is_earlier: bool) -> None:
        """Marks what is shown as results of the run before, or no longer."""
        self._earlier.hidden = not is_earlier
        if is_earlier:
            self._panel.setAttribute("data-earlier", "")
        else:
            self._panel.removeAttribute("data-earlier")

    def show_last(self) -> None:
        """Shows the last result with rows, else the messages; draws the tabs anew.

        Where the run has no result, what was shown before it stays.
        """
        if self._is_awaited:
            self._console.status.say(self._without)
            return
        with_rows = [result for result in self._results if result.kind == "rows"]
        self._draw_tabs()
        self.show(with_rows[-1] if with_rows else None)

    def show(self, result: "Result | None", offer_more: bool = False) -> None:
        """Shows a result, or the messages when it is None."""
        changed = result is not self._shown or result is None
        self._shown = result
        self.cover(None)
        self._messages.hidden = result is not None
        for name in ACTS:
            dom.by_id(name).hidden = result is None
        dom.by_id("more").hidden = not offer_more
        self._draw_sorted()
        if result is None:
            self._grid.hide()
            dom.last_rows.end()
            self._title.textContent = text("results.messages") if self.count() == 1 else ""
            self._draw_messages()
        elif changed:
            self._grid.show(result.key)
            title = format.brief(result.sql, 200)
            # A short statement is already shown whole in its tab.
            in_tab = self.count() > 1 and len(title) <= TAB_WIDTH
            self._title.textContent = "" if in_tab else title
        self._show_source()
        for tab in dom.items(self._tabs.children):
            selected = tab.dataset.key == (str(result.key) if result else "messages")
            tab.setAttribute("aria-selected", "true" if selected else "false")
            if selected:
                self._panel.setAttribute("aria-labelledby", tab.id)
            tab.tabIndex = 0 if selected else -1
        self.say()

    def edit(self, editor: "Editor") -> None:
        """Puts the query of the shown result into the editor, for a person to edit."""
        script = None if self._shown is None else self._shown.script
        if script is not None:
            editor.edit(script)
            self._show_source()

    def _show_source(self) -> None:
        """Offers to edit the query of the shown result where it stands nowhere in the editor."""
        is_preview = self._shown is not None and _is_apart(self._shown)
        self._edit.hidden = not is_preview
        if is_preview:
            self._title.setAttribute("data-preview", "")
        else:
            self._title.removeAttribute("data-preview")

    def say(self) -> None:
        """Shows rows and time of the shown result in the status line, and the time of all."""
        shown = self._shown or (self._results[-1] if self._results else None)
        if shown is None:
            self._console.status.say(text("results.nothing"))
            return
        said = shown.said()
        if self.count() > 1:
            total = sum(result.elapsed for result in self._results)
            statements = text("count.statements", count=self.count())
            said = text("results.total", said=said, statements=statements, time=format.time(total))
        self._console.status.say(said)

    def _take(self, result: "Result", piece: "Json", parts: "Any") -> None:
        self._grid.add(result.key, json.dumps(piece), parts[piece["part"]])
        result.rows = self._grid.size(result.key)

    def _draw_empty(self) -> None:
        dom.by_id("welcome").hidden = self._has_run or self._has_tables
        dom.by_id("hint").hidden = self._has_run or not self._has_tables
        self._bar.hidden = not self._has_run

    def _draw_tabs(self) -> None:
        with_rows = [result for result in self._results if result.kind == "rows"][-MOST_TABS:]
        self._tabs.hidden = self.count() < 2
        if self._tabs.hidden:
            self._tabs.replaceChildren()
            self._panel.removeAttribute("role")
            self._panel.removeAttribute("aria-labelledby")
            return
        self._panel.setAttribute("role", "tabpanel")
        tabs = [
            self._tab(str(result.key), format.brief(result.sql, TAB_WIDTH)) for result in with_rows
        ]
        messages = text("results.messages-count", count=self.count())
        tabs.append(self._tab("messages", messages))
        dom.fill(self._tabs, tabs)

    def _tab(self, key: str, title: str) -> "Element":
        return dom.make(
            "button",
            title,
            type="button",
            role="tab",
            id="tab-" + key,
            aria_controls="results",
            data_act="show",
            data_key=key,
        )

    def _on_tab(self, tab: "Element") -> None:
        chosen = [result for result in self._results if str(result.key) == tab.dataset.key]
        self.show(chosen[0] if chosen else None)

    def _on_tab_key(self, event: "Event") -> None:
        steps = {"ArrowRight": 1, "ArrowLeft": -1}
        if event.key not in steps:
            return
        tabs = dom.items(self._tabs.children)
        selected = [tab.getAttribute("aria-selected") for tab in tabs].index("true")
        tab = tabs[(selected + steps[event.key]) % len(tabs)]
        tab.click()
        tab.focus()

    def count(self) -> int:
        """Return how many statements have run."""
        return sum(result.count for result in self._results)

    def _newest_first(self) -> "Iterator[Result]":
        """Yield the result of each statement, one for each of many, from the last one on."""
        for result in reversed(list(self._results)):
            if result.buffer is None:
                yield result
            else:
                for index in range(result.count - 1, -1, -1):
                    yield _one_of(result, index)

    def _draw_messages(self) -> None:
        dom.fill(self._messages, [])
        self._drawing += 1
        dom.spawn(self._add_messages(self._drawing))

    async def _add_messages(self, drawing: int) -> None:
        """Draws the messages a few at a time, so that the page answers all the while."""
        before = None
        for number, result in enumerate(self._newest_first()):
            if number == MOST_MESSAGES:
                return
            if number % MESSAGES_AT_ONCE == 0 and number:
                # sleep(0) would go on within the same task of the browser.
                await asyncio.sleep(0.001)
            if drawing != self._drawing or self._shown is not None:
                return
            item = dom.make("li", class_="failed" if result.has_failed() else None)
            item.append(
                dom.make("span", text("results.line", line=result.line), class_="line"),
                dom.make("span", format.brief(result.sql, 200), class_="sql"),
                dom.make("span", result.said(), class_="said"),
            )
            self._messages.insertBefore(item, before)
            before = item


def _is_apart(result: "Result") -> bool:
    """Return whether the page made the statement, and it stands nowhere in the editor."""
    return result.script is not None and bool(result.script.isApart)


def _result_of(outcome: "Json", script: "Any", key: int) -> "Result":
    """Return a result with what every outcome of a script has."""
    title = script.title(outcome["start"], outcome["end"])
    result = Result(key, title, script.line + outcome["line"] - 1)
    result.elapsed = outcome["elapsed"]
    result.changes = outcome["changes"]
    return result


def _one_of(many: "Result", index: int) -> "Result":
    """Return the result of one of many statements, which ended without rows and without error."""
    script: "Any" = many.script
    return _result_of(json.loads(script.outcome(many.buffer, index)), script, 0)
