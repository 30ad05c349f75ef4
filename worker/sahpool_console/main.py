"""Connects the service with the library sahpool and the browser, in the worker.

``boot.mjs`` calls ``start`` once and gives every message to the function that it returns. The
Host that the service needs (``session.host``) is implemented here.
"""

import asyncio
import importlib
import json
import os
import random
import signal
import sqlite3
import sys
import warnings
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import AbstractContextManager, closing, suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import js
import pyodide_js
import sahpool_host
from pyodide.ffi import JsException, can_run_sync, create_proxy, run_sync, to_js

import sahpool.installing  # install() would import it later, and a memory snapshot lack it
from sahpool.databases.sources import opened
from sahpool.databases.transfer import first_bytes, flush_wal, scratch
from sahpool.names import check_path
from sahpool.pool import access_to
from sahpool.sqlite import checkpoints, heap
from sahpool.sqlite.newer import unread_by
from sahpool.sqlite.sorter import small_sorts

from . import protocol, version
from .memory import MemoryFiles
from .session.host import Aggregate, Function, Host, Quarantine
from .session.job import TICK_SECONDS
from .session.service import Service
from .sql_functions import AGGREGATES, FUNCTIONS, add_table_functions

__all__ = ["BrowserHost", "FileSource", "MemoryHost", "start"]

PAGE = "page"
"""The key, among the keys of tabs, of the page that started this worker."""

MEMORY = Path("/databases")
"""The folder of databases in Pyodide's own file system, where the browser keeps nothing."""


LIBRARIES = Path("/lib/sahpool-libraries")
"""The folder of libraries that were loaded since the start."""


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


class Surroundings:
    """``session.host.Engine`` and ``session.host.Loop``."""

    def __init__(self) -> None:
        self.can_suspend = bool(can_run_sync())
        self.versions = {
            "sahpool": sahpool.__version__,
            "sqlite": sqlite3.sqlite_version,
            "python": sys.version.partition(" ")[0],
            "pyodide": str(pyodide_js.version),
            "site": version.SITE,
        }

    def keywords(self) -> list[str]:
        """The keywords that SQLite's parser knows."""
        return list(sahpool.keywords())

    def functions(self) -> list[Function]:
        """The functions of ``sql_functions``."""
        return FUNCTIONS

    def aggregates(self) -> list[Aggregate]:
        """The aggregates of ``sql_functions``."""
        return AGGREGATES

    def add_table_functions(self, con: sqlite3.Connection, missing: str) -> bool:
        """``sql_functions.add_table_functions``."""
        return add_table_functions(con, missing)

    def interruptible(self, con: sqlite3.Connection) -> AbstractContextManager[None]:
        """Within the block SQLite sorts in small steps, between which it can be interrupted."""
        return small_sorts(con)

    def put_off_checkpoints(self, con: sqlite3.Connection) -> int:
        """``sahpool.sqlite.checkpoints.put_off``, which may be called from within a statement."""
        return checkpoints.put_off(con)

    def resume_checkpoints(self, con: sqlite3.Connection, pages: int) -> None:
        """``sahpool.sqlite.checkpoints.resume``."""
        checkpoints.resume(con, pages)

    def error_offset(self, con: sqlite3.Connection) -> int:
        """``sqlite3_error_offset``: a byte in the last statement, or -1."""
        return sahpool.error_offset(con)

    def transaction_state(self, con: sqlite3.Connection) -> str:
        """``sqlite3_txn_state`` over all databases that the connection has open."""
        return sahpool.transaction_state(con)

    async def library(self, name: str) -> ModuleType:
        """A library of the site, loaded on its first use.

        Raises:
            OSError: It could not be loaded: there is no network, and it is not kept here either.
        """
        wheel = LIBRARIES / f"{name}.whl"
        if not wheel.exists():
            try:
                data = await sahpool_host.library(name)
            except JsException as error:
                raise OSError(f"A part of this site could not be loaded: {name}.") from error
            LIBRARIES.mkdir(parents=True, exist_ok=True)
            wheel.write_bytes(heap.to_bytes(data))
            sys.path.append(str(wheel))
        return importlib.import_module(name)

    def tick(self) -> None:
        """Lets the event loop run from within a statement, where Python can be suspended.

        Whether it can is asked anew each time: JavaScript on the call stack between this call and
        the event loop forbids it.
        """
        if can_run_sync():
            run_sync(sahpool_host.tick())

    async def breathe(self) -> None:
        """Lets the event loop run once."""
        await sahpool_host.tick()

    def blob(self, chunks: Iterable[bytes]) -> Any:
        """One Blob of all the chunks; each leaves Python's heap before the next is asked for."""
        pieces = [js.Blob.new(to_js([heap.to_uint8array(chunk)])) for chunk in chunks]
        return js.Blob.new(to_js(pieces))


class MemoryHost(MemoryFiles, Surroundings):
    """``session.host.Host`` where the browser keeps nothing for this page."""

    def __init__(self, folder: Path, why_memory: str) -> None:
        MemoryFiles.__init__(self, folder)
        Surroundings.__init__(self)
        self.why_memory: str | None = why_memory
        self.quarantine: Quarantine | None = None

    def pause(self) -> None:
        """Never called: a memory has nothing that another program could use."""
        raise NotImplementedError

    async def unpause(self) -> None:
        """Never called, as pause()."""
        raise NotImplementedError

    async def import_db(
        self,
        name: str,
        chunks: AsyncIterable[Any],
        *,
        replace: bool,
        beside: Mapping[str, AsyncIterable[Any]] = MappingProxyType({}),
    ) -> list[str]:
        """``MemoryFiles.import_db`` with the bytes of the Uint8Arrays that FileSource gives."""
        copied = (heap.to_bytes(chunk) async for chunk in chunks)
        return await super().import_db(name, copied, replace=replace, beside=beside)


class PoolQuarantine:
    """``session.host.Quarantine`` of a pool."""

    def __init__(self, pool: sahpool.Pool) -> None:
        self._pool = pool

    def slots(self) -> list[dict[str, Any]]:
        """The slots in quarantine: the pool does not use them, for their headers are doubtful."""
        return [
            {"name": kept.name, "reason": kept.reason, "size": kept.size, "offered": kept.offered}
            for kept in self._pool.quarantined
        ]

    def chunks(self, slot: str, size: int) -> Iterator[bytes]:
        """The bytes behind the header of a slot in quarantine."""
        return self._pool.export_quarantined(slot, size)

    def recover(self, slot: str, name: str, *, replace: bool) -> int:
        """Makes a slot in quarantine a database, in its journal mode; returns its size in bytes."""
        return self._pool.recover(slot, name, replace=replace)

    def drop(self, slot: str) -> None:
        """Erases a slot in quarantine."""
        self._pool.drop_quarantined(slot)


#: Warnings of an import that are shown as remarks.
_TOLD = (sahpool.WalIgnoredWarning,)


class BrowserHost(Surroundings):
    """``session.host.Host`` over a pool in the origin private file system."""

    storage = "opfs"
    why_memory: str | None = None
    _pool: sahpool.Pool

    def __init__(self, verbosity: int | None) -> None:
        super().__init__()
        self.quarantine: Quarantine | None = None
        self._verbosity = verbosity
        self._is_installed = False

    async def install(self) -> None:
        """Opens the pool; raises SahpoolError when that is refused."""
        self._pool = await sahpool.install(verbosity=self._verbosity)
        self.quarantine = PoolQuarantine(self._pool)
        self._is_installed = True

    async def measure(self) -> dict[str, Any]:
        """``persisted``, ``usage`` and ``quota`` of this origin; None for what is not told."""
        storage = js.navigator.storage
        kept = await storage.persisted() if hasattr(storage, "persisted") else None
        room = await storage.estimate() if hasattr(storage, "estimate") else None
        return {
            "persisted": kept,
            "usage": None if room is None else int(room.usage),
            "quota": None if room is None else int(room.quota),
        }

    def connect(self, name: str) -> sqlite3.Connection:
        """A new connection to a database of the pool."""
        # A lock holder runs in this same thread: the session can wait for it, SQLite cannot.
        return self._pool.connect(name, timeout=0)

    def scratch(self) -> AbstractContextManager[str | None]:
        """The name of a temporary database in a spare slot of the pool."""
        return scratch(access_to(self._pool))

    def flush_wal(self, name: str) -> None:
        """Flushes the slot of the database's WAL."""
        flush_wal(access_to(self._pool), name)

    def pause(self) -> None:
        """Gives up the access handles of the pool."""
        self._pool.pause_vfs()

    async def unpause(self) -> None:
        """Takes the pool back, or installs it where it was paused when this worker started."""
        if self._is_installed:
            await self._pool.unpause_vfs()
        else:
            await self.install()

    def databases(self) -> list[tuple[str, int]]:
        """Name and size in bytes of every database; journals are not listed."""
        pool = self._pool
        return [(path.removeprefix("/"), pool.size(path)) for path in pool.databases]

    def size(self, name: str) -> int:
        """Size of a database in bytes; 0 when there is none of that name."""
        return self._pool.size(name) if self._pool.exists(name) else 0

    def wal_size(self, name: str) -> int:
        """Size of the WAL of a database in bytes; 0 when it has none."""
        return self.size(f"{name}-wal")

    def exists(self, name: str) -> bool:
        """Whether there is a database of that name."""
        return self._pool.exists(name)

    def unlink(self, name: str) -> None:
        """Deletes a database with its journals."""
        self._pool.unlink(name)

    async def prepare(self) -> None:
        """Tops up the spare slots: a VFS method cannot wait for one.

        An error, of a full storage say, is ignored here, for a SELECT or a deletion may need no
        slot: a statement that does gets the error from SQLite.
        """
        with suppress(JsException):
            await self._pool.top_up()

    async def import_db(
        self,
        name: str,
        chunks: AsyncIterable[Any],
        *,
        replace: bool,
        beside: Mapping[str, AsyncIterable[Any]] = MappingProxyType({}),
    ) -> list[str]:
        """Stores a database from its bytes, in WAL mode as the console's own databases are.

        An export of it is a file in rollback mode again. A database with a newer schema keeps its
        journal mode. Returns remarks: that a schema is newer.

        Raises:
            sahpool.SahpoolError: As ``Pool.import_db`` raises it.
        """
        # Without a WAL, formats/read_sqlite.py has said that one may lie beside the file.
        given: dict[str, Any] = {"wal": b"", **beside}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", sahpool.WalIgnoredWarning)
            await self._pool.import_db(name, chunks, replace=replace, **given)
        ignored = [str(each.message) for each in caught if each.category in _TOLD]
        with closing(sqlite3.connect(self._pool.uri(name), uri=True)) as con:
            unread = unread_by(con, first_bytes(access_to(self._pool).slots, check_path(name)))
            if unread is not None:
                return [*ignored, str(unread)]
            con.execute("PRAGMA journal_mode=WAL")
        return ignored

    def export_chunks(self, name: str, size: int) -> Iterator[bytes]:
        """The committed content of a database in chunks of ``size`` bytes."""
        return self._pool.export_chunks(name, size=size)


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
        why_memory: Why the browser keeps nothing (``session.host.Databases``); None: it does.
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
        host = browser_host = BrowserHost(verbosity)
        try:
            if not lent:
                await browser_host.install()
        except sahpool.SahpoolError as error:
            if not isinstance(error, sahpool.PoolLockedError):
                await sahpool_host.forget()
            _post_failure("storage", error)
            return None
    else:
        host = MemoryHost(MEMORY, why_memory)
        os.chdir(MEMORY)
    begin("service")
    # Python looks into this buffer for a signal from time to time. Signals come five times as often
    # as a statement is to be suspended: Job.tick() decides when that is.
    alarms = sahpool_host.alarms(signal.SIGALRM, TICK_SECONDS * 1000 / 5)
    pyodide_js.setInterruptBuffer(alarms)
    desk = Desk(host, is_paused=lent and why_memory is None)
    begin("ready")
    timeline = json.loads(sahpool_host.timeline())
    event = protocol.encode_event("ready", storage=host.storage, **timeline)
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
