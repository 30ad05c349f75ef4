"""Fixtures of the tests that let sahpool and another program use one storage."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

import serve
from tests.conftest import serving
from tests.interchange.lab import InterchangeSite, Lab
from tests.matrix import PARAMS

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def interchange_site() -> Iterator[InterchangeSite]:
    """The site with the other programs beside it."""
    with serving(InterchangeSite(serve.assemble())) as server:
        yield server


@pytest.fixture(scope="session", params=PARAMS)
def lab(request: pytest.FixtureRequest, interchange_site: InterchangeSite) -> Iterator[Lab]:
    """Each browser in turn."""
    lab = Lab(request.param, interchange_site)
    yield lab
    lab.close()


@pytest.fixture
def directory() -> str:
    """A directory that no other test uses."""
    return f"interchange-{next(_numbers)}"
