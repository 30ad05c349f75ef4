"""Crashes at every moment of what a pool does; see ``inside_lab.py``."""

from __future__ import annotations

import time

import pytest

import serve
from tests.crash.laboratory import Laboratory, shown
from tests.proofs import Proofs

#: Different images that the default run opens of each workload.
SLICE = 40

#: How often the whole of it tries each way of chance (which writes survive, where one is torn) at
#: every moment.
SEEDS = 4

ROLLBACK = ("DELETE", "TRUNCATE", "PERSIST")
BOTH = ("DELETE", "WAL")

#: (workload, journal mode, synchronous, page size)
ARMS = [
    *(("update", mode, "FULL", 4096) for mode in (*ROLLBACK, "WAL")),
    ("update", "WAL", "NORMAL", 4096),
    *(("update", mode, "OFF", 4096) for mode in (*ROLLBACK, "WAL")),
    ("checkpoint", "WAL", "OFF", 4096),
    ("checkpoint", "WAL", "FULL", 4096),
    ("checkpoint", "WAL", "NORMAL", 4096),
    *(("attached", mode, "FULL", 4096) for mode in (*ROLLBACK, "WAL")),
    *(("imports", mode, "FULL", 4096) for mode in BOTH),
    *(("beside", mode, "FULL", 4096) for mode in BOTH),
    *(("leftovers", mode, "FULL", 4096) for mode in BOTH),
    *(("capacity", mode, "FULL", 4096) for mode in BOTH),
    *(("names", mode, "FULL", 4096) for mode in BOTH),
    *(("create", "WAL", synchronous, 4096) for synchronous in ("FULL", "OFF")),
    ("create", "DELETE", "FULL", 4096),
    *(("spares", mode, "FULL", 4096) for mode in BOTH),
    *(("quarantine", mode, "FULL", 4096) for mode in BOTH),
    *(("pages", mode, "FULL", size) for mode in BOTH for size in (512, 65536)),
]

WHOLE_OR_SLICE = pytest.mark.parametrize(
    "whole", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["slice", "whole"]
)


def skip_slice(request: pytest.FixtureRequest, whole: bool) -> None:
    if not whole and request.config.getoption("--slow"):
        pytest.skip("the whole of it is tried")


@WHOLE_OR_SLICE
@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: "-".join(map(str, arm)))
def test_a_crash_at_any_moment_corrupts_nothing_and_loses_nothing_acknowledged(
    request: pytest.FixtureRequest,
    laboratory: Laboratory,
    proof: Proofs,
    arm: tuple[str, str, str, int],
    whole: bool,
) -> None:
    skip_slice(request, whole)
    began = time.monotonic()
    if whole:
        laboratory.restart()
    laboratory.prepare(*arm)
    _, mode, synchronous, _ = arm
    # OFF promises nothing about power; yet a tab that is killed loses nothing acknowledged.
    only_killed = synchronous == "OFF"
    limit, seeds = (0, SEEDS) if whole else (SLICE, 1)
    outcome = laboratory.try_all(limit, seeds, only_killed=only_killed)
    serve.say(f"{' '.join(map(str, arm))}: {shown(outcome, began)}")
    counts = {name: outcome[name] for name in ("images", "corrupt", "lost")}
    at = "" if synchronous == "FULL" else f" at {synchronous}" + ", killed" * only_killed
    proof("crash", mode + at, **counts)
    assert not outcome["failures"], "\n\n".join(outcome["failures"])
    assert not outcome["corrupt"]
    assert not outcome["lost"]
    fewest = outcome["crashes"] // (4 * seeds)
    assert outcome["images"] >= (fewest if whole else min(fewest, SLICE)) > 0


RECOVERIES = [
    ("update", "DELETE"),
    ("update", "WAL"),
    ("attached", "DELETE"),
    ("attached", "PERSIST"),
    ("leftovers", "WAL"),
    ("create", "WAL"),
]

_RECOVERIES = """
experiment = await lab.prepare(getattr(workloads, workload), mode)
experiment.plan(1, 1)
lab.recoveries = await recovery.recoveries(experiment, count)
[again.outcome.failures for _, again in lab.recoveries]
"""

_CRASH_AGAIN = """
crash, lab.current = lab.recoveries[number]
lab.current.plan(limit, 1)
"""


@WHOLE_OR_SLICE
@pytest.mark.parametrize(("workload", "mode"), RECOVERIES)
def test_a_crash_or_a_failure_within_a_recovery_changes_nothing_about_what_comes_back(
    request: pytest.FixtureRequest,
    laboratory: Laboratory,
    proof: Proofs,
    workload: str,
    mode: str,
    whole: bool,
) -> None:
    skip_slice(request, whole)
    count, limit, how_many = (4, 0, 0) if whole else (1, 10, 10)
    began = time.monotonic()
    values = {"workload": workload, "mode": mode, "count": count}
    found = laboratory.run(_RECOVERIES, **values)
    assert len(found) == count
    crashed = [each for failures in found for each in failures]
    failed: list[str] = []
    images = calls = 0
    for number in range(count):
        laboratory.run(_CRASH_AGAIN, number=number, limit=limit)
        outcome = laboratory.finish()
        images += outcome["images"]
        crashed += outcome["failures"]
        for how in ("UnknownError", "QuotaExceededError"):
            tried, wrong = laboratory.fail_calls(number, how, how_many)
            calls += tried
            failed += wrong
    spent = time.monotonic() - began
    serve.say(f"{workload} {mode}: {images} images, {calls} failing calls, {spent:.1f} s")
    proof("crash", "a second crash, within the recovery", images=images, wrong=len(crashed))
    proof("crash", "a call fails within the recovery", calls=calls, wrong=len(failed))
    assert not crashed, "\n\n".join(crashed)
    assert not failed, "\n".join(failed[:10])
    assert images >= (50 if whole else 10)
    assert calls >= (500 if whole else 20)
