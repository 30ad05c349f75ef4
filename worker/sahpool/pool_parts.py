"""The parts of a pool, and how it is opened and given up; its public methods are in pool.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .databases.access import Access
from .errors import DatabaseInUseError
from .opfs_pool.hold import Hold
from .opfs_pool.spares import Spares
from .opfs_pool.store import Store
from .sqlite.vfs import VFS
from .standing import Standing
from .turns import Turn
from .volume import Volume

__all__ = ["Parts"]


class Parts:
    """The parts of one pool.

    Attributes:
        name: Name of the VFS.
        directory: Path of the pool's directory below the origin's root.
        slots: The slots, as a storage.
        hold: The hold on the directory.
        standing: Whether the pool is open, paused or removed.
        spares: Adds and removes spare slots.
        volume: The slots under the name of the VFS.
    """

    def __init__(
        self,
        name: str,
        directory: str,
        io: Any,
        *,
        spare: int,
        default: bool,
        lock_timeout: float,
        pragmas: Mapping[str, str | int],
        temp_memory_limit: int,
    ) -> None:
        """See :func:`install`; ``io`` is the module io.mjs."""
        self.name = name
        self.directory = directory
        self._default = default
        self.slots = Store()
        self.hold = Hold(directory, lock_timeout, io)
        self.standing = Standing(name, self.hold)
        self.spares = Spares(self.slots, self.hold, spare)
        self.volume = Volume(
            name,
            self.slots,
            io,
            pragmas=pragmas,
            temp_memory_limit=temp_memory_limit,
            spare_taken=self.spares.plan,
            check_ready=self.standing.check_ready,
            check_open=self.standing.check_open,
            add_room=self.add_capacity,
            blobs=self.hold,
        )

    @property
    def vfs(self) -> VFS:
        """The VFS over the slots."""
        return self.volume.vfs

    @property
    def access(self) -> Access:
        """The slots as imports and exports of whole databases use them."""
        return self.volume.access

    async def add_capacity(self, count: int) -> None:
        """Adds so many slots."""
        self.standing.check_open()
        async with Turn(self.spares.changing) as turn, turn:
            await self.spares.grow(count)

    def check_idle(self) -> None:
        """Raises DatabaseInUseError when a file is open, or an import or export is under way."""
        in_use = self.volume.open_paths(self.vfs.open_paths)
        if in_use:
            raise DatabaseInUseError(
                f"{', '.join(sorted(in_use)) or 'A temporary file'} is open.",
                hint="Close its connections first.",
            )
        if self.slots.lent_count:
            raise DatabaseInUseError(
                "An import or export is under way.", hint="Wait for its end, or cancel it."
            )

    async def acquire(self, initial_capacity: int) -> None:
        """Takes hold of the directory and lets SQLite open databases; all of it, or nothing.

        Raises:
            PoolLockedError, ForeignPoolError, JsException: As :meth:`Hold.take`.
        """
        handles: list[tuple[str, Any]] = []
        try:
            handles = await self.hold.take()
            for name, handle in handles:
                self.slots.load(name, handle)
            self.slots.keep_companions()
            await self._add_missing(initial_capacity)
            if not self.standing.is_paused:  # pause_vfs() may have run with the event loop
                self.volume.register(default=self._default)
                self.standing.is_ready, self.standing.refusal = True, ""
        except BaseException as error:
            self.standing.refusal = str(error)
            for _, handle in handles:
                handle.close()
            self.let_go()
            raise

    async def _add_missing(self, initial_capacity: int) -> None:
        """Adds the first slots of a new pool, or the missing spares of an old one if it can."""
        if not self.slots.capacity:
            await self.spares.grow(max(initial_capacity, self.spares.missing))
            return
        try:
            await self.spares.grow(self.spares.missing)
        except Exception as error:  # noqa: BLE001 - whatever the browser throws
            self.spares.not_added(error)

    def let_go(self) -> None:
        """Closes the handles and releases the lock; calling it again has no further effect."""
        self.standing.is_ready = False
        self.volume.drop_defaults()
        self.slots.close()
        self.hold.opaque = None
        self.hold.unlock()

    def end(self) -> None:
        """Releases everything and marks the pool as removed; may be called again."""
        self.standing.is_removed = True
        self.let_go()
        self.vfs.give_up_name()
