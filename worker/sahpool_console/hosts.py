"""The Host that the service needs (``session.host``), over the library and the browser."""

import importlib
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import js
import pyodide_js
import sahpool_host
from pyodide.ffi import JsException, can_run_sync, run_sync, to_js

import sahpool.installing  # install() would import it later, and a memory snapshot lack it
from sahpool import volume
from sahpool.pool import parts_of
from sahpool.sqlite import checkpoints, heap
from sahpool.sqlite.sorter import small_sorts

from . import version
from .databases import MemoryDatabases, VolumeDatabases
from .session.host import Aggregate, Function
from .sql_functions import AGGREGATES, FUNCTIONS, add_table_functions

__all__ = ["MemoryHost", "PoolHost", "host_in_memory"]

MEMORY = "memory"
"""Name of the VFS of databases in memory, where the browser keeps nothing."""


class Engine:
    """``session.host.Engine``: the SQLite of this Pyodide."""

    def __init__(self) -> None:
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


class Loop:
    """``session.host.Loop``: the worker's event loop."""

    def __init__(self) -> None:
        self.can_suspend = bool(can_run_sync())

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


LIBRARIES = Path("/lib/sahpool-libraries")
"""The folder of libraries that were loaded since the start."""


class Libraries:
    """``session.host.Libraries``: those of the site."""

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


class MemoryHost:
    """``session.host.Host`` where the browser keeps nothing for this page."""

    def __init__(self, storage: MemoryDatabases) -> None:
        self.storage = storage
        self.quarantine = None
        self.engine = Engine()
        self.libraries = Libraries()
        self.loop = Loop()


async def host_in_memory(why_memory: str) -> MemoryHost:
    """A new host; ``why_memory`` as in ``session.host.Storage``."""
    return MemoryHost(MemoryDatabases(await volume.in_memory(MEMORY), why_memory))


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


class PoolDatabases(VolumeDatabases):
    """``session.host.Storage`` over a pool in the origin private file system."""

    kind = "opfs"
    why_memory: str | None = None
    pool: sahpool.Pool

    def __init__(self, verbosity: int | None) -> None:
        self.is_installed = False
        self._verbosity = verbosity

    async def install(self) -> None:
        """Opens the pool; raises SahpoolError when that is refused."""
        self.pool = await sahpool.install(verbosity=self._verbosity)
        self.volume = parts_of(self.pool).volume
        self.is_installed = True

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
        """A new connection to a database of the pool; missing spare slots are added first."""
        # A lock holder runs in this same thread: the session can wait for it, SQLite cannot.
        return self.pool.connect(name, timeout=0)

    def unlink(self, name: str) -> None:
        """Deletes a database with its journals."""
        self.pool.unlink(name)

    def pause(self) -> None:
        """Gives up the access handles of the pool."""
        self.pool.pause_vfs()

    async def unpause(self) -> None:
        """Takes the pool back, or installs it where it was paused when this worker started."""
        if self.is_installed:
            await self.pool.unpause_vfs()
        else:
            await self.install()

    async def prepare(self) -> None:
        """Tops up the spare slots: a VFS method cannot wait for one.

        An error, of a full storage say, is ignored here, for a SELECT or a deletion may need no
        slot: a statement that does gets the error from SQLite.
        """
        with suppress(JsException):
            await self.pool.top_up()


class PoolHost:
    """``session.host.Host`` over a pool in the origin private file system."""

    def __init__(self, verbosity: int | None) -> None:
        self.storage = PoolDatabases(verbosity)
        self.engine = Engine()
        self.libraries = Libraries()
        self.loop = Loop()

    @property
    def quarantine(self) -> PoolQuarantine | None:
        """The slots in quarantine; None before the pool is open for the first time."""
        return PoolQuarantine(self.storage.pool) if self.storage.is_installed else None
