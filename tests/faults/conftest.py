"""Fixtures of the tests in which the storage fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import ServedSite
from tests.faults.lab import unpack
from tests.pyodide.engines import NodeEngine


@pytest.fixture(scope="session")
def node(site: ServedSite) -> Iterator[NodeEngine]:
    """Pyodide in Node, over a storage in memory that fails on demand."""
    engine = NodeEngine(site.root, unpack)
    yield engine
    engine.close()
