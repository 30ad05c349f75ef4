"""What Run runs: the statement at the cursor, the selection, all, all in one transaction."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browser.page_steps import ENDLESS, keys, press, write
from tests.browsers import Chromium, wait_for

TWO = "SELECT 1 AS one;\n\nSELECT 2\n  AS two;"
TRIGGER = """CREATE TABLE t (a);
CREATE TRIGGER r AFTER INSERT ON t BEGIN
  UPDATE t SET a = a + 1;
END;
INSERT INTO t VALUES (1);
SELECT a FROM t;"""
BUTTON = "return document.getElementById('run-text').textContent"
SHOWN = """
return ["run", "cancel"].filter((name) =>
  document.getElementById(name).checkVisibility({ visibilityProperty: true }));
"""


def test_run_says_which_statement_it_runs_and_runs_the_one_at_the_cursor(console: Console) -> None:
    console.open()
    write(console, TWO)
    assert console.js(BUTTON) == "Run statement 1 of 2"
    console.click("Run statement 1 of 2")
    wait_for("the first", lambda: console.headers() == ["one"])
    console.js("document.querySelector('[role=textbox][aria-label=SQL]').focus()")
    keys(console, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert console.js(BUTTON) == "Run statement 2 of 2"
    tinted = "return [...document.querySelectorAll('.cm-at-cursor')].map((e) => e.textContent)"
    assert console.js(tinted) == ["SELECT 2", "  AS two;"]
    press(console, Keys.CONTROL, Keys.ENTER)
    wait_for("the second", lambda: console.headers() == ["two"])
    assert console.editor_text() == TWO


def test_run_says_what_it_runs_also_of_the_text_of_the_last_visit(console: Console) -> None:
    console.open()
    write(console, TWO)
    console.reload()
    wait_for("the text", lambda: console.editor_text() == TWO)
    assert console.js(BUTTON) == "Run statement 1 of 2"


def test_a_selection_runs_alone_and_one_statement_is_just_run(console: Console) -> None:
    console.open()
    write(console, "SELECT 1 AS one")
    assert console.js(BUTTON) == "Run"
    press(console, Keys.CONTROL, "a")
    assert console.js(BUTTON) == "Run selection"
    write(console, TWO)
    press(console, Keys.SHIFT, *[Keys.ARROW_RIGHT] * 8)
    press(console, Keys.CONTROL, Keys.ENTER)
    wait_for("the selection", lambda: console.headers() == ["1"])


def test_all_statements_run_by_the_menu_and_by_the_key(console: Console) -> None:
    console.open()
    write(console, TRIGGER)
    assert console.js(BUTTON) == "Run statement 1 of 4"
    press(console, Keys.CONTROL, Keys.SHIFT, Keys.ENTER)
    wait_for("all", lambda: console.rows() == [["2"]])
    write(console, TWO)
    console.click("More ways to run")
    console.click("Run allCtrl Shift Enter")
    wait_for("both", lambda: len(console.tabs()) == 3)
    assert console.js("return document.querySelector(':popover-open')") is None


def test_the_triangle_beside_a_statement_runs_it(console: Console) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    write(console, TRIGGER)
    marks = (
        "return [...document.querySelectorAll('.cm-runs span')].filter((e) => e.checkVisibility())"
    )
    driver = console.browser.driver
    wait_for("marks", lambda: len(driver.execute_script(marks)) >= 4)
    console.run_sql()
    console.js("document.querySelector('[role=textbox][aria-label=SQL]').blur()")
    insert = driver.execute_script(marks + "[3]")
    for _ in range(2):
        ActionChains(driver).move_to_element(insert).click().perform()
        console.wait_idle()
    console.run_sql("SELECT count(*) FROM t")
    assert console.rows() == [["3"]]


def test_all_in_one_transaction_is_all_or_nothing(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE t (a UNIQUE)")
    write(console, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)")
    console.js("document.getElementById('run-whole').click()")
    wait_for("the end", lambda: "Rolled back" in console.status())
    assert "UNIQUE" in str(console.error())
    assert console.js("return document.getElementById('transaction').hidden")
    console.run_sql("SELECT count(*) FROM t")
    assert console.rows() == [["0"]]
    write(console, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
    console.js("document.getElementById('run-whole').click()")
    wait_for("the end", lambda: console.status() == "2 statements ran and were committed together")
    assert console.error() is None
    console.run_sql("SELECT count(*) FROM t; BEGIN")
    console.js("document.getElementById('run-whole').click()")
    wait_for("the reason", lambda: "A transaction is open" in console.status())


def test_a_commit_that_fails_leaves_no_transaction_open(console: Console) -> None:
    console.open()
    deferred = "REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED"
    console.run_sql(f"CREATE TABLE p (id PRIMARY KEY); CREATE TABLE c (p {deferred})")
    console.run_sql("PRAGMA foreign_keys = ON")
    write(console, "INSERT INTO c VALUES (7); SELECT 1")
    console.js("document.getElementById('run-whole').click()")
    wait_for("the error", lambda: "FOREIGN KEY" in str(console.error()))
    console.wait_idle()
    console.run_sql("SELECT count(*) FROM c")
    assert console.rows() == [["0"]]
    assert console.js("return document.getElementById('transaction').hidden")


def test_a_run_that_is_stopped_within_its_transaction_is_rolled_back(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE t (a)")
    write(console, f"INSERT INTO t VALUES (1); {ENDLESS}")
    console.js("document.getElementById('run-whole').click()")
    console.click("Stop")
    wait_for("the end", lambda: "Rolled back" in console.status())
    console.run_sql("SELECT count(*) FROM t")
    assert console.rows() == [["0"]]


def test_run_turns_into_stop_and_escape_stops(console: Console) -> None:
    console.open()
    write(console, ENDLESS)
    assert console.js(SHOWN) == ["run"]
    console.js("document.getElementById('run').focus()")
    keys(console, Keys.ENTER)
    wait_for("Stop", lambda: console.js(SHOWN) == ["cancel"])
    wait_for("its focus", lambda: console.js("return document.activeElement.id") == "cancel")
    keys(console, Keys.ESCAPE)
    wait_for("the end", lambda: console.status().startswith("Cancelled"))
    wait_for("Run", lambda: console.js(SHOWN) == ["run"])
    assert console.js("return document.activeElement.id") == "run"
    before = console.status()
    keys(console, Keys.ESCAPE)
    assert console.status() == before


def test_escape_closes_what_is_open_before_it_stops(console: Console) -> None:
    console.open()
    write(console, ENDLESS)
    press(console, Keys.CONTROL, Keys.ENTER)
    wait_for("Stop", lambda: console.js(SHOWN) == ["cancel"])
    console.js("document.getElementById('run-menu').showPopover()")
    keys(console, Keys.ESCAPE)
    assert console.js("return document.querySelector(':popover-open')") is None
    assert console.js(SHOWN) == ["cancel"]
    keys(console, Keys.ESCAPE)
    wait_for("the end", lambda: console.js(SHOWN) == ["run"])


def test_the_time_limit_is_in_the_menu_which_fits_and_told_where_one_is_set(
    console: Console,
) -> None:
    console.open()
    limit = "const note = document.getElementById('limit'); return [note.hidden, note.innerText]"
    assert console.js(limit)[0] is True
    console.click("More ways to run")
    console.js(
        "const field = document.getElementById('seconds'); field.value = '10';"
        "field.dispatchEvent(new Event('change', { bubbles: true }))"
    )
    assert console.js(limit) == [False, "Stops after 10 s"]
    assert isinstance(console.browser, Chromium)
    fits = """
    const { left, right, bottom } = document.getElementById("run-menu").getBoundingClientRect();
    const { scrollWidth, clientWidth } = document.getElementById("run-menu");
    return left >= 0 && right <= innerWidth && bottom <= innerHeight && scrollWidth <= clientWidth;
    """
    assert console.js(fits)
    console.browser.resize(360, 700)
    assert console.js(fits)


@pytest.mark.firefox
def test_the_statement_at_the_cursor_runs_in_firefox(firefox_console: Console) -> None:
    console = firefox_console
    console.open()
    console.type_sql(TWO)
    assert console.js(BUTTON) == "Run statement 2 of 2"
    console.click("Run statement 2 of 2")
    wait_for("the second", lambda: console.headers() == ["two"])
    console.click("More ways to run")
    console.click("Run allCtrl Shift Enter")
    wait_for("both", lambda: len(console.tabs()) == 3)
