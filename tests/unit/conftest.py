"""A client of a service over ordinary files, and the page without a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .fake_host import Client, FakeHost, FakeStorage
from .fake_page import FakePage


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client with an empty database, notes.db, open."""
    folder = tmp_path / "databases"
    folder.mkdir()
    client = Client(FakeHost(FakeStorage(folder)))
    client.ask("open", database="notes.db")
    yield client
    client.service.close()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePage]:
    """The page without a browser; no feature is set up."""
    page = FakePage(monkeypatch)
    yield page
    page.close()
