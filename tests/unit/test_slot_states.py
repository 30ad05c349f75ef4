"""The states of slots: only changes in the table happen, and each slot is in one place."""

from __future__ import annotations

import contextlib
import random
from itertools import chain

import pytest

from sahpool.errors import SahpoolError
from sahpool.opfs_pool import header, places
from sahpool.opfs_pool.slots import SlotTable
from sahpool.opfs_pool.states import TRANSITIONS, State, check_transition

from .memory_handle import MemoryHandle

DATABASE, JOURNAL, SUPER = 0x106, 0x806, 0x4006
NAMES = ("/a.db", "/b.db", "/c.db-journal", "/d.db-mj000000001")
HELD = [state for state in State if state not in (State.NEW, State.QUARANTINED, State.GONE)]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> set[tuple[State, State]]:
    """The changes of state during the test, but not those that were repeated."""
    found: set[tuple[State, State]] = set()

    def check(before: State, after: State) -> None:
        check_transition(before, after)
        if before is not after:
            found.add((before, after))

    monkeypatch.setattr(places, "check_transition", check)
    return found


def assert_each_is_in_its_place(table: SlotTable) -> None:
    held = {state: table.those(state) for state in HELD}
    everything = list(chain.from_iterable(held.values()))
    assert len({id(slot) for slot in everything}) == len(everything), "a slot is in two places"
    for state, slots in held.items():
        assert {slot.state for slot in slots} <= {state}
    for state in (State.NAMED, State.LENT, State.SHOWN):
        for slot in held[state]:
            assert table.find(slot.path) is slot


def files(chance: random.Random) -> list[bytes]:
    """Slots as another worker may leave them: spare, named, twice the same name, damaged."""
    content = b"content"
    sectors = [header.encode("", 0, number + 1) for number in range(6)]
    sectors += [header.encode("/a.db", DATABASE, 10), header.encode("/a.db", DATABASE, 11)]
    sectors += [header.encode("/c.db-journal", JOURNAL, 12) + content]
    sectors += [header.encode("/d.db-mj000000001", SUPER, 13) + content]
    other = header.encode("/b.db", DATABASE, 14)[:1024].ljust(header.SECTOR_SIZE, b"\0")
    # Another program's does not say whether it is the older one.
    sectors += [other, header.encode("/b.db", DATABASE, 15)]
    sectors += [b"\xff" * header.SECTOR_SIZE + content, b"\xff" * header.SECTOR_SIZE]
    chance.shuffle(sectors)
    return sectors


class Run:
    """One table, and what may be done with it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.table = SlotTable()
        self.handles: list[MemoryHandle] = []
        for number, sector in enumerate(files(self.chance)):
            self._open(f"slot{number}", sector)
        self.table.keep_companions()
        self.users = 0
        named = [self.create, self.delete, self.use, self.grow, self.leave]
        lent = [self.lend, self.end, self.temporary]
        self.acts = [*named, *lent, self.show, self.recover, self.drop]

    def _open(self, name: str, sector: bytes) -> None:
        self.handles.append(MemoryHandle(sector))
        self.table.load(name, self.handles[-1])

    def step(self) -> None:
        """Does one thing, perhaps while the storage refuses some calls."""
        for handle in self.handles:
            handle.broken = {"write"} if self.chance.random() < 0.2 else set()
        with contextlib.suppress(SahpoolError, OSError):
            self.chance.choice(self.acts)()
        assert_each_is_in_its_place(self.table)

    def create(self) -> None:
        path = self.chance.choice(NAMES)
        if self.table.find(path) is None:
            self.table.create(path, DATABASE)

    def delete(self) -> None:
        self.table.delete(self.chance.choice(NAMES))

    def use(self) -> None:
        """Opens a file, or closes one."""
        for slot in self.table.those(State.NAMED, State.DELETED):
            if slot.users:
                self.table.release(slot, slot.users.copy().pop())
            elif self.chance.random() < 0.5:
                self.users += 1
                slot.users.add(self.users)

    def lend(self) -> None:
        self.table.lend(f"/\x01{len(self.handles)}-{self.chance.random()}")

    def end(self) -> None:
        for slot in self.table.those(State.LENT):
            if self.chance.random() < 0.5:
                self.table.rename(slot, self.chance.choice(NAMES), DATABASE)
            else:
                self.table.take_back(slot.path)

    def temporary(self) -> None:
        self.table.temporary()
        if self.chance.random() < 0.7:
            self.table.give_back_temporary(())

    def leave(self) -> None:
        self.table.remove_spares(1)
        for slot in self.table.leaving:
            self.table.forget(slot)

    def show(self) -> None:
        for kept in self.table.quarantined[:1]:
            with self.table.shown(kept, "/\x01shown"):
                assert_each_is_in_its_place(self.table)

    def recover(self) -> None:
        for kept in self.table.quarantined[:1]:
            self.table.name_quarantined(kept, self.chance.choice(NAMES), DATABASE)

    def drop(self) -> None:
        for kept in self.table.quarantined[:1]:
            self.table.free_quarantined(kept)

    def grow(self) -> None:
        if len(self.handles) < 60:
            self.handles.append(MemoryHandle())
            self.table.add_spare(f"slot{len(self.handles)}", self.handles[-1])


def test_every_change_in_the_table_happens_and_no_other_one_does(
    seen: set[tuple[State, State]],
) -> None:
    for seed in range(80):
        run = Run(seed)
        assert_each_is_in_its_place(run.table)
        for _ in range(60):
            run.step()
    allowed = {(before, after) for before, those in TRANSITIONS.items() for after in those}
    assert seen == allowed


def test_a_change_that_is_not_in_the_table_is_refused_and_one_may_be_repeated() -> None:
    with pytest.raises(RuntimeError, match="TEMPORARY cannot become NAMED"):
        check_transition(State.TEMPORARY, State.NAMED)
    for state in State:
        check_transition(state, state)
    assert set(TRANSITIONS) == set(State)


def test_a_slot_in_quarantine_cannot_be_lent_or_freed_as_if_it_were_spare() -> None:
    table = SlotTable()
    table.load("odd", MemoryHandle(b"\xff" * header.SECTOR_SIZE + b"content"))
    (kept,) = table.quarantined
    with table.shown(kept, "/\x01shown"):
        slot = table.find("/\x01shown")
        assert slot is not None
        with pytest.raises(RuntimeError, match="SHOWN cannot become SPARE"):
            table.give_back(slot)
        assert table.find("/\x01shown") is slot
    assert table.find("/\x01shown") is None
    assert table.quarantined == [kept]
