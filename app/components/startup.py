"""From the worker's first message to the database that was open last; and when that fails."""

import asyncio

import dom
import version
import words
from client import RequestError
from leader import FOLLOWING, LEADING, SEEKING, STOPPED

import protocol
from components.quarantine import database_of
from components.status import is_storage_full

PHASES = {
    "pyodide": "Starting Python…",
    "library": "Loading the database engine…",
    "storage": "Opening the storage…",
    "service": "Almost there…",
}
FIRST_DATABASE = "notes.db"
# Opening the storage takes a tenth of a second; one that another tab holds is waited for.
PATIENCE = 2.0
# What can wait comes so long after SQL is answered: the statement that waited for that goes first.
AFTERWARDS = 0.3
MIXED = protocol.make_error(
    "MixedVersions",
    "The page and the worker that runs the database are of two versions of this site.",
    hint="Reload this page, and other tabs of it that were opened before.",
)
LOST = protocol.make_error(
    "TransactionLost",
    "The transaction that was open is undone, for the tab that ran the database has gone.",
    hint="What was committed before is kept. Begin the transaction again.",
)
KEPT = "A change that had not been committed was undone; committed data is kept."


class Startup:
    """Follows the worker's boot, opens a database, restarts."""

    def __init__(self, client, state, status, trouble, editor):
        self._client = client
        self._state = state
        self._status = status
        self._trouble = trouble
        self._editor = editor
        self._phase = ""
        self._leader = None
        self._is_mixed = False
        self._ready = asyncio.Event()
        dom.spawn(self._explain_silence())

    async def wait_until_ready(self):
        """Returns once SQL is answered."""
        await self._ready.wait()

    def says_when(self):
        """What to say of a statement that waits for SQL to be answered: also how long, if known."""
        try:
            left = float(dom.recall("start-seconds") or 0) - dom.passed()
        except ValueError:  # somebody else wrote there
            left = 0
        if left < 0.1:
            return "Runs as soon as SQL is answered…"
        return "Runs as soon as SQL is answered, in about {}…".format(words.time(left))

    def on_leader(self, leader):
        """``leader`` decides which worker is sent to."""
        self._leader = leader

    def on_event(self, message):
        """Takes the worker's boot events; answers whether this was one."""
        event = message["event"]
        if event == "boot":
            self._phase = message["phase"]
            self._status.say(PHASES.get(self._phase, "Starting…"))
            if self._phase == "storage":
                dom.spawn(self._explain_wait())
        elif event == "ready":
            self._take_timeline(message["phases"], message["snapshot"])
        elif event == "failed":
            self._phase = ""
            phase = PHASES.get(message["phase"], "Running the database…")
            self._fail(phase, message["error"])
        else:
            return False
        return True

    def restart(self):
        """Ends the worker, in whichever tab, and goes on with another one and the same database."""
        in_memory = self._state["storage"] == "memory"
        self._client.refuse_all(
            "All databases were in memory only, and are gone." if in_memory else KEPT
        )
        self._state["in_transaction"] = False
        self._begin("Starting again…")
        self._leader.step("restart")

    def retry(self):
        """After a failure: begins anew, with a worker of another tab as it is."""
        if self._is_mixed:
            dom.reload()
        elif self._leader.state == FOLLOWING:
            self._client.refuse_all(KEPT)
            self.greet(False)
        else:
            self.restart()

    def leave(self):
        """Lets go of everything: the page is being left."""
        self._leader.step("leave")

    def come_back(self):
        """Begins anew after leave()."""
        self._client.refuse_all(KEPT)
        self._state["in_transaction"] = False
        self._begin("Starting again…")
        # As after a reload: what became of a loan meanwhile, nobody here has heard.
        self._client.transport.lend(False)
        self._leader.step("begin")

    def lose(self, state):
        """The worker that was sent to has gone; ``state`` is the leader's now."""
        if state == STOPPED:
            return
        here = state == LEADING
        self._begin(
            "Starting the database here…" if here else "Another tab takes over the database…"
        )

    def greet(self, leads):
        """There is a worker to send to, in this tab or in another one."""
        self._state["leads"] = leads
        self._begin("Opening the database…")
        dom.spawn(self._greet(self._client.connection))

    def _begin(self, text):
        self._ready.clear()
        self._state["ready"] = False
        dom.by_id("failure").hidden = True
        dom.by_id("page").inert = False
        dom.page_state("loading")
        self._status.say(text)

    async def open(self, name):
        """Opens a database, creating it when it is new; RequestError if that is refused."""
        reply = await self._client.ask("open", database=name)
        self._take_opened(reply)
        self._state["databases"] = reply["databases"]

    async def open_again(self):
        """Opens the database that was open, or another one; RequestError if that is refused."""
        await self._open_last((await self._client.ask("databases"))["databases"])

    def take_schema(self, reply):
        """Shows the schema that came with a reply."""
        self._state["schema"] = reply["schema"]
        self._editor.know(reply["head"])

    def _take_opened(self, reply):
        dom.remember("database", reply["database"])
        self._state["database"] = reply["database"]
        self.take_schema(reply)
        self._state["in_transaction"] = reply["in_transaction"]

    def _take_timeline(self, phases, snapshot):
        took = []
        for number in range(len(phases) - 1):
            name, begin = phases[number]
            end = phases[number + 1][1]
            dom.measure(name, begin, end)
            took.append((name, (float(end) - float(begin)) / 1000))
        self._state["timeline"] = (snapshot, took)

    async def _explain_silence(self):
        await asyncio.sleep(PATIENCE)
        if self._leader.state == SEEKING:
            self._status.say("Waiting for the tab that runs the database…")

    async def _explain_wait(self):
        await asyncio.sleep(PATIENCE)
        if self._phase == "storage":
            self._status.say("Waiting for the storage, which another tab seems to hold…")

    async def _greet(self, connection):
        # Which worker it is may change at each word to it, and then this is of no more interest.
        try:
            last = self._state["database"] or dom.recall("database")
            number = self._client.tab
            hello = await self._client.ask(
                "hello", protocol=protocol.PROTOCOL, database=last, tab=number
            )
            if connection != self._client.connection:
                return
            self._is_mixed = hello["versions"].get("site") != version.SITE
            if self._is_mixed:
                self._fail("Starting the page…", MIXED)
                return
            self._state["tab"] = number
            was_in_transaction = self._state["in_transaction"]
            is_another = self._state["versions"] != {}
            self._state["in_transaction"] = False
            self._state["can_suspend"] = hello["can_suspend"]
            self._state["why_memory"] = hello["why_memory"]
            self._state["storage"] = hello["storage"]
            self._state["databases"] = hello["databases"]
            self._state["quarantined"] = hello["quarantined"]
            self._state["versions"] = hello["versions"]
            self._status.show_engine(hello["versions"])
            self._state["paused"] = hello["paused"]
            if hello["database"] is not None:
                self._take_opened(hello)
            elif not hello["paused"]:
                await self._open_last(hello["databases"])
        except RequestError as error:
            if error.kind != "Restarted":
                self._fail("Opening the database…", error.error)
            return
        if connection != self._client.connection:
            return
        self._state["ready"] = True
        self._status.say(
            "Ready; temporary tables and PRAGMAs are as in a new tab" if is_another else "Ready"
        )
        dom.page_state("ready")
        dom.mark("ready")
        if self._state["leads"]:
            dom.remember("start-seconds", str(dom.reached("ready")))
        self._ready.set()
        if was_in_transaction and not self._client.will_tell_of_loss():
            self._trouble.show(LOST)
        self._client.resume()
        await asyncio.sleep(AFTERWARDS)
        await self._learn_words()

    async def _learn_words(self):
        try:
            reply = await self._client.ask("words")
        except RequestError as error:
            if error.kind != "Restarted":
                self._trouble.show(error.error)
            return
        self._editor.speak(reply["keywords"], reply["functions"])

    async def _open_last(self, databases):
        names = [database["name"] for database in databases]
        last = self._state["database"] or dom.recall("database")
        wanted = [name for name in names if name == last] + [name for name in names if name != last]
        for name in wanted:
            try:
                await self.open(name)
            except RequestError as error:
                if error.kind == "Restarted":
                    raise
                # One database that cannot be read must not keep the others from being used.
                self._trouble.show(error.error, title="“{}” cannot be opened".format(name))
            else:
                return
        # Not the name of one that is kept aside either: it would stand in the way of its recovery,
        # and where its journal is kept aside, too, it is refused.
        taken = names + [database_of(kept) for kept in self._state["quarantined"]]
        is_taken = FIRST_DATABASE in taken
        await self.open(words.numbered(FIRST_DATABASE, taken) if is_taken else FIRST_DATABASE)

    def _fail(self, phase, error):
        dom.by_id("failure-phase").textContent = phase.rstrip("…")
        dom.by_id("failure-message").textContent = error["message"]
        dom.by_id("failure-hint").textContent = error["hint"] or ""
        dom.by_id("failure-cause").textContent = error["cause"] or ""
        dom.by_id("failure").hidden = False
        dom.by_id("page").inert = True
        dom.page_state("error")
        self._state["failed"] = True
        if is_storage_full(error):
            dom.spawn(dom.discard_snapshot())
        self._status.say("Not started")
        dom.by_id("retry").focus()
