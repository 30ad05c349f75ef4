"""What the service tells of the storage, and of one that is full."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import sahpool
from sahpool_console import protocol
from sahpool_console.session.errors import describe

from .fake_host import Client, FakeHost, FakeStorage, hint_of


def test_the_storage_is_told_as_the_host_has_it(client: Client) -> None:
    client.host.storage.figures = {
        "persisted": True,
        "usage": 5_000_000_000,
        "quota": 60_000_000_000,
    }
    kept = {"name": "3f", "reason": "bad digest", "size": 8192, "offered": "/notes.db"}
    client.host.quarantine.kept_aside = [kept]
    reply = client.ask("storage")
    assert {name: reply[name] for name in ("kind", "persisted", "usage", "quota")} == {
        "kind": "opfs",
        "persisted": True,
        "usage": 5_000_000_000,
        "quota": 60_000_000_000,
    }
    assert reply["quarantined"] == [kept]


def test_a_browser_that_does_not_tell_is_told_in_its_own_words(client: Client) -> None:
    async def fails() -> dict[str, Any]:
        raise OSError("estimate() is switched off")

    client.host.storage.measure = fails  # type: ignore[method-assign]
    error = client.fail("storage")
    assert (error["type"], error["message"]) == ("OSError", "estimate() is switched off")
    assert client.rows("SELECT 1") == [(1,)]


def test_nobody_waits_for_a_browser_that_never_tells(client: Client) -> None:
    async def try_it() -> None:
        never = asyncio.get_running_loop().create_future()

        async def silent() -> dict[str, Any]:
            await never
            return {}

        client.host.storage.measure = silent  # type: ignore[method-assign]
        asked = asyncio.create_task(client.send("storage"))
        await asyncio.sleep(0)
        reply = await asyncio.wait_for(client.send("run", sql="SELECT 1"), 5)
        assert reply["ok"]
        assert not asked.done()
        asked.cancel()

    asyncio.run(try_it())


def test_the_storage_is_told_while_a_statement_runs(client: Client) -> None:
    replies: list[dict[str, Any]] = []
    tasks: set[asyncio.Task[None]] = set()

    async def ask() -> None:
        head = protocol.encode_request(900, "storage")
        replies.append(
            protocol.decode_message((await client.service.handle(client.key, head, []))[0])
        )

    async def import_it() -> dict[str, Any]:
        client.host.loop.on_breathe = lambda: tasks.add(asyncio.create_task(ask()))
        rows = "".join(f"{number},x\n" for number in range(50_000))
        from .fake_host import BytesSource

        source = BytesSource(b"a,b\n" + rows.encode())
        reply = await client.send("import_file", source, name="data.csv")
        assert replies, "answered before the import has ended"
        await asyncio.gather(*tasks)
        return reply

    assert asyncio.run(import_it())["ok"]


class QuotaExceededError(Exception):
    """What the browser throws, as Python sees it."""

    name = "QuotaExceededError"


def full_error(cause: BaseException | None) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    error.sqlite_errorname = "SQLITE_FULL"
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        full_error(QuotaExceededError("no space")),
        QuotaExceededError("no space"),
        sahpool.StorageError("The storage is full.", hint="Make room.", sqlite_code=13),
    ],
    ids=["statement", "browser", "library"],
)
def test_a_full_storage_has_one_name_wherever_it_is_met(error: Exception) -> None:
    told = describe(error)
    assert told["name"] == "SQLITE_FULL"
    assert hint_of(told)


def test_a_full_storage_says_what_is_safe_and_what_to_do() -> None:
    hint = hint_of(describe(full_error(QuotaExceededError("no space"))))
    for word in ("safe", "Export", "delete", "disk space"):
        assert word in hint


def test_other_limits_of_sqlite_are_not_taken_for_a_full_storage(tmp_path: Path) -> None:
    folder = tmp_path / "databases"
    folder.mkdir()
    client = Client(FakeHost(FakeStorage(folder)))
    client.ask("open", database="small.db")
    client.run("PRAGMA max_page_count = 3; CREATE TABLE t (a)")
    error = client.error("INSERT INTO t VALUES (zeroblob(100000))")
    assert error["name"] == "SQLITE_FULL"
    assert "max_page_count" in hint_of(error)
    client.service.close()
