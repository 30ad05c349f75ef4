"""A lock between tasks that no exception leaves taken.

``async with asyncio.Lock()`` does where one strikes as the block ends, before the lock's own
``__aexit__`` has come to the release; whoever asks for it then waits for ever.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self

__all__ = ["Turn", "Turns"]


class Turns:
    """Lets one task at a time have its turn: ``async with Turn(turns) as turn, turn:``."""

    def __init__(self) -> None:
        self._holder: Turn | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self, turn: Turn) -> None:
        """Returns when nobody else has the turn, and it is this one's."""
        while self._holder is not None:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
        self._holder = turn

    def give_back(self, turn: Turn) -> None:
        """The turn is over, if it was this one's; it may be called again."""
        if self._holder is not turn:
            return
        # First: whoever is woken runs later, and looks again whether it is their turn.
        while self._waiting:
            waiting = self._waiting[0]
            if not waiting.done():
                waiting.set_result(None)
            self._waiting.popleft()
        self._holder = None


class Turn:
    """One turn. Entered twice, as ``Cleanup``: the inner end gives it back, the outer one again."""

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
