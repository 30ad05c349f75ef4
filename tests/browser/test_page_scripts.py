"""Long scripts, and Run while something runs already: the page answers all the while."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browser.page_steps import ENDLESS, press
from tests.browsers import wait_for

# As the reports had it: one INSERT of megabytes, and very many statements.
ROW = "(1,'lorem ipsum dolor sit amet','2024-01-01',3.14159)"
MANY = 100_000


def check_many(console: Console) -> None:
    console.open()
    script = (
        "'CREATE TABLE big (a, b, c, d);\\nBEGIN;\\n' + "
        f"`INSERT INTO big VALUES {ROW};\\n`.repeat({MANY}) + 'COMMIT;\\nSELECT nothing;'"
    )
    console.paste(script)
    console.run_sql()
    assert f"Line {MANY + 4:}:8" in str(console.error())
    assert console.tabs() == [] or console.tabs()[-1] == f"Messages ({MANY + 4:,})"
    messages = "return [...document.querySelectorAll('#messages li')].map((each) => each.innerText)"
    wait_for("the messages", lambda: len(console.js(messages)) == 1000)
    last, before = console.js(messages)[-1], console.js(messages)[-3]
    assert "SELECT nothing;" in last
    assert f"line {MANY + 2:,}" in before
    assert "1 row changed" in before
    console.run_sql("SELECT count(*) AS n FROM big")
    assert console.rows() == [[str(MANY)]]
    assert console.errors() == []


@pytest.mark.chrome
def test_a_hundred_thousand_statements_run_and_each_has_its_message(console: Console) -> None:
    check_many(console)


@pytest.mark.firefox
def test_a_hundred_thousand_statements_run_in_firefox(firefox_console: Console) -> None:
    check_many(firefox_console)


def test_a_statement_of_five_megabytes_runs(console: Console) -> None:
    console.open()
    rows = 5 * 1024 * 1024 // (len(ROW) + 2)
    script = (
        "'CREATE TABLE big (a, b, c, d);\\nINSERT INTO big VALUES ' + "
        f"Array.from({{ length: {rows} }}, () => `{ROW}`).join(',\\n') + ';'"
    )
    console.paste(script)
    # It is coloured where it is looked at: at its end, then at its beginning.
    plain = "return [...document.querySelectorAll('.cm-line')].filter((line) => !line.children[0])"
    coloured = f"{plain}.length === 0 && document.querySelector('.cm-content').textContent"
    wait_for("colours", lambda: "3.14159);" in str(console.js(coloured)))
    press(console, Keys.CONTROL, Keys.HOME)
    wait_for("colours", lambda: "CREATE TABLE" in str(console.js(coloured)))
    console.run_sql()
    assert console.error() is None
    console.run_sql("SELECT count(*) AS n FROM big")
    assert console.rows() == [[str(rows)]]
    # What a reload brings back runs again.
    console.run_sql("SELECT 1 AS one")
    assert console.rows() == [["1"]]


def test_an_error_behind_a_long_text_of_all_kinds_of_characters_is_at_its_place(
    console: Console,
) -> None:
    console.open()
    console.paste("'-- é🙂\\n'.repeat(50_000) + \"SELECT 'é🙂', nothing\"")
    console.run_sql()
    assert "Line 50001:14" in str(console.error())


def test_run_while_a_result_is_read_stops_that_and_runs_the_new_text(console: Console) -> None:
    console.open()
    console.run_sql(
        "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000000) "
        "SELECT x, 'some text to be read ' || x FROM c",
        wait=False,
    )
    wait_for("rows", lambda: console.row_count() > 0)
    console.type_sql("SELECT 'new' AS text")
    press = """
        document.querySelector('[role=textbox][aria-label="SQL"]').dispatchEvent(
          new KeyboardEvent("keydown", { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true,
                                         bubbles: true, cancelable: true }));
    """
    console.js(press)
    wait_for("the new text", lambda: console.rows() == [["new"]])
    assert console.headers() == ["text"]
    assert console.error() is None


def test_run_while_a_statement_runs_offers_to_stop_it_and_to_run_this(console: Console) -> None:
    console.open()
    console.run_sql(ENDLESS, wait=False)
    console.type_sql("SELECT 'this' AS text")
    wait_for("it to run", lambda: "Running" in console.status() or "rows" in console.status())
    console.js("document.getElementById('run').click()")
    wait_for("the offer", lambda: "A statement is running." in str(console.error()))
    console.click("Stop it and run this")
    wait_for("this", lambda: console.rows() == [["this"]])
    assert console.error() is None


def test_the_offer_runs_the_text_also_when_the_statement_has_ended_by_itself(
    console: Console,
) -> None:
    console.open()
    console.run_sql(
        "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000000) "
        "SELECT count(*) FROM c",
        wait=False,
    )
    console.type_sql("SELECT 'late' AS text")
    console.js("document.getElementById('run').click()")
    console.wait_idle()
    console.click("Stop it and run this")
    wait_for("this", lambda: console.rows() == [["late"]])


def test_pasted_characters_that_look_like_others_are_named_and_replaced_by_a_button(
    console: Console,
) -> None:
    console.open()
    console.run_sql("SELECT 'é🙂' AS a,\u00a01 AS b;\nSELECT\u200b 2\u00a0AS c")
    told = str(console.error())
    assert "no-break space" in told.lower()
    console.click("Replace")
    wait_for("the change", lambda: "\u00a0" not in console.editor_text().split("\n")[0])
    assert console.error() is None
    console.run_sql()
    if console.error() is not None:
        console.click("Replace")
        wait_for("the change", lambda: "\u200b" not in console.editor_text())
        console.run_sql()
    assert console.error() is None
    assert console.rows() == [["2"]]
    assert "é🙂" in console.editor_text()


ONE_LINES = {
    # One token of megabytes, and very many.
    "text": "`SELECT length('` + 'lorem ipsum, '.repeat(700_000) + `') AS n`",
    "rows": "'CREATE TABLE IF NOT EXISTS wide (a, b); INSERT INTO wide VALUES ' + "
    "Array.from({ length: 400_000 }, (_, i) => `(${i},'text, of ${i}')`).join(',')"
    " + '; SELECT count(*) AS n FROM wide'",
}
PLACE = """
const content = document.querySelector('[role=textbox][aria-label="SQL"]');
content.focus();
const key = args[0];
const press = { key, keyCode: key === "Home" ? 36 : 35, ctrlKey: true, bubbles: true };
content.dispatchEvent(new KeyboardEvent("keydown", { ...press, cancelable: true }));
document.execCommand("insertText", false, args[1]);
"""


def check_one_line(console: Console, script: str, shown: str) -> None:
    """A script of one line of megabytes is pasted, run, edited at both ends, and kept whole."""
    console.open()
    console.js("window.longest = 0; window.script = " + script)
    console.js(
        """
        let last = performance.now();
        setInterval(() => {
          longest = Math.max(longest, performance.now() - last);
          last = performance.now();
        }, 10);
        """
    )
    console.paste("window.script")
    console.run_sql()
    assert console.rows() == [[shown]]
    assert console.js("return document.querySelector('.cm-content').textContent.length") < 100_000
    console.js(PLACE, "End", " -- end")
    console.js(PLACE, "Home", "/* begin */ ")
    console.run_sql()
    assert console.error() is None
    assert console.rows()[0][0].isdigit()
    # Minutes, if a key or the run took as long as the line is long, squared.
    assert console.js("return window.longest") < 20_000
    assert console.errors() == []


@pytest.mark.parametrize(("kind", "shown"), [("text", "9100000"), ("rows", "400000")])
def test_a_line_of_nine_megabytes_is_edited_and_run(
    console: Console, kind: str, shown: str
) -> None:
    check_one_line(console, ONE_LINES[kind], shown)


@pytest.mark.firefox
def test_a_line_of_nine_megabytes_is_edited_and_run_in_firefox(firefox_console: Console) -> None:
    check_one_line(firefox_console, ONE_LINES["rows"], "400000")
