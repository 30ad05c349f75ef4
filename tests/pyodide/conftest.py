"""Fixtures of the tests that run inside Pyodide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import ServedSite
from tests.matrix import PARAMS, engine_in
from tests.pyodide.engines import Engine, NodeEngine

ENGINES = [pytest.param("node", marks=pytest.mark.node), *PARAMS]


@pytest.fixture(scope="session", params=ENGINES)
def runtime(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Engine]:
    """Pyodide with the library, in Node and in each browser in turn."""
    engine: Engine
    if request.param == "node":
        engine = NodeEngine(site.root)
    else:
        engine = engine_in(request.param, site)
    yield engine
    engine.close()
