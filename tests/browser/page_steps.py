"""Steps of several tests of the console."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browsers import Chromium, wait_for
from tests.conftest import ServedSite

ENDLESS = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"

EDITOR = '[role=textbox][aria-label="SQL"]'

NO_FILES = "delete StorageManager.prototype.getDirectory;\n"
"""In front of worker/boot.mjs: a browser without private file system."""


def press(console: Console, *keys: str) -> None:
    """Press keys in the editor; Control and Shift are held until the end."""
    assert isinstance(console.browser, Chromium)
    console.browser.driver.find_element(By.CSS_SELECTOR, EDITOR).send_keys(*keys)


def opened(console: Console, name: str) -> None:
    """Wait until a database is the open one."""
    wait_for(f"{name} to be open", lambda: console.status() == f"Opened {name}")
    assert console.database() == name


def keys(console: Console, *pressed: str) -> None:
    """Press keys where the focus is."""
    assert isinstance(console.browser, Chromium)
    ActionChains(console.browser.driver).send_keys(*pressed).perform()


def write(console: Console, text: str) -> None:
    """Have a text in the editor, with the cursor at its start."""
    console.type_sql(text)
    press(console, Keys.CONTROL, Keys.HOME)


def inspected(console: Console) -> str:
    """What the inspector shows; "" while it is closed or empty."""
    script = """
        const panel = document.getElementById("inspector");
        const { childElementCount } = document.getElementById("inspector-body");
        return panel.hidden || !childElementCount ? "" : panel.innerText;
    """
    return str(console.js(script))


def make(console: Console, name: str) -> None:
    """Create a database by the switcher's button."""
    console.js("document.getElementById('databases').open = true")
    console.click("New database…")
    console.js("document.querySelector('dialog input').value = args[0]", name)
    console.click("Create")
    opened(console, name)


# Without this flag Chromium reports a quota of usage plus 10 GiB, whatever the disk has left.
TRUE_QUOTA = ("--disable-features=StaticStorageQuota",)


ROWS = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {}) "


INSERT = ROWS + "INSERT INTO t SELECT randomblob(1000) FROM c"  # about a kilobyte a row


def limit(console: Console, size: int) -> None:
    """Set the quota of the origin, in bytes, which Chromium then enforces."""
    assert isinstance(console.browser, Chromium)
    origin = console.url.rstrip("/")
    parameters = {"origin": origin, "quotaSize": size}
    console.browser.driver.execute_cdp_cmd("Storage.overrideQuotaForOrigin", parameters)


def patch(site: ServedSite, folder: Path, path: str, script: str) -> None:
    """Serves a script of the site with ``script`` in front of it."""
    file = folder / path.rpartition("/")[2]
    file.write_text(script + (site.root / path.lstrip("/")).read_text("utf-8"), "utf-8")
    site.extra[path] = file


def hold_up(site: ServedSite, path: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the server answer requests for ``path`` late."""
    find = site.find

    def slowly(asked: str) -> Path | None:
        if asked == path:
            time.sleep(seconds)
        return find(asked)

    monkeypatch.setattr(site, "find", slowly)
