"""The palette: every command and table, found by words, with the keyboard alone."""

from __future__ import annotations

import pytest

from tests.browser import accessibility
from tests.browser.console_page import Console
from tests.browser.page_steps import EDITOR
from tests.browsers import Chromium, wait_for

OPEN = "return document.querySelector('dialog.palette[open]') !== null"
PRESS = """
const [name, mod, where] = args;
const key = {key: name, bubbles: true, cancelable: true, composed: true, shiftKey: name === "?"};
const apple = /Mac|iPhone|iPad/.test(navigator.userAgent);
if (mod) key[apple ? "metaKey" : "ctrlKey"] = true;
const target = where ? document.querySelector(where) : document.activeElement;
if (where) target.focus();
return target.dispatchEvent(new KeyboardEvent("keydown", key));
"""
TYPE = """
const field = document.querySelector("dialog.palette input");
field.value = args[0];
field.dispatchEvent(new Event("input", {bubbles: true}));
"""
OPTIONS = """
return [...document.querySelectorAll("#palette-list [role=option]")]
  .map((option) => [...option.children].map((part) => part.textContent));
"""
CHOSEN = """
const id = document.activeElement.getAttribute("aria-activedescendant");
const option = document.getElementById(id);
return option.ariaSelected === "true" ? option.firstElementChild.textContent : null;
"""


def show(console: Console, key: str = "k", *, mod: bool = True, where: str | None = None) -> None:
    assert console.js(PRESS, key, mod, where) is False  # the browser's own action is prevented
    wait_for("the palette", lambda: bool(console.js(OPEN)))


def wait_closed(console: Console) -> None:
    wait_for("the end of the palette", lambda: not console.js(OPEN))


def test_every_command_and_table_is_found_by_words_and_run_by_enter(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE Artist (Id INTEGER PRIMARY KEY, Name TEXT)")
    console.run_sql("INSERT INTO Artist (Name) VALUES ('U2')")
    show(console, where=EDITOR)  # also while the editor has the focus
    options = console.js(OPTIONS)
    titles = [option[0] for option in options]
    assert {
        "Run the statement or the selection",
        "Settings…",
        "Import files…",
        "List the keys",
        "Artist",
    } <= set(titles)
    assert next(each for each in options if each[0] == "Run the statement or the selection")[
        -1
    ] in {"Ctrl+Enter", "⌘+Enter"}
    assert accessibility.violations(console.browser) == []
    first = console.js(CHOSEN)
    console.js(PRESS, "ArrowDown", False, None)
    assert console.js(CHOSEN) != first
    console.js(PRESS, "ArrowUp", False, None)
    assert console.js(CHOSEN) == first
    console.js(TYPE, "arti")
    assert console.js(CHOSEN) == "Artist"
    console.js(PRESS, "Enter", False, None)
    wait_closed(console)
    wait_for("the rows of the table", lambda: console.rows() == [["1", "U2"]])
    show(console)
    console.js(TYPE, "no such thing")
    assert console.js(OPTIONS) == []
    assert "Nothing has these words" in str(console.question())
    console.js(TYPE, "settings")
    console.js(PRESS, "Enter", False, None)
    wait_closed(console)
    wait_for("the settings", lambda: "Settings" in str(console.question()))
    console.click("Close")


def test_a_question_mark_lists_the_keys_unless_it_is_typed_in_a_field(console: Console) -> None:
    console.open()
    console.js(PRESS, "?", False, EDITOR)
    assert not console.js(OPEN)
    show(console, "?", mod=False, where="#run")
    options = console.js(OPTIONS)
    assert {"Run the statement or the selection", "Settings…", "List the keys"} <= {
        option[0] for option in options
    }
    assert [each[-1] for each in options if each[0] == "List the keys"] == ["?"]
    console.js("document.querySelector('dialog.palette').close()")


def test_a_restart_of_the_worker_is_asked_about(console: Console) -> None:
    console.open()
    console.run_sql("BEGIN")
    console.run_sql("CREATE TABLE kept (a)")
    show(console)
    console.js(TYPE, "restart")
    console.js(PRESS, "Enter", False, None)
    wait_for("the question", lambda: "Restart the worker?" in str(console.question()))
    console.click("Cancel")
    console.run_sql("SELECT count(*) FROM kept")
    assert console.rows() == [["0"]]
    console.run_sql("ROLLBACK")


@pytest.mark.parametrize("width", [1280, 360])
def test_the_palette_fits(console: Console, width: int) -> None:
    console.open()
    assert isinstance(console.browser, Chromium)
    console.browser.resize(width)
    console.js("document.getElementById('find').click()")
    wait_for("the palette", lambda: bool(console.js(OPEN)))
    inside = """
    const boxes = [...document.querySelectorAll("dialog[open], #palette-list li, #find")];
    return boxes.every((box) => {
      const {left, right} = box.getBoundingClientRect();
      return left >= 0 && right <= innerWidth;
    }) && document.documentElement.scrollWidth <= innerWidth;
    """
    assert console.js(inside)
    console.js("document.querySelector('dialog.palette').close()")
