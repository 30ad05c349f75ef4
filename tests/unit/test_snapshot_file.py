"""The file with the snapshot of Python's memory: killed at any call, torn, or on a full disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.node import ask

SCRIPT = Path(__file__).with_name("snapshot_file.mjs")


@pytest.mark.parametrize("seed", range(3))
def test_a_snapshot_is_read_as_it_was_written_or_not_at_all(seed: int) -> None:
    rounds = 12
    counts = ask(SCRIPT, {"seed": seed, "rounds": rounds})
    assert counts.pop("no room") == rounds
    assert counts.pop("whole: new") == rounds
    assert sum(counts.values()) > 3 * rounds  # were killed
    # "earlier" if a power failure undoes the truncation at the beginning, "new" if the last call
    # that was killed had written everything: the script compares the memory.
    assert counts.keys() <= {
        "killed: damaged",
        "killed: damaged memory",
        "killed: earlier",
        "killed: new",
    }
