"""A session: one tab's requests, done one at a time in the order of their arrival.

Every request gets one reply. An error becomes that reply, and the next request works as ever.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, TypeVar

from .. import protocol
from .errors import Hint, NoDatabase, StoragePaused, WrongDatabase, describe
from .host import Host, Source
from .job import Job
from .neighbours import Neighbours
from .sql import catalog
from .sql.connection import Connection

__all__ = ["LOCK_SECONDS", "Fields", "Operation", "Session"]

LOCK_SECONDS = 30.0
"""Seconds to wait for another session's lock, where PRAGMA busy_timeout says nothing else."""

# Without SQLITE_BUSY_SNAPSHOT: no waiting makes an old snapshot a new one.
_WORTH_WAITING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_BUSY_RECOVERY,
    sqlite3.SQLITE_BUSY_TIMEOUT,
}

TRY_SECONDS = 1.0

Fields = dict[str, Any]
"""The fields of a request, or of the reply to one."""

Operation = Callable[["Session", Job], Awaitable[Fields]]
"""A function that carries out a request of one name and returns the fields of the reply."""

T = TypeVar("T")


class Session:
    """One tab's connection and its requests under way; Service.join makes it.

    Attributes:
        number: The number that the user sees for the tab; 0 when it has none.
        connection: The connection to the open database; None while none is open.
        host: The place that it runs in.
        neighbours: The service, for what concerns the sessions of other tabs.
        emit: Posts the head of an event to the tab.
        waits_for: The sessions whose locks a statement of this one waits for.
        beside: Name → WAL or journal for the next import of the database that it belongs to.
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
        self.script = (0, b"")
        self.host = host
        self.neighbours = neighbours
        self.emit = emit
        self.beside: dict[str, Source] = {}
        self._operations = operations
        self._turn = asyncio.Lock()
        self._jobs: dict[int, Job] = {}
        self._current: Job | None = None
        self._schema_seen: list[tuple[str, int]] | None = None
        self._data_seen = 0
        self._may_be_behind = False
        self.waits_for: list[Session] = []

    @property
    def title(self) -> str:
        """The tab's name in messages to the user: "tab 2"."""
        return f"tab {self.number}" if self.number else "another tab"

    @property
    def is_at_work(self) -> bool:
        """Whether a request is being carried out or a transaction is open."""
        connection = self.connection
        return self._turn.locked() or (connection is not None and connection.con.in_transaction)

    @property
    def holds_snapshot(self) -> bool:
        """Whether its connection may see an older state than what others have committed."""
        return self.connection is not None and self.connection.holds_snapshot

    def is_at(self, name: str) -> bool:
        """Whether the open database is the one of that name."""
        return self.connection is not None and self.connection.name == name

    def is_under_way(self, number: int) -> bool:
        """Whether a request of that number has come and is not answered yet."""
        return number in self._jobs

    async def handle(self, request: Fields, parts: list[Any]) -> tuple[str, list[Any]]:
        """The reply, its head and its binary parts, to a request that was decoded and checked."""
        number = request["id"]
        job = Job(request, parts, self.host.loop, self.emit, self._put_off_checkpoints)
        try:
            if protocol.OPS[request["op"]].at_once:
                fields = await self._do(job)
            else:
                fields = await self._do_in_turn(job)
            return protocol.encode_reply(number, **fields), job.parts
        except Exception as error:  # noqa: BLE001  (every error becomes the reply)
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
        """Makes a request stop; returns False when it is not under way."""
        job = self._jobs.get(number)
        if job is None:
            return False
        job.cancelled = True
        self.neighbours.let_go()  # wakes the request if it waits for a lock
        return True

    async def end(self) -> None:
        """Stops every request under way and closes the database."""
        for number in list(self._jobs):
            self.cancel(number)
        async with self._turn:
            self.close()

    def close(self) -> None:
        """Closes the open database; SQLite rolls back what was not committed."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    # --- other sessions -------------------------------------------------------------------------

    def transaction_state(self) -> str:
        """``none``, ``read`` or ``write``: the lock that the connection holds just now."""
        return (
            "none"
            if self.connection is None
            else self.host.engine.transaction_state(self.connection.con)
        )

    async def patiently(
        self, job: Job, attempt: Callable[[], T], *, has_done: bool = False
    ) -> T | None:
        """What ``attempt`` returns; repeats it while another session is the lock holder.

        Args:
            job: The request that ``attempt`` is part of.
            attempt: What to do; it must have done nothing when it raises SQLITE_BUSY.
            has_done: Whether the request has done something before that must not be done twice.
                Then this does not wait but returns None: a request that waits may be sent to
                another worker as if it were new.

        Raises:
            sqlite3.OperationalError: SQLITE_BUSY when the time is up (LOCK_SECONDS), or when the
                lock holder waits for this session in turn; its hint names the lock holder's tab.
            Exception: Anything else that ``attempt`` raises.
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
        """The lock holders because of which this was raised; none when waiting cannot help."""
        code = getattr(error, "sqlite_errorcode", None)
        return self.neighbours.holders(self) if code in _WORTH_WAITING else []

    async def _wait_for(
        self, holders: list[Session], job: Job, until: float, busy: sqlite3.OperationalError
    ) -> None:
        """Returns when one of the lock holders may have released its lock.

        Before that it tells the tab that its request may go on, and waits for the answer
        (``proceed``). Raises ``busy`` when the time is up or on a deadlock.
        """
        job.tell("waiting", tab=holders[0].number)
        self.waits_for = holders
        # With databases attached, the lock holder is only a guess: so from time to time the attempt
        # is made again whatever the guess says.
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
            self.waits_for = []

    def proceed(self, number: int) -> None:
        """Lets a request go on: its tab knows now that it waits no longer for a lock."""
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
        """Whether a lock holder waits for this session in turn, which is in a transaction."""
        connection = self.connection
        if connection is None or not connection.con.in_transaction:
            return False
        return any(self in other.waits_for for other in holders)

    def look_for_changes(self) -> None:
        """Sends the tab ``changed`` if others have committed; later, if it is at work now.

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
        # Within a transaction, and while a result is open, the connection sees the database as it
        # was when that began: then it has to look again later.
        self._may_be_behind = connection.holds_snapshot
        if version != self._data_seen:
            self._data_seen = version
            changed = catalog.signature(connection) != self._schema_seen
            self.emit(protocol.encode_event("changed", schema=changed))

    def empty_wal(self, size: int) -> bool:
        """Empties the WAL of the open database if it has ``size`` bytes or more.

        Returns whether it did. It does not where the user has switched the automatic checkpoint or
        ``synchronous`` off.
        """
        connection = self.connection
        if connection is None:
            return False
        try:
            is_long = self.host.storage.wal_size(connection.name) >= size
            return is_long and connection.empty_wal()
        except Exception:  # noqa: BLE001
            # The storage fails, or the name is so long that the WAL is kept under another one
            # (sahpool.names.stored_path). Nothing has changed, and the next statement reports a
            # failing storage.
            return False

    def skip_changes(self) -> None:
        """Notes ``PRAGMA data_version`` without telling the tab of a change.

        For after another connection's checkpoint, which changes that number, too.
        """
        if self.connection is not None and not self._may_be_behind:
            with suppress(sqlite3.DatabaseError):  # the next request finds out
                self._data_seen = self.connection.data_version()

    def wrote(self) -> None:
        """Tells the other sessions that this one may have committed."""
        self.neighbours.committed(self)

    # --- the open database ----------------------------------------------------------------------

    @property
    def open_connection(self) -> Connection:
        """The connection to the open database; raises NoDatabase when none is open."""
        if self.connection is None:
            raise NoDatabase("No database is open.", code="none-open", hint=Hint("open-one"))
        return self.connection

    def meant_connection(self, job: Job) -> Connection:
        """The open connection, if it is to the database that the request is meant for.

        Raises:
            NoDatabase: None is open.
            WrongDatabase: Another one is open.
        """
        connection = self.open_connection
        meant = job.request["database"]
        if meant is not None and meant != connection.name:
            raise WrongDatabase(meant, connection.name)
        return connection

    def switch(self, name: str) -> None:
        """Makes ``name`` the open database; on any error the old one stays open."""
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
        """Within the block no session has the database open; afterwards this one has it as before.

        That holds when the block fails, too: the database that was to be replaced is still there.

        Raises:
            UsedElsewhere: Another tab has it open; ``what``, a participle like "replaced", says in
                the message what cannot be done to it.
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
        """The open database's name, size in bytes and schema, and the transaction that is open."""
        connection = self.open_connection
        schema = catalog.schema(connection)
        self._schema_seen = catalog.signature(connection)
        return {
            "database": connection.name,
            "size": connection.size,
            "schema": schema,
            "in_transaction": connection.con.in_transaction,
            "transaction": connection.open_transaction.described(),
        }

    def schema_changed(self, connection: Connection) -> bool:
        """Whether the schema differs from the one seen last, or may differ."""
        if not (connection.may_differ or connection.was_undone):
            return False
        before, self._schema_seen = self._schema_seen, catalog.signature(connection)
        was_undone, connection.was_undone = connection.was_undone, False
        connection.may_differ = self._schema_seen is None
        return was_undone or before != self._schema_seen

    def listed(self) -> list[Fields]:
        """Name and size in bytes of every database, as replies have them."""
        return [
            {"name": name, "size": self._size(name, size)}
            for name, size in self.host.storage.databases()
        ]

    def _size(self, name: str, size: int) -> int:
        """Bytes of a database whose file has ``size`` bytes.

        For the open database it is the size with its WAL, by which it may be larger or smaller.
        """
        if self.connection is not None and self.is_at(name):
            with suppress(sqlite3.DatabaseError):  # damaged, or locked
                return self.connection.size
        return size

    def _progress(self) -> int:
        """SQLite's progress handler: 0 goes on, anything else interrupts the statement."""
        return int(self._current is not None and self._current.tick())

    def _put_off_checkpoints(self) -> None:
        """Leaves what a long request writes in the WAL: Service empties it later, when idle."""
        if self.connection is not None:
            self.connection.put_off_checkpoints()


def _busy_hint(holders: list[Session], is_deadlock: bool) -> Hint:
    tabs = [other.number for other in holders[:3]]
    return Hint("deadlock" if is_deadlock else "locked", {"tabs": tabs})
