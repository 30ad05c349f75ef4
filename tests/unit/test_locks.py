"""The lock table against the rules of sqlite.org/lockingv3.html."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sahpool.locks import EXCLUSIVE, NONE, PENDING, RESERVED, SHARED, LockTable

A, B, C = 1, 2, 3
OWNERS = range(1, 5)
PATHS = ("/x", "/y")


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


class Locks(RuleBasedStateMachine):
    """Any sequence of requests is answered as byte locks answer it, and keeps the invariants."""

    def __init__(self) -> None:
        super().__init__()
        self.locks = LockTable()
        self.bytes = {path: ByteLocks() for path in PATHS}

    @rule(
        path=st.sampled_from(PATHS),
        owner=st.sampled_from(OWNERS),
        level=st.sampled_from([SHARED, RESERVED, EXCLUSIVE]),
    )
    def lock(self, path: str, owner: int, level: int) -> None:
        before = self.locks.level(path, owner)
        if before == NONE and level != SHARED:
            return  # SQLite always begins with SHARED
        granted = self.locks.lock(path, owner, level)
        assert granted == self.bytes[path].lock(owner, level)
        assert (self.locks.level(path, owner) >= level) == granted
        assert self.locks.level(path, owner) >= before

    @rule(
        path=st.sampled_from(PATHS),
        owner=st.sampled_from(OWNERS),
        level=st.sampled_from([NONE, SHARED]),
    )
    def unlock(self, path: str, owner: int, level: int) -> None:
        self.locks.unlock(path, owner, level)
        self.bytes[path].unlock(owner, level)
        assert self.locks.level(path, owner) <= level

    @invariant()
    def levels_are_those_of_the_byte_locks(self) -> None:
        for path in PATHS:
            levels = [self.locks.level(path, owner) for owner in OWNERS]
            assert levels == [self.bytes[path].level(owner) for owner in OWNERS]

    @invariant()
    def one_writer_and_an_exclusive_one_alone(self) -> None:
        for path in PATHS:
            levels = [self.locks.level(path, owner) for owner in OWNERS]
            assert sum(level > SHARED for level in levels) <= 1
            if EXCLUSIVE in levels:
                assert sum(level > NONE for level in levels) == 1
            assert self.locks.is_reserved(path) == any(level >= RESERVED for level in levels)

    def teardown(self) -> None:
        for path in PATHS:
            for owner in OWNERS:
                self.locks.unlock(path, owner, NONE)
        assert not self.locks._held, "something is kept of paths that nobody holds"


TestLocks = Locks.TestCase
