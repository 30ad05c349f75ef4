"""The start without waits: the worker before the modules, a statement right behind the greeting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import console_in
from tests.browser.console_page import Console
from tests.browser.many_tabs import WORKERS
from tests.browser.page_steps import hold_up, patch
from tests.browsers import wait_for
from tests.conftest import ServedSite
from tests.matrix import PARAMS, started

# Records what is posted to the worker ("> run") and what comes back ("< 2").
MESSAGES = """
window.messages = [];
const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...rest) {
  if (Array.isArray(message)) messages.push("> " + JSON.parse(message[0]).op);
  return post.call(this, message, ...rest);
};
window.overhear = ({ data }) => {
  const { id, event } = JSON.parse(data[0]);
  messages.push("< " + (event ?? id));
};
"""


@pytest.fixture(params=PARAMS)
def watched(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Console]:
    """The page in each browser, not yet opened; it records the workers that it makes."""
    browser = started(request.param)
    browser.before_pages(WORKERS + MESSAGES)
    browser.new_tab()  # scripts of before_pages run in tabs that are opened after it
    yield from console_in(request, browser, site)
    site.extra.clear()


def test_the_worker_starts_before_the_modules_of_the_page(
    watched: Console, site: ServedSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch(site, tmp_path, "/start.mjs", "window.made = workers.length;")
    hold_up(site, "/start.mjs", 1.0, monkeypatch)
    watched.open()
    assert watched.js("return [made, workers.length]") == [1, 1]
    watched.run_sql("SELECT 6 * 7 AS answer")
    assert watched.rows() == [["42"]]


def test_a_page_without_its_start_does_not_lead(watched: Console, site: ServedSite) -> None:
    site.missing.add("/start.mjs")
    watched.open(wait=False)
    held = """
        const { held } = await navigator.locks.query();
        return held.filter(({ name }) => !name.startsWith("sahpool text")).map(({ name }) => name);
    """
    wait_for("a worker", lambda: watched.js("return workers.length") == 1)
    wait_for("that it lets go", lambda: watched.js(held) == [])
    site.missing.clear()
    watched.browser.new_tab()
    watched.open()
    watched.run_sql("SELECT 6 * 7 AS answer")
    assert watched.rows() == [["42"]]


def test_a_page_without_its_first_script_says_so(first_visit: Console, site: ServedSite) -> None:
    site.missing.add("/first.js")
    first_visit.open(wait=False)
    assert "first.js did not load" in first_visit.wait_failure()
    site.missing.clear()
    first_visit.click("Retry")
    wait_for("the page to be loaded again", lambda: first_visit.state() != "error")
    first_visit.wait_ready()


def run_at_start(console: Console, sql: str) -> None:
    """Reload the page, and press Run as soon as there is an editor; wait for the end."""
    console.reload(wait=False)
    wait_for("the editor", lambda: console.js("return window.sahpoolStart?.taken"))
    assert console.state() == "loading"
    console.run_sql(sql)


def test_a_statement_of_the_start_follows_the_greeting_at_once(
    watched: Console, site: ServedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.open()
    watched.run_sql("CREATE TABLE t (a); INSERT INTO t VALUES (42)")
    hold_up(site, "/worker/service.zip", 2.0, monkeypatch)
    run_at_start(watched, "SELECT a FROM t")
    assert watched.rows() == [["42"]]
    messages = watched.js("return messages")
    hello = messages.index("> hello")
    assert messages[hello + 1] == "> run"
    assert messages.index("> run") < messages.index("< 1") < messages.index("< 2")


def test_a_statement_of_the_start_runs_in_the_database_that_is_opened_in_place_of_the_last(
    watched: Console, site: ServedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.open()
    watched.run_sql("CREATE TABLE t (a); INSERT INTO t VALUES (42)")
    watched.js("localStorage['sahpool.database'] = 'gone.db'")
    hold_up(site, "/worker/service.zip", 2.0, monkeypatch)
    run_at_start(watched, "UPDATE t SET a = a + 1; SELECT a FROM t")
    assert (watched.error(), watched.database()) == (None, "notes.db")
    watched.run_sql("SELECT a FROM t")
    assert watched.rows() == [["43"]], "it has run once"
