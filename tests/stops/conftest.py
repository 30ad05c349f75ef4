"""Fixtures of the tests in which exceptions and signals stop Python."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import ServedSite
from tests.stops.lab import Strikes


@pytest.fixture(scope="session")
def strikes(site: ServedSite) -> Iterator[Strikes]:
    """Pyodide in Node, in which exceptions strike (inside_strikes.py)."""
    found = Strikes(site.root)
    yield found
    found.close()
