"""Imports files into a pool, uses what was taken in as the console does; runs in the worker."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from types import SimpleNamespace
from typing import Any

import js

from sahpool import ImportRejectedError, Pool
from sahpool_console.session.errors import SessionError
from sahpool_console.session.sql import catalog
from sahpool_console.session.sql.connection import Connection
from sahpool_console.session.sql.names import quoted
from tests.harness.inside_pools import slot_of

#: Looks of the progress handler after which a statement is cancelled, as a person would.
PATIENCE = 100

ROWS = 100

#: Seconds after which an image is tried again.
LONG = 1.0


def seconds() -> float:
    """A clock: what the process has computed in Node, where other processes do not count."""
    process = getattr(js, "process", None)
    if process is None:
        return time.perf_counter()
    return float(process.cpuUsage().user) / 1e6


class Judge:
    """Tries files out, one after the other, and keeps count.

    Attributes:
        counts: Of images, rejected, accepted, other_errors, databases_changed, and slowest_ms.
        faults: What was not as it has to be: what the image is, and what happened.
        told: What the console was told while it used what was taken in, and how often.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.counts = dict.fromkeys(
            ("images", "rejected", "accepted", "other_errors", "databases_changed", "slowest_ms"), 0
        )
        self.faults: list[str] = []
        self.told: dict[str, int] = {}
        self._slowest = 0.0
        self._slowest_what = ""
        self._accepted: list[str] = []
        self._looks = 0

    async def begin(self) -> None:
        """Makes the databases that no file may change: one is open, one is to be replaced."""
        with closing(self._pool.connect("made.db", isolation_level=None)) as con:
            con.execute("CREATE TABLE kept(a, b)")
            con.execute("INSERT INTO kept VALUES (1, 'old'), (2, 'rows')")
        content = self._pool.export_file("made.db")
        self._pool.unlink("made.db")
        for name in ("closed.db", "open.db", "target.db"):
            await self._pool.import_db(name, content)
        self._open = self._pool.connect("open.db")
        self._open.execute("SELECT * FROM kept").fetchone()
        self._digests = self._now()

    def end(self) -> None:
        """Lets go of the database that is open."""
        self._open.close()

    def _now(self) -> dict[str, str]:
        """Digests of all bytes of the databases that are there, headers and journals included."""
        found = {}
        for path in self._pool.file_names:
            slot = slot_of(self._pool, path)
            content = slot.handle.read(slot.handle.size(), 0)
            found[path] = hashlib.sha256(content).hexdigest()
        return found

    async def try_all(self, images: Iterable[tuple[Any, ...]], *, read: bool = True) -> None:
        """Tries each of the images, which come with what they are called.

        Args:
            images: Name and content of each, and what else is given with it to the import.
            read: Whether the rows of those that are taken in are read as well.
        """
        for what, image, *given in images:
            await self._try(what, image, read, dict(*given))

    async def _try(self, what: str, image: bytes, read: bool, given: dict[str, bytes]) -> None:
        before = dict(self.counts)
        took = await self._attempt(what, image, read, given)
        for _ in range(2):
            if took > LONG:  # the machine may be busy with something else: what hangs hangs again
                self.counts = dict(before)
                took = min(took, await self._attempt(what, image, read, given))
        if took > self._slowest:
            self._slowest, self._slowest_what = took, what
            self.counts["slowest_ms"] = round(1000 * took)

    async def _attempt(self, what: str, image: bytes, read: bool, given: dict[str, bytes]) -> float:
        """Tries one image once; returns how many seconds it had the worker to itself."""
        self.counts["images"] += 1
        began = seconds()
        accepted = False
        try:
            await self._pool.import_db("target.db", image, replace=True, **given)
            accepted = True
            self.counts["accepted"] += 1
            self._accepted.append(what)
        except ImportRejectedError as error:
            self.counts["rejected"] += 1
            if not (str(error) and error.hint):
                self._fault("other_errors", what, "a refusal that says nothing")
        except BaseException as error:  # noqa: BLE001 - which is what is looked for
            self._fault("other_errors", what, f"import: {error!r}")
        if accepted:
            try:
                self._use(read)
            except BaseException as error:  # noqa: BLE001 - the same
                self._fault("other_errors", what, f"use: {error!r}")
        took = seconds() - began
        now = self._now()
        kept = {path: digest for path, digest in now.items() if path in self._digests}
        if accepted:  # it was to be replaced; the next file finds this one in its place
            kept["/target.db"] = self._digests["/target.db"]
        if kept != self._digests or len(now) != len(kept):
            self._fault("databases_changed", what, f"{self._digests} is now {now}")
        self._digests = now
        return took

    def _fault(self, count: str, what: str, why: str) -> None:
        self.counts[count] += 1
        self.faults.append(f"{what}: {why}")

    def _use(self, read: bool) -> None:
        """What the console does with a database that was brought in, and reading it on demand."""
        name = "target.db"
        try:
            with closing(self._pool.connect(name)) as con:
                con.execute("PRAGMA journal_mode=WAL")
            host: Any = SimpleNamespace(storage=self, engine=self)  # all that it asks for
            connection = Connection(host, name, self._look)
        except sqlite3.Error as error:
            self._tell(error)
            return
        try:
            self._looks = 0
            for table in catalog.schema(connection):
                if read:
                    name_there = quoted(table["name"])
                    self._read(connection, f"SELECT * FROM main.{name_there} LIMIT {ROWS}")
        except sqlite3.Error as error:
            self._tell(error)
        finally:
            connection.close()
        try:
            size = len(self._pool.export_file(name))
            assert size == self._pool.size(name), size
        except sqlite3.Error as error:
            self._tell(error)

    def connect(self, name: str) -> sqlite3.Connection:
        """As ``session.host.Storage`` has it."""
        return self._pool.connect(name)

    def functions(self) -> list[Any]:
        """As ``session.host.Engine`` has it."""
        return []

    def aggregates(self) -> list[Any]:
        """The same."""
        return []

    def add_table_functions(self, _con: sqlite3.Connection, _missing: str) -> bool:
        """The same."""
        return False

    def interruptible(self, _con: sqlite3.Connection) -> AbstractContextManager[None]:
        """The same."""
        return nullcontext()

    def _read(self, connection: Connection, sql: str) -> None:
        self._looks = 0
        try:
            done = connection.execute(sql)
            if done.rows is not None:
                piece, _ = done.rows.take(ROWS)
                piece.encoded()
                done.rows.close()
        except (sqlite3.Error, SessionError, UnicodeDecodeError, MemoryError) as error:
            self._tell(error)  # the service tells the page of it, whatever it is

    def _look(self) -> int:
        self._looks += 1
        return int(self._looks > PATIENCE)

    def _tell(self, error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}"[:60]
        self.told[text] = self.told.get(text, 0) + 1

    def report(self) -> dict[str, Any]:
        """All that was found, for JSON."""
        return {
            "counts": self.counts,
            "faults": self.faults[:20],
            "told": self.told,
            "slowest": self._slowest_what,
            "accepted": self._accepted,
        }
