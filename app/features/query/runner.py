"""Runs the editor's SQL: statement after statement, and the pieces of each result."""

import asyncio
import json

from core import dom, format
from core.client import NOT_OPEN, SESSION_LOST
from core.errors import RequestError, message_of
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable
    from typing import Any

    from page_types import Json
    from polyscript.js_modules import Script

    from core.client import Request
    from core.console import Console
    from features.query.editor import Editor
    from features.query.results import Result, Results

FIRST_ROWS = 200
PIECE_ROWS = 20_000
MOST_MEGABYTES = 256
"""Memory of rows, in MB, after which more are fetched only when the person asks for them."""
STOP_DELAY = 0.2
"""Seconds after which Stop has taken the place of Run: a little longer than query.css says."""
CANCEL_PATIENCE = 2
"""Seconds that a cancel may take before the page offers to restart the worker."""


class Runner:
    """Runs SQL, one run at a time, and adds its outcomes to the results."""

    def __init__(self, console: "Console", editor: "Editor", results: "Results") -> None:
        self._console = console
        self._editor = editor
        self._results = results
        self._request: "Request | None" = None
        self._stopped = False
        self._is_reading = False
        self._next: "Script | None" = None
        self._left: "tuple[Result, int] | None" = None
        self._database: "str | None" = None
        self._in_transaction = False
        self._offered = False
        self._before: "list[int]" = []
        console.state.watch("ahead", self._show_place)
        self._seconds = dom.by_id("seconds")
        self._limit = dom.by_id("limit")
        self._run_button = dom.by_id("run")
        self._stop_button = dom.by_id("cancel")
        console.settings.watch("seconds", self._show_seconds)
        self._again = False
        self._since: "int | None" = None
        self._last: "Request | None" = None
        console.state.watch_busy(self._show_busy)
        dom.listen(self._seconds, "change", lambda _event: self._set_seconds())

    def _show_seconds(self, seconds: str) -> None:
        self._seconds.value = seconds
        self._limit.hidden = seconds == "0"
        for choice in dom.items(self._seconds.children):
            if choice.value == seconds:
                self._limit.textContent = text("query.limit", time=choice.textContent)

    def _set_seconds(self) -> None:
        self._console.settings["seconds"] = self._seconds.value

    def take_progress(self, message: "Json") -> None:
        """Takes the event ``running``: how far the statement has come."""
        if self._is_mine(message):
            self._console.status.reached(text("count.rows", count=message["rows"]))

    def take_wait(self, message: "Json") -> None:
        """Takes the event ``waiting``: the statement waits for another tab's lock."""
        if self._is_mine(message):
            holder = format.tabs([message["tab"]])
            self._console.status.say(text("query.waiting", tab=holder))

    def _is_mine(self, message: "Json") -> bool:
        return self._request is not None and message["request"] == self._request.number

    def idle(self) -> "str | None":
        """Return why there is nothing to cancel; None when there is."""
        return None if self._console.state["running"] else text("query.idle")

    def refusal(self) -> "str | None":
        """Return why Run can do nothing now; None when it can, as while another run goes on."""
        return None if self._console.state["running"] else self._console.state.busy()

    async def run(self) -> None:
        """Runs the selection, or the statement at the cursor if nothing is selected."""
        await self.run_script(self._editor.chosen())

    async def run_all(self) -> None:
        """Runs all statements of the text."""
        await self.run_script(self._editor.whole())

    def whole_refusal(self) -> "str | None":
        """Return why the text cannot be run in one transaction now; None when it can."""
        if self._console.state["transaction"]:
            return text("query.in-transaction")
        return self._console.state.busy()

    async def run_whole(self) -> None:
        """Runs all statements of the text in one transaction, or none if one of them fails."""
        await self._run(self._editor.whole(), whole=True)

    async def run_script(self, script: "Script") -> None:
        """Runs a text.

        If an earlier result is still being read, that is stopped, and the text runs then. While a
        statement runs, a person is asked whether to stop it.
        """
        if not self._console.state["running"]:
            await self._run(script)
        elif self._is_reading:
            self._follow(script)
        else:
            self._console.trouble.show_text(
                text("query.is-running"),
                text("query.is-running-hint"),
                [("act.stop-and-run", lambda: self._stop_and_run(script))],
                calm=True,
            )

    async def _stop_and_run(self, script: "Script") -> None:
        self._console.trouble.clear()
        if self._console.state["running"]:
            self._follow(script)
            await self.cancel()
        else:
            await self._run(script)

    def _follow(self, script: "Script") -> None:
        """Has a script run as soon as what runs now has ended, which is to stop."""
        self._next = script
        self._stopped = True

    async def run_text(self, sql: str) -> None:
        """Runs a statement of the page's own; what a person has written stays as it is."""
        if self._console.may_begin():
            await self._run(self._editor.offer(sql))

    async def load_sample(self) -> None:
        """Creates the sample tables in the open database and runs the sample query."""
        if not self._console.may_begin():
            return
        self._console.trouble.clear()
        try:
            reply = await self._console.client.ask("sample")
        except RequestError as error:
            self._console.trouble.show(error.error, title=text("query.sample-not"))
            return
        self._console.opening.take_schema(reply)
        self._console.events.emit("wrote", self._console.state["database"])
        await self.run_text(reply["sql"])

    async def cancel(self) -> None:
        """Cancels what runs; if it has not stopped in time, offers to restart the worker."""
        self._stopped = True
        request = self._request
        if request is None:
            return
        self._console.status.say(text("query.cancelling"))
        if self._console.state["can_suspend"]:
            # The reply to "cancel" is not awaited: only the end of the cancelled request matters.
            self._console.client.start("cancel", target=request.number)
            for _ in range(CANCEL_PATIENCE * 10):
                await asyncio.sleep(0.1)
                if request.done:
                    return
        if not request.done:
            self._offered = True
            in_memory = self._console.state["storage"] == "memory"
            self._console.trouble.show_text(
                text("query.unstopped"),
                text("query.unstopped-hint-memory" if in_memory else "query.unstopped-hint"),
                [("act.restart", lambda: self._console.commands.run("worker.restart"))],
                calm=True,
            )

    async def load_more(self) -> None:
        """Fetches more rows of the result that was cut at MOST_MEGABYTES."""
        if self._left is None or not self._console.may_begin():
            return
        result, cursor = self._left
        self._left = None
        self._console.trouble.clear()
        self._begin()
        try:
            await self._drain(result, cursor, self._results.megabytes() + MOST_MEGABYTES, False)
        except RequestError as error:
            self._console.trouble.show(error.error)
        finally:
            self._end()
        self._results.show(result, offer_more=self._left is not None)

    async def _run(self, script: "Script", whole: bool = False) -> None:
        if not self._console.may_begin():
            return
        self._begin()
        # As the person saw it at this moment: if the transaction is lost before the worker runs the
        # SQL, the worker must refuse it instead of running it without a transaction.
        self._in_transaction = self._console.state["transaction"] is not None
        self._left = None
        self._console.trouble.clear()
        self._editor.clear_marks()
        seen = self._console.state["database"]
        try:
            await self._console.state.until("greeted")
            if not self._stopped:
                await (self._all_or_none if whole else self._in_database)(script, seen)
        except RequestError as error:
            self._console.trouble.show(error.error)
            stopped = error.kind == "Restarted"
            self._console.status.say(text("status.stopped" if stopped else "status.failed"))
        finally:
            self._end()

    def _begin(self) -> None:
        self._stopped = False
        self._console.state["running"] = True
        self._console.status.say(
            text("query.running") if self._console.state["ready"] else self._start_of_run()
        )
        self._console.status.start_watch()
        if not self._console.state["can_suspend"]:
            # Then the worker runs one statement at a time, of whichever tab: tell the others that
            # this tab waits or runs, and remember which tabs came before it.
            self._before = list(self._console.state["ahead"])
            self._console.client.transport.tellRuns(True)
            self._show_place(self._before)

    def _start_of_run(self) -> str:
        """Return the text for a statement that waits for the start, with the time left if known."""
        left = self._console.state["expected"] - dom.passed()
        if left < 0.1:
            return text("query.at-start")
        return text("query.at-start-in", time=format.time(left))

    def _show_busy(self, _reason: "str | None") -> None:
        state = self._console.state
        run, stop = self._run_button, self._stop_button
        busy = state["running"] or state["importing"]
        had_focus = dom.has_focus(stop)
        stop.disabled = not busy
        if had_focus and not busy:
            run.focus()
        dom.by_id("busy").hidden = not state["running"]
        is_refused = self.refusal() is not None
        run.setAttribute("aria-disabled", "true" if is_refused else "false")
        if busy and dom.has_focus(run):
            dom.spawn(self._pass_focus())

    async def _pass_focus(self) -> None:
        """Gives the focus of Run to Stop, once that has taken its place (query.css)."""
        await asyncio.sleep(STOP_DELAY)
        if dom.is_focus_lost() or dom.has_focus(self._run_button):
            self._stop_button.focus()

    def _show_place(self, ahead: "list[int]") -> None:
        left = [number for number in self._before if number in ahead]
        if left:
            self._console.status.say(text("query.place", tabs=format.tabs(left)))
        elif self._before:
            self._console.status.say(text("query.running"))
        self._before = left

    def _end(self) -> None:
        if not self._console.state["can_suspend"]:
            self._before = []
            self._console.client.transport.tellRuns(False)
        self._console.status.stop_watch()
        self._console.state["running"] = False
        following, self._next = self._next, None
        if following is not None:
            dom.spawn(self._run(following))

    async def work(self, said: str, op: str, **fields: "Any") -> "Json":
        """Ask the worker for something long that Cancel stops as it stops a run; return the reply.

        Args:
            said: What the status line says meanwhile.
            op: Name of the operation (worker/sahpool_console/protocol.py).
            **fields: Its fields, and ``part`` where a file goes with it.

        Raises:
            RequestError: The reply is an error.
        """
        self._begin()
        self._console.status.say(said)
        try:
            return await self._ask(op, **fields)
        finally:
            self._end()

    async def read(
        self, said: str, take: "Callable[[Json], object]", op: str, **fields: "Any"
    ) -> bool:
        """Ask for rows as ``work`` does; return whether that was not stopped.

        ``take`` is called with the first reply and those that have the rows behind it.

        Raises:
            RequestError: A reply is an error.
        """
        self._begin()
        self._console.status.say(said)
        try:
            reply = await self._ask(op, rows=FIRST_ROWS, **fields)
            take(reply)
            cursor = reply["cursor"]
            most = self._results.megabytes() + MOST_MEGABYTES
            while cursor is not None:
                if self._stopped or self._results.megabytes() > most:
                    await self._console.client.ask("close", cursor=cursor)
                    break
                reply = await self._ask(
                    "fetch", database=fields["database"], cursor=cursor, rows=PIECE_ROWS
                )
                take(reply)
                cursor = reply["cursor"]
        finally:
            self._end()
        return not self._stopped

    async def _in_database(self, script: "Script", seen: "str | None") -> None:
        """Runs a script in the database whose name the person has ``seen``, and in no other.

        Before a name was shown, that is the one which the start opens: mostly that of the last
        visit, with which the script is sent before it is open.
        """
        state = self._console.state
        try:
            await self._statements(script, seen or self._console.opening.last())
        except RequestError as error:
            if seen is not None or self._since is not None or error.kind not in NOT_OPEN:
                raise
            await state.until("ready")
            await self._statements(script, state["database"])

    async def _all_or_none(self, script: "Script", seen: "str | None") -> None:
        """Runs a script in one transaction, which is rolled back if it fails or is stopped."""
        state = self._console.state
        await state.until("ready")
        self._database = seen or state["database"]
        await self._control("BEGIN")
        said = text("query.transaction-ended")
        try:
            ended = await self._statements(script, self._database)
            if state["transaction"]:
                await self._control("COMMIT" if ended else "ROLLBACK")
                said = text("query.rolled-back")
                if ended:
                    said = text("query.committed", count=self._results.count())
        except RequestError as error:
            await self._undo(error)
        self._console.status.say(said)

    async def _undo(self, error: "RequestError") -> None:
        """Rolls back and raises an error, which says more than one of the ROLLBACK would."""
        try:
            if self._console.state["transaction"]:
                await self._control("ROLLBACK")
        finally:
            raise error

    async def end_transaction(self, sql: str) -> bool:
        """Run COMMIT or ROLLBACK without touching the results; return whether that was done."""
        if not self._console.may_begin():
            return False
        state = self._console.state
        self._begin()
        self._console.trouble.clear()
        self._in_transaction = state["transaction"] is not None
        self._database = state["database"]
        try:
            reply = await self._control(sql)
            if reply["schema_changed"]:
                await self._look_again()
        except RequestError as error:
            self._console.trouble.show(error.error)
            self._console.status.say(text("status.failed"))
            return False
        finally:
            self._end()
        self._console.events.emit("ran", self._database)
        return True

    async def _control(self, sql: str) -> "Json":
        """Begin or end a transaction, and return the reply.

        Raises:
            RequestError: SQLite does not.
        """
        self._since, self._again = None, False
        reply = await self._run_rest(self._editor.apart(sql), 0)
        error = reply["outcomes"][0]["error"]
        if error is not None:
            raise RequestError(error)
        return reply

    async def _statements(self, script: "Script", database: "str | None") -> bool:
        """Run a script, and return whether all of its statements have ended well."""
        self._results.begin()
        # All statements of the script run in this database, or not at all.
        self._database = database
        # The connection on which the script began: its temporary tables are only in that session.
        self._since = None
        self._again = False
        start: "int | None" = 0
        changed = False
        wrote = False
        failed = False
        try:
            while start is not None and not self._stopped:
                reply = await self._run_rest(script, start)
                changed = changed or reply["schema_changed"]
                wrote = wrote or reply["schema_changed"]
                for outcome in reply["outcomes"]:
                    wrote = wrote or bool(outcome["changes"])
                    result = self._results.add(outcome, script, reply["parts"])
                    result.database = self._database
                    if outcome["error"] is not None:
                        failed = True
                        self._tell(outcome["error"], script, result.line)
                    if outcome["cursor"] is not None:
                        self._results.show_last()
                        more_follow = reply["next"] is not None
                        await self._drain(result, outcome["cursor"], MOST_MEGABYTES, more_follow)
                start = reply["next"]
        except RequestError as error:
            if changed and error.kind != "Restarted":
                await self._look_again()
            raise
        finally:
            self._results.show_last()
            if wrote:
                self._console.events.emit("wrote", self._database)
            self._console.events.emit("ran", self._database)
        if self._left is not None:
            self._results.show(self._left[0], offer_more=True)
        if self._stopped and not failed:
            self._console.status.say(text("query.cancelled"))
        if changed:
            await self._look_again()
        return not (failed or self._stopped)

    async def _run_rest(self, script: "Script", start: int) -> "Json":
        """Send the rest of the script, from byte ``start`` on, and return the reply.

        The field ``again`` says that a request was repeated, so that its SQL may have run before.
        """
        if self._since is not None and self._since != self._console.client.connection:
            raise RequestError(SESSION_LOST)
        fields = {"transaction": self._in_transaction, "again": self._again, "since": self._since}
        try:
            reply = await self._ask(
                "run",
                database=self._database,
                script=script,
                start=start,
                merge=True,
                rows=FIRST_ROWS,
                **fields,
            )
        except RequestError as error:
            if error.kind == "TransactionLost":
                self._console.state["transaction"] = None
            raise
        self._in_transaction = reply["in_transaction"]
        self._console.state["transaction"] = reply["transaction"]
        last = self._last
        if last is not None:
            self._again = self._again or last.repeats > 0
            if self._since is None:
                self._since = last.connection
        return reply

    async def _look_again(self) -> None:
        self._console.opening.take_schema(await self._console.client.ask("schema"))

    async def _drain(
        self, result: "Result", cursor: "int | None", most: float, more_follow: bool
    ) -> None:
        self._is_reading = True
        try:
            await self._read_on(result, cursor, most, more_follow)
        finally:
            self._is_reading = False

    async def _read_on(
        self, result: "Result", cursor: "int | None", most: float, more_follow: bool
    ) -> None:
        while cursor is not None:
            if self._stopped or (more_follow and self._results.megabytes() > most):
                await self._console.client.ask("close", cursor=cursor)
                return
            if self._results.megabytes() > most:
                self._left = (result, cursor)
                return
            reply = await self._ask(
                "fetch", database=self._database, cursor=cursor, rows=PIECE_ROWS
            )
            self._results.extend(result, reply)
            cursor = reply["cursor"]

    async def _ask(self, op: str, **fields: "Any") -> "Json":
        request = self._request = self._last = self._console.client.start(
            op, seconds=int(self._console.settings["seconds"]), **fields
        )
        try:
            return await request.reply()
        finally:
            self._request = None
            if self._offered:
                # The request has ended: remove the offer to restart the worker.
                self._offered = False
                self._console.trouble.clear()

    def _tell(self, error: "Json", script: "Script", line: int) -> None:
        where = ""
        if error["offset"] is not None:
            where = script.mark(error["offset"], format.brief(message_of(error), 200))
        actions = []
        replacements = error.get("replacements")
        if replacements:
            actions.append(("act.replace", lambda: self._replace(script, replacements)))
        self._console.trouble.show(
            error, where=text("query.line", line=where or line), actions=actions
        )

    def _replace(self, script: "Script", replacements: "list[Json]") -> None:
        """Writes what the hint offers into the editor; nothing runs by itself."""
        self._console.trouble.clear()
        done = script.replace(json.dumps(replacements))
        self._console.status.say(text("query.replaced" if done else "query.replaced-not"))
