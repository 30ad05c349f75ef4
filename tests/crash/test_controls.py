"""Control arms: without a protection the crash model must find harm; see ``inside_controls.py``."""

from __future__ import annotations

import pytest

import serve
from tests.crash.laboratory import Laboratory
from tests.proofs import Proofs

CRASHING = (
    "synchronous=OFF",
    "synchronous=OFF in WAL mode",
    "xCheckReservedLock constant 1",
    "xSync does nothing",
    "no flush of a deletion",
    "old content under a new name",
    "name before content",
    "old database freed before new name",
    "old database freed before new name, with a WAL",
    "journal deleted first",
    "old journal kept",
)
HEADERS = ("header without second copy", "header without second copy, damaged taken for free")
CONNECTIONS = (
    "xCheckReservedLock constant 0",
    "xCheckReservedLock constant 0 without locks",
)

_CRASH = """
control = controls.CRASHING[name]
with control.patch():
    lab.current = await lab.prepare(control.workload, control.mode, control.synchronous)
    lab.current.plan(limit, seeds, control.points(lab.current.live.steps))
    while not await lab.current.run(5):
        pass
dataclasses.asdict(lab.current.outcome)
"""

_HEADERS = """
with controls.HEADERS[name]():
    experiment = await lab.prepare(workloads.update, "DELETE")
    found = await recovery.damaged_headers(experiment)
found
"""

_CONNECTIONS = """
patch, synchronous = controls.CONNECTIONS[name]
with patch():
    found = await controls.read_beside_a_writer(rounds, synchronous)
found
"""


@pytest.mark.parametrize("name", CRASHING)
def test_without_the_protection_crashes_do_harm(
    laboratory: Laboratory, proof: Proofs, name: str
) -> None:
    outcome = laboratory.run(_CRASH, name=name, limit=60, seeds=4)
    counts = {each: outcome[each] for each in ("images", "corrupt", "lost")}
    serve.say(f"{name}: {counts}")
    proof("crash", name, control=True, **counts)
    assert outcome["corrupt"] + outcome["lost"] > 0


def test_no_damage_to_one_copy_of_a_header_loses_a_database(
    laboratory: Laboratory, proof: Proofs
) -> None:
    """A sector of 512 bytes is zeros or ones; then every spare slot is used up."""
    for mode in ("DELETE", "WAL"):
        laboratory.prepare("update", mode, "FULL", 4096)
        images, lost = laboratory.run("await recovery.damaged_headers(lab.current)")
        proof("crash", "headers with damaged sectors", images=images, lost=len(lost))
        assert not lost, "\n".join(lost)
        assert images == 2 * 2 * 9


@pytest.mark.parametrize("name", HEADERS)
def test_without_the_second_copy_damage_to_a_header_loses_databases(
    laboratory: Laboratory, proof: Proofs, name: str
) -> None:
    images, lost = laboratory.run(_HEADERS, name=name)
    proof("crash", name, control=True, images=images, lost=len(lost))
    assert lost


@pytest.mark.parametrize("synchronous", ["FULL", "OFF"])
def test_a_reader_beside_a_writer_sees_what_was_committed(
    laboratory: Laboratory, proof: Proofs, synchronous: str
) -> None:
    wrong = laboratory.run(
        "await controls.read_beside_a_writer(rounds, synchronous)",
        rounds=30,
        synchronous=synchronous,
    )
    proof("crash", "a reader beside a writer", rounds=30, wrong=len(wrong))
    assert wrong == []


@pytest.mark.parametrize("name", CONNECTIONS)
def test_without_a_true_reserved_lock_a_reader_beside_a_writer_does_harm(
    laboratory: Laboratory, proof: Proofs, name: str
) -> None:
    wrong = laboratory.run(_CONNECTIONS, name=name, rounds=5)
    proof("crash", name, control=True, rounds=5, wrong=len(wrong))
    assert wrong


def test_every_control_arm_is_tried(laboratory: Laboratory) -> None:
    there = laboratory.run(
        "[list(each) for each in (controls.CRASHING, controls.HEADERS, controls.CONNECTIONS)]"
    )
    assert there == [list(each) for each in (CRASHING, HEADERS, CONNECTIONS)]
