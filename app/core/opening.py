"""Which database is open: opening one, and what its schema is."""

from core import dom, format
from core.errors import RequestError
from core.state import database_of

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Alert, Json, StatusLine

    from core.client import Client
    from core.events import Events
    from core.state import State

FIRST_DATABASE = "notes.db"


class Opening:
    """Opens databases for all features; what is open is in the state."""

    def __init__(
        self,
        client: "Client",
        state: "State",
        events: "Events",
        status: "StatusLine",
        trouble: "Alert",
    ) -> None:
        self._client = client
        self._state = state
        self._events = events
        self._status = status
        self._trouble = trouble

    async def open(self, name: str) -> None:
        """Opens a database, creating it when it is new; RequestError if that is refused."""
        reply = await self._client.ask("open", database=name)
        self.take_opened(reply)
        self._state["databases"] = reply["databases"]

    async def switch(self, name: str) -> None:
        """Opens a database as a person asked for; tells when that is refused."""
        try:
            await self.open(name)
        except RequestError as error:
            self._trouble.show(error.error, title="“{}” was not opened".format(name))
            return
        self._events.emit("opened", name)
        self._status.say("Opened " + name)

    async def open_again(self) -> None:
        """Opens the database that was open, or another one; RequestError if that is refused."""
        await self.open_last((await self._client.ask("databases"))["databases"])

    async def open_last(self, databases: "list[Json]") -> None:
        """Opens the one of the databases that was open last, or another one, or a new one."""
        names = [database["name"] for database in databases]
        last = self.last()
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
        await self.open(format.numbered(FIRST_DATABASE, taken) if is_taken else FIRST_DATABASE)

    def last(self) -> "str | None":
        """The name of the database that was open last; None when there was none."""
        return self._state["database"] or dom.recall("database")

    def take_opened(self, reply: "Json") -> None:
        """Takes in a reply of the worker that has opened a database."""
        dom.remember("database", reply["database"])
        self._state["database"] = reply["database"]
        self.take_schema(reply)
        self._state["in_transaction"] = reply["in_transaction"]

    def take_schema(self, reply: "Json") -> None:
        """Takes in the schema that came with a reply."""
        self._state["schema"] = reply["schema"]
        self._events.emit("schema", reply)
