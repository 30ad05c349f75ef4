"""Pools of other programs: found, recognised, copied; never written to.

``header.py`` tells whose a slot is. wa-sqlite keeps its slots in the pool's directory itself, all
others in ``.opaque`` below it. Nothing here changes a byte of another program's files: they are
looked at through ``getFile()``, which needs no handle, and copied from handles that are held only
to keep their program from writing meanwhile.
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
from ..opfs_pool.slot import Handle, Slot, SlotFile
from ..sqlite.abi import SQLITE_OPEN_MAIN_DB

if TYPE_CHECKING:
    from ..opfs_pool.hold import Hold

_DEPTH = 2  # levels of directories that are searched
_CHUNK = 1 << 20  # bytes that are copied at a time


@dataclass(frozen=True, slots=True)
class FoundPool:
    """A pool that ``find_pools`` found.

    Attributes:
        directory: Path of its directory below the origin's root, for ``install(directory=…)`` where
            ``program`` is this one, and for ``import_pool``.
        program: ``"sahpool / @sqlite.org/sqlite-wasm"`` (one format), ``"wa-sqlite"`` or
            ``"sqlite-wasm-rs"``.
        databases: Paths of its databases, sorted, as its headers have them. wa-sqlite and the
            official package keep a name as a URL has it: ``my notes.db`` is ``/my%20notes.db``.
        slots: How many slots it has, free ones included.
        holder: By what id the browser knows the worker that holds it, a pool of this program;
            None when nobody does. Other programs do not tell (w3.org/TR/web-locks, LockInfo).
    """

    directory: str
    program: str
    databases: list[str]
    slots: int
    holder: str | None = None


# --- finding ------------------------------------------------------------------------------------


async def find_pools() -> list[FoundPool]:
    """Every pool of this origin, whoever made it, sorted by directory.

    Looks two directories deep. Takes no handle and writes nothing, so it can be used while another
    tab or program holds the pools.

    Raises:
        UnsupportedError: The browser has no private file system here, or refuses it.
    """
    found: list[FoundPool] = []
    await _search(await root(), "", _DEPTH, found)
    holders = await _holders()
    told = [dataclasses.replace(pool, holder=holders.get(pool.directory)) for pool in found]
    return sorted(told, key=lambda pool: pool.directory)


async def _holders() -> dict[str, str]:
    """The browser's ids of those who hold a pool's lock, by the pool's directory."""
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
    """A file of the pool that is copied from."""

    path: str
    flags: int
    file: SlotFile

    @property
    def size(self) -> int:
        return self.file.size()


class _Source:
    """The files of another pool, whose slots are all held."""

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
        """A journal or WAL of a database that SQLite has to see, and how many bytes of it."""
        file = self._files.get(stored_path(database.path + suffix))
        if file is None or not file.size:
            return None
        size = file.size
        if suffix == "-journal":
            record, name = super_journal(file.file.read, size)
            if record and not is_among(name, self._files):
                return None  # the super-journal is gone: the transaction was committed
            # It is there, so the transaction was not; here it would not be found.
            size -= record
        return file, size


def _damaged_slot(directory: str, name: str, found: Damaged) -> ImportRejectedError:
    guess = f" It may be {found.offered.path}." if found.offered and found.offered.path else ""
    return ImportRejectedError(
        f"The slot {name} of {directory} was passed over: {found.reason}.{guess}",
        hint="Nothing in it was changed.",
    )


async def import_pool(access: Access, hold: Hold, replace: bool) -> dict[str, int]:
    """See :meth:`Pool.import_pool`; ``hold`` is one on the other pool's directory."""
    handles: list[tuple[str, Handle]] = []
    with Cleanup(lambda: _close(handles)) as last, last:
        await _take(hold, handles)
        source = _Source(hold.directory, handles)
        targets = _targets(access, source, replace)
        refused = source.unreadable
        sizes: dict[str, int] = {}
        for path, file in targets.items():
            needed = 1 + len(COMPANION_SUFFIXES)
            await access.add_capacity(max(0, needed - access.slots.spare_count))
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
    """Adds a handle on every slot of the other pool."""
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
    """Which path each database gets; every one of them can be had.

    Raises:
        NameExistsError, DatabaseInUseError, InvalidNameError: One of them cannot.
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
    """Copies one database, lets SQLite finish what its program left undone, and names it."""
    with transfer.lending(access.slots, "pool") as slot:  # what lies beside it goes back with it
        lent = slot.path
        await _copy(file, file.size, slot)
        is_whole = True
        for suffix in COMPANION_SUFFIXES:
            found = source.companion(file, suffix)
            if found is not None:
                is_whole = False
                await _copy(*found, access.slots.lend(lent + suffix))
        if not is_whole:
            beside.finish(access, lent)
        return transfer.adopt(access, slot, path, replace)


async def _copy(file: _File, size: int, slot: Slot) -> None:
    for at, piece in transfer.read_pieces(file.file, size, _CHUNK, file.path):
        await asyncio.sleep(0)  # other work of this worker goes on
        if slot.file.write(piece, at) != len(piece):
            raise StorageError(
                f"The storage is full: {file.path} could not be copied.",
                hint="Delete what you no longer need, or give the site more room.",
                sqlite_code=SQLITE_FULL,
            )
