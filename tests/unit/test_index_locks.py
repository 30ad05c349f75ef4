"""The locks of a WAL-index: shared ones are shared, exclusive ones exclude, own ones count too."""

from __future__ import annotations

import random
from pathlib import Path

from .node import ask

SCRIPT = Path(__file__).with_name("index_locks_model.mjs")
LOCKS = 8  # SQLITE_SHM_NLOCK

Step = tuple[str, int, int, int, bool]


def answers(steps: list[Step]) -> list[bool | None]:
    """What ``IndexLocks`` of locks.mjs grants, step by step; None where nothing is asked."""
    granted: list[bool | None] = ask(SCRIPT, {"steps": steps})
    return granted


def lock(connection: int, first: int, count: int = 1, *, exclusive: bool = False) -> Step:
    return "lock", connection, first, count, exclusive


def unlock(connection: int, first: int, count: int = 1) -> Step:
    return "unlock", connection, first, count, False


def test_shared_locks_are_shared_and_exclusive_ones_are_not() -> None:
    steps = [
        lock(1, 3),
        lock(2, 3),
        lock(1, 3, exclusive=True),
        unlock(2, 3),
        unlock(1, 3),
        lock(1, 3, exclusive=True),
        lock(2, 3),
    ]
    assert answers(steps) == [True, True, False, None, None, True, False]


def test_a_range_is_taken_whole_or_not_at_all() -> None:
    steps = [lock(2, 4), lock(1, 1, LOCKS - 1, exclusive=True), lock(2, 1, exclusive=True)]
    assert answers(steps) == [True, False, True]


def test_a_lock_that_one_shares_cannot_be_had_alone_by_the_same_connection() -> None:
    steps = [
        lock(1, 4),
        lock(1, 4),
        lock(1, 4, 4, exclusive=True),
        unlock(1, 4),
        lock(1, 4, 4, exclusive=True),
        lock(1, 5),
    ]
    assert answers(steps) == [True, True, False, None, True, False]


def test_a_connection_that_leaves_leaves_its_locks() -> None:
    steps = [lock(1, 0, LOCKS, exclusive=True), ("leave", 1, 0, 1, False), lock(2, 0, LOCKS)]
    assert answers(steps) == [True, None, True]


def test_any_sequence_is_answered_as_a_list_of_who_holds_which_lock_would_be() -> None:
    chance = random.Random(7)
    steps: list[Step] = []
    expected: list[bool | None] = []
    held: set[tuple[int, int, bool]] = set()  # lock, connection, exclusively
    for _ in range(20_000):
        connection, first = chance.randrange(4), chance.randrange(LOCKS)
        count = chance.choice((1, 1, chance.randint(1, LOCKS - first)))
        what = chance.choice(("lock", "lock", "lock", "unlock", "unlock", "leave"))
        exclusive = what == "lock" and chance.random() < 0.5
        steps.append((what, connection, first, count, exclusive))
        locks = range(first, first + count)
        if what != "lock":
            gone = range(LOCKS) if what == "leave" else locks
            held = {each for each in held if each[1] != connection or each[0] not in gone}
            expected.append(None)
            continue
        refused = any(
            each in locks and (alone != exclusive if owner == connection else alone or exclusive)
            for each, owner, alone in held
        )
        expected.append(not refused)
        if not refused:
            held |= {(each, connection, exclusive) for each in locks}
    assert answers(steps) == expected
    assert expected.count(True) > 1000 < expected.count(False)
