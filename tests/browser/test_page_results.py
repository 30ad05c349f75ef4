"""How the page shows results: exact values, several statements, errors with their lines."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browser.page_steps import inspected
from tests.browsers import Chromium, wait_for

HOSTILE = """
SELECT 'a' AS "<script>alert(1)</script>", 1 AS constructor, NULL AS "a.b", '' AS "",
       2 AS "", 9223372036854775807 AS __proto__, 1e999 AS inf, -1e999 AS "-inf",
       x'00ff' AS blob, 0.1 + 0.2 AS float, 'NULL' AS "null"
"""


ROWS_OF = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000)"


def test_names_and_values_of_any_kind_are_shown_as_they_are(console: Console) -> None:
    console.open()
    console.run_sql(HOSTILE)
    grid = console.grid()
    names = ["<script>alert(1)</script>", "constructor", "a.b", "", "", "__proto__"]
    assert grid["names"] == [*names, "inf", "-inf", "blob", "float", "null"]
    big = "9223372036854775807"
    shown = ["a", "1", "NULL", "", "2", big, "Inf", "-Inf", "x'00ff'", "0.3", "NULL"]
    assert grid["rows"] == [shown]
    kinds = [kind.split()[0] for kind in grid["kinds"][0]]
    assert kinds[2] == "cell-null"
    assert kinds[3] == kinds[-1] == "cell-text"
    assert console.js("return document.querySelectorAll('script:not([src])').length") == 0
    assert console.errors() == []


def test_blanks_at_the_ends_and_unseen_characters_are_marked_in_cells_and_names(
    console: Console,
) -> None:
    console.open()
    console.run_sql("""
        CREATE TABLE " oops" (" a", "" TEXT);
        CREATE TABLE "" (x);
        SELECT ' 100' AS "n ", 'a' || char(10) || 'b', 'plain' AS "", char(8203) || 'id'
    """)
    wait_for("the tables", lambda: len(console.tables()) == 2)
    symbols = """
        return [...document.querySelectorAll(args[0])].map((each) =>
          [each.parentElement.textContent, each.dataset.symbol,
           getComputedStyle(each, "::before").content]);
    """
    grid = console.grid()
    assert grid["rows"] == [[" 100", "a\nb", "plain", "\u200bid"]]
    assert grid["names"][0] == "n "
    found = console.js(symbols, "vaadin-grid .unseen")
    assert [" 100", "·", '"·"'] in found
    assert ["a\nb", "⏎", '"⏎"'] in found
    assert ["\u200bid", "U+200B", '"U+200B"'] in found
    assert ["n ", "·", '"·"'] in found
    assert [" oops", "·", '"·"'] in console.js(symbols, "[aria-label=Schema] .unseen")
    nameless = """
        return [...document.querySelectorAll(args[0] + " .nameless")].map((each) =>
          getComputedStyle(each, "::before").content);
    """
    assert console.js(nameless, "[aria-label=Schema]") == ['"(no name)"'] * 2  # table, column
    assert '"(no name)"' in console.js(nameless, "vaadin-grid")
    assert console.errors() == []


def test_a_real_is_copied_with_all_its_digits(console: Console) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    permission = {"permission": {"name": "clipboard-read"}, "setting": "granted"}
    console.browser.driver.execute_cdp_cmd("Browser.setPermission", permission)
    console.run_sql("SELECT 1589459594.0123456 AS r, 0.1 + 0.2 AS s, 3.0 AS t")
    assert console.rows() == [["1589459594.01235", "0.3", "3.0"]]
    console.click("Copy")
    console.click("For a spreadsheet")
    copied = "r\ts\tt\n1589459594.0123456\t0.30000000000000004\t3.0"
    read = "return navigator.clipboard.readText()"
    wait_for("the copy", lambda: console.js(read) == copied)
    press = """
        const cells = [...document.querySelectorAll("vaadin-grid-cell-content")];
        cells.find((each) => each.textContent === "1589459594.01235").dispatchEvent(
          new KeyboardEvent("keydown", { key: "c", ctrlKey: true, bubbles: true, composed: true }));
    """
    console.js(press)
    wait_for("the value", lambda: console.js(read) == "1589459594.0123456")


def test_a_result_of_a_million_rows_scrolls_to_its_last_row(console: Console) -> None:
    console.open()
    console.run_sql(
        "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000) "
        "SELECT x, 'row ' || x FROM c"
    )
    assert console.status().startswith("1,000,000 rows")
    assert console.row_count() == 1_000_000
    assert console.scroll_to_row(999_999) == ["1000000", "row 1000000"]
    assert console.scroll_to_row(0) == ["1", "row 1"]
    drawn = console.js("return document.querySelectorAll('vaadin-grid-cell-content').length")
    assert drawn < 1000


def test_every_statement_of_a_run_has_its_result(console: Console) -> None:
    console.open()
    console.run_sql(
        "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3);\n"
        "SELECT a FROM t; SELECT count(*) AS n FROM t; DELETE FROM t WHERE a > 1;"
    )
    tabs = console.tabs()
    assert tabs == ["SELECT a FROM t;", "SELECT count(*) AS n FR…", "Messages (5)"]
    # The page shows the last result with rows.
    assert console.headers() == ["n"]
    assert "5 statements" in console.status()
    console.click("SELECT a FROM t;")
    assert console.rows() == [["1"], ["2"], ["3"]]
    console.click("Messages (5)")
    messages = console.js("return document.getElementById('messages').innerText")
    assert "3 rows changed" in messages
    assert "2 rows changed" in messages
    assert console.tables() == ["t"]


def test_the_rows_of_a_tab_are_where_they_were_left_unless_that_was_long_ago(
    console: Console,
) -> None:
    console.open()
    tabs = [f"{ROWS_OF} SELECT x + {number} AS n{number} FROM c" for number in range(10)]
    console.run_sql(";".join(tabs))
    first = "document.querySelectorAll('[role=tab]')[args[0]].click()"
    console.js(first, 0)
    assert console.headers() == ["n0"]
    assert console.scroll_to_row(900) == ["901"]
    top = console.grid()["first"]
    assert top > 700
    for number in range(1, 5):
        console.js(first, number)
        assert (console.headers(), console.rows()[0]) == ([f"n{number}"], [str(number + 1)])
    console.js(first, 0)
    assert (console.grid()["first"], console.row_count()) == (top, 1000)
    # Of those that were left long ago the grids are gone, and made anew.
    for number in [*range(1, 10), 0]:
        console.js(first, number)
        assert console.rows()[0] == [str(number + 1)]
    assert console.js("return document.querySelectorAll('vaadin-grid').length") == 9
    console.run_sql("SELECT 1 AS one")
    assert console.headers() == ["one"]
    assert console.js("return document.querySelectorAll('vaadin-grid').length") == 1
    assert console.errors() == []


def test_what_ran_before_an_error_stays_and_the_error_is_underlined(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE t (a);\nINSERT INTO t VALUES ('é🙂');\nSELECT '🙂' frm t;")
    error = console.error()
    assert error is not None
    assert "Line 3:12" in error
    assert "syntax error" in error
    assert console.error_code() == "SQLITE_ERROR"
    assert console.js("return document.querySelector('.cm-lintRange-error').textContent") == "frm"
    console.run_sql("SELECT a FROM t")
    assert console.rows() == [["é🙂"]]
    assert console.error() is None
    assert not console.js("return Boolean(document.querySelector('.cm-lintRange-error'))")


def named_parts(console: Console) -> set[tuple[str, str]]:
    """Return role and name of everything in the accessibility tree."""
    assert isinstance(console.browser, Chromium)
    tree = console.browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})
    return {
        (node["role"]["value"], node["name"]["value"])
        for node in tree["nodes"]
        if "role" in node and "name" in node
    }


def test_the_parts_of_the_page_have_their_names(console: Console) -> None:
    console.open()
    assert ("list", "Schema") in named_parts(console), "also while there is no table"
    console.run_sql("CREATE TABLE t (a); SELECT 1 AS one")
    named = named_parts(console)
    names = ("Run statement 2 of 2", "More ways to run", "Import", "Export", "Import file")
    buttons = {("button", name) for name in names}
    expected = {("textbox", "SQL"), ("grid", "Results"), ("list", "Schema"), ("status", "")}
    expected |= {("tab", "Messages (2)"), ("tabpanel", "SELECT 1 AS one")}
    assert (buttons | expected) - named == set()


def test_a_violated_constraint_is_named(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE t (a PRIMARY KEY); INSERT INTO t VALUES (1);")
    console.run_sql("INSERT INTO t VALUES (1)")
    assert "UNIQUE constraint failed: t.a" in str(console.error())
    assert console.error_code() == "SQLITE_CONSTRAINT_PRIMARYKEY"


def test_an_open_transaction_is_marked(console: Console) -> None:
    console.open()
    shown = "return document.getElementById('transaction').checkVisibility()"
    console.run_sql("CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1)")
    assert console.js(shown)
    console.run_sql("ROLLBACK")
    assert not console.js(shown)


@pytest.mark.parametrize("text", ["", "  \n", "-- only a comment", ";;"])
def test_nothing_to_run_is_no_error(console: Console, text: str) -> None:
    console.open()
    console.run_sql(text)
    assert console.error() is None
    assert console.status() == "Nothing to run"


def test_a_cell_opens_whole_beside_the_rows(console: Console) -> None:
    console.open()
    console.run_sql("SELECT replace(hex(zeroblob(1000)), '00', 'long ') AS text, 0.1 + 0.2 AS f")
    console.js(
        "document.querySelector('.cell-text')"
        ".dispatchEvent(new MouseEvent('dblclick', { bubbles: true, composed: true }))"
    )
    wait_for("the value", lambda: "TEXT, 5,000 bytes" in inspected(console))
    assert console.question() is None
    whole = console.js("return document.querySelector('#inspector pre').textContent")
    assert whole == "long " * 1000
    console.js(
        "document.querySelector('.cell-float')"
        ".dispatchEvent(new MouseEvent('dblclick', { bubbles: true, composed: true }))"
    )
    wait_for("the next", lambda: "0.30000000000000004" in inspected(console))


@pytest.mark.parametrize("width", [700, 400])
def test_a_long_result_in_a_narrow_window_draws_only_what_is_seen(
    console: Console, width: int
) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    console.browser.resize(width)
    console.run_sql(
        "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3000) "
        "SELECT x FROM c"
    )
    assert console.scroll_to_row(2999) == ["3000"]
    drawn = "return document.querySelector('vaadin-grid').shadowRoot.querySelectorAll('#items tr')"
    assert console.js(f"{drawn}.length") < 200
    height = console.js("return document.querySelector('vaadin-grid').clientHeight")
    assert 150 < height < 800


def test_the_keyboard_moves_between_cells_and_opens_a_value(console: Console) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    console.run_sql("SELECT column1 AS a, column2 AS b FROM (VALUES (1, 'one'), (2, 'two'))")
    console.js("document.getElementById('export-rows').focus()")
    keys = ActionChains(console.browser.driver)
    # Focus the header, then go to the rows; the first column has the numbers of the rows.
    keys.send_keys(Keys.TAB, Keys.TAB, Keys.RIGHT, Keys.RIGHT, Keys.DOWN, Keys.ENTER).perform()
    wait_for("the value", lambda: "b Row 2" in " ".join(inspected(console).split()))
    keys = ActionChains(console.browser.driver)
    keys.send_keys(Keys.LEFT, Keys.UP).perform()
    wait_for("the value", lambda: "a Row 1" in " ".join(inspected(console).split()))
    keys = ActionChains(console.browser.driver)
    keys.send_keys(Keys.ESCAPE).perform()
    wait_for("its end", lambda: inspected(console) == "")
    keys = ActionChains(console.browser.driver)
    keys.send_keys(Keys.RIGHT, " ").perform()
    wait_for("the value", lambda: "b Row 1" in " ".join(inspected(console).split()))


JSON = '{"big": 12345678901234567890, "list": ["<b>", null]}'
PIXEL = (
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360f8cf50cf000003010101f8a5d0a50000000049454e44ae426082"
)


def test_a_cell_is_read_as_json_an_image_hex_and_a_date_and_its_row_as_a_list(
    console: Console,
) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    console.run_sql(f"SELECT '{JSON}' AS j, x'{PIXEL}' AS i, 1715000000 AS t, NULL AS \"\"")
    console.js("document.getElementById('export-rows').focus()")
    press = ActionChains(console.browser.driver)
    press.send_keys(Keys.TAB, Keys.TAB, Keys.RIGHT, " ").perform()
    wait_for("the tree", lambda: '"big": 12345678901234567890' in inspected(console))
    console.js("document.querySelector('#inspector details details').open = true")
    wait_for("the members", lambda: '0: "<b>"\n1: null' in inspected(console))
    console.click("Hex")
    wait_for("the bytes", lambda: '000000  7b 22 62 69 67 22 3a 20  {"big": ' in inspected(console))
    console.js("document.getElementById('results').querySelector('vaadin-grid').focus()")
    console.click("JSON")
    console.click("Row")
    wait_for("the row", lambda: "1715000000" in inspected(console))
    assert "NULL" in inspected(console)
    console.click("Cell")
    image = "return document.querySelector('#inspector img')?.naturalWidth ?? 0"
    open_it = """
        const cells = [...document.querySelectorAll("vaadin-grid-cell-content")];
        const cell = cells.find((each) => each.textContent.startsWith(args[0]));
        cell.dispatchEvent(new MouseEvent("dblclick", { bubbles: true, composed: true }));
    """
    console.js(open_it, "x'89504e")
    wait_for("the image", lambda: console.js(image) == 1)
    console.js(open_it, "1715000000")
    console.click("Date")
    wait_for("the date", lambda: "2024-05-06 12:53:20 UTC, Monday" in inspected(console))
    assert "may be seconds since 1970" in inspected(console)
    console.run_sql("SELECT 1")
    wait_for("nothing", lambda: inspected(console) == "")
    assert console.errors() == []


def test_a_short_blob_is_shown_whole(console: Console) -> None:
    console.open()
    console.run_sql("SELECT x'cafe' AS b, x'0102030405060708' AS c, 'x' AS d")
    cut = console.js(
        "return [...document.querySelectorAll('vaadin-grid-cell-content.cell-blob,"
        " vaadin-grid-cell-content .cell-blob')]"
        ".map((cell) => [cell.textContent, cell.scrollWidth > cell.clientWidth])"
    )
    assert cut == [["x'cafe'", False], ["x'0102030405060708'", False]]
