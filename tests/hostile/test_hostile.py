"""Files that were made to do harm: none changes a database, none holds the worker up."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.hostile import corpus
from tests.hostile.bombs import BOMBS
from tests.hostile.lab import Lab
from tests.proofs import Proofs

#: How long one file may keep the worker, in milliseconds. In Node it is what the process computes;
#: in a browser it is time that passes, of which other processes take their share.
LONGEST_MS = 2000

#: Node gets every 8th of SQLite's own and 800 that were changed, the browsers fewer: it is the same
#: SQLite that reads them there, and the storage alone is another. The slow tests try them all.
EVERY = {"node": 8, "chrome": 240, "firefox": 480}
CHANGED = {"node": 800, "chrome": 40, "firefox": 20}


def judged(lab: Lab, proof: Proofs, arm: str) -> dict[str, Any]:
    """The report, of which nothing is at fault; its counts stand in the proofs' table."""
    report = lab.report()
    counts = report["counts"]
    proof("hostile", arm, **counts)
    assert not report["faults"], "\n".join(report["faults"])
    assert counts["rejected"] + counts["accepted"] == counts["images"]
    share = 1.0 if arm.endswith("node") else max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert counts["slowest_ms"] <= LONGEST_MS * share, report["slowest"]
    return report


def own(runtime: Any, proof: Proofs, every: int, arm: str) -> None:
    """Tries every ``every``-th of SQLite's own."""
    images = list(corpus.images())
    assert len(images) == corpus.IMAGES
    lab = Lab(runtime)
    lab.give(images[::every])
    counts = judged(lab, proof, arm)["counts"]
    assert counts["images"] == len(images[::every])
    assert counts["rejected"] > 0.9 * counts["images"]


def test_none_of_sqlite_s_own_malformed_databases_harms_another_or_takes_for_ever(
    runtime: Any, proof: Proofs
) -> None:
    own(runtime, proof, EVERY[runtime.name], f"SQLite's own, {runtime.name}")


@pytest.mark.slow
def test_not_one_of_sqlite_s_own_malformed_databases_harms_another(
    runtime: Any, proof: Proofs
) -> None:
    own(runtime, proof, 1, f"all of SQLite's own, {runtime.name}")


def test_no_changed_database_harms_another_or_takes_for_ever(runtime: Any, proof: Proofs) -> None:
    lab = Lab(runtime)
    lab.change(0, CHANGED[runtime.name])
    counts = judged(lab, proof, f"changed, {runtime.name}")["counts"]
    assert counts["images"] == CHANGED[runtime.name]
    assert counts["rejected"] > counts["images"] / 4  # else nothing was changed
    assert counts["accepted"] > counts["images"] / 100  # else nothing was used


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.parametrize("runtime", ["node"], indirect=True)
def test_no_changed_database_of_very_many_harms_another(runtime: Any, proof: Proofs) -> None:
    lab = Lab(runtime)
    lab.change(1_000_000, 10_000)
    judged(lab, proof, "many changed, node")


def test_no_bomb_ends_the_worker_or_takes_for_ever(runtime: Any, proof: Proofs) -> None:
    lab = Lab(runtime)
    for name in BOMBS:
        lab.explode(name)
    report = judged(lab, proof, f"bombs, {runtime.name}")
    assert report["counts"]["images"] == len(BOMBS)
    most = {name for name in BOMBS if name.endswith(("as are taken in", "is taken in"))}
    assert most <= set(report["accepted"]), "the limits are lower than bombs.py has them"


def test_no_changed_wal_or_journal_harms_a_database_or_takes_for_ever(
    runtime: Any, proof: Proofs
) -> None:
    lab = Lab(runtime)
    lab.change_pairs(0, CHANGED[runtime.name])
    counts = judged(lab, proof, f"changed WALs and journals, {runtime.name}")["counts"]
    assert counts["images"] == CHANGED[runtime.name]
    assert counts["rejected"] > counts["images"] / 4
    assert counts["accepted"] > counts["images"] / 10


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.parametrize("runtime", ["node"], indirect=True)
def test_no_changed_wal_or_journal_of_very_many_harms_a_database(
    runtime: Any, proof: Proofs
) -> None:
    lab = Lab(runtime)
    lab.change_pairs(1_000_000, 10_000)
    judged(lab, proof, "many changed WALs and journals, node")


@pytest.mark.parametrize("way", ["by_wal", "by_journal"])
def test_no_bomb_in_a_wal_or_journal_ends_the_worker_or_takes_for_ever(
    runtime: Any, proof: Proofs, way: str
) -> None:
    """Nothing of the schema is read before it was looked at."""
    lab = Lab(runtime)
    for name in BOMBS:
        lab.explode_beside(name, way)
    report = judged(lab, proof, f"bombs {way.replace('_', ' a ')}, {runtime.name}")
    assert report["counts"]["images"] == len(BOMBS)
    most = {name for name in BOMBS if name.endswith("as are taken in")}
    assert most <= set(report["accepted"])


def test_the_databases_that_are_changed_beside_were_sound_before(runtime: Any) -> None:
    lab = Lab(runtime)
    lab.change_pairs(0, 0)
    report = lab.report()
    assert not report["faults"], "\n".join(report["faults"])
    assert report["counts"]["images"] == report["counts"]["accepted"] == 18


def test_the_databases_that_are_changed_were_sound_before(runtime: Any) -> None:
    lab = Lab(runtime)
    lab.take_in()
    report = lab.report()
    assert not report["faults"], "\n".join(report["faults"])
    assert report["counts"]["images"] == report["counts"]["accepted"] == 9
    assert report["told"] == {}
