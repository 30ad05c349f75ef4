"""A volume: a storage that SQLite opens databases in, under the name of a VFS.

All storages have this in common: the VFS, the PRAGMAs that connections start with, the URIs of
databases, and which files are open. What a pool has beyond it is in pool_parts.py.
"""

from __future__ import annotations

import gc
import math
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from . import browser
from .browser import collecting
from .databases import transfer
from .databases.access import Access, Blobs
from .errors import DatabaseInUseError, NoSuchDatabaseError
from .memory.store import MemoryStore
from .names import COMPANION_SUFFIXES, check_path
from .sqlite import causes, default_vfs, defaults, newer
from .sqlite.connections import Connection
from .sqlite.vfs import VFS
from .storage import Storage

__all__ = ["Volume", "in_memory", "prepare"]


def _nothing() -> None:
    """Is called where a storage without limits has nothing to do or to check."""


async def _no_room_needed(_files: int) -> None:
    """Is called where a storage without limits has nothing to add."""


class Volume:
    """A storage under the name of a VFS.

    Attributes:
        name: Name of the VFS.
        storage: Keeps the files.
        vfs: The VFS.
        access: The storage as imports and exports of whole databases use it.
    """

    def __init__(
        self,
        name: str,
        storage: Storage,
        io: Any,
        *,
        pragmas: Mapping[str, str | int] = defaults.DEFAULT_PRAGMAS,
        temp_memory_limit: float = math.inf,
        spare_taken: Callable[[], None] = _nothing,
        check_ready: Callable[[], None] = _nothing,
        check_open: Callable[[], None] = _nothing,
        add_room: Callable[[int], Awaitable[object]] = _no_room_needed,
        blobs: Blobs | None = None,
    ) -> None:
        """Makes the VFS, and does not register it yet.

        Args:
            name: Name of the VFS.
            storage: Keeps the files.
            io: The module io.mjs.
            pragmas: PRAGMAs that every connection starts with.
            temp_memory_limit: Bytes up to which a temporary file stays in memory.
            spare_taken: Called whenever a file was made or there was no room for it.
            check_ready: Called before SQLite opens a named file; raises while it must not.
            check_open: Called before a database is given a URI; raises while it must not.
            add_room: Adds room for so many files to a storage whose files are limited.
            blobs: Makes JavaScript Blobs of files, where the storage can.
        """
        self.name = name
        self.storage = storage
        self._pragmas = pragmas
        self._check_open = check_open
        self.vfs = VFS(
            name,
            storage,
            io,
            browser.emscripten(),
            temp_memory_limit=temp_memory_limit,
            spare_taken=spare_taken,
            check_open=check_ready,
        )
        self.access = Access(name, storage, self.uri, self.is_open, add_room, blobs)

    def register(self, *, default: bool = False) -> None:
        """Lets SQLite open databases; ``default`` also those with plain names."""
        head = partial(transfer.first_bytes, self.storage)
        defaults.set_defaults(self.name, self._pragmas, self.vfs.first_tables, head)
        default_vfs.register(self.vfs, default=default)

    def drop_defaults(self) -> None:
        """Ends the set-up of new connections."""
        defaults.drop_defaults(self.name)

    # --- databases ------------------------------------------------------------------------------

    def uri(self, name: str, **parameters: str | int) -> str:
        """The URI of a database for ``sqlite3.connect(…, uri=True)`` (sqlite.org/uri.html)."""
        self._check_open()
        path = check_path(name)
        if self.storage.find(path) is None:
            self.storage.check_new(path)
        query = "".join(f"&{key}={quote(str(value))}" for key, value in parameters.items())
        return f"file://{quote(path, errors='surrogateescape')}?vfs={quote(self.name)}{query}"

    def connect(self, name: str, **options: Any) -> sqlite3.Connection:
        """Opens a database, and creates it when there is none; ``options`` as for sqlite3.connect.

        Raises:
            sqlite3.OperationalError: SQLite could not open it; ``__cause__`` says why.

        Warns:
            NewerSchemaWarning: A newer SQLite wrote parts of its schema.
        """
        options.setdefault("factory", Connection)
        connection: sqlite3.Connection = sqlite3.connect(self.uri(name), uri=True, **options)
        path = check_path(name)
        newer.warn_of(connection, path, partial(transfer.first_bytes, self.storage, path))
        return connection

    def existing(self, name: str) -> str:
        """The path of an existing database.

        Raises:
            NoSuchDatabaseError: There is no such file.
        """
        self._check_open()
        path = check_path(name)
        if self.storage.find(path) is None:
            raise NoSuchDatabaseError(
                f"There is no database {name} in the storage {self.name}.",
                hint="pool.databases lists what there is.",
            )
        return path

    def size(self, name: str) -> int:
        """Size of a file in bytes; 0 when there is none of that name."""
        stored = self.storage.find(check_path(name))
        return 0 if stored is None else stored.file.size()

    def delete(self, name: str) -> bool:
        """Deletes a database and its journal and WAL; False when there was none.

        Raises:
            DatabaseInUseError: It is open.
        """
        path = check_path(name)
        for each in (path, *(path + suffix for suffix in COMPANION_SUFFIXES)):
            self.check_closed(each)
        there = self.storage.delete(path)
        # The database first: SQLite ignores a journal or WAL without a database.
        for suffix in COMPANION_SUFFIXES:
            self.storage.delete(path + suffix)
        return there

    # --- open files -----------------------------------------------------------------------------

    def open_paths(self, paths: set[str]) -> set[str]:
        """Returns which of the paths are open; collects garbage first if one seems to be.

        When an exception interrupts the making of a connection, nothing refers to the connection,
        but it is part of a reference cycle, and stays open until garbage is collected.
        """
        if self.vfs.open_paths & paths:
            with browser.StopsHeld():  # a stop would be lost within the collection
                gc.collect()
        return self.vfs.open_paths & paths

    def is_open(self, path: str) -> bool:
        """Whether a file of this path is open."""
        return bool(self.open_paths({path}))

    def check_closed(self, path: str) -> None:
        """Raises DatabaseInUseError when a file of this path is open."""
        if self.is_open(path):
            raise DatabaseInUseError(f"{path} is open.", hint="Close every connection to it first.")


def prepare(io: Any) -> None:
    """Prepares this Pyodide for volumes; calling it again changes nothing.

    Args:
        io: The module io.mjs.

    Raises:
        UnsupportedError: The heap has grown beyond 2 GiB.
    """
    collecting.protect(io)
    defaults.prepare(io, browser.emscripten())
    causes.attach_causes()


async def in_memory(name: str, **options: Any) -> Volume:
    """A new volume in this worker's memory, whose databases can be opened.

    Args:
        name: Name of its VFS.
        **options: As for :class:`Volume`.

    Raises:
        UnsupportedError: Pyodide lacks something; the message says what.
        ValueError: SQLite has a VFS of this name.
    """
    browser.check_pyodide()
    io = await browser.io_module()
    prepare(io)
    volume = Volume(name, MemoryStore(partial(browser.memory_file, io)), io, **options)
    volume.register()
    return volume
