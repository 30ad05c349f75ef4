"""VACUUM in pieces: it does what SQLite's own does, and can be stopped anywhere without a trace."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from sahpool_console.session.errors import Cancelled
from sahpool_console.session.sql import connection, vacuum
from sahpool_console.session.sql.connection import Connection

from .fake_host import FakeHost, FakeStorage

NAME = "a.db"

MADE = """
PRAGMA journal_mode=WAL;
PRAGMA user_version=7;
PRAGMA application_id=77;
CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT, b BLOB);
CREATE TABLE without (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE VIRTUAL TABLE found USING fts5 (a);
CREATE INDEX t_a ON t (a, lower(a));
CREATE VIEW seen AS SELECT a FROM t;
CREATE TRIGGER told AFTER DELETE ON t BEGIN INSERT INTO without VALUES (old.id, old.a); END;
INSERT INTO t (a, b) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
  SELECT 'row ' || i * 7919 % 6007, zeroblob(i % 700) FROM n;
INSERT INTO found SELECT a FROM t;
DELETE FROM t WHERE id % 3 = 0;
"""


class Desk:
    """A database of some megabytes in a folder, and a connection whose progress is ``look``."""

    def __init__(self, folder: Path) -> None:
        self.host = FakeHost(FakeStorage(folder))
        self.looks = 0
        self.look: Callable[[], object] = lambda: None
        self.connection = Connection(self.host, NAME, self._progress)
        self.con = self.connection.con
        self.con.executescript(MADE)

    def _progress(self) -> int:
        self.looks += 1
        return int(bool(self.look()))

    def has_looked(self, times: int) -> bool:
        return self.looks > times

    def is_copying_back(self) -> bool:
        """Whether the copy is made: it is in the rollback journal's way no more."""
        copy = self.host.storage.folder.parent / "scratch"
        return copy.exists() and not copy.with_name("scratch-journal").exists()

    def other(self) -> sqlite3.Connection:
        return self.host.storage.connect(NAME)

    def value(self, sql: str) -> object:
        return self.connection.query(sql)[0][0]

    def content(self) -> list[str]:
        """All that another connection finds, and that it is sound."""
        with closing(self.other()) as con:
            assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            told = [
                str(con.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("user_version", "application_id", "page_size", "encoding")
            ]
            return told + list(con.iterdump())

    def pages(self) -> int:
        with closing(self.other()) as con:
            return int(con.execute("PRAGMA page_count").fetchone()[0])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    folder = tmp_path / "databases"
    folder.mkdir()
    monkeypatch.setattr(vacuum, "LARGE", 1 << 20)
    monkeypatch.setattr(vacuum, "PIECE", 64 << 10)
    monkeypatch.setattr(connection, "PROGRESS_STEPS", 500)
    return Desk(folder)


def is_done_in_pieces(desk: Desk, sql: str = "VACUUM") -> bool:
    """Runs it; whether the host was asked for a place for the copy."""
    seen = []
    desk.look = lambda: seen.append((desk.host.storage.folder.parent / "scratch").exists())
    desk.connection.execute(sql)
    desk.look = lambda: None
    assert not (desk.host.storage.folder.parent / "scratch").exists()
    return any(seen)


def test_what_comes_of_it_is_what_sqlite_s_own_makes(desk: Desk, tmp_path: Path) -> None:
    before = desk.content()
    cookie = desk.value("PRAGMA schema_version")
    twin = tmp_path / "twin.db"
    with closing(desk.other()) as con, closing(sqlite3.connect(twin)) as copy:
        con.backup(copy)
        copy.execute("VACUUM")
        wanted = [
            copy.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "encoding")
        ]
    assert desk.pages() > wanted[0]
    assert is_done_in_pieces(desk)
    assert desk.content() == before
    assert [desk.pages(), desk.value("PRAGMA encoding")] == wanted
    assert desk.value("PRAGMA freelist_count") == 0
    assert desk.value("PRAGMA schema_version") == int(str(cookie)) + 1, "others read it anew"
    assert desk.value("PRAGMA journal_mode") == "wal"


def test_the_connection_s_own_settings_are_what_they_were(desk: Desk) -> None:
    settings = {"cache_size": 345, "synchronous": 1, "wal_autocheckpoint": 77}
    for name, number in settings.items():
        desk.connection.query(f"PRAGMA {name}={number}")
    assert is_done_in_pieces(desk)
    assert {name: desk.value(f"PRAGMA {name}") for name in settings} == settings
    calls = desk.looks
    desk.look = lambda: desk.looks > calls + 20
    with pytest.raises(sqlite3.OperationalError):
        desk.connection.execute("VACUUM")
    assert {name: desk.value(f"PRAGMA {name}") for name in settings} == settings


def test_settings_are_put_back_although_the_whole_schema_is_read_anew_for_that(desk: Desk) -> None:
    desk.con.executescript("".join(f"CREATE TABLE t{i} (a);" for i in range(300)))
    names = ("cache_size", "synchronous", "wal_autocheckpoint")
    before = [desk.value(f"PRAGMA {name}") for name in names]
    desk.looks, desk.look = 0, partial(desk.has_looked, 10)
    with pytest.raises(sqlite3.OperationalError):
        desk.connection.execute("VACUUM")
    desk.look = lambda: False
    assert [desk.value(f"PRAGMA {name}") for name in names] == before


def test_settings_that_a_failing_storage_keeps_are_put_back_before_the_next_statement(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vacuum, "_CACHE_KIB", 64)
    desk.con.executescript("".join(f"CREATE TABLE t{i} (a, b, c, d, e, f, g);" for i in range(200)))
    desk.connection.query("PRAGMA wal_checkpoint(TRUNCATE)")
    names = ("cache_size", "synchronous", "wal_autocheckpoint")
    before = [desk.value(f"PRAGMA {name}") for name in names]
    file, copy = desk.host.storage.folder / NAME, desk.host.storage.folder.parent / "scratch"
    whole = file.read_bytes()

    def fail() -> None:
        if copy.exists() and copy.stat().st_size > 1 << 18:
            with file.open("r+b") as damaged:
                damaged.truncate(4096)

    desk.look = fail
    with pytest.raises(sqlite3.DatabaseError):
        desk.connection.execute("VACUUM")
    desk.look = lambda: None
    with pytest.raises(sqlite3.DatabaseError):
        desk.connection.execute("SELECT 1 FROM t")
    file.write_bytes(whole)
    execution = desk.connection.execute("SELECT count(*) FROM t1")
    assert execution.rows is not None
    execution.rows.close()
    assert [desk.value(f"PRAGMA {name}") for name in names] == before


def test_what_is_committed_is_not_told_as_stopped(desk: Desk) -> None:
    desk.con.executescript("".join(f"CREATE TABLE t{i} (a);" for i in range(300)))
    pages = desk.pages()
    desk.looks = 0
    desk.look = lambda: desk.pages() < pages  # it is committed
    desk.connection.execute("VACUUM")
    desk.look = lambda: False
    assert desk.pages() < pages


def test_a_vacuum_stopped_anywhere_has_changed_nothing_and_can_be_done_again(desk: Desk) -> None:
    before, pages = desk.content(), desk.pages()
    halves = set()
    for last in count(1, 5):
        desk.looks = 0
        desk.look = partial(desk.has_looked, last)
        try:
            desk.connection.execute("VACUUM")
            break
        except (sqlite3.OperationalError, Cancelled) as error:
            halves.add(type(error))
        desk.look = lambda: None
        assert (desk.content(), desk.pages()) == (before, pages), last
        assert not desk.con.in_transaction
        with closing(desk.other()) as con:
            con.execute("BEGIN IMMEDIATE")  # nobody holds a lock
    assert halves == {sqlite3.OperationalError, Cancelled}, "both halves were stopped"
    desk.look = lambda: None
    assert desk.content() == before
    assert desk.pages() < pages


def test_during_a_vacuum_others_read_and_nobody_writes(desk: Desk) -> None:
    told: list[object] = []

    def look() -> None:
        if desk.looks % 20:
            return
        with closing(desk.other()) as con:
            told.append(con.execute("SELECT count(*) FROM t").fetchone()[0])
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                con.execute("INSERT INTO t (a) VALUES ('lost?')")

    rows = desk.value("SELECT count(*) FROM t")
    desk.looks, desk.look = 0, look
    desk.connection.execute("VACUUM")
    assert len(told) > 10
    assert set(told) == {rows}


def test_whoever_can_commit_meanwhile_is_not_undone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PROGRESS_STEPS", 1)  # no instruction goes unseen
    kept = 0

    def look() -> None:
        nonlocal kept
        if desk.looks % 997 and not desk.is_copying_back():
            return
        with closing(desk.other()) as con, suppress(sqlite3.OperationalError):
            con.execute("INSERT INTO without VALUES (?, 'kept')", (desk.looks,))
            con.commit()
            kept += 1

    desk.look = look
    desk.connection.execute("VACUUM")
    desk.look = lambda: False
    assert desk.value("SELECT count(*) FROM without WHERE v = 'kept'") == kept


def test_a_writer_is_waited_for_as_by_sqlite_s_own(desk: Desk) -> None:
    with closing(desk.other()) as con:
        con.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked") as caught:
            desk.connection.execute("VACUUM")
        assert caught.value.sqlite_errorcode == sqlite3.SQLITE_BUSY
    assert is_done_in_pieces(desk)


def test_a_vacuum_leaves_its_checkpoint_to_the_service(desk: Desk) -> None:
    desk.connection.query("PRAGMA wal_checkpoint(TRUNCATE)")
    size = desk.host.storage.size(NAME)
    desk.connection.query("PRAGMA synchronous=FULL")
    desk.connection.execute("VACUUM")
    desk.value("SELECT count(*) FROM t")
    assert desk.host.storage.size(NAME) == size
    assert set(desk.host.storage.flushed) == {NAME}, (
        "what was written on the way need not be at the end"
    )
    assert desk.connection.empty_wal()
    assert desk.host.storage.size(NAME) == desk.pages() * 4096 < size


@pytest.mark.parametrize("why", ["nobody empties it later", "it is long"])
def test_a_vacuum_is_checkpointed_at_once_where_the_wal_cannot_be_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    desk.connection.execute("PRAGMA wal_autocheckpoint=100")
    if why == "it is long":
        monkeypatch.setattr(connection, "LONG_WAL", 0)
        monkeypatch.setattr(connection, "LONG_SHARE", 0)
    else:
        desk.connection.execute("PRAGMA synchronous=OFF")
    assert is_done_in_pieces(desk)
    assert desk.host.storage.size(NAME) == desk.pages() * 4096


def test_repeated_vacuums_are_not_checkpointed_until_the_wal_is_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LONG_WAL", 0)
    desk.connection.execute("PRAGMA wal_autocheckpoint=100")
    desk.connection.query("PRAGMA wal_checkpoint(TRUNCATE)")
    size, sizes = desk.host.storage.size(NAME), []
    while desk.host.storage.size(NAME) == size:
        assert is_done_in_pieces(desk)
        sizes.append(desk.host.storage.size(f"{NAME}-wal"))
    assert len(sizes) > 2
    assert max(sizes) < 4 * size


def test_nothing_is_flushed_where_the_user_wants_no_commit_flushed(desk: Desk) -> None:
    desk.connection.query("PRAGMA synchronous=NORMAL")
    assert is_done_in_pieces(desk)
    assert desk.host.storage.flushed == []


@pytest.mark.parametrize(
    "prepared",
    [
        "PRAGMA journal_mode=DELETE",
        "PRAGMA locking_mode=EXCLUSIVE; BEGIN IMMEDIATE; COMMIT",
        "PRAGMA query_only=ON",
        "BEGIN",
    ],
)
def test_a_vacuum_that_cannot_run_in_pieces_is_sqlite_s_own(desk: Desk, prepared: str) -> None:
    desk.con.executescript(prepared)
    seen: list[bool] = []
    desk.look = lambda: seen.append((desk.host.storage.folder.parent / "scratch").exists())
    with suppress(sqlite3.OperationalError):  # its own, as the shell would tell it
        desk.connection.execute("VACUUM")
    assert not any(seen)


def test_a_small_database_is_done_by_sqlite_itself(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vacuum, "LARGE", 1 << 30)
    assert not is_done_in_pieces(desk)


def test_a_vacuum_is_sqlite_s_own_where_nothing_can_be_suspended(desk: Desk) -> None:
    desk.host.loop.can_suspend = False
    assert not is_done_in_pieces(desk)


def test_a_database_that_is_to_become_another_becomes_it(desk: Desk) -> None:
    before = desk.content()
    desk.connection.query("PRAGMA auto_vacuum=FULL")
    desk.connection.execute("VACUUM")
    assert desk.value("PRAGMA auto_vacuum") == 1
    desk.connection.query("PRAGMA page_size=8192")  # which in WAL mode stays as it is
    desk.connection.execute("VACUUM")
    assert desk.value("PRAGMA page_size") == 4096
    assert desk.content() == before


@pytest.mark.parametrize(
    ("sql", "is_one"),
    [
        ("VACUUM", True),
        ("vacuum;", True),
        ('VACUUM "main" ;', True),
        ("VACUUM\nmain", True),
        ("VACUUM -- for room", True),
        ("VACUUM /* it\nall */ main;", True),
        ("VACUUM/**/main", True),
        ("VACUUM'main'", True),
        ("VACUUM -- INTO 'b.db'\n", True),
        ("VACUUM -- for\nINTO 'b.db'", False),
        ("VACUUM\u00a0main", False),
        ("VACUUM temp", False),
        ("VACUUM INTO 'b.db'", False),
        ("VACUUM main INTO 'b.db'", False),
        ("EXPLAIN VACUUM", False),
        ("VACUUMmain", False),
    ],
)
def test_a_vacuum_of_the_database_itself_is_told_from_others(sql: str, is_one: bool) -> None:
    assert vacuum.is_vacuum(sql) is is_one
