"""The other tabs: which one this is, what they have changed, and the storage lent to others."""

import dom
from client import RequestError


class Company:
    """The tab's line at the foot, the mark on results that are older than the data, the loan.

    While the storage is lent no tab has it: another program of this origin can use the databases.
    """

    def __init__(self, client, state, status, trouble, results, startup):
        self._client = client
        self._state = state
        self._status = status
        self._trouble = trouble
        self._results = results
        self._startup = startup
        self._returns = False
        self._line = dom.by_id("tab")
        self._lend = dom.by_id("storage-lend")
        self._notice = dom.by_id("lent-notice")
        for name in ("tab", "tabs", "leads"):
            state.watch(name, lambda _value: self._show())
        state.watch("paused", self._show_loan)
        state.watch("paused", lambda is_lent: client.transport.lend(is_lent))
        state.watch("storage", lambda _kind: self._show_loan(state["paused"]))
        dom.on_click(self._lend, lambda: self._pause())
        dom.on_click(dom.by_id("lent-back"), lambda: self._unpause())

    def on_event(self, message):
        """Takes what the worker says of other tabs; answers whether this was it."""
        event = message["event"]
        if event == "tabs":
            here = message["numbers"]
            self._state["tabs"] = here
            self._state["ahead"] = [number for number in self._state["ahead"] if number in here]
        elif event == "runs":
            ahead = [number for number in self._state["ahead"] if number != message["number"]]
            if message["on"]:
                ahead.append(message["number"])
            self._state["ahead"] = ahead
        elif event == "changed":
            self._results.grow_old()
            if message["schema"]:
                dom.spawn(self._look_again())
        elif event == "paused":
            self._state["paused"] = True
            self._results.grow_old()
        elif event == "unpaused":
            # At once: a worker that begins while the databases are opened again is to have them.
            self._client.transport.lend(False)
            dom.spawn(self._come_back())
        else:
            return False
        return True

    async def _look_again(self):
        try:
            self._startup.take_schema(await self._client.ask("schema"))
        except RequestError as error:
            # Gone meanwhile, or not to be read just now: whoever uses it is told so.
            self._status.say("The list of tables may be out of date: " + str(error))

    async def _come_back(self):
        if not self._state["paused"] or self._returns:
            return
        self._returns = True
        name = self._state["database"]
        connection = self._client.connection
        try:
            await self._startup.open_again()
            self._status.say(
                "The storage is back; temporary tables and PRAGMAs are as in a new tab"
            )
        except RequestError as error:
            title = "“{}” cannot be opened".format(name)
            self._trouble.show(error.error, title=title)
        self._returns = False
        # Another worker has said meanwhile whether the storage is lent.
        if connection == self._client.connection:
            self._state["paused"] = False

    async def _pause(self):
        if not self._status.may_begin():
            return
        self._trouble.clear()
        try:
            await self._client.ask("pause")
        except RequestError as error:
            self._trouble.show(error.error, title="The storage was not lent")
            return
        dom.by_id("databases").open = False
        dom.by_id("lent-back").focus()

    async def _unpause(self):
        self._status.say("Taking the storage back…")
        try:
            await self._client.ask("unpause")
        except RequestError as error:
            self._trouble.show(error.error, title="The storage was not taken back")
            self._status.say("The storage is lent to another program")
            return
        # Also where the event that says so came before this tab knew of the loan.
        await self._come_back()

    def _show(self):
        number = self._state["tab"]
        count = len(self._state["tabs"])
        self._line.hidden = count < 2 or number == 0
        leads = self._state["leads"]
        self._line.textContent = "Tab {} · {} open{}".format(
            number, count, ", this one leads" if leads else ""
        )
        self._line.title = "Every tab has a connection and a transaction of its own. {}".format(
            "This one runs the database for all of them."
            if leads
            else "Another one runs the database for all of them."
        )

    def _show_loan(self, is_lent):
        self._notice.hidden = not is_lent
        self._lend.hidden = is_lent or self._state["storage"] != "opfs"
