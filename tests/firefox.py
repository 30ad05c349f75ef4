"""Firefox without geckodriver: WebDriver BiDi over a WebSocket (w3.org/TR/webdriver-bidi)."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from websocket import WebSocket, WebSocketTimeoutException, create_connection

from tests.browsers import SCRIPT_SECONDS, BrowserError, empty, find_program

#: What Firefox reports of a request whose page has left before the service worker answered it: the
#: one of its messages that names no address.
LEFT_BEHIND = (
    "Failed to load ‘’. "
    "A ServiceWorker intercepted the request and encountered an unexpected error.",
)

PREFERENCES = {
    "browser.download.folderList": 2,
    "browser.download.useDownloadDir": True,
    "browser.download.always_ask_before_handling_new_types": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.disabledForTesting": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-off",
}

#: Every tab has a process of its own, so that a test can kill one without the others.
OWN_PROCESSES = {"dom.ipc.processCount": 40, "dom.ipc.processCount.webIsolated": 40}
#: Timers of tabs in the background are as quick as those of the tab in front.
UNTHROTTLED = {
    "dom.min_background_timeout_value": 4,
    "dom.min_background_timeout_value_without_budget_throttling": 4,
    "dom.timeout.enable_budget_timer_throttling": False,
}
#: Clocks have a resolution of less than a millisecond.
PRECISE = {"privacy.reduceTimerPrecision": False}


class Firefox:
    """One Firefox, as a ``tests.browsers.Browser``.

    ``preferences`` are added to those of every Firefox here.
    """

    name = "firefox"
    tab: str

    def __init__(
        self, preferences: Mapping[str, object] | None = None, *, profile: Path | None = None
    ) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="sahpool-firefox-"))
        self.downloads = self._home / "downloads"
        self.downloads.mkdir()
        its = self._home / "profile"
        if profile is None:
            its.mkdir()
        else:
            shutil.copytree(profile, its, ignore=shutil.ignore_patterns("lock"))
        wanted = {**PREFERENCES, **(preferences or {})}
        wanted["browser.download.dir"] = str(self.downloads)
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
            for name, value in wanted.items()
        ]
        (its / "user.js").write_text("".join(lines))
        self.events: list[dict[str, Any]] = []
        self._start()

    def _start(self) -> None:
        program = find_program("firefox-esr", "firefox")
        if program is None:
            raise BrowserError("Firefox is not installed.")
        log = self._home / "stderr"
        profile = str(self._home / "profile")
        command = [program, "--headless", "--no-remote", "--profile", profile]
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                [*command, "--remote-debugging-port", "0"],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        address = _address(self._process, log)
        self._socket: WebSocket = create_connection(
            f"{address}/session", timeout=SCRIPT_SECONDS, suppress_origin=True
        )
        self._last = 0
        self.command("session.new", capabilities={})
        events = ["log.entryAdded", "network.beforeRequestSent"]
        self.command("session.subscribe", events=events)
        self.tab = self.command("browsingContext.getTree")["contexts"][0]["context"]
        self._scripts: list[str] = []
        self._enlarge()

    def _enlarge(self) -> None:
        self.command(
            "browsingContext.setViewport",
            context=self.tab,
            viewport={"width": 1280, "height": 900},
        )

    @property
    def process(self) -> int:
        """The id of Firefox's main process."""
        return self._process.pid

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and return its result; appends events that come first to ``events``."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("type") == "event":
                self.events.append(message)
            elif message.get("id") == self._last:
                if message["type"] == "error":
                    raise BrowserError(f"{method}: {message['message']}")
                return dict(message["result"])

    def open(self, url: str) -> None:
        """Go to a page."""
        self.command("browsingContext.navigate", context=self.tab, url=url, wait="complete")

    def reload(self) -> None:
        """Load the page again."""
        self.command("browsingContext.reload", context=self.tab, wait="complete")

    def evaluate(self, script: str, *arguments: Any) -> Any:
        """Run an async function body in the page; passes arguments and result as JSON text."""
        values = json.dumps(json.dumps(arguments))
        result = self.command(
            "script.evaluate",
            expression=f"(async (...args) => {{ {script} }})(...JSON.parse({values}))"
            ".then(value => JSON.stringify(value ?? null))",
            target={"context": self.tab},
            awaitPromise=True,
        )
        if result["type"] == "exception":
            raise BrowserError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    def new_tab(self) -> str:
        """Open a tab."""
        self.tab = str(self.command("browsingContext.create", type="tab")["context"])
        return self.tab

    def switch(self, tab: str) -> None:
        """Go to a tab."""
        self.tab = tab

    def show(self) -> None:
        """Bring the current tab to the front."""
        self.command("browsingContext.activate", context=self.tab)

    def close_tab(self, tab: str) -> None:
        """Close a tab."""
        self.command("browsingContext.close", context=tab)
        self.tab = ""

    def before_pages(self, script: str) -> None:
        """Add a script that runs before the scripts of each page."""
        body = f"() => {{ {script} }}"
        added = self.command("script.addPreloadScript", functionDeclaration=body)
        self._scripts.append(str(added["script"]))

    def choose_files(self, selector: str, *paths: Path) -> None:
        """Fill a file input."""
        found = self.command(
            "browsingContext.locateNodes",
            context=self.tab,
            locator={"type": "css", "value": selector},
        )
        element = {"sharedId": found["nodes"][0]["sharedId"]}
        files = [str(path.resolve()) for path in paths]
        self.command("input.setFiles", context=self.tab, element=element, files=files)

    def screenshot(self, path: Path) -> None:
        """Write a PNG."""
        shot = self.command("browsingContext.captureScreenshot", context=self.tab)
        path.write_bytes(base64.b64decode(shot["data"]))

    def requests(self) -> list[str]:
        """The requested URLs, from the network events."""
        self.command("session.status")
        sent = [event for event in self.events if event["method"] == "network.beforeRequestSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def problems(self) -> list[str]:
        """The problems, from the log events: Firefox reports policy violations there, too."""
        self.command("session.status")
        texts = [
            str(event["params"]["text"])
            for event in self.events
            if event["method"] == "log.entryAdded" and event["params"]["level"] == "error"
        ]
        return [text for text in texts if text not in LEFT_BEHIND]

    def restart(self, *, empty_cache: bool = False) -> None:
        """Close and start again with the same profile."""
        self._end()
        if empty_cache:
            shutil.rmtree(self._home / "profile" / "cache2")
        self._start()

    def renew(self) -> None:
        """Close all tabs but a new one, and forget what concerns them."""
        before = self.command("browsingContext.getTree", maxDepth=0)["contexts"]
        for script in self._scripts:
            self.command("script.removePreloadScript", script=script)
        self._scripts.clear()
        kept = self.new_tab()
        for context in before:
            self.close_tab(context["context"])
        self.switch(kept)
        self._enlarge()
        self.command("session.status")
        self.events.clear()
        empty(self.downloads)

    def close(self, keep: Path | None = None) -> None:
        """End Firefox."""
        self._end()
        if keep is not None:
            shutil.move(self._home / "profile", keep)
        shutil.rmtree(self._home, ignore_errors=True)

    def _end(self) -> None:
        try:
            self.command("browser.close")
        except (BrowserError, OSError, WebSocketTimeoutException):
            self._process.terminate()
        self._socket.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return the address of Firefox's WebSocket, which its log names once it listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        said = log.read_text(errors="replace")
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", said):
            return found.group(1)
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise BrowserError(f"Firefox did not start: {log.read_text(errors='replace')[-2000:]}")
