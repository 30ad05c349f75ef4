"""Cells are selected by mouse and keys, their figures are shown, and they are copied."""

from __future__ import annotations

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.console_page import Console
from tests.browsers import Chromium, wait_for

SIX = (
    "SELECT column1 AS a, column2 AS b, column3 AS c FROM (VALUES (1, 2.5, 'x'), (2, 3.5, '=1+1'))"
)
BIG = """
    SELECT column1 AS n, column2 AS "text" FROM (VALUES
    (9223372036854775807, 'a' || char(9) || 'b'), (9223372036854775806, '<b>'), (1, NULL))
"""
MANY = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {}) "

CELL = """
    const cells = [...document.querySelectorAll("vaadin-grid vaadin-grid-cell-content")];
    return cells.find((each) => each.textContent === args[0] && !each.matches(".row-number"));
"""
CHOSEN = """
    const grid = document.querySelector("vaadin-grid");
    return [...grid.shadowRoot.querySelectorAll("[part~=chosen]")].length;
"""


def cell(console: Console, text: str) -> WebElement:
    """The cell on the screen with this text."""
    assert isinstance(console.browser, Chromium)
    script = f"const args = arguments; {CELL}"
    found = console.browser.driver.execute_script(script, text)
    assert isinstance(found, WebElement), text
    return found


def figures(console: Console) -> str:
    return str(console.js("return document.getElementById('figures').textContent"))


def says(console: Console, wanted: str) -> None:
    wait_for(f"figures {wanted!r}", lambda: figures(console) == wanted)


def may_read(console: Console) -> None:
    assert isinstance(console.browser, Chromium)
    permission = {"permission": {"name": "clipboard-read"}, "setting": "granted"}
    console.browser.driver.execute_cdp_cmd("Browser.setPermission", permission)


def copied(console: Console, wanted: str) -> None:
    """Wait until the clipboard has this text."""
    read = "return navigator.clipboard.readText()"
    wait_for(f"the clipboard to have {wanted!r}", lambda: console.js(read) == wanted)


def said_copied(console: Console) -> str:
    script = "return document.getElementById('copied').textContent"
    return str(wait_for("what was copied", lambda: console.js(script)))


def actions(console: Console) -> ActionChains:
    assert isinstance(console.browser, Chromium)
    return ActionChains(console.browser.driver)


def keys(console: Console, *pressed: str) -> None:
    """Press the last key while the others are held."""
    held, last = pressed[:-1], pressed[-1]
    chain = actions(console)
    for key in held:
        chain.key_down(key)
    chain.send_keys(last)
    for key in held:
        chain.key_up(key)
    chain.perform()


def test_cells_are_selected_by_mouse_and_keys_and_copied_for_a_spreadsheet(
    console: Console,
) -> None:
    console.open()
    may_read(console)
    console.run_sql(SIX)
    wait_for("the rows", lambda: len(console.rows()) == 2)
    actions(console).click_and_hold(cell(console, "1")).move_by_offset(20, 5).move_to_element(
        cell(console, "3.5")
    ).release().perform()
    says(console, "4 cells · sum 9.0 · average 2.25 · least 1 · most 3.5")
    assert console.js(CHOSEN) == 4
    keys(console, Keys.CONTROL, "c")
    copied(console, "1\t2.5\n2\t3.5")
    assert said_copied(console) == "Copied 4 cells"
    assert console.status().startswith("2 rows"), "what was copied has a place of its own"
    keys(console, Keys.SHIFT, Keys.RIGHT)
    says(console, "6 cells, 4 numbers · sum 9.0 · average 2.25 · least 1 · most 3.5")
    actions(console).click(cell(console, "x")).key_down(Keys.SHIFT).click(
        cell(console, "=1+1")
    ).key_up(Keys.SHIFT).perform()
    says(console, "2 cells")
    keys(console, Keys.CONTROL, Keys.SPACE)
    keys(console, Keys.CONTROL, "c")
    copied(console, "c\nx\n=1+1")
    keys(console, Keys.SHIFT, Keys.SPACE)
    actions(console).key_down(Keys.CONTROL).click(cell(console, "b")).key_up(Keys.CONTROL).perform()
    says(console, "2 cells · sum 6.0 · average 3.0 · least 2.5 · most 3.5")
    actions(console).click(cell(console, "x")).perform()
    keys(console, Keys.SHIFT, Keys.SPACE)
    says(console, "3 cells, 2 numbers · sum 3.5 · average 1.75 · least 1 · most 2.5")
    keys(console, Keys.CONTROL, "a")
    says(console, "6 cells, 4 numbers · sum 9.0 · average 2.25 · least 1 · most 3.5")
    assert console.js("return String(getSelection())") == ""
    keys(console, Keys.DOWN)
    says(console, "")
    keys(console, Keys.CONTROL, Keys.SHIFT, Keys.LEFT)
    says(console, "3 cells, 2 numbers · sum 5.5 · average 2.75 · least 2 · most 3.5")


def test_a_selection_is_copied_as_csv_json_markdown_insert_and_list(console: Console) -> None:
    console.open()
    may_read(console)
    console.run_sql(BIG)
    wait_for("the rows", lambda: len(console.rows()) == 3)
    expected = {
        "CSV": "n,text\r\n9223372036854775807,a\tb\r\n9223372036854775806,<b>\r\n1,\r\n",
        "JSON": '[\n{"n":9223372036854775807,"text":"a\\tb"},\n'
        '{"n":9223372036854775806,"text":"<b>"},\n{"n":1,"text":null}\n]\n',
        "Markdown": "| n | text |\n| ---: | --- |\n| 9223372036854775807 | a\tb |\n"
        "| 9223372036854775806 | &lt;b> |\n| 1 |  |\n",
        "SQL: INSERT": 'INSERT INTO "result" ("n", "text") VALUES\n'
        "(9223372036854775807, 'a\tb'),\n(9223372036854775806, '<b>'),\n(1, NULL);\n",
        "For a spreadsheet": 'n\ttext\n9223372036854775807\t"a\tb"\n9223372036854775806\t<b>\n1\t',
    }
    for name, text in expected.items():
        console.click("Copy")
        assert console.js("return document.getElementById('copy-what').textContent") == (
            "Copy 3 rows"
        )
        console.click(name)
        copied(console, text)
    markup = console.js("""
        const [item] = await navigator.clipboard.read();
        return (await item.getType("text/html")).text();
    """)
    assert "&lt;b&gt;" in markup
    actions(console).context_click(cell(console, "9223372036854775806")).perform()
    console.click("SQL: list for IN")
    copied(console, "(9223372036854775806)")
    actions(console).click(cell(console, "9223372036854775807")).perform()
    keys(console, Keys.SHIFT, Keys.DOWN)
    says(
        console,
        "2 cells · sum 18,446,744,073,709,551,613 · average 9.22337203685478e+18"
        " · least 9,223,372,036,854,775,806 · most 9,223,372,036,854,775,807",
    )
    keys(console, Keys.SHIFT, Keys.F10)
    console.click("SQL: list for IN")
    copied(console, "(9223372036854775807, 9223372036854775806)")


# Counts moments in which the page answers, and notes how many there were when a copy was asked for
# and when it was done.
COUNT = """
    globalThis.moments = 0;
    globalThis.noted = {};
    setInterval(() => globalThis.moments++, 4);
    const note = (name) => () => (globalThis.noted[name] = globalThis.moments);
    for (const kind of ["keydown", "click"]) addEventListener(kind, note("asked"), true);
    const copied = document.getElementById("copied");
    new MutationObserver(note("done")).observe(copied, { childList: true });
"""
MOMENTS = "return globalThis.noted.done - globalThis.noted.asked"


def test_the_page_answers_while_a_million_cells_are_selected_and_copied(
    console: Console,
) -> None:
    console.open()
    may_read(console)
    console.run_sql(
        MANY.format(250_000) + "SELECT x, x / 2.0 AS h, 'row ' || x AS t, x AS y FROM c"
    )
    wait_for("the rows", lambda: console.row_count() == 250_000)
    actions(console).click(cell(console, "row 1")).perform()
    console.js(COUNT)
    keys(console, Keys.CONTROL, "a")
    wait_for("the figures", lambda: "750,000 numbers" in figures(console))
    assert console.js(CHOSEN) < 1000, "only cells in view are drawn as selected"
    keys(console, Keys.CONTROL, "c")
    assert said_copied(console) == "Copied 250,000 rows"
    assert console.js(MOMENTS) > 10
    console.js("document.getElementById('copied').textContent = ''")
    console.click("Copy")
    console.click("CSV")
    assert said_copied(console) == "Copied 250,000 rows"
    assert console.js(MOMENTS) > 10
    end = console.js("return (await navigator.clipboard.readText()).slice(-36)")
    assert end.endswith("250000,125000.0,row 250000,250000\r\n")
