"""The class ``Pool``: the public interface to the slots, the VFS and the hold on a directory.

A start takes hold of the directory and registers the VFS. When a step of it fails, everything taken
so far is released, and nothing is ever deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any
from weakref import WeakKeyDictionary

from pyodide.ffi import can_run_sync, run_sync

from . import browser, options
from .browser import collecting
from .check import CheckReport, check
from .cleanup import Cleanup
from .databases import beside, sources, transfer
from .databases.access import Access
from .errors import PoolLockedError
from .names import check_path
from .opfs_pool.checks import PoolChecks
from .opfs_pool.slot import Quarantined
from .pool_parts import Parts
from .rescue import foreign, quarantine
from .sqlite.stats import Stats
from .turns import Turn, Turns

#: The pools of this worker by name.
installed: dict[str, Pool] = {}
installing = Turns()  #: held while a pool is installed or removed

_parts: WeakKeyDictionary[Pool, Parts] = WeakKeyDictionary()


def holder_of(directory: str) -> Pool | None:
    """The pool of this worker that holds the directory, or None."""
    for pool in installed.values():
        if not pool.is_paused and pool.directory == directory:
            return pool
    return None


def parts_of(pool: Pool) -> Parts:
    """The parts of a pool, for the modules of the library that its users do not call."""
    return _parts[pool]


def access_to(pool: Pool) -> Access:
    """A pool as imports and exports of whole databases use it."""
    return parts_of(pool).access


class Pool:
    """A directory of slots and the VFS over it. Made by :func:`install`.

    Attributes:
        name: Name of the VFS.
        directory: Path of the pool's directory below the origin's root.
    """

    def __init__(self, parts: Parts) -> None:
        self.name = parts.name
        self.directory = parts.directory
        self._parts = _parts[self] = parts

    # --- connections ----------------------------------------------------------------------------

    def connect(self, name: str, *, wait: bool = True, **options: Any) -> sqlite3.Connection:
        """Opens a database, and creates it when there is none; other tasks may run meanwhile.

        Args:
            name: Name of the database, taken as it is, up to 510 bytes of UTF-8; with or without
                the leading slash that it has in the pool.
            wait: Whether missing spare slots are added first; where the browser has JSPI, other
                tasks run meanwhile. False: the database is opened without that, or not at all.
            **options: For :func:`sqlite3.connect`. Your own ``factory`` may be derived from
                :class:`Connection`, which is the default. A ``timeout`` does not wait: the lock
                holder runs in this very thread, so a second lock is refused at once, after as many
                tries as SQLite would make (60 in the default five seconds). Let the lock holder
                end its transaction, awaiting something if it is another task, and try again.

        Raises:
            InvalidNameError: The name is empty, holds a NUL or is too long.
            PoolFullError: ``wait`` is false and there are too few spare slots: a new database needs
                two, for itself and its journal or WAL; a database in WAL mode without a WAL file
                needs one.
            sqlite3.OperationalError: SQLite could not open it; ``__cause__`` says why.

        Warns:
            NewerSchemaWarning: A newer SQLite wrote parts of its schema: the rest can be read, and
                nothing is written before ``PRAGMA query_only=OFF``. ``sqlite3.connect`` opens it
                in the same way, but without a warning.
        """
        self._parts.standing.check_open()
        collecting.keep()
        if not wait:
            self._parts.spares.check_room(check_path(name))
        elif self._parts.spares.missing > 0 and can_run_sync():
            with browser.StopsHeld():
                run_sync(self._parts.spares.try_top_up())  # other tasks run, and may pause the pool
        return self._parts.volume.connect(name, **options)

    def uri(self, name: str, **parameters: str | int) -> str:
        """The URI of a database for ``sqlite3.connect(…, uri=True)`` (sqlite.org/uri.html).

        Args:
            name: Name of the database.
            **parameters: Further query parameters, for example ``mode="ro"``.
        """
        return self._parts.volume.uri(name, **parameters)

    # --- what is in the pool --------------------------------------------------------------------

    @property
    def databases(self) -> list[str]:
        """Paths of the databases, sorted; each begins with a slash. Journals are not listed."""
        return sorted(self._parts.slots.databases)

    @property
    def file_names(self) -> list[str]:
        """Paths of all files, journals included, sorted; each begins with a slash."""
        return sorted(self._parts.slots.paths)

    @property
    def file_count(self) -> int:
        """How many files the pool holds, journals included."""
        return len(self._parts.slots.paths)

    @property
    def capacity(self) -> int:
        """How many files the pool has slots for."""
        return self._parts.slots.capacity

    @property
    def quarantined(self) -> list[Quarantined]:
        """Slots whose header cannot be trusted; unchanged until you recover or drop them."""
        return list(self._parts.slots.quarantined)

    @property
    def is_paused(self) -> bool:
        """Whether the pool's handles are released."""
        return self._parts.standing.is_paused

    @property
    def stats(self) -> Stats:
        """A snapshot of the counts and times of SQLite's calls since the pool was installed."""
        return self._parts.vfs.stats

    def reset_stats(self) -> None:
        """Sets the counters behind :attr:`stats` to zero."""
        self._parts.vfs.reset_stats()

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return self._parts.slots.find(check_path(name)) is not None

    def size(self, name: str) -> int:
        """Size of a file in bytes, without its WAL.

        Raises:
            NoSuchDatabaseError: There is no such file.
        """
        return self._parts.volume.size(self._parts.volume.existing(name))

    # --- capacity -------------------------------------------------------------------------------

    async def add_capacity(self, count: int) -> int:
        """Adds slots, also while files are open; they outlive this worker.

        Args:
            count: How many; 0 is fine.

        Returns:
            The new capacity.

        Raises:
            ValueError: ``count`` is negative.
        """
        self._parts.standing.check_open()
        options.check_counts(count=count)
        await self._parts.add_capacity(count)
        return self.capacity

    async def reduce_capacity(self, count: int) -> int:
        """Removes up to ``count`` spare slots; files stay.

        As soon as a file takes a spare slot, missing ones are added, up to ``install(spare=…)``.

        Returns:
            How many slots were removed.

        Raises:
            ValueError: ``count`` is negative.
        """
        self._parts.standing.check_open()
        options.check_counts(count=count)
        async with Turn(self._parts.spares.changing) as turn, turn:
            return await self._parts.spares.shrink(count)

    async def reserve_minimum_capacity(self, minimum: int) -> int:
        """Adds slots until there are ``minimum``; returns the capacity, which may be larger."""
        return await self.add_capacity(max(0, minimum - self.capacity))

    async def top_up(self) -> None:
        """Adds spare slots until there are as many as ``install(spare=…)`` asked for."""
        await self._parts.spares.top_up()

    # --- whole files ----------------------------------------------------------------------------

    async def import_db(
        self,
        name: str,
        source: sources.Source,
        *,
        replace: bool = False,
        wal: sources.Source | None = None,
        journal: sources.Source | None = None,
    ) -> int:
        """Imports a database file: copies it into a spare slot, checks it, then swaps it in.

        Until the last, durable step a database of that name is unchanged. Memory use does not grow
        with the source: it is written in pieces, and pieces of JavaScript do not pass through
        Python. The database keeps the journal mode in the file's header; without a table it counts
        as new. A source without any bytes becomes an empty database: check for that first if it
        cannot be intended.

        A program that runs, or has crashed, has a second file beside the database: a WAL with its
        newest commits, or a hot journal without which a transaction is half done. Given with the
        database, that file is applied as SQLite would. A missing journal cannot be detected.

        Args:
            name: Name of the database.
            source: The file, as one of: a bytes-like object; a file opened in binary mode; an
                iterable or async iterable of chunks, of any size; a function (async or not) that
                returns the next chunk, and None or an empty one at the end; JavaScript's
                ArrayBuffer, typed array, Blob, File or ReadableStream (``response.body``). Chunks
                are bytes-like, or JavaScript's ArrayBuffer or typed arrays. A ReadableStream is
                cancelled when the import fails once it has begun to read.
            replace: Whether a database of that name is replaced.
            wal: The file beside it whose name ends in ``-wal``, as any such source; an empty one
                says that there is none. None leads to a WalMissingWarning for a database in WAL
                mode; transactions that SQLite leaves out as damaged to a WalIgnoredWarning.
            journal: The file beside it whose name ends in ``-journal``, likewise; the journal of an
                ended transaction, as in PERSIST and TRUNCATE mode, has no effect.

        Returns:
            Size of the database in bytes.

        Raises:
            TypeError: A source is none of these, or a chunk is not bytes-like.
            NameExistsError: There is a database of that name and ``replace`` is false.
            DatabaseInUseError: The database to be replaced is open.
            ImportRejectedError: The bytes are not a sound SQLite database; or the WAL or journal is
                damaged, or belongs to another database, or both have something to apply.
            StorageError, sqlite3.OperationalError, JsException: The storage failed, for example its
                quota; or the browser could not read the source.

        Warns:
            NewerSchemaWarning: A newer SQLite wrote parts of its schema; see :meth:`connect`.
        """
        self._parts.standing.check_open()
        await self._parts.spares.try_top_up()
        path, opened = check_path(name), sources.opened(source)
        given = sources.those_given(wal=wal, journal=journal)
        return await beside.import_db(self._parts.access, path, opened, replace, given)

    async def import_pool(self, directory: str, *, replace: bool = False) -> dict[str, int]:
        """Copies every database of another program's pool into this one.

        Each copy is completed (a hot journal is rolled back, a WAL checkpointed), then checked and
        swapped in as by :meth:`import_db`; the other pool's files do not change. They are held
        meanwhile, so that their program cannot write to them.

        Args:
            directory: Path of the other pool's directory, as :func:`find_pools` returns it: a pool
                of wa-sqlite, sqlite-wasm-rs, the official package or sahpool.
            replace: Whether databases of the same names are replaced.

        Returns:
            Size in bytes of each database, by its path here: the path in the other pool, with a
            leading slash added if it has none.

        Raises:
            NoSuchDatabaseError: There is no pool in the directory.
            PoolLockedError: Its program, another tab or worker, or another pool here, holds it.
            NameExistsError: There is a database of one of the names and ``replace`` is false;
                nothing was copied.
            DatabaseInUseError: A database to be replaced is open; nothing was copied.
            ExceptionGroup: Some databases are damaged. It contains an ImportRejectedError for each
                of these; all others were copied.
            StorageError, sqlite3.OperationalError, JsException: The storage failed, for example its
                quota; databases that were copied before stay.
        """
        self._parts.standing.check_open()
        hold = self._parts.hold.elsewhere(directory)
        other = holder_of(hold.directory)
        if other is not None:
            raise PoolLockedError(
                f"The directory {hold.directory} is open here, as the pool {other.name}.",
                hint="Its databases are in this very pool."
                if other is self
                else f"Pause it first: pool.pause_vfs() of {other.name}.",
            )
        return await foreign.import_pool(self._parts.access, hold, replace)

    def export_chunks(self, name: str, size: int = 1 << 20) -> Iterator[bytes]:
        """The database as the chunks of a file, in constant memory, even while it is open.

        The chunks hold what was committed when the first one is requested, whatever is written
        meanwhile. Close or exhaust the iterator to release the read lock. The file's header says
        rollback mode, which every program can open. A database to which nothing has been written
        yet gives no chunk, and :meth:`import_db` accepts that.

        Args:
            name: Name of the database.
            size: Bytes per chunk.

        Raises:
            NoSuchDatabaseError: There is no such database.
            ValueError: ``size`` is less than 512.
            sqlite3.OperationalError: A writer is in the middle of writing ("database is locked").
        """
        options.check_chunks(size)
        return transfer.export_chunks(self._parts.access, self._parts.volume.existing(name), size)

    def export_file(self, name: str) -> bytes:
        """The database as the bytes of a file; as :meth:`export_chunks`, in one piece."""
        return b"".join(self.export_chunks(name))

    def export_blob(self, name: str) -> AbstractAsyncContextManager[Any]:
        """The database as a JavaScript Blob, which takes no memory: ``async with … as blob``.

        It holds what was committed when the block began, and refers to the pool's own storage, so
        it is valid inside the block only: post it, save it, upload it or read its ``stream()``
        there. Other connections may read and, in WAL mode, write meanwhile. When they prevent the
        checkpoint of the WAL, a spare slot holds a copy until the block ends.

        Args:
            name: Name of the database.

        Raises:
            NoSuchDatabaseError: There is no such database.
            sqlite3.OperationalError: A writer is in the middle of writing ("database is locked").
            JsException: The browser could not hand the file over.
        """
        return transfer.export_blob(self._parts.access, self._parts.volume.existing(name))

    def unlink(self, name: str) -> bool:
        """Deletes a database and its journal and WAL.

        Returns:
            True; False when there was no such database.

        Raises:
            DatabaseInUseError: It is open.
        """
        self._parts.standing.check_open()
        there = self._parts.volume.delete(name)
        self._parts.spares.plan()
        return there

    # --- quarantine -----------------------------------------------------------------------------

    def export_quarantined(self, name: str, size: int = 1 << 20) -> Iterator[bytes]:
        """The bytes behind the header of a slot in quarantine, unchanged, in constant memory.

        If they are a database, its journal or WAL may be another slot, to be exported as well.

        Args:
            name: Name of the slot, as in :attr:`quarantined`.
            size: Bytes per chunk.

        Raises:
            NoSuchDatabaseError: No slot of that name is in quarantine.
            ValueError: ``size`` is less than 512.
            StorageError: The slot cannot be read, or left quarantine before all of it was read.
        """
        self._parts.standing.check_open()
        options.check_chunks(size)
        return quarantine.export(self._parts.slots, quarantine.find(self._parts.slots, name), size)

    def recover(self, name: str, as_name: str | None = None, *, replace: bool = False) -> int:
        """Makes a slot in quarantine a database again, after the same check as for an import.

        Its journal or WAL, found by the database's name, may be in quarantine as well: an
        unfinished transaction is rolled back, committed ones are kept, and the slot of the journal
        or WAL is free afterwards. Whatever fails, the slot has its name or is in quarantine. A WAL
        whose database is not in quarantine is checkpointed into that database.

        Args:
            name: Name of the slot, as in :attr:`quarantined`.
            as_name: Name of the database; None for the one that the slot offers.
            replace: Whether a database of that name is replaced; no effect for a WAL.

        Returns:
            Size of the database in bytes.

        Raises:
            NoSuchDatabaseError: No slot of that name is in quarantine.
            InvalidNameError: The slot offers no name and none was given, or a database cannot have
                the name.
            NameExistsError: There is a database of that name and ``replace`` is false.
            DatabaseInUseError: The database to be replaced or completed is open.
            ImportRejectedError: It is not a sound database, or it is not clear which journal or WAL
                belongs to it; the message and its hint say more.
            PoolFullError: There are too few spare slots: a journal or WAL takes up to three for a
                while.
            StorageError, sqlite3.OperationalError: The storage failed, for example its quota; or
                a journal of another database in quarantine has the name.

        Warns:
            NewerSchemaWarning: A newer SQLite wrote parts of its schema; see :meth:`connect`.
        """
        self._parts.standing.check_open()
        kept = quarantine.find(self._parts.slots, name)
        return quarantine.Recovery(self._parts.access, kept).run(as_name, replace)

    def drop_quarantined(self, name: str) -> None:
        """Erases the content of a slot in quarantine and makes it a spare slot.

        Args:
            name: Name of the slot, as in :attr:`quarantined`.

        Raises:
            NoSuchDatabaseError: No slot of that name is in quarantine.
            StorageError: The storage failed; the slot is still in quarantine.
        """
        self._parts.standing.check_open()
        quarantine.drop(self._parts.slots, quarantine.find(self._parts.slots, name))

    # --- the whole pool -------------------------------------------------------------------------

    async def wipe_files(self) -> None:
        """Deletes every database of the pool; quarantined slots stay.

        Raises:
            DatabaseInUseError: One of them is open.
        """
        self._parts.standing.check_open()
        for path in self.file_names:
            self._parts.volume.check_closed(path)
        for path in self.file_names:
            self._parts.slots.delete(path)

    def pause_vfs(self) -> None:
        """Gives up the handles and the lock, so that another program may use the pool's files.

        Until :meth:`unpause_vfs` its databases cannot be opened, not even by plain names if this
        pool is the default: ``connect`` fails with a PoolClosedError as ``__cause__``.

        Raises:
            DatabaseInUseError: A file of the pool is open.
        """
        if not self.is_paused:
            self._parts.check_idle()
            with Cleanup(self._parts.let_go) as last, last:  # completed once begun
                pass

    async def unpause_vfs(self) -> None:
        """Takes lock and handles again after :meth:`pause_vfs`; as :func:`install`.

        Raises:
            PoolClosedError: The pool was removed.
            PoolLockedError: Another tab or worker holds the pool now.
        """
        async with Turn(self._parts.spares.changing) as turn, turn:
            self._parts.standing.check_there()
            if self.is_paused:
                await self._parts.acquire(0)

    async def remove_vfs(self) -> bool:
        """Removes the pool with everything in it: VFS, databases, spare slots, directory.

        A paused pool is unpaused first, so that nothing is deleted that another tab or worker
        holds. If the pool was the default, plain names cannot be opened until :func:`set_default`
        or another ``install(default=True)`` changes that.

        Returns:
            True; False when the directory stays because of quarantined slots, and when the pool had
            been removed before.

        Raises:
            DatabaseInUseError: A file of the pool is open.
            PoolLockedError: The pool was paused, and another tab or worker holds it now.
        """
        # Otherwise install() could return a pool that is being removed.
        async with Turn(installing) as turn, turn:
            if self._parts.standing.is_removed:
                return False
            await self.unpause_vfs()
            # A handle that is being opened would keep the directory from being removed.
            async with Turn(self._parts.spares.changing) as inner, inner:
                self._parts.check_idle()
                await self.wipe_files()
                keep = bool(self._parts.slots.quarantined)
                await self._parts.spares.shrink(self.capacity)
                with Cleanup(self._end) as last, last:
                    self._parts.standing.is_removed, self._parts.standing.is_ready = True, False
                    self._parts.slots.close()  # the browser removes nothing that has a handle
                    if not keep:
                        await self._parts.hold.remove_directory()
        return not keep

    def _end(self) -> None:
        """Releases everything and marks the pool as removed; may be called again."""
        self._parts.end()
        if installed.get(self.name) is self:
            del installed[self.name]

    async def check(self) -> CheckReport:
        """Tries this pool out: writes, reads, truncates, deletes, rolls back, all through SQLite.

        It uses databases of its own, under a name that nothing else has, and deletes them
        afterwards. A step that fails is in the report and does not stop the others. A few spare
        slots may be added meanwhile, and the calls count in :attr:`stats`.

        Returns:
            The steps and the abilities of this browser. As a string it is a table for a bug report.

        Raises:
            PoolClosedError: The pool is paused or removed.
        """
        self._parts.standing.check_open()
        own = PoolChecks(self.name, self._parts.slots, self._parts.hold)
        return await check(self._parts.volume, own, top_up=self.top_up)
