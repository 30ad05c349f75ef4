"""The setting ``sahpool.verbosity`` of the page, which makes the library log to the console."""

from __future__ import annotations

import pytest

from tests.browser.console_page import Console
from tests.browsers import Chromium
from tests.firefox import Firefox


def written(console: Console) -> list[str]:
    """Return what the library has logged to the console since the last call: level and text."""
    browser = console.browser
    console.run_sql("SELECT 1")
    if isinstance(browser, Chromium):
        log = browser.driver.get_log("browser")  # type: ignore[no-untyped-call]
        entries = [f"{entry['level'].lower()} {entry['message']}" for entry in log]
    else:
        assert isinstance(browser, Firefox)
        browser.problems()  # receives the events so far
        events = [event for event in browser.events if event["method"] == "log.entryAdded"]
        entries = [f"{event['params']['level']} {event['params']['text']}" for event in events]
        browser.events.clear()
    return [entry for entry in entries if "sahpool: " in entry]


def check_switch(console: Console) -> None:
    console.open()
    assert written(console) == []
    for value in ("2", "all"):  # no error to log; an invalid value
        console.js('localStorage["sahpool.verbosity"] = args[0];', value)
        console.reload()
        assert written(console) == [], value
    console.js('localStorage["sahpool.verbosity"] = "3";')
    console.reload()
    told = written(console)
    assert any(each.startswith("info ") and "opened " in each for each in told), told
    assert any(each.startswith("debug ") and "xOpen /notes.db" in each for each in told), told


def test_the_page_s_switch_makes_the_worker_tell_the_console_what_it_does(console: Console) -> None:
    check_switch(console)


@pytest.mark.slow
def test_the_page_s_switch_makes_the_worker_in_firefox_tell_the_console_what_it_does(
    firefox_console: Console,
) -> None:
    check_switch(firefox_console)
