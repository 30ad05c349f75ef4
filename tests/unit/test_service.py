"""The service over ordinary files: requests in, replies out, whatever happens."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sahpool_console import protocol
from sahpool_console.session.errors import describe
from tests.unit.inputs import JSON, MANY

from .decode import decode
from .fake_host import BytesSource, Client, FakeHost, FakeStorage, hint_of, make_database

ENDLESS = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def raising(error: Exception) -> Callable[..., object]:
    """A function that raises ``error``, which goes on existing."""

    def raise_it(*_arguments: object) -> object:
        raise error

    return raise_it


class TestHello:
    def test_hello_tells_what_is_there(self, client: Client) -> None:
        reply = client.ask("hello", protocol=protocol.PROTOCOL)
        assert reply["protocol"] == protocol.PROTOCOL
        assert reply["databases"] == [{"name": "notes.db", "size": 0}]
        assert reply["database"] is None

    def test_hello_opens_the_database_that_was_open_last_if_it_can(self, client: Client) -> None:
        client.run("CREATE TABLE t (a)")
        reply = client.ask("hello", protocol=protocol.PROTOCOL, database="notes.db")
        assert reply["database"] == "notes.db"
        assert [table["name"] for table in reply["schema"]] == ["t"]
        (client.host.storage.folder / "bad.db").write_bytes(b"no database" * 100)
        for name in ("none.db", "bad.db"):
            reply = client.ask("hello", protocol=protocol.PROTOCOL, database=name)
            assert reply["database"] is None
            assert client.rows("SELECT count(*) FROM t") == [(0,)], "the old one is still open"
        assert not client.host.storage.exists("none.db")

    def test_the_words_are_those_of_the_engine(self, client: Client) -> None:
        reply = client.ask("words")
        assert {"abs", "json_extract", "count"} <= set(reply["functions"])
        assert "->" not in reply["functions"]
        assert reply["keywords"] == ["SELECT"]

    def test_another_version_of_the_protocol_is_refused(self, client: Client) -> None:
        error = client.fail("hello", protocol=protocol.PROTOCOL + 1)
        assert error["type"] == "ProtocolError"


class TestGarbage:
    @pytest.mark.parametrize("head", ["", "nonsense", "{}", '{"id": 1}', '{"id": 1, "op": "x"}'])
    def test_garbage_is_answered_and_the_next_request_works(
        self, client: Client, head: str
    ) -> None:
        reply = asyncio.run(client.send_head(head))
        assert reply["error"]["type"] == "ProtocolError"
        assert client.rows("SELECT 1") == [(1,)]

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        st.sampled_from(sorted(set(protocol.OPS) - {"cancel"})),
        st.dictionaries(st.sampled_from(["sql", "start", "rows", "cursor", "name"]), JSON),
    )
    def test_any_request_gets_a_reply(
        self, client: Client, op: str, fields: dict[str, Any]
    ) -> None:
        head = json.dumps({"id": 1_000_000, "op": op, **fields})
        reply = asyncio.run(client.send_head(head, *([BytesSource(b"a")] * protocol.OPS[op].parts)))
        assert reply["ok"] in (True, False)

    def test_a_start_within_a_character_is_refused(self, client: Client) -> None:
        assert client.fail("run", sql="é", start=1)["type"] == "ProtocolError"
        assert client.fail("run", sql="é", start=3)["type"] == "ProtocolError"

    def test_two_requests_of_one_number_do_not_mix(self, client: Client) -> None:
        load = protocol.encode_request(77, "import_file", name="data.csv")
        head = protocol.encode_request(77, "databases")

        async def both() -> list[dict[str, Any]]:
            slow = client.send_head(load, BytesSource(b"a,b\n1,2\n"))
            return list(await asyncio.gather(slow, client.send_head(head)))

        first, second = asyncio.run(both())
        assert first["ok"]
        assert second["error"]["type"] == "ProtocolError"


class TestRun:
    def test_each_statement_has_an_outcome(self, client: Client) -> None:
        sql = "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'é'), (2, NULL); SELECT * FROM t;"
        create, insert, select = client.ask("run", sql=sql)["outcomes"]
        assert [o["kind"] for o in (create, insert, select)] == ["done", "done", "rows"]
        assert [o["changes"] for o in (create, insert, select)] == [None, 2, None]
        data = sql.encode()
        assert (
            data[insert["start"] : insert["end"]]
            == "INSERT INTO t VALUES (1, 'é'), (2, NULL);".encode()
        )
        assert select["columns"] == ["a", "b"]
        assert decode(select["piece"], client.parts) == [(1, "é"), (2, None)]
        assert all(o["error"] is None and o["elapsed"] >= 0 for o in (create, insert, select))

    def test_an_outcome_has_the_line_its_statement_begins_in(self, client: Client) -> None:
        sql = "-- é\n\nSELECT 1; SELECT\n2;\r\n\r/* \n */ SELECT oops"
        assert [outcome["line"] for outcome in client.run(sql)] == [3, 3, 7]
        reply = client.ask("run", sql=sql, start=sql.encode().index(b"/*"))
        assert reply["outcomes"][0]["line"] == 7

    def test_blanks_and_comments_have_no_outcome(self, client: Client) -> None:
        reply = client.ask("run", sql=" -- nothing\n/* at all */ ;")
        assert (reply["outcomes"], reply["next"]) == ([], None)

    def test_duplicate_and_empty_column_names_are_kept(self, client: Client) -> None:
        (outcome,) = client.run("SELECT 1 AS a, 2 AS a, 3 AS '', 4 AS 'x [y]'")
        assert outcome["columns"] == ["a", "a", "", "x [y]"]

    def test_a_long_result_is_read_piece_by_piece(self, client: Client) -> None:
        reply = client.ask("run", sql=MANY.format(25) + "; SELECT 'next'", rows=10)
        (outcome,) = reply["outcomes"]
        assert outcome["cursor"] is not None
        assert reply["next"] == len(MANY.format(25)) + 2
        rows = decode(outcome["piece"], client.parts)
        second = client.ask("fetch", cursor=outcome["cursor"], rows=10)
        rows += decode(second["piece"], client.parts)
        third = client.ask("fetch", cursor=second["cursor"], rows=10)
        rows += decode(third["piece"], client.parts)
        assert rows == [(i,) for i in range(1, 26)]
        assert third["cursor"] is None
        assert client.fail("fetch", cursor=outcome["cursor"], rows=1)["type"] == "CursorClosed"

    def test_a_result_that_just_fits_leaves_no_cursor(self, client: Client) -> None:
        reply = client.ask("run", sql=MANY.format(10), rows=10)
        assert reply["outcomes"][0]["cursor"] is None
        assert reply["next"] is None

    def test_an_error_ends_the_run_and_keeps_what_ran_before(self, client: Client) -> None:
        reply = client.ask("run", sql="CREATE TABLE t (a); SELECT nothing FROM t; DROP TABLE t")
        assert [o["kind"] for o in reply["outcomes"]] == ["done", "error"]
        assert reply["next"] is None
        assert client.rows("SELECT count(*) FROM t") == [(0,)]

    def test_an_error_points_into_the_whole_sql(self, client: Client) -> None:
        client.host.engine.offset = 7
        sql = "SELECT 'é'; SELECT oops FROM (SELECT 1)"
        error = client.error(sql)
        assert sql.encode()[error["offset"] :].startswith(b"oops")
        assert (error["type"], error["name"]) == ("OperationalError", "SQLITE_ERROR")

    def test_an_error_without_a_place_has_no_offset(self, client: Client) -> None:
        assert client.error("SELECT abs(1, 2)")["offset"] is None

    def test_an_error_that_is_not_sqlites_has_no_offset(self, client: Client) -> None:
        client.host.engine.offset = 7
        error = client.error("SELECT ?")
        assert (error["type"], error["offset"]) == ("ProgrammingError", None)
        assert "value itself" in hint_of(error)

    def test_a_constraint_names_its_code(self, client: Client) -> None:
        error = client.error("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1), (1)")
        assert (error["type"], error["name"]) == ("IntegrityError", "SQLITE_CONSTRAINT_UNIQUE")
        assert client.rows("SELECT count(*) FROM t") == [(0,)]

    @pytest.mark.parametrize(
        ("sql", "kind"),
        [
            ('SELECT 1 AS "\0"', None),
            ("SELECT zeroblob(3000000000)", "DataError"),
            ("SELECT json('{')", "OperationalError"),
        ],
    )
    def test_any_failure_becomes_an_outcome(
        self, client: Client, sql: str, kind: str | None
    ) -> None:
        error = client.error(sql)
        assert error["message"]
        assert kind is None or error["type"] == kind
        assert client.rows("SELECT 1") == [(1,)]

    def test_an_error_while_rows_are_read_closes_the_result(self, client: Client) -> None:
        sql = (
            "SELECT json(CASE WHEN value < 50 THEN 1 ELSE '{' END) FROM ("
            + MANY.format(99).replace("SELECT i FROM", "SELECT i AS value FROM")
            + ")"
        )
        (outcome,) = client.ask("run", sql=sql, rows=10)["outcomes"]
        error = client.fail("fetch", cursor=outcome["cursor"], rows=100)
        assert "malformed JSON" in error["message"]
        assert client.fail("fetch", cursor=outcome["cursor"], rows=1)["type"] == "CursorClosed"

    def test_text_that_is_not_utf8_is_shown_and_no_error(self, client: Client) -> None:
        assert client.rows("SELECT CAST(x'ff' AS TEXT)") == [(b"\xff",)]

    def test_a_schema_that_is_not_utf8_does_not_break_the_catalogue(self, client: Client) -> None:
        client.run("PRAGMA writable_schema = ON; CREATE TABLE t (a)")
        sql = b"CREATE TABLE t (a --\xff\n)".hex()
        client.run(f"UPDATE sqlite_schema SET sql = CAST(x'{sql}' AS TEXT)")
        (table,) = client.ask("schema")["schema"]
        assert "\ufffd" in table["sql"]

    def test_a_damaged_virtual_table_does_not_hide_the_other_tables(self, client: Client) -> None:
        # A record of an FTS5 index that SQLite takes for one of more segments than memory holds.
        index = "a3d811736110e5781bcccea696762e6116c6e9c92d99bf358c2e0718822ce47ca8c74107e66cb0e4"
        client.run(
            "CREATE TABLE t (a); CREATE VIRTUAL TABLE words USING fts5 (b);"
            f"UPDATE words_data SET block = x'{index}' WHERE id = 10"
        )
        client.ask("open", database="other.db")
        schema = client.ask("open", database="notes.db")["schema"]
        found = {table["name"]: (table["type"], len(table["columns"])) for table in schema}
        assert found["t"] == ("table", 1)
        assert found["words"][0] == "virtual"
        assert client.rows("SELECT count(*) FROM t") == [(0,)]

    def test_dot_commands_get_a_hint(self, client: Client) -> None:
        error = client.error(".tables")
        assert "sqlite3 shell" in hint_of(error)
        assert "sqlite_schema" in hint_of(error)
        assert "sqlite3 shell" in hint_of(client.error(".bogus 1;"))

    def test_a_library_error_brings_its_cause(self, client: Client, tmp_path: Path) -> None:
        data = bytearray(make_database(tmp_path / "x.db"))
        data[4096:4200] = b"\xff" * 104
        error = client.fail("import_file", BytesSource(bytes(data)), name="x.db")
        assert error["type"] == "RejectedError"
        assert error["cause"].startswith("DatabaseError: ")
        assert hint_of(error) == "Look for another copy."

    def test_only_a_failure_of_the_storage_is_laid_to_the_storage(self, client: Client) -> None:
        hint = hint_of(client.error("PRAGMA max_page_count = 1; CREATE TABLE t (a)"))
        assert "max_page_count" in hint
        assert "storage" in hint
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorname = "SQLITE_FULL"
        error.__cause__ = OSError("QuotaExceededError")
        assert "max_page_count" not in hint_of(describe(error))
        assert "storage" in hint_of(describe(error))

    def test_a_long_script_is_answered_in_parts(self, client: Client) -> None:
        client.ask("run", sql="CREATE TABLE t (a)")
        script = "INSERT INTO t VALUES (1);\n" * 5_000
        assert len(client.run("BEGIN;" + script + "COMMIT;")) == 5_002
        assert client.rows("SELECT count(*) FROM t") == [(5_000,)]

    def test_the_rest_of_a_script_never_runs_in_another_database(self, client: Client) -> None:
        sql = "CREATE TABLE t (a); INSERT INTO t VALUES (1)"
        start = client.ask("run", sql=sql, database="notes.db")["outcomes"][0]["end"]
        client.ask("open", database="other.db")
        client.run("CREATE TABLE t (a)")
        error = client.fail("run", sql=sql, start=start, database="notes.db")
        assert (error["type"], error["meant"], error["opened"]) == (
            "WrongDatabase",
            "notes.db",
            "other.db",
        )
        assert "'notes.db'" in error["message"]
        assert "'other.db'" in error["message"]
        assert hint_of(error)
        assert client.rows("SELECT * FROM t") == []

    def test_a_refused_run_leaves_open_results_alone(self, client: Client) -> None:
        (outcome,) = client.ask("run", sql=MANY.format(9), rows=5)["outcomes"]
        for op, fields in (("run", {"sql": "SELECT 1"}), ("fetch", {"cursor": 1, "rows": 1})):
            assert client.fail(op, database="x.db", **fields)["type"] == "WrongDatabase"
        reply = client.ask("fetch", cursor=outcome["cursor"], rows=9, database="notes.db")
        assert decode(reply["piece"], client.parts) == [(6,), (7,), (8,), (9,)]

    def test_a_request_without_an_open_database_says_so(self, tmp_path: Path) -> None:
        error = Client(FakeHost(FakeStorage(tmp_path))).fail("run", sql="SELECT 1")
        assert error["type"] == "NoDatabase"

    def test_room_is_made_before_statements_run(self, client: Client) -> None:
        before = client.host.storage.prepared
        client.ask("run", sql="SELECT 1")
        assert client.host.storage.prepared == before + 1


class TestChanges:
    @pytest.mark.parametrize(
        ("sql", "changes"),
        [
            ("INSERT INTO t VALUES (3), (4)", 2),
            ("UPDATE t SET a = 0", 2),
            ("DELETE FROM t WHERE a > 99", 0),
            ("REPLACE INTO t VALUES (9)", 1),
            ("WITH x(v) AS (VALUES (5), (6), (7)) INSERT INTO t SELECT v FROM x", 3),
            ("WITH x(v) AS (VALUES (5)) UPDATE t SET a = 0 WHERE a > 99", 0),
            ("EXPLAIN DELETE FROM t", None),
            ("CREATE TABLE u AS SELECT * FROM t", None),
            ("SELECT * FROM t", None),
            ("WITH x(v) AS (VALUES (5)) SELECT v FROM x", None),
        ],
    )
    def test_changes_are_those_of_the_statement(
        self, client: Client, sql: str, changes: int | None
    ) -> None:
        client.run("CREATE TABLE t (a); CREATE TABLE log (a); INSERT INTO t VALUES (1), (2)")
        client.run("CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); END")
        (outcome,) = client.run(sql)
        assert outcome["error"] is None
        assert outcome["changes"] == changes

    @pytest.mark.parametrize("insert", ["INSERT INTO t", "WITH x AS (SELECT 1) INSERT INTO t"])
    def test_returning_is_committed_though_its_rows_are_not_read(
        self, client: Client, insert: str
    ) -> None:
        client.run("CREATE TABLE t (a)")
        sql = f"{insert} SELECT value FROM json_each('[1,2,3,4,5]') RETURNING a"
        reply = client.ask("run", sql=sql, rows=2)
        (outcome,) = reply["outcomes"]
        assert (outcome["kind"], outcome["changes"]) == ("rows", 5)
        other = sqlite3.connect(client.host.storage.folder / "notes.db", timeout=0)
        assert other.execute("SELECT count(*) FROM t").fetchone() == (5,)
        other.execute("INSERT INTO t VALUES (6)")
        other.rollback()
        other.close()
        rows = decode(outcome["piece"], client.parts)
        more = client.ask("fetch", cursor=outcome["cursor"], rows=9)
        assert rows + decode(more["piece"], client.parts) == [(1,), (2,), (3,), (4,), (5,)]

    def test_incremental_vacuum_frees_all_it_was_asked_for(self, client: Client) -> None:
        client.run(
            "PRAGMA auto_vacuum = INCREMENTAL; VACUUM; CREATE TABLE t AS " + MANY.format(9999)
        )
        client.run("DROP TABLE t; PRAGMA incremental_vacuum(5)")
        before = client.rows("PRAGMA freelist_count")[0][0]
        client.run("PRAGMA incremental_vacuum(5)")
        assert client.rows("PRAGMA freelist_count") == [(before - 5,)]


class TestTransactions:
    def test_a_transaction_spans_runs(self, client: Client) -> None:
        assert client.ask("run", sql="CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1)")[
            "in_transaction"
        ]
        assert client.ask("run", sql="INSERT INTO t VALUES (2)")["in_transaction"]
        assert not client.ask("run", sql="ROLLBACK")["in_transaction"]
        assert client.rows("SELECT * FROM t") == []

    def test_commit_drop_vacuum_and_journal_mode_work_over_an_open_result(
        self, client: Client
    ) -> None:
        client.run("CREATE TABLE t AS " + MANY.format(1000))
        for sql in (
            "BEGIN; COMMIT",
            "VACUUM",
            "PRAGMA journal_mode = WAL",
            "PRAGMA journal_mode = DELETE",
            "ATTACH ':memory:' AS x; DETACH x",
            "DROP TABLE t",
        ):
            (open_one,) = client.ask("run", sql="SELECT * FROM t", rows=5)["outcomes"]
            assert open_one["cursor"]
            assert {outcome["error"] is None for outcome in client.run(sql)} == {True}
            error = client.fail("fetch", cursor=open_one["cursor"], rows=5)
            assert error["type"] == "CursorClosed"

    def test_closing_a_result_twice_is_no_error(self, client: Client) -> None:
        (outcome,) = client.ask("run", sql=MANY.format(99), rows=5)["outcomes"]
        client.ask("close", cursor=outcome["cursor"])
        client.ask("close", cursor=outcome["cursor"])
        assert client.fail("fetch", cursor=outcome["cursor"], rows=5)["type"] == "CursorClosed"

    def test_a_closed_result_holds_no_lock(self, client: Client) -> None:
        client.run("CREATE TABLE t AS " + MANY.format(1000))
        (outcome,) = client.ask("run", sql="SELECT * FROM t", rows=5)["outcomes"]
        other = sqlite3.connect(
            client.host.storage.folder / "notes.db", timeout=0, isolation_level=None
        )
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("DROP TABLE t")
        client.ask("close", cursor=outcome["cursor"])
        other.execute("DROP TABLE t")
        other.close()

    def test_a_statement_that_fails_after_its_first_row_holds_no_lock(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client.run("CREATE TABLE t AS " + MANY.format(1000))
        kept = MemoryError()  # a traceback that is kept somewhere keeps the cursor too
        monkeypatch.setattr(
            "sahpool_console.session.sql.connection.Connection._writes", raising(kept)
        )
        assert client.error("WITH x AS (SELECT * FROM t) SELECT * FROM x")["type"] == "MemoryError"
        other = sqlite3.connect(
            client.host.storage.folder / "notes.db", timeout=0, isolation_level=None
        )
        other.execute("DROP TABLE t")
        other.close()

    def test_a_fetch_that_never_began_closes_its_result_too(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (outcome,) = client.ask("run", sql=MANY.format(99), rows=5)["outcomes"]
        with monkeypatch.context() as patch:
            patch.setattr(client.host.storage, "prepare", raising(OSError("no more handles")))
            error = client.fail("fetch", cursor=outcome["cursor"], rows=5)
        assert (error["type"], error["message"]) == ("OSError", "no more handles")
        assert client.fail("fetch", cursor=outcome["cursor"], rows=5)["type"] == "CursorClosed"

    def test_a_lost_transaction_is_said(self, client: Client) -> None:
        client.run("CREATE TABLE t (a UNIQUE); BEGIN; INSERT INTO t VALUES (1)")
        error = client.error("INSERT OR ROLLBACK INTO t VALUES (1)")
        assert "rolled back the whole transaction" in hint_of(error)


class TestCancel:
    def test_a_running_statement_is_cancelled(self, client: Client) -> None:
        ticks = 0

        def cancel_on_third() -> None:
            nonlocal ticks
            ticks += 1
            if ticks == 3:
                client.cancel(client.next_id() - 1)

        client.host.loop.on_tick = cancel_on_third
        began = time.monotonic()
        reply = client.ask("run", sql=f"CREATE TABLE t (a); {ENDLESS}; DROP TABLE t")
        assert time.monotonic() - began < 5
        assert [o["kind"] for o in reply["outcomes"]] == ["done", "error"]
        assert reply["outcomes"][1]["error"]["type"] == "Cancelled"
        assert reply["next"] is None
        assert client.rows("SELECT count(*) FROM t") == [(0,)]

    def test_a_cancelled_fetch_closes_its_result(self, client: Client) -> None:
        sql = f"SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT * FROM ({ENDLESS})"
        (outcome,) = client.ask("run", sql=sql, rows=1)["outcomes"]
        client.host.loop.on_tick = lambda: client.cancel(client.next_id() - 1)
        error = client.fail("fetch", cursor=outcome["cursor"], rows=9)
        assert error["type"] == "Cancelled"
        assert client.fail("fetch", cursor=outcome["cursor"], rows=9)["type"] == "CursorClosed"

    def test_a_waiting_request_is_cancelled_without_being_run(self, client: Client) -> None:
        async def scenario() -> list[Any]:
            number = client.next_id()
            first = asyncio.ensure_future(client.send("import_file", slow, name="data.csv"))
            await asyncio.sleep(0)
            second = asyncio.ensure_future(client.send("run", sql="CREATE TABLE t (a)"))
            await asyncio.sleep(0)
            cancel = await client.send("cancel", target=number + 1)
            return [cancel, await first, await second]

        slow = BytesSource(b"a,b\n" + b"1,2\n" * 500_000)
        cancel, first, second = asyncio.run(scenario())
        assert cancel["cancelled"] is True
        assert first["ok"]
        assert second["error"]["type"] == "Cancelled"
        assert [t["name"] for t in client.ask("schema")["schema"]] == ["data"]

    def test_cancelling_what_is_not_there_is_answered_with_no(self, client: Client) -> None:
        assert client.ask("cancel", target=999)["cancelled"] is False

    def test_a_cancel_after_the_end_does_not_hit_the_next_request(self, client: Client) -> None:
        client.ask("run", sql="SELECT 1")
        client.ask("cancel", target=client.next_id() - 1)
        assert client.rows("SELECT 2") == [(2,)]

    def test_requests_run_in_the_order_of_their_arrival(self, client: Client) -> None:
        async def scenario() -> None:
            await asyncio.gather(
                client.send("run", sql="CREATE TABLE t (a)"),
                *(client.send("run", sql=f"INSERT INTO t VALUES ({i})") for i in range(20)),
            )

        asyncio.run(scenario())
        assert client.rows("SELECT a FROM t ORDER BY rowid") == [(i,) for i in range(20)]

    def test_an_interrupted_change_rolls_its_transaction_back_and_says_so(
        self, client: Client
    ) -> None:
        client.run("CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1)")
        client.host.loop.on_tick = lambda: client.cancel(client.next_id() - 1)
        reply = client.ask("run", sql=f"INSERT INTO t {ENDLESS}")
        error = reply["outcomes"][0]["error"]
        assert error["type"] == "Cancelled"
        assert reply["in_transaction"] is ("rolled back" not in hint_of(error))


class TestDatabases:
    def test_open_creates_and_switches(self, client: Client) -> None:
        client.run("CREATE TABLE t (a)")
        reply = client.ask("open", database="other.db")
        assert (reply["database"], reply["schema"]) == ("other.db", [])
        assert client.ask("open", database="notes.db")["schema"][0]["name"] == "t"
        names = [database["name"] for database in client.ask("databases")["databases"]]
        assert names == ["notes.db", "other.db"]

    def test_opening_another_one_within_a_transaction_is_refused(self, client: Client) -> None:
        client.run("BEGIN; CREATE TABLE t (a)")
        assert client.fail("open", database="other.db")["type"] == "TransactionOpen"
        client.ask("open", database="notes.db")
        assert client.rows("SELECT count(*) FROM t") == [(0,)]

    def test_what_is_no_database_does_not_take_the_place_of_the_open_one(
        self, client: Client
    ) -> None:
        (client.host.storage.folder / "bad.db").write_bytes(b"not a database, not at all" * 100)
        error = client.fail("open", database="bad.db")
        assert error["name"] == "SQLITE_NOTADB"
        assert hint_of(error)
        assert client.ask("schema")["database"] == "notes.db"

    def test_the_schema_tells_all_there_is(self, client: Client) -> None:
        client.run(
            'CREATE TABLE t (id INTEGER PRIMARY KEY, "a b" TEXT NOT NULL, c AS (id + 1));'
            'CREATE UNIQUE INDEX i ON t ("a b", id + 1);'
            "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;"
            "CREATE VIEW v AS SELECT * FROM t; CREATE VIEW broken AS SELECT * FROM gone;"
            "CREATE VIRTUAL TABLE f USING fts5(x); CREATE TEMP TABLE tmp (a);"
            "ATTACH ':memory:' AS aux; CREATE TABLE aux.t (z)"
        )
        schema = client.ask("schema")["schema"]
        found = {(t["schema"], t["name"]): t for t in schema}
        table = found["main", "t"]
        assert [(c["name"], c["type"], c["notnull"], c["pk"]) for c in table["columns"]] == [
            ("id", "INTEGER", False, 1),
            ("a b", "TEXT", True, 0),
            ("c", "", False, 0),
        ]
        assert table["columns"][2]["hidden"] == 2
        assert table["indexes"] == [{"name": "i", "unique": True, "columns": ["a b", None]}]
        assert table["triggers"] == ["g"]
        assert table["sql"].startswith("CREATE TABLE t (id")
        assert found["main", "v"]["type"] == "view"
        assert found["main", "broken"]["columns"] == []
        assert found["main", "f"]["type"] == "virtual"
        assert found["main", "f_data"]["type"] == "shadow"
        assert [c["name"] for c in found["aux", "t"]["columns"]] == ["z"]
        assert ("temp", "tmp") in found
        assert not any(name.startswith("sqlite_") for _, name in found)
        assert schema[0]["schema"] == "main"

    def test_delete_closes_and_removes(self, client: Client) -> None:
        client.run("CREATE TABLE t (a)")
        assert client.ask("delete", database="notes.db")["databases"] == []
        assert client.fail("run", sql="SELECT 1")["type"] == "NoDatabase"
        assert client.fail("delete", database="notes.db")["type"] == "NoDatabase"


class TestSample:
    def test_the_sample_and_its_query_work(self, client: Client) -> None:
        reply = client.ask("sample")
        assert [table["name"] for table in reply["schema"]] == ["moon", "planet"]
        assert reply["schema"][0]["columns"][0]["name"] == "name"
        names = [row[0] for row in client.rows(reply["sql"])]
        assert names == ["Ganymede", "Titan", "Callisto", "Io"]
        assert client.rows("SELECT count(*) FROM planet") == [(8,)]
        assert client.rows("PRAGMA foreign_key_check") == []

    def test_the_sample_never_replaces_a_table(self, client: Client) -> None:
        client.run("CREATE TABLE Moon (a)")
        error = client.fail("sample")
        assert (error["type"], error["existing"]) == ("NameExists", "moon")
        assert [table["name"] for table in client.ask("schema")["schema"]] == ["Moon"]

    def test_the_samples_rows_go_into_its_own_tables(self, client: Client) -> None:
        client.run("CREATE TEMP TABLE planet AS SELECT 1 AS id; CREATE TEMP TABLE moon (a)")
        client.ask("sample")
        assert client.rows("SELECT count(*) FROM main.planet") == [(8,)]
        assert client.rows("SELECT count(*) FROM temp.moon") == [(0,)]


def test_the_session_knows_nothing_of_the_browser_or_the_library() -> None:
    folder = Path(protocol.__file__).parent
    for path in [*(folder / "session").rglob("*.py"), folder / "protocol.py"]:
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert words[1].split(".")[0] not in ("js", "pyodide", "sahpool", "app"), path
