"""Every call of the storage fails, once and from then on, in every way that browsers know.

What is checked of each fault stands in inside_sweep.py, what the
databases do meanwhile in inside_workloads.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.lab import count, run, sweep
from tests.proofs import Proofs
from tests.pyodide.engines import NodeEngine

pytestmark = pytest.mark.node

#: Workload, journal mode, and of how many faults one is tried: in the default run, and in the whole
#: one. In the two longest each call fails once and from then on, but not in each way.
WORKLOADS = [
    ("autocommit", "DELETE", 107, 1),
    ("autocommit", "TRUNCATE", 107, 1),
    ("autocommit", "PERSIST", 107, 1),
    ("autocommit", "WAL", 73, 1),
    ("spill", "DELETE", 523, 4),
    ("spill", "TRUNCATE", 523, 4),
    ("spill", "PERSIST", 523, 4),
    ("spill", "WAL", 337, 4),
    ("checkpoint", "WAL", 233, 1),
    ("temporary", "DELETE", 797, 4),
    ("temporary", "WAL", 641, 4),
    ("files", "DELETE", 179, 1),
    ("files", "WAL", 179, 1),
    ("beside", "DELETE", 179, 1),
    ("beside", "WAL", 179, 1),
    ("modes", "WAL", 113, 1),
    ("pieces", "WAL", 113, 1),
    ("attached", "DELETE", 97, 1),
    ("attached", "PERSIST", 97, 1),
    ("start", "DELETE", 97, 1),
    ("start", "WAL", 97, 1),
]
AT_A_TIME = 150  # faults, in one round to the engine

#: Protections, what takes each out, and faults that must be noticed then.
CONTROLS: dict[str, tuple[str, tuple[str, str, int], dict[str, Any]]] = {
    "a short write is no success": (
        """
import js
from pyodide.code import run_js
believed = run_js("(own) => function (data, at) { own.call(this, data, at); return data.length }")
prototype = js.FileSystemSyncAccessHandle.prototype
replace(prototype, "write", believed(prototype.write))
""",
        ("autocommit", "WAL", 19),
        {"methods": ["write"], "hows": [0, -1, 4294967288]},
    ),
    "a header that may be free on the disk is written again": (
        """
from sahpool.opfs_pool.slots import SlotTable
replace(SlotTable, "_keep_name", lambda table, slot: None)
""",
        ("swap", "WAL", 1),
        {"methods": ["flush"], "hows": ["UnknownError"]},
    ),
    "what an import could not free is freed later": (
        """
from sahpool.opfs_pool.slots import SlotTable
replace(SlotTable, "_end_claims", lambda table, path: None)
""",
        ("swap", "WAL", 1),
        {"methods": ["write"], "hows": ["UnknownError"]},
    ),
    "a slot that could not be read may be any file": (
        """
from sahpool.opfs_pool.slots import SlotTable
replace(SlotTable, "_check_unread", lambda table, path, *besides: None)
""",
        ("start", "DELETE", 3),
        {"methods": ["read"], "hows": ["UnknownError"]},
    ),
    "a storage that fails is not the imported file's fault": (
        """
from sahpool.sqlite import causes
replace(causes, "take_any", lambda: None)
""",
        ("files", "DELETE", 5),
        {"methods": ["read"], "hows": ["UnknownError"]},
    ),
}


def survive(node: NodeEngine, proof: Proofs, name: str, mode: str, share: int) -> None:
    """Goes through every ``share``-th fault of a workload."""
    rounds = -(-count(node, name, mode) // (share * AT_A_TIME))
    wrong: list[str] = []
    for number in range(rounds):
        found = sweep(node, name, mode, share * rounds, share * number)
        proof("errors", name, faults=found["faults"], wrong=len(found["wrong"]))
        wrong += found["wrong"]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("name", "mode", "share"), [each[:3] for each in WORKLOADS])
def test_a_call_that_fails_costs_no_row_and_is_told_as_what_it_is(
    node: NodeEngine, proof: Proofs, name: str, mode: str, share: int
) -> None:
    """A slice of the test below."""
    survive(node, proof, name, mode, share)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mode", "share"), [(name, mode, whole) for name, mode, _, whole in WORKLOADS]
)
def test_every_call_that_fails_costs_no_row_and_is_told_as_what_it_is(
    node: NodeEngine, proof: Proofs, name: str, mode: str, share: int
) -> None:
    survive(node, proof, name, mode, share)


@pytest.mark.parametrize("protection", CONTROLS)
def test_without_a_protection_faults_are_not_survived(
    node: NodeEngine, proof: Proofs, protection: str
) -> None:
    """The checks of this file would notice."""
    without, (name, mode, share), only = CONTROLS[protection]
    found = sweep(node, name, mode, share, without=without, **only)
    wrong = len(found["wrong"])
    proof("errors", f"not: {protection}", control=True, faults=found["faults"], wrong=wrong)
    assert wrong


def test_a_failure_that_sqlite_has_swallowed_is_not_the_cause_of_a_later_one(
    node: NodeEngine,
) -> None:
    run(node, "await swallow()", "WAL")
