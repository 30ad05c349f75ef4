"""The lock table against the rules of sqlite.org/lockingv3.html."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sahpool.locks import EXCLUSIVE, NONE, PENDING, RESERVED, SHARED, LockTable

A, B, C = 1, 2, 3


def test_many_readers_share() -> None:
    locks = LockTable()
    assert locks.lock("/x", A, SHARED)
    assert locks.lock("/x", B, SHARED)
    assert not locks.is_reserved("/x")


def test_a_writer_reserves_beside_readers_and_is_seen_by_all() -> None:
    locks = LockTable()
    assert locks.lock("/x", A, SHARED)
    assert locks.lock("/x", B, SHARED)
    assert locks.lock("/x", A, RESERVED)
    assert locks.is_reserved("/x")
    assert not locks.lock("/x", B, RESERVED)
    assert locks.lock("/x", C, SHARED)


def test_a_waiting_writer_keeps_new_readers_out_and_lets_old_ones_finish() -> None:
    locks = LockTable()
    assert locks.lock("/x", A, SHARED)
    assert locks.lock("/x", B, SHARED)
    assert locks.lock("/x", A, RESERVED)
    assert not locks.lock("/x", A, EXCLUSIVE)
    assert locks.level("/x", A) == PENDING
    assert not locks.lock("/x", C, SHARED)
    locks.unlock("/x", B, NONE)
    assert locks.lock("/x", A, EXCLUSIVE)


def test_two_writers_that_want_exclusive_do_not_both_wait_for_ever() -> None:
    locks = LockTable()
    for owner in (A, B):
        assert locks.lock("/x", owner, SHARED)
    assert locks.lock("/x", A, RESERVED)
    assert not locks.lock("/x", B, EXCLUSIVE)
    assert locks.level("/x", B) == SHARED
    locks.unlock("/x", B, NONE)
    assert locks.lock("/x", A, EXCLUSIVE)


def test_an_exclusive_holder_is_alone() -> None:
    locks = LockTable()
    assert locks.lock("/x", A, SHARED)
    assert locks.lock("/x", A, EXCLUSIVE)
    assert not locks.lock("/x", B, SHARED)
    locks.unlock("/x", A, SHARED)
    assert locks.lock("/x", B, SHARED)
    assert not locks.is_reserved("/x")


def test_paths_do_not_touch_one_another() -> None:
    locks = LockTable()
    assert locks.lock("/x", A, SHARED)
    assert locks.lock("/x", A, EXCLUSIVE)
    assert locks.lock("/y", B, SHARED)
    assert locks.lock("/y", B, EXCLUSIVE)


def test_unlocking_what_is_not_held_changes_nothing() -> None:
    locks = LockTable()
    locks.unlock("/x", A, NONE)
    locks.unlock("/x", A, SHARED)
    assert locks.level("/x", A) == NONE


class Locks(RuleBasedStateMachine):
    """Any sequence of requests keeps the invariants of the table."""

    def __init__(self) -> None:
        super().__init__()
        self.locks = LockTable()

    @rule(owner=st.integers(1, 4), level=st.sampled_from([SHARED, RESERVED, EXCLUSIVE]))
    def lock(self, owner: int, level: int) -> None:
        before = self.locks.level("/x", owner)
        if before == NONE and level != SHARED:
            return  # SQLite always begins with SHARED
        granted = self.locks.lock("/x", owner, level)
        assert (self.locks.level("/x", owner) >= level) == granted
        assert self.locks.level("/x", owner) >= before

    @rule(owner=st.integers(1, 4), level=st.sampled_from([NONE, SHARED]))
    def unlock(self, owner: int, level: int) -> None:
        self.locks.unlock("/x", owner, level)
        assert self.locks.level("/x", owner) <= level

    @invariant()
    def one_writer_and_an_exclusive_one_alone(self) -> None:
        levels = [self.locks.level("/x", owner) for owner in range(1, 5)]
        assert sum(level > SHARED for level in levels) <= 1
        if EXCLUSIVE in levels:
            assert sum(level > NONE for level in levels) == 1
        assert self.locks.is_reserved("/x") == any(level >= RESERVED for level in levels)


TestLocks = Locks.TestCase
