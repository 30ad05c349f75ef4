"""The wheel in the worker of another page: each way to install it, under each security policy."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import serve
from tests.browsers import Browser, Chromium
from tests.conftest import ServedSite
from tests.firefox import Firefox
from tests.tutorial.jupyter_parts import install_jupyter_parts

HERE = Path(__file__).parent.parent / "wheel"

WAYS = ("unpackArchive", "micropip", "loadPackage")

#: The worker's content security policy, by the folder of the URL that it is started from.
POLICIES = {
    "none": "",
    "loose": "script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
    "strict": "script-src 'self' 'wasm-unsafe-eval'",
}

KEEP = """
import sqlite3
import sahpool

pool = await sahpool.install()
con = sqlite3.connect("file:/notes.db?vfs=opfs-sahpool", uri=True)
con.execute("CREATE TABLE IF NOT EXISTS note(way)")
con.execute("INSERT INTO note VALUES({way!r})")
con.commit()
" ".join(way for (way,) in con.execute("SELECT way FROM note ORDER BY rowid"))
"""

FAIL = """
import sahpool

try:
    await sahpool.install()
    told = "installed"
except sahpool.UnsupportedError as error:
    told = f"UnsupportedError: {error} | {error.hint}"
told
"""


class WheelServer(serve.SiteServer):
    """Serves Pyodide, the wheel, and the worker in a folder for each policy."""

    def __init__(self, root: Path, micropip: Path) -> None:
        super().__init__(root, 0)
        self.micropip = micropip

    def find(self, path: str) -> Path | None:
        folder, _, name = path.removeprefix("/").rpartition("/")
        if folder in POLICIES:
            return HERE / name
        if name == self.micropip.name:
            return self.micropip
        return super().find(path)

    def policy(self, path: str) -> str:
        return POLICIES.get(path.split("/")[1], "")


class Page:
    """A page that starts a new worker for each call of work()."""

    def __init__(self, browser: Browser, server: WheelServer) -> None:
        self.browser = browser
        self.server = server
        browser.open(f"{server.url}none/page.html")

    def work(
        self,
        source: str,
        way: str = "unpackArchive",
        *,
        policy: str = "none",
        register: bool = False,
        worker: str = "worker.mjs",
    ) -> str:
        """Run Python source in a new worker, and return its value or the error, as text."""
        message: dict[str, Any] = {
            "way": way,
            "register": register,
            "source": source,
            "wheel": f"{self.server.url}{serve.wheel_name()}",
            "micropip": f"{self.server.url}{self.server.micropip.name}",
        }
        script = """
            const options = args[0].endsWith(".mjs") ? { type: "module" } : {};
            const worker = new Worker(args[0], options);
            const answer = await new Promise((resolve) => {
              worker.onmessage = ({ data }) => resolve(data);
              worker.onerror = ({ message }) => resolve(`stopped: ${message}`);
              worker.postMessage(args[1]);
            });
            worker.terminate();
            return answer;
        """
        return str(self.browser.evaluate(script, f"{self.server.url}{policy}/{worker}", message))


@pytest.fixture(scope="module")
def server(site: ServedSite) -> Iterator[WheelServer]:
    (micropip,) = (install_jupyter_parts() / "pypi").glob("micropip-*.whl")
    with WheelServer(site.root, micropip) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(kind, marks=getattr(pytest.mark, kind.name)) for kind in (Chromium, Firefox)
    ],
)
def page(request: pytest.FixtureRequest, server: WheelServer) -> Iterator[Page]:
    browser: Browser = request.param()
    yield Page(browser, server)
    asked = {url for url in browser.requests() if url.startswith(("http", "ws"))}
    browser.close()
    assert asked
    assert {url for url in asked if not url.startswith(server.url)} == set()


def check_ways(page: Page, pairs: Iterable[tuple[str, str]]) -> None:
    """Asserts that each worker finds what the workers before it have stored."""
    kept: list[str] = []
    for policy, way in pairs:
        kept.append(f"{policy}-{way}")
        strict = policy == "strict"
        found = page.work(KEEP.format(way=kept[-1]), way, policy=policy, register=strict)
        assert found == " ".join(kept)
    page.browser.evaluate(
        """
        const root = await navigator.storage.getDirectory();
        for (let tries = 0; ; tries++) {
          try {
            return await root.removeEntry(".opfs-sahpool", { recursive: true });
          } catch (error) {  // the handles of a worker that was ended are let go a little later
            if (tries > 100) throw error;
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        }
        """
    )


def test_the_wheel_works_installed_in_any_way_and_under_any_policy(page: Page) -> None:
    check_ways(page, zip(POLICIES, WAYS, strict=True))


@pytest.mark.slow
def test_the_wheel_works_installed_in_every_way_under_every_policy(page: Page) -> None:
    check_ways(page, itertools.product(POLICIES, WAYS))


def test_a_strict_policy_without_io_mjs_is_told_with_the_way_out(page: Page) -> None:
    told = page.work(FAIL, policy="strict")
    assert told.startswith("UnsupportedError: The page's content security policy"), told
    assert "io.mjs" in told
    assert "registerJsModule('sahpool_io'" in told
    assert "blob:" in told
    assert "'unsafe-eval'" in told


def test_a_page_instead_of_a_worker_is_told_so(page: Page) -> None:
    script = """
        const { loadPyodide } = await import("/pyodide/pyodide.mjs");
        const pyodide = await loadPyodide();
        const wheel = await (await fetch(args[0])).arrayBuffer();
        pyodide.unpackArchive(wheel, "wheel");
        return await pyodide.runPythonAsync(args[1]);
    """
    wheel = f"{page.server.url}{serve.wheel_name()}"
    told = str(page.browser.evaluate(script, wheel, FAIL))
    assert told.startswith("UnsupportedError: There are no synchronous file handles here."), told
    assert "dedicated worker" in told


def test_pyodide_itself_refuses_a_worker_that_is_no_module(page: Page) -> None:
    """The library cannot change that; this test fails on the day that Pyodide allows it."""
    told = page.work("1", worker="classic.js")
    assert told == "failed: Error: Classic web workers are not supported"
