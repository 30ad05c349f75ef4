"""The WAL-index bookkeeping: regions that live as long as a user."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sahpool.sqlite.shm import SharedIndexes
from tests.harness.inside_pools import files_with_index


class Heap:
    """An allocator that knows what is out."""

    def __init__(self) -> None:
        self.next = 1000
        self.out: dict[int, int] = {}

    def allocate(self, size: int) -> int:
        self.next += size
        self.out[self.next] = size
        return self.next

    def release(self, address: int) -> None:
        del self.out[address]


@pytest.fixture
def heap() -> Heap:
    return Heap()


@pytest.fixture
def indexes(heap: Heap) -> SharedIndexes:
    return SharedIndexes(heap.allocate, heap.release)


def test_connections_to_one_file_see_the_same_region(indexes: SharedIndexes) -> None:
    one, two = indexes.join("/x", 1), indexes.join("/x", 2)
    assert one.region(0, 32768, True) == two.region(0, 32768, False) != 0


def test_connections_to_other_files_do_not(indexes: SharedIndexes) -> None:
    one, two = indexes.join("/x", 1), indexes.join("/y", 2)
    assert one.region(0, 32768, True) != two.region(0, 32768, True)


def test_a_region_is_not_made_unless_asked_to(indexes: SharedIndexes, heap: Heap) -> None:
    assert indexes.join("/x", 1).region(0, 32768, False) == 0
    assert not heap.out


def test_a_far_region_brings_those_before_it(indexes: SharedIndexes, heap: Heap) -> None:
    index = indexes.join("/x", 1)
    third = index.region(2, 32768, True)
    assert len(heap.out) == 3
    assert index.region(2, 32768, False) == third


def test_memory_goes_with_the_last_user_and_not_before(indexes: SharedIndexes, heap: Heap) -> None:
    indexes.join("/x", 1).region(0, 32768, True)
    indexes.join("/x", 2)
    indexes.leave("/x", 1)
    assert heap.out
    indexes.leave("/x", 2)
    assert not heap.out
    assert indexes.join("/x", 3).region(0, 32768, False) == 0


def test_no_memory_is_an_error(heap: Heap) -> None:
    index = SharedIndexes(lambda _size: 0, heap.release).join("/x", 1)
    with pytest.raises(MemoryError, match="32768"):
        index.region(0, 32768, True)


PATHS = ("/x", "/y")
owners = st.integers(1, 4)


class Indexes(RuleBasedStateMachine):
    """Any sequence of calls is answered as a list of the regions would be."""

    def __init__(self) -> None:
        super().__init__()
        self.heap = Heap()
        self.indexes = SharedIndexes(self.heap.allocate, self.heap.release)
        self.users: set[tuple[str, int]] = set()
        self.regions: dict[str, list[int]] = {path: [] for path in PATHS}

    @rule(path=st.sampled_from(PATHS), owner=owners)
    def join(self, path: str, owner: int) -> None:
        self.indexes.join(path, owner)
        self.users.add((path, owner))

    @rule(path=st.sampled_from(PATHS), owner=owners)
    def leave(self, path: str, owner: int) -> None:
        self.indexes.leave(path, owner)
        self.users.discard((path, owner))
        if not any(user[0] == path for user in self.users):
            self.regions[path].clear()

    @precondition(lambda self: self.users)
    @rule(data=st.data(), number=st.integers(0, 3), extend=st.booleans())
    def region(self, data: st.DataObject, number: int, extend: bool) -> None:
        path, owner = data.draw(st.sampled_from(sorted(self.users)))
        known = self.regions[path]
        address = self.indexes.join(path, owner).region(number, 32768, extend)
        if number < len(known):
            assert address == known[number], "a region has moved"
        elif extend:
            assert address in self.heap.out
            fresh = [
                each for each in self.heap.out if not any(each in r for r in self.regions.values())
            ]
            known.extend(sorted(fresh))
            assert known[number] == address
        else:
            assert address == 0

    @invariant()
    def what_is_out_is_a_region_of_a_used_index(self) -> None:
        """Heap.release raises KeyError when something is freed twice."""
        assert sorted(self.heap.out) == sorted(
            each for regions in self.regions.values() for each in regions
        )

    def teardown(self) -> None:
        for path, owner in self.users:
            self.indexes.leave(path, owner)
        assert not self.heap.out
        assert not files_with_index(self.indexes)


TestIndexes = Indexes.TestCase
