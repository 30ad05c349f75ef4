"""The five lock levels of SQLite's rollback mode, per path, across the connections of a worker.

Source: sqlite.org/lockingv3.html, section 3. All connections live in one thread, so a table in
memory is the whole truth: other workers are kept out by the pool's Web Lock.

``xCheckReservedLock`` must be answered from this table. A constant 1 means that the hot journal of
a killed tab is never rolled back; a constant 0 means that a second connection rolls back the
journal of a writer that is alive.
"""

from __future__ import annotations

NONE = 0
SHARED = 1
RESERVED = 2
PENDING = 3
EXCLUSIVE = 4


class LockTable:
    """Who holds which level on which path.

    An owner is any hashable that stands for one open file (the address of its ``sqlite3_file``).
    Invariants, per path: at most one owner is above SHARED; an EXCLUSIVE owner is the only one.
    """

    def __init__(self) -> None:
        self._held: dict[str, dict[int, int]] = {}

    def level(self, path: str, owner: int) -> int:
        """The level that ``owner`` holds on ``path``: NONE … EXCLUSIVE."""
        return self._held.get(path, {}).get(owner, NONE)

    def lock(self, path: str, owner: int, wanted: int) -> bool:
        """Raises the owner's level to ``wanted`` (SHARED, RESERVED or EXCLUSIVE).

        Returns:
            True when the level was reached. False means SQLITE_BUSY. After a refused EXCLUSIVE the
            owner may be left at PENDING: readers finish, new ones are kept out, the writer does
            not starve.
        """
        held = self._held.setdefault(path, {})
        mine = held.get(owner, NONE)
        if mine >= wanted:
            return True
        others = max((level for other, level in held.items() if other != owner), default=NONE)
        if wanted == SHARED:
            if others >= PENDING:  # a writer waits for the readers to leave, or is at work
                return False
        elif others >= RESERVED:  # one writer at a time
            return False
        elif wanted == EXCLUSIVE and others == SHARED:
            held[owner] = PENDING
            return False
        held[owner] = wanted
        return True

    def unlock(self, path: str, owner: int, wanted: int) -> None:
        """Lowers the owner's level to ``wanted`` (SHARED or NONE); never raises it."""
        held = self._held.get(path, {})
        if held.get(owner, NONE) <= wanted:
            return
        if wanted == NONE:
            del held[owner]
            if not held:
                del self._held[path]
        else:
            held[owner] = wanted

    def is_free(self, path: str) -> bool:
        """Whether nobody holds anything on ``path``."""
        return path not in self._held

    def is_reserved(self, path: str) -> bool:
        """Whether any owner, the asking one included, holds RESERVED or more."""
        return any(level >= RESERVED for level in self._held.get(path, {}).values())
