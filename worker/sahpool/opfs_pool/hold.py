"""Taking hold of a pool's directory: its Web Lock, and an access handle on each of its files.

``take`` takes both or neither: when a step fails, everything taken so far is released. Nothing is
ever deleted here but what a caller names, and a file that was just made and could not be opened.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterable
from typing import Any

import js
from pyodide.ffi import JsException, to_js

from .. import browser
from ..errors import LOCKED_NAMES, PoolLockedError, exception_name
from ..names import LOCK_PREFIX
from ..sqlite import heap
from . import recognise
from .slot import Slot

_log = logging.getLogger("sahpool")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5  # seconds between attempts to get the handles
_MEDIA_TYPE = "application/vnd.sqlite3"  # iana.org/assignments/media-types

Handles = list[tuple[str, browser.SyncHandle]]  #: names of files, and the handles on them


class Hold:
    """One pool's hold on its directory.

    Attributes:
        directory: Path of the pool's directory below the origin's root.
        timeout: Seconds to wait for a pool that another tab or worker holds.
        opaque: The browser's handle of the directory with the slots; None while nothing is held.
    """

    def __init__(self, directory: str, timeout: float, io: Any) -> None:
        """``io`` is the module io.mjs."""
        self.directory = directory
        self.timeout = timeout
        self.opaque: Any = None
        self._io = io
        self._lock_token: Any = None  # of the Web Lock; None while it is not taken

    def elsewhere(self, directory: str) -> Hold:
        """A new hold on another directory, which holds nothing yet."""
        path = "/".join(filter(None, directory.split("/")))
        return Hold(path, self.timeout, self._io)

    # --- all of it ------------------------------------------------------------------------------

    async def take(self) -> Handles:
        """Takes the lock, and then a handle on every file of the directory; makes it if missing.

        Returns:
            The names of the files with their handles.

        Raises:
            PoolLockedError: Another holder did not release them in time.
            ForeignPoolError: The directory holds another program's pool.
        """
        began = time.monotonic()
        deadline = began + self.timeout
        handles: Handles = []
        try:
            await self._lock()
            await recognise.check_directory(self.directory)
            opaque = await browser.directory(self.directory + "/" + recognise.OPAQUE)
            await self.open_all(opaque, deadline, handles)
            recognise.check_slots(self.directory, handles)
            self.opaque = opaque
            milliseconds = 1000 * (time.monotonic() - began)
            _log.info("%s: opened %d slots in %.0f ms", self.directory, len(handles), milliseconds)
            return handles
        except BaseException:
            for _, handle in handles:
                handle.close()
            self.opaque = None
            self.unlock()
            raise

    async def remove_directory(self) -> None:
        """Deletes the slots and the directory; the handles must be closed.

        The directory stays when it contains anything else: another pool, a program's own files.
        """
        parent, _, last = self.directory.rpartition("/")
        own = await browser.directory(self.directory)
        await own.removeEntry(recognise.OPAQUE, browser.js_object(recursive=True))
        try:
            await (await browser.directory(parent)).removeEntry(heap.text(last))
        except JsException as error:
            if exception_name(error) != "InvalidModificationError":
                raise

    async def _lock(self) -> None:
        """Takes the Web Lock that keeps the pool to one worker."""
        if self.timeout:
            options = browser.js_object(signal=js.AbortSignal.timeout(int(self.timeout * 1000)))
        else:  # a timeout of 0 would fire before the lock is granted
            options = browser.js_object(ifAvailable=True)
        name = heap.text(LOCK_PREFIX + self.directory)
        try:
            self._lock_token = js.Object.new()
            if not await self._io.takeWebLock(name, options, self._lock_token):
                raise self._held_elsewhere()
        except BaseException as error:
            self.unlock()
            if isinstance(error, JsException):
                raise self._held_elsewhere() from error
            raise

    def unlock(self) -> None:
        """Releases the Web Lock for another tab or worker; the handles must be closed."""
        if self._lock_token is not None:
            self._io.releaseWebLock(self._lock_token)
            self._lock_token = None
            _log.info("%s: let go", self.directory)

    async def open_all(self, folder: Any, deadline: float, handles: list[tuple[str, Any]]) -> None:
        """Adds an access handle for every file of a directory: all of them, or none and an error.

        Args:
            folder: The browser's handle of the directory.
            deadline: Time of ``time.monotonic()`` until which to try.
            handles: The list that they are added to, as (name of the file, handle).

        Raises:
            PoolLockedError: Another holder did not release them in time.
        """
        files = [file async for file in folder.values() if file.kind == "file"]
        pause = _FIRST_PAUSE
        while True:
            openings: list[asyncio.Future[browser.SyncHandle]] = []
            try:
                # All at once: each takes the browser some milliseconds, and this thread none.
                openings += [asyncio.ensure_future(self.open(file)) for file in files]
                opened = await asyncio.gather(*openings)
                names = (file.name for file in files)
                handles += list(zip(names, opened, strict=True))
                return
            except BaseException as error:
                await asyncio.shield(_close_all(openings))
                if exception_name(error) not in LOCKED_NAMES:
                    raise
                if time.monotonic() + pause > deadline:
                    raise self._held_elsewhere() from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _held_elsewhere(self) -> PoolLockedError:
        return PoolLockedError(
            f"The storage {self.directory} is held by another tab or worker "
            f"and was not released within {self.timeout:g} s.",
            hint="Close the other tab, or wait a moment, and try again.",
        )

    # --- single files ---------------------------------------------------------------------------

    async def open(self, file: Any) -> browser.SyncHandle:
        """An access handle on the file of a FileSystemFileHandle."""
        token = js.Object.new()
        try:
            return browser.SyncHandle(await self._io.openHandle(file, token), self._io)
        except BaseException:
            self._io.dropHandle(token)
            raise

    async def create(self) -> tuple[str, browser.SyncHandle] | None:
        """Makes a file with a random name; returns (name, handle), or None if the hold has ended.

        When the hold ends meanwhile, the file stays as a spare slot for the next holder. When no
        handle can be opened on it, the file is deleted again.
        """
        opaque = self.opaque
        if opaque is None:
            return None
        name = secrets.token_hex(8)
        file = await opaque.getFileHandle(name, browser.js_object(create=True))
        handle = None
        try:
            handle = await self.open(file)
            if self.opaque is opaque:
                return name, handle
            handle.close()
            return None
        except BaseException as error:
            if handle is not None:
                handle.close()
            if not isinstance(error, asyncio.CancelledError):
                await self.discard(name)
            raise

    async def remove(self, name: str) -> None:
        """Deletes a file, whose handle must be closed; does nothing once the hold has ended."""
        if self.opaque is None:
            return
        try:
            await self.opaque.removeEntry(heap.text(name))
        except JsException as error:
            if exception_name(error) != "NotFoundError":
                raise

    async def discard(self, name: str) -> None:
        """Deletes a file that was just made and is not needed; if that fails, it stays a spare."""
        try:
            await self.remove(name)
        except Exception as error:  # noqa: BLE001 - the reason why it is not used counts more
            _log.warning("%s: an empty slot stays: %s", self.directory, error)

    async def blob(self, slot: Slot, head: bytes) -> Any:
        """A JavaScript Blob of ``head`` and the bytes of a slot's file behind so many of its own.

        It refers to the file and copies nothing, even while an access handle is open. Tried:
        Chromium 156 refuses to read it (NotReadableError) once the file was written to or its
        length changed, while a flush alone does no harm; Firefox 153 gives the bytes that the file
        has when the Blob is read. So nobody may write to the file while the Blob is in use.
        """
        file = await (await self.opaque.getFileHandle(heap.text(slot.name))).getFile()
        parts = to_js([heap.to_uint8array(head), file.slice(slot.file.start + len(head))])
        return js.Blob.new(parts, browser.js_object(type=_MEDIA_TYPE))

    def blob_of(self, data: bytes) -> Any:
        """A JavaScript Blob of these bytes."""
        return js.Blob.new(to_js([heap.to_uint8array(data)]), browser.js_object(type=_MEDIA_TYPE))


async def _close_all(openings: Iterable[asyncio.Future[browser.SyncHandle]]) -> None:
    """Closes the handles that were opened or are still being opened."""
    for opened in await asyncio.gather(*openings, return_exceptions=True):
        if not isinstance(opened, BaseException):
            opened.close()
