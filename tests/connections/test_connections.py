"""Random scripts on several connections come out as on a desktop, and keep every promise."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.connections.lab import Lab
from tests.connections.machine import Connections
from tests.connections.model import Violation
from tests.proofs import Proofs
from tests.pyodide.engines import Engine

WHOLE = pytest.param(True, marks=pytest.mark.slow, id="whole")
PART = pytest.param(False, id="part")
STEPS = 40


def play(lab: Lab, runs: int, *, anew: bool, find_only: bool = False) -> None:
    """Writes scripts and has the lab check them.

    Args:
        lab: Where they are played.
        runs: How many there are.
        anew: Whether they are others in every run of the tests; the seed is printed then.
        find_only: Whether the first violation is enough, without a shorter script for it.
    """
    machine = type("Connections", (Connections,), {"lab": lab})
    if anew:
        number = random.randrange(1 << 32)
        print(f"seed {number}")
        machine = seed(number)(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            derandomize=not anew,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            phases=[Phase.generate] if find_only else [Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def counted(lab: Lab) -> dict[str, Any]:
    """What a lab has counted, as the proof takes it."""
    return dict(lab.counts)


@pytest.mark.parametrize("whole", [PART, WHOLE])
def test_connections_see_and_do_what_they_would_on_a_desktop(
    runtime: Engine, whole: bool, proof: Proofs
) -> None:
    runs = (2000 if whole else 80) if runtime.name == "node" else (200 if whole else 8)
    lab = Lab(runtime, patient=whole)
    play(lab, runs, anew=whole)
    refused = lab.counts["locks_refused"]
    assert runs < 50 or refused > runs / 2, "hardly a lock was refused: nothing is tested"
    proof("connections", runtime.name, **counted(lab), violations=0)
    lab.close()


@pytest.mark.parametrize("whole", [PART, WHOLE])
def test_a_killed_worker_leaves_what_was_committed_to_all_its_connections(
    runtime: Engine, whole: bool, proof: Proofs
) -> None:
    runs = (100 if whole else 2) if runtime.name == "node" else (30 if whole else 1)
    lab = Lab(runtime, restarts=True)
    play(lab, runs, anew=whole)
    assert lab.counts["killed_workers"] >= lab.counts["runs"] > 0
    proof("connections", f"{runtime.name}, worker killed", **counted(lab), violations=0)
    lab.close()


SLOW = pytest.mark.slow


@pytest.mark.parametrize("runtime", [pytest.param("node", marks=pytest.mark.node)], indirect=True)
@pytest.mark.parametrize(
    "protection",
    [
        "no locks at all",
        "RESERVED is not exclusive",
        "PENDING does not keep readers out",
        "EXCLUSIVE is granted beside readers",
        "xCheckReservedLock answers 1",
        "the index has two writers",
        pytest.param("xCheckReservedLock answers 0", marks=SLOW),
        pytest.param("the index is locked beside its readers", marks=SLOW),
    ],
)
def test_a_protection_that_is_taken_out_is_missed(
    runtime: Engine, protection: str, proof: Proofs
) -> None:
    lab = Lab(runtime, broken=protection)
    with pytest.raises(Violation):
        play(lab, 1000, anew=False, find_only=True)
    proof("connections", protection, control=True, violations=1, runs=lab.counts["runs"])
    lab.close()
