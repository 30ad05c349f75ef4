"""Rows are sorted by the headers of their columns, and stay those that were read."""

from __future__ import annotations

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browser.page_steps import keys
from tests.browsers import Chromium, wait_for

HEADER = """
const grid = document.querySelector("vaadin-grid:not(.kept)");
const cells = [...grid.shadowRoot.querySelectorAll("#header tr:last-child th")];
const content = (cell) => cell.querySelector("slot").assignedElements()[0];
const header = cells.find((cell) => content(cell).title === args[0]);
"""


def press_header(console: Console, name: str, *, shift: bool = False) -> None:
    """Click on the header of a column, and wait until the sort has ended."""
    click = f"{HEADER} content(header).dispatchEvent(new MouseEvent('click', "
    console.js(f"{click} {{ bubbles: true, composed: true, shiftKey: args[1] }}))", name, shift)
    wait_for("the sort to begin and end", lambda: not console.status().startswith("Sorting"))
    console.wait_idle()


def order(console: Console, name: str) -> str | None:
    """What the header of a column says to a screen reader about the order."""
    return console.js(f"{HEADER} return header.getAttribute('aria-sort')", name) or None


def first(console: Console, column: int = 0) -> list[str]:
    return [row[column] for row in console.rows()[:4]]


def test_rows_are_sorted_by_headers_by_mouse_and_keyboard_and_shown_as_sql(
    console: Console,
) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    console.run_sql(
        "CREATE TABLE t (n INTEGER, x TEXT COLLATE NOCASE);"
        "INSERT INTO t VALUES (1, 'b'), (2, 'A'), (3, 'a'), (4, NULL)"
    )
    console.run_sql("SELECT n, x FROM t")
    press_header(console, "x")
    assert first(console, 1) == ["NULL", "A", "a", "b"]
    assert (order(console, "x"), order(console, "n")) == ("ascending", None)
    press_header(console, "n", shift=True)
    press_header(console, "n", shift=True)
    assert first(console) == ["4", "3", "2", "1"]
    assert (order(console, "x"), order(console, "n")) == ("ascending", "descending")
    assert console.headers() == ["▼2n", "▲1x"]
    console.click("Show as SQL")
    wait_for("the SQL", console.question)
    sql = "SELECT * FROM (SELECT n, x FROM t)\nORDER BY 2, 1 DESC"
    assert sql in str(console.question())
    console.click("Put into the editor")
    wait_for("the SQL in the editor", lambda: sql in console.editor_text())
    # By the keyboard: descending, then as they were read; the focus stays at the header.
    console.js(f"{HEADER} header.focus()", "n")
    keys(console, Keys.ENTER)
    wait_for("one key", lambda: (order(console, "n"), order(console, "x")) == (None, None))
    assert first(console) == ["1", "2", "3", "4"]
    keys(console, Keys.ENTER)
    wait_for("an order", lambda: order(console, "n") == "ascending")
    keys(console, Keys.ENTER)
    wait_for("the other one", lambda: order(console, "n") == "descending")
    assert first(console) == ["4", "3", "2", "1"]
    ActionChains(console.browser.driver).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(
        Keys.SHIFT
    ).perform()
    wait_for("no order", lambda: order(console, "n") is None)
    assert console.errors() == []
    assert console.error() is None


def test_the_rows_that_were_read_are_sorted_also_if_the_statement_would_give_others(
    console: Console,
) -> None:
    console.open()
    console.run_sql(
        "CREATE TABLE t (n); INSERT INTO t VALUES (2), (3), (1) RETURNING n, n * 2 AS d"
    )
    press_header(console, "d")
    assert first(console) == ["1", "2", "3"]
    assert not console.js("return document.getElementById('show-sql').checkVisibility()")
    console.run_sql("SELECT count(*) AS n FROM t")
    assert first(console) == ["3"]
    console.run_sql("SELECT n, random() AS r FROM t")
    read = console.rows()
    press_header(console, "n")
    assert console.rows() == sorted(read)
    press_header(console, "n")
    assert console.rows() == sorted(read, reverse=True)
    press_header(console, "n")
    assert console.rows() == read
    # A result is sorted as it was read, whatever the statements behind it have changed.
    console.run_sql("SELECT n FROM t; DELETE FROM t WHERE n < 3; SELECT 'other'")
    console.click("SELECT n FROM t;")
    press_header(console, "n")
    assert first(console) == ["1", "2", "3"]
    console.click("Messages (3)")
    console.click("SELECT n FROM t;")
    assert (first(console), order(console, "n")) == (["1", "2", "3"], "ascending")
    assert console.errors() == []


def test_a_hundred_thousand_rows_and_fifty_columns_are_sorted(console: Console) -> None:
    console.open()
    numbers = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {}) "
    console.run_sql(numbers.format(100_000) + "SELECT x, x % 7 AS seven FROM c")
    press_header(console, "seven")
    press_header(console, "x", shift=True)
    press_header(console, "x", shift=True)
    assert first(console) == ["99995", "99988", "99981", "99974"]
    assert console.row_count() == 100_000
    assert console.scroll_to_row(99_999) == ["6", "6"]
    columns = ", ".join(f"{n} * x AS c{n}" for n in range(50))
    console.run_sql(numbers.format(30) + f"SELECT {columns} FROM c")
    press_header(console, "c2")
    press_header(console, "c2")
    assert first(console, 3) == ["60", "58", "56", "54"]  # behind a spacer
    assert order(console, "c2") == "descending"
    assert console.errors() == []
