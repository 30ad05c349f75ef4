"""The state of each slot of a pool, as kept in memory.

Invariant: each slot is in exactly one of *named* (its header has its path), *lent* (it has a path
for a while, but not in its header), *taken* (a temporary file), *orphaned* (its file was deleted
while it was open, or its header could not be freed), *spare* (free), *leaving* (its file will be
removed) and *quarantined* (its header cannot be trusted; it is written to on demand only, see
``quarantine.py``).
"""

from __future__ import annotations

import itertools

from ..names import is_companion, stored_path
from ..sqlite import abi
from .slot import Quarantined, Slot

#: The kinds of file among SQLITE_OPEN_* flags, MAIN_DB to SUPER_JOURNAL and WAL
#: (sqlite.org/c3ref/c_open_autoproxy.html).
_KINDS = 0x00087F00


def is_database(slot: Slot) -> bool:
    """Whether a slot holds a database, by the kind of file in the flags of its creating xOpen.

    When the header, written by another program, has no such flag, the path decides.
    """
    kind = slot.flags & _KINDS
    return bool(kind & abi.SQLITE_OPEN_MAIN_DB) if kind else not is_companion(slot.path)


class Places:
    """The slots of one pool by their states."""

    def __init__(self) -> None:
        self._named: dict[str, Slot] = {}
        self._lent: dict[str, Slot] = {}
        self._shown: dict[str, Slot] = {}  # slots in quarantine that SQLite may open now
        self._spare: list[Slot] = []
        self._taken: list[Slot] = []
        self._orphans: list[Slot] = []
        self._leaving: list[Slot] = []
        self.quarantined: list[Quarantined] = []

    @property
    def paths(self) -> list[str]:
        """Paths of all named slots, companions included, in no particular order."""
        return list(self._named)

    @property
    def databases(self) -> list[str]:
        """Paths of the named slots that are databases, in no particular order."""
        return [path for path, slot in self._named.items() if is_database(slot)]

    @property
    def spare_count(self) -> int:
        """How many slots are spare."""
        return len(self._spare)

    @property
    def lent_count(self) -> int:
        """How many slots are lent out, for an import or an export that is under way."""
        return len(self._lent)

    @property
    def capacity(self) -> int:
        """How many slots the pool has for files: all but the quarantined ones."""
        lists = (self._named, self._lent, self._taken, self._orphans, self._spare)
        return sum(map(len, lists))

    def has_spare(self, name: str) -> bool:
        """Whether the file of that name is a spare slot."""
        return any(slot.name == name for slot in self._spare)

    def find(self, path: str) -> Slot | None:
        """The slot of ``path``, named, lent or shown, or None."""
        path = stored_path(path)
        return self._named.get(path) or self._lent.get(path) or self._shown.get(path)

    @property
    def has_bulky_spares(self) -> bool:
        """Whether a spare slot has been large."""
        return any(slot.bulky for slot in self._spare)

    def remove_bulky_spares(self) -> int:
        """Moves the spare slots that have been large to *leaving*; returns how many."""
        return self._remove([slot for slot in self._spare if slot.bulky])

    def remove_spares(self, count: int) -> int:
        """Moves up to ``count`` spare slots to *leaving*; returns how many."""
        return self._remove(self._spare[max(0, len(self._spare) - count) :])

    def _remove(self, slots: list[Slot]) -> int:
        for slot in slots:
            self._move(slot, self._leaving)
        return len(slots)

    @property
    def leaving(self) -> list[Slot]:
        """Slots whose files will be removed."""
        return list(self._leaving)

    def forget(self, slot: Slot) -> None:
        """Forgets a leaving slot, whose file was removed."""
        if slot in self._leaving:  # all were forgotten when the pool was paused meanwhile
            self._leaving.remove(slot)

    def close(self) -> None:
        """Closes every handle and forgets every slot; writes nothing."""
        lists = (self._spare, self._taken, self._orphans, self._leaving)
        for slot in (*self._named.values(), *self._lent.values(), *itertools.chain(*lists)):
            slot.handle.close()
        for kept in self.quarantined:
            kept.handle.close()
        for each in (self._named, self._lent, *lists, self.quarantined):
            each.clear()

    def _move(self, slot: Slot, to: list[Slot] | dict[str, Slot], path: str = "") -> None:
        """Moves a slot into ``to``, under ``path`` in a dictionary, and out of all other states."""
        try:
            self._shift(slot, to, path)
        except BaseException:
            self._shift(slot, to, path)
            raise

    def _shift(self, slot: Slot, to: list[Slot] | dict[str, Slot], path: str) -> None:
        # The slot is removed first: a slot in no state is lost only until the next start, but one
        # that is both a file and a spare would be written to as both.
        for files in (self._named, self._lent):
            if files is not to and files.get(slot.path) is slot:
                del files[slot.path]
        for slots in (self._spare, self._taken, self._orphans, self._leaving):
            if slots is not to and slot in slots:
                slots.remove(slot)
        slot.path = path
        if isinstance(to, dict):
            to[path] = slot
        elif slot not in to:
            to.append(slot)
