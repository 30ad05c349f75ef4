"""The dialog "Settings": what it shows, that it is kept, and that it fits."""

from __future__ import annotations

import pytest

from tests.browser.console_page import Console
from tests.browsers import Chromium, wait_for

OPEN = "return document.querySelector('dialog[open] .settings') !== null"
CHOOSE = """
const control = document.querySelector(`dialog [data-key="${args[0]}"]`);
control.value = args[1];
control.dispatchEvent(new Event("change", {bubbles: true}));
"""
VALUE = 'return document.querySelector(`dialog [data-key="${args[0]}"]`).value'
PRESS = """
const key = {key: args[0], bubbles: true, cancelable: true};
const apple = /Mac|iPhone|iPad/.test(navigator.userAgent);
key[apple ? "metaKey" : "ctrlKey"] = true;
document.body.dispatchEvent(new KeyboardEvent("keydown", key));
"""


def open_dialog(console: Console) -> None:
    console.js(PRESS, ",")
    wait_for("the settings", lambda: bool(console.js(OPEN)))


def close_dialog(console: Console) -> None:
    console.click("Close")  # which also looks whether everybody can use the dialog
    wait_for("the end of the dialog", lambda: not console.js(OPEN))


def test_a_setting_is_the_same_in_the_dialog_and_where_it_is_used_and_is_kept(
    console: Console,
) -> None:
    console.open()
    open_dialog(console)
    assert console.js("return document.activeElement.dataset.key") == "seconds"
    console.js(CHOOSE, "seconds", "10")
    assert console.js("return document.getElementById('seconds').value") == "10"
    close_dialog(console)
    console.js("document.getElementById('seconds').value = '60'")
    console.js("document.getElementById('seconds').dispatchEvent(new Event('change'))")
    open_dialog(console)
    assert console.js(VALUE, "seconds") == "60"
    close_dialog(console)
    console.reload()
    assert console.js("return document.getElementById('seconds').value") == "60"
    assert console.js("return localStorage['sahpool.seconds']") == "60"


def test_a_broken_value_is_told_and_kept_beside_the_one_that_is_chosen(console: Console) -> None:
    console.open()
    console.js("localStorage['sahpool.seconds'] = 'soon'")
    console.reload()
    assert console.js("return document.getElementById('seconds').value") == "0"
    open_dialog(console)
    assert "“soon”" in console.js("return document.querySelector('.settings').textContent")
    console.js(CHOOSE, "seconds", "600")
    close_dialog(console)
    open_dialog(console)
    assert "“soon”" not in console.js("return document.querySelector('.settings').textContent")
    close_dialog(console)
    kept = "return [localStorage['sahpool.seconds'], localStorage['sahpool.seconds.before']]"
    assert console.js(kept) == ["600", "soon"]


@pytest.mark.parametrize("width", [1280, 360])
def test_the_dialog_and_its_button_fit_and_have_names(console: Console, width: int) -> None:
    console.open()
    assert isinstance(console.browser, Chromium)
    console.browser.resize(width)
    assert console.js("return document.getElementById('settings').getAttribute('aria-label')")
    console.js("document.getElementById('settings').click()")
    wait_for("the settings", lambda: bool(console.js(OPEN)))
    assert console.js("return document.documentElement.scrollWidth <= innerWidth")
    inside = """
    const dialog = document.querySelector("dialog[open]").getBoundingClientRect();
    const button = document.getElementById("settings").getBoundingClientRect();
    return [dialog, button].every(({left, right}) => left >= 0 && right <= innerWidth);
    """
    assert console.js(inside)
    selects = "[...document.querySelectorAll('.settings select')]"
    assert console.js(f"return {selects}.map((each) => each.labels.length)") == [1, 1]
    close_dialog(console)
