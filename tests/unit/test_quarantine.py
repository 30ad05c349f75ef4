"""Quarantine as the page is told of it, over a host that has slots in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sahpool_console import protocol

from .fake_host import Client, FakeHost, make_database

ROWS = [(number + 1, f"thing {number}") for number in range(100)]


@pytest.fixture
def database(tmp_path: Path) -> bytes:
    """The bytes of a database with a table of 100 rows."""
    return make_database(tmp_path / "made.db")


@pytest.fixture
def host(client: Client, database: bytes) -> FakeHost:
    """A host that has one slot in quarantine, perhaps lost.db."""
    client.host.quarantine.keep_aside("slot1", database, "/lost.db")
    return client.host


def listed(client: Client) -> list[str]:
    return [each["name"] for each in client.ask("databases")["databases"]]


@pytest.mark.usefixtures("host")
class TestList:
    def test_the_first_reply_lists_what_is_in_quarantine(self, client: Client) -> None:
        (kept,) = client.ask("hello", protocol=protocol.PROTOCOL)["quarantined"]
        assert (kept["name"], kept["offered"], kept["size"]) == ("slot1", "/lost.db", 8192)
        assert "digest" in kept["reason"]
        assert client.ask("storage")["quarantined"] == [kept]


@pytest.mark.parametrize("op", ["quarantine_export", "quarantine_recover", "quarantine_drop"])
def test_a_slot_that_is_not_in_quarantine_is_an_error(client: Client, op: str) -> None:
    client.host.quarantine.keep_aside("slot1", b"kept")
    error = client.fail(op, slot="slot2")
    assert error["type"] == "NoSuchDatabaseError"
    assert client.host.quarantine.kept_bytes == {"slot1": b"kept"}
    assert listed(client) == ["notes.db"]


class TestExport:
    def test_an_export_of_a_kept_slot_has_its_bytes_as_they_are(
        self, client: Client, host: FakeHost, database: bytes
    ) -> None:
        reply = client.ask("quarantine_export", slot="slot1")
        assert (reply["name"], reply["size"]) == ("lost.db", len(database))
        assert client.parts == [database]
        assert list(host.quarantine.kept_bytes) == ["slot1"], "it stays"

    @pytest.mark.parametrize(
        ("offered", "name"),
        [(None, "unnamed-slot2.sqlite"), ("/a/lost.db-wal", "lost.db-wal"), ("/x", "x.sqlite")],
    )
    def test_an_exported_slot_is_called_by_the_name_that_it_offers(
        self, client: Client, offered: str | None, name: str
    ) -> None:
        client.host.quarantine.keep_aside("slot2", b"", offered)
        assert client.ask("quarantine_export", slot="slot2")["name"] == name


class TestRecover:
    def test_a_recovered_slot_is_a_database_under_the_name_that_it_offers(
        self, client: Client, host: FakeHost
    ) -> None:
        reply = client.ask("quarantine_recover", slot="slot1")
        assert (reply["database"], reply["size"]) == ("lost.db", 8192)
        assert [each["name"] for each in reply["databases"]] == ["lost.db", "notes.db"]
        assert reply["quarantined"] == host.quarantine.kept_aside == []
        assert client.ask("schema")["database"] == "notes.db", "another one is open, and stays so"
        client.ask("open", database="lost.db")
        assert client.rows("SELECT * FROM thing") == ROWS

    @pytest.mark.usefixtures("host")
    def test_a_slot_can_be_recovered_under_another_name(self, client: Client) -> None:
        assert client.ask("quarantine_recover", slot="slot1", database="b.db")["database"] == "b.db"
        assert listed(client) == ["b.db", "notes.db"]

    def test_a_slot_that_offers_no_name_is_recovered_under_a_new_one(
        self, client: Client, database: bytes
    ) -> None:
        client.host.quarantine.keep_aside("slot2", database)
        reply = client.ask("quarantine_recover", slot="slot2")
        assert reply["database"] == "recovered.sqlite"

    def test_a_database_is_replaced_only_on_demand(self, client: Client, host: FakeHost) -> None:
        client.run("CREATE TABLE own (a); INSERT INTO own VALUES (1)")
        error = client.fail("quarantine_recover", slot="slot1", database="notes.db")
        assert (error["type"], error["existing"], error["what"]) == (
            "NameExists",
            "notes.db",
            "database",
        )
        assert client.rows("SELECT a FROM own") == [(1,)]
        assert list(host.quarantine.kept_bytes) == ["slot1"]
        client.ask("quarantine_recover", slot="slot1", database="notes.db", replace=True)
        # It was the open one, and is.
        assert client.rows("SELECT * FROM thing") == ROWS

    def test_a_database_in_a_transaction_is_not_replaced_by_a_recovered_one(
        self, client: Client, host: FakeHost
    ) -> None:
        client.run("CREATE TABLE own (a); BEGIN; INSERT INTO own VALUES (1)")
        fields = {"slot": "slot1", "database": "notes.db", "replace": True}
        assert client.fail("quarantine_recover", **fields)["type"] == "TransactionOpen"
        client.run("COMMIT")
        assert client.rows("SELECT a FROM own") == [(1,)]
        assert list(host.quarantine.kept_bytes) == ["slot1"]

    def test_what_is_no_sound_database_stays_where_it_is(self, client: Client) -> None:
        client.run("CREATE TABLE own (a); INSERT INTO own VALUES (1)")
        client.host.quarantine.keep_aside("bad", b"nothing of a database" * 100, "/notes.db")
        error = client.fail("quarantine_recover", slot="bad", replace=True)
        assert error["type"] == "RejectedError"
        assert list(client.host.quarantine.kept_bytes) == ["bad"]
        assert client.rows("SELECT a FROM own") == [(1,)], "the open one is open again"


class TestDrop:
    def test_a_drop_erases_the_named_slot_and_no_other(
        self, client: Client, host: FakeHost
    ) -> None:
        host.quarantine.keep_aside("slot2", b"other")
        reply = client.ask("quarantine_drop", slot="slot1")
        assert [kept["name"] for kept in reply["quarantined"]] == ["slot2"]
        assert host.quarantine.kept_bytes == {"slot2": b"other"}
        assert listed(client) == ["notes.db"]
