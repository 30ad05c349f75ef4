"""A page that is not secure: http, from another host than localhost (w3.org/TR/secure-contexts).

Browsers take ``navigator.storage`` and ``navigator.locks`` away there.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browsers import Browser, Chromium
from tests.conftest import ServedSite
from tests.firefox import Firefox
from tests.matrix import PARAMS
from tests.pyodide.engines import BrowserEngine, Engine

pytestmark = pytest.mark.real

HOST = "not-secure.test"

PLACES = PARAMS


def _browser(name: str) -> Browser:
    """One that looks for this host where the site is."""
    if name == "firefox":
        return Firefox({"network.dns.localDomains": HOST})
    rules = f"MAP {HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    return Chromium([f"--host-resolver-rules={rules}"])


@pytest.fixture(params=PLACES)
def not_secure(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Engine]:
    """A worker of a page that is not secure."""
    engine = BrowserEngine(_browser(request.param), site.url.replace("127.0.0.1", HOST))
    yield engine
    engine.close()


TRY = """
import js
import sahpool
from sahpool.opfs_pool import recognise
from tests.harness.inside_pools import installed_pools

assert not js.isSecureContext
assert not hasattr(js.navigator, "storage") and not hasattr(js.navigator, "locks")
told = {}
for what, call in {
    "find_pools": sahpool.find_pools,
    "install": sahpool.install,
    "install of another name": lambda: sahpool.install("other", directory="a/b", default=True),
    "check_directory": lambda: recognise.check_directory("a"),
}.items():
    try:
        await call()
        told[what] = "nothing is raised"
    except sahpool.UnsupportedError as error:
        told[what] = f"{error} {error.hint}"
    except Exception as error:
        told[what] = repr(error)
assert installed_pools() == {}
told
"""


def test_a_page_that_is_not_secure_is_told_by_every_way_into_the_storage(
    not_secure: Engine,
) -> None:
    told = not_secure.run(TRY)
    assert len(told) == 4
    for what, text in told.items():
        assert "private file system (OPFS)" in text, (what, text)
        assert "https" in text, (what, text)
