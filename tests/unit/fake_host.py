"""A Host over ordinary files in a folder, for tests of the service without a browser."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core import errors as page_errors
from sahpool import NoSuchDatabaseError
from sahpool_console import protocol
from sahpool_console.session import Service
from sahpool_console.session.session import Session
from tests.harness.service import session_of
from tests.harness.service_parts import (
    BytesSource as BytesSource,
)
from tests.harness.service_parts import (
    FakeEngine as FakeEngine,
)
from tests.harness.service_parts import (
    FakeLibraries,
)
from tests.harness.service_parts import (
    FakeLoop as FakeLoop,
)
from tests.harness.service_parts import (
    FileSource as FileSource,
)
from tests.harness.service_parts import (
    make_database as make_database,
)

from .decode import decode


class RejectedError(Exception):
    """What a library of the host raises when a database does not pass its check."""

    hint = "Look for another copy."


class FakeQuarantine:
    """Slots are bytes in ``kept_bytes``; a recovered one goes to ``storage``."""

    def __init__(self, storage: FakeStorage) -> None:
        self.kept_aside: list[dict[str, Any]] = []
        self.kept_bytes: dict[str, bytes] = {}
        self._storage = storage

    def keep_aside(self, slot: str, data: bytes, offered: str | None = None) -> None:
        """Puts a slot into quarantine."""
        reason = "the digest of its header is wrong"
        self.kept_aside.append(
            {"name": slot, "reason": reason, "size": len(data), "offered": offered}
        )
        self.kept_bytes[slot] = data

    def slots(self) -> list[dict[str, Any]]:
        return list(self.kept_aside)

    def chunks(self, slot: str, size: int) -> Iterator[bytes]:
        data = self._kept(slot)
        return (data[at : at + size] for at in range(0, len(data), size))

    def recover(self, slot: str, name: str, *, replace: bool) -> int:
        data = self._kept(slot)
        self._storage.store(name, [data], replace=replace)
        self.drop(slot)
        return len(data)

    def drop(self, slot: str) -> None:
        self._kept(slot)
        del self.kept_bytes[slot]
        self.kept_aside = [kept for kept in self.kept_aside if kept["name"] != slot]

    def _kept(self, slot: str) -> bytes:
        if slot not in self.kept_bytes:
            raise NoSuchDatabaseError(f"There is no slot {slot} in quarantine.")
        return self.kept_bytes[slot]


class FakeStorage:
    """Databases are files of ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kind = "opfs"
        self.why_memory: str | None = None
        self.figures: dict[str, Any] = {"persisted": False, "usage": 4096, "quota": 10**9}
        self.prepared = 0
        self.lent: list[str] = []
        self.flushed: list[str] = []

    async def measure(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        return self.figures

    def connect(self, name: str) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / name, timeout=0)

    @contextmanager
    def scratch(self) -> Iterator[str]:
        path = self.folder.parent / "scratch"
        assert not path.exists()
        try:
            yield str(path)
        finally:
            path.unlink(missing_ok=True)

    def flush_wal(self, name: str) -> None:
        self.flushed.append(name)

    def pause(self) -> None:
        self.lent.append("lent")

    async def unpause(self) -> None:
        self.lent.append("back")

    def databases(self) -> list[tuple[str, int]]:
        paths = sorted(
            p for p in self.folder.iterdir() if not p.name.endswith(("-journal", "-wal"))
        )
        return [(path.name, path.stat().st_size) for path in paths]

    def size(self, name: str) -> int:
        path = self.folder / name
        return path.stat().st_size if path.exists() else 0

    def wal_size(self, name: str) -> int:
        return self.size(f"{name}-wal")

    def exists(self, name: str) -> bool:
        return (self.folder / name).exists()

    def unlink(self, name: str) -> None:
        (self.folder / name).unlink()

    async def prepare(self) -> None:
        self.prepared += 1

    async def import_db(
        self,
        name: str,
        chunks: AsyncIterable[bytes],
        *,
        replace: bool,
        beside: Mapping[str, AsyncIterable[bytes]],
    ) -> list[str]:
        # SQLite applies them when it opens the file.
        for kind, pieces in beside.items():
            content = b"".join([piece async for piece in pieces])
            (self.folder.parent / f"spare-{kind}").write_bytes(content)
        self.store(name, [chunk async for chunk in chunks], replace=replace)
        return []

    def store(self, name: str, chunks: Iterable[bytes], *, replace: bool) -> None:
        target = self.folder / name
        assert replace or not target.exists()
        spare = self.folder.parent / "spare"
        try:
            with spare.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
            con = sqlite3.connect(spare)
            try:
                found = con.execute("PRAGMA quick_check").fetchone()[0]
            except sqlite3.DatabaseError as error:
                raise RejectedError(f"{name} is damaged.") from error
            finally:
                con.close()
            if found != "ok":
                raise RejectedError(f"{name} is damaged: {found}")
            spare.replace(target)
        finally:
            spare.unlink(missing_ok=True)

    def export_chunks(self, name: str, size: int) -> Iterator[bytes]:
        with (self.folder / name).open("rb") as file:
            while chunk := file.read(size):
                yield chunk


class FakeHost:
    """A ``session.host.Host`` over the files of a folder."""

    def __init__(self, storage: FakeStorage, engine: FakeEngine | None = None) -> None:
        self.storage = storage
        self.quarantine = FakeQuarantine(storage)
        self.engine = engine or FakeEngine()
        self.libraries = FakeLibraries()
        self.loop = FakeLoop()


def hint_of(error: dict[str, Any]) -> str:
    """What the page says that can be done about an error."""
    return " ".join(page_errors.hints_of(error))


class Client:
    """The side of one page of a service: sends requests, checks and decodes what comes back."""

    def __init__(self, host: FakeHost, service: Service | None = None, key: str = "page") -> None:
        self.host = host
        self.events: list[dict[str, Any]] = []
        self.service = service or Service(host)
        self.key = key
        self.on_free: Callable[[int], object] = lambda number: self.session.proceed(number)
        self.service.join(key, self._emit)
        self.parts: list[Any] = []
        self._id = 0

    @property
    def session(self) -> Session:
        """The page's own."""
        return session_of(self.service, self.key)

    def cancel(self, number: int) -> bool:
        """Has a request stop, at once."""
        return self.session.cancel(number)

    def _emit(self, head: str) -> None:
        event = protocol.decode_message(head)
        assert event["id"] == 0
        self.events.append(event)
        if event["event"] == "free":
            self.on_free(event["request"])

    def next_id(self) -> int:
        """The number that the next request will have."""
        return self._id + 1

    async def send(self, op: str, *parts: object, **fields: object) -> dict[str, Any]:
        """The reply to a request, ok or not."""
        self._id += 1
        return await self.send_head(protocol.encode_request(self._id, op, **fields), *parts)

    async def send_head(self, head: str, *parts: object) -> dict[str, Any]:
        """The reply to whatever is sent."""
        reply, self.parts = await self.service.handle(self.key, head, list(parts))
        assert json.loads(reply)["id"] != 0
        message = protocol.decode_message(reply)
        errors = [message.get("error"), *(each["error"] for each in message.get("outcomes", ()))]
        for error in filter(None, errors):
            # The page has words for each code, and the worker the parameters for them.
            assert page_errors.message_of(error)
            assert len(page_errors.hints_of(error)) == bool(error["hint"]) + len(error["hints"])
        for each in (message, message.get("preview") or {}):
            assert all(said([*each.get("notes", ()), *each.get("doubts", ())]))
        return message

    def ask(self, op: str, *parts: object, **fields: object) -> dict[str, Any]:
        """The reply to a request that must succeed, sent from outside an event loop."""
        reply = asyncio.run(self.send(op, *parts, **fields))
        assert reply["ok"], reply["error"]
        return reply

    def fail(self, op: str, *parts: object, **fields: object) -> dict[str, Any]:
        """The error of a request that must fail."""
        reply = asyncio.run(self.send(op, *parts, **fields))
        assert not reply["ok"], reply
        error: dict[str, Any] = reply["error"]
        return error

    def run(self, sql: str, **fields: object) -> list[dict[str, Any]]:
        """The outcomes of a whole script, results that are left open closed on the way."""
        outcomes = []
        start: int | None = 0
        while start is not None:
            reply = self.ask("run", sql=sql, start=start, **fields)
            outcomes += reply["outcomes"]
            start = reply["next"]
        return outcomes

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of one query, decoded."""
        (outcome,) = self.ask("run", sql=sql, rows=1000)["outcomes"]
        assert outcome["error"] is None, outcome["error"]
        rows = decode(outcome["piece"], self.parts)
        cursor = outcome["cursor"]
        while cursor is not None:
            reply = self.ask("fetch", cursor=cursor, rows=10_000)
            rows += decode(reply["piece"], self.parts)
            cursor = reply["cursor"]
        return rows

    def error(self, sql: str) -> dict[str, Any]:
        """The error of the last outcome of a script."""
        error: dict[str, Any] = self.run(sql)[-1]["error"]
        return error

    def load(self, text: str | bytes, name: str = "data.csv", **fields: object) -> dict[str, Any]:
        """The reply to the import of a CSV file."""
        data = text.encode() if isinstance(text, str) else text
        return self.ask("import_file", BytesSource(data, name), name=name, **fields)

    def reject(self, text: str | bytes, name: str = "data.csv", **fields: object) -> dict[str, Any]:
        """The error of the import of a file."""
        data = text.encode() if isinstance(text, str) else text
        return self.fail("import_file", BytesSource(data, name), name=name, **fields)


def said(notes: list[Any]) -> list[str]:
    """Notes of a reply in the words of the page."""
    return [page_errors.note_of(note) for note in notes]
