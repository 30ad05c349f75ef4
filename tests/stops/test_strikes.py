"""An exception at any line of the library loses nothing, half does nothing and leaks nothing."""

from __future__ import annotations

import pytest

from tests.proofs import Proofs
from tests.stops.lab import MODES, Strikes

pytestmark = pytest.mark.node

SHARE = 401  # the tests of each change strike at every 401st place of a scene

#: Pairs (workload, journal mode) that are left out. In WAL mode a transaction over two databases is
#: one for each (sqlite.org/lang_attach.html); in the other modes the writer of "checkpoint" waits
#: for its reader.
WITHOUT = {("attached", "WAL"), *(("checkpoint", mode) for mode in MODES if mode != "WAL")}

#: Where a strike shows that a protection is out: its name, the scene, the journal mode, the share.
CONTROLS = [
    ("an answer only at the end", "statements_on_one_connection", "DELETE", 7),
    ("a deletion undone", "deletions", "WAL", 3),
    ("a cleanup done again", "a_pause", "WAL", 3),
    ("a release called again", "a_connection_a_cell", "DELETE", 5),
]


def _sweep(strikes: Strikes, proof: Proofs, titles: list[str], mode: str, share: int) -> None:
    wrong: list[str] = []
    for number, title in enumerate(titles):
        if (title, mode) in WITHOUT:
            continue
        found = strikes.sweep(title, mode, share, number * 29 % share)
        counts = {"strikes": found["tried"], "places": found["places"]}
        proof("stops", f"at lines, {mode}", **counts, wrong=len(found["wrong"]))
        wrong += found["wrong"]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("mode", MODES)
def test_an_exception_at_any_line_of_the_library_loses_and_leaks_nothing(
    strikes: Strikes, proof: Proofs, mode: str
) -> None:
    own, workloads = strikes.titles()
    _sweep(strikes, proof, own, mode, SHARE)
    _sweep(strikes, proof, workloads, mode, 7 * SHARE)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_an_exception_at_every_line_of_the_library_loses_and_leaks_nothing(
    strikes: Strikes, proof: Proofs, mode: str
) -> None:
    own, workloads = strikes.titles()
    _sweep(strikes, proof, own + workloads, mode, 1)


_BLOCK = """
from tests.stops.inside_strikes import striker

class Block:
    is_open = False
    def __enter__(self):
        self.is_open = True
    def __exit__(self, *_):
        self.is_open = False

def work(block):
    with block, block:  # the end of the inner one is within the outer
        try:
            int()
        finally:
            int()

striker.watch()
striker.watch_code(work.__code__)
left_open, struck, at = [], [], 0
while not at or striker.struck:
    at += 1
    block = Block()
    striker.arm(at, KeyboardInterrupt)
    try:
        work(block)
    except KeyboardInterrupt:
        struck.append(striker.struck)
        if block.is_open:
            left_open.append(striker.struck)
    finally:
        striker.disarm()
[left_open, struck]
"""


def test_no_strike_comes_at_the_nop_of_a_try_which_no_exception_table_covers(
    strikes: Strikes,
) -> None:
    left_open, struck = strikes.run(_BLOCK)
    assert len(struck) > 3
    assert not left_open


_NEVER_CALLED = """
import functools
from sahpool.sqlite.callbacks import Callbacks
from tests.stops import inside_scenes, inside_strikes

bind, bound, called = Callbacks.bind, set(), set()

def watched(self, prototype, method, *rest, **more):
    @functools.wraps(method)
    def call(*arguments):
        called.add(method.__qualname__)
        return method(*arguments)
    bound.add(method.__qualname__)
    return bind(self, prototype, call, *rest, **more)

Callbacks.bind = watched
try:
    for scene in inside_scenes.SCENES.values():
        for mode in ("DELETE", "WAL"):
            await inside_strikes.play(scene, mode)
            await inside_strikes.restart()
finally:
    Callbacks.bind = bind
[sorted(bound - called), len(called)]
"""


def test_the_scenes_call_every_callback_that_sqlite_calls(strikes: Strikes) -> None:
    strikes.restart()  # some callbacks are bound once, when they are first used
    never_called, called = strikes.run(_NEVER_CALLED)
    assert called > 15
    # No scene is about a failure, a lock that is waited for, or a storage with other sectors.
    rare = {"VFS._begins", "VFS.xGetLastError", "VFS.xSectorSize", "VFS.xSleep"}
    assert set(never_called) <= rare


@pytest.mark.parametrize(("control", "title", "mode", "share"), CONTROLS)
def test_without_a_protection_a_strike_is_found(
    strikes: Strikes, proof: Proofs, control: str, title: str, mode: str, share: int
) -> None:
    found = strikes.sweep(title, mode, share, control=control, limit=1)
    counts = {"strikes": found["tried"], "wrong": len(found["wrong"])}
    proof("stops", f"without {control}", control=True, **counts)
    assert found["wrong"]
