"""A client of a service over ordinary files, and the texts that the build makes of en.toml."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from worker.build import packing

from .fake_host import Client, FakeHost


class Texts(ModuleType):
    """The module messages/en.py of the page."""

    TEXTS = packing.messages()


# Before test modules import the page's.
sys.modules["messages.en"] = Texts("messages.en")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client with an empty database, notes.db, open."""
    folder = tmp_path / "databases"
    folder.mkdir()
    client = Client(FakeHost(folder))
    client.ask("open", database="notes.db")
    yield client
    client.service.close()
