"""Several tabs on one service: what is one's own, who waits for whom, who is told of what."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from sahpool_console import protocol
from sahpool_console.session import service
from sahpool_console.session.service import Service

from .fake_host import (
    BytesSource,
    Client,
    FakeEngine,
    FakeHost,
    FakeStorage,
    hint_of,
    make_database,
)

Told = dict[str, Any]

COUNTED = (
    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n"
)

ENDLESS = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


class WalStorage(FakeStorage):
    """The files are in WAL mode."""

    journal_mode = "WAL"

    def connect(self, name: str) -> sqlite3.Connection:
        con = super().connect(name)
        con.execute(f"PRAGMA journal_mode = {self.journal_mode}")
        return con

    def databases(self) -> list[tuple[str, int]]:
        return [(name, size) for name, size in super().databases() if not name.endswith("-shm")]


class StrictEngine(FakeEngine):
    """Connections hold as much as SQLite says."""

    def transaction_state(self, con: sqlite3.Connection) -> str:
        if not con.in_transaction:
            return "none"
        # CPython has no sqlite3_txn_state: whoever could begin to write has no writer beside it.
        path = con.execute("PRAGMA database_list").fetchone()[2].decode()
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return "write"
        finally:
            other.close()
        return "read"


@pytest.fixture
def tabs(tmp_path: Path) -> Iterator[list[Client]]:
    """Three tabs, numbered from 1, in one database with a table."""
    folder = tmp_path / "databases"
    folder.mkdir()
    host = FakeHost(WalStorage(folder), StrictEngine())
    one = Client(host)
    others = [Client(host, one.service, key) for key in ("two", "three")]
    for number, tab in enumerate([one, *others], start=1):
        tab.ask("hello", protocol=protocol.PROTOCOL, tab=number)
        tab.ask("open", database="notes.db")
    one.run("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    yield [one, *others]
    one.service.close()


def error_of(reply: Told) -> Told:
    """The error of a run's last outcome."""
    error: Told = reply["outcomes"][-1]["error"]
    return error


async def soon(ready: Callable[[], object]) -> None:
    """Returns once something is the case, which must be soon."""
    for _ in range(500):
        if ready():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never was so")


def told(tab: Client, event: str) -> list[Told]:
    """The events of that name that a tab was told."""
    return [each for each in tab.events if each["event"] == event]


def after_wait(
    tab: Client, request: Coroutine[Any, Any, Told], end: Coroutine[Any, Any, object]
) -> Told:
    """The reply to a request of a tab's that waits for another one, until ``end`` is done."""

    async def both() -> Told:
        waiting = asyncio.create_task(request)
        await soon(lambda: told(tab, "waiting"))
        assert not waiting.done()
        await end
        return await asyncio.wait_for(waiting, 5)

    return asyncio.run(both())


def at_once(*work: Awaitable[Any]) -> list[Any]:
    """What each of several gives that are done at the same time."""

    async def all_of_it() -> list[Any]:
        return await asyncio.gather(*work)

    return asyncio.run(all_of_it())


class TestWhatIsOnesOwn:
    def test_a_tab_sees_of_another_what_is_committed_only(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        one.run("BEGIN; UPDATE t SET a = 2")
        assert two.rows("SELECT a FROM t") == [(1,)]
        one.run("COMMIT")
        assert two.rows("SELECT a FROM t") == [(2,)]

    def test_temporary_tables_and_pragmas_are_each_ones_own(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        one.run("CREATE TEMP TABLE mine (a); PRAGMA foreign_keys = ON")
        assert two.error("SELECT * FROM mine")["message"] == "no such table: mine"
        assert two.rows("PRAGMA foreign_keys") == [(0,)]

    def test_a_result_of_one_is_not_closed_by_another(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        cursor = one.ask("run", sql=COUNTED.format(100), rows=10)["outcomes"][0]["cursor"]
        two.run("INSERT INTO t VALUES (5)")
        assert one.ask("fetch", cursor=cursor, rows=200)["cursor"] is None

    def test_the_same_number_may_be_under_way_in_two_tabs(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        replies = at_once(one.send("run", sql="SELECT 1"), two.send("run", sql="SELECT 1"))
        assert [reply["ok"] for reply in replies] == [True, True]


class TestLocks:
    def test_a_write_waits_for_the_other_tab_and_then_is_done(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        one.run("BEGIN; UPDATE t SET a = a + 1")

        async def both() -> Told:
            waiting = asyncio.create_task(two.send("run", sql="UPDATE t SET a = a + 10"))
            await soon(lambda: told(two, "waiting"))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            await one.send("run", sql="COMMIT")
            return await waiting

        assert error_of(asyncio.run(both())) is None
        assert [event["tab"] for event in told(two, "waiting")] == [1]
        assert one.rows("SELECT a FROM t") == [(12,)]

    def test_after_a_while_the_message_says_which_tab_holds_the_lock(
        self, tabs: list[Client]
    ) -> None:
        one, two, _ = tabs
        one.run("BEGIN IMMEDIATE")
        error = two.run("PRAGMA busy_timeout = 300; UPDATE t SET a = 0")[-1]["error"]
        two_again = two.ask("run", sql="UPDATE t SET a = 0")["outcomes"][0]["error"]
        for each in (error, two_again):
            assert each["name"] == "SQLITE_BUSY"
            assert "Tab 1 holds the lock" in hint_of(each)

    def test_what_is_done_before_a_wait_is_answered_first(self, tabs: list[Client]) -> None:
        # What waits can be sent to another worker as if it were new: it has done nothing.
        one, two, _ = tabs
        one.run("BEGIN IMMEDIATE")
        reply = two.ask("run", sql="SELECT 1; SELECT 2; UPDATE t SET a = 0")
        assert len(reply["outcomes"]) == 2
        assert reply["next"] == len("SELECT 1; SELECT 2; ")

    def test_what_has_waited_goes_on_when_its_tab_knows(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        one.run("BEGIN IMMEDIATE")
        proceeding: list[int] = []
        two.on_free = proceeding.append

        async def both() -> Told:
            waiting = asyncio.create_task(two.send("run", sql="UPDATE t SET a = 7"))
            await soon(lambda: told(two, "waiting"))
            await one.send("run", sql="COMMIT")
            await soon(lambda: proceeding)
            await asyncio.sleep(0.3)
            assert not waiting.done()
            assert one.session.open_connection.query("SELECT a FROM t") == [(1,)]
            await two.send("proceed", target=proceeding[0])
            return await waiting

        assert error_of(asyncio.run(both())) is None

    def test_nobody_waits_for_a_tab_that_is_not_in_the_way(self, tabs: list[Client]) -> None:
        one, two, three = tabs
        three.ask("open", database="other.db")
        three.run("CREATE TABLE o (a); BEGIN IMMEDIATE")
        one.run("BEGIN IMMEDIATE")
        update = two.send("run", sql="UPDATE t SET a = 8")
        reply = after_wait(two, update, one.send("run", sql="COMMIT"))
        assert error_of(reply) is None
        assert {event["tab"] for event in told(two, "waiting")} == {1}

    def test_a_tab_that_opens_a_locked_database_waits_for_it(self, tabs: list[Client]) -> None:
        one, two, three = tabs
        for tab in (two, three):
            tab.session.close()
        one.host.storage.journal_mode = "DELETE"  # type: ignore[attr-defined]
        one.run("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE")
        opening = two.send("open", database="notes.db")
        reply = after_wait(two, opening, one.send("run", sql="COMMIT"))
        assert reply["database"] == "notes.db"

    def test_a_tab_that_waits_can_cancel(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        one.run("BEGIN IMMEDIATE")
        update = two.send("run", sql="UPDATE t SET a = 0")
        reply = after_wait(two, update, two.send("cancel", target=two.next_id()))
        assert error_of(reply)["type"] == "Cancelled"

    def test_two_that_wait_for_each_other_are_told_at_once(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        tabs[2].session.close()
        two.session.close()
        one.host.storage.journal_mode = "DELETE"  # type: ignore[attr-defined]
        one.run("PRAGMA journal_mode = DELETE")
        two.ask("open", database="notes.db")
        two.run("BEGIN; SELECT a FROM t")
        one.run("BEGIN; UPDATE t SET a = 5")

        async def both() -> list[Told]:
            commit = asyncio.create_task(one.send("run", sql="COMMIT"))
            await soon(lambda: told(one, "waiting"))
            upgrade = await two.send("run", sql="UPDATE t SET a = 6")
            await two.send("run", sql="ROLLBACK")
            return [await commit, upgrade]

        commit, upgrade = asyncio.run(both())
        assert "waits for this tab" in hint_of(error_of(upgrade))
        assert error_of(commit) is None

    def test_an_old_snapshot_is_told_at_once_for_no_waiting_helps(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        one.run("BEGIN; SELECT a FROM t")
        two.run("UPDATE t SET a = 3")
        error = one.error("UPDATE t SET a = 4")
        assert error["name"] == "SQLITE_BUSY_SNAPSHOT"

    def test_an_import_waits_for_a_tab_that_writes(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        one.run("BEGIN IMMEDIATE")
        source = BytesSource(b"a,b\n1,2\n", "more.csv")
        importing = two.send("import_file", source, name="more.csv")
        reply = after_wait(two, importing, one.send("run", sql="COMMIT"))
        assert reply["rows"] == 1


class TestTabsThatGo:
    def test_the_transaction_of_a_tab_that_goes_is_rolled_back(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        two.run("BEGIN; UPDATE t SET a = 9")
        asyncio.run(one.service.leave("two"))
        assert one.rows("SELECT a FROM t") == [(1,)]
        one.run("UPDATE t SET a = 10")
        assert told(one, "tabs")[-1]["numbers"] == [1, 3]

    def test_a_tab_that_waits_for_one_that_goes_goes_on(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        two.run("BEGIN; UPDATE t SET a = 9")
        update = one.send("run", sql="UPDATE t SET a = a + 1")
        reply = after_wait(one, update, one.service.leave("two"))
        assert error_of(reply) is None
        assert one.rows("SELECT a FROM t") == [(2,)]

    def test_what_a_tab_runs_when_it_goes_is_stopped(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        leaving: list[asyncio.Task[None]] = []

        async def both() -> Told:
            loop = asyncio.get_running_loop()

            def leave() -> None:
                if not leaving:
                    leaving.append(loop.create_task(one.service.leave("two")))
                    # The event loop has its turn here, where Python can be suspended.
                    two.session.cancel(two.next_id() - 1)

            one.host.loop.on_tick = leave
            reply = await two.send("run", sql=ENDLESS)
            await asyncio.gather(*leaving)
            return reply

        assert error_of(asyncio.run(both()))["type"] == "Cancelled"
        assert not one.service.knows("two")


class TestChanges:
    def test_a_commit_is_told_to_the_other_tabs_of_the_database(self, tabs: list[Client]) -> None:
        one, two, three = tabs
        three.ask("open", database="other.db")
        for tab in tabs:
            tab.ask("schema")
            tab.events.clear()
        one.run("INSERT INTO t VALUES (2)")
        assert [told(tab, "changed") for tab in (one, three)] == [[], []]
        assert [event["schema"] for event in told(two, "changed")] == [False]
        one.run("CREATE TABLE u (a)")
        assert [event["schema"] for event in told(two, "changed")] == [False, True]
        assert [table["name"] for table in two.ask("schema")["schema"]] == ["t", "u"]

    def test_what_is_not_committed_is_told_when_it_is(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        two.events.clear()
        one.run("BEGIN; INSERT INTO t VALUES (2)")
        assert told(two, "changed") == []
        one.run("COMMIT")
        assert len(told(two, "changed")) == 1
        one.run("BEGIN; INSERT INTO t VALUES (2); ROLLBACK; SELECT * FROM t")
        assert len(told(two, "changed")) == 1

    def test_a_tab_in_a_transaction_is_told_after_it(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        two.run("BEGIN; SELECT * FROM t")
        two.events.clear()
        one.run("INSERT INTO t VALUES (2)")
        assert told(two, "changed") == []
        two.run("COMMIT")
        assert len(told(two, "changed")) == 1

    def test_other_tabs_are_told_of_an_imported_table(self, tabs: list[Client]) -> None:
        one, two, _ = tabs
        two.events.clear()
        one.load("a,b\n1,2\n")
        assert [event["schema"] for event in told(two, "changed")] == [True]


class TestWholeDatabases:
    def test_a_database_that_another_tab_has_open_is_not_deleted(self, tabs: list[Client]) -> None:
        one, _, _ = tabs
        error = one.fail("delete", database="notes.db")
        assert error["type"] == "UsedElsewhere"
        assert "tab 2" in error["message"]
        assert one.rows("SELECT a FROM t") == [(1,)]

    def test_a_database_that_another_tab_has_open_is_not_replaced(
        self, tabs: list[Client], tmp_path: Path
    ) -> None:
        one, _, _ = tabs
        data = make_database(tmp_path / "new")
        fields = {"name": "notes.db", "replace": True}
        error = one.fail("import_file", BytesSource(data, "notes.db"), **fields)
        assert error["type"] == "UsedElsewhere"
        assert one.rows("SELECT a FROM t") == [(1,)]


class TestLending:
    def test_while_the_storage_is_lent_nothing_is_done_and_then_all_is_as_before(
        self, tabs: list[Client]
    ) -> None:
        one, two, _ = tabs
        one.ask("pause")
        assert one.host.storage.lent == ["lent"]
        for tab in tabs:
            assert [event["tab"] for event in told(tab, "paused")] == [1]
            assert tab.fail("run", sql="SELECT 1")["type"] == "StoragePaused"
        two.ask("pause")  # it has not heard of it
        assert len(told(two, "paused")) == 2
        hello = two.ask("hello", protocol=protocol.PROTOCOL, database="notes.db", tab=2)
        assert (hello["paused"], hello["database"]) == (True, None)
        two.ask("unpause")
        assert one.host.storage.lent == ["lent", "back"]
        for tab in tabs:
            assert len(told(tab, "unpaused")) == 1
            tab.ask("open", database="notes.db")
            assert tab.rows("SELECT a FROM t") == [(1,)]

    def test_the_storage_is_not_lent_while_a_transaction_is_open_in_any_tab(
        self, tabs: list[Client]
    ) -> None:
        one, two, _ = tabs
        two.run("BEGIN")
        error = one.fail("pause")
        assert error["type"] == "UsedElsewhere"
        assert error["message"].startswith("Tab 2")
        assert two.fail("pause")["type"] == "TransactionOpen"
        assert one.host.storage.lent == []
        assert one.rows("SELECT a FROM t") == [(1,)]

    def test_a_loan_outlives_the_worker_that_made_it(self, tabs: list[Client]) -> None:
        host = tabs[0].host
        tabs[0].service.close()
        one = Client(host, Service(host, is_paused=True), "one")
        hello = one.ask("hello", protocol=protocol.PROTOCOL, database="notes.db", tab=1)
        assert (hello["paused"], hello["database"], hello["databases"]) == (True, None, [])
        assert one.fail("open", database="notes.db")["type"] == "StoragePaused"
        one.ask("unpause")
        assert host.storage.lent == ["back"]
        one.ask("open", database="notes.db")
        assert one.rows("SELECT a FROM t") == [(1,)]
        one.service.close()


class TestAfterATakeover:
    def test_what_only_reads_is_done_again(self, tabs: list[Client]) -> None:
        one = tabs[0]
        for sql in ("SELECT a FROM t", "VALUES (1)", "WITH x AS (SELECT 1) SELECT * FROM x"):
            (outcome,) = one.ask("run", sql=sql, again=True)["outcomes"]
            assert outcome["error"] is None

    @pytest.mark.parametrize(
        "sql",
        [
            "INSERT INTO t VALUES (2)",
            "SELECT 1; INSERT INTO t VALUES (2)",
            "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
            "BEGIN",
            "COMMIT",
            "PRAGMA user_version = 5",
            "CREATE TABLE u (a)",
        ],
    )
    def test_a_statement_that_may_have_written_is_not_repeated_but_told_as_unknown(
        self, tabs: list[Client], sql: str
    ) -> None:
        one = tabs[0]
        reply = one.ask("run", sql=sql, again=True)
        assert error_of(reply)["type"] == "OutcomeUnknown"
        assert not reply["in_transaction"]
        assert one.rows("SELECT a FROM t") == [(1,)]

    def test_what_belongs_to_a_transaction_that_is_lost_is_not_done_outside_of_one(
        self, tabs: list[Client]
    ) -> None:
        one = tabs[0]
        error = one.fail("run", sql="UPDATE t SET a = 2", transaction=True)
        assert error["type"] == "TransactionLost"
        error = one.fail("run", sql="UPDATE t SET a = 2", transaction=True, again=True)
        assert error["type"] == "TransactionLost"
        one.run("BEGIN")
        one.ask("run", sql="UPDATE t SET a = 2", transaction=True)
        one.run("ROLLBACK")
        assert one.rows("SELECT a FROM t") == [(1,)]

    @pytest.mark.parametrize("end", ["COMMIT", "END", "RELEASE s", "ROLLBACK; INSERT INTO t"])
    def test_a_transaction_that_may_have_ended_is_told_as_unknown(
        self, tabs: list[Client], end: str
    ) -> None:
        sql = f"UPDATE t SET a = 2; {end}"
        error = tabs[0].fail("run", sql=sql, transaction=True, again=True)
        assert error["type"] == "OutcomeUnknown"

    def test_what_needs_a_table_that_is_gone_may_have_written_all_the_same(
        self, tabs: list[Client]
    ) -> None:
        sql = "WITH q AS (SELECT a FROM gone) INSERT INTO t SELECT a FROM q"
        assert error_of(tabs[0].ask("run", sql=sql, again=True))["type"] == "OutcomeUnknown"


def test_a_statement_that_takes_longer_than_it_may_is_stopped(tabs: list[Client]) -> None:
    one = tabs[0]
    error = error_of(one.ask("run", sql=ENDLESS, seconds=1))
    assert error["type"] == "TimedOut"
    assert error["message"] == "Stopped after 1 s."
    assert one.rows("SELECT a FROM t") == [(1,)]


def test_rows_so_far_are_told_while_a_statement_runs(tabs: list[Client]) -> None:
    one = tabs[0]
    one.ask("run", sql=COUNTED.format(10**6), rows=300_000)
    assert [event["rows"] for event in told(one, "running")]
    one.ask("run", sql="SELECT 1")


def test_every_tab_knows_which_tabs_there_are(tabs: list[Client]) -> None:
    for tab in tabs:
        assert told(tab, "tabs")[-1]["numbers"] == [1, 2, 3]


LARGE = "INSERT INTO t SELECT zeroblob(3000000)"


class TestLongWals:
    @pytest.fixture(autouse=True)
    def soon_tidied(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(service, "TIDY_SECONDS", 0.02)

    def test_a_long_wal_is_emptied_once_nobody_is_at_work(self, tabs: list[Client]) -> None:
        one, two, three = tabs
        host = one.service.host

        async def work() -> None:
            await two.send("run", sql="BEGIN; SELECT 1")
            await one.send("run", sql=LARGE)
            assert host.storage.size("notes.db-wal") > 3_000_000
            await asyncio.sleep(0.1)
            assert host.storage.size("notes.db-wal") > 3_000_000  # a transaction is open
            await two.send("run", sql="COMMIT")
            await soon(lambda: host.storage.size("notes.db-wal") == 0)
            before = [len(told(tab, "changed")) for tab in tabs]
            await three.send("run", sql="PRAGMA foreign_keys; INSERT INTO t SELECT 1 WHERE 0")
            assert [len(told(tab, "changed")) for tab in tabs] == before  # it is no news

        asyncio.run(work())
        assert two.rows("SELECT max(length(a)) FROM t") == [(3_000_000,)]

    def test_a_result_that_is_still_read_keeps_the_wal_and_its_rows(
        self, tabs: list[Client]
    ) -> None:
        one, two, _ = tabs
        host = one.service.host

        async def work() -> None:
            reply = await two.send("run", sql=COUNTED.format(500), rows=200)
            await one.send("run", sql=LARGE)
            await asyncio.sleep(0.1)
            assert host.storage.size("notes.db-wal") > 3_000_000
            fetched = await two.send("fetch", cursor=reply["outcomes"][0]["cursor"], rows=1000)
            assert fetched["ok"]
            assert fetched["piece"]["rows"] == 300
            await soon(lambda: host.storage.size("notes.db-wal") == 0)

        asyncio.run(work())

    @pytest.mark.parametrize("own", ["synchronous = OFF", "wal_autocheckpoint = 0"])
    def test_a_long_wal_is_emptied_by_a_tab_whose_settings_allow_that(
        self, tabs: list[Client], own: str
    ) -> None:
        one, *others = tabs
        host = one.service.host

        async def work() -> None:
            for tab in (one, *others[1:]):
                await tab.send("run", sql=f"PRAGMA {own}")
            checkpoints: list[int] = []
            for tab in (one, others[1]):
                con = tab.session.open_connection.con
                con.set_trace_callback(
                    lambda sql: checkpoints.append(1) if "wal_checkpoint" in sql else None
                )
            await one.send("run", sql=LARGE)
            await soon(lambda: host.storage.size("notes.db-wal") == 0)
            assert checkpoints == []
            await others[0].send("run", sql=f"PRAGMA {own}")
            await one.send("run", sql=LARGE)
            await asyncio.sleep(0.1)
            assert host.storage.size("notes.db-wal") > 3_000_000

        asyncio.run(work())

    def test_a_wal_that_cannot_be_emptied_does_not_keep_others_from_being_emptied(
        self, tabs: list[Client], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, two, _ = tabs
        two.ask("open", database="other.db")
        two.run("CREATE TABLE t (a)")
        host = one.service.host
        size = host.storage.size

        def failing(name: str) -> int:
            if name == "notes.db-wal":
                raise OSError("the storage fails")
            return size(name)

        monkeypatch.setattr(host.storage, "size", failing)

        async def work() -> None:
            await two.send("run", sql=LARGE)
            await soon(lambda: size("other.db-wal") == 0)

        asyncio.run(work())
