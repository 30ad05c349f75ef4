"""The other tabs: this tab's number among them, what they changed, and the loan of the storage."""

from core import dom
from core.errors import RequestError
from core.messages import text
from ui import sheet

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Json

    from core.console import Console


def setup(console: "Console") -> None:
    """Listens for what other tabs do."""
    tabs = OtherTabs(console)
    for name, listener in (
        ("tabs", tabs.take_numbers),
        ("runs", tabs.take_runs),
        ("changed", tabs.take_change),
        ("paused", tabs.take_loan),
        ("unpaused", tabs.take_return),
    ):
        console.events.on(name, listener)
    console.commands.add("storage.lend", tabs.lend)
    console.commands.add("storage.take-back", tabs.take_back)


class OtherTabs:
    """The tab's line at the foot of the page, the schema that others change, and the loan.

    While the storage is lent, no tab holds it: another program of this origin can use the
    databases.
    """

    def __init__(self, console: "Console") -> None:
        self._console = console
        state = console.state
        self._returns = False
        self._line = dom.by_id("tab")
        self._lend = dom.by_id("storage-lend")
        self._notice = dom.by_id("lent-notice")
        for name in ("tab", "tabs", "leads"):
            state.watch(name, lambda _value: self._show())
        state.watch("paused", self._show_loan)
        state.watch("paused", lambda is_lent: console.client.transport.lend(is_lent))
        state.watch("storage", lambda _kind: self._show_loan(state["paused"]))

    def take_numbers(self, message: "Json") -> None:
        """Takes the event ``tabs``: the numbers of all tabs that share the worker."""
        state = self._console.state
        here = message["numbers"]
        state["tabs"] = here
        state["ahead"] = [number for number in state["ahead"] if number in here]

    def take_runs(self, message: "Json") -> None:
        """Takes the event ``runs``: another tab has begun to run something, or has ended."""
        state = self._console.state
        ahead = [number for number in state["ahead"] if number != message["number"]]
        if message["on"]:
            ahead.append(message["number"])
        state["ahead"] = ahead

    def take_change(self, message: "Json") -> None:
        """Takes the event ``changed``: reads the schema again if another tab changed it."""
        if message["schema"]:
            dom.spawn(self._look_again())

    def take_loan(self, _message: "object") -> None:
        """Takes the event ``paused``: the storage is lent."""
        self._console.state["paused"] = True

    def take_return(self, _message: "object") -> None:
        """Takes the event ``unpaused``: the storage is back."""
        # At once: a worker that starts while databases are opened again must open the storage.
        self._console.client.transport.lend(False)
        dom.spawn(self._come_back())

    async def _look_again(self) -> None:
        try:
            reply = await self._console.client.ask("schema")
            self._console.opening.take_schema(reply)
        except RequestError as error:
            # The database was deleted meanwhile or cannot be read now; its next use reports that.
            self._console.status.say(text("tab.schema-stale", error=error))

    async def _come_back(self) -> None:
        if not self._console.state["paused"] or self._returns:
            return
        self._returns = True
        name = self._console.state["database"]
        connection = self._console.client.connection
        try:
            await self._console.opening.open_again()
            self._console.status.say(text("lending.back"))
        except RequestError as error:
            title = text("databases.unreadable", name=name)
            self._console.trouble.show(error.error, title=title)
        self._returns = False
        # A later worker has already said, in its hello, whether the storage is lent.
        if connection == self._console.client.connection:
            self._console.state["paused"] = False

    async def lend(self) -> None:
        """Lends the storage: the worker pauses it, for all tabs."""
        if not self._console.may_begin():
            return
        self._console.trouble.clear()
        try:
            await self._console.client.ask("pause")
        except RequestError as error:
            self._console.trouble.show(error.error, title=text("lending.lent-not"))
            return
        sheet.close()
        dom.by_id("lent-back").focus()

    async def take_back(self) -> None:
        """Takes the storage back: the worker unpauses it, for all tabs."""
        self._console.status.say(text("lending.taking"))
        try:
            await self._console.client.ask("unpause")
        except RequestError as error:
            self._console.trouble.show(error.error, title=text("lending.taken-not"))
            self._console.status.say(text("lending.still-lent"))
            return
        # Also here, as the event "unpaused" may have come before this tab knew of the loan.
        await self._come_back()

    def _show(self) -> None:
        number = self._console.state["tab"]
        count = len(self._console.state["tabs"])
        self._line.hidden = count < 2 or number == 0
        leads = self._console.state["leads"]
        key = "tab.here-leading" if leads else "tab.here"
        self._line.textContent = text(key, number=number, count=count)
        self._line.title = text("tab.leads" if leads else "tab.leads-not")

    def _show_loan(self, is_lent: bool) -> None:
        self._notice.hidden = not is_lent
        self._lend.hidden = is_lent or self._console.state["storage"] != "opfs"
