"""A client of a service over ordinary files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .fake_host import Client, FakeHost, FakeStorage


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client with an empty database, notes.db, open."""
    folder = tmp_path / "databases"
    folder.mkdir()
    client = Client(FakeHost(FakeStorage(folder)))
    client.ask("open", database="notes.db")
    yield client
    client.service.close()
