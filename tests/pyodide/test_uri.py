"""URI parameters: on a pool they do what they do on the operating system's VFS of the same SQLite.

Source: sqlite.org/uri.html, and os_unix.c over Emscripten's file system, which is asked each time.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import sqlite3
from typing import TYPE_CHECKING

import sahpool
from tests.harness.inside_pools import named_slots
from tests.harness.inside_prelude import database, expect, killed_copy, opened, outcomes, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_parameters_mean_what_they_mean_to_the_system_s_own_vfs(pool: Pool) -> None:
    statements = (
        "SELECT a FROM t",
        "INSERT INTO t VALUES(2)",
        "SELECT count(*) FROM t",
        "PRAGMA journal_mode",
        "PRAGMA integrity_check",
    )
    parameters = [
        "",
        "&mode=ro",
        "&mode=rw",
        "&mode=rwc",
        "&mode=memory",
        "&mode=whatever",
        "&immutable=1",
        "&immutable=0",
        "&mode=ro&immutable=1",
        "&cache=shared",
        "&cache=private",
        "&cache=whatever",
        "&mode=ro&cache=shared",
        "&nolock=1",
        "&psow=0",
        "&psow=1",
        "&unknown=1",
    ]
    folder = pathlib.Path("/tmp/uris")
    compared = 0
    for journal in ("DELETE", "TRUNCATE", "WAL"):
        for another_is_open in (False, True):
            for each in parameters:
                answers = []
                for vfs, root in ((pool.name, "/"), ("unix", f"{folder}/")):
                    shutil.rmtree(folder, ignore_errors=True)
                    folder.mkdir()
                    with database(f"file:{root}a.db?vfs={vfs}") as con:
                        con.execute(f"PRAGMA journal_mode={journal}")
                        con.execute("CREATE TABLE t(a)")
                        con.execute("INSERT INTO t VALUES(1)")
                        if not another_is_open:
                            con.close()
                        answers.append(outcomes(f"file:{root}a.db?vfs={vfs}{each}", *statements))
                ours, theirs = answers
                assert ours == theirs, (journal, another_is_open, each, ours, theirs)
                compared += 1
                pool.unlink("a.db")
    assert compared == 6 * len(parameters)


@in_worker()
async def test_a_missing_file_is_told_as_the_mode_wants_it_and_none_is_made(pool: Pool) -> None:
    for mode in ("ro", "rw"):
        with expect(sqlite3.OperationalError, "unable to open database file") as caught:
            sqlite3.connect(pool.uri("missing.db", mode=mode), uri=True)
        cause = caught.error.__cause__
        assert isinstance(cause, sahpool.NoSuchDatabaseError), cause
        assert "/missing.db" in str(cause)
    assert pool.file_names == []
    made = outcomes(pool.uri("missing.db", mode="rwc"), "CREATE TABLE t(a)")
    assert made == [[]]
    assert pool.file_names == ["/missing.db"]
    in_memory = pool.uri("memory.db", mode="memory")
    assert outcomes(in_memory, "CREATE TABLE t(a)", "PRAGMA journal_mode") == [[], [("memory",)]]
    assert pool.file_names == ["/missing.db"]


@in_worker()
async def test_reading_only_changes_no_byte_whatever_lies_beside_the_database(pool: Pool) -> None:
    """A WAL or a hot journal that a killed worker left is read, or told, as on a desktop."""
    statements = ("SELECT count(*), sum(a) FROM t", "INSERT INTO t VALUES(1, 1)")
    folder = pathlib.Path("/tmp/uris")
    for journal in ("DELETE", "WAL"):
        answers = {}
        for vfs, root in ((pool.name, "/"), ("unix", f"{folder}/")):
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "killed").mkdir(parents=True)
            with database(f"file:{root}a.db?vfs={vfs}") as con:
                con.execute(f"PRAGMA journal_mode={journal}")
                con.execute("CREATE TABLE t(a, b)")
                con.execute("PRAGMA cache_size=5")
                con.execute("PRAGMA wal_autocheckpoint=0")
                for n in range(10):
                    con.execute("INSERT INTO t VALUES(?, zeroblob(3000))", (n,))
                con.execute("BEGIN")
                con.execute("UPDATE t SET a = 0")
                if vfs == "unix":
                    for name in ("a.db", "a.db-journal", "a.db-wal"):
                        if (folder / name).exists():
                            shutil.copy(folder / name, folder / "killed")
                    con.execute("ROLLBACK")
                    left = f"file:{folder}/killed/a.db?vfs=unix&mode=ro"
                    answers[vfs] = outcomes(left, *statements)
                    continue
                await killed_copy(pool, f"killed-{journal}")
                con.execute("ROLLBACK")
            after = await sahpool.install(f"after-{journal}", directory=f"killed-{journal}")

            def files(killed: Pool = after) -> dict[str, bytes]:
                named = named_slots(killed)
                return {path: slot.handle.read(1 << 24, 0) for path, slot in named.items()}

            before = files()
            assert len(before) == 2, list(before)
            answers[vfs] = outcomes(after.uri("a.db", mode="ro"), *statements)
            assert files() == before, journal
            whole = outcomes(after.uri("a.db"), *statements[:1], "PRAGMA integrity_check")
            assert whole == [[(10, 45)], [("ok",)]], whole
        assert answers[pool.name] == answers["unix"], (journal, answers)
        pool.unlink("a.db")


@in_worker()
async def test_a_shared_cache_locks_tables_as_on_the_system_s_own_vfs(pool: Pool) -> None:
    """Pyodide's SQLite has it compiled in: two connections with one cache, and table locks."""
    folder = pathlib.Path("/tmp/uris")
    answers = []
    for vfs, root in ((pool.name, "/"), ("unix", f"{folder}/")):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        uri = f"file:{root}a.db?vfs={vfs}&cache=shared"
        with database(uri) as one, database(uri) as two:
            one.execute("PRAGMA journal_mode=DELETE")
            one.execute("CREATE TABLE t(a)")
            one.execute("BEGIN")
            one.execute("INSERT INTO t VALUES(1)")
            found: list[object] = []
            for statement in ("SELECT * FROM t", "PRAGMA read_uncommitted=1", "SELECT * FROM t"):
                try:
                    found.append(two.execute(statement).fetchall())
                except sqlite3.OperationalError as error:
                    found.append(f"{error.sqlite_errorname}: {error}")
            one.execute("COMMIT")
            found.append(value(two, "SELECT count(*) FROM t"))
        answers.append(found)
    assert answers[0] == answers[1]
    assert answers[0] == [
        "SQLITE_LOCKED_SHAREDCACHE: database table is locked: t",
        [],
        [(1,)],
        1,
    ]


@in_worker()
async def test_any_name_can_be_written_in_a_uri(pool: Pool) -> None:
    names = {
        "a%20b.db": "/a b.db",
        "c d.db": "/c d.db",
        "e%3Ff.db": "/e?f.db",
        "g%23h.db": "/g#h.db",
        "i%25j.db": "/i%j.db",
        "%C3%A9.db": "/é.db",
        "日本.db": "/日本.db",
        "k%2Fl.db": "/k/l.db",
        "m+n.db": "/m+n.db",
        "o&p=q.db": "/o&p=q.db",
        "r%zz.db": "/r%zz.db",
        "t//u.db": "/t/u.db",
        "./v.db": "/v.db",
        "x/../w.db": "/w.db",
    }
    await pool.add_capacity(2 * len(names))
    for written, path in names.items():
        with database(f"file:/{written}?vfs={pool.name}") as con:
            con.execute("PRAGMA journal_mode=DELETE")
            con.execute("CREATE TABLE t(a)")
            assert con.execute("PRAGMA database_list").fetchone()[2] == path
        assert pool.exists(path), written
        # And the pool writes URIs that lead to the same file.
        with database(pool.uri(path)) as con:
            assert value(con, "SELECT count(*) FROM t") == 0
    assert pool.file_names == sorted(names.values())
    for uri, text in (
        ("file:/?vfs=", "unable to open database file"),
        ("file://elsewhere/a.db?vfs=", "invalid uri authority: elsewhere"),
        ("file:a.db?vfs=no-", "no such vfs: no-"),
    ):
        with expect(sqlite3.OperationalError, text):
            sqlite3.connect(uri + pool.name, uri=True)
    with database(f"file:/rel.db?vfs={pool.name}#fragment") as con:
        assert con.execute("PRAGMA database_list").fetchone()[2] == "/rel.db"
    for uri in ("file:rel.db?vfs=", "file:///rel.db?vfs=", "file://localhost/rel.db?vfs="):
        with database(uri + pool.name) as con:
            assert con.execute("PRAGMA database_list").fetchone()[2] == "/rel.db"


@in_worker()
async def test_databases_of_several_pools_and_file_systems_are_attached_to_one(pool: Pool) -> None:
    folder = pathlib.Path("/tmp/uris")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    second = await sahpool.install(pool.name + "-second")
    attached = (second.uri("b.db"), f"file:{folder}/c.db?vfs=unix", ":memory:", "", "/beside.db")
    mains = (pool.uri("a.db"), f"file:{folder}/a.db?vfs=unix", ":memory:")
    for main in mains:
        with database(main) as con:
            con.execute("CREATE TABLE t(a)")
            databases = ["main"]
            for number, uri in enumerate(attached[: 5 if main == mains[0] else 4]):
                con.execute(f"ATTACH ? AS d{number}", (uri,))
                con.execute(f"CREATE TABLE IF NOT EXISTS d{number}.t(a)")
                databases.append(f"d{number}")
            for end, change in (("ROLLBACK", 0), ("COMMIT", 1)):
                before = [value(con, f"SELECT count(*) FROM {each}.t") for each in databases]
                con.execute("BEGIN")
                for each in databases:
                    con.execute(f"INSERT INTO {each}.t VALUES(1)")
                con.execute(end)
                after = [value(con, f"SELECT count(*) FROM {each}.t") for each in databases]
                assert after == [count + change for count in before], (main, end)
    # A name without a VFS is looked for where the main database is.
    assert pool.file_names == ["/a.db", "/beside.db"]
    assert second.file_names == ["/b.db"]
    with database(pool.uri("a.db")) as con:
        con.execute("VACUUM INTO ?", (second.uri("into.db"),))
    with opened(second, "b.db") as con, opened(second, "into.db") as into:
        assert value(con, "SELECT count(*) FROM t") == len(mains)
        assert value(into, "SELECT count(*) FROM t") == 1


@in_worker()
async def test_an_attached_database_has_the_settings_of_its_main_one_s_pool(pool: Pool) -> None:
    """The PRAGMAs of a pool are given to connections that open there, as install() documents."""
    with database(":memory:") as con:
        con.execute("ATTACH ? AS p", (pool.uri("a.db"),))
        con.execute("CREATE TABLE p.t(a)")
        assert value(con, "PRAGMA p.journal_mode") == "delete"
        assert value(con, "PRAGMA p.synchronous") == 2
        assert value(con, "PRAGMA p.journal_mode=WAL") == "wal"


@in_worker(default=True, spare=16)
async def test_a_pool_that_is_the_default_takes_plain_names_and_leaves_others_reachable(
    pool: Pool,
) -> None:
    folder = pathlib.Path("/tmp/uris")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    plain: dict[str | bytes | pathlib.Path, str] = {
        "plain.db": "/plain.db",
        "folder/in.db": "/folder/in.db",
        "/absolute.db": "/absolute.db",
        "what?is#this.db": "/what?is#this.db",
        b"bytes.db": "/bytes.db",
        pathlib.Path("path.db"): "/path.db",
        f"{folder}/plain.db": f"{folder}/plain.db",
    }
    for name, path in plain.items():
        with contextlib.closing(sqlite3.connect(name)) as con:
            con.execute("CREATE TABLE t(a)")
            assert con.execute("PRAGMA database_list").fetchone()[2] == path
            assert value(con, "PRAGMA journal_mode") == "wal"
    assert pool.databases == sorted(plain.values())
    assert list(folder.iterdir()) == []
    for nowhere in (":memory:", "", "file::memory:", "file:x.db?mode=memory"):
        with database(nowhere) as con:
            con.execute("CREATE TABLE t(a)")
            assert con.execute("PRAGMA database_list").fetchone()[2] == ""
    with database(f"file:{folder}/x.db?vfs=unix") as con:
        con.execute("CREATE TABLE t(a)")
    assert [path.name for path in folder.iterdir()] == ["x.db"]
    assert pool.databases == sorted(plain.values())
    await pool.remove_vfs()
    with expect(sqlite3.OperationalError, "unable to open database file"):
        sqlite3.connect(folder / "after.db")
    sahpool.set_default(None)
    with contextlib.closing(sqlite3.connect(folder / "after.db")) as con:
        con.execute("CREATE TABLE t(a)")
    assert sorted(path.name for path in folder.iterdir()) == ["after.db", "x.db"]


@in_worker()
async def test_a_pool_s_own_uris_take_parameters(pool: Pool) -> None:
    with database(pool.uri("a.db")) as con:
        con.execute("CREATE TABLE t(a)")
    with (
        database(pool.uri("a.db", mode="ro", cache="private")) as con,
        expect(sqlite3.OperationalError, "readonly"),
    ):
        con.execute("INSERT INTO t VALUES(1)")
    with database(pool.uri("a.db", immutable=1)) as con:
        assert value(con, "SELECT count(*) FROM t") == 0
    assert pool.uri("b.db", of="x&y#z") == f"file:///b.db?vfs={pool.name}&of=x%26y%23z"
