"""One request while it is being carried out: whether to go on, and how far it has come."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from .. import protocol
from .errors import Cancelled, SessionError, TimedOut
from .host import Loop

__all__ = ["PROGRESS_SECONDS", "TICK_SECONDS", "Job"]

TICK_SECONDS = 0.05
"""Seconds between two turns of the event loop, in which a cancel is seen: each turn suspends the
statement, so they are not to be too frequent."""

PROGRESS_SECONDS = 0.1
"""Seconds between two progress events of one phase."""


class Job:
    """One request from its arrival to its reply.

    ``takes_long`` is called every ``TICK_SECONDS`` from within synchronous work.

    Attributes:
        request: The fields of the request.
        files: The files that came with it.
        parts: The binary parts that will go with the reply.
        cancelled: Whether it is to stop; may be set at any time.
        may_proceed: Whether its tab knows that it waits no longer for a lock.
    """

    def __init__(
        self,
        request: dict[str, Any],
        files: list[Any],
        loop: Loop,
        emit: Callable[[str], None],
        takes_long: Callable[[], None] = lambda: None,
    ) -> None:
        self.request = request
        self.files = files
        self.parts: list[Any] = []
        self.cancelled = False
        self.may_proceed = False
        self._seconds: int = request.get("seconds", 0)
        self._end = float("inf")
        self._loop = loop
        self._emit = emit
        self._takes_long = takes_long
        self._next_tick = monotonic() + TICK_SECONDS
        self._phase = ""
        self._next_event = 0.0
        self._rows = 0

    def begin(self) -> None:
        """Starts the request's time; raises Cancelled if it was cancelled while it waited."""
        self.check()
        now = monotonic()
        self._next_tick = now + TICK_SECONDS
        if self._seconds:
            self._end = now + self._seconds

    @property
    def is_over(self) -> bool:
        """Whether the request is to stop: it was cancelled, or its time is up."""
        return self.cancelled or monotonic() >= self._end

    def reason(self) -> SessionError:
        """The error that says why the request is to stop."""
        return Cancelled() if self.cancelled else TimedOut(self._seconds)

    def as_stopped(self, error: Exception) -> Exception:
        """``error``, or reason() where a cancel or the time limit interrupted the statement."""
        interrupted = getattr(error, "sqlite_errorname", None) == "SQLITE_INTERRUPT"
        # A function in Python is always stopped with Cancelled, also by the time limit
        # (``sql.functions``).
        stopped = interrupted or isinstance(error, Cancelled)
        return self.reason() if stopped and self.is_over else error

    def check(self) -> None:
        """Raises Cancelled or TimedOut once the request is to stop."""
        if self.is_over:
            raise self.reason()

    def tick(self) -> bool:
        """Whether to stop; lets the event loop run every ``TICK_SECONDS``.

        For synchronous work, and cheap enough to be called very often.
        """
        now = monotonic()
        if now >= self._next_tick:
            if self._rows and now >= self._next_event:
                self._next_event = now + PROGRESS_SECONDS
                self.tell("running", rows=self._rows)
            self._takes_long()
            self._loop.tick()
            self._next_tick = monotonic() + TICK_SECONDS
        return self.cancelled or now >= self._end

    def counted(self, rows: int) -> None:
        """Notes how many rows of a result there are so far, for the next ``running`` event."""
        self._rows = rows

    async def breathe(self) -> None:
        """Lets the event loop run, then raises Cancelled or TimedOut if the request is to stop."""
        await self._loop.breathe()
        self.check()

    def tell(self, event: str, **fields: object) -> None:
        """Posts an event about this request to its tab."""
        self._emit(protocol.encode_event(event, request=self.request["id"], **fields))

    def progress(self, phase: str, done: int, total: int, rows: int | None = None) -> None:
        """Posts a ``progress`` event, at once in a new phase and else every PROGRESS_SECONDS.

        ``done`` and ``total`` are in bytes.
        """
        now = monotonic()
        if phase == self._phase and now < self._next_event:
            return
        self._phase = phase
        self._next_event = now + PROGRESS_SECONDS
        self.tell("progress", phase=phase, done=done, total=total, rows=rows)
