"""The WAL-index: memory that the connections to one database share. Its locks are in locks.mjs.

Source: sqlite.org/walformat.html, section 2 (the WAL-index) and ``sqlite3_io_methods.xShmMap`` …
``xShmUnmap`` of sqlite.org/c3ref/io_methods.html. The index is never written to disk: it can be
rebuilt from the WAL, and here it exists as long as one connection uses it. The next connection
finds zeroed regions, takes them for an index that was never written, and rebuilds it from the WAL.
"""

from __future__ import annotations

from collections.abc import Callable


class SharedIndex:
    """The regions of one database file's WAL-index, and the connections that use them."""

    def __init__(self, allocate: Callable[[int], int], release: Callable[[int], None]) -> None:
        self._allocate = allocate
        self._release = release
        self._regions: list[int] = []
        self._owners: set[int] = set()

    @property
    def owners(self) -> int:
        """How many connections use the index."""
        return len(self._owners)

    def join(self, owner: int) -> None:
        """Adds a user of the index; adding it again has no effect."""
        self._owners.add(owner)

    def leave(self, owner: int) -> None:
        """Removes a user of the index; the memory is freed with the last one."""
        self._owners.discard(owner)
        if not self._owners:
            while self._regions:  # each is freed once, also when this is called again
                self._release(self._regions.pop())

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


class SharedIndexes:
    """The WAL-indexes by the file of the database; an index exists while a connection uses it.

    Not by its path: an open file may lose its path to another file.
    """

    def __init__(self, allocate: Callable[[int], int], release: Callable[[int], None]) -> None:
        self._allocate = allocate
        self._release = release
        self._by_file: dict[object, SharedIndex] = {}

    def join(self, file: object, owner: int) -> SharedIndex:
        """The index of ``file``, with ``owner`` added to its users."""
        index = self._by_file.get(file)
        if index is None:
            index = self._by_file[file] = SharedIndex(self._allocate, self._release)
        index.join(owner)
        return index

    def leave(self, file: object, owner: int) -> None:
        """Removes ``owner`` from the users of the index of ``file``."""
        index = self._by_file.get(file)
        if index is not None:
            index.leave(owner)
            if not index.owners:
                del self._by_file[file]
