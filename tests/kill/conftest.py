"""The server that the workers of these tests report to, and the seed of their chance."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ServedSite, serving
from tests.kill.bare import PROCESSES
from tests.kill.desk import Desk


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = pytest.mark.skip(reason="processes are found through proc(5), which is not here")
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not (PROCESSES / "self").exists():
            item.add_marker(missing)


@pytest.fixture
def desk(site: ServedSite, tmp_path: Path) -> Iterator[Desk]:
    with serving(Desk(site.root, tmp_path)) as server:
        yield server


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> str:
    """Another one each time, printed; that of a run before comes back by the variable KILL_SEED.

    The steps are the same then; the moments of the kills depend on the machine as well.
    """
    chosen = os.environ.get("KILL_SEED") or secrets.token_hex(4)
    print(f"{request.node.name}: KILL_SEED={chosen}")
    return chosen
