"""The browsers' own storage: its quota, and handles whose calls fail.

What was found at a quota of a few megabytes (``atQuota`` in handles.mjs asks each call):

- Chromium 156 throws QuotaExceededError from ``write`` and ``truncate`` when the file would grow,
  even by a byte; nothing of the write is kept. It takes room ahead: a handle that grows asks for
  twice the size of its file, so that under 4 MiB a file ends at 2 MiB; what was not used is free
  again once the handle is closed. What does not lengthen the file works: overwriting, ``flush``,
  shortening, making an empty file.
- Firefox 153 throws nothing from ``write``: it answers 0, and keeps nothing of a write across the
  end. ``truncate`` to more throws, by the name of NS_ERROR_FILE_NO_DEVICE_SPACE. It counts what is
  in the files.

The quota: in Chromium by the DevTools protocol, while the site is open; in Firefox by a preference,
for the whole profile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ServedSite
from tests.faults.lab import BROWSERS, run, unpack
from tests.matrix import PARAMS
from tests.proofs import Proofs
from tests.pyodide.engines import ChromeEngine, FirefoxEngine

QUOTA = 8 << 20  # bytes

BrowserEngine = ChromeEngine | FirefoxEngine


@pytest.fixture(scope="module", params=PARAMS)
def browser(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[BrowserEngine]:
    """A worker in a browser whose site may keep little."""
    site.extra["/tests/handles.mjs"] = Path(__file__).parent / "handles.mjs"
    engine: BrowserEngine
    if request.param == "chrome":
        engine = ChromeEngine(site.port)
        engine.set_quota(QUOTA)
    else:
        limit = {"dom.quotaManager.temporaryStorage.fixedLimit": QUOTA // 1024}
        engine = FirefoxEngine(site.url, limit)
    unpack(engine, BROWSERS)
    yield engine
    engine.close()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_full_storage_of_a_browser_costs_the_statement_and_nothing_else(
    browser: BrowserEngine, proof: Proofs, mode: str
) -> None:
    """Rows until there is no room; a transaction, two imports, an export; then room is made."""
    rows = run(browser, "await fill(MODE)", mode)
    if mode == "WAL":  # another worker starts while there is no room
        browser.restart()
        unpack(browser, BROWSERS)
    assert run(browser, "await open_when_full(MODE)", mode) == rows
    proof("quota", f"{browser.name}, {mode}", rows_until_it_was_full=rows, lost=0)
    run(browser, "await wipe(MODE)", mode)


def test_a_browser_at_its_quota_does_what_this_file_says(browser: BrowserEngine) -> None:
    """What the library relies on: no room is an exception of these names, or a short count."""
    answers = {call: said for call, said, _ in json.loads(run(browser, "await at_quota()", "WAL"))}
    quota = "QuotaExceededError" if browser.name == "chrome" else 0
    for call in ("write across the end", "append one byte", "append a megabyte"):
        assert answers[call] == quota, answers
    lengthen = "QuotaExceededError" if quota else "NS_ERROR_FILE_NO_DEVICE_SPACE"
    assert answers["lengthen"] == lengthen, answers
    for call in ("overwrite the first page", "overwrite the last page", "append a page"):
        assert answers[call] == 4096, answers
    assert answers["flush"] is answers["shorten"] is None, answers


def fail(browser: BrowserEngine, proof: Proofs, mode: str, share: int) -> None:
    run(browser, "await wipe(MODE)", mode)
    found = run(browser, f"await fail(MODE, {share})", mode)
    proof("errors", f"{browser.name}, real handles", faults=found["faults"], wrong=0)
    assert found["faults"] > 80 // share
    run(browser, "await wipe(MODE)", mode)


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_handle_of_a_browser_that_fails_costs_no_row(
    browser: BrowserEngine, proof: Proofs, mode: str
) -> None:
    """A slice of the test below."""
    fail(browser, proof, mode, 9)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["WAL", "DELETE", "TRUNCATE", "PERSIST"])
def test_every_call_of_a_browser_s_handles_that_fails_costs_no_row(
    browser: BrowserEngine, proof: Proofs, mode: str
) -> None:
    fail(browser, proof, mode, 1)
