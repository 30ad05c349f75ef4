"""Opens databases, and keeps the open database and its schema in the state."""

from core import format
from core.errors import RequestError
from core.messages import text
from core.state import database_of

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Alert, Json, StatusLine

    from core.client import Client
    from core.events import Events
    from core.settings import Settings
    from core.state import State

FIRST_DATABASE = "notes.db"


class Opening:
    """Opens databases for all features; ``state["database"]`` is the open one."""

    def __init__(
        self,
        client: "Client",
        state: "State",
        events: "Events",
        settings: "Settings",
        status: "StatusLine",
        trouble: "Alert",
    ) -> None:
        self._client = client
        self._state = state
        self._events = events
        self._settings = settings
        self._status = status
        self._trouble = trouble

    async def open(self, name: str) -> None:
        """Open a database, and create it if it is new.

        Raises:
            RequestError: The worker refused that.
        """
        reply = await self._client.ask("open", database=name)
        self.take_opened(reply)
        self._state["databases"] = reply["databases"]

    async def switch(self, name: str) -> None:
        """Opens a database because a person asked for it; shows an error if that is refused."""
        try:
            await self.open(name)
        except RequestError as error:
            self._trouble.show(error.error, title=text("databases.opened-not", name=name))
            return
        self._events.emit("opened", name)
        self._status.say(text("databases.opened", name=name))

    async def open_again(self) -> None:
        """Open the database that was open, or another one, as open_last() does.

        Raises:
            RequestError: The worker refused that.
        """
        await self.open_last((await self._client.ask("databases"))["databases"])

    async def open_last(self, databases: "list[Json]") -> None:
        """Open that of ``databases`` which was open last, else another one, else a new one.

        Raises:
            RequestError: The worker was restarted, or refused to create the new one.
        """
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
                self._trouble.show(error.error, title=text("databases.unreadable", name=name))
            else:
                return
        # Not the name of a database in quarantine either: a new one of that name would block its
        # recovery, and is refused where its journal is in quarantine, too.
        taken = names + [database_of(kept) for kept in self._state["quarantined"]]
        is_taken = FIRST_DATABASE in taken
        await self.open(format.numbered(FIRST_DATABASE, taken) if is_taken else FIRST_DATABASE)

    def last(self) -> "str | None":
        """Return the name of the database that was open last; None when there was none."""
        return self._state["database"] or self._settings["database"] or None

    def take_opened(self, reply: "Json") -> None:
        """Puts the database that a reply says is open into the state."""
        self._settings["database"] = reply["database"]
        self._state["database"] = reply["database"]
        self.take_schema(reply)
        self._state["transaction"] = reply["transaction"]

    def take_schema(self, reply: "Json") -> None:
        """Puts the schema that came with a reply into the state."""
        self._state["schema"] = reply["schema"]
        self._events.emit("schema", reply)
