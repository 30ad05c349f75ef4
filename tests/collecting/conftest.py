"""The site with Pyodide as it is released, without the repair of worker/build/repairing.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import serve
from tests.conftest import ServedSite, serving
from tests.matrix import PARAMS, engine_in
from tests.pyodide.engines import Engine

SCRIPT = "/pyodide/pyodide.asm.mjs"


@pytest.fixture(scope="session")
def unrepaired(site: ServedSite) -> Iterator[ServedSite]:
    """As other people have it: the library has nobody but itself."""
    with serving(ServedSite(site.root)) as server:
        server.extra[SCRIPT] = serve.ROOT / "node_modules" / "pyodide" / "pyodide.asm.mjs"
        yield server


@pytest.fixture(scope="session", params=PARAMS)
def runtime(request: pytest.FixtureRequest, unrepaired: ServedSite) -> Iterator[Engine]:
    """That Pyodide with the library; not in Node, where nothing can be suspended."""
    engine = engine_in(request.param, unrepaired)
    yield engine
    engine.close()
