"""The site with Pyodide as it is released, without the repair of worker/build/repairing.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import serve
from tests.conftest import ServedSite, serving
from tests.pyodide.engines import ChromeEngine, Engine, FirefoxEngine

SCRIPT = "/pyodide/pyodide.asm.mjs"


@pytest.fixture(scope="session")
def unrepaired(site: ServedSite) -> Iterator[ServedSite]:
    """As other people have it: the library has nobody but itself."""
    with serving(ServedSite(site.root)) as server:
        server.extra[SCRIPT] = serve.ROOT / "node_modules" / "pyodide" / "pyodide.asm.mjs"
        yield server


PLACES = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("chrome", "firefox")]


@pytest.fixture(scope="session", params=PLACES)
def runtime(request: pytest.FixtureRequest, unrepaired: ServedSite) -> Iterator[Engine]:
    """That Pyodide with the library; not in Node, where nothing can be suspended."""
    engine: Engine
    if request.param == "chrome":
        engine = ChromeEngine(unrepaired.port)
    else:
        engine = FirefoxEngine(unrepaired.url)
    yield engine
    engine.close()
