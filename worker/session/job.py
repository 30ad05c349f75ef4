"""One request while it is being carried out: whether to go on, and how far it has come."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import protocol

from .errors import Cancelled, SessionError, TimedOut
from .host import Host

__all__ = ["PROGRESS_SECONDS", "TICK_SECONDS", "Job"]

TICK_SECONDS = 0.05
"""How long a cancel may go unseen: each look suspends the statement, so not too often."""

PROGRESS_SECONDS = 0.1
"""The time between two progress events of one phase."""


class Job:
    """Created when the request arrives; ``cancelled`` may be set at any time after that.

    ``request`` is what was asked, ``files`` came with it, ``parts`` will go with the reply;
    ``takes_long`` is called every ``TICK_SECONDS`` from within synchronous work.
    """

    def __init__(
        self,
        request: dict[str, Any],
        files: list[Any],
        host: Host,
        emit: Callable[[str], None],
        takes_long: Callable[[], None] = lambda: None,
    ) -> None:
        self.request = request
        self.files = files
        self.parts: list[Any] = []
        self.cancelled = False
        self.may_proceed = False
        """Whether its sender knows that it waits no longer."""
        self._seconds: int = request.get("seconds", 0)
        self._end = float("inf")
        self._host = host
        self._emit = emit
        self._takes_long = takes_long
        self._next_tick = monotonic() + TICK_SECONDS
        self._phase = ""
        self._next_event = 0.0
        self._rows = 0

    def begin(self) -> None:
        """The turn of the request has come; Cancelled if it was cancelled while it waited."""
        self.check()
        now = monotonic()
        self._next_tick = now + TICK_SECONDS
        if self._seconds:
            self._end = now + self._seconds

    @property
    def is_over(self) -> bool:
        """Whether it is to stop: it was cancelled, or has taken its time."""
        return self.cancelled or monotonic() >= self._end

    def reason(self) -> SessionError:
        """Why it is to stop."""
        return Cancelled() if self.cancelled else TimedOut(self._seconds)

    def as_stopped(self, error: Exception) -> Exception:
        """``error``, or why the request is to stop where that is what interrupted the statement."""
        interrupted = getattr(error, "sqlite_errorname", None) == "SQLITE_INTERRUPT"
        # A function in Python that is stopped does not know why (``sql.functions``).
        stopped = interrupted or isinstance(error, Cancelled)
        return self.reason() if stopped and self.is_over else error

    def check(self) -> None:
        """Raises Cancelled or TimedOut once it is to stop."""
        if self.is_over:
            raise self.reason()

    def tick(self) -> bool:
        """From within synchronous work: whether to stop.  Cheap enough to call very often."""
        now = monotonic()
        if now >= self._next_tick:
            if self._rows and now >= self._next_event:
                self._next_event = now + PROGRESS_SECONDS
                self.tell("running", rows=self._rows)
            self._takes_long()
            self._host.tick()
            self._next_tick = monotonic() + TICK_SECONDS
        return self.cancelled or now >= self._end

    def counted(self, rows: int) -> None:
        """So many rows of a result are there."""
        self._rows = rows

    async def breathe(self) -> None:
        """Lets the event loop run, then raises Cancelled if a cancel was among what arrived."""
        await self._host.breathe()
        self.check()

    def tell(self, event: str, **fields: object) -> None:
        """Posts an event about this request."""
        self._emit(protocol.encode_event(event, request=self.request["id"], **fields))

    def progress(self, phase: str, done: int, total: int, rows: int | None = None) -> None:
        """Tells the page how far this is, in bytes; at once in a new phase, else now and then."""
        now = monotonic()
        if phase == self._phase and now < self._next_event:
            return
        self._phase = phase
        self._next_event = now + PROGRESS_SECONDS
        self.tell("progress", phase=phase, done=done, total=total, rows=rows)
