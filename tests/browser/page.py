"""The site's page in a browser: opening it, its state, and what the browser tells of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser.snapshots import KEY
from tests.browsers import Browser, wait_for

READY_SECONDS = 60.0


class Page:
    """The page, driven through a browser: whether it has started, and what it has requested."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self._sites = {url}

    # Opening

    def open(self, path: str = "", *, wait: bool = True) -> None:
        """Go to the page; ``wait`` until SQL is answered."""
        self._sites.add(self.url)
        self.browser.open(self.url + path)
        if wait:
            self.wait_ready()

    def reload(self, *, wait: bool = True) -> None:
        """Load the page again."""
        self.browser.reload()
        if wait:
            self.wait_ready()

    def restart(self, *, wait: bool = True, empty_cache: bool = False) -> None:
        """Close the browser, start it again with the same profile, go to the page."""
        self.browser.restart(empty_cache=empty_cache)
        self.open(wait=wait)

    def close_browser(self) -> None:
        """End the browser; the fixture does it."""
        self.browser.close()

    def state(self) -> str:
        """``loading``, ``ready`` or ``error``."""
        # Between two documents there is a moment without an element.
        return str(self.js("return document.documentElement?.dataset.state ?? 'loading'"))

    def wait_ready(self) -> None:
        """Wait until SQL is answered.

        Raises:
            AssertionError: The page cannot start; the message is what it says.
        """
        state = wait_for(
            "the page to be ready",
            lambda: self.state() if self.state() != "loading" else "",
            READY_SECONDS,
        )
        assert state == "ready", self.failure()

    def wait_failure(self) -> str:
        """Wait until the page says that it cannot start, and return what it says."""
        wait_for("the page to say it failed", lambda: self.state() == "error", READY_SECONDS)
        return self.failure()

    def failure(self) -> str:
        """The text of the panel that is shown instead of the console, once the page has it."""
        script = "return document.getElementById('failure')?.innerText"
        return str(wait_for("the panel", lambda: self.js(script)))

    def snapshot(self) -> str | None:
        """Return the key of the snapshot of Python's memory (worker/snapshot.mjs), or None."""
        key: str | None = self.js(KEY)
        return key

    def wait_snapshot(self, but: str | None = None) -> str:
        """Wait until there is a snapshot with a key other than ``but``, and return its key."""
        return wait_for(
            "the snapshot", lambda: key if (key := self.snapshot()) not in (None, but) else ""
        )

    def wait_offline(self) -> None:
        """Wait until the badge says that the whole site is kept."""
        wait_for("the badge", lambda: self.js("return !document.getElementById('offline').hidden"))

    # The page and its browser

    def js(self, script: str, *arguments: Any) -> Any:
        """The result of an async function body in the page; ``args`` are its arguments."""
        return self.browser.evaluate(script, *arguments)

    def screenshot(self, path: Path) -> None:
        """Write a PNG of the page."""
        self.browser.screenshot(path)

    def foreign_requests(self) -> list[str]:
        """The requested URLs that are not of the site."""
        own = (*self._sites, "data:", "blob:", "about:", "chrome:", "resource:")
        return [url for url in self.browser.requests() if not url.startswith(own)]

    def errors(self) -> list[str]:
        """Console errors and violations of the content security policy."""
        return self.browser.problems()

    def violations(self) -> list[str]:
        """Violations of the content security policy, as either browser names it."""
        words = ("Content Security Policy", "Content-Security-Policy")
        return [text for text in self.errors() if any(word in text for word in words)]
