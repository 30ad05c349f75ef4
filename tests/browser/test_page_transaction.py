"""An open transaction in the header: since when, what it has changed, Commit and Roll back."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browser.page_steps import keys
from tests.browsers import Chromium, wait_for


def bar(console: Console) -> str:
    """Return what the header says about a transaction; empty: none is open."""
    shown = "const bar = document.getElementById('transaction'); return bar.checkVisibility() "
    return str(console.js(shown + "? bar.firstElementChild.textContent : ''"))


def gone(console: Console) -> None:
    """Wait until the header says nothing of a transaction."""
    wait_for("the end of the transaction", lambda: bar(console) == "")


def test_a_transaction_is_shown_with_its_changes_and_is_ended_beside_it(console: Console) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    console.run_sql("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
    assert bar(console) == ""
    now = [console.js("return new Date().toLocaleTimeString([], {timeStyle: 'short'})")]
    console.run_sql("BEGIN")
    now.append(console.js("return new Date().toLocaleTimeString([], {timeStyle: 'short'})"))
    assert bar(console) in [f"Transaction since {each} · no rows changed" for each in now]
    console.run_sql("INSERT INTO t VALUES (2), (3); SELECT x FROM t")
    assert bar(console).endswith(" · 2 rows changed")
    # By keyboard; the rows that were read stay, marked as older than the data.
    console.js("document.getElementById('roll-back').focus()")
    keys(console, Keys.ENTER)
    gone(console)
    wait_for("the word", lambda: console.status() == "Rolled back")
    assert console.rows() == [["1"], ["2"], ["3"]]
    assert console.js("return document.getElementById('older').checkVisibility()")
    in_editor = "return !!document.activeElement.closest('#editor')"
    wait_for("the focus to be in the editor", lambda: console.js(in_editor))
    console.run_sql("BEGIN; INSERT INTO t VALUES (4); SELECT count(*) FROM t")
    console.browser.resize(360, 700)
    fits = "const bar = document.getElementById('transaction').getBoundingClientRect(); "
    assert console.js(fits + "return bar.left >= 0 && bar.right <= innerWidth")
    console.click("Commit")
    gone(console)
    wait_for("the word", lambda: console.status() == "Committed")
    console.run_sql("SELECT count(*) FROM t")
    assert console.rows() == [["2"]]


def test_a_commit_that_fails_says_why_and_leaves_the_transaction_open(console: Console) -> None:
    console.open()
    console.run_sql(
        "PRAGMA foreign_keys = 1; CREATE TABLE a (x PRIMARY KEY);"
        "CREATE TABLE b (x REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
        "BEGIN; CREATE TABLE c (x); INSERT INTO b VALUES (1)"
    )
    console.click("Commit")
    wait_for("the reason", lambda: "FOREIGN KEY constraint failed" in str(console.error()))
    assert bar(console).endswith(" · 1 row changed")
    assert "c" in console.tables()
    console.click("Roll back")
    gone(console)
    wait_for("the schema of before", lambda: "c" not in console.tables())
    assert console.error() is None


@pytest.mark.firefox
def test_a_transaction_is_rolled_back_by_its_button_in_firefox(firefox_console: Console) -> None:
    firefox_console.open()
    firefox_console.run_sql("CREATE TABLE t (x); SAVEPOINT s; INSERT INTO t VALUES (1)")
    assert bar(firefox_console).endswith(" · 1 row changed")
    firefox_console.click("Roll back")
    gone(firefox_console)
    firefox_console.run_sql("SELECT count(*) FROM t")
    assert firefox_console.rows() == [["0"]]
