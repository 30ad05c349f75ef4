"""Sorts the rows of a result by the headers of its columns, and shows the order as SQL."""

import json

from core import dom
from core.errors import RequestError
from core.messages import text
from ui import dialogs

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Json

    from core.console import Console
    from features.query.editor import Editor
    from features.query.results import Result, Results
    from features.query.runner import Runner

# Why a query is not run again, by the code of the error.
WHY = {
    "data-changed": "sort.data-changed",
    "query-varies": "sort.query-varies",
    "not-run-again": "sort.not-run-again",
}
ENDED = ("cancelled", "timed-out", "restarted")
"""Codes of errors after which nothing else is tried."""
FEW_ROWS = 20_000
SLOW = 0.5
"""So many rows of a query that took longer, in seconds, are sorted without running it again."""


class Sorting:
    """The order of the result that is shown; the rows are those that were read, and no others."""

    def __init__(
        self, console: "Console", editor: "Editor", runner: "Runner", results: "Results"
    ) -> None:
        self._console = console
        self._editor = editor
        self._runner = runner
        self._results = results

    async def by(self, index: int, add: bool) -> None:
        """Sorts by a column: ascending, then descending, then not; ``add``: after the others."""
        result = self._results.shown
        if result is None or not self._console.may_begin():
            return
        order = next_order(result.order, index, add)
        self._console.trouble.clear()
        if not order:
            self._results.unsort(result)
            self._results.say()
            return
        try:
            done = await self._sort(result, order)
        except RequestError as error:
            done = False
            if error.kind != "Cancelled":
                self._console.trouble.show(error.error, title=text("sort.failed"))
        if done:
            self._results.say()
        else:
            self._results.unsort(result)
            self._console.status.say(text("sort.not-done"))

    async def _sort(self, result: "Result", order: "list[tuple[int, bool]]") -> bool:
        """Return whether the result is sorted now."""
        rows, complete = result.as_read if result.order else (result.rows, result.complete)
        keys = ["{}{}".format(index + 1, " desc" if down else "") for index, down in order]
        if complete and rows <= FEW_ROWS and result.elapsed > SLOW:
            return await self._sort_held(result, order, keys)
        try:
            return await self._runner.read(
                text("sort.running"),
                self._taker(result, order),
                "sort_rows",
                sql=result.statement(),
                state=result.state,
                database=result.database,
                order=keys,
            )
        except RequestError as error:
            why = error.error["code"]
            if why in ENDED or (not complete and why not in WHY):
                raise
        if complete:
            return await self._sort_held(result, order, keys)
        button, _ = await dialogs.ask(
            text("sort.incomplete", count=rows),
            text(WHY[why]),
            [("act.cancel", ""), ("act.sort-read", "primary")],
        )
        return button == "act.sort-read" and await self._sort_held(result, order, keys)

    async def _sort_held(
        self, result: "Result", order: "list[tuple[int, bool]]", keys: "list[str]"
    ) -> bool:
        """Has the worker sort the rows that the page has."""
        held = await self._results.held(result, as_read=True)
        return await self._runner.read(
            text("sort.running"),
            self._taker(result, order),
            "sort_held",
            part=held.file,
            described=held.described,
            width=len(json.loads(held.names)),
            database=result.database,
            order=keys,
        )

    def _taker(self, result: "Result", order: "list[tuple[int, bool]]") -> "_Taker":
        return _Taker(self._results, result, order)

    async def show_sql(self) -> None:
        """Shows the SQL that gives the rows in this order, to copy or to put into the editor."""
        result = self._results.shown
        if result is None or result.sorted_sql is None:
            return
        sql = result.sorted_sql
        body = dom.make("pre", sql, tabindex="0", aria_label=text("sort.sql"))
        button, _ = await dialogs.ask(
            text("sort.sql"),
            None,
            [("act.copy", ""), ("act.to-editor", ""), ("act.close", "primary")],
            body=body,
            wide=True,
        )
        if button == "act.copy":
            self._console.status.say_copied(await dom.copy(sql))
        elif button == "act.to-editor":
            self._editor.edit(self._editor.apart(sql))


class _Taker:
    """Takes the replies with the rows of a result as it is sorted, one after another."""

    def __init__(
        self, results: "Results", result: "Result", order: "list[tuple[int, bool]]"
    ) -> None:
        self._results = results
        self._result = result
        self._order = order
        self._has_begun = False

    def __call__(self, reply: "Json") -> None:
        """Takes a reply."""
        if self._has_begun:
            self._results.extend_sorted(self._result, reply)
        else:
            self._has_begun = True
            self._results.sort(self._result, self._order, reply)


def next_order(order: "list[tuple[int, bool]]", index: int, add: bool) -> "list[tuple[int, bool]]":
    """Return the order after a press on the header of a column, alone or with Shift (``add``)."""
    before = [down for each, down in order if each == index]
    others = [key for key in order if key[0] != index] if add else []
    if before and before[0]:
        return others
    if before and add:
        # The column keeps its place.
        return [(each, True) if each == index else (each, down) for each, down in order]
    others.append((index, bool(before)))
    return others
