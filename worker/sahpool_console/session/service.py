"""The service: the sessions of all tabs on the databases of one Host.

Each tab has a session with a connection of its own (``session``), as on a database server: its
transaction, its PRAGMAs and its temporary tables are its own, and others see what it has committed.
This module has what concerns more than one session: who holds the lock that another waits for, who
is told of a commit, and pausing the storage.

**No session waits for a long statement of another.** A long statement lets the event loop run
every 50 ms (``job``). The requests of other sessions are done then, and may be suspended in the
same way. The event loop's own order makes that a round robin.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from .. import protocol
from .errors import Hint, SessionError, UsedElsewhere, describe
from .host import Host
from .operations import OPERATIONS
from .session import Session

__all__ = ["Service"]

RETRY_SECONDS = 0.1
"""Seconds after which a session that waits for a lock tries again at the latest."""

TIDY_SECONDS = 1.0
"""Idle seconds after the last commit before long WALs are checkpointed and emptied."""

TIDY_FROM = 1024 * 1024
"""Bytes from which on a WAL counts as long: whoever opens its database reads all of them."""


class Service:
    """Answers requests (see ``protocol``) of tabs, which join and leave by keys of the caller's.

    With ``is_paused`` it begins with the storage paused: the Service of an earlier worker has lent
    it to another program.
    """

    def __init__(self, host: Host, *, is_paused: bool = False) -> None:
        self.host = host
        self.is_paused = is_paused
        self._sessions: dict[str, Session] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._tidying: asyncio.TimerHandle | None = None

    def join(self, key: str, emit: Callable[[str], None]) -> None:
        """Begins a session; ``emit`` posts the head of an event to its tab."""
        self._sessions[key] = Session(self.host, OPERATIONS, self, emit)

    async def leave(self, key: str) -> None:
        """Ends a session: stops what it runs and rolls back what it has not committed."""
        session = self._sessions.pop(key, None)
        if session is not None:
            await session.end()
            self.let_go()
            self.tell_tabs()

    def knows(self, key: str) -> bool:
        """Whether a tab has joined and not left."""
        return key in self._sessions

    async def handle(self, key: str, head: str, parts: list[Any]) -> tuple[str, list[Any]]:
        """The reply to one request of a tab that has joined: its head and its binary parts.

        ``parts`` has a Source for each file that came with the request, None for any other part.
        May be called again while an earlier call has not returned.
        """
        session = self._sessions[key]
        try:
            request = protocol.decode_request(head, len(parts))
            number = request["id"]
            if None in parts:
                raise protocol.ProtocolError("What comes with a request is a file.", number)
            if session.is_under_way(number):
                raise protocol.ProtocolError("A request of this id is under way.", number)
        except protocol.ProtocolError as error:
            return protocol.encode_error(error.id, describe(error)), []
        return await session.handle(request, parts)

    def close(self) -> None:
        """Closes every session's database; SQLite rolls back what was not committed."""
        for session in self._sessions.values():
            session.close()

    # --- between sessions -----------------------------------------------------------------------

    def require_unused(self, name: str, session: Session, what: str) -> None:
        """Raises UsedElsewhere when a session other than this one has the database open."""
        for other in self._others(session):
            if other.is_at(name):
                raise UsedElsewhere(
                    f"{name!r} is open in {other.title}, so it cannot be {what}.",
                    code=f"elsewhere-{what}",
                    hint=Hint("leave-it-there"),
                    database=name,
                    tabs=[other.number],
                )

    def holders(self, session: Session) -> list[Session]:
        """The lock holders among the other sessions: those that write, or else those that read.

        Sessions on the same database come first. Where none of them holds a lock, it is those on
        other databases, which may be attached here.
        """
        found: dict[tuple[bool, str], list[Session]] = {}
        for other in self._others(session):
            is_near = session.connection is None or other.is_at(session.connection.name)
            found.setdefault((is_near, other.transaction_state()), []).append(other)
        kinds = [(near, state) for near in (True, False) for state in ("write", "read")]
        return next((found[kind] for kind in kinds if kind in found), [])

    async def released(self, seconds: float) -> None:
        """Returns once a session may have released a lock, after ``seconds`` at the latest."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        with suppress(TimeoutError):
            await asyncio.wait_for(future, min(seconds, RETRY_SECONDS))

    def let_go(self) -> None:
        """Wakes every session that waits in released()."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def committed(self, session: Session) -> None:
        """Tells the other sessions on the same database that this one may have committed.

        A session that is busy looks for the change once it is not.
        """
        connection = session.connection
        for other in self._others(session):
            if connection is None or other.is_at(connection.name):
                other.look_for_changes()
        self._tidy_later()

    def _tidy_later(self) -> None:
        if self._tidying is not None:
            self._tidying.cancel()
        self._tidying = asyncio.get_running_loop().call_later(TIDY_SECONDS, self._tidy)

    def _tidy(self) -> None:
        """Empties long WALs, which the next start would read from beginning to end.

        SQLite's automatic checkpoint copies the pages of a WAL into the database, but leaves the
        file as long as it was.
        """
        if self.is_paused:
            return
        sessions = self._sessions.values()
        if any(session.is_at_work or session.holds_snapshot for session in sessions):
            self._tidy_later()
            return
        for session in sessions:
            # The checkpoint changes PRAGMA data_version for the others, though nothing was
            # committed since they last looked: that is no change to tell them of.
            if session.empty_wal(TIDY_FROM):
                for other in self._others(session):
                    other.skip_changes()

    def tell_tabs(self) -> None:
        """Sends every tab the list of all tabs."""
        numbers = sorted(session.number for session in self._sessions.values())
        self._tell_all("tabs", numbers=numbers)

    def _tell_all(self, event: str, **fields: object) -> None:
        for session in self._sessions.values():
            session.emit(protocol.encode_event(event, **fields))

    def _others(self, session: Session) -> Iterable[Session]:
        return [other for other in self._sessions.values() if other is not session]

    # --- pausing the storage --------------------------------------------------------------------

    def pause(self, session: Session) -> None:
        """Closes every session's database and gives up the storage.

        Raises:
            SessionError: Databases are in memory only; nothing is changed.
            UsedElsewhere: Another session is at work or in a transaction; nothing is changed.
            TransactionOpen: This session is in a transaction; nothing is changed.
        """
        if self.is_paused:
            session.emit(protocol.encode_event("paused", tab=session.number))
            return
        if self.host.storage.kind != "opfs":
            raise SessionError(
                "There is nothing to lend: databases are in memory only.", code="nothing-to-lend"
            )
        for other in self._others(session):
            if other.is_at_work:
                raise UsedElsewhere(
                    f"{other.title.capitalize()} is at work or has a transaction open.",
                    code="elsewhere-at-work",
                    hint=Hint("wait-or-end"),
                    tabs=[other.number],
                )
        if session.connection is not None:
            session.connection.require_no_transaction()
        self.close()
        try:
            self.host.storage.pause()
        except Exception:
            self._tell_all("paused", tab=session.number)
            self._tell_all("unpaused")  # every tab opens its database again
            raise
        self.is_paused = True
        self._tell_all("paused", tab=session.number)

    async def unpause(self) -> None:
        """Takes the storage back and tells every tab, which then opens its database again.

        Raises:
            sahpool.SahpoolError: The storage cannot be had, as long as the other program holds it.
        """
        if not self.is_paused:
            return
        await self.host.storage.unpause()
        self.is_paused = False
        self._tell_all("unpaused")
