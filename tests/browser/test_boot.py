"""The start: what the page says when it fails, and that it requests nothing from other hosts."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest

import serve
from tests.browser.console_page import Console
from tests.browsers import Chromium, wait_for
from tests.conftest import ServedSite


def test_the_page_starts_without_a_foreign_request_or_an_error(console: Console) -> None:
    console.open()
    console.run_sql("SELECT 6 * 7 AS answer, NULL AS void, '' AS empty")
    assert console.headers() == ["answer", "void", "empty"]
    assert console.rows()[0][0] == "42"
    assert console.foreign_requests() == []
    assert console.errors() == []


@pytest.mark.real
def test_the_page_starts_in_firefox_without_a_foreign_request_or_an_error(
    firefox_console: Console,
) -> None:
    firefox_console.open()
    firefox_console.run_sql("SELECT 6 * 7 AS answer")
    assert firefox_console.rows() == [["42"]]
    assert firefox_console.foreign_requests() == []
    assert firefox_console.errors() == []


PARTS = (
    "pyodide/pyodide.asm.*.wasm",  # first, for later the browser has it and does not ask the server
    "pyodide/pyodide.mjs",
    "worker/io.mjs",
    "worker/contents.mjs",
    "worker/callbacks.mjs",
    "worker/first_table.mjs",
    "worker/memory_handle.mjs",
    "worker/locks.mjs",
    "worker/snapshot.mjs",
    "worker/archive.mjs",
    "worker/parts.json",
)
FROM_A_SNAPSHOT = PARTS[1::4]
"""Parts that are taken away at a second visit, which starts from a snapshot."""


def compiled(site: ServedSite) -> list[str]:
    """Return the parts that have what Python imports to start, the worker's own modules last."""
    files = json.loads((site.root / "worker/parts.json").read_text())["python"]["files"]
    return [f"worker/{file['name']}" for file in files if file["when"] == "start"]


def test_a_part_that_is_missing_is_named(first_visit: Console, site: ServedSite) -> None:
    for parts in ((*PARTS, *compiled(site)), FROM_A_SNAPSHOT):
        for pattern in parts:
            (path,) = site.root.glob(pattern)
            part = path.relative_to(site.root).as_posix()
            site.missing.add(f"/{part}")
            first_visit.open(wait=False)
            assert part in first_visit.wait_failure()
            site.missing.clear()
        # With all files back, the button starts the page.
        first_visit.click("Retry")
        first_visit.wait_ready()
        first_visit.wait_snapshot()


def test_a_worker_of_another_version_of_the_site_is_refused(
    first_visit: Console, site: ServedSite, tmp_path: Path
) -> None:
    console = first_visit
    own = compiled(site)[-1]
    content = (site.root / own).read_bytes()
    changed, count = re.subn(rb'SITE = "\w{16}"', b'SITE = "%s"' % (b"0" * 16), content)
    assert count == 1
    file = tmp_path / "own.wasm"
    file.write_bytes(changed)
    site.extra[f"/{own}"] = file
    try:
        console.open(wait=False)
        assert "two versions of this site" in console.wait_failure()
    finally:
        site.extra.clear()
    console.reload()
    console.run_sql("SELECT 1")
    assert console.rows() == [["1"]]


def test_storage_held_by_another_program_is_told_and_nothing_is_lost(console: Console) -> None:
    assert isinstance(console.browser, Chromium)
    driver = console.browser.driver
    console.open()
    console.run_sql("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)")
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    console.open("icon.svg", wait=False)
    # As another program of this origin would: it gets the storage's lock once the console is gone.
    console.js("navigator.locks.request('sahpool:.opfs-sahpool', () => new Promise(() => {}))")
    holder = driver.current_window_handle
    driver.switch_to.window(first)
    console.reload(wait=False)
    wait_for("the reason for the wait", lambda: "another tab" in console.status())
    assert "another tab" in console.wait_failure()
    driver.switch_to.window(holder)
    driver.close()
    driver.switch_to.window(first)
    console.click("Retry")
    console.wait_ready()
    console.run_sql("SELECT a FROM kept")
    assert console.rows() == [["1"]]


def test_an_endless_statement_is_cancelled_at_once(console: Console) -> None:
    console.open()
    endless = (
        "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    )
    console.run_sql(endless, wait=False)
    elapsed = console.js(
        """
        const cancel = document.getElementById("cancel");
        await new Promise((resolve) => setTimeout(resolve, 800));
        const start = performance.now();
        cancel.click();
        while (!cancel.disabled) await new Promise((resolve) => setTimeout(resolve, 5));
        return performance.now() - start;
        """
    )
    # About 30 ms on an idle machine; half a second allows for a busy one.
    assert elapsed < 500
    console.run_sql("SELECT 'and on'")
    assert console.rows() == [["and on"]]


def test_the_site_works_below_any_path_and_isolated(console: Console, site: ServedSite) -> None:
    with serve.SiteServer(site.root.parent, isolate=True) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        console.url = server.url
        console.open(f"{site.root.name}/")
        assert console.js("return crossOriginIsolated") is True
        console.run_sql("SELECT 'below' AS place")
        assert console.rows() == [["below"]]
        assert console.errors() == []
        server.shutdown()
        thread.join()


def test_what_draws_rows_comes_after_the_editor_and_is_named_when_it_is_missing(
    first_visit: Console, site: ServedSite
) -> None:
    first_visit.open()
    entry = "performance.getEntriesByName('{}')[0].startTime".format
    part = first_visit.js("return new URL('app/elements.js', location.href).href")
    assert first_visit.js(f"return {entry(part)} >= {entry('sahpool: editor')}")

    site.missing.add("/app/elements.js")
    first_visit.open()
    first_visit.run_sql("SELECT 42 AS answer")
    wait_for("the part to be named", lambda: "elements.js" in (first_visit.error() or ""))
    site.missing.clear()
    first_visit.open()
    first_visit.run_sql("SELECT 42 AS answer")
    assert first_visit.rows() == [["42"]]
