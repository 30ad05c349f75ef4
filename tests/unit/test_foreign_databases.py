"""Databases that need what only their own program has: collations, functions, virtual tables."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sahpool_console import sql_functions
from worker.build import packing

from .fake_host import BytesSource, Client, said

FIELD = Path(__file__).parents[1] / "field" / "console" / "db"


def codes(error: dict[str, Any]) -> list[str]:
    return [hint["code"] for hint in error["hints"]]


def opened(client: Client, name: str) -> bytes:
    """Opens a copy of a file of the folder; returns its bytes."""
    data = (FIELD / name).read_bytes()
    (client.host.storage.folder / name).write_bytes(data)
    client.host.engine.own_functions = sql_functions.FUNCTIONS
    client.ask("open", database=name)
    return data


@pytest.fixture
def android(client: Client) -> Client:
    """A client with a database of LOCALIZED, unicase and PHONEBOOK open."""
    opened(client, "android.db")
    return client


def test_rows_are_counted_whose_index_is_in_another_program_s_order(android: Client) -> None:
    assert android.rows("SELECT count(*) FROM channel") == [(3,)]
    assert android.rows("SELECT count(*) FROM calls") == android.rows(
        "SELECT count(*) FROM calls NOT INDEXED"
    )


def test_texts_are_sorted_and_compared_nearly_as_in_the_other_program(android: Client) -> None:
    by_name = "SELECT name FROM channel NOT INDEXED ORDER BY name"
    assert android.rows(by_name) == [("arte",), ("Das Erste",), ("ORF",)]
    assert android.rows("SELECT id FROM channel WHERE +name = 'ARTE'") == [(2,)]
    assert android.rows("SELECT name, count(*) FROM channel NOT INDEXED GROUP BY name") == [
        ("arte", 1), ("Das Erste", 1), ("ORF", 1),
    ]  # fmt: skip
    assert android.rows("SELECT 'É' = 'e' COLLATE localized")[0][0] == 0
    assert android.rows("SELECT 'A' = 'a' COLLATE unicase") == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM main.channel WHERE name = 'arte'",
        "SELECT * FROM notetypes INDEXED BY idx_nt WHERE name > 'b'",
        "SELECT *, rowid FROM channel WHERE name > 'b'",
        "WITH channel AS (SELECT * FROM main.channel WHERE name = 'arte') SELECT * FROM channel",
        "CREATE TABLE c AS SELECT * FROM channel WHERE name = 'arte'",
        "CREATE TEMP VIEW v AS SELECT * FROM main.channel WHERE name > 'b'; SELECT * FROM v",
    ],
)
def test_rows_are_not_looked_up_in_another_program_s_order(android: Client, sql: str) -> None:
    error = android.error(sql)
    assert error["type"] == "ForeignIndex"
    assert "could miss some" in error["message"]
    assert error["code"] == "foreign-index-looked-up"
    assert codes(error) == ["look-up-without-index"]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT id FROM channel WHERE name = 'ARTE'", [(2,)]),
        (
            "SELECT id, name FROM channel WHERE name > 'b' ORDER BY name",
            [(1, "Das Erste"), (3, "ORF")],
        ),
        ("SELECT name FROM channel WHERE name BETWEEN 'b' AND 'e'", [("Das Erste",)]),
        ("SELECT name FROM channel ORDER BY name DESC", [("ORF",), ("Das Erste",), ("arte",)]),
        ("SELECT id FROM channel WHERE name IN ('arte', 'orf') ORDER BY id", [(2,), (3,)]),
        (
            "SELECT a.id FROM channel a JOIN channel AS b ON a.name = b.name ORDER BY 1",
            [(1,), (2,), (3,)],
        ),
        ("SELECT x.id FROM (SELECT * FROM channel WHERE name = 'orf') AS x", [(3,)]),
        (
            "SELECT name, count(*) FROM channel GROUP BY name",
            [("arte", 1), ("Das Erste", 1), ("ORF", 1)],
        ),
        ("SELECT count(*) FROM (SELECT DISTINCT name FROM channel)", [(3,)]),
        ("SELECT max(name), min(name) FROM channel", [("ORF", "arte")]),
        ("SELECT rowid, name FROM channel WHERE name = 'arte'", [(2, "arte")]),
        ("SELECT count(*), max(rowid) FROM channel WHERE name >= 'arte'", [(3, 3)]),
        ("WITH a AS (SELECT * FROM channel) SELECT id FROM a WHERE name = 'arte'", [(2,)]),
        (
            "WITH RECURSIVE a (n) AS (SELECT 1 UNION SELECT n + 1 FROM a WHERE n < 3)"
            " SELECT n, name FROM a JOIN channel ON n = id WHERE name < 'e' ORDER BY n",
            [(1, "Das Erste"), (2, "arte")],
        ),
        ("SELECT count(*) FROM notetypes WHERE name = 'BASIC'", [(1,)]),
        ("SELECT ntid, name FROM fields WHERE ntid = 1 AND name = 'FRONT'", [(1, "Front")]),
    ],
)
def test_a_lookup_in_another_program_s_order_runs_without_its_index(
    android: Client, sql: str, rows: list[tuple[object, ...]]
) -> None:
    assert android.rows(sql) == rows


def test_what_is_read_without_an_index_is_written_and_counted(android: Client) -> None:
    android.run("CREATE TABLE mine (id INTEGER)")
    insert = "INSERT INTO mine SELECT id FROM channel WHERE name IN ('arte', 'ORF')"
    assert android.run(insert)[-1]["changes"] == 2
    assert android.run(f"{insert} RETURNING id")[-1]["changes"] == 2
    delete = "DELETE FROM mine WHERE id IN (SELECT id FROM channel WHERE name = 'ORF')"
    assert android.run(delete)[-1]["changes"] == 2
    for table in ("channel", '"channel"', "main.channel", "channel AS c"):
        update = f"UPDATE {table} SET favorite = 7 WHERE name = 'ORF'"
        assert android.run(update)[-1]["changes"] == 1
    assert android.rows("SELECT id FROM channel WHERE favorite = 7") == [(3,)]


@pytest.mark.parametrize(
    "view",
    [
        "CREATE VIEW v AS SELECT id, name AS n FROM channel",
        'CREATE VIEW "v" (id, n) AS SELECT id, name FROM channel -- all of them',
        "CREATE VIEW inner_v AS SELECT * FROM channel WHERE name > 'b' OR name = 'arte';"
        " CREATE VIEW v AS SELECT id, name AS n FROM inner_v WHERE name >= 'arte'",
    ],
)
def test_a_view_is_read_without_another_program_s_index(android: Client, view: str) -> None:
    android.rows("SELECT count(*) FROM channel")
    for outcome in android.run(view):
        assert outcome["error"] is None
    assert android.rows("SELECT id FROM v WHERE n = 'ARTE'") == [(2,)]
    assert android.rows("SELECT n FROM v ORDER BY n DESC") == [("ORF",), ("Das Erste",), ("arte",)]
    android.run("CREATE TEMP TABLE other (a)")
    assert android.error("SELECT id FROM v WHERE n = 'ARTE'")["type"] == "ForeignIndex"


def test_a_temporary_table_of_the_same_name_is_the_one_that_is_meant(android: Client) -> None:
    android.run("CREATE TEMP TABLE channel (id, name)")
    android.run("INSERT INTO temp.channel VALUES (9, 'arte')")
    assert android.rows("SELECT id FROM channel WHERE name = 'arte'") == [(9,)]
    sql = "SELECT c.id FROM channel c JOIN notetypes n ON n.name = 'basic' WHERE c.name = 'arte'"
    assert android.rows(sql) == [(9,)]


def test_a_key_is_looked_up_as_far_as_it_is_in_sqlite_s_own_order(android: Client) -> None:
    assert android.rows("SELECT count(*) FROM fields WHERE ntid = 1") == android.rows(
        "SELECT count(*) FROM fields WHERE +ntid = 1"
    )
    assert android.rows("SELECT name FROM channel WHERE id = 2") == [("arte",)]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO channel (name) VALUES ('new')",
        "UPDATE channel SET name = 'x' WHERE id = 1",
        "DELETE FROM channel WHERE id = 1",
        "INSERT OR REPLACE INTO fields VALUES (1, 'x')",
        "CREATE INDEX i ON channel (name, country)",
        "CREATE TABLE c (a TEXT COLLATE unicase UNIQUE); INSERT INTO c VALUES ('a')",
        "WITH n AS (SELECT 1) DELETE FROM notetypes WHERE id > 0",
        "CREATE TRIGGER g AFTER INSERT ON calls BEGIN DELETE FROM channel WHERE id = 1; END;"
        " DROP INDEX calls_i; INSERT INTO calls VALUES ('x')",
    ],
)
def test_nothing_is_written_in_another_program_s_order(android: Client, sql: str) -> None:
    android.rows("SELECT count(*) FROM channel")
    android.rows("SELECT count(*) FROM calls")
    error = android.error(sql)
    assert error["type"] == "ForeignIndex", error
    assert "Not written" in error["message"]
    assert android.rows("SELECT count(*) FROM channel") == [(3,)]


def test_what_writes_to_no_such_index_works(android: Client) -> None:
    android.rows("SELECT count(*) FROM channel")
    android.run("UPDATE channel SET favorite = 1 WHERE id = 1")
    assert android.rows("SELECT favorite FROM channel WHERE id = 1") == [(1,)]
    android.run("CREATE TABLE a_copy AS SELECT * FROM channel; DELETE FROM a_copy WHERE id = 3")
    assert android.rows("SELECT count(*) FROM a_copy") == [(2,)]
    android.run("DROP INDEX calls_i; INSERT INTO calls VALUES ('x')")


@pytest.mark.parametrize("sql", ["VACUUM", "REINDEX", "PRAGMA integrity_check", "ANALYZE"])
def test_no_stand_in_rewrites_or_checks_an_index(android: Client, sql: str) -> None:
    for _ in range(2):
        error = android.error(sql)
        assert error["message"].startswith("no such collation sequence"), error
        assert codes(error) == ["sql-collation-elsewhere"]
        android.rows("SELECT count(*) FROM channel")


def test_an_unknown_collation_sorts_and_compares_nothing(client: Client) -> None:
    path = client.host.storage.folder / "own.db"
    con = sqlite3.connect(path)
    con.create_collation("klingon", lambda one, other: (one > other) - (one < other))
    con.execute("CREATE TABLE t (a TEXT COLLATE klingon, b)")
    con.execute("CREATE INDEX i ON t (a)")
    con.execute("INSERT INTO t VALUES ('x', 1), ('y', 2)")
    con.commit()
    con.close()
    client.ask("open", database="own.db")
    assert client.rows("SELECT count(*) FROM t") == [(2,)]
    assert client.rows("SELECT b FROM t ORDER BY b DESC") == [(2,), (1,)]
    for sql in (
        "SELECT b FROM t NOT INDEXED ORDER BY a",
        "SELECT b FROM t WHERE +a = 'x'",
        "SELECT DISTINCT a FROM t NOT INDEXED",
        "SELECT b FROM t NOT INDEXED GROUP BY a",
        "SELECT a FROM t UNION SELECT a FROM t",
    ):
        error = client.error(sql)
        assert error["message"] == "no such collation sequence: klingon", (sql, error)
        assert error["hints"] == [
            {"code": "sql-collation-elsewhere", "params": {"name": "klingon"}}
        ]
    assert client.error("INSERT INTO t VALUES ('z', 3)")["type"] == "ForeignIndex"


def test_the_exported_file_is_byte_for_byte_the_one_that_came(client: Client) -> None:
    for name in ("android.db", "vec.db", "regexpcheck.db"):
        data = opened(client, name)
        client.run("SELECT count(*) FROM channel; SELECT * FROM channel ORDER BY +name")
        client.run("INSERT INTO channel (name) VALUES ('x')")
        client.run("SELECT mail FROM u; DROP TABLE vec_items")
        client.ask("export", database=name)
        assert client.parts[0] == data


def test_a_virtual_table_of_another_program_says_how_it_is_dropped(client: Client) -> None:
    opened(client, "vec.db")
    assert codes(client.error("SELECT * FROM vec_items")) == ["sql-module-elsewhere"]
    error = client.error("DROP TABLE vec_items")
    (hint,) = error["hints"]
    assert hint["code"] == "sql-module-elsewhere-drop"
    text = str(packing.messages()[f"hint.{hint['code']}"]).format(**hint["params"])
    way = text.partition("all the same: ")[2].partition("; then")[0]
    for statement in way.split("; "):
        assert client.run(statement)[-1]["error"] is None
    client.run("DROP TABLE vec_items_chunks; DROP TABLE vec_items_rowids")
    names = client.rows("SELECT name FROM sqlite_schema ORDER BY name")
    assert names == [("SpatialIndex",), ("docs",)]
    assert client.rows("PRAGMA integrity_check") == [("ok",)]


def test_rows_of_a_virtual_table_s_own_tables_are_there(client: Client) -> None:
    opened(client, "vec.db")
    for table in ("docs", "vec_items_chunks", "vec_items_rowids"):
        (outcome,) = client.run(f"SELECT * FROM {table}")
        assert outcome["error"] is None


def test_a_function_of_another_program_is_named(client: Client) -> None:
    opened(client, "regexpcheck.db")
    error = client.error("SELECT * FROM u")
    assert error["message"] == "unknown function: plate()"
    assert error["hints"] == [{"code": "sql-function-unknown", "params": {"name": "plate"}}]
    assert client.rows("SELECT mail FROM u") == [("a@b",)]
    assert client.rows("SELECT mail REGEXP '@' FROM u") == [(1,)]


# --- a database with a WAL beside it, as a program leaves it that runs or has crashed -------------


def source(name: str) -> BytesSource:
    return BytesSource((FIELD / name).read_bytes(), name)


def test_a_database_and_its_wal_have_all_rows(client: Client) -> None:
    client.ask("beside", source("walshop.db-wal"), name="walshop.db-wal")
    reply = client.ask("import_file", source("walshop.db"), name="walshop.db")
    assert reply["notes"] == []
    assert client.rows("SELECT count(*) FROM item") == [(3,)]
    assert client.rows("SELECT name FROM sqlite_schema WHERE name = 'added'") == [("added",)]


def test_a_wal_is_kept_until_a_name_is_found_and_used_once(client: Client) -> None:
    client.ask("import_file", source("walshop.db"), name="walshop.db")
    client.ask("beside", source("walshop.db-wal"), name="walshop.db-wal")
    error = client.fail("import_file", source("walshop.db"), name="walshop.db")
    assert error["type"] == "NameExists"
    client.ask("import_file", source("walshop.db"), name="walshop.db", database="two.db")
    assert client.rows("SELECT count(*) FROM item") == [(3,)]
    client.ask("import_file", source("walshop.db"), name="walshop.db", database="three.db")
    assert "added" not in [name for (name,) in client.rows("SELECT name FROM sqlite_schema")]


def test_a_database_in_wal_mode_alone_says_that_a_wal_may_be_missing(client: Client) -> None:
    reply = client.ask("import_file", source("walshop.db"), name="walshop.db")
    assert "walshop.db-wal" in " ".join(said(reply["notes"]))


@pytest.mark.parametrize(
    ("name", "what"), [("walshop.db-wal", "the WAL of"), ("walshop.db-shm", "the WAL-index of")]
)
def test_a_wal_or_its_index_alone_is_told_for_what_it_is(
    client: Client, name: str, what: str
) -> None:
    error = client.fail("import_file", source(name), name=name)
    assert what in error["message"]
    renamed = client.fail("import_file", source(name), name="shop.db")
    assert what in renamed["message"]
