"""The documentation site: the console links to it, and its search works under a strict policy."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

import serve
from tests.browser.console_page import Console
from tests.browser.hosts import bare_host
from tests.browsers import Browser, wait_for
from tests.conftest import ServedSite, serving
from tests.matrix import PARAMS, started

LINK = "return document.querySelector('dialog[open] .facts a')?.href"
HEADING = "return document.querySelector('article h1')?.textContent"
SEARCH = """
document.getElementById("__search").click();
const field = document.querySelector("input[name=query]");
field.focus();
field.value = args[0];
field.dispatchEvent(new KeyboardEvent("keyup", { bubbles: true }));
"""
FOUND = "return [...document.querySelectorAll('.md-search-result__link')].map((link) => link.href)"
DARK = "return getComputedStyle(document.body).backgroundColor"
SWITCH = """
for (const label of document.querySelectorAll("form[data-md-component=palette] label"))
  if (!label.hidden) { label.click(); break; }
"""
FOLLOW = "document.querySelector(`nav.md-nav--primary a[href='${args[0]}']`).click()"


@pytest.fixture(params=PARAMS)
def browser(request: pytest.FixtureRequest) -> Browser:
    return started(request.param)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a host, with a build of the site in a folder below it."""
    host = tmp_path_factory.mktemp("host")
    serve.build(host / "below" / "here")
    return host


def read_and_search(console: Console, address: str) -> None:
    """Opens the documentation, goes to another page of it, searches, and opens what was found."""
    console.browser.open(address)
    wait_for("the first page", lambda: console.js(HEADING) == "Documentation¶")
    console.js(FOLLOW, "limits.html")
    wait_for("another page", lambda: str(console.js(HEADING)).startswith("Limits"))
    console.js(SEARCH, "quarantine")
    found = wait_for("what was found", lambda: console.js(FOUND))
    own = urlsplit(address)
    for link in found:
        assert urlsplit(link).netloc == own.netloc
        assert urlsplit(link).path.startswith(own.path.rpartition("/")[0])
    console.browser.open(found[0])
    wait_for("what was found, as a page", lambda: "uarantin" in str(console.js(TEXT)))
    console.js("localStorage.clear()")
    bright = console.js(DARK)
    console.js(SWITCH)
    other = wait_for("other colours", lambda: (now := console.js(DARK)) != bright and now)
    console.browser.reload()
    wait_for("the same colours again", lambda: console.js(DARK) == other)
    assert console.foreign_requests() == []
    assert console.errors() == []


TEXT = "return document.querySelector('article')?.textContent"


def test_the_documentation_is_found_from_the_console_and_not_loaded_by_it(
    request: pytest.FixtureRequest, browser: Browser, built: Path
) -> None:
    place = ServedSite(built / "below" / "here")
    place.offline = True
    with serving(place):
        console = Console(browser, place.url)
        request.addfinalizer(console.close_browser)
        console.open()
        console.wait_offline()
        assert [path for path in place.requests if path.startswith("/docs/")] == []
        console.js("document.getElementById('engine').click()")
        address = wait_for("the link", lambda: console.js(LINK))
        assert address == f"{place.url}docs/index.html"
        read_and_search(console, address)


def test_the_documentation_works_below_any_path_of_a_host_that_only_sends_files(
    request: pytest.FixtureRequest, browser: Browser, built: Path
) -> None:
    with bare_host(built) as host:
        console = Console(browser, host)
        request.addfinalizer(console.close_browser)
        read_and_search(console, f"{host}below/here/docs/index.html")


def test_a_site_without_documentation_has_no_link_to_it(console: Console) -> None:
    console.open()
    console.js("document.getElementById('engine').click()")
    wait_for("the dialog", lambda: console.js("return document.querySelector('dialog .facts')"))
    assert console.js(LINK) is None
