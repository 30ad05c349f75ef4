"""A session: one tab's requests, done one at a time in the order of their arrival.

Whatever a request is, it gets one reply, and whatever goes wrong with it becomes that reply; the
next good request works.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, TypeVar

import protocol

from .errors import NoDatabase, StoragePaused, WrongDatabase, describe
from .host import Host
from .job import Job
from .neighbours import Neighbours
from .sql import catalog
from .sql.connection import Connection

__all__ = ["LOCK_SECONDS", "Fields", "Operation", "Session"]

LOCK_SECONDS = 30.0
"""How long another session's lock is waited for, where PRAGMA busy_timeout says nothing else."""

# SQLITE_BUSY_SNAPSHOT is not among them: no waiting makes an old snapshot a new one.
_WORTH_WAITING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_BUSY_RECOVERY,
    sqlite3.SQLITE_BUSY_TIMEOUT,
}

TRY_SECONDS = 1.0

Fields = dict[str, Any]
"""Of a request, or of the reply to one."""

Operation = Callable[["Session", Job], Awaitable[Fields]]
"""What carries out a request of one kind; it returns the fields of the reply."""

T = TypeVar("T")


class Session:
    """One tab's connection, and what is under way for it. Made by Service.join.

    Attributes:
        number: By which people are told of the tab; 0 when it has none.
        connection: To the open database; None while none is open.
        host: Where it runs.
        neighbours: The sessions of other tabs.
        emit: Posts the head of an event to the tab.
    """

    def __init__(
        self,
        host: Host,
        operations: Mapping[str, Operation],
        neighbours: Neighbours[Session],
        emit: Callable[[str], None],
    ) -> None:
        self.number = 0
        self.connection: Connection | None = None
        self.host = host
        self.neighbours = neighbours
        self.emit = emit
        self._operations = operations
        self._turn = asyncio.Lock()
        self._jobs: dict[int, Job] = {}
        self._current: Job | None = None
        self._schema_seen: list[tuple[str, int]] | None = None
        self._data_seen = 0
        self._may_be_behind = False
        self._waits_for: list[Session] = []

    @property
    def title(self) -> str:
        """What people know the tab by."""
        return f"tab {self.number}" if self.number else "another tab"

    @property
    def is_at_work(self) -> bool:
        """Whether a request is being carried out, or a transaction is open."""
        connection = self.connection
        return self._turn.locked() or (connection is not None and connection.con.in_transaction)

    @property
    def holds_snapshot(self) -> bool:
        """Whether it reads from the database as it was at some time."""
        return self.connection is not None and self.connection.holds_snapshot

    def is_at(self, name: str) -> bool:
        """Whether a database of that name is the one that is open."""
        return self.connection is not None and self.connection.name == name

    def is_under_way(self, number: int) -> bool:
        """Whether a request of that number has come and is not answered."""
        return number in self._jobs

    async def handle(self, request: Fields, parts: list[Any]) -> tuple[str, list[Any]]:
        """The reply to one request, which is sound: its head and its binary parts."""
        number = request["id"]
        job = Job(request, parts, self.host, self.emit, self._put_off_checkpoints)
        try:
            if protocol.OPS[request["op"]].at_once:
                fields = await self._do(job)
            else:
                fields = await self._do_in_turn(job)
            return protocol.encode_reply(number, **fields), job.parts
        except Exception as error:  # noqa: BLE001  (whatever it is, the page is told)
            return protocol.encode_error(number, describe(job.as_stopped(error))), []

    async def _do_in_turn(self, job: Job) -> Fields:
        number = job.request["id"]
        self._jobs[number] = job
        try:
            async with self._turn:
                self._current = job
                try:
                    job.begin()
                    fields = await self._do(job)
                finally:
                    self._current = None
                    if self.connection is not None:
                        self.connection.resume_checkpoints()
                    self.neighbours.let_go()
            if self._may_be_behind:
                self.look_for_changes()
            return fields
        finally:
            del self._jobs[number]

    async def _do(self, job: Job) -> Fields:
        op = job.request["op"]
        if self.neighbours.is_paused and not protocol.OPS[op].while_paused:
            raise StoragePaused
        return await self._operations[op](self, job)

    def cancel(self, number: int) -> bool:
        """Has a request stop; False when it is not under way."""
        job = self._jobs.get(number)
        if job is None:
            return False
        job.cancelled = True
        self.neighbours.let_go()  # it may be waiting for a lock
        return True

    async def end(self) -> None:
        """Stops what is under way, and closes the database."""
        for number in list(self._jobs):
            self.cancel(number)
        async with self._turn:
            self.close()

    def close(self) -> None:
        """Closes the database that is open; what was not committed is rolled back."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    # --- other sessions -------------------------------------------------------------------------

    def transaction_state(self) -> str:
        """``none``, ``read`` or ``write``: what the connection holds just now."""
        return (
            "none" if self.connection is None else self.host.transaction_state(self.connection.con)
        )

    async def patiently(
        self, job: Job, attempt: Callable[[], T], *, has_done: bool = False
    ) -> T | None:
        """What ``attempt`` returns, made again for as long as another session's lock is in the way.

        Where the request ``has_done`` something that could not be done twice, it does not wait but
        answers None: what waits may be sent to another worker as if it were new.  Raises what
        ``attempt`` raises; its SQLITE_BUSY comes when the time is up (LOCK_SECONDS), or when the
        other session waits for this one, with a hint that says which tab it is.
        """
        until = 0.0
        while True:
            try:
                return attempt()
            except sqlite3.OperationalError as error:
                holders = self._in_the_way(error)
                if not holders:
                    raise
                if has_done:
                    return None
                until = until or monotonic() + self._lock_seconds()
                busy = error
            await self._wait_for(holders, job, until, busy)

    def _in_the_way(self, error: sqlite3.OperationalError) -> list[Session]:
        """The sessions whose locks are why this was raised; none when it is not worth waiting."""
        code = getattr(error, "sqlite_errorcode", None)
        return self.neighbours.holders(self) if code in _WORTH_WAITING else []

    async def _wait_for(
        self, holders: list[Session], job: Job, until: float, busy: sqlite3.OperationalError
    ) -> None:
        """Returns when none of them holds its lock any more; raises ``busy`` if that takes long."""
        job.tell("waiting", tab=holders[0].number)
        self._waits_for = holders
        # Who is in the way can be told only roughly, with databases attached: so now and then it is
        # tried.
        again = monotonic() + TRY_SECONDS
        try:
            while set(holders) <= set(self.neighbours.holders(self)):
                left = until - monotonic()
                is_deadlock = self._is_deadlock(holders)
                if left <= 0 or is_deadlock:
                    busy.hint = _busy_hint(holders, is_deadlock)  # type: ignore[attr-defined]
                    raise busy
                if monotonic() > again:
                    break
                await self.neighbours.released(left)
                job.check()
            job.may_proceed = False
            job.tell("free")
            while not job.may_proceed:
                await self.neighbours.released(LOCK_SECONDS)
                job.check()
        finally:
            self._waits_for = []

    def proceed(self, number: int) -> None:
        """The tab knows that its request waits no longer."""
        job = self._jobs.get(number)
        if job is not None:
            job.may_proceed = True
            self.neighbours.let_go()

    def _lock_seconds(self) -> float:
        if self.connection is None:
            return LOCK_SECONDS
        ((wanted,),) = self.connection.query("PRAGMA busy_timeout")
        return float(wanted) / 1000 or LOCK_SECONDS

    def _is_deadlock(self, holders: list[Session]) -> bool:
        """Whether those who are waited for wait in turn, while this one holds something too."""
        connection = self.connection
        if connection is None or not connection.con.in_transaction:
            return False
        return any(self in other._waits_for for other in holders)

    def look_for_changes(self) -> None:
        """Tells the tab when others have committed; later, if it is at work now.

        Source: sqlite.org/pragma.html#pragma_data_version.
        """
        connection = self.connection
        self._may_be_behind = True
        if connection is None or self._turn.locked():
            return
        try:
            version = connection.data_version()
        except sqlite3.DatabaseError:
            return  # damaged, or locked: the next request finds out
        # Within a transaction, and while a result is open, it sees what was there when that began.
        self._may_be_behind = connection.holds_snapshot
        if version != self._data_seen:
            self._data_seen = version
            changed = catalog.signature(connection) != self._schema_seen
            self.emit(protocol.encode_event("changed", schema=changed))

    def empty_wal(self, size: int) -> bool:
        """Empties the WAL of the open database if it has ``size`` bytes or more; whether it did.

        Not where the user has said when that is done, or that nothing is to reach the disk.
        """
        connection = self.connection
        if connection is None:
            return False
        try:
            is_long = self.host.wal_size(connection.name) >= size
            return is_long and connection.empty_wal()
        except Exception:  # noqa: BLE001
            # The storage fails, or the name is so long that its WAL has another one. Nothing has
            # changed, and whoever uses the database is told what is wrong.
            return False

    def skip_changes(self) -> None:
        """Something has been written that changes nothing: it is not to be told as a change.

        Another connection's checkpoint makes ``PRAGMA data_version`` another number, too.
        """
        if self.connection is not None and not self._may_be_behind:
            with suppress(sqlite3.DatabaseError):  # the next request finds out
                self._data_seen = self.connection.data_version()

    def wrote(self) -> None:
        """Something may have been committed: the other sessions look for it."""
        self.neighbours.committed(self)

    # --- the open database ----------------------------------------------------------------------

    @property
    def open_connection(self) -> Connection:
        """The open database's connection, or NoDatabase."""
        if self.connection is None:
            raise NoDatabase("No database is open.", hint="Open or import one first.")
        return self.connection

    def meant_connection(self, job: Job) -> Connection:
        """The open connection, if it is to the database that a run or fetch is meant for."""
        connection = self.open_connection
        meant = job.request["database"]
        if meant is not None and meant != connection.name:
            raise WrongDatabase(meant, connection.name)
        return connection

    def switch(self, name: str) -> None:
        """Makes ``name`` the current database; on any error the old one stays."""
        old = self.connection
        if old is not None:
            if old.name == name:
                return
            old.require_no_transaction()
        new = Connection(self.host, name, self._progress)
        self.connection = new
        if old is not None:
            old.close()
        self._schema_seen = catalog.signature(new)
        self._data_seen = new.data_version()

    @contextmanager
    def not_open(self, name: str, what: str) -> Iterator[None]:
        """Within the block nobody has the database open; then it is what it was before.

        Also when the block fails: what was to be replaced is still there, and was the current one.
        Raises UsedElsewhere when another tab has it open; ``what`` says what is to be done.
        """
        self.require_unused(name, what)
        current = self.connection
        if current is not None and current.name == name:
            self.close()
        try:
            yield
        finally:
            if current is not None and self.connection is None:
                self.switch(name)

    def require_unused(self, name: str, what: str) -> None:
        """Raises UsedElsewhere when another tab has the database open."""
        self.neighbours.require_unused(name, self, what)

    def described(self) -> Fields:
        """The open database: its name, size and schema."""
        connection = self.open_connection
        schema = catalog.schema(connection)
        self._schema_seen = catalog.signature(connection)
        return {
            "database": connection.name,
            "size": connection.size,
            "schema": schema,
            "in_transaction": connection.con.in_transaction,
        }

    def schema_changed(self, connection: Connection) -> bool:
        """Whether the schema differs from the one seen last, or cannot be told from it."""
        if not (connection.may_differ or connection.was_undone):
            return False
        before, self._schema_seen = self._schema_seen, catalog.signature(connection)
        was_undone, connection.was_undone = connection.was_undone, False
        connection.may_differ = self._schema_seen is None
        return was_undone or before != self._schema_seen

    def listed(self) -> list[Fields]:
        """Every database, as replies have them."""
        return [
            {"name": name, "size": self._size(name, size)} for name, size in self.host.databases()
        ]

    def _size(self, name: str, size: int) -> int:
        """Of a database, whose file has ``size`` bytes; more or less may be in its WAL."""
        if self.connection is not None and self.is_at(name):
            with suppress(sqlite3.DatabaseError):  # damaged, or locked
                return self.connection.size
        return size

    def _progress(self) -> int:
        """SQLite's progress handler: anything but 0 interrupts the statement."""
        return int(self._current is not None and self._current.tick())

    def _put_off_checkpoints(self) -> None:
        """What takes long may fill the WAL: Service empties it, once there is time for that."""
        if self.connection is not None:
            self.connection.put_off_checkpoints()


def _busy_hint(holders: list[Session], is_deadlock: bool) -> str:
    titles = " and ".join(other.title for other in holders[:3])
    if is_deadlock:
        return f"{titles.capitalize()} waits for this tab in turn: ROLLBACK here, then begin again."
    return f"{titles.capitalize()} holds the lock: COMMIT or ROLLBACK there, then run it again."
