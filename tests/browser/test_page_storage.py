"""The storage: whether data is kept, how full it is, releasing it, and databases in memory.

Where a browser cannot be brought into a state, the site serves a patch in front of the first script
of the page or of the worker.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import console_in
from tests.browser.console_page import Console
from tests.browser.page_steps import (
    ENDLESS,
    INSERT,
    NO_FILES,
    TRUE_QUOTA,
    limit,
    make,
    opened,
    patch,
)
from tests.browsers import Chromium, wait_for
from tests.conftest import ServedSite
from tests.firefox import Firefox

Open = Callable[[Chromium | Firefox], Console]


SPY = """
window.asked = [];
const persist = StorageManager.prototype.persist;
StorageManager.prototype.persist = function () {
  asked.push(document.documentElement.dataset.state);
  return persist.call(this);
};
"""
FAILING_FILES = """
StorageManager.prototype.getDirectory = async () => {
  throw new DOMException("The operation failed for an unknown reason", "UnknownError");
};
"""

# On another page of this origin: how long it takes to get the pool's Web Lock and all handles.
TAKE_POOL = """
const began = performance.now();
const worker = new Worker(URL.createObjectURL(new Blob([`
  navigator.locks.request("sahpool:.opfs-sahpool", async () => {
    let folder = await navigator.storage.getDirectory();
    for (const part of [".opfs-sahpool", ".opaque"]) folder = await folder.getDirectoryHandle(part);
    const handles = [];
    for await (const file of folder.values()) handles.push(await file.createSyncAccessHandle());
    for (const handle of handles) handle.close();
    postMessage({ count: handles.length });
  }).catch((error) => postMessage({ error: String(error) }));
`])));
const taken = await new Promise((resolve) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => resolve({ error: message });
});
worker.terminate();
return { ...taken, after: performance.now() - began };
"""
LEAVING = """
const event = new Event("beforeunload", { cancelable: true });
dispatchEvent(event);
return event.defaultPrevented;
"""


@pytest.fixture
def opened_in(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Open]:
    """A function that opens a console in a browser with options; closes the browser at the end."""
    consoles: list[Iterator[Console]] = []

    def make_console(browser: Chromium | Firefox) -> Console:
        consoles.append(console_in(request, browser, site))
        return next(consoles[-1])

    yield make_console
    site.extra.clear()
    for console in consoles:
        next(console, None)


def line(console: Console) -> str:
    """Return the text of the storage's line at the foot."""
    return str(console.js("return document.getElementById('storage').innerText"))


def sheet(console: Console) -> str:
    """Return what the sheet "Databases" says of the storage."""
    return str(console.js("return document.getElementById('storage-details').textContent"))


def notice(console: Console) -> str:
    """Return the text of the warning below the page's header."""
    return str(console.js("return document.getElementById('notice').innerText"))


def usage(console: Console) -> int:
    """Return the usage in bytes, as the browser estimates it."""
    return int(console.js("return (await navigator.storage.estimate()).usage"))


def tells_usage(console: Console) -> bool:
    """Return whether the line shows the browser's usage, apart from constant small changes."""
    found = re.match(r"([\d.]+) (kB|MB) used", line(console))
    told = float(found[1]) * {"kB": 1e3, "MB": 1e6}[found[2]] if found else 0.0
    return abs(told - usage(console)) < 100_000


def asks_before_leaving(console: Console) -> bool:
    return bool(console.js(LEAVING))


# Whether it is kept


def test_the_browser_is_asked_to_keep_the_data_after_the_first_write_and_once(
    opened_in: Open, visited: Path, site: ServedSite, tmp_path: Path
) -> None:
    # A Chromium of its own: one that has often visited a site agrees at once.
    console = opened_in(Chromium(profile=visited))
    assert isinstance(console.browser, Chromium)
    patch(site, tmp_path, "/start.mjs", SPY)
    try:
        console.open()
        console.run_sql("SELECT 1")
        make(console, "empty.db")
        assert console.js("return asked") == []
        assert line(console).endswith("the browser may clear it")
        console.run_sql("CREATE TABLE t (a)")
        wait_for("the answer", lambda: "did not agree" in sheet(console))
        assert console.js("return asked") == ["ready"]
        console.run_sql("INSERT INTO t VALUES (1)")
        assert "export what you cannot lose" in sheet(console)
        assert console.js("return asked") == ["ready"]
        # A limit of SQLite's own does not mean that the storage is full.
        console.run_sql("PRAGMA max_page_count = 2; INSERT INTO t VALUES (zeroblob(100000))")
        assert console.error_code() == "SQLITE_FULL"
        assert line(console).endswith("the browser may clear it")
        # A person can ask the browser again, which agrees this time.
        console.js("document.getElementById('storage').click()")
        again = "return document.getElementById('storage-keep').checkVisibility()"
        wait_for("the button", lambda: console.js(again))
        time.sleep(1)  # what the page asked when the sheet was opened is answered
        permission = {"permissions": ["durableStorage"], "origin": console.url.rstrip("/")}
        console.browser.driver.execute_cdp_cmd("Browser.grantPermissions", permission)
        console.click("Ask again")
        wait_for("the answer", lambda: line(console).endswith("kept until you delete it"))
        assert "Kept until you delete it" in sheet(console)
        assert console.js("return document.getElementById('storage-keep').hidden")
        console.reload()
        console.run_sql("INSERT INTO t VALUES (2)")
        wait_for("the line", lambda: line(console).endswith("kept until you delete it"))
        assert console.js("return asked") == []
        assert console.errors() == []
    finally:
        site.extra.clear()


def test_a_question_that_is_never_answered_holds_up_nothing(
    firefox_console: Console, tmp_path: Path
) -> None:
    # In headless Firefox its question stays unanswered.
    console = firefox_console
    path = tmp_path / "two.csv"
    path.write_text("a,b\n1,x\n2,y\n")
    console.open()
    wait_for("the line", lambda: line(console).endswith("the browser may clear it"))
    assert "may wait for your answer" not in sheet(console)
    console.import_file(path)
    wait_for("the question", lambda: "may wait for your answer" in sheet(console))
    # The usage follows, up and down.
    make(console, "large.db")
    before = usage(console)
    console.run_sql("CREATE TABLE t (a); " + INSERT.format(20_000))
    wait_for("the figures", lambda: tells_usage(console))
    assert usage(console) > before + 20_000_000
    console.js("document.getElementById('databases').open = true")
    console.click("Delete large.db")
    console.click("Delete")
    wait_for("the deletion", lambda: console.database() == "notes.db")
    wait_for("less to be used", lambda: usage(console) < before + 10_000_000)
    wait_for("the figures", lambda: tells_usage(console))
    assert console.tables() == ["two"]
    # Another page of this origin can have the pool at once.
    console.open("module_test.html", wait=False)
    taken = console.js(TAKE_POOL)
    assert taken.get("error") is None
    assert taken["count"] > 2
    assert taken["after"] < 2000
    console.open()
    assert console.tables() == ["two"]
    assert console.errors() == []


# How full it is


def test_a_person_is_warned_before_the_storage_is_full_and_told_what_to_do_when_it_is(
    opened_in: Open, tmp_path: Path
) -> None:
    console = opened_in(Chromium(TRUE_QUOTA))
    console.open()
    console.run_sql("CREATE TABLE t (a); " + INSERT.format(8000))
    assert notice(console) == ""
    limit(console, 70_000_000)
    console.run_sql(INSERT.format(10))
    wait_for("the figures", lambda: " of 70.0 MB" in line(console))
    assert notice(console) == ""

    # Before an import that needs more room than is left, the page asks, with numbers.
    path = tmp_path / "larger.db"
    with closing(sqlite3.connect(path)) as con:
        con.execute("CREATE TABLE t (a)")
        con.execute("INSERT INTO t VALUES (zeroblob(80000000))")
        con.commit()
    asked = console.import_file(path)
    assert "“larger.db” may not fit" in asked
    assert "It has 80.1 MB, and " in asked
    assert "of the 70.0 MB" in asked
    assert "nothing has changed" in console.answer("Do not import")
    assert console.database() == "notes.db"
    console.import_file(path)
    console.answer("Import all the same")
    assert console.error_code() == "SQLITE_FULL"
    assert line(console) == "The storage is full"
    assert console.database() == "notes.db"

    # Beyond 80 % there is a warning, which can be hidden.
    console.run_sql("SELECT 1")  # room that the import took is released between statements
    limit(console, int(usage(console) / 0.9))
    console.run_sql("UPDATE t SET a = 1 WHERE rowid = 1")
    wait_for("the warning", lambda: "The storage is " in notice(console))
    assert "% full" in notice(console)
    assert "% full" in line(console)
    assert "Export what you cannot lose" in notice(console)
    console.click("Hide")
    assert notice(console) == ""
    assert "% full" in line(console)

    # Full: the page says what to do, and that helps.
    console.run_sql(INSERT.format(20_000))
    error = str(console.error())
    assert console.error_code() == "SQLITE_FULL"
    for word in ("What was committed before is safe", "Export", "delete databases"):
        assert word in error
    console.run_sql("SELECT count(*) FROM t")
    assert console.rows() == [["8010"]]
    assert line(console) == "The storage is full"
    full = usage(console)
    console.js("document.getElementById('storage').click()")
    shown = "return document.getElementById('storage-details').checkVisibility()"
    wait_for("the sheet", lambda: console.js(shown))
    console.click("Delete notes.db")
    console.click("Delete")
    wait_for("its end", lambda: console.status() == "Deleted notes.db")
    wait_for("the figures", lambda: tells_usage(console))
    assert usage(console) < full / 2
    assert "full" not in line(console)
    console.run_sql("CREATE TABLE t (a); " + INSERT.format(8000))
    assert console.error() is None


# Leaving


def test_a_page_that_is_left_lets_go_of_the_storage_and_has_it_again_on_the_way_back(
    opened_in: Open, tmp_path: Path
) -> None:
    console = opened_in(Chromium(without=["disable-back-forward-cache"]))
    assert isinstance(console.browser, Chromium)
    console.open()
    make(console, "kept.db")
    console.run_sql("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    console.wait_snapshot()  # the back/forward cache keeps no page that still works
    for _ in range(6):
        console.wait_ready()
        assert not asks_before_leaving(console)
        console.run_sql("BEGIN; INSERT INTO t VALUES (2)")
        assert asks_before_leaving(console)
        console.js("window.mark = 'the same page'")

        console.open("module_test.html", wait=False)
        taken = console.js(TAKE_POOL)
        assert taken.get("error") is None
        assert taken["count"] > 2
        assert taken["after"] < 2000

        console.browser.driver.back()
        if console.js("return window.mark") == "the same page":
            break  # on a busy machine the browser may reload the page instead, without a reason
    else:
        pytest.fail("the browser has not kept the page in six tries")
    console.wait_ready()
    assert "transaction that was open when you left this page was undone" in str(console.error())
    assert not asks_before_leaving(console)
    assert console.database() == "kept.db"
    console.run_sql("SELECT a FROM t")
    assert console.rows() == [["1"]]

    # The browser also asks while an import runs.
    path = tmp_path / "long.csv"
    path.write_text("a,b\n" + "1,2\n" * 500_000)
    console.import_file(path, wait=False)
    stop = "return document.getElementById('import-stop').checkVisibility()"
    wait_for("the import to begin", lambda: console.js(stop))
    assert asks_before_leaving(console)
    console.click("Stop import")
    wait_for("its end", lambda: not asks_before_leaving(console))


# Going without


def export(console: Console, button: str) -> list[tuple[Any, ...]]:
    """Press an export button, and return the rows of table t in the file."""
    known = set(console.browser.downloads.iterdir())
    console.click(button)

    def arrived() -> Path | None:
        fresh = set(console.browser.downloads.iterdir()) - known
        whole = [path for path in fresh if path.suffix == ".db" and path.stat().st_size]
        return whole[0] if len(fresh) == len(whole) == 1 else None

    path = wait_for("the download", arrived)
    assert path is not None
    with closing(sqlite3.connect(path)) as con:
        return con.execute("SELECT a FROM t").fetchall()


def test_a_browser_without_private_file_system_works_in_memory_and_says_so(
    opened_in: Open, site: ServedSite, tmp_path: Path
) -> None:
    patch(site, tmp_path, "/worker/boot.mjs", NO_FILES)
    patch(site, tmp_path, "/start.mjs", SPY)
    console = opened_in(Chromium())
    console.open()
    wait_for("the notice", lambda: "Nothing is kept here." in notice(console))
    assert "has no private file system" in notice(console)
    assert "in memory only" in line(console)
    assert "also when you close it" not in console.js("return document.body.innerText")
    assert not asks_before_leaving(console)

    console.run_sql("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    wait_for("the change", lambda: "notes.db has changes that are not exp" in notice(console))
    assert asks_before_leaving(console)
    assert export(console, "Export notes.db") == [(1,)]
    wait_for("the export", lambda: "notes.db is exported as it is now" in notice(console))
    assert not asks_before_leaving(console)

    # An export does not contain uncommitted changes.
    console.run_sql("BEGIN; INSERT INTO t VALUES (2)")
    assert export(console, "Export notes.db") == [(1,)]
    wait_for("the change", lambda: "notes.db has changes that are not exp" in notice(console))
    console.run_sql("COMMIT; SELECT a FROM t")
    assert console.rows() == [["1"], ["2"]]
    make(console, "other.db")
    console.run_sql("CREATE TABLE t (a)")
    wait_for("both", lambda: "and 1 other have changes" in notice(console))
    assert export(console, "Export other.db") == []
    wait_for("one of them", lambda: "notes.db has changes that are not exp" in notice(console))
    assert asks_before_leaving(console)

    # Coming back, the page still has its databases: with storage in memory it keeps its worker.
    console.js("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    console.js("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    console.run_sql("SELECT count(*) FROM t")
    assert console.rows() == [["0"]]
    console.js("document.getElementById('databases').open = true")
    console.js("document.querySelector('.choose:not([aria-current])').click()")
    opened(console, "notes.db")
    console.run_sql("SELECT a FROM t")
    assert console.rows() == [["1"], ["2"]]
    assert console.js("return asked") == [], "there is nothing to keep"
    assert console.errors() == []


def test_a_private_window_and_an_insecure_page_have_all_the_rest_in_memory(
    opened_in: Open, tmp_path: Path
) -> None:
    private = {
        "browser.privatebrowsing.autostart": True,
        "network.dns.localDomains": "not-secure.test",
    }
    console = opened_in(Firefox(private))
    console.url = console.url.replace("127.0.0.1", "not-secure.test")
    console.open()
    wait_for("the notice", lambda: "This page is not secure" in notice(console))
    console.run_sql("SELECT 6 * 7 AS answer")
    assert console.rows() == [["42"]]

    console.url = console.url.replace("not-secure.test", "127.0.0.1")
    console.open()
    wait_for("the notice", lambda: "as private windows do" in notice(console))
    database = tmp_path / "shop.db"
    with closing(sqlite3.connect(database)) as con:
        con.execute("CREATE TABLE t (a)")
        con.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(3)])
        con.commit()
    table = tmp_path / "two.csv"
    table.write_text("a,b\n1,x\n2,y\n")
    assert console.import_file(database).startswith("Imported shop.db")
    console.import_file(table)
    assert console.tables() == ["t", "two"]
    make(console, "more.db")
    assert console.tables() == []
    console.run_sql("SELECT 1 FROM nowhere")
    assert "no such table: nowhere" in str(console.error())
    console.run_sql(ENDLESS, wait=False)
    console.click("Stop")
    console.wait_idle()
    console.js("document.getElementById('databases').open = true")
    console.click("Delete more.db")
    console.click("Delete")
    wait_for("the deletion", lambda: console.database() != "more.db")
    console.js("document.getElementById('databases').open = true")
    if console.database() != "shop.db":
        console.js(
            "[...document.querySelectorAll('.choose')]"
            ".find((choose) => choose.textContent.includes('shop.db')).click()"
        )
        opened(console, "shop.db")
    assert export(console, "Export") == [(0,), (1,), (2,)]
    console.reload()
    assert console.database() == "notes.db"
    assert console.tables() == []
    wait_for("the notice", lambda: "Nothing is kept here." in notice(console))


def test_a_storage_that_fails_is_never_taken_for_an_empty_one(
    opened_in: Open, site: ServedSite, tmp_path: Path
) -> None:
    console = opened_in(Chromium())
    console.open()
    console.run_sql("CREATE TABLE kept (a)")
    patch(site, tmp_path, "/worker/boot.mjs", FAILING_FILES)
    console.reload(wait=False)
    assert "unknown reason" in console.wait_failure()
    assert notice(console) == ""
    site.extra.clear()
    console.click("Retry")
    console.wait_ready()
    assert console.tables() == ["kept"]


LONGEST_WAL = """
const root = await navigator.storage.getDirectory();
const slots = await (await root.getDirectoryHandle(".opfs-sahpool")).getDirectoryHandle(".opaque");
let longest = -1;
for await (const slot of slots.values()) {
  const file = await slot.getFile();
  const name = (await file.slice(0, 512).text()).replace(/\\0.*/s, "");
  if (name.endsWith("-wal")) longest = Math.max(longest, file.size - 4096);
}
return longest;
"""


def test_what_a_large_transaction_leaves_in_the_wal_is_not_read_at_every_start(
    console: Console,
) -> None:
    console.open()
    console.run_sql("CREATE TABLE large AS SELECT zeroblob(3000000) AS b")
    wait_for("an empty WAL", lambda: console.js(LONGEST_WAL) == 0)
    console.run_sql("BEGIN; INSERT INTO large VALUES (zeroblob(3000000))")
    console.run_sql("COMMIT")
    assert console.js(LONGEST_WAL) > 3_000_000  # until the service has been idle for long enough
    wait_for("an empty WAL", lambda: console.js(LONGEST_WAL) == 0)
    console.reload()
    console.run_sql("SELECT sum(length(b)) FROM large")
    assert console.rows() == [["6000000"]]
