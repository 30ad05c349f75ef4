"""The slots of a pool by their states, as kept in memory.

Each slot is in the one place that its state says (states.py). A slot in quarantine is there as a
``Quarantined``, and is written to on demand only.
"""

from __future__ import annotations

from ..names import is_companion, stored_path
from ..sqlite import abi
from .slot import Quarantined, Slot
from .states import State, check_transition

#: The kinds of file among SQLITE_OPEN_* flags, MAIN_DB to SUPER_JOURNAL and WAL
#: (sqlite.org/c3ref/c_open_autoproxy.html).
_KINDS = 0x00087F00


def is_database(slot: Slot) -> bool:
    """Whether a slot holds a database, by the kind of file in the flags of its creating xOpen.

    When the header, written by another program, has no such flag, the path decides.
    """
    kind = slot.flags & _KINDS
    return bool(kind & abi.SQLITE_OPEN_MAIN_DB) if kind else not is_companion(slot.path)


#: The states in which a slot has a path that it is found by.
_BY_PATH = (State.NAMED, State.LENT, State.SHOWN)
_IN_ORDER = (State.SPARE, State.TEMPORARY, State.DELETED, State.ORPHANED, State.LEAVING)

#: The states in which a slot is not one of those that the pool has for files.
_NO_ROOM = (State.SHOWN, State.LEAVING)


class Places:
    """The slots of one pool by their states."""

    def __init__(self) -> None:
        self._by_path: dict[State, dict[str, Slot]] = {state: {} for state in _BY_PATH}
        self._in_order: dict[State, list[Slot]] = {state: [] for state in _IN_ORDER}
        self._named, self._lent, self._shown = (self._by_path[state] for state in _BY_PATH)
        self._spare = self._in_order[State.SPARE]
        self.quarantined: list[Quarantined] = []

    def those(self, *states: State) -> list[Slot]:
        """The slots in any of these states."""
        found: list[Slot] = []
        for state in states:
            found += self._by_path[state].values() if state in _BY_PATH else self._in_order[state]
        return found

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
        return len(self.those(*(each for each in (*_BY_PATH, *_IN_ORDER) if each not in _NO_ROOM)))

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
        """Makes the spare slots that have been large leave; returns how many."""
        return self._remove([slot for slot in self._spare if slot.bulky])

    def remove_spares(self, count: int) -> int:
        """Makes up to ``count`` spare slots leave; returns how many."""
        return self._remove(self._spare[max(0, len(self._spare) - count) :])

    def _remove(self, slots: list[Slot]) -> int:
        for slot in slots:
            self._move(slot, State.LEAVING)
        return len(slots)

    @property
    def leaving(self) -> list[Slot]:
        """Slots whose files will be removed."""
        return self.those(State.LEAVING)

    def forget(self, slot: Slot) -> None:
        """Forgets a leaving slot, whose file was removed."""
        if slot in self._in_order[State.LEAVING]:  # all are forgotten when the pool is paused
            self._move(slot, State.GONE)

    def close(self) -> None:
        """Closes every handle and forgets every slot; writes nothing."""
        for slot in self.those(State.NAMED, State.LENT, *_IN_ORDER):
            slot.handle.close()
        for kept in self.quarantined:
            kept.handle.close()
        for files in (self._named, self._lent):
            files.clear()
        for slots in self._in_order.values():
            slots.clear()
        self.quarantined.clear()

    def _move(self, slot: Slot, to: State, path: str = "", *, first: bool = False) -> None:
        """Gives a slot a state, and with it a place and a path.

        Args:
            slot: The slot.
            to: The state.
            path: The path that it is found by, in a state that has one; else what it was.
            first: Whether it becomes the first in its place, and not the last.

        Raises:
            RuntimeError: The state may not follow the one that the slot has.
        """
        check_transition(slot.state, to)
        try:
            self._shift(slot, to, path, first)
        except BaseException:
            self._shift(slot, to, path, first)
            raise

    def _shift(self, slot: Slot, to: State, path: str, first: bool) -> None:
        # The slot is removed first: a slot in no place is lost only until the next start, but one
        # that is both a file and a spare would be written to as both.
        before = slot.state
        if before in self._by_path and (before is not to or slot.path != path):
            files = self._by_path[before]
            if files.get(slot.path) is slot:
                del files[slot.path]
        elif before in self._in_order and before is not to:
            slots = self._in_order[before]
            if slot in slots:
                slots.remove(slot)
        slot.path = path
        slot.state = to
        if to in self._by_path:
            self._by_path[to][path] = slot
        elif to in self._in_order and slot not in self._in_order[to]:
            self._in_order[to].insert(0 if first else len(self._in_order[to]), slot)
