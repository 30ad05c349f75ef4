"""The five lock levels of a file against the rules of sqlite.org/lockingv3.html."""

from __future__ import annotations

import random
from pathlib import Path

from .node import ask

SCRIPT = Path(__file__).with_name("file_locks_model.mjs")
NONE, SHARED, RESERVED, PENDING, EXCLUSIVE = range(5)
A, B, C = 1, 2, 3
OWNERS = (1, 2, 3, 4)

#: "lock" or "unlock", the owner, the level.
Step = tuple[str, int, int]
#: Whether it was granted (None for an unlock); the levels of the owners; whether any is reserved.
Answer = tuple[bool | None, list[int], bool]


def answers(steps: list[Step]) -> list[Answer]:
    """What ``FileLocks`` of locks.mjs does, step by step."""
    told = ask(SCRIPT, {"steps": steps, "owners": OWNERS})
    return [(granted, levels, reserved) for granted, levels, reserved in told]


def granted(*steps: Step) -> list[bool | None]:
    """What is granted of each lock; None for an unlock."""
    return [answer[0] for answer in answers(list(steps))]


def lock(owner: int, level: int) -> Step:
    return "lock", owner, level


def unlock(owner: int, level: int) -> Step:
    return "unlock", owner, level


def test_many_readers_share() -> None:
    *_, (last, _, reserved) = answers([lock(A, SHARED), lock(B, SHARED)])
    assert last
    assert not reserved


def test_a_writer_reserves_beside_readers_and_is_seen_by_all() -> None:
    steps = [lock(A, SHARED), lock(B, SHARED), lock(A, RESERVED)]
    assert answers(steps)[-1] == (True, [RESERVED, SHARED, NONE, NONE], True)
    assert granted(*steps, lock(B, RESERVED), lock(C, SHARED))[3:] == [False, True]


def test_a_waiting_writer_keeps_new_readers_out_and_lets_old_ones_finish() -> None:
    steps = [lock(A, SHARED), lock(B, SHARED), lock(A, RESERVED), lock(A, EXCLUSIVE)]
    assert answers(steps)[-1] == (False, [PENDING, SHARED, NONE, NONE], True)
    more = granted(*steps, lock(C, SHARED), unlock(B, NONE), lock(A, EXCLUSIVE))[4:]
    assert more == [False, None, True]


def test_two_writers_that_want_exclusive_do_not_both_wait_for_ever() -> None:
    steps = [lock(A, SHARED), lock(B, SHARED), lock(A, RESERVED), lock(B, EXCLUSIVE)]
    assert answers(steps)[-1] == (False, [RESERVED, SHARED, NONE, NONE], True)
    assert granted(*steps, unlock(B, NONE), lock(A, EXCLUSIVE))[4:] == [None, True]


def test_an_exclusive_holder_is_alone() -> None:
    steps = [lock(A, SHARED), lock(A, EXCLUSIVE), lock(B, SHARED), unlock(A, SHARED)]
    assert granted(*steps) == [True, True, False, None]
    assert answers([*steps, lock(B, SHARED)])[-1] == (True, [SHARED, SHARED, NONE, NONE], False)


def test_unlocking_what_is_not_held_changes_nothing() -> None:
    for level in (NONE, SHARED):
        assert answers([unlock(A, level)]) == [(None, [NONE] * 4, False)]


class ByteLocks:
    """The same rules as a desktop has them: read and write locks on three ranges of bytes.

    After lockingv3.html, section 3, and the essay in os_unix.c above unixLock: whoever wants SHARED
    read-locks the PENDING byte for a moment and the SHARED range for good; RESERVED is a write lock
    on its byte; EXCLUSIVE one on the PENDING byte and, when the readers are gone, on the range.
    """

    def __init__(self) -> None:
        self._ranges: dict[str, dict[int, str]] = {"pending": {}, "reserved": {}, "shared": {}}

    def _take(self, name: str, owner: int, kind: str) -> bool:
        others = [held for other, held in self._ranges[name].items() if other != owner]
        if "write" in others or (kind == "write" and others):
            return False
        self._ranges[name][owner] = kind
        return True

    def level(self, owner: int) -> int:
        if self._ranges["shared"].get(owner) == "write":
            return EXCLUSIVE
        if owner in self._ranges["pending"]:
            return PENDING
        if owner in self._ranges["reserved"]:
            return RESERVED
        return SHARED if owner in self._ranges["shared"] else NONE

    def lock(self, owner: int, wanted: int) -> bool:
        if self.level(owner) >= wanted:
            return True
        if wanted == SHARED:
            if not self._take("pending", owner, "read"):
                return False
            granted = self._take("shared", owner, "read")
            del self._ranges["pending"][owner]
            return granted
        if wanted == RESERVED:
            # Within a process nobody takes RESERVED beside a PENDING that skipped it (a hot
            # journal is rolled back from SHARED to EXCLUSIVE).
            pending = [each for each in self._ranges["pending"] if each != owner]
            return not pending and self._take("reserved", owner, "write")
        # … and nobody takes PENDING beside a RESERVED that is not its own.
        if any(each != owner for each in self._ranges["reserved"]):
            return False
        return self._take("pending", owner, "write") and self._take("shared", owner, "write")

    def unlock(self, owner: int, wanted: int) -> None:
        if self.level(owner) <= wanted:
            return
        self._ranges["pending"].pop(owner, None)
        self._ranges["reserved"].pop(owner, None)
        if wanted == SHARED:
            self._ranges["shared"][owner] = "read"
        else:
            del self._ranges["shared"][owner]


def test_any_sequence_is_answered_as_byte_locks_would_be() -> None:
    chance = random.Random(11)
    steps: list[Step] = []
    expected: list[Answer] = []
    model = ByteLocks()
    for _ in range(20_000):
        owner = chance.choice(OWNERS)
        allowed: bool | None = None
        if chance.random() < 0.6:
            # SQLite always begins with SHARED.
            begins = model.level(owner) == NONE
            level = SHARED if begins else chance.choice((SHARED, RESERVED, EXCLUSIVE))
            allowed = model.lock(owner, level)
            steps.append(lock(owner, level))
        else:
            level = chance.choice((NONE, SHARED))
            model.unlock(owner, level)
            steps.append(unlock(owner, level))
        levels = [model.level(each) for each in OWNERS]
        assert sum(each > SHARED for each in levels) <= 1
        assert EXCLUSIVE not in levels or sum(levels) == EXCLUSIVE
        expected.append((allowed, levels, max(levels) >= RESERVED))
    assert answers(steps) == expected
    outcomes = [allowed for allowed, *_ in expected]
    assert outcomes.count(True) > 1000 < outcomes.count(False)
