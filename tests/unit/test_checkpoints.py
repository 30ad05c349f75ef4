"""What takes long does not carry over what it has written, and then has it done as ever again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sahpool_console.session import job
from sahpool_console.session.sql import connection

from .fake_host import Client, FakeHost, FakeStorage

FILLED = """
INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
  SELECT i FROM n
"""


class Watch:
    """A tab whose statements all take long, and whether checkpoints were put off meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.host = FakeHost(FakeStorage(folder))
        self.tab = Client(self.host)
        self.tab.ask("open", database="notes.db")
        self.tab.run("CREATE TABLE t (a)")
        self.seen: set[bool] = set()
        self.host.loop.on_tick = lambda: self.seen.add(bool(self.host.engine.put_off))

    def run(self, sql: str) -> set[bool]:
        """What was seen during a script; it goes well."""
        self.seen.clear()
        assert all(outcome["error"] is None for outcome in self.tab.run(sql))
        return set(self.seen)

    @property
    def are_put_off(self) -> bool:
        return bool(self.host.engine.put_off)


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    folder = tmp_path / "databases"
    folder.mkdir()
    monkeypatch.setattr(job, "TICK_SECONDS", 0.0)
    yield (made := Watch(folder))
    made.tab.service.close()


def test_checkpoints_are_postponed_while_a_statement_takes_long_and_no_longer(watch: Watch) -> None:
    assert watch.run(FILLED) == {True}
    assert not watch.are_put_off


def test_a_short_statement_is_checkpointed_as_ever(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "TICK_SECONDS", 60.0)
    assert watch.run(FILLED) == set()
    assert not watch.are_put_off


def test_checkpoints_stay_postponed_until_the_transaction_ends(watch: Watch) -> None:
    watch.run("BEGIN")
    watch.run(FILLED)
    assert watch.are_put_off, "the COMMIT is still to come"
    watch.run("COMMIT")
    assert not watch.are_put_off


def test_after_a_cancelled_statement_checkpoints_are_as_before(watch: Watch) -> None:
    watch.host.loop.on_tick = lambda: watch.tab.cancel(watch.tab.next_id() - 1)
    assert watch.tab.error(FILLED)["type"] == "Cancelled"
    assert not watch.are_put_off


def test_a_pragma_tells_what_the_user_has_set(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.run("BEGIN")
    watch.run(FILLED)
    monkeypatch.setattr(job, "TICK_SECONDS", 60.0)
    watch.run("PRAGMA wal_autocheckpoint")
    assert not watch.are_put_off


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("PRAGMA synchronous=OFF", "PRAGMA synchronous=FULL"),
        ("ATTACH ':memory:' AS other", "PRAGMA synchronous=FULL; DETACH other"),
    ],
)
def test_checkpoints_are_not_postponed_where_nobody_would_empty_the_wal_later(
    watch: Watch, before: str, after: str
) -> None:
    watch.run(before)
    assert watch.run(FILLED) == {False}
    watch.run(after)
    assert watch.run(FILLED) == {True}


def test_a_wal_does_not_grow_for_as_long_as_work_goes_on(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watch.run(FILLED) == {True}
    monkeypatch.setattr(connection, "LONG_WAL", 0)
    monkeypatch.setattr(connection, "LONG_SHARE", 0)
    assert watch.run(FILLED) == {False}


def test_the_size_of_a_database_is_what_it_holds_wherever_that_lies(watch: Watch) -> None:
    watch.tab.run("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA page_size=4096")
    before = watch.host.storage.size("notes.db")
    watch.run(FILLED)
    assert watch.host.storage.size("notes.db") == before
    listed = {each["name"]: each["size"] for each in watch.tab.ask("databases")["databases"]}
    assert listed["notes.db"] == watch.tab.ask("schema")["size"] > before + 100_000


def test_a_transaction_that_has_spoilt_the_schema_can_be_rolled_back(watch: Watch) -> None:
    watch.run("BEGIN; INSERT INTO t VALUES (1); PRAGMA writable_schema=ON")
    watch.run("UPDATE sqlite_schema SET sql='garbage'; PRAGMA writable_schema=RESET")
    assert watch.tab.error("SELECT * FROM t")["message"].startswith("malformed database schema")
    watch.run("ROLLBACK")
    assert watch.run(FILLED) == {True}


def test_a_database_that_is_closed_meanwhile_is_no_error(watch: Watch) -> None:
    watch.run(FILLED)
    watch.tab.ask("open", database="other.db")
    watch.run("CREATE TABLE t (a)")
    assert watch.run(FILLED) == {True}
    assert not watch.are_put_off
