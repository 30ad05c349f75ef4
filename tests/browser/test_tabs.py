"""Many tabs of the console, one of which runs the database for all of them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.browser.conftest import FAILED
from tests.browser.many_tabs import Tabs, many_tabs
from tests.browser.tabs import counting, sessions, speed
from tests.browser.tabs.figures import require_exact
from tests.browsers import wait_for
from tests.conftest import ServedSite
from tests.firefox import OWN_PROCESSES, UNTHROTTLED, Firefox
from tests.matrix import PARAMS

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture(scope="module", params=PARAMS)
def opened(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Tabs]:
    """One browser for all these tests; each test creates its own tables."""
    sessions.serve_borrower(site)
    name = "visited" if request.param == "chrome" else "visited_firefox"
    with many_tabs(request.param, site.url, request.getfixturevalue(name)) as tabs:
        yield tabs


@pytest.fixture
def tabs(request: pytest.FixtureRequest, opened: Tabs) -> Iterator[Tabs]:
    """The tabs of that browser: none, or those of the test before."""
    yield opened
    if request.node.stash.get(FAILED, False):
        opened.close_all()


@pytest.mark.parametrize("leads", [True, False], ids=["leader", "follower"])
@pytest.mark.parametrize("check", sessions.ISOLATION.values(), ids=lambda check: check.__name__)
def test_each_tab_has_a_session_of_its_own(
    tabs: Tabs, check: Callable[[Tabs, bool], None], leads: bool
) -> None:
    check(tabs, leads)


def test_what_a_tab_commits_is_shown_to_be_new_in_the_others(tabs: Tabs) -> None:
    require_exact(sessions.changes(tabs, 2))


def test_the_storage_is_lent_by_any_tab_and_taken_back_by_any(tabs: Tabs) -> None:
    require_exact(sessions.loan(tabs))


def test_a_loan_outlives_the_tab_that_led(tabs: Tabs) -> None:
    require_exact(sessions.loan_without_its_leader(tabs))


def test_a_tab_that_follows_makes_no_worker(tabs: Tabs) -> None:
    tabs.close_all()
    (leader,) = tabs.open()
    (follower,) = tabs.open()
    assert [tab.js("return workers.length") for tab in (leader, follower)] == [1, 0]


def test_many_tabs_increment_one_counter_and_no_increment_is_lost(tabs: Tabs) -> None:
    require_exact(counting.counter(tabs, number=4, each=25))


def test_the_leader_goes_in_every_way_and_nothing_is_lost_or_done_twice(tabs: Tabs) -> None:
    require_exact(counting.takeover(tabs, rounds=3, number=3))


def test_files_come_in_and_go_out_by_a_tab_that_follows(tabs: Tabs, tmp_path: Path) -> None:
    follower, leader = tabs.pair(leads=False)
    table = tmp_path / "by_follower.csv"
    table.write_text("a,b\n" + "".join(f"{number},é{number}\n" for number in range(5000)))
    follower.browser.switch(follower.handle)
    assert "Imported" in follower.import_file(table)
    assert leader.value("SELECT count(*) || max(b) FROM by_follower") == "5000é999"
    whole = tmp_path / "by_follower.db"
    with closing(sqlite3.connect(whole)) as con:
        con.execute("CREATE TABLE kept (a)")
        con.execute("INSERT INTO kept VALUES ('all of it')")
        con.commit()
    before = leader.database()
    follower.browser.switch(follower.handle)
    assert "Imported" in follower.import_file(whole)
    assert follower.value("SELECT a FROM kept") == "all of it"
    assert leader.database() == before
    with closing(sqlite3.connect(follower.export())) as con:
        assert con.execute("SELECT a FROM kept").fetchall() == [("all of it",)]


def test_a_worker_that_ends_while_it_starts_is_followed_by_another_one(tabs: Tabs) -> None:
    leader, follower = tabs.pair(leads=True)
    begun = leader.js("return workers.length")
    tabs.end_worker(leader)
    wait_for("the next worker", lambda: leader.js("return workers.length") > begun)
    time.sleep(0.1)
    tabs.end_worker(leader)
    for tab in (leader, follower):
        tab.wait_ready()
        assert tab.value("SELECT 'and on'") == "and on"


def test_many_tabs_are_opened_at_once_and_one_of_them_leads(tabs: Tabs) -> None:
    require_exact(counting.crowd(tabs, 6))


@pytest.mark.parametrize("leads", [True, False], ids=["leader", "follower"])
def test_a_long_statement_in_one_tab_does_not_hold_up_the_others(tabs: Tabs, leads: bool) -> None:
    long, short = tabs.pair(leads=leads)
    long.begin(ENDLESS)
    wait_for("it runs", lambda: "Running" in long.status())
    for number in range(10):
        assert short.value(f"SELECT {number} * {number}") == str(number * number)
    short.do("CREATE TABLE meanwhile AS SELECT 1 AS a; DROP TABLE meanwhile")
    assert "Running" in long.status()
    long.click("Stop")
    assert "Cancelled" in long.said()


@pytest.mark.slow
def test_what_company_costs_a_long_statement_and_the_others_is_measured(tabs: Tabs) -> None:
    require_exact(speed.fair(tabs, seconds=10, points=20))


@pytest.mark.firefox
def test_where_nothing_can_be_suspended_tabs_take_turns_and_a_restart_stops_what_runs(
    site: ServedSite, visited_firefox: Path
) -> None:
    long = ENDLESS.replace("FROM n)", "FROM n WHERE i < 4000000)")
    without_jspi = {"javascript.options.wasm_js_promise_integration": False}
    browser = Firefox({**OWN_PROCESSES, **UNTHROTTLED, **without_jspi}, profile=visited_firefox)
    try:
        tabs = Tabs(browser, site.url)
        leader, follower = tabs.pair(leads=True)
        assert leader.js("return 'Suspending' in WebAssembly") is False
        leader.do("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)")
        follower.begin(long)
        time.sleep(0.3)
        leader.begin("SELECT 1")
        wait_for("its place", lambda: f"Waits for tab {follower.number}" in leader.status())
        assert [follower.said(), leader.said()] == ["", ""]
        follower.begin(ENDLESS)
        time.sleep(0.3)
        follower.click("Stop")
        follower.click("Restart the worker")
        assert "was restarted before this was done" in follower.said()
        for tab in (leader, follower):
            tab.wait_ready()
            assert tab.value("SELECT a FROM kept") == "1"
    finally:
        browser.close()


@pytest.mark.slow
def test_the_leader_goes_many_times_and_nothing_is_lost_or_done_twice(tabs: Tabs) -> None:
    require_exact(counting.takeover(tabs, rounds=50))


@pytest.mark.slow
def test_many_tabs_come_and_go_by_chance_and_nothing_is_lost_or_done_twice(tabs: Tabs) -> None:
    require_exact(counting.comings_and_goings(tabs))


@pytest.mark.slow
def test_two_dozen_tabs_are_opened_at_once_and_one_of_them_leads(tabs: Tabs) -> None:
    require_exact(counting.crowd(tabs))
