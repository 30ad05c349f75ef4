"""The WAL-index bookkeeping: regions that live as long as a user, locks that exclude."""

from __future__ import annotations

import pytest

from sahpool.shm import LOCK_COUNT, SharedIndexes


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


def test_connections_to_one_path_see_the_same_region(indexes: SharedIndexes) -> None:
    one, two = indexes.join("/x", 1), indexes.join("/x", 2)
    assert one.region(0, 32768, True) == two.region(0, 32768, False) != 0


def test_connections_to_other_paths_do_not(indexes: SharedIndexes) -> None:
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


def test_shared_locks_are_shared_and_exclusive_ones_are_not(indexes: SharedIndexes) -> None:
    index = indexes.join("/x", 1)
    indexes.join("/x", 2)
    assert index.lock(1, 3, 1, exclusive=False)
    assert index.lock(2, 3, 1, exclusive=False)
    assert not index.lock(1, 3, 1, exclusive=True)
    index.unlock(2, 3, 1)
    assert index.lock(1, 3, 1, exclusive=True)
    assert not index.lock(2, 3, 1, exclusive=False)


def test_a_range_is_taken_whole_or_not_at_all(indexes: SharedIndexes) -> None:
    index = indexes.join("/x", 1)
    indexes.join("/x", 2)
    assert index.lock(2, 4, 1, exclusive=False)
    assert not index.lock(1, 1, LOCK_COUNT - 1, exclusive=True)
    assert index.lock(2, 1, 1, exclusive=True)


def test_a_user_that_leaves_leaves_its_locks(indexes: SharedIndexes) -> None:
    index = indexes.join("/x", 1)
    indexes.join("/x", 2)
    assert index.lock(1, 0, LOCK_COUNT, exclusive=True)
    indexes.leave("/x", 1)
    assert index.lock(2, 0, LOCK_COUNT, exclusive=True)


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, 0), (8, 1), (4, 5)])
def test_locks_that_do_not_exist_are_refused(
    indexes: SharedIndexes, first: int, count: int
) -> None:
    with pytest.raises(ValueError, match="locks"):
        indexes.join("/x", 1).lock(1, first, count, exclusive=True)
