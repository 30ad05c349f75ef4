"""The page as people with disabilities meet it: see accessibility.py."""

from __future__ import annotations

import pytest

from tests.browser import accessibility
from tests.browser.console_page import Console
from tests.browsers import wait_for
from worker.build.page import style_bytes

#: What somebody who reads by ear, or sees little, could not use.
BARRIERS: dict[str, tuple[str, dict[str, str], str]] = {
    "button-name": ("button", {"type": "button"}, ""),
    "image-alt": ("img", {"src": "icon.svg"}, ""),
    "color-contrast": ("p", {"style": "color: #999; background: #aaa"}, "hardly to be read"),
    "label": ("input", {"type": "text"}, ""),
}
ADD = """
const [name, attributes, text] = args[0];
const barrier = document.createElement(name);
for (const [key, value] of Object.entries(attributes)) barrier.setAttribute(key, value);
barrier.textContent = text;
document.querySelector("main").append(barrier);
"""
REMOVE = """document.querySelector("main").lastElementChild.remove()"""

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


def test_the_dark_theme_differs_in_colours_only() -> None:
    """So that nothing else has to be looked at in both: ``light-dark()`` is for colours."""
    style = style_bytes().decode()
    assert "light-dark(" in style
    assert "prefers-color-scheme" not in style


def test_a_barrier_in_the_page_is_found(console: Console) -> None:
    """Otherwise it would show nothing that none is found."""
    console.open()
    for rule, barrier in BARRIERS.items():
        console.js(ADD, list(barrier))
        found = accessibility.violations(console.browser)
        assert any(each.startswith(f"{rule}:") for each in found), (rule, found)
        dark = any(each.startswith(f"dark: {rule}:") for each in found)
        assert dark == (rule in accessibility.COLOURS), (rule, found)
        console.js(REMOVE)


def check_states(console: Console) -> None:
    """Goes through the states of the page that other tests only pass through."""

    def look(state: str) -> None:
        assert accessibility.violations(console.browser) == [], state

    console.open(wait=False)
    look("starting")
    console.wait_ready()
    look("an empty database")
    console.run_sql(ENDLESS, wait=False)
    wait_for("it to run", lambda: "Running" in console.status())
    look("a statement runs")
    console.click("Stop")
    console.wait_idle()
    look("it was cancelled")
    console.run_sql(
        "CREATE TABLE t (a, b); CREATE VIEW v AS SELECT a FROM t; CREATE INDEX i ON t (a)"
    )
    look("messages, and a schema")
    console.run_sql("SELECT NULL AS a, 1 AS b, 1.5 AS c, 'text' AS d, x'00ff' AS e; SELECT 2")
    look("results of each type, in tabs")
    console.js("document.querySelector('.browse').focus()")
    look("a table has the focus")
    console.js("document.getElementById('databases').open = true")
    wait_for("the sheet", lambda: console.js("return document.querySelectorAll('.choose').length"))
    look("the databases")
    console.run_sql("SELECT nothing_of_this_name")
    look("an error")


def test_no_state_of_the_page_has_a_barrier(console: Console) -> None:
    check_states(console)


@pytest.mark.thorough
def test_no_state_of_the_page_has_a_barrier_in_firefox(firefox_console: Console) -> None:
    check_states(firefox_console)
