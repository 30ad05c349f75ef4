"""Indexes that would help a query, and trying them: nothing of one stays unless it is kept."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import serve
from sahpool_console.session import job
from sahpool_console.session.host import Function
from sahpool_console.session.operations import plans
from sahpool_console.session.service import Service
from sahpool_console.session.sql import advice

from .fake_host import Client, hint_of

SCHEMA = """
CREATE TABLE album (id INTEGER PRIMARY KEY, artist_id INTEGER, title TEXT, year INT);
CREATE TABLE track (id INTEGER PRIMARY KEY, album_id INTEGER, name TEXT, "the ms" INT, genre TEXT);
CREATE VIEW long AS SELECT * FROM track WHERE "the ms" > 900;
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO track SELECT i, i / 10, 'n' || i, i * 7 % 1000, 'g' || (i % 20) FROM n;
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO album SELECT i, i / 10, 't' || i, 1950 + i % 70 FROM n;
"""
QUERY = "SELECT * FROM track WHERE album_id = 5"
CREATE = "CREATE INDEX track_album_id ON track (album_id)"
ENDLESS = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
OBJECTS = "SELECT group_concat(name) FROM sqlite_schema"
TABLES = "album,track,long"


@pytest.fixture
def music(client: Client) -> Client:
    client.run(SCHEMA)
    return client


def advised(client: Client, sql: str) -> tuple[str, list[str]] | None:
    """Why, and the statements that make the indexes, without CREATE INDEX."""
    found = client.ask("plan", sql=sql)["advice"]
    if found is None:
        return None
    return found["why"], [each["create"].partition(" ON ")[2] for each in found["indexes"]]


@pytest.mark.parametrize(
    ("sql", "why", "indexes"),
    [
        (QUERY, "scan", ["track (album_id)"]),
        (f'{QUERY} AND "the ms" > 3', "scan", ['track (album_id, "the ms")']),
        (f'{QUERY} ORDER BY "the ms" DESC', "sort", ['track (album_id, "the ms")']),
        (
            'SELECT * FROM track ORDER BY genre, "the ms" DESC LIMIT 9',
            "sort",
            ['track (genre, "the ms" DESC)'],
        ),
        ("SELECT genre, count(*) FROM track GROUP BY genre", "sort", ["track (genre)"]),
        ("SELECT DISTINCT genre FROM track", "sort", ["track (genre)"]),
        ("SELECT * FROM track WHERE name LIKE 'n1%'", "scan", ["track (name COLLATE NOCASE)"]),
        ("SELECT * FROM long WHERE genre = 'g1'", "scan", ['track (genre, "the ms")']),
        (
            "WITH g AS (SELECT * FROM track) SELECT * FROM g WHERE genre = ?",
            "scan",
            ["track (genre)"],
        ),
        (
            "SELECT * FROM album a JOIN track t ON t.album_id = a.id WHERE a.year = 1970",
            "scan",
            ["album (year)", "track (album_id)"],
        ),
        (
            "SELECT * FROM track WHERE album_id = 1 OR genre = 'g2'",
            "scan",
            ["track (album_id)", "track (genre)"],
        ),
        (
            "SELECT * FROM album a JOIN track t ON t.name = a.title",
            "automatic",
            ["track (name)"],
        ),
    ],
)
def test_what_the_planner_would_use_is_advised(
    music: Client, sql: str, why: str, indexes: list[str]
) -> None:
    found = advised(music, sql)
    assert found is not None
    assert found[0] == why
    if why == "automatic":  # either table may be the one that is looked up in
        assert found[1] in (["track (name)"], ["album (title)"])
    else:
        assert found[1] == indexes


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM track",
        "SELECT count(*) FROM track",
        "SELECT * FROM track WHERE id = 4",
        "SELECT * FROM track WHERE lower(name) = 'n5'",
        "SELECT * FROM track JOIN album ON album.id = album_id",
        "SELECT 1",
        "SELECT * FROM sqlite_schema WHERE name = 'track'",
        "SELECT * FROM json_each('[1]') WHERE value = 1",
        "DELETE FROM track WHERE album_id = 5",
    ],
)
def test_nothing_is_advised_where_no_index_would_help(music: Client, sql: str) -> None:
    assert advised(music, sql) is None


def test_a_name_that_is_taken_is_not_advised(music: Client) -> None:
    music.run("CREATE TABLE track_album_id (x); CREATE VIEW Track_Album_Id_2 AS SELECT 1")
    (index,) = music.ask("plan", sql=QUERY)["advice"]["indexes"]
    assert index["create"] == "CREATE INDEX track_album_id_3 ON track (album_id)"
    assert (index["table"], index["columns"]) == ("track", ["album_id"])


def test_names_that_are_no_words_are_quoted(client: Client) -> None:
    client.host.engine.own_keywords = ["SELECT", "ORDER"]
    client.run('CREATE TABLE "my ""t" ("order", ünï); CREATE TABLE sqlitetable (a)')
    found = client.ask("plan", sql='SELECT * FROM "my ""t" WHERE "order" = 1 AND ünï > 2')
    (index,) = found["advice"]["indexes"]
    assert index["create"].endswith(' ON "my ""t" ("order", "ünï")')
    client.run(index["create"])
    assert client.ask("plan", sql='SELECT * FROM "my ""t" WHERE "order" = 1')["advice"] is None


def test_temporary_and_attached_tables_are_advised_on_where_they_are(client: Client) -> None:
    client.run(
        "ATTACH ':memory:' AS other; CREATE TABLE other.t (a, b); CREATE TEMP TABLE s (c, d);"
        "CREATE TABLE t (x)"
    )
    (one,) = client.ask("plan", sql="SELECT * FROM other.t WHERE a = 1")["advice"]["indexes"]
    assert one["create"] == "CREATE INDEX other.t_a ON t (a)"
    (two,) = client.ask("plan", sql="SELECT * FROM s WHERE c = 1")["advice"]["indexes"]
    assert two["create"] == "CREATE INDEX temp.s_c ON s (c)"
    for index, sql in (
        (one, "SELECT * FROM other.t WHERE a = 1"),
        (two, "SELECT * FROM s WHERE c = 1"),
    ):
        assert client.ask("try_indexes", sql=sql, create=index["create"])["steps"][0]["code"] == (
            "search-index"
        )


def test_the_statistics_of_analyze_are_heeded(client: Client) -> None:
    client.run("CREATE TABLE t (a); CREATE TABLE u (b); ANALYZE")
    sql = "SELECT * FROM t, u WHERE t.a = u.b"
    for many, few, index in (("t", "u", "t (a)"), ("u", "t", "u (b)")):
        client.run(
            "DELETE FROM sqlite_stat1;"
            f"INSERT INTO sqlite_stat1 VALUES ('{many}', NULL, '9000000'), ('{few}', NULL, '3')"
        )
        assert advised(client, sql) == ("scan", [index])


def test_functions_and_collations_of_the_console_are_known(music: Client) -> None:
    doubled = Function("doubled", 1, lambda x: x, deterministic=True)
    music.host.engine.own_functions = [doubled]
    music.ask("open", database="other.db")
    music.run(SCHEMA)
    assert advised(music, f"{QUERY} AND doubled(id) > 3") is not None
    music.run("CREATE TABLE k (a TEXT COLLATE UNICASE, b)")
    assert advised(music, "SELECT * FROM k WHERE b = 1") == ("scan", ["k (b)"])
    assert advised(music, "SELECT * FROM k WHERE a = 'x'") is None


def test_the_search_for_indexes_ends_in_time(
    music: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advice, "MOST_SECONDS", -1)
    assert advised(music, QUERY) is None


def test_the_advice_leaves_the_database_as_it_is(music: Client) -> None:
    before = music.rows("PRAGMA schema_version")
    music.ask("plan", sql=QUERY)
    assert music.rows("PRAGMA schema_version") == before
    assert music.rows(OBJECTS) == [(TABLES,)]


# Trying


def trial(client: Client, sql: str = QUERY, create: str = CREATE) -> dict[str, Any]:
    return client.ask("try_indexes", sql=sql, create=create)


def test_a_trial_times_the_query_without_the_index_and_with_it(music: Client) -> None:
    reply = trial(music)
    assert reply["steps"][0]["code"] == "search-index"
    assert reply["without"]["rows"] == reply["with"]["rows"] == 10
    assert reply["without"]["samples"] == reply["with"]["samples"] == plans.MOST_SAMPLES
    assert reply["without"]["seconds"] > reply["with"]["seconds"] > 0
    assert reply["size"] >= 4096
    assert reply["built"] > 0


def nothing_stayed(client: Client) -> None:
    assert client.rows(OBJECTS) == [(TABLES,)]
    assert client.rows("PRAGMA integrity_check") == [("ok",)]
    assert not client.session.open_connection.con.in_transaction
    path = client.host.storage.folder / "notes.db"
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE; ")
    other.execute("ROLLBACK")
    other.close()


def test_nothing_of_it_stays(music: Client) -> None:
    path = music.host.storage.folder / "notes.db"
    before = path.read_bytes()
    trial(music)
    assert path.read_bytes() == before
    nothing_stayed(music)


def test_rows_that_were_read_before_still_are_those_of_the_data(music: Client) -> None:
    state = music.run("SELECT * FROM track LIMIT 3")[0]["state"]
    trial(music)
    assert music.run("SELECT * FROM track LIMIT 3")[0]["state"] == state
    assert music.ask("export_rows", sql="SELECT 1", format="csv", state=state)["rows"] == 1


def test_nothing_of_it_stays_after_a_cancel_whenever_it_comes(
    music: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "TICK_SECONDS", 0)
    monkeypatch.setattr(plans, "SAMPLE_SECONDS", 0)
    monkeypatch.setattr(plans, "MOST_SAMPLES", 2)
    # The n-th look whether to go on is the one that stops it: while the query runs without the
    # index, while that is made, while the query runs with it.
    sql = "SELECT count(*) FROM track WHERE album_id > 3"
    phases: set[tuple[bool, bool]] = set()
    cancelled = left = 0

    def look() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            music.cancel(music.next_id() - 1)

    music.host.loop.on_tick = look
    while True:
        left = cancelled
        seen: list[str] = []
        music.session.open_connection.con.set_trace_callback(seen.append)
        reply = asyncio.run(music.send("try_indexes", sql=sql, create=CREATE))
        music.session.open_connection.con.set_trace_callback(None)
        left = 1_000_000
        nothing_stayed(music)
        if reply["ok"]:
            break
        assert reply["error"]["type"] == "Cancelled"
        made = [number for number, each in enumerate(seen) if each == CREATE]
        phases.add((bool(made), sql in seen[made[0] :] if made else False))
        cancelled += 1
    assert phases >= {(False, False), (True, False), (True, True)}


def test_nothing_of_it_stays_after_an_error(music: Client) -> None:
    errors = [
        music.fail("try_indexes", sql=QUERY, create="CREATE INDEX x ON nowhere (a)"),
        music.fail("try_indexes", sql=QUERY, create=f"{CREATE}; {CREATE}"),
        music.fail("try_indexes", sql="SELECT * FROM nowhere", create=CREATE),
        music.fail("try_indexes", sql="SELECT json(name) FROM track", create=CREATE),
    ]
    assert [each["type"] for each in errors] == ["OperationalError"] * 4
    nothing_stayed(music)


def test_a_full_storage_undoes_it_as_well(music: Client) -> None:
    ((pages,),) = music.rows("PRAGMA page_count")
    music.run(f"PRAGMA max_page_count = {pages + 1}")
    error = music.fail("try_indexes", sql=QUERY, create="CREATE INDEX x ON track (name, genre)")
    assert error["name"] == "SQLITE_FULL"
    nothing_stayed(music)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@pytest.mark.parametrize("statement", ["CREATE", "SELECT"])
def test_nothing_of_it_stays_after_the_worker_was_killed(
    tmp_path: Path, mode: str, statement: str
) -> None:
    folder = tmp_path / "databases"
    folder.mkdir()
    con = sqlite3.connect(folder / "notes.db")
    con.execute(f"PRAGMA journal_mode = {mode}")
    con.executescript(SCHEMA)
    con.close()
    beside = "notes.db-wal" if mode == "WAL" else "notes.db-journal"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), statement, beside],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS))},
        check=False,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    assert (folder / beside).stat().st_size > 512, "the index was on its way to the disk"
    con = sqlite3.connect(folder / "notes.db")
    assert con.execute(OBJECTS).fetchall() == [(TABLES,)]
    assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert con.execute("SELECT count(*) FROM track").fetchall() == [(3000,)]
    con.close()


PATHS = (serve.ROOT, serve.ROOT / "worker", serve.ROOT / "app")

# Ends itself while the index is made (CREATE), or while the query runs with it (SELECT). The page
# cache is so small that pages of the index do not fit into it.
KILLED = f"""
import os, signal, sys
from pathlib import Path
from tests.harness import page_texts
from tests.unit.fake_host import Client, FakeHost, FakeStorage

client = Client(FakeHost(FakeStorage(Path(sys.argv[1]))))
client.ask("open", database="notes.db")
client.run("PRAGMA cache_size = 5")
con = client.session.connection.con
made = False

def end():
    os.kill(os.getpid(), signal.SIGKILL)

def look():
    beside = Path(sys.argv[1]) / sys.argv[3]
    if beside.exists() and beside.stat().st_size > 512:
        end()

def trace(sql):
    global made
    if made and sql.startswith("SELECT * FROM track"):
        end()
    if "CREATE INDEX" in sql:
        made = True
        if sys.argv[2] == "CREATE":
            con.set_progress_handler(look, 100)

con.set_trace_callback(trace)
client.ask("try_indexes", sql="{QUERY}", create="CREATE INDEX x ON track (album_id, name, genre)")
"""


def test_in_a_transaction_that_is_open_it_is_refused(music: Client) -> None:
    music.run("BEGIN; INSERT INTO album (title) VALUES ('mine')")
    for op in ("try_indexes", "keep_indexes"):
        fields = {"sql": QUERY} if op == "try_indexes" else {}
        error = music.fail(op, create=CREATE, **fields)
        assert error["type"] == "TransactionOpen"
        assert hint_of(error) == "COMMIT or ROLLBACK it first."
    assert music.rows("SELECT count(*) FROM album WHERE title = 'mine'") == [(1,)]
    music.run("COMMIT")
    assert music.rows("SELECT count(*) FROM album WHERE title = 'mine'") == [(1,)]


def test_of_a_database_that_is_not_to_be_written_nothing_is_tried(music: Client) -> None:
    music.run("PRAGMA query_only = ON")
    assert music.fail("try_indexes", sql=QUERY, create=CREATE)["name"] == "SQLITE_READONLY"
    assert music.fail("keep_indexes", create=CREATE)["name"] == "SQLITE_READONLY"
    music.run("PRAGMA query_only = OFF")
    nothing_stayed(music)


def test_while_another_tab_writes_a_trial_waits_and_then_says_which_tab_it_is(
    music: Client, tmp_path: Path
) -> None:
    other = Client(music.host, music.service, "other")
    for number, tab in enumerate((other, music), 1):
        tab.ask("hello", protocol=4, tab=number, database="notes.db")
    other.run("BEGIN IMMEDIATE; INSERT INTO album (title) VALUES ('theirs')")
    music.run("PRAGMA busy_timeout = 200")
    error = music.fail("try_indexes", sql=QUERY, create=CREATE)
    assert error["name"] == "SQLITE_BUSY"
    assert "Tab 1" in hint_of(error)
    assert any(event["event"] == "waiting" for event in music.events)
    other.run("COMMIT")
    assert trial(music)["steps"][0]["code"] == "search-index"


def test_only_a_query_that_only_reads_is_timed(music: Client) -> None:
    for sql in ("DELETE FROM track", "INSERT INTO album (title) VALUES (1) RETURNING id"):
        assert music.fail("try_indexes", sql=sql, create=CREATE)["code"] == "times-only-reading"
    assert music.rows("SELECT count(*) FROM track") == [(3000,)]


@pytest.mark.parametrize(
    "create",
    ["", "DROP TABLE track", f"{CREATE}; DROP TABLE track", "SELECT 1", "CREATE TABLE x (a)"],
)
def test_nothing_but_indexes_is_made(music: Client, create: str) -> None:
    assert music.fail("try_indexes", sql=QUERY, create=create)["type"] == "ProtocolError"
    assert music.fail("keep_indexes", create=create)["type"] == "ProtocolError"
    nothing_stayed(music)


def test_a_query_that_takes_long_runs_once(music: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MOST_SECONDS", 0)
    reply = trial(music)
    assert (reply["without"]["samples"], reply["with"]["samples"]) == (1, 1)


def test_the_time_limit_stops_a_trial(music: Client) -> None:
    error = music.fail("try_indexes", sql=ENDLESS, create=CREATE, seconds=1)
    assert error["type"] == "TimedOut"
    nothing_stayed(music)


def test_an_index_that_is_kept_is_there_for_all(music: Client) -> None:
    other = Client(music.host, Service(music.host), "other")
    other.ask("open", database="notes.db")
    reply = music.ask("keep_indexes", create=f"{CREATE}; CREATE INDEX album_year ON album (year)")
    names = [index["name"] for table in reply["schema"] for index in table["indexes"]]
    assert names == ["album_year", "track_album_id"]
    assert other.ask("plan", sql=QUERY)["steps"][0]["params"]["index"] == "track_album_id"
    assert advised(other, QUERY) is None
    other.service.close()


def test_of_several_indexes_all_are_kept_or_none(music: Client) -> None:
    error = music.fail("keep_indexes", create=f"{CREATE}; CREATE INDEX x ON nowhere (a)")
    assert error["type"] == "OperationalError"
    nothing_stayed(music)
