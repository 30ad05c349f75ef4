"""Many visits in a row: the answer is right whatever became of the snapshot of Python's memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.conftest import console_in
from tests.browser.console_page import Console
from tests.browser.snapshots import CHANGES, REPLACE, started
from tests.browsers import wait_for
from tests.conftest import ServedSite, serving
from tests.matrix import PARAMS
from tests.matrix import started as browser_of
from tests.proofs import Proofs

FEW, MANY = 8, 200

SUM = "SELECT count(*), sum(n), min(word) FROM visits"

FILL = """
CREATE TABLE visits (n INTEGER, word TEXT);
INSERT INTO visits
  WITH RECURSIVE c (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < 5000)
  SELECT n, printf('%0200d', n) FROM c;
"""
ROWS = 5000


@pytest.fixture(params=PARAMS)
def console(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Console]:
    """The page with its service worker, in a new profile."""
    own = ServedSite(site.root)
    own.offline = True
    with serving(own):
        yield from console_in(request, browser_of(request.param), own)


def is_answered(console: Console, visits: int) -> bool:
    """Adds a visit's row, and returns whether all that were added before are there."""
    console.run_sql(f"INSERT INTO visits VALUES ({ROWS + visits}, 'w')")
    console.run_sql(SUM)
    count = ROWS + visits
    return console.rows() == [[str(count), str(count * (count + 1) // 2), f"{1:0200}"]]


def test_every_visit_is_answered_right_whatever_became_of_the_snapshot(
    request: pytest.FixtureRequest, console: Console, proof: Proofs
) -> None:
    times = MANY if request.config.getoption("--slow") else FEW
    damages = pairs = right = 0
    browser = console.browser
    console.open()
    console.run_sql(FILL)
    console.wait_offline()
    changes = list(CHANGES.values())
    for number in range(1, times + 1):
        console.wait_snapshot()
        damaged, twice = number % 10 == 3, number % 10 == 7
        if damaged:
            console.js(REPLACE.replace("CHANGE", changes[number // 10 % len(changes)]))
        mine = browser.tab
        browser.open("about:blank")
        if twice:
            other = browser.new_tab()
            for tab in (mine, other):
                browser.switch(tab)
                console.js("setTimeout(() => (location.href = args[0]), 20)", console.url)
            for tab in (other, mine):
                browser.switch(tab)
                wait_for("the page", lambda: console.js("return 'sahpoolStart' in window"))
                console.wait_ready()
            browser.switch(other)
            console.run_sql(SUM)
            seen = console.rows()[0][0] == str(ROWS + number - 1)
            browser.switch(mine)
        else:
            console.open()
            seen = True
            how = started(console)
            assert how == ("long" if damaged else "snapshot"), number
        damages += damaged
        pairs += twice
        right += is_answered(console, number) and seen
        if twice:
            browser.close_tab(other)
            browser.switch(mine)
    assert console.errors() == []
    arm = f"{browser.name}, warm visits"
    proof("starts", arm, visits=times, damaged=damages, two_tabs=pairs, right=right)
    assert right == times
    assert damages == (times + 7) // 10
    assert pairs == (times + 3) // 10
