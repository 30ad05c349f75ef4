"""The browsers of the tests: finding, starting, driving and killing them.

``Browser`` is the interface that page objects and engines use; ``Chromium`` implements it with
selenium, ``tests.firefox.Firefox`` with WebDriver BiDi.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

T = TypeVar("T")

CHROMIUM_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
    # Only this machine can be reached, whatever the page or the browser requests.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

SCRIPT_SECONDS = 300

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MARKER = 256_000_000  # bytes: more than any page allocates or frees by itself meanwhile


class BrowserError(Exception):
    """A script in the page threw, or the browser refused a command."""


class Browser(Protocol):
    """A browser with a profile and one or more tabs.

    Methods that act on a page act on that of the current ``tab``.
    """

    name: str
    downloads: Path
    tab: str

    @property
    def process(self) -> int:
        """The id of the process from which the browser's processes descend."""

    def open(self, url: str) -> None:
        """Go to a page and wait for its load event."""

    def reload(self) -> None:
        """Load the page again."""

    def evaluate(self, script: str, *arguments: Any) -> Any:
        """Run an async function body, which sees ``args``, and return its result, JSON as it is.

        Raises:
            BrowserError: The script threw.
        """

    def new_tab(self) -> str:
        """Open another tab, make it the current one, and return its handle."""

    def switch(self, tab: str) -> None:
        """Make another tab the current one."""

    def show(self) -> None:
        """Bring the current tab to the front: a browser need not draw the tabs behind it."""

    def close_tab(self, tab: str) -> None:
        """Close a tab without a question to the person; then no tab is the current one."""

    def before_pages(self, script: str) -> None:
        """Run a script in every page before the page's own, in tabs opened from now on."""

    def choose_files(self, selector: str, *paths: Path) -> None:
        """Choose files in a file input, as a person does in its dialog."""

    def screenshot(self, path: Path) -> None:
        """Write a PNG of what is visible."""

    def requests(self) -> list[str]:
        """The URLs that the page has requested."""

    def problems(self) -> list[str]:
        """Console errors and violations of the content security policy."""

    def restart(self, *, empty_cache: bool = False) -> None:
        """Close the browser and start it again with the same profile.

        With ``empty_cache`` without what its HTTP cache has.
        """

    def renew(self) -> None:
        """Leave one new tab; forget requests, problems, downloads, scripts and permissions."""

    def close(self, keep: Path | None = None) -> None:
        """End the browser, and delete its profile or move it to the new folder ``keep``."""


def find_program(*names: str) -> str | None:
    """Return the path of the first of the programs that is installed; None without any."""
    return next((path for name in names if (path := shutil.which(name))), None)


def wait_for(what: str, ready: Callable[[], T], seconds: float = 30.0) -> T:
    """Call ``ready`` until its result is truthy, and return that.

    Raises:
        AssertionError: It was not truthy after ``seconds``; the message says ``what`` was awaited.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}; at last: {answer!r}")
        time.sleep(0.05)


def empty(folder: Path) -> None:
    """Delete what is in a folder."""
    for path in folder.iterdir():
        path.unlink()


def page_processes(root: int) -> Iterator[Path]:
    """Yield the directories in /proc of the processes below ``root`` that run pages."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {root}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    for folder in (Path("/proc") / str(pid) for pid in found):
        with suppress(OSError):
            command = (folder / "cmdline").read_text().replace("\0", " ").strip()
            if "--type=renderer" in command or command.endswith(" tab"):
                yield folder


def page_process(browser: Browser) -> Path:
    """Return the directory in /proc of the process that runs the current page.

    A page does not know its process: it is the one that grows when the page allocates much memory.
    """

    def sizes() -> dict[Path, int]:
        found = {}
        for folder in page_processes(browser.process):
            with suppress(OSError):  # it has ended meanwhile
                found[folder] = int((folder / "statm").read_text().split()[1]) * PAGE_BYTES
        return found

    before = sizes()
    browser.evaluate("window.marker = new Uint8Array(args[0]).fill(1).buffer; return 0", MARKER)
    after = sizes()
    browser.evaluate("marker.transfer(0); delete window.marker")
    (process,) = (
        folder for folder, size in after.items() if size - before.get(folder, 0) > 0.9 * MARKER
    )
    return process


def pss(process: Path) -> float:
    """Return the memory in MiB (PSS) of a process, by its directory in /proc.

    It contains the process's share of the memory that processes have in common.
    """
    return _rollup(process, "Pss")


def private_memory(process: Path) -> float:
    """Return the memory in MiB that a process has written itself (Pss_Anon).

    Unlike PSS it does not fall when another browser runs and has the same program in memory.
    """
    return _rollup(process, "Pss_Anon")


def _rollup(process: Path, field: str) -> float:
    lines = (process / "smaps_rollup").read_text().splitlines()
    (size,) = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(size) / 1024


def kill_page(browser: Browser, tab: str) -> float:
    """Kill the process of a tab's page, close the tab, and return the time.time() of the kill.

    In Firefox tabs of one site share a few processes, unless it has the preferences
    tests.firefox.OWN_PROCESSES.
    """
    browser.switch(tab)
    os.kill(int(page_process(browser).name), signal.SIGKILL)
    killed = time.time()
    browser.close_tab(tab)
    return killed


def chromium_driver(
    profile: Path, downloads: Path, flags: Sequence[str] = (), without: Sequence[str] = ()
) -> webdriver.Chrome:
    """Start a Chromium, and return its selenium driver; creates a missing profile directory.

    ``flags`` are added to those of every Chromium here; ``without`` names flags of the driver's own
    that are left out.
    """
    # selenium must neither download another driver nor report its use.
    os.environ.update(SE_OFFLINE="true", SE_AVOID_STATS="true")
    options = webdriver.ChromeOptions()
    binary = find_program("chromium", "chromium-browser", "google-chrome")
    driver = find_program("chromedriver")
    if binary is None or driver is None:
        raise BrowserError("Chromium and its driver are not installed.")
    options.binary_location = binary
    for flag in (*CHROMIUM_FLAGS, *flags, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    if without:
        options.add_experimental_option("excludeSwitches", list(without))
    options.add_experimental_option(
        "prefs",
        {
            "download.default_directory": str(downloads),
            "download.prompt_for_download": False,
            # Allow several downloads without a click.
            "profile.default_content_setting_values.automatic_downloads": 1,
        },
    )
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    chrome.set_script_timeout(SCRIPT_SECONDS)
    chrome.set_page_load_timeout(SCRIPT_SECONDS)
    return chrome


class Chromium:
    """Chromium through selenium; the arguments are those of ``chromium_driver``.

    It begins with a copy of ``profile``, if that is given.
    """

    name = "chrome"

    def __init__(
        self,
        flags: Sequence[str] = (),
        without: Sequence[str] = (),
        *,
        profile: Path | None = None,
    ) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="sahpool-chromium-"))
        if profile is not None:
            shutil.copytree(profile, self._home / "profile")
        self.downloads = self._home / "downloads"
        self.downloads.mkdir()
        self._requests: list[str] = []
        self._problems: list[str] = []
        self._options = (flags, without)
        self._scripts: list[str] = []
        self.driver = self._started()

    def _started(self) -> webdriver.Chrome:
        driver = chromium_driver(self._home / "profile", self.downloads, *self._options)
        self.tab = driver.current_window_handle
        return driver

    @property
    def process(self) -> int:
        """The id of the driver's process."""
        return int(self.driver.service.process.pid)

    def open(self, url: str) -> None:
        """Go to a page."""
        self.driver.get(url)

    def reload(self) -> None:
        """Load the page again."""
        self.driver.refresh()

    def evaluate(self, script: str, *arguments: Any) -> Any:
        """Run an async function body in the page, and return its result."""
        ok, value = self.driver.execute_async_script(
            "const [values, done] = [arguments[0], arguments[1]];"
            f"(async (...args) => {{ {script} }})(...values).then("
            "value => done([true, value]), error => done([false, String(error.stack ?? error)]));",
            list(arguments),
        )
        if not ok:
            raise BrowserError(value)
        return value

    def new_tab(self) -> str:
        """Open a tab."""
        self.driver.switch_to.window(self.driver.window_handles[0])  # the current one may be gone
        self.driver.switch_to.new_window("tab")
        self.tab = self.driver.current_window_handle
        for script in self._scripts:
            command = "Page.addScriptToEvaluateOnNewDocument"
            self.driver.execute_cdp_cmd(command, {"source": script})
        return self.tab

    def switch(self, tab: str) -> None:
        """Go to a tab."""
        if tab != self.tab:
            self.driver.switch_to.window(tab)
            self.tab = tab

    def show(self) -> None:
        """Bring the current tab to the front."""
        self.driver.execute_cdp_cmd("Page.bringToFront", {})

    def close_tab(self, tab: str) -> None:
        """Close a tab."""
        self.switch(tab)
        self.driver.close()
        self.tab = ""

    def before_pages(self, script: str) -> None:
        """Add a script that runs before the scripts of each page."""
        self._scripts.append(script)

    def resize(self, width: int, height: int = 800) -> None:
        """Give the page a view of this size, which a window may be too wide for."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def choose_files(self, selector: str, *paths: Path) -> None:
        """Fill a file input."""
        field = self.driver.find_element(By.CSS_SELECTOR, selector)
        field.send_keys("\n".join(str(path.resolve()) for path in paths))

    def screenshot(self, path: Path) -> None:
        """Write a PNG."""
        path.write_bytes(self.driver.get_screenshot_as_png())

    def requests(self) -> list[str]:
        """The requested URLs since the start, from the browser's performance log."""
        for entry in self._log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requests.append(message["params"]["request"]["url"])
        return list(self._requests)

    def problems(self) -> list[str]:
        """The problems since the start, from the browser's console."""
        for entry in self._log("browser"):
            if entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"]:
                self._problems.append(entry["message"])
        return list(self._problems)

    def _log(self, kind: str) -> list[dict[str, Any]]:
        return list(self.driver.get_log(kind))  # type: ignore[no-untyped-call]

    def restart(self, *, empty_cache: bool = False) -> None:
        """Close and start again; keeps the requests and problems so far."""
        self.requests()
        self.problems()
        self.driver.quit()
        if empty_cache:
            for name in ("Cache", "Code Cache"):
                shutil.rmtree(self._home / "profile" / "Default" / name)
        self.driver = self._started()

    def renew(self) -> None:
        """Close all tabs but a new one, and forget what concerns them."""
        before = self.driver.window_handles
        self._scripts.clear()
        self.new_tab()
        kept = self.tab
        for tab in before:
            self.close_tab(tab)
        self.switch(kept)
        self.driver.execute_cdp_cmd("Browser.resetPermissions", {})
        # Chromium would keep the data of a site without a question once it was visited often.
        denied = {"permission": {"name": "persistent-storage"}, "setting": "denied"}
        self.driver.execute_cdp_cmd("Browser.setPermission", denied)
        self.requests()
        self.problems()
        self._requests.clear()
        self._problems.clear()
        empty(self.downloads)

    def close(self, keep: Path | None = None) -> None:
        """End the browser."""
        self.driver.quit()
        if keep is not None:
            shutil.move(self._home / "profile", keep)
        shutil.rmtree(self._home, ignore_errors=True)
