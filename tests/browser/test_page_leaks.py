"""The page frees the DOM nodes and listeners that it has drawn and removed again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.browser.console_page import Console
from tests.browsers import Chromium, wait_for

pytestmark = pytest.mark.thorough

SWITCHES = 20
MOST = 1.1
"""Most nodes and listeners after the last round, as a multiple of those after the second one."""

CHOOSE = """
const names = [...document.querySelectorAll(".choose .name")];
const there = names.find((name) => name.textContent === args[0]);
there.closest("button").click();
"""


def database_of(tables: int, path: Path) -> Path:
    """Write a database with ``tables`` tables of three columns to ``path``, and return that."""
    with closing(sqlite3.connect(path)) as con:
        for number in range(tables):
            columns = "id INTEGER PRIMARY KEY, name TEXT, value REAL"
            con.execute(f"CREATE TABLE t{number:03} ({columns})")
        con.commit()
    return path


def held(console: Console) -> dict[str, int]:
    """Collect garbage, and return how many DOM nodes and listeners the page still holds."""
    assert isinstance(console.browser, Chromium)
    driver = console.browser.driver
    for _ in range(3):
        # Timers of a removed grid hold it for a second.
        time.sleep(1)
        driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    counters = driver.execute_cdp_cmd("Memory.getDOMCounters", {})
    return {name: int(counters[name]) for name in ("nodes", "jsEventListeners")}


def assert_nothing_piles_up(console: Console, act: Callable[[int], None]) -> None:
    """Asserts that SWITCHES calls of ``act(number)`` leave no more behind than two calls."""
    for number in range(2):
        act(number)
    few = held(console)
    for number in range(2, SWITCHES):
        act(number)
    many = held(console)
    for name, count in few.items():
        assert many[name] <= MOST * count, (name, few, many)


def test_switching_between_databases_leaves_no_elements_and_no_listeners_behind(
    console: Console, tmp_path: Path
) -> None:
    console.open()
    large = database_of(500, tmp_path / "large.db")
    small = database_of(14, tmp_path / "small.db")
    assert console.import_file(large).startswith("Imported large.db")
    assert console.import_file(small).startswith("Imported small.db")

    def switch(number: int) -> None:
        name = ("large.db", "small.db")[number % 2]
        console.js(CHOOSE, name)
        wait_for(f"{name} to be open", lambda: console.status() == f"Opened {name}")

    assert_nothing_piles_up(console, switch)
    assert len(console.tables()) == 14
    assert console.errors() == []


def test_runs_questions_and_errors_leave_no_elements_and_no_listeners_behind(
    console: Console,
) -> None:
    console.open()

    def act(_number: int) -> None:
        console.run_sql("SELECT 1 AS a; SELECT 2 AS b; SELECT 3 AS c; SELECT oops")
        assert "no such column: oops" in str(console.error())
        console.js("document.querySelectorAll('[role=tab]')[1].click()")
        assert console.headers() == ["b"]
        console.js("document.querySelectorAll('[role=tab]')[3].click()")
        console.js("document.getElementById('databases').open = true")
        console.click("New database…")
        wait_for("the question", console.question)
        console.click("Cancel")
        console.js("document.getElementById('engine').click()")
        wait_for("the versions", console.question)
        console.click("Close")
        wait_for("no dialog", lambda: console.question() is None)

    assert_nothing_piles_up(console, act)
    assert console.errors() == []
