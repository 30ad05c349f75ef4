"""One browser for many tests, each of which begins with what the profile kept at first.

After a test its tabs are closed, and what the site's pages keep is cleared: files, databases,
settings, cookies, caches, service workers, but those that were there at first (the snapshot of
Python's memory is such a file). If anything then differs from what was there when the browser was
new, it is closed, and the next test gets another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from selenium.common.exceptions import WebDriverException
from websocket import WebSocketException

from tests.browsers import Browser, BrowserError

MOST_TESTS = 1
"""Tests that have one browser. More would save starts, but a tab that is opened later does not
always have the focus, which keys and the clipboard need."""

#: A page of the origin that runs nothing.
PLAIN = "module_test.html"

CLEAR = """
const [filesThere, cachesThere, workersThere] = args;
for (let tries = 0; (await navigator.locks.query()).held.length; tries++) {
  if (tries > 200) throw new Error("A closed tab still holds a lock.");
  await new Promise((resolve) => setTimeout(resolve, 50));
}
localStorage.clear();
sessionStorage.clear();
for (const cookie of document.cookie.split("; ")) document.cookie = `${cookie}; max-age=0`;
for (const { name } of await indexedDB.databases()) {
  await new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = resolve;
    request.onerror = request.onblocked = reject;
  });
}
for (const name of await caches.keys()) {
  if (!cachesThere.includes(name)) await caches.delete(name);
}
for (const worker of await navigator.serviceWorker.getRegistrations()) {
  if (!workersThere.includes(worker.scope)) await worker.unregister();
}
const root = await navigator.storage.getDirectory();
for await (const name of root.keys()) {
  if (filesThere.includes(name)) continue;
  for (let tries = 0; ; tries++) {
    try { await root.removeEntry(name, { recursive: true }); break; }
    catch (error) {
      // The handles of a closed tab are let go a little later.
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
"""

#: Everything that a page of the site finds again after a visit.
KEPT = """
const files = [];
for await (const [name, handle] of (await navigator.storage.getDirectory()).entries()) {
  const file = handle.kind === "file" ? await handle.getFile() : null;
  files.push([name, file?.size, file?.lastModified]);
}
const cached = [];
for (const name of await caches.keys()) {
  const cache = await caches.open(name);
  for (const request of await cache.keys()) {
    const response = await cache.match(request);
    const { size } = await response.clone().blob();
    cached.push([name, request.url, size, [...response.headers]]);
  }
}
const workers = (await navigator.serviceWorker.getRegistrations()).map((each) => [
  each.scope, each.installing?.scriptURL, each.waiting?.scriptURL, each.active?.scriptURL,
]);
return {
  files, cached, workers,
  databases: await indexedDB.databases(),
  settings: [{ ...localStorage }, { ...sessionStorage }, document.cookie],
  persisted: await navigator.storage.persisted(),
  held: (await navigator.locks.query()).held,
  size: [innerWidth, innerHeight],
};
"""


def clear(browser: Browser, kept: Mapping[str, Any]) -> None:
    """Clears what pages of the open origin keep, but the files, caches and workers of ``kept``."""
    names = [[each[0] for each in kept[kind]] for kind in ("files", "cached", "workers")]
    browser.evaluate(CLEAR, *names)


class SharedBrowser:
    """A browser for one test after another.

    Args:
        start: Starts it.
        url: The address of the site.
    """

    def __init__(self, start: Callable[[], Browser], url: str) -> None:
        self._start = start
        self._url = url
        self._browser: Browser | None = None
        self._first: dict[str, Any] = {}
        self._taken = 0

    def take(self) -> Browser:
        """The browser, which has one tab and keeps nothing of the tests before."""
        if self._browser is None:
            self._browser = self._start()
            if MOST_TESTS > 1:
                self._browser.open(self._url + PLAIN)
                self._first = dict(self._browser.evaluate(KEPT))
        return self._browser

    def give_back(self, *, failed: bool = False) -> None:
        """Clears what the test has left; ends the browser if that fails, or the test has.

        It ends, too, once MOST_TESTS had it.
        """
        self._taken += 1
        if failed or self._taken >= MOST_TESTS or not self._cleared():
            self.end()

    def end(self) -> None:
        """Closes the browser."""
        if self._browser is not None:
            self._browser.close()
            self._browser = None
            self._taken = 0

    def _cleared(self) -> bool:
        assert self._browser is not None
        try:
            self._browser.renew()
            self._browser.open(self._url + PLAIN)
            clear(self._browser, self._first)
            return bool(self._browser.evaluate(KEPT) == self._first)
        except (BrowserError, WebDriverException, WebSocketException, OSError):
            return False
