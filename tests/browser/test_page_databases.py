"""Several databases in one browser; restarting the worker."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browser.page_steps import ENDLESS, make, opened
from tests.browsers import Chromium, wait_for


def test_a_new_database_is_empty_and_the_old_one_is_kept(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)")
    make(console, "a ?# ü.db")
    assert console.tables() == []
    console.run_sql("CREATE TABLE other (a)")
    console.reload()
    assert console.database() == "a ?# ü.db"
    assert console.tables() == ["other"]
    console.js("document.getElementById('databases').open = true")
    console.js("document.querySelector('.choose:not([aria-current])').click()")
    opened(console, "notes.db")
    assert console.tables() == ["kept"]


def test_deleting_asks_first_and_opens_another_database(console: Console) -> None:
    console.open()
    make(console, "other.db")
    console.run_sql("CREATE TABLE t (a)")
    console.js("document.getElementById('databases').open = true")
    console.click("Delete other.db")
    assert "Delete “other.db”?" in str(console.question())
    console.click("Cancel")
    assert console.database() == "other.db"
    console.js("document.getElementById('databases').open = true")
    console.click("Delete other.db")
    console.click("Delete")
    wait_for("another database", lambda: console.status() == "Deleted other.db")
    assert console.database() == "notes.db"
    console.reload()
    assert console.database() == "notes.db"


def test_a_statement_that_does_not_stop_can_be_ended_with_its_worker(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)")
    # As in a browser without JSPI: the worker gets the cancel only after the statement.
    console.js(
        """
        const send = sahpoolStart.send.bind(sahpoolStart);
        sahpoolStart.send = (head, ...parts) =>
          JSON.parse(head).op === "cancel" || send(head, ...parts);
        """
    )
    console.run_sql(f"BEGIN; INSERT INTO kept VALUES (2); {ENDLESS}", wait=False)
    console.click("Stop")
    wait_for("the offer", lambda: "has not stopped" in str(console.error()))
    console.click("Restart the worker")
    console.wait_idle()
    console.wait_ready()
    assert "worker was restarted" in str(console.error())
    console.run_sql("SELECT a FROM kept")
    assert console.rows() == [["1"]]
    assert console.error() is None
    assert console.errors() == []


def test_a_database_that_cannot_be_read_does_not_keep_the_console_shut(
    console: Console,
) -> None:
    console.open()
    console.run_sql("CREATE TABLE lost (a); PRAGMA wal_checkpoint(TRUNCATE)")
    console.open("module_test.html", wait=False)
    damaged = console.js(
        """
        let folder = await navigator.storage.getDirectory();
        for (const name of [".opfs-sahpool", ".opaque"]) {
          folder = await folder.getDirectoryHandle(name);
        }
        let count = 0;
        for await (const file of folder.values()) {
          const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
          if (new TextDecoder().decode(bytes.subarray(0, 10)) !== "/notes.db\\0") continue;
          const writable = await file.createWritable({ keepExistingData: true });
          await writable.write({ type: "write", position: 4096, data: "no database at all" });
          await writable.close();
          count += 1;
        }
        return count;
        """
    )
    assert damaged == 1
    console.open()
    assert "“notes.db” cannot be opened: file is not a database" in str(console.error())
    assert console.database() == "notes 2.db"
    console.run_sql("CREATE TABLE t (a)")
    console.reload()
    assert console.database() == "notes 2.db"
    assert console.tables() == ["t"]
    listed = console.js("return document.getElementById('database-list').textContent")
    assert "notes.db" in listed, "what cannot be read is kept"


def test_the_switcher_lists_what_sql_has_made(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE t (a); VACUUM INTO 'file:/copy.db?vfs=opfs-sahpool'")
    assert console.error() is None
    console.js("document.getElementById('databases').open = true")
    listed = "return document.getElementById('database-list').textContent"
    wait_for("the copy to be listed", lambda: "copy.db" in console.js(listed))


def test_a_new_database_of_a_name_that_exists_is_not_opened_unasked(console: Console) -> None:
    console.open()
    make(console, "other.db")
    console.js("document.getElementById('databases').open = true")
    console.click("New database…")
    console.js("document.querySelector('dialog input').value = 'notes.db'")
    console.click("Create")
    wait_for("the question", lambda: "“notes.db” exists already" in str(console.question()))
    assert console.database() == "other.db"
    console.click("Open")
    opened(console, "notes.db")


@pytest.mark.parametrize("button", ["New database…", "Delete notes.db"])
def test_escape_gives_the_focus_back_to_the_switcher(console: Console, button: str) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    console.js("document.getElementById('databases').open = true")
    console.click(button)
    assert wait_for("the question", console.question)
    ActionChains(console.browser.driver).send_keys(Keys.ESCAPE).perform()
    wait_for("its end", lambda: console.question() is None)
    assert console.js("return document.activeElement.id") == "database"
