"""The WAL-index: memory and locks that the connections to one database share.

Source: sqlite.org/walformat.html, section 2 (the WAL-index) and ``sqlite3_io_methods.xShmMap`` …
``xShmUnmap`` of sqlite.org/c3ref/io_methods.html. The index never goes to disk: it can be rebuilt
from the WAL, and here it lives as long as one connection uses it. The first connection after that
finds zeroed regions, takes them for an index that was never written and recovers from the WAL.
"""

from __future__ import annotations

from collections.abc import Callable

LOCK_COUNT = 8  #: SQLITE_SHM_NLOCK


class SharedIndex:
    """The regions and locks of one database's WAL-index.

    Invariant: a lock has any number of shared holders or one exclusive holder, never both.
    """

    def __init__(self, allocate: Callable[[int], int], release: Callable[[int], None]) -> None:
        self._allocate = allocate
        self._release = release
        self._regions: list[int] = []
        self._shared: dict[int, int] = {}  # owner → bit mask of the locks it shares
        self._exclusive: dict[int, int] = {}  # owner → bit mask of the locks it has alone

    @property
    def owners(self) -> int:
        """How many connections use the index."""
        return len(self._shared)

    def join(self, owner: int) -> None:
        """Counts ``owner`` among the users of the index; joining twice is joining once."""
        self._shared.setdefault(owner, 0)
        self._exclusive.setdefault(owner, 0)

    def leave(self, owner: int) -> None:
        """Drops the owner and its locks; the last one out frees the memory."""
        self._shared.pop(owner, None)
        self._exclusive.pop(owner, None)
        if not self._shared:
            for address in self._regions:
                self._release(address)
            self._regions.clear()

    def region(self, number: int, size: int, extend: bool) -> int:
        """Address of region ``number``, ``size`` bytes long and zeroed when new.

        Returns:
            0 when the region does not exist and ``extend`` is false.

        Raises:
            MemoryError: The heap has no room for another region.
        """
        while extend and len(self._regions) <= number:
            address = self._allocate(size)
            if not address:
                raise MemoryError(f"no memory for {size} bytes of WAL-index")
            self._regions.append(address)
        return self._regions[number] if number < len(self._regions) else 0

    def lock(self, owner: int, first: int, count: int, *, exclusive: bool) -> bool:
        """Takes locks ``first`` … ``first + count − 1``; False means SQLITE_BUSY.

        As in os_unix.c an owner's own lock is in its way as well: a checkpoint that began to read
        must not begin the WAL anew beneath itself.
        """
        mask = _mask(first, count)
        for other, shared in self._shared.items():
            alone = self._exclusive[other]
            if other == owner:
                held = shared if exclusive else alone
            else:
                held = shared | alone if exclusive else alone
            if held & mask:
                return False
        (self._exclusive if exclusive else self._shared)[owner] |= mask
        return True

    def unlock(self, owner: int, first: int, count: int) -> None:
        """Gives the locks back, whichever way they were taken."""
        mask = ~_mask(first, count)
        self._shared[owner] &= mask
        self._exclusive[owner] &= mask


class SharedIndexes:
    """The WAL-indexes by path; an index exists while a connection uses it."""

    def __init__(self, allocate: Callable[[int], int], release: Callable[[int], None]) -> None:
        self._allocate = allocate
        self._release = release
        self._by_path: dict[str, SharedIndex] = {}

    def join(self, path: str, owner: int) -> SharedIndex:
        """The index of ``path``, with ``owner`` among its users."""
        index = self._by_path.get(path)
        if index is None:
            index = self._by_path[path] = SharedIndex(self._allocate, self._release)
        index.join(owner)
        return index

    def leave(self, path: str, owner: int) -> None:
        """``owner`` no longer uses the index of ``path``."""
        index = self._by_path.get(path)
        if index is not None:
            index.leave(owner)
            if not index.owners:
                del self._by_path[path]


def _mask(first: int, count: int) -> int:
    if first < 0 or count < 1 or first + count > LOCK_COUNT:
        raise ValueError(f"no such WAL-index locks: {first}, {count}")
    return ((1 << count) - 1) << first
