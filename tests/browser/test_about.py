"""The dialog "About this console", and its report."""

from __future__ import annotations

import re

import sahpool
from tests.browser.console_page import Console
from tests.browsers import wait_for

COPIED = """
window.copied = null;
Object.defineProperty(navigator, "clipboard", {
  value: { writeText: async (text) => { window.copied = text; } },
});
"""
FACTS = """
const dialog = document.querySelector("dialog[open]");
const names = [...dialog.querySelectorAll("dt")], values = [...dialog.querySelectorAll("dd")];
return names.map((name, index) => [name.textContent, values[index].textContent]);
"""


def test_about_tells_the_versions_the_storage_and_how_the_console_started(console: Console) -> None:
    console.open()
    console.js(COPIED)
    console.run_sql("SELECT sqlite_version()")
    ((version,),) = console.rows()
    console.js("document.getElementById('engine').click()")
    wait_for("the dialog", lambda: console.js("return document.querySelector('dialog')"))
    facts = dict(console.js(FACTS))
    assert facts["SQLite"] == version
    assert facts["sahpool"] == sahpool.__version__
    assert facts["Databases"] == "1"
    assert facts["Snapshot of Python"] == "used"
    for name in ("Start: Python", "Start: Storage", "Editor usable after", "SQL answered after"):
        assert re.fullmatch(r"\d+ ms|\d+\.\d+ s", facts[name]), name
    console.click("Copy report")
    report = wait_for("the report", lambda: console.js("return window.copied"))
    assert f"SQLite: {version}\n" in report
    assert "\nBrowser: Mozilla" in report
    assert console.errors() == []
