"""Spare slots: some are kept at hand, because SQLite cannot wait for a file to be made."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from .. import browser
from ..errors import PoolFullError, exception_name
from ..names import COMPANION_SUFFIXES
from ..turns import Turn, Turns
from .hold import Hold
from .slot import Slot
from .slots import SlotTable

_log = logging.getLogger("sahpool")

_MOST_NEEDED = 2  # slots, by a connection to a new database

#: Offset of the read version in a database's header, and its value in WAL mode
#: (sqlite.org/fileformat2.html, section 1.3.3).
_READ_VERSION, _WAL_VERSION = 19, b"\x02"


class Spares:
    """Adds slots to a pool and takes spare ones away.

    Attributes:
        changing: Held while slots are added, removed or taken hold of.
    """

    def __init__(self, slots: SlotTable, hold: Hold, wanted: int) -> None:
        """``wanted`` is how many free slots are kept at hand."""
        self.changing = Turns()
        self._slots = slots
        self._hold = hold
        self._wanted = wanted
        self._planned = False
        self._task: asyncio.Future[None] | None = None  # kept, or it might be collected

    @property
    def missing(self) -> int:
        """How many free slots there are too few; not positive when there are enough."""
        return self._wanted - self._slots.spare_count

    async def grow(self, count: int) -> None:
        """Adds slots; ``changing`` must be held.

        Raises:
            JsException: The storage refused, for example for its quota; the file that was begun is
                gone again, so that attempts leave nothing behind.
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
        """Removes up to ``count`` spare slots, and says how many; ``changing`` must be held."""
        removed = self._slots.remove_spares(count)
        await self._remove()
        return removed

    async def _remove(self) -> None:
        """Removes the files of all slots that are leaving."""
        for slot in self._slots.leaving:  # all of them first: a pause meanwhile would not find them
            slot.handle.close()
        for slot in self._slots.leaving:
            await self._hold.remove(slot.name)
            self._slots.forget(slot)

    async def _renew(self) -> None:
        """Makes spares anew that have been large; ``changing`` must be held.

        Chromium sets room aside for a file as it grows, up to twice its size, and counts that as
        used until the handle is closed, however short the file has become. Without this a database
        that is deleted makes no room for another.
        """
        if self._hold.opaque is not None:
            renewed = self._slots.remove_bulky_spares()
            await self._remove()
            await self.grow(renewed)

    async def top_up(self) -> None:
        """Adds what is missing, and gives room back that spares take without need.

        Raises:
            JsException: As :meth:`grow`.
        """
        async with Turn(self.changing) as turn, turn:
            await self._renew()
            await self.grow(self.missing)

    async def try_top_up(self) -> None:
        """Adds what is missing, as far as the storage lets it.

        Whoever needs a slot that is not there will be told. Until then a storage that is full is no
        reason to refuse anything: perhaps a person wants to delete something.
        """
        try:
            await self.top_up()
        except Exception as error:  # noqa: BLE001 - whatever the browser throws
            self.not_added(error)

    def check_room(self, path: str) -> None:
        """Whether a connection to a database finds the slots that it needs, as they are now.

        Raises:
            PoolFullError: It does not. More are added as soon as the event loop runs.
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
        """Says in the log that the storage refused more slots."""
        name = exception_name(error)
        _log.warning("%s: no spare slots added: %s: %s", self._hold.directory, name, error)

    def plan(self) -> None:
        """Does :meth:`top_up` between two statements, as soon as the event loop runs again."""
        # A task that is done and has not said that it began was stopped before it could.
        is_planned = self._planned and self._task is not None and not self._task.done()
        if is_planned or (self.missing <= 0 and not self._slots.has_bulky_spares):
            return
        self._planned = True

        async def top_up() -> None:
            try:
                self._planned = False
                await self.try_top_up()
            except KeyboardInterrupt:
                browser.pass_on_stop()

        self._task = asyncio.ensure_future(top_up())

    @property
    def task(self) -> asyncio.Future[Any] | None:
        """What :meth:`plan` has begun last, or None."""
        return self._task
