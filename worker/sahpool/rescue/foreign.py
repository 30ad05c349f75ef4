"""Finds, recognises and copies the pools of other programs; never writes to them.

``header.py`` tells which program a slot belongs to. wa-sqlite keeps its slots in the pool's
directory itself, all others in ``.opaque`` below it. Nothing here changes a byte of another
program's files: they are examined with ``getFile()``, which needs no handle, and copied from
handles that are held only to keep their program from writing meanwhile.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..cleanup import Cleanup
from ..databases import beside, transfer
from ..databases.access import Access
from ..errors import (
    SQLITE_FULL,
    ImportRejectedError,
    NameExistsError,
    NoSuchDatabaseError,
    StorageError,
)
from ..fileformat.companions import is_among, super_journal
from ..names import COMPANION_SUFFIXES, LOCK_PREFIX, check_path, stored_path
from ..opfs_pool.header import Damaged, Header
from ..opfs_pool.recognise import (
    OPAQUE,
    existing,
    is_wa_sqlite,
    look,
    program_of,
    read_header,
    root,
    said,
)
from ..opfs_pool.slot import Handle, SlotFile
from ..sqlite.abi import SQLITE_OPEN_MAIN_DB
from ..storage import File

if TYPE_CHECKING:
    from ..opfs_pool.hold import Hold

_DEPTH = 2  # levels of directories that are searched
_CHUNK = 1 << 20  # bytes of one step of a copy


@dataclass(frozen=True, slots=True)
class FoundPool:
    """A pool that ``find_pools`` found.

    Attributes:
        directory: Path of the pool's directory below the origin's root, for ``import_pool``, and
            for ``install(directory=…)`` if ``program`` is the first of the following.
        program: ``"sahpool / @sqlite.org/sqlite-wasm"`` (one format), ``"wa-sqlite"`` or
            ``"sqlite-wasm-rs"``.
        databases: Paths of the databases, sorted, as in the headers. wa-sqlite and the official
            package store a name as in a URL: ``my notes.db`` is ``/my%20notes.db``.
        slots: Number of slots, spare ones included.
        holder: The browser's id of the worker that holds the pool with sahpool; None when there is
            none. Of other programs it is not known (w3.org/TR/web-locks, LockInfo).
    """

    directory: str
    program: str
    databases: list[str]
    slots: int
    holder: str | None = None


# --- finding ------------------------------------------------------------------------------------


async def find_pools() -> list[FoundPool]:
    """Every pool of this origin, of any program, sorted by directory.

    It searches two directories deep. It takes no handle and writes nothing, so it can be used while
    another tab or program holds the pools.

    Raises:
        UnsupportedError: The browser has no private file system here, or refuses it.
    """
    found: list[FoundPool] = []
    await _search(await root(), "", _DEPTH, found)
    holders = await _holders()
    told = [dataclasses.replace(pool, holder=holders.get(pool.directory)) for pool in found]
    return sorted(told, key=lambda pool: pool.directory)


async def _holders() -> dict[str, str]:
    """Directory of a pool → the browser's id of the worker that holds the pool's lock."""
    from .. import browser

    return await browser.lock_holders(LOCK_PREFIX)


async def _search(folder: Any, path: str, depth: int, found: list[FoundPool]) -> None:
    entries = [entry async for entry in folder.values()]
    files = [entry for entry in entries if entry.kind == "file"]
    if await is_wa_sqlite(files):
        found.append(_describe(path, [await look(file) for file in files]))
    for entry in entries:
        if entry.kind == "file":
            continue
        if entry.name == OPAQUE:
            slots = [await look(file) async for file in entry.values() if file.kind == "file"]
            if slots:
                found.append(_describe(path, slots))
        elif depth:
            await _search(entry, f"{path}/{entry.name}".lstrip("/"), depth - 1, found)


def _describe(directory: str, slots: list[Header | Damaged]) -> FoundPool:
    headers = [said(slot) for slot in slots]
    databases = {each.path for each in headers if each.path and each.flags & SQLITE_OPEN_MAIN_DB}
    return FoundPool(directory, program_of(slots), sorted(databases), len(slots))


def _close(handles: Sequence[tuple[str, Handle]]) -> None:
    for _, handle in handles:
        handle.close()


# --- copying ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the other pool."""

    path: str
    flags: int
    file: SlotFile

    @property
    def size(self) -> int:
        return self.file.size()


class _Source:
    """The files of another pool, on all of whose slots a handle is held."""

    def __init__(self, directory: str, handles: list[tuple[str, Handle]]) -> None:
        self.databases: list[_File] = []
        self.unreadable: list[Exception] = []
        self._files: dict[str, _File] = {}
        for name, handle in handles:
            found = read_header(handle)
            headed = said(found)
            if headed.path:
                file = _File(headed.path, headed.flags, SlotFile(handle))
                self._files[file.path] = file
                if file.flags & SQLITE_OPEN_MAIN_DB:
                    self.databases.append(file)
            elif isinstance(found, Damaged) and not found.program:
                self.unreadable.append(_damaged_slot(directory, name, found))

    def companion(self, database: _File, suffix: str) -> tuple[_File, int] | None:
        """The journal or WAL of a database, and the bytes of it that SQLite must see; else None."""
        file = self._files.get(stored_path(database.path + suffix))
        if file is None or not file.size:
            return None
        size = file.size
        if suffix == "-journal":
            record, name = super_journal(file.file.read, size)
            if record and not is_among(name, self._files):
                return None  # the super-journal is gone: the transaction was committed
            # The super-journal exists, so the transaction was not committed. SQLite would not find
            # it here, so the record that names it is not copied.
            size -= record
        return file, size


def _damaged_slot(directory: str, name: str, found: Damaged) -> ImportRejectedError:
    guess = f" It may be {found.offered.path}." if found.offered and found.offered.path else ""
    return ImportRejectedError(
        f"The slot {name} of {directory} was passed over: {found.reason}.{guess}",
        hint="Nothing in it was changed.",
    )


async def import_pool(access: Access, hold: Hold, replace: bool) -> dict[str, int]:
    """See :meth:`Pool.import_pool`; ``hold`` is a hold on the other pool's directory."""
    handles: list[tuple[str, Handle]] = []
    with Cleanup(lambda: _close(handles)) as last, last:
        await _take(hold, handles)
        source = _Source(hold.directory, handles)
        targets = _targets(access, source, replace)
        refused = source.unreadable
        sizes: dict[str, int] = {}
        for path, file in targets.items():
            await access.make_room(1 + len(COMPANION_SUFFIXES))
            try:
                sizes[path] = await _bring(access, source, file, path, replace)
            except ImportRejectedError as error:
                refused.append(ImportRejectedError(f"{path}: {error}", hint=error.hint))
    if refused:
        raise ExceptionGroup(
            f"{len(sizes)} databases of {hold.directory} were imported, {len(refused)} were not",
            refused,
        )
    return sizes


async def _take(hold: Hold, handles: list[tuple[str, Handle]]) -> None:
    """Opens a handle on every slot of the other pool and adds it to ``handles``."""
    folder = await existing(hold.directory)
    deadline = time.monotonic() + hold.timeout
    if folder is not None:
        files = [entry async for entry in folder.values() if entry.kind == "file"]
        if await is_wa_sqlite(files):
            await hold.open_all(folder, deadline, handles)
        opaque = await existing(f"{hold.directory}/{OPAQUE}")
        if opaque is not None:
            await hold.open_all(opaque, deadline, handles)
    if not handles:
        raise NoSuchDatabaseError(
            f"There is no pool in the directory {hold.directory}.",
            hint="await sahpool.find_pools() lists what there is.",
        )


def _targets(access: Access, source: _Source, replace: bool) -> dict[str, _File]:
    """Path here → file of the other pool, for each database.

    Raises:
        NameExistsError, DatabaseInUseError, InvalidNameError: A database cannot get its path.
    """
    targets: dict[str, _File] = {}
    for file in sorted(source.databases, key=lambda each: each.path):
        path = check_path(file.path)
        if path in targets:
            raise NameExistsError(
                f"Two databases there, {targets[path].path} and {file.path}, would be {path} here.",
                hint="Rename one of them with the program that made them.",
            )
        transfer.check_target(access, path, replace)
        targets[path] = file
    return targets


async def _bring(access: Access, source: _Source, file: _File, path: str, replace: bool) -> int:
    """Copies one database with its journal or WAL, has SQLite apply these, and names the copy."""
    with transfer.lending(access.storage, "pool") as lent:  # the journal or WAL goes back with it
        await _copy(file, file.size, lent.file)
        is_whole = True
        for suffix in COMPANION_SUFFIXES:
            found = source.companion(file, suffix)
            if found is not None:
                is_whole = False
                await _copy(*found, access.storage.lend(lent.path + suffix).file)
        if not is_whole:
            beside.finish(access, lent.path)
        return transfer.adopt(access, lent, path, replace)


async def _copy(file: _File, size: int, to: File) -> None:
    for at, piece in transfer.read_pieces(file.file, size, _CHUNK, file.path):
        await asyncio.sleep(0)  # other work of this worker goes on
        if to.write(piece, at) != len(piece):
            raise StorageError(
                f"The storage is full: {file.path} could not be copied.",
                hint="Delete what you no longer need, or give the site more room.",
                sqlite_code=SQLITE_FULL,
            )
