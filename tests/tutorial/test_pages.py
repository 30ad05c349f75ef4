"""Plain Pyodide and PyScript: the pages do what the tutorial says one should see."""

from __future__ import annotations

from tests.browser.console_page import Console
from tests.browsers import Browser, wait_for


class Page:
    """One of the tutorial's pages with a field, a button and the notes below them."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url

    def open(self) -> str:
        self.browser.open(self.url)
        return self.started()

    def reload(self) -> str:
        self.browser.reload()
        return self.started()

    def shown(self) -> str:
        return str(self.browser.evaluate("return document.querySelector('pre').textContent"))

    def started(self) -> str:
        """What is shown once the page has started."""
        wait_for("the page to start", lambda: "Starting" not in self.shown(), 60)
        return self.shown()

    def keep(self, note: str) -> str:
        """Keeps a note; what is shown then."""
        before = self.shown()
        self.browser.evaluate(
            "document.querySelector('input').value = args[0];"
            "document.querySelector('button').click();",
            note,
        )
        wait_for(f"{note!r} to be kept", lambda: self.shown() != before)
        return self.shown()


def test_with_plain_pyodide_notes_outlive_a_reload(browser: Browser, url: str) -> None:
    page = Page(browser, url)
    assert page.open() == ""
    assert page.keep("one") == "one"
    assert page.keep("two <b>") == "one\ntwo <b>"
    assert page.reload() == "one\ntwo <b>"


def test_with_pyscript_notes_outlive_a_reload(browser: Browser, url: str) -> None:
    page = Page(browser, url + "pyscript.html")
    assert page.open() == ""
    assert page.keep("one") == "one"
    assert page.keep("two <b>") == "one\ntwo <b>"
    assert page.reload() == "one\ntwo <b>"


def test_the_other_page_and_the_console_see_the_notes_after_a_restart(
    browser: Browser, url: str
) -> None:
    assert Page(browser, url).open() == ""
    Page(browser, url).keep("from plain Pyodide")
    browser.restart()
    assert Page(browser, url + "pyscript.html").open() == "from plain Pyodide"
    console = Console(browser, url + "console/")
    console.open()
    # Of the databases in the list, the one of that name.
    console.js(
        "[...document.querySelectorAll('button.choose')]"
        ".find((button) => button.querySelector('.name').textContent === 'notes.db').click()"
    )
    wait_for("notes.db to be opened", lambda: console.database() == "notes.db")
    console.wait_idle()
    console.run_sql("SELECT text FROM note")
    assert console.rows() == [["from plain Pyodide"]]
