"""The pool in the browser: its directory, its handles, its lock, and the public face of both.

``install()`` takes the pool's Web Lock, opens a sync access handle on every slot and registers the
VFS. Whatever fails on the way, everything taken so far is given back and nothing is ever deleted.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import js
import pyodide_js
from pyodide.ffi import (
    JsException,
    can_run_sync,
    create_once_callable,
    run_sync,
)

from . import browser, causes, defaults, transfer
from .errors import (
    LOCKED_NAMES,
    DatabaseInUseError,
    NoSuchDatabaseError,
    PoolClosedError,
    PoolLockedError,
    UnsupportedError,
    exception_name,
)
from .header import SECTOR_SIZE
from .slots import COMPANION_SUFFIXES, Quarantined, SlotTable, check_new_database, check_path
from .vfs import VFS

_OPAQUE = ".opaque"  # the reference's name for the directory of the slots
_SMALLEST_CHUNK = 512  # the header of a database fits into the first one
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5  # seconds between attempts to get the handles

_installed: dict[str, Pool] = {}
_installing = asyncio.Lock()  # a second call waits and gets what the first one made


async def install(
    name: str = "opfs-sahpool",
    *,
    directory: str | None = None,
    initial_capacity: int = 6,
    spare: int = 8,
    default: bool = False,
    lock_timeout: float = 10.0,
    clear_on_init: bool = False,
    pragmas: Mapping[str, str | int] = defaults.DEFAULT_PRAGMAS,
    temp_memory_limit: int = 32 << 20,
) -> Pool:
    """Opens a pool and registers it as a VFS of this Pyodide's ``sqlite3``.

    Installing a name twice returns the pool that is there.

    Args:
        name: Name of the VFS, for ``file:/notes.db?vfs=NAME``.
        directory: Path of the pool's directory below the origin's root; ``"." + name`` when None.
        initial_capacity: Slots that a new pool is given.
        spare: Free slots that are kept at hand; topped up between statements.
        default: Whether plain ``sqlite3.connect("notes.db")`` uses this VFS as well.
        lock_timeout: Seconds to wait for a pool that another tab or worker holds. Chromium keeps
            the handles of a worker that was killed inside a long statement for about two seconds.
        clear_on_init: Deletes every database of the pool first.
        pragmas: PRAGMAs that every connection starts with; journal_mode and other settings that a
            database stores are given to new databases only. A page_size or auto_vacuum of your own
            belongs here: WAL mode writes a new file's first page as the connection opens.
        temp_memory_limit: Bytes up to which a temporary file stays in memory.

    Returns:
        The pool.

    Raises:
        UnsupportedError: This is not a worker, the browser has no OPFS with sync access handles
            (private windows of some browsers), or Pyodide lacks something; the message says which.
        PoolLockedError: The pool was held by another tab or worker for all of ``lock_timeout``.
    """
    async with _installing:
        there = _installed.get(name)
        if there is not None:
            return there
        directory = directory or "." + name
        for other in _installed.values():
            if not other.is_paused and other.directory.strip("/") == directory.strip("/"):
                raise UnsupportedError(
                    f"The directory {directory} is open already, as the pool {other.name}.",
                    hint="Use that pool, or give this one a directory of its own.",
                )
        browser.check_environment()
        io = await browser.io_module()
        pool = Pool(
            name,
            directory,
            io,
            spare=spare,
            default=default,
            lock_timeout=lock_timeout,
            pragmas=pragmas,
            temp_memory_limit=temp_memory_limit,
        )
        await pool._acquire(initial_capacity)
        causes.attach_causes()
        _installed[name] = pool
    if clear_on_init:
        await pool.wipe_files()
    return pool


class Pool:
    """A directory of slots and the VFS over it. Made by :func:`install`.

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
        self._io = io
        self._spare = spare
        self._default = default
        self._lock_timeout = lock_timeout
        self._pragmas = pragmas
        self._slots = SlotTable()
        self._opaque: Any = None
        self._release_lock: Any = None
        self._top_up_planned = False
        self._top_up_task: asyncio.Future[None] | None = None  # kept, or it might be collected
        self._growing = asyncio.Lock()  # held while slots are added, removed, taken hold of
        self._vfs = VFS(
            name,
            self._slots,
            io,
            pyodide_js._module,
            temp_memory_limit=temp_memory_limit,
            spare_taken=self._plan_top_up,
        )

    # --- connections ----------------------------------------------------------------------------

    def connect(self, name: str, **options: Any) -> sqlite3.Connection:
        """Opens a database, creating it when there is none.

        Args:
            name: Name of the database, taken as it is, up to 510 bytes of UTF-8; with or without
                the leading slash that it has in the pool.
            **options: For :func:`sqlite3.connect`.

        Raises:
            InvalidNameError: The name is empty, holds a NUL or is too long.
            sqlite3.OperationalError: SQLite could not open it; ``__cause__`` says why.
        """
        connection: sqlite3.Connection = sqlite3.connect(self.uri(name), uri=True, **options)
        return connection

    def uri(self, name: str, **parameters: str | int) -> str:
        """The URI of a database for ``sqlite3.connect(…, uri=True)`` (sqlite.org/uri.html).

        Args:
            name: Name of the database.
            **parameters: Further query parameters, for example ``mode="ro"``.
        """
        self._check_open()
        path = check_path(name)
        if self._slots.find(path) is None:
            check_new_database(path)
        if self._slots.spare_count < self._spare and can_run_sync():
            run_sync(self.top_up())
        query = "".join(f"&{key}={value}" for key, value in parameters.items())
        return f"file://{quote(path, errors='surrogateescape')}?vfs={quote(self.name)}{query}"

    # --- what is in the pool --------------------------------------------------------------------

    @property
    def file_names(self) -> list[str]:
        """Paths of all files, journals included, sorted; each begins with a slash."""
        return sorted(self._slots.paths)

    @property
    def file_count(self) -> int:
        """How many files the pool holds, journals included."""
        return len(self._slots.paths)

    @property
    def capacity(self) -> int:
        """How many files the pool has slots for."""
        return self._slots.capacity

    @property
    def quarantined(self) -> list[Quarantined]:
        """Slots whose header cannot be trusted; they are left exactly as they are."""
        return list(self._slots.quarantined)

    @property
    def is_paused(self) -> bool:
        """Whether the pool's handles are released."""
        return self._opaque is None

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return self._slots.find(check_path(name)) is not None

    def size(self, name: str) -> int:
        """Size of a file in bytes, without its WAL.

        Raises:
            NoSuchDatabaseError: There is no such file.
        """
        slot = self._slots.find(check_path(name))
        if slot is None:
            raise self._no_such(name)
        return max(0, slot.handle.size() - SECTOR_SIZE)

    # --- capacity -------------------------------------------------------------------------------

    async def add_capacity(self, count: int) -> int:
        """Adds ``count`` slots; returns the new capacity."""
        self._check_open()
        async with self._growing:
            await self._grow(count)
        return self.capacity

    async def _grow(self, count: int) -> None:
        opaque = self._opaque
        for _ in range(count):
            name = secrets.token_hex(8)
            file = await opaque.getFileHandle(name, browser.js_object(create=True))
            handle = await self._open_handle(file)
            if self._opaque is not opaque:  # paused meanwhile: the file stays as a spare
                handle.close()
                return
            self._slots.add_spare(name, handle)

    async def reduce_capacity(self, count: int) -> int:
        """Removes up to ``count`` spare slots; returns how many were removed. Files stay."""
        self._check_open()
        async with self._growing:
            return await self._shrink(count)

    async def _shrink(self, count: int) -> int:
        opaque = self._opaque
        removed = self._slots.remove_spares(count)
        for slot in removed:  # all of them first: a pause meanwhile would not find them
            slot.handle.close()
        for slot in removed:
            await opaque.removeEntry(slot.name)
        return len(removed)

    async def reserve_minimum_capacity(self, minimum: int) -> int:
        """Adds slots until there are ``minimum``; returns the capacity."""
        return await self.add_capacity(max(0, minimum - self.capacity))

    async def top_up(self) -> None:
        """Adds spare slots until there are as many as ``install(spare=…)`` asked for."""
        async with self._growing:
            if not self.is_paused:
                await self._grow(self._spare - self._slots.spare_count)

    def _plan_top_up(self) -> None:
        """Between two statements, as soon as the event loop runs again, spares are topped up."""
        if self._top_up_planned or self._slots.spare_count >= self._spare:
            return
        self._top_up_planned = True

        async def top_up() -> None:
            self._top_up_planned = False
            await self.top_up()

        self._top_up_task = asyncio.ensure_future(top_up())

    # --- whole files ----------------------------------------------------------------------------

    async def import_db(
        self,
        name: str,
        source: bytes | Iterable[bytes] | AsyncIterable[bytes],
        *,
        replace: bool = False,
    ) -> int:
        """Brings a database file in: into a spare slot, checked, then swapped in.

        Until the last, durable step a database of that name is untouched.

        Args:
            name: Name of the database.
            source: The file: its bytes, or chunks of them in order.
            replace: Whether a database of that name is replaced.

        Returns:
            Size of the database in bytes.

        Raises:
            NameExistsError: There is a database of that name and ``replace`` is false.
            DatabaseInUseError: The database to be replaced is open.
            ImportRejectedError: The bytes are not a sound SQLite database.
            sqlite3.OperationalError, JsException: The storage failed, for example its quota.
        """
        self._check_open()
        await self.top_up()
        return await transfer.import_db(self, self._slots, check_path(name), source, replace)

    def export_chunks(self, name: str, size: int = 1 << 20) -> Iterator[bytes]:
        """The database as a file, in constant memory, consistent even while it is open.

        What was committed when the first chunk is asked for is what comes, whatever is written
        meanwhile. Close the iterator (or exhaust it) to let go of the read lock.

        Args:
            name: Name of the database.
            size: Bytes per chunk.

        Raises:
            NoSuchDatabaseError: There is no such database.
            ValueError: ``size`` is less than 512.
            sqlite3.OperationalError: A writer is in the middle of writing ("database is locked").
        """
        self._check_open()
        if size < _SMALLEST_CHUNK:
            raise ValueError(f"chunks of {size} bytes are too small: at least {_SMALLEST_CHUNK}")
        path = check_path(name)
        if self._slots.find(path) is None:
            raise self._no_such(name)
        return transfer.export_chunks(self, self._slots, path, size)

    def export_file(self, name: str) -> bytes:
        """The database as the bytes of a file; as :meth:`export_chunks`, in one piece."""
        return b"".join(self.export_chunks(name))

    def unlink(self, name: str) -> bool:
        """Deletes a database and its journal and WAL; False when there was none.

        Raises:
            DatabaseInUseError: It is open.
        """
        self._check_open()
        path = check_path(name)
        for each in (path, *(path + suffix for suffix in COMPANION_SUFFIXES)):
            self._check_closed(each)
        there = self._slots.delete(path)
        # In this order: SQLite ignores a journal or WAL without a database.
        for suffix in COMPANION_SUFFIXES:
            self._slots.delete(path + suffix)
        return there

    # --- the whole pool -------------------------------------------------------------------------

    async def wipe_files(self) -> None:
        """Deletes every database of the pool; quarantined slots stay.

        Raises:
            DatabaseInUseError: One of them is open.
        """
        self._check_open()
        for path in self.file_names:
            self._check_closed(path)
        for path in self.file_names:
            self._slots.delete(path)

    def pause_vfs(self) -> None:
        """Gives up the handles and the lock, so that another program may use the pool's files.

        Raises:
            DatabaseInUseError: A file of the pool is open.
        """
        if not self.is_paused:
            self._stop()
            self._unlock()

    def _stop(self) -> None:
        in_use = self._vfs.open_paths
        if in_use:
            raise DatabaseInUseError(
                f"{', '.join(sorted(in_use)) or 'A temporary file'} is open.",
                hint="Close its connections first.",
            )
        if self._slots.lent_count:
            raise DatabaseInUseError(
                "An import or export is under way.", hint="Wait for its end, or cancel it."
            )
        self._vfs.unregister()
        defaults.drop_defaults(self.name)
        self._slots.close()
        self._opaque = None

    async def unpause_vfs(self) -> None:
        """Takes lock and handles again after :meth:`pause_vfs`; as :func:`install`.

        Raises:
            PoolLockedError: Another tab or worker holds the pool now.
        """
        async with self._growing:
            if self.is_paused:
                await self._acquire(0)

    async def remove_vfs(self) -> bool:
        """Removes the pool with everything in it: VFS, databases, spare slots, directory.

        Returns:
            True; False when quarantined slots made the directory stay.

        Raises:
            DatabaseInUseError: A file of the pool is open.
        """
        await self.wipe_files()
        async with self._growing:  # a handle that is just being made would hold the directory
            keep = bool(self._slots.quarantined)
            await self._shrink(self.capacity)
            self._stop()
            _installed.pop(self.name, None)
            try:
                if not keep:
                    parent, _, last = self.directory.strip("/").rpartition("/")
                    folder = await browser.directory(parent)
                    await folder.removeEntry(last, browser.js_object(recursive=True))
            finally:
                self._vfs.dispose()
                self._unlock()
        return not keep

    # --- taking hold ----------------------------------------------------------------------------

    async def _acquire(self, initial_capacity: int) -> None:
        deadline = time.monotonic() + self._lock_timeout
        await self._lock()
        try:
            opaque = await browser.directory(self.directory + "/" + _OPAQUE)
            for name, handle in await self._open_handles(opaque, deadline):
                self._slots.load(name, handle)
            self._opaque = opaque
            missing = initial_capacity if not self.capacity else 0
            await self._grow(max(missing, self._spare - self._slots.spare_count))
            self._vfs.register(default=self._default)
        except BaseException:
            self._slots.close()
            self._opaque = None
            self._unlock()
            raise
        defaults.set_defaults(self.name, self._pragmas, self._is_new)

    async def _lock(self) -> None:
        """Takes the Web Lock that keeps the pool to one worker.

        The lock is held for as long as the promise that its callback returns is pending.
        """
        loop = asyncio.get_running_loop()
        held, released = loop.create_future(), loop.create_future()

        async def granted(_lock: Any) -> None:
            held.set_result(None)
            await released

        def refused(error: Any) -> None:
            if not held.done():
                held.set_exception(error)

        options = browser.js_object(signal=js.AbortSignal.timeout(int(self._lock_timeout * 1000)))
        name = "sahpool:" + self.directory
        js.navigator.locks.request(name, options, create_once_callable(granted)).catch(
            create_once_callable(refused)
        )
        try:
            await held
        except JsException as error:
            raise self._held_elsewhere() from error
        self._release_lock = lambda: released.set_result(None)

    def _unlock(self) -> None:
        if self._release_lock is not None:
            self._release_lock()
            self._release_lock = None

    async def _open_handle(self, file: Any) -> browser.SyncHandle:
        return browser.SyncHandle(await file.createSyncAccessHandle(), self._io.call)

    async def _open_handles(
        self, opaque: Any, deadline: float
    ) -> list[tuple[str, browser.SyncHandle]]:
        """An access handle for every file of the directory: all of them, or none and an error."""
        files = [file async for file in opaque.values() if file.kind == "file"]
        pause = _FIRST_PAUSE
        while True:
            handles: list[tuple[str, browser.SyncHandle]] = []
            try:
                for file in files:
                    handle = await self._open_handle(file)
                    handles.append((file.name, handle))
                return handles
            except BaseException as error:
                for _, handle in handles:
                    handle.close()
                if exception_name(error) not in LOCKED_NAMES:
                    raise
                if time.monotonic() + pause > deadline:
                    raise self._held_elsewhere() from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _held_elsewhere(self) -> PoolLockedError:
        return PoolLockedError(
            f"The storage {self.directory} is held by another tab or worker "
            f"and was not released within {self._lock_timeout:g} s.",
            hint="Close the other tab, or wait a moment, and try again.",
        )

    # --- checks ---------------------------------------------------------------------------------

    def _is_new(self, path: str) -> bool:
        if path.startswith(transfer.LENT):
            return False
        slot = self._slots.find(path)
        return slot is not None and slot.handle.size() <= SECTOR_SIZE

    def _check_open(self) -> None:
        if self.is_paused:
            raise PoolClosedError(
                f"The pool {self.name} is paused or removed.",
                hint="Await pool.unpause_vfs(), or install it again.",
            )

    def _check_closed(self, path: str) -> None:
        if path in self._vfs.open_paths:
            raise DatabaseInUseError(f"{path} is open.", hint="Close every connection to it first.")

    def _no_such(self, name: str) -> NoSuchDatabaseError:
        return NoSuchDatabaseError(
            f"There is no database {name} in the pool {self.name}.",
            hint="pool.file_names lists what there is.",
        )
