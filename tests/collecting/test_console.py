"""The console's worker, in the site's own Pyodide: suspended statements and garbage collections."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collecting import console, lab
from tests.collecting.lab import BROWSERS
from tests.conftest import ServedSite
from tests.proofs import Proofs

LENGTHS = [pytest.param(6, id="slice"), pytest.param(600, marks=pytest.mark.slow, id="whole")]


@pytest.mark.parametrize("seconds", LENGTHS)
@pytest.mark.parametrize("arm", ["without a snapshot", "from a snapshot"])
@pytest.mark.parametrize("kind", BROWSERS)
def test_eight_sessions_work_for_long_with_and_without_a_snapshot(
    site: ServedSite, tmp_path: Path, proof: Proofs, kind: str, arm: str, seconds: int
) -> None:
    with (
        console.booting(site, tmp_path, console.EAGER),
        lab.browser_at(kind, site.url) as browser,
    ):
        started = console.start(browser, site.url)
        if arm == "from a snapshot":
            console.end(browser)
            started = console.start(browser, site.url)
        assert (started == "used") == (arm == "from a snapshot"), started
        counts = console.work(browser, seconds)
    assert counts["wrong"] == 0
    assert counts["collections"] > 100 * seconds
    for name in ("statements", "tables", "imports", "exports"):
        assert counts[name] >= 1, counts
    proof("collecting", f"console, {kind}, {arm}", seconds=seconds, **counts)


@pytest.mark.slow
@pytest.mark.parametrize("kind", BROWSERS)
def test_without_the_repair_and_the_protection_eight_sessions_end_the_worker(
    unrepaired: ServedSite, tmp_path: Path, proof: Proofs, kind: str
) -> None:
    with (
        console.booting(unrepaired, tmp_path, console.EAGER + console.UNPROTECTED),
        lab.browser_at(kind, unrepaired.url) as browser,
    ):
        console.start(browser, unrepaired.url)
        with pytest.raises(lab.DiedError):
            console.work(browser, 120, dead=12)
    proof("collecting", f"console without either, {kind}", control=True, dead=1)
