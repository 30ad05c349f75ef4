"""The console's service over databases in memory, for tests inside Pyodide."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from sahpool import volume
from sahpool_console import protocol
from sahpool_console.databases import MemoryDatabases
from sahpool_console.session import Service
from tests.harness.service_parts import FakeEngine, FakeLoop
from tests.unit.decode import decode

_numbers = itertools.count(1)


class Console:
    """The side of one page of a service: sends requests, and decodes what comes back.

    Attributes:
        service: The service.
        storage: Its databases.
        parts: The binary parts of the last reply.
    """

    def __init__(self, storage: MemoryDatabases) -> None:
        host: Any = SimpleNamespace(
            storage=storage, quarantine=None, engine=FakeEngine(), loop=FakeLoop()
        )
        self.service = Service(host)
        self.loop: FakeLoop = host.loop
        self.storage = storage
        self.parts: list[Any] = []
        self._ids = itertools.count(1)
        self.service.join("page", lambda _event: None)

    async def send(self, op: str, *parts: object, **fields: object) -> dict[str, Any]:
        """The reply to a request, ok or not."""
        head = protocol.encode_request(next(self._ids), op, **fields)
        reply, self.parts = await self.service.handle("page", head, list(parts))
        return protocol.decode_message(reply)

    async def told(self, op: str, *parts: object, **fields: object) -> dict[str, Any]:
        """The reply to a request that must succeed."""
        reply = await self.send(op, *parts, **fields)
        assert reply["ok"], reply["error"]
        return reply

    async def refused(self, op: str, *parts: object, **fields: object) -> dict[str, Any]:
        """The error of a request that must fail."""
        reply = await self.send(op, *parts, **fields)
        assert not reply["ok"], reply
        error: dict[str, Any] = reply["error"]
        return error

    async def script(self, sql: str) -> None:
        """Runs a whole script, no statement of which may fail."""
        start: int | None = 0
        while start is not None:
            reply = await self.told("run", sql=sql, start=start)
            errors = [each["error"] for each in reply["outcomes"] if each["error"]]
            assert not errors, errors
            start = reply["next"]

    async def all_rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of one query that has at most 1,000."""
        (outcome,) = (await self.told("run", sql=sql, rows=1000))["outcomes"]
        assert outcome["error"] is None, outcome["error"]
        return decode(outcome["piece"], self.parts)

    async def exported(self, name: str) -> list[tuple[object, ...]]:
        """The rows of table t in what an export of a database hands out."""
        await self.told("export", database=name)
        with contextlib.closing(sqlite3.connect(":memory:")) as con:
            con.deserialize(self.parts[0])
            return con.execute("SELECT a FROM t ORDER BY a").fetchall()


@contextlib.asynccontextmanager
async def console_in_memory() -> AsyncIterator[Console]:
    """A console whose database notes.db is open; afterwards nothing may be left open or lent."""
    memory = await volume.in_memory(f"memory-{next(_numbers)}")
    storage = MemoryDatabases(memory, "missing")
    console = Console(storage)
    await console.told("open", database="notes.db")
    try:
        yield console
    finally:
        console.service.close()
        assert not memory.vfs.open_paths
        memory.vfs.dispose()
