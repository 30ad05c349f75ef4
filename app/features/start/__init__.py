"""The start: from the worker's first message to an open database, and what is shown if it fails."""

import asyncio

from core import dom
from core.errors import (
    RequestError,
    hints_of,
    is_storage_full,
    message_of,
    own_error,
)
from core.leader import EVENTS, FOLLOWING, LEADING, SEEKING, STOPPED, Leader
from core.messages import text
from sahpool_console import protocol, version

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from typing import Any

    from page_types import Json

    from core.console import Console

PHASES = {
    "pyodide": "start.phase-python",
    "library": "start.phase-library",
    "storage": "start.phase-storage",
    "service": "start.phase-service",
}
# Seconds after which the page says that it waits for another tab: opening a free storage takes 0.1.
PATIENCE = 2.0
# Seconds from the first answer to SQL until low-priority requests are sent, so that a statement
# typed during the start goes first.
AFTERWARDS = 0.3
# Seconds from which on a start says nothing of the next one: the page was asleep meanwhile.
LONGEST_START = 3600
MIXED = own_error("MixedVersions", "mixed-versions", "reload-tabs")
LOST = own_error("TransactionLost", "page-transaction-lost", "begin-again")
KEPT = "uncommitted-undone"


def setup(console: "Console") -> None:
    """Listens for the events of the worker's start, and adds the commands to restart and retry."""
    start = Start(console)
    for name, listener in (
        ("boot", start.take_boot),
        ("ready", start.take_ready),
        ("failed", start.take_failure),
        ("left", start.leave),
        ("returned", start.come_back),
    ):
        console.events.on(name, listener)
    console.commands.add("worker.restart", start.restart)
    console.commands.add("start.retry", start.retry)


class Start:
    """Shows how the worker starts, greets it, opens a database, and restarts the worker."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._phase = ""
        self._site = ""
        self._is_mixed = False
        self._leader = Leader(console.client.transport, console.client, self)
        for name in EVENTS:
            console.events.on(name, self._leader.take)
        console.state["expected"] = console.settings["start-seconds"]
        dom.spawn(self._explain_silence())

    def take_boot(self, message: "Json") -> None:
        """Takes the event ``boot``: a phase of the worker's start has begun."""
        self._phase = message["phase"]
        self._console.status.say(text(PHASES.get(self._phase, "start.phase-other")))
        if self._phase == "storage":
            dom.spawn(self._explain_wait())

    def take_ready(self, message: "Json") -> None:
        """Takes the event ``ready``: the worker answers, and says how long its phases took."""
        self._site = message.get("site") or ""
        self._take_timeline(message["phases"], message["snapshot"])

    def take_failure(self, message: "Json") -> None:
        """Takes the event ``failed``: the worker could not start, or ended in an error."""
        self._phase = ""
        phase = text(PHASES.get(message["phase"], "start.running"))
        self._fail(phase, message["error"])

    def restart(self) -> None:
        """Ends the worker, in whichever tab it is, and opens the same database in a new one."""
        in_memory = self._console.state["storage"] == "memory"
        self._console.client.refuse_all("memory-gone" if in_memory else KEPT)
        self._console.state["transaction"] = None
        self._begin(text("start.again"))
        self._leader.step("restart")

    async def retry(self) -> None:
        """Updates to a newer version of the site after a failure; begins anew if there is none."""
        # If the update is refused, trying it again would not help: begin anew instead.
        if not self._console.state["update"] or await dom.take_update():
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Reloads mixed versions, greets another tab's worker again, or restarts this tab's."""
        if self._is_mixed:
            dom.reload()
        elif self._leader.state == FOLLOWING:
            self._console.client.refuse_all(KEPT)
            self.greet(False)
        else:
            self.restart()

    def leave(self) -> None:
        """Ends the worker and releases all locks, because the page is being left."""
        self._leader.step("leave")

    def come_back(self) -> None:
        """Begins anew after leave()."""
        self._console.client.refuse_all(KEPT)
        self._console.state["transaction"] = None
        self._begin(text("start.again"))
        # As after a reload: this page does not know whether the storage is still lent.
        self._console.client.transport.lend(False)
        self._leader.step("begin")

    def lose(self, state: str) -> None:
        """Shows that the worker has gone; ``state`` is the new state of the Leader."""
        if state == STOPPED:
            return
        here = state == LEADING
        self._begin(text("start.here" if here else "start.takeover"))

    def greet(self, leads: bool) -> None:
        """Greets a new worker, which is in this tab if it ``leads``, else in another one."""
        self._console.state["leads"] = leads
        self._begin(text("start.database"))
        dom.spawn(self._greet(self._console.client.connection))

    def _begin(self, said: str) -> None:
        self._console.state["greeted"] = False
        self._console.state["ready"] = False
        dom.by_id("failure").hidden = True
        dom.by_id("page").inert = False
        dom.page_state("loading")
        self._console.status.say(said)

    def _take_timeline(self, phases: "list[Any]", snapshot: str) -> None:
        took = []
        for number in range(len(phases) - 1):
            name, begin = phases[number]
            end = phases[number + 1][1]
            dom.measure(name, begin, end)
            took.append((name, (float(end) - float(begin)) / 1000))
        self._console.state["timeline"] = (snapshot, took)

    async def _explain_silence(self) -> None:
        await asyncio.sleep(PATIENCE)
        if self._leader.state == SEEKING:
            self._console.status.say(text("start.wait-for-tab"))

    async def _explain_wait(self) -> None:
        await asyncio.sleep(PATIENCE)
        if self._phase == "storage":
            self._console.status.say(text("start.wait-for-storage"))

    async def _greet(self, connection: int) -> None:
        # The worker may be replaced during each await; then the greeting of the next one counts.
        try:
            last = self._console.opening.last()
            number = self._console.client.tab
            request = self._console.client.start(
                "hello", protocol=protocol.PROTOCOL, database=last, tab=number
            )
            # Not of a worker in another tab, whose version is only known by its reply.
            if last and self._console.state["leads"] and self._site == version.SITE:
                self._console.client.expect(last)
                self._console.state["greeted"] = True
            hello = await request.reply()
            if connection != self._console.client.connection:
                return
            self._is_mixed = hello["versions"].get("site") != version.SITE
            if self._is_mixed:
                self._fail(text("start.page"), MIXED)
                return
            self._console.state["tab"] = number
            had_transaction = self._console.state["transaction"] is not None
            is_another = self._console.state["versions"] != {}
            self._console.state["transaction"] = None
            self._console.state["can_suspend"] = hello["can_suspend"]
            self._console.state["why_memory"] = hello["why_memory"]
            self._console.state["storage"] = hello["storage"]
            self._console.state["databases"] = hello["databases"]
            self._console.state["quarantined"] = hello["quarantined"]
            self._console.state["versions"] = hello["versions"]
            self._console.status.show_engine(hello["versions"])
            self._console.state["paused"] = hello["paused"]
            if hello["database"] is not None:
                self._console.opening.take_opened(hello)
            elif not hello["paused"]:
                self._console.events.emit("missed")
                await self._console.opening.open_last(hello["databases"])
        except RequestError as error:
            if error.kind != "Restarted":
                self._fail(text("start.database"), error.error)
            return
        if connection != self._console.client.connection:
            return
        self._console.state["greeted"] = True
        self._console.state["ready"] = True
        self._console.status.say(text("start.ready-again" if is_another else "start.ready"))
        dom.page_state("ready")
        dom.mark("ready")
        seconds = dom.reached("ready")
        if self._console.state["leads"] and seconds is not None and seconds < LONGEST_START:
            self._console.settings["start-seconds"] = seconds
        if had_transaction and not self._console.client.will_tell_of_loss():
            self._console.trouble.show(LOST)
        self._console.client.resume()
        await asyncio.sleep(AFTERWARDS)
        self._console.events.emit("started")

    def _fail(self, phase: str, error: "Json") -> None:
        dom.by_id("failure-phase").textContent = phase.rstrip("…")
        dom.by_id("failure-message").textContent = message_of(error)
        dom.by_id("failure-hint").textContent = " ".join(hints_of(error))
        dom.by_id("failure-cause").textContent = error["cause"] or ""
        dom.by_id("failure").hidden = False
        dom.by_id("page").inert = True
        dom.page_state("error")
        self._console.state["failed"] = True
        if is_storage_full(error):
            dom.spawn(dom.discard_snapshot())
        self._console.status.say(text("start.failed"))
        dom.by_id("retry").focus()
