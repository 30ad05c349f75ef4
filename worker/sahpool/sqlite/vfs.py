"""The VFS: SQLite's callbacks, over the files of a storage.

Every method is a few lines: it finds the file and does one thing. ``Callbacks`` turns an exception
into the result code of the method and keeps the exception for ``__cause__`` (causes.py).
An exception may strike at any line, so a method makes its change completely or not at all, and a
method that gives something back can be called again (callbacks.py).
The methods that carry pages or run with every statement are JavaScript functions of io.mjs, which
SQLite calls directly: xRead, xWrite, xSync, xFileSize, xLock, xUnlock, xCheckReservedLock,
xFileControl, xShmLock and xShmBarrier.

Sources: sqlite.org/c3ref/vfs.html, sqlite.org/c3ref/io_methods.html, and ``os_unix.c`` where those
leave a choice.
"""

from __future__ import annotations

import ctypes
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import NoSuchDatabaseError, PoolFullError, SahpoolError, StorageError, exception_name
from ..names import MAX_PATH_BYTES, check_path, database_of
from ..storage import Storage, StoredFile
from . import abi, causes
from .callbacks import Callbacks
from .first_table import FirstTables
from .shm import SharedIndex, SharedIndexes
from .stats import Stats, Tallies

_log = logging.getLogger("sahpool")

#: SQLite refuses a name that leaves no room for "-journal" within mxPathname, and takes a
#: super-journal with a longer name for none. With this value a database's own name may use the full
#: 510 bytes; names.stored_path finds shorter names for its companions.
_MX_PATHNAME = MAX_PATH_BYTES + len("-mj0123456789")

#: The flags of the creating xOpen that the reference (header.py) stores in a header: the kind of
#: file and how it was opened, without those about the connection (SQLITE_OPEN_URI and the like).
_NAMED_FLAGS_KEPT = 0x000FFF00 | abi.SQLITE_OPEN_READWRITE | abi.SQLITE_OPEN_CREATE


#: The VFSs in SQLite's list, by the address of their ``sqlite3_vfs``; this dict keeps them alive.
registered: dict[int, VFS] = {}

#: What xSectorSize answers, in bytes: what disks write at once (os_unix.c has the same).
_SECTOR_SIZE = 4096


@dataclass(slots=True, eq=False)
class OpenFile:
    """The open file behind one ``sqlite3_file``.

    Attributes:
        path: Path of the file; empty for a temporary file, which has none.
        slot: The file of the storage; None for a temporary file that is still in memory.
        delete_on_close: True when SQLite asked for the file to be deleted with its last user.
        read_only: True when the file was opened for reading only.
        content: The ``Content`` of contents.mjs that xRead and xWrite use; None until it is made.
        index: The WAL-index, once SQLite has asked for it; until then None.
    """

    path: str
    slot: StoredFile | None
    delete_on_close: bool = False
    read_only: bool = False
    content: Any = None
    index: SharedIndex | None = None


class VFS:
    """One registered ``sqlite3_vfs``.

    Args:
        name: The name that the VFS is registered under.
        storage: Keeps the files.
        io: The module io.mjs.
        module: Pyodide's Emscripten module.
        temp_memory_limit: Bytes up to which a temporary file stays in memory.
        spare_taken: Called whenever a spare slot was used up or was missing.
        check_open: Called before a named file is opened; raises while none can be opened.

    Raises:
        ValueError: SQLite has another VFS of this name.
    """

    def __init__(
        self,
        name: str,
        storage: Storage,
        io: Any,
        module: Any,
        *,
        temp_memory_limit: float,
        spare_taken: Callable[[], None],
        check_open: Callable[[], None],
    ) -> None:
        self.name = name
        self._sqlite = abi.library()
        if self.is_registered:
            raise ValueError(f"SQLite has a VFS {name!r} of its own: give the pool another name")
        self._storage = storage
        self._io = io
        self._temp_memory_limit = temp_memory_limit
        self._spare_taken = spare_taken
        self._check_open = check_open
        self._files: dict[int, OpenFile] = {}
        self._tallies = Tallies()
        self._indexes = SharedIndexes(self._allocate, self._sqlite.sqlite3_free)
        self._callbacks = Callbacks(io, module, tell=self._tell_failure, called=self._was_called)
        bind = self._callbacks.bind
        outgrown = bind(abi.XFILE, self._outgrown, abi.SQLITE_IOERR_WRITE)
        control = bind(abi.XFILECONTROL, self.xFileControl, abi.SQLITE_ERROR)
        begins = bind(abi.XFILE, self._begins, abi.SQLITE_OK)
        self._page_io = io.PageIO.new(
            module, outgrown, control, begins, ctypes.addressof(self._callbacks.failed)
        )
        self.first_tables = FirstTables(storage, self._page_io.firstTables, self._sqlite)
        self._methods = self._io_methods()
        self._vfs = self._sqlite3_vfs()
        causes.add_source(self._take_failures)

    @property
    def is_registered(self) -> bool:
        return bool(self._sqlite.sqlite3_vfs_find(self.name.encode()))

    @property
    def open_paths(self) -> set[str]:
        """Paths of the files that are open now; temporary files count as the empty path."""
        return {file.path for file in self._files.values()}

    @property
    def stats(self) -> Stats:
        """A snapshot of the counters."""
        return self._tallies.snapshot(self._page_io)

    def reset_stats(self) -> None:
        """Sets the counters to zero."""
        self._tallies.reset()
        self._page_io.resetTallies()

    def register(self, *, default: bool) -> None:
        """Registers the VFS with SQLite; ``default`` makes it the VFS of plain names."""
        code = self._sqlite.sqlite3_vfs_register(ctypes.addressof(self._vfs), int(default))
        if code != abi.SQLITE_OK:
            raise RuntimeError(f"sqlite3_vfs_register answered {code}")
        registered[self.address] = self

    @property
    def address(self) -> int:
        """Address of the ``sqlite3_vfs``."""
        return ctypes.addressof(self._vfs)

    def give_up_name(self) -> None:
        """Gives the VFS of a removed pool a name that no pool can have, so that its own is free."""
        self._vfs.zName = f"removed\\{self.name}".encode()

    def dispose(self) -> None:
        """Unregisters the VFS and frees its entries of the WebAssembly function table.

        No connection may be left that was opened with its name or while it was the default.
        """
        self._sqlite.sqlite3_vfs_unregister(self.address)
        registered.pop(self.address, None)
        causes.drop_source(self._take_failures)
        self.first_tables.dispose()
        self._callbacks.dispose()
        self._page_io.dispose()

    # --- the structures -------------------------------------------------------------------------

    def _io_methods(self) -> abi.sqlite3_io_methods:
        bind, count = self._callbacks.bind, self._tallies
        return abi.sqlite3_io_methods(
            iVersion=2,
            xClose=bind(abi.XFILE, self.xClose, abi.SQLITE_IOERR_CLOSE, is_owed=True),
            xRead=self._page_io.xRead,
            xWrite=self._page_io.xWrite,
            xTruncate=bind(
                abi.XTRUNCATE, self.xTruncate, abi.SQLITE_IOERR_TRUNCATE, tally=count.truncate
            ),
            xSync=self._page_io.xSync,
            xFileSize=self._page_io.xFileSize,
            xLock=self._page_io.xLock,
            xUnlock=self._page_io.xUnlock,
            xCheckReservedLock=self._page_io.xCheckReservedLock,
            xFileControl=self._page_io.xFileControl,
            xSectorSize=bind(abi.XFILE, self.xSectorSize, _SECTOR_SIZE),
            xDeviceCharacteristics=bind(abi.XFILE, self.xDeviceCharacteristics, 0),
            xShmMap=bind(abi.XSHMMAP, self.xShmMap, abi.SQLITE_IOERR_SHMMAP),
            xShmLock=self._page_io.xShmLock,
            xShmBarrier=self._page_io.xShmBarrier,
            xShmUnmap=bind(abi.XFILE_INT, self.xShmUnmap, abi.SQLITE_IOERR_SHMOPEN, is_owed=True),
        )

    def _sqlite3_vfs(self) -> abi.sqlite3_vfs:
        bind, count = self._callbacks.bind, self._tallies
        system = self._sqlite.sqlite3_vfs_find(None)[0]
        return abi.sqlite3_vfs(
            iVersion=2,
            szOsFile=ctypes.sizeof(abi.sqlite3_file),
            mxPathname=_MX_PATHNAME,
            zName=self.name.encode(),
            xOpen=bind(abi.XOPEN, self.xOpen, abi.SQLITE_CANTOPEN, tally=count.open),
            xDelete=bind(abi.XDELETE, self.xDelete, abi.SQLITE_IOERR_DELETE, tally=count.delete),
            xAccess=bind(abi.XACCESS, self.xAccess, abi.SQLITE_IOERR_ACCESS),
            xFullPathname=bind(abi.XFULLPATHNAME, self.xFullPathname, abi.SQLITE_CANTOPEN_FULLPATH),
            # Randomness and time have nothing to do with storage: the system's own serve.
            xRandomness=system.xRandomness,
            xCurrentTime=system.xCurrentTime,
            xCurrentTimeInt64=system.xCurrentTimeInt64,
            xSleep=bind(abi.XSLEEP, self.xSleep, 0),
            xGetLastError=bind(abi.XGETLASTERROR, self.xGetLastError, 0),
        )

    # --- sqlite3_vfs ----------------------------------------------------------------------------

    def xOpen(self, _vfs: int, zName: bytes | None, pFile: int, flags: int, pOutFlags: int) -> int:
        abi.write_pointer(pFile, 0)  # without methods SQLite does not call xClose after a failure
        if pFile in self._files:  # left by an xOpen that had to answer that it had failed
            self.xClose(pFile)
        try:
            if zName is None:
                self._files[pFile] = OpenFile("", None)
                self._files[pFile].content = self._page_io.contentInMemory(self._temp_memory_limit)
                self._tallies.open.hits += 1
            else:
                self._check_open()
                self._open_named(pFile, zName.decode("utf-8", "surrogateescape"), flags)
            file = self._files[pFile]
            self._page_io.open(pFile, file.content, file.read_only)
            if pOutFlags:
                abi.write_int(pOutFlags, flags)
            abi.write_pointer(pFile, ctypes.addressof(self._methods))
            return abi.SQLITE_OK
        except BaseException:
            self.xClose(pFile)
            abi.write_pointer(pFile, 0)
            raise

    def _open_named(self, pFile: int, path: str, flags: int) -> None:
        slot = self._storage.find(path)
        if slot is None:
            if not flags & abi.SQLITE_OPEN_CREATE:
                raise NoSuchDatabaseError(
                    f"There is no file {path} in the storage {self.name}.",
                    hint="Check the name, or open it with a mode that may create it.",
                )
            if flags & abi.SQLITE_OPEN_MAIN_DB:
                self._storage.check_new(path)
            try:
                slot = self._storage.create(path, flags & _NAMED_FLAGS_KEPT)
            finally:
                self._spare_taken()
        elif flags & abi.SQLITE_OPEN_EXCLUSIVE:
            raise FileExistsError(path)
        else:
            is_database = bool(flags & abi.SQLITE_OPEN_MAIN_DB)
            self._storage.before_open(slot, is_database=is_database)
        self._files[pFile] = file = OpenFile(
            path,
            slot,
            delete_on_close=bool(flags & abi.SQLITE_OPEN_DELETEONCLOSE),
            read_only=bool(flags & abi.SQLITE_OPEN_READONLY),
        )
        slot.users.add(pFile)
        raw, start = slot.file.raw, slot.file.start
        is_database = bool(flags & abi.SQLITE_OPEN_MAIN_DB)
        database = raw if is_database else self._database_of(path)
        kind = "database" if is_database else "wal" if flags & abi.SQLITE_OPEN_WAL else "other"
        file.content = self._page_io.contentOf(raw, start, database, kind)

    def _database_of(self, path: str) -> Any:
        """The ``raw`` of the database that a path belongs to by name; None when there is none."""
        slot = self._storage.find(database_of(path))
        return slot and slot.file.raw

    def xDelete(self, _vfs: int, zName: bytes, _syncDir: int) -> int:
        path = zName.decode("utf-8", "surrogateescape")
        self._page_io.drainDatabase(self._database_of(path))
        if self._storage.delete(path):
            return abi.SQLITE_OK
        self._tallies.delete.hits += 1
        return abi.SQLITE_IOERR_DELETE_NOENT

    def xAccess(self, _vfs: int, zName: bytes, flags: int, pResOut: int) -> int:
        slot = self._storage.find(zName.decode("utf-8", "surrogateescape"))
        # As os_unix.c: a file that exists but is empty does not count as existing.
        there = slot is not None and (flags != abi.SQLITE_ACCESS_EXISTS or slot.file.size() > 0)
        abi.write_int(pResOut, int(there))
        return abi.SQLITE_OK

    def xFullPathname(self, _vfs: int, zName: bytes, nOut: int, zOut: int) -> int:
        path = check_path(zName.decode("utf-8", "surrogateescape"))
        raw = path.encode("utf-8", "surrogateescape") + b"\0"
        if len(raw) > nOut:
            return abi.SQLITE_CANTOPEN
        ctypes.memmove(zOut, raw, len(raw))
        return abi.SQLITE_OK

    def xSleep(self, _vfs: int, microseconds: int) -> int:
        # SQLite sleeps while it waits for another connection's lock. All connections that could
        # hold one run in this very thread, so nothing changes while it sleeps: answer at once.
        return microseconds

    def xGetLastError(self, _vfs: int, _size: int, _message: int) -> int:
        return 0

    # --- sqlite3_io_methods ---------------------------------------------------------------------

    def xClose(self, pFile: int) -> int:
        file = self._files.get(pFile)
        if file is None:  # the previous call closed the file, but did not return normally
            return abi.SQLITE_OK
        self._page_io.close(pFile)
        slot = file.slot
        if not file.path:
            if file.content is not None:
                file.content.close()
            if slot is not None:
                self._storage.give_back(slot)
            del self._files[pFile]
            return abi.SQLITE_OK
        assert slot is not None
        self._indexes.leave(slot, pFile)
        is_last = slot.users <= {pFile}
        if is_last:
            self._page_io.closeContent(slot.file.raw)
            if file.delete_on_close and not slot.deleted:
                self._storage.delete(file.path)
        self._storage.release(slot, pFile)
        if is_last and file.content is not None:
            self.first_tables.close(slot, file.content)
        del self._files[pFile]
        return abi.SQLITE_OK

    def xTruncate(self, pFile: int, size: int) -> int:
        file = self._files[pFile]
        content = file.content
        if file.slot is not None:
            file.slot.shrank(int(content.size) - size)
        if content.inMemory:
            self._tallies.truncate.hits += 1
        return int(self._page_io.truncate(pFile, size))

    def xFileControl(self, _pFile: int, _op: int, pArg: int) -> int:
        """Answers SQLITE_FCNTL_VFSNAME; io.mjs answers every other operation."""
        raw = self.name.encode() + b"\0"
        address = self._sqlite.sqlite3_malloc(len(raw))  # SQLite's caller frees it
        if not address:
            return abi.SQLITE_NOMEM
        ctypes.memmove(address, raw, len(raw))
        abi.write_pointer(pArg, address)
        return abi.SQLITE_OK

    def xSectorSize(self, _pFile: int) -> int:
        return _SECTOR_SIZE

    def xDeviceCharacteristics(self, _pFile: int) -> int:
        # POWERSAFE_OVERWRITE: a write that is cut off changes no byte outside its range. The
        # browser writes through the same file systems of which os_unix.c claims it.
        # Not UNDELETABLE_WHEN_OPEN: SQLite would keep journals of TRUNCATE and PERSIST mode open
        # between transactions, and a connection in DELETE mode may delete what is open here.
        return abi.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xShmMap(self, pFile: int, region: int, size: int, extend: int, pp: int) -> int:
        abi.write_pointer(pp, 0)
        abi.write_pointer(pp, self._index(pFile).region(region, size, bool(extend)))
        return abi.SQLITE_OK

    def xShmUnmap(self, pFile: int, _deleteFlag: int) -> int:
        file = self._files[pFile]
        self._indexes.leave(file.slot, pFile)
        file.index = None
        self._page_io.leaveIndex(pFile)
        self._distrust(pFile)
        return abi.SQLITE_OK

    # --- helpers --------------------------------------------------------------------------------

    def _begins(self, _pFile: int) -> int:
        """Forgets failures that SQLite has not reported, as a transaction begins."""
        causes.forget()
        return abi.SQLITE_OK

    def _distrust(self, pFile: int) -> None:
        """Makes a connection that leaves WAL mode drop its page cache.

        SQLite (3.39.0 and 3.54.1 alike) would keep using its cached pages, although other
        connections may have replaced them in the WAL since its last transaction: it would read old
        pages, and its next write would undo what the others committed. SQLite compares the 16 bytes
        of the header from the change counter on, which a commit to a WAL need not change. So the
        next read of these bytes returns other ones.
        """
        self._page_io.distrust(pFile)

    def _index(self, pFile: int) -> SharedIndex:
        file = self._files[pFile]
        if file.index is None:
            file.index = self._indexes.join(file.slot, pFile)
        return file.index

    def _allocate(self, size: int) -> int:
        address = self._sqlite.sqlite3_malloc(size)
        if address:
            ctypes.memset(address, 0, size)
        return address or 0

    def _take_failures(self) -> list[tuple[int, BaseException]]:
        if not self._callbacks.failed.value:
            return []
        failures = self._callbacks.take_unfinished()
        for method, code, error, file in self._page_io.takeFailures():
            _log_failure(str(method), self._subject((int(file),)), code, error)
            failures.append((int(code), error))
        return failures

    def _subject(self, arguments: tuple[Any, ...]) -> str:
        """The path that a call is about: its second argument, or that of the file of its first."""
        name = arguments[1] if len(arguments) > 1 else None
        if isinstance(name, bytes):
            return name.decode("utf-8", "surrogateescape")
        file = self._files.get(arguments[0])
        return (file and file.path) or "a temporary file"

    def _tell_failure(
        self, method: str, arguments: tuple[Any, ...], code: int, error: BaseException
    ) -> None:
        _log_failure(method, self._subject(arguments), code, error)

    def _was_called(self, method: str, arguments: tuple[Any, ...], code: int) -> None:
        """Logs one call, after the calls before it that io.mjs answered without Python."""
        if not _log.isEnabledFor(logging.DEBUG):
            if self._callbacks.watched:
                self._callbacks.watched = False
                self._page_io.stopTrace()
            return
        self._callbacks.watched = True
        for name, address, amount, at in self._page_io.takeTrace():
            what = f": {amount} bytes at {at}" if amount else ""
            _log.debug("%s %s%s", name, self._subject((address,)), what)
        _log.debug("%s %s → %d", method, self._subject(arguments), code)

    def _outgrown(self, pFile: int) -> int:
        """Moves a temporary file that is about to pass its limit from memory into the storage.

        Without room there the file stays in memory: a large sort that needs much memory is better
        than one that fails. More room is requested in both cases.
        """
        file = self._files[pFile]
        if not file.content.inMemory:  # the previous call moved it, but did not return normally
            return abi.SQLITE_OK
        try:
            file.slot = self._storage.temporary()
            if file.slot is None:
                file.content.limit = math.inf
                return abi.SQLITE_OK
            stored = file.slot.file
            file.content.moveTo(stored.raw, stored.start)
            self._spare_taken()
        except PoolFullError:
            self._spare_taken()
            return abi.SQLITE_OK
        except BaseException:
            if file.content.inMemory:  # it has not moved
                file.slot = None
            self._storage.give_back_temporary({each.slot for each in self._files.values()})
            raise
        return abi.SQLITE_OK


def _log_failure(method: str, subject: str, code: int, error: BaseException) -> None:
    # A refusal by the library itself is a warning: the program is told of it first.
    refused = isinstance(error, SahpoolError) and not isinstance(error, StorageError)
    level = logging.WARNING if refused else logging.ERROR
    text, name = str(error), exception_name(error)  # JavaScript's say their name themselves
    told = text if text.startswith(name) else f"{name}: {text}"
    _log.log(level, "%s %s → %d: %s", method, subject, code, told)
