"""A storage that is full, in memory: at every size that the storage of a workload passes.

In the real browsers: test_browsers.py.
"""

from __future__ import annotations

import pytest

from tests.faults.lab import fill, run
from tests.proofs import Proofs
from tests.pyodide.engines import NodeEngine

pytestmark = pytest.mark.node

#: Bytes between two limits; a page of the database has 1024, a frame of its WAL 1048.
STEP, SMALL_STEP = 16_001, 499


def be_full(node: NodeEngine, proof: Proofs, mode: str, step: int) -> None:
    found = fill(node, mode, step)
    proof("quota", mode, limits=found["limits"], wrong=len(found["wrong"]))
    assert found["limits"] > 100_000 // step
    assert not found["wrong"], "\n".join(found["wrong"])


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_full_storage_costs_the_statement_and_nothing_else(
    node: NodeEngine, proof: Proofs, mode: str
) -> None:
    """A slice of the test below."""
    be_full(node, proof, mode, STEP)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["WAL", "DELETE", "TRUNCATE", "PERSIST"])
def test_a_storage_that_is_full_at_any_write_costs_the_statement_and_nothing_else(
    node: NodeEngine, proof: Proofs, mode: str
) -> None:
    """SQLITE_FULL, rolled back, sound; the next worker needs not a byte; deleting makes room."""
    be_full(node, proof, mode, SMALL_STEP)


@pytest.mark.parametrize("mode", ["WAL", "DELETE", "TRUNCATE", "PERSIST"])
def test_with_not_a_byte_of_room_a_pool_opens_gives_its_data_out_and_lets_them_be_deleted(
    node: NodeEngine, mode: str
) -> None:
    run(node, "await full_to_the_last_byte(MODE)", mode)


def test_a_pool_that_cannot_grow_leaves_no_empty_files_behind(node: NodeEngine) -> None:
    run(node, "await grow_without_room()", "DELETE")
