"""The stages of the tests: tests/stages.py, and the table of tests/README.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from urllib3.exceptions import ReadTimeoutError

from tests import stages
from tests.harness.collected import collected
from tests.pyodide.engines import NodeEndedError

TESTS = Path(stages.__file__).parent
GONE = [NodeEndedError.__name__, ReadTimeoutError.__name__]
IF_GONE = {"reruns": 1, "only_rerun": GONE}
WORDS = {"": "each change", stages.THOROUGH: "thorough", stages.SLOW: "weekly"}


def test_the_table_of_stages_says_what_is_so() -> None:
    told: dict[str, list[str]] = {}
    for line in (TESTS / "README.md").read_text(encoding="utf-8").splitlines():
        if line.endswith((" each change |", " thorough |", " weekly |")) and line.count("|") == 5:
            folders, *when = (cell.strip() for cell in line.strip("|").split("|"))
            told |= dict.fromkeys(re.findall(r"`(\w+)`", folders), when)
    assert told == {
        folder: [WORDS[places.get(place, "")] for place in stages.PLACES]
        for folder, places in stages.LATER.items()
    }


def test_each_folder_of_the_table_has_tests() -> None:
    assert [name for name in stages.LATER if not list((TESTS / name).glob("test_*.py"))] == []


@pytest.mark.parametrize(
    ("folder", "marks", "expected"),
    [
        ("pyodide", {"node"}, ""),
        ("pyodide", {"chrome"}, "thorough"),
        ("pyodide", {"firefox"}, "slow"),
        ("pyodide", {"firefox", "real"}, ""),
        ("unit", set(), ""),
        ("tutorial", set(), ""),
    ],
)
def test_a_test_gets_its_mark_by_its_folder_and_place(
    folder: str, marks: set[str], expected: str
) -> None:
    assert stages.mark_of(folder, marks) == expected


@pytest.mark.parametrize(
    ("folder", "marks", "expected"),
    [
        ("browser", {"chrome"}, {"reruns": 1}),
        ("browser", {"firefox", "proof"}, IF_GONE),
        ("browser", set(), {}),
        ("kill", {"chrome"}, IF_GONE),
        ("faults", {"node", "proof"}, IF_GONE),
        ("unit", set(), {}),
    ],
)
def test_only_a_test_of_the_page_is_run_again_unless_the_place_itself_has_gone(
    folder: str, marks: set[str], expected: dict[str, object]
) -> None:
    assert stages.run_again(folder, marks) == expected


@pytest.mark.parametrize(
    ("marks", "thorough", "slow", "expected"),
    [
        (set(), False, False, ""),
        ({"thorough"}, False, False, "thorough"),
        ({"thorough"}, True, False, ""),
        ({"thorough"}, False, True, ""),
        ({"slow"}, True, False, "slow"),
        ({"slow", "thorough"}, True, False, "slow"),
        ({"slow", "thorough"}, False, True, ""),
    ],
)
def test_a_stage_has_the_tests_of_the_stages_before_it(
    marks: set[str], thorough: bool, slow: bool, expected: str
) -> None:
    assert stages.left_out(marks, thorough=thorough, slow=slow) == expected


def test_the_longest_groups_are_begun_first_and_what_needs_no_browser_comes_last() -> None:
    groups = [
        stages.group_of("browser", name, "chrome") for name in ("test_page_x.py", "test_x.py")
    ]
    assert groups == ["browser:chrome:page", "browser:chrome"]
    found = [*groups, stages.group_of("kill", "test_kill.py", "firefox"), "sql:node", ""]
    turns = [stages.turn_of(group) for group in found]
    assert sorted(set(turns)) == turns


def test_each_group_of_the_order_has_tests(request: pytest.FixtureRequest) -> None:
    there = set()
    for place in stages.PLACES:
        for each in collected(request, place):
            path = Path(each.partition("::")[0])
            there.add(stages.group_of(path.parent.name, path.name, place))
    assert set(stages.LONGEST_FIRST) <= there
