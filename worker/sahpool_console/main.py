"""Connects the service with the library sahpool and the browser, in the worker.

``boot.mjs`` calls ``start`` once and gives every message to the function that it returns. The
Host that the service needs (``session.host``) is in hosts.py.
"""

import asyncio
import json
import random
import signal
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
)
from functools import partial
from typing import Any

import js
import pyodide_js
import sahpool_host
from pyodide.ffi import JsException, create_proxy

import sahpool.installing  # install() would import it later, and a memory snapshot lack it
from sahpool.databases.sources import opened
from sahpool.sqlite import heap

from . import protocol
from .hosts import PoolHost, host_in_memory
from .session.host import Host
from .session.job import TICK_SECONDS
from .session.service import Service

__all__ = ["FileSource", "start"]

PAGE = "page"
"""The key, among the keys of tabs, of the page that started this worker."""


class FileSource:
    """``session.host.Source`` over a File of the page, read synchronously and in pieces."""

    def __init__(self, file: Any) -> None:
        self.name: str = file.name
        self.size: int = file.size
        self._file = file
        self._reader = js.FileReaderSync.new()

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from ``offset``; raises OSError when the browser can no longer read them."""
        try:
            piece = self._reader.readAsArrayBuffer(self._file.slice(offset, offset + length))
        except JsException as error:
            raise self._unreadable() from error
        return heap.to_bytes(piece)

    async def pieces(self) -> AsyncGenerator[Any]:
        """The file as Uint8Arrays, which never pass through Python's memory; OSError as read()."""
        try:
            async with opened(self._file) as pieces:
                async for piece in pieces:
                    yield piece
        except JsException as error:
            raise self._unreadable() from error

    def _unreadable(self) -> OSError:
        return OSError(
            f"The browser could not read {self.name}: it was moved or changed meanwhile."
        )


async def start(
    begin: Callable[[str], None],
    verbosity: int | None = None,
    why_memory: str | None = None,
    restored: bool = False,
    lent: bool = False,
) -> Callable[[str, str, Any], None] | None:
    """Opens the storage and starts the service.

    Args:
        begin: Called with the name of each phase when it begins.
        verbosity: As for ``sahpool.install``.
        why_memory: Why the browser keeps nothing (``session.host.Storage``); None: it does.
        restored: Whether this Python comes from a snapshot of its memory.
        lent: Whether an earlier worker has lent the storage to another program, which has it still.

    Returns:
        The function that takes a request (tab, head, parts); None after a failure, of which the
        page has been told.
    """
    if restored:
        random.seed()  # otherwise every start from the snapshot would give the same numbers
    begin("storage")
    host: Host
    if why_memory is None:
        host = pool_host = PoolHost(verbosity)
        try:
            if not lent:
                await pool_host.storage.install()
        except sahpool.SahpoolError as error:
            if not isinstance(error, sahpool.PoolLockedError):
                await sahpool_host.forget()
            _post_failure("storage", error)
            return None
    else:
        host = await host_in_memory(why_memory)
    begin("service")
    # Python looks into this buffer for a signal from time to time. Signals come five times as often
    # as a statement is to be suspended: Job.tick() decides when that is.
    alarms = sahpool_host.alarms(signal.SIGALRM, TICK_SECONDS * 1000 / 5)
    pyodide_js.setInterruptBuffer(alarms)
    desk = Desk(host, is_paused=lent and why_memory is None)
    begin("ready")
    timeline = json.loads(sahpool_host.timeline())
    site = host.engine.versions.get("site")
    event = protocol.encode_event("ready", storage=host.storage.kind, site=site, **timeline)
    _post(PAGE, event)
    return create_proxy(desk.receive)  # type: ignore[no-any-return]


class Desk:
    """Takes the messages of all tabs to the service, and its replies to the tabs.

    A tab has a unique name as its key. It joins with its first message, and holds a Web Lock of
    that name until it is gone (public/start.mjs). The page that started this worker has joined from
    the beginning.
    """

    def __init__(self, host: Host, *, is_paused: bool) -> None:
        self._service = Service(host, is_paused=is_paused)
        self._service.join(PAGE, partial(_post, PAGE))
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self, tab: str, head: str, parts: Any) -> None:
        """Begins to handle a message; the reply is posted when it is there."""
        # Each message gets a task of its own, which may be suspended in the middle of a statement
        # (JSPI) while the next request, a cancel perhaps, comes in.
        self._begin(self._answer(tab, head, parts))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, tab: str, head: str, parts: Any) -> None:
        if not self._service.knows(tab):
            self._service.join(tab, partial(_post, tab))
            self._begin(self._wait_for_end(tab))
        reply, parts_out = await self._service.handle(tab, head, [_part(part) for part in parts])
        try:
            _post(tab, reply, *[_wire(part) for part in parts_out])
        except (JsException, MemoryError) as error:  # the browser has no room for the buffer
            report = protocol.make_error(
                type(error).__name__,
                "The result could not be handed to the page: there is not enough memory for it.",
                cause=str(error),
                code="reply-too-large",
                hints=[{"code": "fewer-rows", "params": {}}],
            )
            number = protocol.decode_message(reply)["id"]
            _post(tab, protocol.encode_error(number, report))

    async def _wait_for_end(self, tab: str) -> None:
        await sahpool_host.ended(tab)
        await self._service.leave(tab)
        sahpool_host.forgetTab(tab)


def _part(part: Any) -> FileSource | None:
    """A part of a request as the service takes it: a File as FileSource, anything else as None."""
    kind = js.Object.prototype.toString.call(part)  # works for numbers and for null, too
    return FileSource(part) if kind == "[object File]" else None


def _post(tab: str, head: str, *parts: Any) -> None:
    """Posts a message to a tab."""
    sahpool_host.post(tab, heap.text(head), *parts)


def _wire(part: Any) -> Any:
    """A part of a reply as JavaScript takes it; bytes are copied here, and nowhere else."""
    return heap.to_uint8array(part) if isinstance(part, bytes | bytearray | memoryview) else part


def _post_failure(phase: str, error: sahpool.SahpoolError) -> None:
    cause = None if error.__cause__ is None else str(error.__cause__)
    report = protocol.make_error(
        type(error).__name__, str(error), cause=cause, hint=error.hint or None
    )
    _post(PAGE, protocol.encode_event("failed", phase=phase, error=report))
