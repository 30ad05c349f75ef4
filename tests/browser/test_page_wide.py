"""Results of very many columns: elements are made for the columns in view, and for no others."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browser.page_steps import inspected
from tests.browsers import Chromium, wait_for

COLUMNS = 2000
WIDE = (
    "WITH RECURSIVE r (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r WHERE x < 50) SELECT "
    + ", ".join(f"{n} + 10000 * x AS col_{n}" for n in range(COLUMNS))
    + " FROM r"
)

# The columns that a person sees, with their first row, and the pixels of the view without a column.
IN_VIEW = """
await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
const grid = document.querySelector("vaadin-grid");
const view = grid.$.table.getBoundingClientRect();
const from = view.left + parseFloat(grid.querySelector("vaadin-grid-column").width);
const to = view.left + grid.$.table.clientWidth;
const seen = [];
let empty = to - from;
const row = [...grid.shadowRoot.querySelectorAll("#items > tr")].find(({ index }) => index === 0);
if (!row) return { seen: [], empty }; // no row is drawn yet
const heads = grid.shadowRoot.querySelector("#header tr:last-child").children;
const text = (node) => node.querySelector("slot").assignedElements()[0].textContent;
[...row.children].slice(1).forEach((cell, at) => {
  const { left, right } = cell.getBoundingClientRect();
  const name = text(heads[at + 1]);
  if (!name) return; // stands for the columns outside
  empty -= Math.max(0, Math.min(right, to) - Math.max(left, from));
  if (left > from - 1 && right < to + 1) seen.push([name, text(cell)]);
});
return { seen, empty };
"""

FOCUSED = """
await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
const grid = document.querySelector("vaadin-grid");
const cell = grid.shadowRoot.activeElement;
return cell.querySelector("slot").assignedElements()[0].textContent;
"""


def _in_view(console: Console) -> dict[str, str]:
    found = console.js(IN_VIEW)
    assert not found["seen"] or found["empty"] < 2, found
    return dict(found["seen"])


def _scroll(console: Console, left: Any) -> dict[str, str]:
    console.js("document.querySelector('vaadin-grid').$.table.scrollLeft = args[0]", left)
    return wait_for("columns", lambda: _in_view(console))


def _check(console: Console) -> None:
    console.open()
    console.run_sql(WIDE)
    first = wait_for("rows", lambda: _in_view(console))
    assert next(iter(first)) == "col_0"
    assert {int(name[4:]) + 10000 for name in first} == {int(value) for value in first.values()}
    total = 0
    for left in (3_000, 60_000, 60_500, 9_999_999, 20_000, 0):
        seen = _scroll(console, left)
        numbers = [int(name[4:]) for name in seen]
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), "no gap, nothing twice"
        assert [int(value) for value in seen.values()] == [n + 10000 for n in numbers]
        total += len(seen)
        if left == 9_999_999:
            assert numbers[-1] == COLUMNS - 1
    assert total > 30
    drawn = console.js("return document.querySelectorAll('vaadin-grid-column').length")
    assert drawn < 100
    console.run_sql("SELECT 1 AS one")
    assert console.headers() == ["one"]
    assert console.errors() == []


@pytest.mark.chrome
def test_two_thousand_columns_are_scrolled_through_without_a_gap(console: Console) -> None:
    _check(console)


@pytest.mark.firefox
def test_two_thousand_columns_are_scrolled_through_in_firefox(firefox_console: Console) -> None:
    _check(firefox_console)


def test_the_keys_reach_every_column_of_a_wide_result(console: Console) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    console.run_sql(WIDE)
    _in_view(console)

    def press(*keys: str) -> str:
        ActionChains(console.browser.driver).send_keys(*keys).perform()  # type: ignore[attr-defined]
        return str(console.js(FOCUSED))

    console.js("document.getElementById('export-rows').focus()")
    # To the header, then to the first row; the first column has the numbers of the rows.
    assert press(Keys.TAB, Keys.TAB, Keys.RIGHT) == "10000"
    assert press(*[Keys.RIGHT] * 60) == "10060"
    assert "col_60" in _in_view(console)
    assert press(Keys.END) == "11999"
    assert press(Keys.RIGHT) == "11999"
    assert f"col_{COLUMNS - 1}" in _in_view(console)
    assert press(*[Keys.LEFT] * 40) == "11959"
    assert press(Keys.DOWN) == "21959"
    assert press(Keys.HOME) in ("20000", "2")
    assert "col_0" in _in_view(console)


def test_a_width_that_a_person_has_chosen_stays_while_the_columns_scroll(console: Console) -> None:
    console.open()
    console.run_sql(WIDE)
    _in_view(console)
    resize = """
        const grid = document.querySelector("vaadin-grid");
        const columns = [...grid.querySelectorAll("vaadin-grid-column")];
        const column = columns.find((each) => each.index === 2);
        column.width = "321px";
        grid.dispatchEvent(new CustomEvent("column-resize", { detail: { resizedColumn: column } }));
    """
    console.js(resize)
    _scroll(console, 50_000)
    _scroll(console, 0)
    width = """
        const columns = [...document.querySelectorAll("vaadin-grid-column")];
        return columns.find((each) => each.index === 2).width;
    """
    assert console.js(width) == "321px"


def test_a_cell_of_a_far_column_opens_with_its_own_value(console: Console) -> None:
    console.open()
    console.run_sql(WIDE)
    seen = _scroll(console, 70_000)
    name, value = list(seen.items())[3]
    open_it = """
        const cells = [...document.querySelectorAll("vaadin-grid-cell-content")];
        const cell = cells.find((each) => each.textContent === args[0]);
        cell.dispatchEvent(new MouseEvent("dblclick", { bubbles: true, composed: true }));
    """
    console.js(open_it, value)
    asked = wait_for("the value", lambda: inspected(console))
    assert name in asked
    assert value in asked
