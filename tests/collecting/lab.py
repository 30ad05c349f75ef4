"""Pages whose workers may hang, and be thrown away: whether work ends, and with what."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browsers import Browser, Chromium
from tests.collecting import lab
from tests.conftest import ServedSite
from tests.firefox import Firefox
from tests.pyodide.engines import PAGE, WORKER, outcome, request

KINDS = {"chrome": Chromium, "firefox": Firefox}

DEAD = 30.0
"""Seconds without a word after which a worker is taken for dead."""

# args: the address of the worker, what it is asked for.
BEGIN = """
window.last = performance.now();
window.verdict = null;
const beats = new BroadcastChannel("beats");
beats.onmessage = ({ data }) => { window.last = performance.now(); window.counts = data; };
window.worker = new Worker(args[0], { type: "module" });
worker.onmessage = ({ data }) => (window.verdict = data);
worker.onerror = ({ message }) => (window.verdict = { ok: false, error: message, stack: "" });
worker.postMessage({ id: 1, code: args[1] });
"""

LOOK = """
const { verdict = null, counts = null } = window;
return { verdict, counts, silent: (performance.now() - last) / 1000 };
"""


class DiedError(Exception):
    """The worker says nothing more, or an error that is not Python's."""


@contextmanager
def browser_at(kind: str, url: str) -> Iterator[Browser]:
    """A browser at an empty page of the site."""
    browser: Browser = KINDS[kind]()
    try:
        browser.open(url + PAGE)
        yield browser
    finally:
        browser.close()


def finished(browser: Browser, seconds: float, dead: float = DEAD) -> dict[str, Any]:
    """What the page has (LOOK) once there is a verdict.

    Raises:
        DiedError: Nothing was heard for ``dead`` seconds, or there was no end of it.
    """
    end = time.monotonic() + seconds + 10 * dead
    while True:
        found: dict[str, Any] = browser.evaluate(LOOK)
        if found["verdict"] is not None:
            return found
        if found["silent"] > dead or time.monotonic() > end:
            raise DiedError(f"not a word for {found['silent']:.0f} s; before: {found['counts']}")
        time.sleep(0.5)


def work(
    kind: str, site: ServedSite, seconds: float, *, protected: bool = True, dead: float = DEAD
) -> dict[str, Any]:
    """What ``inside.worked`` gives in a worker of its own; DiedError."""
    source = (Path(__file__).parent / "inside_work.py").read_text(encoding="utf-8")
    call = f"\nawait worked({seconds}, protected={protected})"
    with browser_at(kind, site.url) as browser:
        browser.evaluate(BEGIN, site.url + WORKER, request(source + call, {}))
        verdict = finished(browser, seconds, dead)["verdict"]
        if not verdict["ok"]:
            raise DiedError(verdict["error"] + verdict["stack"])
        counts: dict[str, Any] = outcome(verdict["result"])
        return counts


BROWSERS = [pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in lab.KINDS]
