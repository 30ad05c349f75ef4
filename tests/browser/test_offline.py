"""The console without its server, its updates, and hosts that only serve files."""

from __future__ import annotations

import csv
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

import serve
from tests.browser.conftest import KINDS, checked, console_in, has_failed, visited_profile
from tests.browser.console_page import Console
from tests.browser.hosts import bare_host, variant
from tests.browser.shared import SharedBrowser
from tests.browser.snapshots import FILE
from tests.browsers import Browser, Chromium, wait_for
from tests.conftest import ServedSite, serving
from tests.matrix import PARAMS, started
from tests.proofs import Proofs
from worker.build.page import page_bytes

UPDATE = "return !document.getElementById('update-notice').hidden"
LOOK = "await (await navigator.serviceWorker.getRegistration()).update()"
CACHES = "return (await caches.keys()).filter((name) => name.startsWith('sahpool-site '))"
TITLE = "return document.title"

# Clears a part of the cache: every other file, the page alone, or everything.
CLEAR = """
for (const name of await caches.keys()) {
  if (!name.startsWith("sahpool-site ")) continue;
  if (args[0] === "all") { await caches.delete(name); continue; }
  const cache = await caches.open(name);
  const there = await cache.keys();
  if (args[0] === "page") { await cache.delete("./"); continue; }
  for (let at = 0; at < there.length; at += 2) await cache.delete(there[at]);
}
"""


def place_of(site: ServedSite, port: int = 0) -> ServedSite:
    """Return the site with its service worker; serving() starts the server."""
    own = ServedSite(site.root, port)
    own.offline = True
    return own


@pytest.fixture
def new_place(site: ServedSite) -> ServedSite:
    """The site on a port that no browser knows."""
    return place_of(site)


@pytest.fixture(params=PARAMS)
def browser(request: pytest.FixtureRequest) -> Browser:
    """A browser that has visited nothing."""
    return started(request.param)


@pytest.fixture
def new_console(
    request: pytest.FixtureRequest, browser: Browser, new_place: ServedSite
) -> Iterator[Console]:
    """The page in that browser."""
    yield from console_in(request, browser, new_place)


@pytest.fixture(scope="module", params=PARAMS)
def keeping(
    request: pytest.FixtureRequest, site: ServedSite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SharedBrowser, int]]:
    """A browser that keeps the whole site, with the port at which it has visited it."""
    profile = tmp_path_factory.mktemp("keeping") / "profile"
    with serving(place_of(site)) as place:
        visited_profile(started(request.param), place, profile, offline=True)
    shared = SharedBrowser(partial(KINDS[request.param], profile=profile), place.url)
    with socket.socket() as holder:
        # While no server has the port, the system gives it to nobody else.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", place.port))
        yield shared, place.port
        shared.end()


@pytest.fixture
def visited_place(
    request: pytest.FixtureRequest, site: ServedSite, keeping: tuple[SharedBrowser, int]
) -> Iterator[tuple[Console, ServedSite]]:
    """The page in the browser that keeps the site, and the server, which is not yet started."""
    shared, port = keeping
    with serving(place_of(site, port)):
        browser = shared.take()
    place = place_of(site, port)
    wrong = True
    try:
        for console in checked(request, browser, place):
            yield console, place
        wrong = has_failed(request)
    finally:
        place.server_close()
        with serving(place_of(site, port)):
            shared.give_back(failed=wrong)


@pytest.fixture
def console(visited_place: tuple[Console, ServedSite]) -> Console:
    return visited_place[0]


@pytest.fixture
def place(visited_place: tuple[Console, ServedSite]) -> ServedSite:
    return visited_place[1]


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The folder of a version with another title."""
    page = page_bytes()
    page = page.replace(b"<title>", b"<title>newer ")
    return variant(tmp_path / "newer", {"index.html": page})


def offer(console: Console, site: ServedSite, newer: Path) -> None:
    """Serves the newer version, and waits until the page offers it."""
    site.root = newer
    console.js(LOOK)
    wait_for("the notice", lambda: console.js(UPDATE))


def is_newer(console: Console) -> bool:
    """Return whether the page is of the newer version."""
    return str(console.js(TITLE)).startswith("newer")


def visit(console: Console) -> None:
    """Opens the page, and waits until all of the site is in the cache."""
    console.open()
    console.wait_offline()
    console.wait_snapshot()


def test_without_its_server_the_console_opens_queries_imports_and_exports(
    request: pytest.FixtureRequest,
    console: Console,
    place: ServedSite,
    tmp_path: Path,
    proof: Proofs,
) -> None:
    times = 20 if request.config.getoption("--slow") else 2
    file = tmp_path / "more.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([["a", "b"], *([number, "x"] for number in range(100))])
    with serving(place) as site:
        visit(console)
        console.run_sql("CREATE TABLE visits (n INTEGER); INSERT INTO visits VALUES (0)")
        site.requests.clear()
        console.reload()
        assert set(site.requests) <= {f"/{serve.SERVICE_WORKER}"}, "everything is kept"
    for number in range(1, times + 1):
        console.restart()
        console.run_sql(f"INSERT INTO visits VALUES ({number}); SELECT count(*) FROM visits")
        assert console.rows() == [[str(number + 1)]]
        assert "100 rows" in console.import_file(file)
        with closing(sqlite3.connect(console.export())) as con:
            assert con.execute("SELECT count(*) FROM more").fetchall() == [(100,)]
            assert con.execute("SELECT max(n) FROM visits").fetchall() == [(number,)]
        console.run_sql("DROP TABLE more")
        console.wait_offline()
    assert console.foreign_requests() == []
    proof("offline", f"{console.browser.name}, restarted without a server", visits=times, lost=0)


@pytest.mark.parametrize("snapshot", [True, False], ids=["from a snapshot", "long"])
def test_without_its_server_and_with_the_http_cache_emptied_the_console_opens(
    console: Console, place: ServedSite, snapshot: bool
) -> None:
    """The service worker does not answer for Pyodide's WebAssembly, but keeps it."""
    with serving(place):
        visit(console)
        console.run_sql("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)")
        if not snapshot:
            console.js(f"{FILE} await root.removeEntry(name);")
    for _ in range(2):
        console.restart(empty_cache=True)
        console.run_sql("SELECT a FROM kept")
        assert console.rows() == [["1"]]
    assert console.foreign_requests() == []


def test_the_webassembly_is_fetched_once_and_kept_where_its_compiled_code_is(
    new_console: Console, new_place: ServedSite
) -> None:
    console = new_console
    with serving(new_place) as site:
        visit(console)
        (path,) = {path for path in site.requests if "/pyodide.asm." in path and "wasm" in path}
        once = site.requests.count(path)
        for _ in range(2):
            console.reload()
        assert site.requests.count(path) == once == 1
        # The kept copy serves a browser that has lost its own; it is not downloaded again.
        console.restart(empty_cache=True)
        assert site.requests.count(path) == 1
        # Without either of them it comes from the server.
        console.js(CLEAR, "all")
        console.restart(empty_cache=True)
        assert site.requests.count(path) >= 2
        console.wait_offline()


def test_an_update_waits_until_it_is_accepted_and_no_transaction_is_harmed(
    console: Console, place: ServedSite, newer: Path
) -> None:
    with serving(place) as site:
        visit(console)
        console.run_sql("CREATE TABLE t (a)")
        (old,) = console.js(CACHES)
        console.run_sql("BEGIN; INSERT INTO t VALUES (1)")
        offer(console, site, newer)
        console.click("Update")
        assert console.status() == "A transaction is open: COMMIT or ROLLBACK it, then update"
        console.run_sql("INSERT INTO t VALUES (2); COMMIT")
        # The person has not accepted the update: a reload still shows the old version.
        console.reload()
        assert not is_newer(console)
        wait_for("the notice", lambda: console.js(UPDATE))
        console.click("Update")
        wait_for("the new page", lambda: is_newer(console))
        console.wait_ready()
        console.run_sql("SELECT sum(a) FROM t")
        assert console.rows() == [["3"]]
        assert not console.js(UPDATE)
        (new,) = console.js(CACHES)
        assert new != old
    assert console.errors() == []
    console.restart()
    assert is_newer(console)


@pytest.mark.chrome
def test_an_update_is_put_off_while_another_tab_has_the_console_open(
    request: pytest.FixtureRequest, new_place: ServedSite, newer: Path
) -> None:
    browser = Chromium()
    console = Console(browser, new_place.url)
    request.addfinalizer(console.close_browser)
    with serving(new_place) as site:
        visit(console)
        offer(console, site, newer)
        own = browser.driver.current_window_handle
        browser.driver.switch_to.new_window("tab")
        console.open(wait=False)
        browser.driver.switch_to.window(own)
        console.click("Update")
        wait_for("the refusal", lambda: "open 2 times" in console.status())
        console.run_sql("SELECT 1")
        assert console.rows() == [["1"]]
        assert not is_newer(console)


def test_a_new_version_that_does_not_come_whole_changes_nothing(
    console: Console, place: ServedSite, newer: Path
) -> None:
    with serving(place) as site:
        visit(console)
        before = console.js(CACHES)
        site.root = newer
        site.missing.update(("/", "/index.html"))  # the page of the new version
        console.js(LOOK)
        gone = "const { installing, waiting } = await navigator.serviceWorker.getRegistration();"
        wait_for("it to be refused", lambda: console.js(gone + "return !installing && !waiting"))
        assert not console.js(UPDATE)
    console.reload()
    assert not is_newer(console)
    console.run_sql("SELECT 1")
    assert console.rows() == [["1"]]
    assert set(before) <= set(console.js(CACHES))


def test_a_version_that_cannot_start_gives_way_to_a_newer_one(
    new_console: Console, new_place: ServedSite, newer: Path, tmp_path: Path
) -> None:
    files = serve.Site.collect().files
    (own,) = (name for name in files if name.startswith("worker/own-") and "sources" not in name)
    new_place.root = variant(tmp_path / "broken", {own: b"no archive"})
    with serving(new_place) as site:
        new_console.open(wait=False)
        assert "could not be started" in new_console.wait_failure()
        new_console.wait_offline()
        site.root = newer
        new_console.reload(wait=False)
        new_console.wait_failure()
        wait_for("the newer version", lambda: new_console.js(UPDATE))
        new_console.click("Retry")
        wait_for("the new page", lambda: is_newer(new_console))
        new_console.wait_ready()
        new_console.run_sql("SELECT 1")
        assert new_console.rows() == [["1"]]


@pytest.mark.parametrize("what", ["half", "all"])
def test_a_cache_that_was_cleared_is_filled_again_and_nothing_is_said(
    console: Console, place: ServedSite, what: str
) -> None:
    with serving(place):
        visit(console)
        console.run_sql("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)")
        console.js(CLEAR, what)
        console.reload()
        console.run_sql("SELECT a FROM kept")
        assert console.rows() == [["1"]]
        assert console.error() is None
        console.wait_offline()
    console.restart()
    console.run_sql("SELECT a FROM kept")
    assert console.rows() == [["1"]]


def test_what_a_cleared_cache_lacks_is_not_taken_from_a_newer_version(
    console: Console, place: ServedSite, newer: Path
) -> None:
    with serving(place) as site:
        visit(console)
        console.run_sql("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)")
        (old,) = console.js(CACHES)
        console.js(CLEAR, "page")
        site.root = newer
        console.reload()
        wait_for("the old version to be let go", lambda: old not in console.js(CACHES))
        console.reload()
        assert is_newer(console)
        console.run_sql("SELECT a FROM kept")
        assert console.rows() == [["1"]]


POLICY_OF = """
return (await fetch(args[0])).headers.get("Content-Security-Policy");
"""

# Returns the directive by which the page's policy blocks a request to another origin, which then
# gets no request.
LEAVES = """
const violated = new Promise((resolve) => {
  const tell = ({ effectiveDirective }) => resolve(effectiveDirective);
  addEventListener("securitypolicyviolation", tell);
});
await fetch("http://127.0.0.1:9/").catch(() => null);
return Promise.race([violated, new Promise((resolve) => setTimeout(resolve, 2000, "nothing"))]);
"""


def test_a_build_works_below_any_path_of_a_host_that_sends_files_and_nothing_else(
    request: pytest.FixtureRequest, browser: Browser, tmp_path: Path
) -> None:
    serve.build(tmp_path / "some (where)+" / "console")
    with bare_host(tmp_path) as host:
        console = Console(browser, f"{host}some%20(where)+/console/")
        request.addfinalizer(console.close_browser)
        visit(console)
        console.run_sql("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        assert console.foreign_requests() == []
        assert console.errors() == []
        assert console.js(POLICY_OF, "worker/boot.mjs") == serve.WORKER_POLICY
        assert console.js(POLICY_OF, "start.mjs") == serve.PAGE_POLICY
        console.reload()
        assert console.js(LEAVES) == "connect-src"
    console.restart()
    console.run_sql("SELECT a FROM t")
    assert console.rows() == [["1"]]


def test_the_worker_of_a_first_visit_reaches_no_other_origin_on_a_host_without_headers(
    request: pytest.FixtureRequest, browser: Browser, tmp_path: Path
) -> None:
    """No service worker controls the page yet, and the host sends no policy with the worker."""
    with bare_host(tmp_path / "other") as other:
        boot = serve.read(serve.assemble() / "worker" / "boot.mjs")
        # What code that got into the worker would do, with what it finds in the database.
        leak = f"""
            const outcome = await fetch("{other}?secret", {{ mode: "no-cors" }})
              .then(() => "reached", () => "refused");
            new BroadcastChannel("leak").postMessage(outcome);
        """
        first = serve.read(serve.ROOT / "public" / "first.js")
        hear = b"""
            window.leaks = [];
            new BroadcastChannel("leak").onmessage = ({ data }) => leaks.push(data);
        """
        changed = {"worker/boot.mjs": boot + leak.encode(), "first.js": hear + first}
        variant(tmp_path / "site", changed)
        with bare_host(tmp_path / "site") as host:
            console = Console(browser, host)
            request.addfinalizer(console.close_browser)
            console.open()
            told = wait_for("the worker to try", lambda: console.js("return leaks"))
            assert told == ["refused"]
            console.run_sql("SELECT 6 * 7 AS answer")
            assert console.rows() == [["42"]]


def test_an_isolated_site_is_isolated_without_its_server_as_well(
    new_console: Console, new_place: ServedSite
) -> None:
    new_place.isolate = True
    with serving(new_place):
        visit(new_console)
        new_console.run_sql("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    new_console.restart()
    assert new_console.js("return crossOriginIsolated")
    new_console.run_sql("SELECT a FROM t")
    assert new_console.rows() == [["1"]]


# Stands for the browser's launchQueue: files that were opened with an installed console.
QUEUE = """
LaunchQueue.prototype.setConsumer = (consumer) => { globalThis.openWith = consumer; };
"""
OPEN_WITH = """
const file = new File(["a,b\\n1,2\\n"], "opened.csv", { type: "text/csv" });
const gone = { getFile: async () => { throw new DOMException("", "NotFoundError"); } };
await openWith({ files: [{ getFile: async () => file }, gone] });
"""


@pytest.mark.chrome
def test_the_console_can_be_installed_and_opens_files(
    request: pytest.FixtureRequest, new_place: ServedSite
) -> None:
    browser = Chromium()
    driver = browser.driver
    console = Console(browser, new_place.url)
    request.addfinalizer(console.close_browser)
    with serving(new_place) as site:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": QUEUE})
        visit(console)
        manifest = driver.execute_cdp_cmd("Page.getAppManifest", {})
        assert manifest["errors"] == []
        assert manifest["url"] == f"{site.url}manifest.webmanifest"
        problems = driver.execute_cdp_cmd("Page.getInstallabilityErrors", {})
        assert problems["installabilityErrors"] == []
        console.js(OPEN_WITH)
        wait_for("the import", lambda: "opened" in console.tables())
        console.run_sql("SELECT * FROM opened")
        assert console.rows() == [["1", "2"]]
        # The browser itself requests the manifest's icon.
        icons = {path for path in site.requests if path.endswith(".png")}
        asked = set(site.requests) - icons - {f"/{serve.SERVICE_WORKER}"}
        names = {path[1:] or "index.html" for path in asked}
        assert {name for name in names if not serve.kept_offline(name)} == set()
