"""An error is told once, at its place, with a way out; what was shown before stays."""

from __future__ import annotations

import pytest

from tests.browser.console_page import Console
from tests.browser.page_steps import write
from tests.browsers import Chromium, wait_for

EARLIER = "return document.getElementById('earlier').checkVisibility()"


def test_a_misspelt_column_is_told_with_the_right_name_and_replace_mends_it(
    console: Console,
) -> None:
    console.open()
    console.run_sql("CREATE TABLE artist (id, name); INSERT INTO artist VALUES (1, 'Björk')")
    console.run_sql("SELECT id FROM artist")
    console.run_sql("SELECT 'é', nmae FROM artist")
    assert "Line 1:13" in str(console.error())
    assert "no such column: nmae" in str(console.error())
    assert "Did you mean name?" in str(console.error())
    underlined = "return document.querySelector('.cm-lintRange-error').textContent"
    assert console.js(underlined) == "nmae"
    # Told once: neither as a message of the run nor in the status line.
    assert console.status() == ""
    assert not console.js("return document.getElementById('messages').checkVisibility()")
    # The rows of before stay, marked as such.
    assert console.rows() == [["1"]]
    assert console.js(EARLIER)
    console.click("Replace")
    assert console.editor_text() == "SELECT 'é', name FROM artist"
    console.run_sql()
    assert console.rows() == [["é", "Björk"]]
    assert not console.js(EARLIER)
    assert console.error() is None


def test_the_code_of_an_error_is_in_its_details_and_can_be_copied(console: Console) -> None:
    console.open()
    write(console, "SELECT * FROM unheard")
    console.run_sql()
    assert "SQLITE_ERROR" not in str(console.error())
    # Nothing has run yet: the invitation stays.
    assert console.js("return document.getElementById('welcome').checkVisibility()")
    console.click("Details of this error")
    wait_for("the code", lambda: "SQLITE_ERROR" in str(console.error()))
    assert isinstance(console.browser, Chromium)
    permission = {"permission": {"name": "clipboard-read"}, "setting": "granted"}
    console.browser.driver.execute_cdp_cmd("Browser.setPermission", permission)
    console.click("Copy error")
    wait_for("the word", lambda: console.status() == "Copied")
    copied = console.js("return navigator.clipboard.readText()")
    assert copied == "Line 1:15\nno such table: unheard\nSQLITE_ERROR"


def test_results_of_the_statements_before_the_one_that_failed_are_shown(console: Console) -> None:
    console.open()
    console.run_sql("SELECT 1 AS one")
    console.run_sql("SELECT 2 AS two; SELECT nothing; SELECT 3")
    assert console.headers() == ["two"]
    assert not console.js(EARLIER)
    assert console.tabs()[-1] == "Messages (2)"


@pytest.mark.firefox
def test_a_misspelt_word_is_replaced_in_firefox(firefox_console: Console) -> None:
    firefox_console.open()
    firefox_console.run_sql("SELCT 1 AS one")
    assert "Did you mean SELECT?" in str(firefox_console.error())
    firefox_console.click("Replace")
    firefox_console.run_sql()
    assert firefox_console.rows() == [["1"]]
