"""Pyodide with the library under test, in three places: Node, Chromium, Firefox.

Each engine runs a test's Python source inside and hands back the value of its last expression.
"""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import tempfile
import textwrap
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from pytest_pyodide.runner import BrowserWorkerChromeRunner, SeleniumChromeRunner

import serve
from tests.browsers import SCRIPT_SECONDS, Browser, chromium_driver, wait_for
from tests.firefox import Firefox
from tests.pyodide import node_lines

HERE = Path(__file__).parent
PAGE = "module_test.html"
WORKER = "tests/worker.mjs"

#: How long one request may take in Node, where a whole arm of the crash model may be one.
NODE_SECONDS = 900

#: V8 of Node 20 may stop with "unreachable code" when it leaves optimised JavaScript that has a
#: call of WebAssembly in line (Deoptimizer::DoComputeBuiltinContinuation).
NODE_OPTIONS = ("--no-turbo-inline-js-wasm-calls",)

WIPE = """
const root = await navigator.storage.getDirectory();
for await (const name of root.keys()) {
  for (let tries = 0; ; tries++) {
    try { await root.removeEntry(name, { recursive: true }); break; }
    catch (error) {
      // The handles of a worker that was ended are let go a little later.
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
"""


class RemoteError(Exception):
    """What the source raised inside; ``type`` names the exception's class there."""

    def __init__(self, type: str, traceback: str) -> None:  # noqa: A002 - what it is called there
        super().__init__(traceback)
        self.type = type


class Engine(Protocol):
    """A place where Pyodide runs."""

    name: str

    def run(self, source: str, **values: Any) -> Any:
        """The value of the last expression of ``source``; ``values`` are global names there."""

    def restart(self, *, keep: bool = True) -> None:
        """End the worker as a closed tab does and start another; ``keep`` the storage or not."""

    def close(self) -> None:
        """End it."""


def request(source: str, values: dict[str, Any]) -> str:
    """One line that asks for ``source`` to be run; it may be indented as a whole."""
    return json.dumps({"source": textwrap.dedent(source), "values": json.dumps(values)})


def outcome(answer: str) -> Any:
    """The value in an answer of inside_runner.py; RemoteError when it holds none."""
    fields = json.loads(answer)
    if "traceback" in fields:
        raise RemoteError(fields["type"], fields["traceback"])
    return fields["value"]


class PageEngine(Engine, Protocol):
    """Pyodide in a worker of a browser."""

    def in_page(self, script: str) -> Any:
        """What an async function body gives in the page that the worker belongs to."""


class NodeEndedError(Exception):
    """Node itself ended while it was asked something: V8 stops at some of its own mistakes."""


class NodeEngine:
    """Pyodide in Node, over a storage in memory.

    A Node that ends is replaced by the next request: what it had in memory is gone, and a test
    that was under way fails with NodeEndedError.

    Args:
        site: The built site.
        prepare: Called with the engine whenever a new Pyodide stands.
    """

    name = "node"

    def __init__(self, site: Path, prepare: Callable[[Engine], object] | None = None) -> None:
        self._site = site
        self._prepare = prepare
        self._begin()

    def _begin(self) -> None:
        node = serve.Node.find()
        self._process = subprocess.Popen(
            [node.command("node"), *NODE_OPTIONS, str(HERE / "node.mjs"), f"{self._site}/"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(self._lines,), daemon=True).start()
        assert self._line() == "ready\n"
        self._lines_noted = node_lines.Lines(self.run)
        self._prepared()

    def _prepared(self) -> None:
        self._lines_noted.begin()
        if self._prepare is not None:
            self._prepare(self)

    def _read(self, lines: queue.Queue[str]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            lines.put(line)
        lines.put("")

    def _line(self) -> str:
        line = self._lines.get(timeout=NODE_SECONDS)
        if not line:
            raise NodeEndedError(f"Node ended with exit code {self._process.wait()}")
        return line

    def _ask(self, line: str) -> str:
        if self._process.poll() is not None:
            self.close()
            self._begin()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it ends just now, which the answer tells
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        return self._line()

    def run(self, source: str, **values: Any) -> Any:
        """Run in the one Pyodide of this process."""
        return outcome(self._ask(request(source, values)))

    def restart(self, *, keep: bool = True) -> None:
        """A new Pyodide; the old one's handles and locks are let go."""
        self._lines_noted.keep()
        self._ask(json.dumps({"restart": True, "keep": keep}))
        self._prepared()

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._lines_noted.keep()
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):  # what a Node that ended has not read
                stream.close()


class WorkerRunner(BrowserWorkerChromeRunner):  # type: ignore[misc]  # pytest-pyodide has no types
    """pytest-pyodide's persistent worker, started from a file that evaluates no JavaScript.

    So the library runs under the content security policy that its users' workers have.
    """

    WORKER_FILE = WORKER
    script_timeout = SCRIPT_SECONDS

    def __init__(self, port: int, home: Path) -> None:
        self._home = home
        super().__init__(server_port=port, load_pyodide=False)

    def get_driver(self, jspi: bool = False) -> Any:
        """The Chromium of the other tests, with a profile of its own; JSPI needs no switch."""
        del jspi
        return chromium_driver(self._home / "profile", self._home)

    def javascript_setup(self) -> None:
        """Nothing: the helpers that pytest-pyodide puts there are evaluated text."""

    def ask(self, request: str) -> str:
        """One round to the worker."""
        script = f"""
            const answer = await self.__workerCall({json.dumps(request)});
            if (!answer.ok) throw new Error(answer.error + answer.stack);
            return answer.result;
        """
        return str(self.run_in_page(script))

    def command(self, method: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol; ``origin`` is added where it is not given."""
        origin = self.driver.execute_script("return location.origin")
        return self.driver.execute_cdp_cmd(method, {"origin": origin, **parameters})

    def run_in_page(self, script: str) -> Any:
        """An async function body in the page instead of the worker."""
        return SeleniumChromeRunner.run_js_inner(self, script, "")


class ChromeEngine:
    """A module worker in Chromium, over its real storage."""

    name = "chrome"

    def __init__(self, port: int) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="sahpool-engine-"))
        self._runner = WorkerRunner(port, self._home)

    def run(self, source: str, **values: Any) -> Any:
        """Run in the worker."""
        return outcome(self._runner.ask(request(source, values)))

    def in_page(self, script: str) -> Any:
        """What an async function body gives in the page that the worker belongs to."""
        return self._runner.run_in_page(script)

    @property
    def process(self) -> int:
        """The process whose children are the browser's."""
        return int(self._runner.driver.service.process.pid)

    def set_quota(self, size: int | None) -> None:
        """The most bytes that the site may keep; None for what the browser gives by itself."""
        limit = {} if size is None else {"quotaSize": size}
        self._runner.command("Storage.overrideQuotaForOrigin", **limit)

    def restart(self, *, keep: bool = True) -> None:
        """Terminate the worker, start another."""
        self.in_page("self.__worker.terminate();")
        if not keep:
            self.in_page(WIPE)
        self._runner.prepare_driver()

    def close(self) -> None:
        """End the browser."""
        self._runner.quit()
        shutil.rmtree(self._home, ignore_errors=True)


class BrowserEngine:
    """A module worker in a browser, over its real storage; the browser is closed with it."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.name = browser.name
        self._url = url
        self._browser = browser
        self._begin()

    def _begin(self) -> None:
        self._browser.open(self._url + PAGE)
        self._browser.evaluate(
            "self.worker = new Worker(args[0], { type: 'module' });", self._url + WORKER
        )

    def run(self, source: str, **values: Any) -> Any:
        """Run in the worker."""
        script = """
            const answer = await new Promise((resolve) => {
              worker.onmessage = ({ data }) => resolve(data);
              worker.onerror = ({ message }) => resolve({ error: message, stack: "" });
              worker.postMessage({ id: 1, code: args[0] });
            });
            if (!answer.ok) throw new Error(answer.error + answer.stack);
            return answer.result;
        """
        return outcome(self._browser.evaluate(script, request(source, values)))

    def in_page(self, script: str) -> Any:
        """What an async function body gives in the page that the worker belongs to."""
        return self._browser.evaluate(script)

    def restart(self, *, keep: bool = True) -> None:
        """Terminate the worker, start another."""
        self._browser.evaluate("worker.terminate();")
        if not keep:
            wait_for("the storage to be wiped", lambda: self._browser.evaluate(WIPE) is None)
        self._begin()

    def close(self) -> None:
        """End the browser."""
        self._browser.close()


class FirefoxEngine(BrowserEngine):
    """The one of the tests that run in each place."""

    def __init__(self, url: str, preferences: Mapping[str, object] | None = None) -> None:
        self._firefox = Firefox(preferences)
        super().__init__(self._firefox, url)

    @property
    def process(self) -> int:
        """The process whose children are the browser's."""
        return self._firefox.process
