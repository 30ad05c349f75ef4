"""The plan of a statement in words, and an index that is tried before it is made."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser import accessibility
from tests.browser.console_page import Console
from tests.browser.page_steps import ROWS, keys, press, write
from tests.browsers import Chromium, wait_for

SCHEMA = f"""
CREATE TABLE album (id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE track (id INTEGER PRIMARY KEY, album INTEGER, name TEXT, ms INTEGER);
{ROWS.format(30000)} INSERT INTO track SELECT x, x / 10, 'track ' || x, x * 7 % 999 FROM c;
{ROWS.format(3000)} INSERT INTO album SELECT x, 'album ' || x FROM c;
"""
QUERY = "SELECT name, ms FROM track WHERE album = 77 ORDER BY ms"
TWO = f"SELECT title FROM album WHERE id IN (SELECT album FROM track);\n\n{QUERY};"

STEPS = """
return [...document.querySelectorAll("[role=treeitem]")].filter((row) => !row.hidden)
  .map((row) => row.querySelector(".said").textContent);
"""
AT = "return document.activeElement.querySelector('.said')?.textContent"
INDEXES = "SELECT count(*) FROM sqlite_schema WHERE type = 'index'"


def steps(console: Console) -> list[str]:
    """The words of the steps that are shown."""
    return list(console.js(STEPS))


def explained(console: Console, text: str, expected: str) -> None:
    """Have a text in the editor, and the plan of its first statement shown."""
    write(console, text)
    console.click("Explain")
    wait_for("the plan", lambda: expected in steps(console))


def advice(console: Console) -> str:
    return str(console.js("return document.querySelector('.advice').innerText"))


@pytest.fixture
def music(console: Console) -> Console:
    console.open()
    console.run_sql(SCHEMA)
    return console


def test_the_plan_of_the_statement_at_the_cursor_is_shown_in_words(music: Console) -> None:
    explained(music, TWO, "Reads every row of track")
    assert steps(music) == [
        "Looks rows of album up by their key: rowid = ?",
        "Makes the list of subquery 1 once",
        "Reads every row of track",
    ]
    assert "SCAN track" in str(music.js("return document.getElementById('plan').innerText"))
    assert music.status() == "The plan has 3 steps"
    assert accessibility.violations(music.browser) == []
    keys(music, Keys.ARROW_DOWN)
    assert music.js(AT) == "Makes the list of subquery 1 once"
    keys(music, Keys.ARROW_LEFT)
    assert len(steps(music)) == 2
    keys(music, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert music.js(AT) == "Reads every row of track"
    keys(music, Keys.ARROW_LEFT)
    assert music.js(AT) == "Makes the list of subquery 1 once"
    keys(music, Keys.HOME)
    assert music.js(AT) == "Looks rows of album up by their key: rowid = ?"
    keys(music, Keys.END)
    assert music.js(AT) == "Reads every row of track"
    music.click("Close")
    assert not music.js("return document.getElementById('plan').checkVisibility()")


def test_a_result_shows_its_plan_and_its_rows_again(music: Console) -> None:
    music.run_sql(QUERY)
    music.type_sql("something else")
    music.click("Plan")
    wait_for("the plan", lambda: "Reads every row of track" in steps(music))
    assert music.editor_text() == "something else"
    music.click("Close")
    assert len(music.rows()) == 10
    music.click("Plan")
    wait_for(
        "the plan", lambda: music.js("return document.getElementById('plan').checkVisibility()")
    )
    music.run_sql("SELECT 5")
    assert music.rows() == [["5"]]
    assert not music.js("return document.getElementById('plan').checkVisibility()")


def test_all_of_explain_is_a_result(music: Console) -> None:
    explained(music, QUERY, "Reads every row of track")
    music.click("All of EXPLAIN")
    wait_for("the table", lambda: music.headers()[:2] == ["addr", "opcode"])
    assert music.rows()[0][1] == "Init"


def test_an_index_is_tried_and_nothing_of_it_stays_until_it_is_kept(music: Console) -> None:
    explained(music, QUERY, "Reads every row of track")
    assert "CREATE INDEX track_album_ms ON track (album, ms)" in advice(music)
    music.click("Try it")
    wait_for("the trial", lambda: "times as fast" in advice(music))
    assert "Nothing of it was kept" in advice(music)
    assert accessibility.violations(music.browser) == []
    assert music.js("return document.activeElement.textContent") == "Keep it"
    music.run_sql(INDEXES)
    assert music.rows() == [["0"]]
    explained(music, QUERY, "Reads every row of track")
    music.click("Try it")
    music.click("Keep it")
    looked_up = "Looks rows of track up in the index track_album_ms: album = ?"
    wait_for("the index in use", lambda: steps(music) == [looked_up])
    assert music.status() == "Made the index"
    assert music.js("return document.querySelector('.advice').checkVisibility()") is False
    music.run_sql(INDEXES)
    assert music.rows() == [["1"]]


def test_a_trial_that_is_stopped_leaves_nothing(music: Console) -> None:
    endless = "SELECT count(*) FROM track a, track b, track c WHERE a.album = 3 AND b.ms < c.ms"
    explained(music, endless, "Reads every row of b")
    music.click("Try it")
    wait_for("it to run", lambda: "Trying" in music.status())
    music.click("Stop")
    wait_for("the end", lambda: music.status() == "Stopped; nothing of the index was kept")
    music.run_sql(INDEXES)
    assert music.rows() == [["0"]]


def test_what_is_run_during_a_trial_runs_once_that_is_stopped(music: Console) -> None:
    endless = "SELECT count(*) FROM track a, track b, track c WHERE a.album = 3 AND b.ms < c.ms"
    explained(music, endless, "Reads every row of b")
    music.click("Try it")
    wait_for("it to run", lambda: "Trying" in music.status())
    write(music, "SELECT 1 AS one")
    press(music, Keys.CONTROL, Keys.ENTER)
    music.click("Stop it and run this")
    wait_for("the rows", lambda: music.headers() == ["one"])


def test_in_a_transaction_that_is_open_nothing_is_tried(music: Console) -> None:
    music.run_sql("BEGIN")
    explained(music, QUERY, "Reads every row of track")
    music.click("Try it")
    wait_for("the reason", lambda: "A transaction is open" in str(music.error()))
    music.run_sql("ROLLBACK")


def test_what_has_no_plan_is_said_to_have_none(music: Console) -> None:
    write(music, "PRAGMA user_version")
    music.click("Explain")
    wait_for("the reason", lambda: "This statement has no plan" in str(music.error()))


def test_the_plan_fits_a_phone(music: Console) -> None:
    assert isinstance(music.browser, Chromium)
    explained(music, QUERY, "Reads every row of track")
    music.browser.resize(360, 700)
    fits = (
        "const plan = document.getElementById('plan'); return plan.scrollWidth <= plan.clientWidth"
    )
    assert music.js(fits)
    assert accessibility.violations(music.browser) == []


@pytest.mark.firefox
def test_a_plan_is_shown_in_firefox(firefox_console: Console) -> None:
    firefox_console.open()
    firefox_console.type_sql("SELECT 1")
    firefox_console.click("Explain")
    expected = ["Takes rows that stand in the statement itself"]
    wait_for("the plan", lambda: steps(firefox_console) == expected)
