"""The table that tells what was proved (tests/proofs.py)."""

from __future__ import annotations

import pytest

from tests.harness.collected import collected
from tests.proofs import ROWS, Proofs


def test_the_proofs_are_chosen_by_their_mark(request: pytest.FixtureRequest) -> None:
    tests = collected(request, "proof")
    assert len({test.partition("::")[0] for test in tests}) >= len(ROWS)


def test_counts_of_one_arm_add_up_and_rows_keep_the_table_s_order() -> None:
    proofs = Proofs()
    proofs("quota", "WAL", writes=40)
    proofs("crash", "WAL", images=1200, corrupt=0)
    proofs("crash", "WAL", images=529, corrupt=0)
    proofs("crash", "no sync", control=True, images=10, acknowledged_lost=3)
    assert proofs.table()[2:] == [
        "| crash points × images, four journal modes | WAL: 1,729 images, 0 corrupt<br>"
        "*control, must fail:* no sync: 10 images, 3 acknowledged lost |",
        "| quota exceeded at every write | WAL: 40 writes |",
    ]


def test_what_several_lanes_counted_comes_together() -> None:
    one, other = Proofs(), Proofs()
    one("kill", "Chromium", kills=4, lost=0)
    other("kill", "Chromium", kills=6, lost=0)
    one.load(other.dump())
    assert one.table()[-1].endswith("Chromium: 10 kills, 0 lost |")


def test_nothing_counted_is_no_table() -> None:
    assert Proofs().table() == []


def test_a_row_that_the_table_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError, match="no row"):
        Proofs()("crashes", "WAL", images=1)
