"""Spare slots, kept in advance because SQLite cannot wait for a file to be made."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from .. import browser
from ..errors import PoolFullError, exception_name
from ..names import COMPANION_SUFFIXES
from ..turns import Turn, Turns
from .hold import Hold
from .slot import Slot
from .slots import SlotTable

_log = logging.getLogger("sahpool")

_BEGINS_WITHIN = 1.0  # seconds in which the event loop begins a task, unless it is busy or lost it
_MOST_NEEDED = 2  # slots, by a connection to a new database

#: Offset of the read version in a database's header, and its value in WAL mode
#: (sqlite.org/fileformat2.html, section 1.3.3).
_READ_VERSION, _WAL_VERSION = 19, b"\x02"


class Spares:
    """Adds spare slots to a pool and removes them.

    Attributes:
        changing: Held while slots are added, removed or taken hold of.
    """

    def __init__(self, slots: SlotTable, hold: Hold, wanted: int) -> None:
        """``wanted`` is the number of spare slots to keep."""
        self.changing = Turns()
        self._slots = slots
        self._hold = hold
        self._wanted = wanted
        self._begins_by = 0.0  # time.monotonic() until which a planned task is waited for
        self._task: asyncio.Future[None] | None = None  # a reference, or it might be collected

    @property
    def missing(self) -> int:
        """Number of spare slots short of the target; 0 or less when there are enough."""
        return self._wanted - self._slots.spare_count

    async def grow(self, count: int) -> None:
        """Adds slots; ``changing`` must be held.

        Raises:
            JsException: The storage refused, for example for its quota; the file of the failed
                attempt is deleted again.
        """
        for _ in range(count):
            made = None
            try:
                made = await self._hold.create()
                if made is None:  # paused meanwhile
                    return
                self._slots.add_spare(*made)
            except BaseException:
                if made is not None and not self._slots.has_spare(made[0]):
                    made[1].close()
                    await self._hold.discard(made[0])
                raise

    async def shrink(self, count: int) -> int:
        """Removes up to ``count`` spare slots; returns how many. ``changing`` must be held."""
        removed = self._slots.remove_spares(count)
        await self._remove()
        return removed

    async def _remove(self) -> None:
        """Removes the files of all slots that are leaving."""
        for slot in self._slots.leaving:  # all first: a pause during the loop below forgets them
            slot.handle.close()
        for slot in self._slots.leaving:
            await self._hold.remove(slot.name)
            self._slots.forget(slot)

    async def _renew(self) -> None:
        """Replaces spare slots that have been large by new files; ``changing`` must be held.

        Chromium reserves space for a growing file, up to twice its size, and counts it as used
        until the handle is closed, however short the file has become. Without the replacement, a
        deleted database would make no room for another.
        """
        if self._hold.opaque is not None:
            renewed = self._slots.remove_bulky_spares()
            await self._remove()
            await self.grow(renewed)

    async def top_up(self) -> None:
        """Adds the missing spare slots, and replaces those that take space without need.

        Raises:
            JsException: As :meth:`grow`.
        """
        async with Turn(self.changing) as turn, turn:
            await self._renew()
            await self.grow(self.missing)

    async def try_top_up(self) -> None:
        """As :meth:`top_up`, but only logs it when the storage refuses.

        A full storage is no reason to refuse the operation at hand, which may be a deletion. An
        operation that needs a slot that is missing fails by itself.
        """
        try:
            await self.top_up()
        except Exception as error:  # noqa: BLE001 - whatever the browser throws
            self.not_added(error)

    def check_room(self, path: str) -> None:
        """Checks that there are enough spare slots now for a connection to a database.

        Raises:
            PoolFullError: There are too few. More are added as soon as the event loop runs.
        """
        free = self._slots.spare_count
        if free >= _MOST_NEEDED:
            return
        slot = self._slots.find(path)
        needed = int(slot is None) + int(self._lacks_companion(path, slot))
        if needed > free:
            self.plan()
            raise PoolFullError(
                f"{path} needs {needed} free slots to be opened, and the pool has {free}: "
                "a new database takes one for itself and one for its journal or WAL.",
                hint="Await pool.add_capacity(n), or something else that lets spare slots be "
                "added, and try again.",
            )

    def _lacks_companion(self, path: str, slot: Slot | None) -> bool:
        """Whether SQLite makes a journal or WAL as it begins to read the database."""
        if any(self._slots.find(path + suffix) for suffix in COMPANION_SUFFIXES):
            return False
        if slot is None or not slot.file.size():
            return True
        return slot.file.read(1, _READ_VERSION) == _WAL_VERSION

    def not_added(self, error: Exception) -> None:
        """Logs that the storage refused more slots."""
        name = exception_name(error)
        _log.warning("%s: no spare slots added: %s: %s", self._hold.directory, name, error)

    def plan(self) -> None:
        """Schedules :meth:`try_top_up` for when the event loop runs again, if it has work to do."""
        now = time.monotonic()
        # A task that is done and has not begun was stopped before. One that has not begun for long
        # may never do so: a stop that is raised in the event loop can make it forget a call.
        is_planned = self._task is not None and not self._task.done() and now < self._begins_by
        if is_planned or (self.missing <= 0 and not self._slots.has_bulky_spares):
            return
        self._begins_by = now + _BEGINS_WITHIN

        async def top_up() -> None:
            try:
                self._begins_by = 0.0
                await self.try_top_up()
            except KeyboardInterrupt:
                browser.pass_on_stop()

        self._task = asyncio.ensure_future(top_up())

    @property
    def task(self) -> asyncio.Future[Any] | None:
        """The last task that :meth:`plan` has made, or None."""
        return self._task
