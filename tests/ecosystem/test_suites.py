"""The packages' own test-suites: over a pool, whatever passes in memory passes too."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.ecosystem import packages
from tests.ecosystem.exceptions import ONLY_ON_A_POOL, WAL
from tests.ecosystem.lab import Lab
from tests.ecosystem.suites import SIDES, SQLALCHEMY_DIALECT, SUITES, Outcome, Suite, run


def compared(suite: Suite, lab: Lab, sides: tuple[str, ...] = SIDES) -> dict[str, Outcome]:
    """The suite on each side; the row of the table is printed and kept in .build/ecosystem."""
    outcomes = {side: run(suite, side, lab) for side in sides}
    row = {side: str(outcome) for side, outcome in outcomes.items()}
    row["seconds"] = " ".join(f"{outcome.seconds:.0f}" for outcome in outcomes.values())
    print(f"\n{suite.name} in {lab.name}: {row}")
    table = packages.FOLDER / f"table-{lab.name}.json"
    rows = json.loads(table.read_text()) if table.is_file() else {}
    table.write_text(json.dumps({**rows, suite.name: row}, indent=1))
    return outcomes


def worse(outcomes: dict[str, Outcome], side: str) -> set[str]:
    """Tests that fail on a side and not in memory."""
    return outcomes[side].failed - outcomes["memory"].failed


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_no_test_fails_on_a_pool_only_but_for_the_reasons_that_are_listed(
    suite: Suite, lab: Lab
) -> None:
    if not (packages.FOLDER / suite.source).is_file():
        pytest.skip(f"no {suite.source}: see packages.py")
    outcomes = compared(suite, lab)
    why = outcomes["visible"].why
    found = worse(outcomes, "visible")
    reasons = ONLY_ON_A_POOL.get(suite.name, {})
    assert found == set(reasons), {test: why[test] for test in found - set(reasons)}
    # The same tests ran: none was lost on the way.
    assert set(outcomes["visible"].tests) == set(outcomes["memory"].tests)


@pytest.mark.slow
def test_tests_that_expect_rollback_mode_pass_without_the_default_pragmas(lab: Lab) -> None:
    for suite in SUITES:
        reasons = ONLY_ON_A_POOL.get(suite.name, {})
        concerned = tuple(test for test, reason in reasons.items() if reason == WAL)
        if concerned:
            outcome = run(replace(suite, batches=(concerned,)), "rollback", lab)
            assert set(outcome.tests) == set(concerned)
            assert not outcome.failed, outcome.why


def test_the_tests_of_sqlalchemys_dialect_pass_as_they_do_in_memory(
    lab: Lab, request: pytest.FixtureRequest
) -> None:
    if lab.name == "firefox" and not request.config.getoption("--slow"):
        pytest.skip("slow: run with --slow")
    outcomes = compared(SQLALCHEMY_DIALECT, lab, ("memory", "visible"))
    assert len(outcomes["memory"].tests) > 300
    assert not outcomes["memory"].failed
    assert outcomes["visible"].tests == outcomes["memory"].tests, outcomes["visible"].why
