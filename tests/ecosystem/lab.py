"""A worker in a browser that may be busy for many minutes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.browsers import Browser, BrowserError
from tests.pyodide.engines import PAGE, WORKER, outcome, request

INSIDE = (Path(__file__).parent / "inside_suites.py").read_text(encoding="utf-8")

_POLL_SECONDS = 0.5

_START = """
    self.worker = new Worker(args[0], { type: 'module' });
    worker.onmessage = ({ data }) => { self.answer = data; };
    worker.onerror = ({ message }) => { self.answer = { ok: false, error: message, stack: '' }; };
"""


class Lab:
    """Runs Python in a worker of a browser, however long it takes."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.name = browser.name
        self._browser = browser
        self._url = url

    def run_alone(self, source: str, seconds: float, **values: Any) -> Any:
        """The value of the last expression of ``source``, run in a worker of its own.

        Args:
            source: Python; inside_suites.py stands before it.
            seconds: How long it may take.
            **values: Global names.

        Raises:
            RemoteError: What it raised.
            BrowserError: The worker failed, or was not done in time.
        """
        self._browser.open(self._url + PAGE)
        self._browser.evaluate(_START, self._url + WORKER)
        self._browser.evaluate(
            "self.answer = null; worker.postMessage({ id: 1, code: args[0] });",
            request(INSIDE + source, {"base": f"{self._url}ecosystem/", **values}),
        )
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                answer = self._browser.evaluate("return self.answer;")
                if answer is not None:
                    if not answer["ok"]:
                        raise BrowserError(answer["error"] + answer["stack"])
                    return outcome(answer["result"])
                time.sleep(_POLL_SECONDS)
        finally:
            self._browser.evaluate("worker.terminate();")
        raise BrowserError(f"not done in {seconds:g} s")

    def close(self) -> None:
        """End the browser."""
        self._browser.close()
