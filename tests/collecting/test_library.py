"""The library alone, in Pyodide as it is released: suspended calls and garbage collections."""

from __future__ import annotations

import pytest

from tests.collecting import lab
from tests.collecting.lab import BROWSERS
from tests.conftest import ServedSite
from tests.proofs import Proofs

LENGTHS = [pytest.param(8, id="slice"), pytest.param(600, marks=pytest.mark.slow, id="whole")]
COUNTED = ("statements", "suspensions", "collections", "imports", "exports", "wrong")


@pytest.mark.parametrize("seconds", LENGTHS)
@pytest.mark.parametrize("kind", BROWSERS)
def test_eight_suspended_statements_and_garbage_collections_harm_nothing(
    unrepaired: ServedSite, proof: Proofs, kind: str, seconds: int
) -> None:
    counts = lab.work(kind, unrepaired, seconds)
    assert counts["told"] == "made safe by sahpool"
    assert counts["wrong"] == 0
    assert counts["statements"] >= 8
    assert counts["suspensions"] > 10 * seconds
    assert counts["collections"] > 100 * seconds
    assert min(counts["imports"], counts["exports"], counts["short"]) >= 1
    told = {name: counts[name] for name in COUNTED}
    proof("collecting", f"library alone, {kind}", seconds=seconds, **told)


@pytest.mark.parametrize("kind", BROWSERS)
def test_without_the_protection_a_garbage_collection_ends_the_worker(
    unrepaired: ServedSite, proof: Proofs, kind: str
) -> None:
    with pytest.raises(lab.DiedError):
        lab.work(kind, unrepaired, 120, protected=False, dead=12)
    proof("collecting", f"library without its protection, {kind}", control=True, dead=1)
