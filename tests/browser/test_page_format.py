"""Format spaces the text, and changes nothing else."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browser.page_steps import keys, press, write
from tests.browsers import wait_for

MESSY = "-- Kept\nselect 1 as a,2 as b; select 'it''s' ;\n\nSELECT 'open"
TIDY = "-- Kept\nselect\n  1 as a,\n  2 as b;\nselect\n  'it''s';\n\nSELECT 'open"


def test_format_spaces_the_text_or_the_selection_and_is_one_step_to_undo(console: Console) -> None:
    console.open()
    write(console, MESSY)
    console.click("Format")
    wait_for("the word", lambda: console.status().startswith("Formatted 2 statements · 1 stat"))
    assert console.editor_text() == TIDY
    press(console, Keys.CONTROL, "z")
    wait_for("the text of before", lambda: console.editor_text() == MESSY)
    # The selection alone, by its key.
    press(console, Keys.CONTROL, Keys.HOME)
    press(console, Keys.ARROW_DOWN)
    press(console, Keys.SHIFT, *[Keys.ARROW_RIGHT] * 21)
    press(console, Keys.ALT, Keys.SHIFT, "f")
    wait_for("the word", lambda: console.status() == "Formatted 1 statement")
    assert console.editor_text() == MESSY.replace("1 as a,2 as b", "\n  1 as a,\n  2 as b").replace(
        "select \n", "select\n"
    )
    write(console, "SELECT\n  1")
    console.click("Format")
    wait_for("the word", lambda: console.status() == "It is formatted already")
    write(console, "")
    keys(console, Keys.TAB)
    console.click("Format")
    wait_for("the word", lambda: console.status() == "There is nothing to format")
