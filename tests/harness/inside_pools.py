"""The private parts of a pool, for tests inside Pyodide."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sahpool

if TYPE_CHECKING:
    from sahpool import Pool
    from sahpool.opfs_pool.hold import Hold
    from sahpool.opfs_pool.slot import Slot
    from sahpool.opfs_pool.slots import SlotTable
    from sahpool.opfs_pool.spares import Spares
    from sahpool.sqlite.vfs import VFS


# --- the parts of a pool ------------------------------------------------------------------------


def slots_of(pool: Pool) -> SlotTable:
    """The table of the pool's slots."""
    return pool._slots


def vfs_of(pool: Pool) -> VFS:
    """The VFS over the pool."""
    return pool._vfs


def hold_of(pool: Pool) -> Hold:
    """The hold on the pool's directory."""
    return pool._hold


def spares_of(pool: Pool) -> Spares:
    """What keeps spare slots at hand."""
    return pool._spares


def set_wanted_spares(pool: Pool, count: int) -> None:
    """From now on the pool keeps so many spare slots at hand."""
    pool._spares._wanted = count


# --- slots --------------------------------------------------------------------------------------


def slot_of(pool: Pool, path: str) -> Slot:
    """The slot of a file; AssertionError when the pool has no file of that path."""
    slot = pool._slots.find(path)
    assert slot is not None, f"there is no {path}"
    return slot


def named_slots(pool: Pool) -> dict[str, Slot]:
    """The slots whose header carries a path, by that path."""
    return dict(pool._slots._named)


def spare_slots(pool: Pool) -> list[Slot]:
    """The free slots."""
    return list(pool._slots._spare)


def orphaned_slots(pool: Pool) -> list[Slot]:
    """The slots whose file was deleted while it was open, or whose header could not be freed."""
    return list(pool._slots._orphans)


def held_names(pool: Pool) -> list[str]:
    """The names of all slots that the pool holds while no file is open, quarantine included."""
    slots = pool._slots
    held = [*slots._named.values(), *slots._spare, *slots._leaving]
    return [slot.name for slot in held] + [kept.name for kept in slots.quarantined]


# --- open files ---------------------------------------------------------------------------------


def open_files(pool: Pool) -> list[int]:
    """The addresses of the ``sqlite3_file`` structures that are open."""
    return list(pool._vfs._files)


def address_of_method(pool: Pool, name: str) -> Any:
    """The C function pointer of a method of ``sqlite3_io_methods``."""
    return getattr(pool._vfs._methods, name)


def allocate_region(pool: Pool, size: int) -> int:
    """The address of memory for a region of a WAL-index, as the VFS gets it."""
    return pool._vfs._allocate(size)


def paths_with_index(indexes: Any) -> list[str]:
    """The paths of the databases that have a WAL-index."""
    return list(indexes._by_path)


def assert_nothing_is_open(pool: Pool) -> None:
    """AssertionError while a file is open, a lock is held or there is a WAL-index."""
    vfs = pool._vfs
    assert not vfs._files, f"open: {vfs.open_paths}"
    assert vfs._page_io.isUnlocked, "a file is locked"
    indexes = paths_with_index(vfs._indexes)
    assert not indexes, f"WAL-indexes: {indexes}"


def assert_nothing_is_lent(pool: Pool) -> None:
    """AssertionError while a slot is lent out, taken, shown or orphaned."""
    slots = pool._slots
    assert not slots._lent, f"lent: {list(slots._lent)}"
    assert not slots._taken, f"taken: {slots._taken}"
    assert not slots._shown, f"shown: {list(slots._shown)}"
    assert not slots._orphans, f"orphans: {slots._orphans}"


@contextlib.contextmanager
def deleting(pool: Pool, delete: Any) -> Iterator[None]:
    """Within the block ``delete(path)`` is called in place of the slot table's method."""
    table: Any = pool._slots
    table.delete = delete
    try:
        yield
    finally:
        del table.delete


# --- installed pools ----------------------------------------------------------------------------


def installed_pools() -> dict[str, Pool]:
    """The pools of this worker, by name; this is the library's own dictionary."""
    return sahpool.pool._installed


def forget(pool: Pool) -> None:
    """Lets go of a paused pool as the end of its worker does: nothing is written or removed."""
    pool._vfs.dispose()
    installed_pools().pop(pool.name, None)


def force_end(pool: Pool) -> None:
    """Lets go of a pool in whatever state it is; a step that fails leaves the rest undone."""
    pool._vfs.dispose()
    pool._slots.close()
    pool._hold.unlock()
