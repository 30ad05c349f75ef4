"""What a person typed outlives reloads, crashes, other tabs; completion writes nothing unasked."""

from __future__ import annotations

import time

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browser.page_steps import EDITOR, press
from tests.browsers import Chromium, kill_page, wait_for

STORED = """
const database = await new Promise((resolve, reject) => {
  const request = indexedDB.open("sahpool-texts");
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const all = await new Promise((resolve) => {
  const request = database.transaction("texts").objectStore("texts").getAll();
  request.onsuccess = () => resolve(request.result.map(({ text }) => text));
});
database.close();
return all;
"""


def wait_kept(console: Console, text: str) -> float:
    """Wait until a text is kept; returns the seconds that took."""
    began = time.monotonic()
    wait_for("the text to be kept", lambda: text in console.js(STORED))
    return time.monotonic() - began


def check_reload(console: Console) -> None:
    console.open()
    console.type_sql("SELECT 'kept' AS text")
    console.reload()
    wait_for("the text", lambda: console.editor_text() == "SELECT 'kept' AS text")


def test_a_text_typed_just_before_a_reload_is_there_after_it(console: Console) -> None:
    check_reload(console)


@pytest.mark.firefox
def test_a_text_typed_just_before_a_reload_is_there_after_it_in_firefox(
    firefox_console: Console,
) -> None:
    check_reload(firefox_console)


def test_the_text_of_the_last_visit_is_no_step_to_undo(console: Console) -> None:
    console.open()
    console.type_sql("SELECT 1")
    console.reload()
    press(console, Keys.CONTROL, "z")
    assert console.editor_text() == "SELECT 1"
    press(console, " + 1")
    wait_for("the keys", lambda: "+ 1" in console.editor_text())
    press(console, Keys.CONTROL, "z")
    assert console.editor_text() == "SELECT 1"
    console.reload()
    assert console.editor_text() == "SELECT 1"


def test_a_text_of_any_length_is_kept_within_a_second_and_outlives_a_crash(
    console: Console,
) -> None:
    console.open()
    length = 9_000_000
    console.js("window.longText = ('-- ' + 'x'.repeat(96) + '\\n').repeat(90_000)")
    console.js(
        """
        const editor = document.querySelector('[role=textbox][aria-label="SQL"]');
        const clipboardData = new DataTransfer();
        clipboardData.setData("text/plain", longText);
        editor.focus();
        document.execCommand("selectAll");
        editor.dispatchEvent(
          new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        """
    )
    is_kept = STORED.replace("({ text }) => text", "({ text }) => text.length")
    wait_for("the text", lambda: length in [int(n) for n in console.js(is_kept)], 20)
    assert isinstance(console.browser, Chromium)
    tab = console.browser.driver.current_window_handle
    other = console.browser.new_tab()
    kill_page(console.browser, tab)
    console.browser.switch(other)
    console.open()
    wait_for("the text", lambda: console.editor_text().startswith("-- xxx"))


def test_a_second_tab_has_a_text_of_its_own_and_a_third_takes_what_none_has_open(
    console: Console,
) -> None:
    assert isinstance(console.browser, Chromium)
    driver = console.browser.driver
    console.open()
    console.type_sql("SELECT 'first'")
    wait_kept(console, "SELECT 'first'")
    one = driver.current_window_handle
    driver.switch_to.new_window("tab")
    console.open()
    two = driver.current_window_handle
    assert "first" not in console.editor_text()
    console.type_sql("SELECT 'second'")
    wait_kept(console, "SELECT 'second'")
    driver.switch_to.window(one)
    console.reload()
    assert console.editor_text() == "SELECT 'first'"
    driver.switch_to.window(two)
    console.reload()
    assert console.editor_text() == "SELECT 'second'"
    driver.close()
    driver.switch_to.window(one)
    driver.switch_to.new_window("tab")
    console.open()
    wait_for("the text", lambda: console.editor_text() == "SELECT 'second'")


def test_what_two_tabs_had_no_time_to_keep_is_there_in_both(console: Console) -> None:
    """Both were closed at once, as by closing the browser: each left its text in localStorage."""
    console.open("start.mjs", wait=False)
    left = "localStorage['sahpool.text.unsaved.' + args[0]] = JSON.stringify(" + (
        "{ id: args[0], text: args[1], changed: args[2] })"
    )
    now = int(time.time() * 1000)
    console.js(left, "one", "SELECT 'one'", now)
    console.js(left, "two", "SELECT 'two'", now - 5)
    console.js("localStorage['sahpool.text.unsaved.three'] = 'no JSON'")
    console.open()
    wait_for("the text", lambda: console.editor_text() == "SELECT 'one'")
    console.browser.new_tab()
    console.open()
    wait_for("the text", lambda: console.editor_text() == "SELECT 'two'")
    wait_kept(console, "SELECT 'one'")
    keys = "return Object.keys(localStorage).filter((key) => key.includes('unsaved'))"
    wait_for("their move", lambda: console.js(keys) == ["sahpool.text.unsaved.three"])


def test_the_text_of_an_earlier_version_of_the_console_is_taken_over(console: Console) -> None:
    console.open("start.mjs", wait=False)
    console.js("localStorage['sahpool.text'] = \"SELECT 'old'\"")
    console.open()
    wait_for("the text", lambda: console.editor_text() == "SELECT 'old'")
    wait_for("its move", lambda: console.js("return localStorage['sahpool.text'] ?? null") is None)
    console.reload()
    assert console.editor_text() == "SELECT 'old'"


def offered(console: Console) -> list[str]:
    """The labels of the list of completions."""
    return list(
        console.js(
            "return [...document.querySelectorAll('.cm-tooltip-autocomplete .cm-completionLabel')]"
            ".map((label) => label.textContent)"
        )
    )


def test_enter_is_a_new_line_unless_the_arrows_have_chosen_and_tab_takes_the_first(
    console: Console,
) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    console.run_sql("CREATE TABLE val (valid, value)")
    console.type_sql("")
    press(console, "SELECT * FROM va")
    wait_for("the list", lambda: offered(console) == ["val"])
    press(console, Keys.ENTER)
    assert console.editor_text() == "SELECT * FROM va\n"
    press(console, Keys.BACKSPACE, "l WHERE va")
    wait_for("the list", lambda: offered(console)[:2] == ["valid", "value"])
    press(console, Keys.TAB)
    assert console.editor_text().endswith("WHERE valid")
    press(console, " = va")
    wait_for("the list", lambda: offered(console)[:2] == ["valid", "value"])
    press(console, Keys.DOWN, Keys.DOWN, Keys.ENTER)
    assert console.editor_text().endswith("WHERE valid = value")
    # While there is no list, Tab leaves the editor.
    press(console, Keys.ESCAPE)
    ActionChains(console.browser.driver).send_keys(Keys.TAB).perform()
    assert not console.js(f"return document.querySelector('{EDITOR}').matches(':focus')")


def test_an_alias_is_written_as_it_was_typed(console: Console) -> None:
    console.open()
    console.type_sql("")
    press(console, "SELECT val AS v")
    time.sleep(0.5)
    assert offered(console) == []
    press(console, Keys.ENTER)
    assert console.editor_text() == "SELECT val AS v\n"
