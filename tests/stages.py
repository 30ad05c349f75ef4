"""Which tests are run when: after each change, before anything lands, or once a week.

A test is marked ``thorough`` or ``slow`` by itself, or by its folder and the place that it runs in,
as LATER says. One that is marked ``real`` is run in every place after each change: it is about what
only a browser has (its storage, its page, its JSPI). Those that never leave the library do the same
in each place, with the same Python on the same storage: Node shows what a change has broken,
Chromium runs them before anything lands, and Firefox once a week.
"""

from __future__ import annotations

from collections.abc import Collection

from tests import matrix

#: Marks of the tests that need Node or a browser.
PLACES = ("node", *matrix.NAMES)

THOROUGH, SLOW = "thorough", "slow"

#: Folder → place → the first stage in which its tests are run there. What is not listed is run
#: after each change.
LATER: dict[str, dict[str, str]] = {
    "browser": {"firefox": THOROUGH},
    "collecting": {"firefox": THOROUGH},
    "connections": {"chrome": THOROUGH, "firefox": SLOW},
    "docs": {"firefox": THOROUGH},
    "ecosystem": {"chrome": THOROUGH, "firefox": SLOW},
    "field": {"firefox": THOROUGH},
    "hostile": {"chrome": THOROUGH, "firefox": SLOW},
    "interchange": {"chrome": THOROUGH, "firefox": THOROUGH},
    "kill": {"firefox": THOROUGH},
    "pyodide": {"chrome": THOROUGH, "firefox": SLOW},
    "sql": {"chrome": THOROUGH, "firefox": SLOW},
    "stops": {"firefox": THOROUGH},
    "storage_spec": {"chrome": THOROUGH, "firefox": SLOW},
    "tutorial": {"node": THOROUGH, "chrome": THOROUGH, "firefox": THOROUGH},
}

#: The groups that take a minute or more, the longest first (group_of). They are begun in this order
#: and before all others, so that no lane is left with a long one when the other has ended.
LONGEST_FIRST = (
    "browser:chrome:page",
    "browser:chrome",
    "browser:firefox",
    "pyodide:chrome",
    "kill:firefox",
    "pyodide:node",
    "pyodide:firefox",
    "kill:chrome",
    "hostile:chrome",
    "hostile:node",
    "browser:firefox:page",
    "tutorial:chrome",
    "tutorial:firefox",
    "collecting:firefox",
    "collecting:chrome",
    "stops:firefox",
    "stops:chrome",
)


#: The exceptions by which a test learns that the place it runs in has gone: Node has ended, or the
#: browser's driver does not answer for two minutes.
NODE_ENDED = "NodeEndedError"
DRIVER_GONE = "ReadTimeoutError"


def place_of(marks: Collection[str]) -> str:
    """The place that a test with these marks runs in; empty when it needs none."""
    return next((place for place in PLACES if place in marks), "")


def group_of(folder: str, file: str, place: str) -> str:
    """The group of a test: its tests stay in one lane, where their browser is started once.

    Those of ``browser`` would be most of a lane's time: they are two groups.
    """
    half = ":page" if folder == "browser" and file.startswith("test_page_") else ""
    return f"{folder}:{place}{half}"


def turn_of(group: str) -> int:
    """When a group is begun: groups with a lower number before those with a higher one.

    Tests that are in no group, whose name is empty here, come last: they fill up the shorter lane.
    """
    if group in LONGEST_FIRST:
        return LONGEST_FIRST.index(group)
    return len(LONGEST_FIRST) + (not group)


def mark_of(folder: str, marks: Collection[str]) -> str:
    """The mark that a test gets by its folder and its place; empty when it gets none."""
    if "real" in marks:
        return ""
    return LATER.get(folder, {}).get(place_of(marks), "")


def run_again(folder: str, marks: Collection[str]) -> dict[str, object]:
    """When a test that fails is run once more, as arguments of pytest-rerunfailures' ``flaky``.

    A test of the page waits for a browser on a machine that does other things at the same time.
    What passes only then is listed at the end of the run. Any other failure stands, and each
    of a test that counts for a proof (one loss is one too many), unless the place itself has gone:
    V8 in Node stops at some mistakes of its own (github.com/nodejs/node/issues/55289).

    Returns:
        The arguments; empty when every failure stands.
    """
    if not place_of(marks):
        return {}
    if folder == "browser" and "proof" not in marks:
        return {"reruns": 1}
    return {"reruns": 1, "only_rerun": [NODE_ENDED, DRIVER_GONE]}


def left_out(marks: Collection[str], *, thorough: bool, slow: bool) -> str:
    """The mark because of which a test is not run with these options; empty when it is run."""
    wanted = {THOROUGH, SLOW} if slow else {THOROUGH} if thorough else set()
    return next((mark for mark in (SLOW, THOROUGH) if mark in marks and mark not in wanted), "")
