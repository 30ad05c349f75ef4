"""The parts of a pool, and how it is opened and given up; its public methods are in pool.py."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from functools import partial
from typing import Any

from . import browser
from .databases import transfer
from .errors import DatabaseInUseError, NoSuchDatabaseError
from .names import check_path
from .opfs_pool.hold import Hold
from .opfs_pool.spares import Spares
from .opfs_pool.store import Store
from .sqlite import default_vfs, defaults
from .sqlite.vfs import VFS
from .standing import Standing

__all__ = ["PoolBase"]


class PoolBase:
    """A directory of slots and the VFS over it.

    Attributes:
        name: Name of the VFS.
        directory: Path of the pool's directory below the origin's root.
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
        self.name = name
        self.directory = directory
        self._default = default
        self._pragmas = pragmas
        self._slots = Store()
        self._hold = Hold(directory, lock_timeout, io)
        self._standing = Standing(name, self._hold)
        self._check_open = self._standing.check_open
        self._spares = Spares(self._slots, self._hold, spare)
        self._vfs = VFS(
            name,
            self._slots,
            io,
            browser.emscripten(),
            temp_memory_limit=temp_memory_limit,
            spare_taken=self._spares.plan,
            check_open=self._standing.check_ready,
        )

    def _check_idle(self) -> None:
        in_use = self._open_paths(self._vfs.open_paths)
        if in_use:
            raise DatabaseInUseError(
                f"{', '.join(sorted(in_use)) or 'A temporary file'} is open.",
                hint="Close its connections first.",
            )
        if self._slots.lent_count:
            raise DatabaseInUseError(
                "An import or export is under way.", hint="Wait for its end, or cancel it."
            )

    def _let_go(self) -> None:
        """Closes the handles and releases the lock; calling it again has no further effect."""
        self._standing.is_ready = False
        defaults.drop_defaults(self.name)
        self._slots.close()
        self._hold.opaque = None
        self._hold.unlock()

    async def _acquire(self, initial_capacity: int) -> None:
        handles: list[tuple[str, Any]] = []
        try:
            handles = await self._hold.take()
            for name, handle in handles:
                self._slots.load(name, handle)
            self._slots.keep_companions()
            await self._add_missing(initial_capacity)
            if not self._standing.is_paused:  # pause_vfs() may have run with the event loop
                head = partial(transfer.first_bytes, self._slots)
                tables = self._vfs.first_tables
                defaults.set_defaults(self.name, self._pragmas, tables, head)
                default_vfs.register(self._vfs, default=self._default)
                self._standing.is_ready, self._standing.refusal = True, ""
        except BaseException as error:
            self._standing.refusal = str(error)
            for _, handle in handles:
                handle.close()
            self._let_go()
            raise

    async def _add_missing(self, initial_capacity: int) -> None:
        """Adds the first slots of a new pool, or the missing spares of an old one if it can."""
        if not self._slots.capacity:
            await self._spares.grow(max(initial_capacity, self._spares.missing))
            return
        try:
            await self._spares.grow(self._spares.missing)
        except Exception as error:  # noqa: BLE001 - whatever the browser throws
            self._spares.not_added(error)

    def _open_paths(self, paths: set[str]) -> set[str]:
        """Returns which of the paths are open; collects garbage first if one seems to be.

        When an exception interrupts the making of a connection, nothing refers to the connection,
        but it is part of a reference cycle, and stays open until garbage is collected.
        """
        if self._vfs.open_paths & paths:
            with browser.StopsHeld():  # a stop would be lost within the collection
                gc.collect()
        return self._vfs.open_paths & paths

    def _is_open(self, path: str) -> bool:
        """Whether a file of this path is open."""
        return bool(self._open_paths({path}))

    def _check_closed(self, path: str) -> None:
        if self._is_open(path):
            raise DatabaseInUseError(f"{path} is open.", hint="Close every connection to it first.")

    def _existing(self, name: str) -> str:
        """The path of an existing database; raises when the pool is closed or has no such file."""
        self._check_open()
        path = check_path(name)
        if self._slots.find(path) is None:
            raise NoSuchDatabaseError(
                f"There is no database {name} in the pool {self.name}.",
                hint="pool.databases lists what there is.",
            )
        return path
