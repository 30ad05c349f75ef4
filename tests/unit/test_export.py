"""A database as a file: whole, and nothing is held any longer than it takes."""

import asyncio
import inspect
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.inputs import MANY

from .fake_host import Client


def test_an_export_is_the_database(client: Client, tmp_path: Path) -> None:
    client.run("CREATE TABLE t AS " + MANY.format(100_000))
    reply = client.ask("export", database=None)
    (data,) = client.parts
    assert (reply["name"], reply["size"]) == ("notes.db", len(data))
    (tmp_path / "copy").write_bytes(data)
    copy = sqlite3.connect(tmp_path / "copy")
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert copy.execute("SELECT count(*), sum(i) FROM t").fetchone() == (100_000, 5_000_050_000)
    copy.close()
    assert client.fail("export", database="none.db")["type"] == "NoDatabase"


@pytest.mark.parametrize("cancelled", [True, False])
def test_an_export_that_is_not_read_to_its_end_is_closed_at_once(
    client: Client, monkeypatch: pytest.MonkeyPatch, cancelled: bool
) -> None:
    monkeypatch.setattr("sahpool_console.session.job.TICK_SECONDS", 0.0)
    if cancelled:
        client.host.loop.on_tick = lambda: client.cancel(client.next_id() - 1)
    source = (bytes(512) for _ in range(9))
    monkeypatch.setattr(client.host.storage, "export_chunks", lambda *_: source)
    kept: list[Iterator[bytes]] = []  # as a traceback or a proxy would keep it

    def blob(chunks: Iterator[bytes]) -> bytes:
        kept.append(chunks)
        return next(chunks)

    monkeypatch.setattr(client.host.loop, "blob", blob)
    reply = asyncio.run(client.send("export"))
    assert reply["ok"] is not cancelled
    assert inspect.getgeneratorstate(source) == inspect.GEN_CLOSED


def test_an_export_gets_a_suffix_that_programs_know(client: Client) -> None:
    client.ask("open", database="my notes")
    client.run("CREATE TABLE t (a)")
    assert client.ask("export")["name"] == "my notes.sqlite"
