"""Fixtures of the crash tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import ServedSite
from tests.crash.laboratory import Laboratory


@pytest.fixture(scope="package")
def laboratory(site: ServedSite) -> Iterator[Laboratory]:
    """One Pyodide for all experiments."""
    laboratory = Laboratory(site.root)
    yield laboratory
    laboratory.close()
