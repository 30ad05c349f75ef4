"""Each promise has a test that is run before anything lands, and a mutation that the test finds.

That the tests find them shows test_mutations.py, once a week: it takes an hour. These tests take
seconds, and find a mutation of a source that has changed since.
"""

from __future__ import annotations

import ast

import pytest

from tests import stages
from tests.harness.collected import collected
from tests.promises.table import ROOT, Mutation, mutations, places_of_tests, promises

MUTATIONS = mutations()

#: Tests that promises name, and that no mutation is for: why.
WITHOUT_A_MUTATION = {
    "test_eight_sessions_work_for_long_with_and_without_a_snapshot": (
        "the site's Pyodide is repaired and the library protects it as well: both would have to "
        "be taken out, which the control run beside that test does"
    ),
    "test_an_attached_database_that_is_new_is_as_sqlite_makes_it": "SQLite's own behaviour",
    "test_vacuum_into_the_pool_and_out_of_it": "SQLite's own behaviour",
}


def test_each_mutation_changes_one_place_of_a_source() -> None:
    wrong = [said for each in MUTATIONS.values() if (said := _wrong(each))]
    assert not wrong, "\n".join(wrong)


def _wrong(mutation: Mutation) -> str:
    try:
        text = (ROOT / mutation.file).read_text(encoding="utf-8")
        changed = mutation.applied(text)
        if mutation.file.endswith(".py"):
            ast.parse(changed)
    except (OSError, ValueError, SyntaxError) as error:
        return str(error)
    if changed == text or not mutation.breaks.endswith("."):
        return f"{mutation.name}: it changes nothing, or does not say what it breaks"
    return ""


def test_each_test_that_a_promise_names_has_a_mutation() -> None:
    named = {test for tests in promises().values() for test in tests}
    assert len(promises()) > 60
    assert {each.test for each in MUTATIONS.values()} == named - set(WITHOUT_A_MUTATION)
    assert named <= set(places_of_tests())


def test_each_mutation_is_tried_in_a_place_where_its_test_runs(
    request: pytest.FixtureRequest,
) -> None:
    files = {
        place.partition("::")[0]
        for each in MUTATIONS.values()
        for place in places_of_tests()[each.test]
    }

    def names(mark: str) -> set[str]:
        there = collected(request, mark, files)
        return {each.rpartition("::")[2].partition("[")[0] for each in there}

    tests = {place: names(place) for place in stages.PLACES}
    # Those of a place are in none of the names of tests without one.
    tests[""] = names("not node") - set().union(*tests.values())
    wrong = [each.name for each in MUTATIONS.values() if each.test not in tests[each.on]]
    assert not wrong


def test_each_promise_has_a_test_with_a_mutation() -> None:
    found = {each.test for each in MUTATIONS.values()}
    assert [promise for promise, tests in promises().items() if not found & set(tests)] == []


def test_each_promise_has_a_test_that_is_run_before_anything_lands(
    request: pytest.FixtureRequest,
) -> None:
    """One that is not marked slow: ``--thorough`` runs it."""
    names = {test for tests in promises().values() for test in tests}
    files = {place.partition("::")[0] for name in names for place in places_of_tests()[name]}
    there = collected(request, "not slow", files)
    tests = {each.rpartition("::")[2].partition("[")[0] for each in there}
    assert len(tests) > 100
    assert [promise for promise, named in promises().items() if not tests & set(named)] == []
