"""A lock between tasks that an exception cannot leave locked.

``async with asyncio.Lock()`` can stay locked: an exception may strike as the block ends, before the
lock's own ``__aexit__`` releases it; every later task then waits for ever.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self

__all__ = ["Turn", "Turns"]


#: Seconds after which a waiting task checks by itself whether the lock is free.
_LOOKS = 1.0


class Turns:
    """A lock that one task at a time holds: ``async with Turn(turns) as turn, turn:``."""

    def __init__(self) -> None:
        self._holder: Turn | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self, turn: Turn) -> None:
        """Waits until no other turn holds the lock, and takes it."""
        while self._holder is not None:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            # An exception that strikes in set_result() below can lose the call that wakes this.
            await asyncio.wait((waiting,), timeout=_LOOKS)
        self._holder = turn

    def give_back(self, turn: Turn) -> None:
        """Releases the lock if this turn holds it; may be called again."""
        if self._holder is not turn:
            return
        # Before the release: a woken task runs later and checks again whether the lock is free.
        while self._waiting:
            waiting = self._waiting[0]
            if not waiting.done():
                waiting.set_result(None)
            self._waiting.popleft()
        self._holder = None


class Turn:
    """One holding of the lock. Entered twice, as ``Cleanup``: both ends of the block release it."""

    __slots__ = ("_is_begun", "_turns")

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._is_begun = False

    async def __aenter__(self) -> Self:
        if self._is_begun:
            await self._turns.take(self)
        self._is_begun = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._turns.give_back(self)
