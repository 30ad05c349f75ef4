"""New databases: as on a disk until they have a table, and in WAL mode from then on."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import sqlite3
from typing import TYPE_CHECKING, Any

import sahpool
from tests.harness.inside_prelude import database, expect, killed_copy, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_a_new_database_is_in_wal_mode_from_its_first_committed_table_on(pool: Pool) -> None:
    with opened(pool, "a.db") as con, opened(pool, "a.db") as other:
        assert value(con, "PRAGMA journal_mode") == "delete"
        assert value(other, "PRAGMA user_version") == 0
        con.execute("PRAGMA user_version=7")
        assert value(con, "PRAGMA journal_mode") == "delete"
        con.execute("BEGIN")
        con.execute("CREATE TABLE rolled_back(a)")
        con.execute("ROLLBACK")
        assert value(con, "PRAGMA journal_mode") == "delete"
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA journal_mode") == "wal"
        con.execute("INSERT INTO t VALUES(1)")
        assert pool.file_names == ["/a.db", "/a.db-wal"]
        assert value(other, "SELECT count(*) FROM t") == 1
        assert value(other, "PRAGMA journal_mode") == "wal"
        assert value(other, "PRAGMA user_version") == 7
    with database(pool.uri("a.db")) as con:
        assert value(con, "PRAGMA journal_mode") == "wal"
        assert value(con, "PRAGMA integrity_check") == "ok"


@in_worker(default=True)
async def test_every_way_to_commit_the_first_table_ends_in_wal_mode(pool: Pool) -> None:
    def script(con: sqlite3.Connection) -> None:
        con.executescript("BEGIN; CREATE TABLE t(a); INSERT INTO t VALUES(1); COMMIT")

    def implicit(con: sqlite3.Connection) -> None:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(1)")
        con.commit()

    def block(con: sqlite3.Connection) -> None:
        with con:
            con.execute("CREATE TABLE t AS SELECT 1 AS a")

    def savepoint(con: sqlite3.Connection) -> None:
        con.execute("SAVEPOINT s")
        con.execute("CREATE TABLE t AS SELECT 1 AS a")
        con.execute("RELEASE s")
        con.commit()

    def large(con: sqlite3.Connection) -> None:
        con.execute("PRAGMA cache_size=5")
        con.executescript(
            "BEGIN; CREATE TABLE big(a); "
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
            "INSERT INTO big SELECT randomblob(3000) FROM n; "
            "CREATE TABLE t AS SELECT 1 AS a; COMMIT"
        )

    def tables(con: sqlite3.Connection) -> None:  # more than the first page has room for
        names = [f"CREATE TABLE t{n}(a, b, c, d)" for n in range(300)]
        con.executescript("; ".join(("BEGIN", *names, "CREATE TABLE t AS SELECT 1 AS a", "COMMIT")))

    def over_two(con: sqlite3.Connection) -> None:
        con.execute("ATTACH 'second.db' AS second")
        con.executescript(
            "BEGIN; CREATE TABLE second.u(a); CREATE TABLE t AS SELECT 1 AS a; COMMIT"
        )

    ways = (script, implicit, block, savepoint, large, tables, over_two)
    settings: tuple[dict[str, Any], ...] = (
        {},
        {"isolation_level": None},
        {"autocommit": True},
        {"autocommit": False},
    )
    for way, options in itertools.product(ways, settings):
        if options == {"autocommit": False} and way in (script, over_two, large, tables):
            continue  # it begins a transaction itself
        name = f"{way.__name__}-{options}.db"
        await pool.top_up()
        with contextlib.closing(sqlite3.connect(name, **options)) as con:
            way(con)
            assert value(con, "PRAGMA journal_mode") == "wal", (name, options)
            con.commit()
            con.execute("INSERT INTO t VALUES(2)")
            con.commit()
            assert pool.exists(f"{name}-wal"), name
        with opened(pool, name) as con:
            assert value(con, "SELECT count(*) FROM t") == 2, name
            assert value(con, "PRAGMA integrity_check") == "ok", name
        await pool.wipe_files()


@in_worker()
async def test_what_can_be_chosen_for_a_new_database_can_be_chosen_as_on_a_disk(
    pool: Pool,
) -> None:
    """Compared with what the same statements do over an ordinary file."""
    choices = [
        *(f"PRAGMA page_size={size}" for size in (512, 1024, 8192, 65536)),
        *(f"PRAGMA auto_vacuum={mode}" for mode in ("FULL", "INCREMENTAL")),
        *(f"PRAGMA encoding='{each}'" for each in ("UTF-16le", "UTF-16be")),
        *(
            "PRAGMA user_version=3",
            "PRAGMA application_id=9",
            "VACUUM",
            "SELECT * FROM sqlite_schema",
        ),
    ]
    looks = ["page_size", "auto_vacuum", "encoding", "user_version", "application_id", "page_count"]
    end = ["CREATE TABLE t(a)", "INSERT INTO t VALUES('ä')", "VACUUM"]
    for chosen in itertools.chain(
        ((each,) for each in choices), itertools.permutations(choices, 2), [tuple(choices)]
    ):
        # A page size that only a VACUUM brings about must have it before the first table.
        statements = [*chosen, "VACUUM", *(f"PRAGMA {look}" for look in looks), *end]
        statements += [*(f"PRAGMA {look}" for look in looks), "PRAGMA integrity_check"]
        pathlib.Path("/tmp/oracle.db").unlink(missing_ok=True)
        if pool.exists("a.db"):
            pool.unlink("a.db")

        def done(con: sqlite3.Connection, statements: list[str] = statements) -> list[Any]:
            return [con.execute(each).fetchall() for each in statements]

        with contextlib.closing(sqlite3.connect("/tmp/oracle.db", isolation_level=None)) as con:
            expected = done(con)
        with opened(pool, "a.db") as con:
            found = done(con)
            assert found == expected, [
                each for each in zip(statements, found, expected, strict=True) if each[1] != each[2]
            ] + [chosen]
            assert value(con, "PRAGMA journal_mode") == "wal"
        with opened(pool, "a.db") as con:
            assert value(con, "SELECT a FROM t") == "ä"


@in_worker()
async def test_what_was_chosen_in_one_connection_holds_for_a_table_of_the_next(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA page_size=1024")
        con.execute("PRAGMA application_id=5")
    with opened(pool, "a.db") as con:
        assert value(con, "PRAGMA page_size") == 1024
        con.execute("PRAGMA page_size=2048")
        con.execute("VACUUM")
        assert value(con, "PRAGMA page_size") == 2048
        assert value(con, "PRAGMA journal_mode") == "delete"
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA journal_mode") == "wal"


@in_worker()
async def test_a_backup_into_a_new_database_is_as_on_a_disk(pool: Pool) -> None:
    """From every page size, auto_vacuum and encoding, in one step and in many."""
    for size, vacuum, encoding, pages in itertools.product(
        (512, 1024, 4096, 8192, 65536), (0, 1, 2), ("UTF-8", "UTF-16le"), (-1, 2)
    ):
        name = f"{size}-{vacuum}-{encoding}-{pages}.db"
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as source:
            source.execute(f"PRAGMA page_size={size}")
            source.execute(f"PRAGMA auto_vacuum={vacuum}")
            source.execute(f"PRAGMA encoding='{encoding}'")
            source.execute("CREATE TABLE t(a)")
            source.executemany("INSERT INTO t VALUES(?)", [("ö" * 700,) for _ in range(20)])
            with opened(pool, name) as con, opened(pool, name) as other:
                assert other.execute("SELECT * FROM sqlite_schema").fetchall() == []
                source.backup(con, pages=pages)
                for each in (con, other):
                    assert value(each, "SELECT count(*) FROM t") == 20, name
                    assert value(each, "PRAGMA page_size") == size, name
                    assert value(each, "PRAGMA auto_vacuum") == vacuum, name
                    assert value(each, "PRAGMA encoding") == encoding, name
                    assert value(each, "SELECT count(*) FROM t WHERE a = ?", "ö" * 700) == 20
                    assert value(each, "PRAGMA integrity_check") == "ok", name
                    assert value(each, "PRAGMA journal_mode") == "wal", name
                con.execute("DELETE FROM t")
        pool.unlink(name)


@in_worker()
async def test_a_backup_from_one_database_of_the_pool_into_another_and_back(pool: Pool) -> None:
    with opened(pool, "a.db") as a, opened(pool, "b.db") as b, opened(pool, "c.db") as c:
        a.execute("PRAGMA page_size=1024")
        a.execute("CREATE TABLE t AS SELECT 1 AS a")
        a.backup(b)
        b.execute("INSERT INTO t VALUES(2)")
        b.backup(a)
        c.execute("CREATE TABLE x(a)")
        with expect(sqlite3.OperationalError, "readonly"):  # SQLite's own: it is in WAL mode
            a.backup(c)
        for each in (a, b):
            assert value(each, "SELECT count(*) FROM t") == 2
            assert value(each, "PRAGMA journal_mode") == "wal"


@in_worker()
async def test_vacuum_into_the_pool_and_out_of_it(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA page_size=1024")
        con.execute("CREATE TABLE t AS SELECT 1 AS a")
        con.execute("VACUUM INTO ?", (pool.uri("b.db"),))
        pathlib.Path("/tmp/into.db").unlink(missing_ok=True)
        con.execute("VACUUM INTO ?", ("file:///tmp/into.db?vfs=unix",))
    for path in (pool.uri("b.db"), "/tmp/into.db"):
        with database(path) as con:
            assert value(con, "SELECT a FROM t") == 1
            assert value(con, "PRAGMA page_size") == 1024
            assert value(con, "PRAGMA journal_mode") == "delete", "a copy keeps SQLite's own mode"


@in_worker()
async def test_the_journal_mode_that_a_program_asks_for_is_the_one_it_has(pool: Pool) -> None:
    def told(con: sqlite3.Connection, mode: str) -> None:
        found = value(con, f"PRAGMA journal_mode={mode}")
        assert found == mode.lower(), (found, mode, pool.file_names)

    def create(con: sqlite3.Connection) -> None:
        con.execute("CREATE TABLE IF NOT EXISTS t(a)")
        con.execute("INSERT INTO t VALUES(1)")

    stored = {"WAL": "wal"}
    for mode in ("DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF", "WAL"):
        with opened(pool, f"before-{mode}.db") as con, opened(pool, f"before-{mode}.db") as other:
            told(con, mode)
            create(con)
            create(other)
            assert value(con, "PRAGMA journal_mode") == mode.lower()
        with opened(pool, f"in-{mode}.db") as con:
            con.execute("BEGIN")
            con.execute("CREATE TABLE t(a)")
            if mode not in ("WAL", "OFF"):
                value(con, f"PRAGMA journal_mode={mode}")
            con.execute("COMMIT")
        with opened(pool, f"after-{mode}.db") as con:
            create(con)
            told(con, mode)
            create(con)
            assert value(con, "PRAGMA journal_mode") == mode.lower()
        with opened(pool, f"closed-{mode}.db") as con:
            told(con, mode)
        with opened(pool, f"closed-{mode}.db") as con:
            create(con)
        with opened(pool, f"quoted-{mode}.db") as con:
            assert value(con, f'pragma main.Journal_Mode("{mode}")') == mode.lower()
            create(con)
        for when in ("before", "after", "closed", "quoted"):
            with opened(pool, f"{when}-{mode}.db") as con:
                expected = stored.get(mode, "delete")
                assert value(con, "PRAGMA journal_mode") == expected, (when, mode)
                assert value(con, "PRAGMA integrity_check") == "ok"
        with opened(pool, f"in-{mode}.db") as con:
            expected = "wal" if mode in ("WAL", "OFF") else "delete"
            assert value(con, "PRAGMA journal_mode") == expected, mode
        for name in pool.databases:
            pool.unlink(name)
    with opened(pool, "a.db") as con:
        told(con, "DELETE")
    pool.unlink("a.db")
    with opened(pool, "a.db") as con:
        create(con)
        assert value(con, "PRAGMA journal_mode") == "wal", "another database of that name"


@in_worker(pragmas={"journal_mode": "TRUNCATE"})
async def test_another_journal_mode_can_be_the_one_of_new_databases(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA journal_mode") == "truncate"
    with opened(pool, "a.db") as con:
        assert value(con, "PRAGMA journal_mode") == "delete"


@in_worker(pragmas={})
async def test_without_pragmas_a_database_stays_in_sqlite_s_own_mode(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA journal_mode") == "delete"


@in_worker()
async def test_a_statement_that_is_open_at_the_first_commit_keeps_what_it_sees(pool: Pool) -> None:
    with opened(pool, "a.db") as con, opened(pool, "a.db") as other:
        con.execute("BEGIN")
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [(n,) for n in range(1000)])
        rows = con.execute("SELECT a FROM t")
        assert rows.fetchone() == (0,)
        con.execute("COMMIT")
        assert value(con, "PRAGMA journal_mode") == "delete", "it goes on by a rollback journal"
        assert value(other, "SELECT count(*) FROM t") == 1000
        con.execute("INSERT INTO t VALUES(1000)")
        seen = other.execute("SELECT a FROM t")
        assert seen.fetchone() == (0,)
        with expect(sqlite3.OperationalError, "locked"):
            con.execute("UPDATE t SET a = 0")
        assert len(rows.fetchall()) == 1000
        with expect(sqlite3.OperationalError, "locked"):
            con.execute("UPDATE t SET a = 0")
        assert len(seen.fetchall()) == 1000
        con.execute("UPDATE t SET a = a + 1")
        assert value(con, "PRAGMA journal_mode") == "wal"
        seen = other.execute("SELECT a FROM t")
        assert seen.fetchone() == (1,)
        con.execute("DELETE FROM t")
        assert len(seen.fetchall()) == 1000
        assert value(other, "SELECT count(*) FROM t") == 0
        for each in (con, other):
            assert value(each, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_a_choice_while_statements_are_open_at_the_first_commit_holds(pool: Pool) -> None:
    with opened(pool, "a.db") as con, opened(pool, "a.db") as other:
        con.execute("BEGIN")
        con.execute("CREATE TABLE t AS SELECT 1 AS a UNION SELECT 2")
        rows = con.execute("SELECT a FROM t")
        assert rows.fetchone() == (1,)
        con.execute("COMMIT")
        assert value(other, "SELECT count(*) FROM t") == 2
        assert value(con, "PRAGMA journal_mode=DELETE") == "delete"
        rows.close()
        con.execute("INSERT INTO t VALUES(3)")
        assert value(con, "PRAGMA journal_mode") == "delete"
        assert value(other, "SELECT count(*) FROM t") == 3
        assert value(other, "PRAGMA journal_mode") == "delete"
    with opened(pool, "a.db") as con:
        assert value(con, "PRAGMA journal_mode") == "delete"


@in_worker()
async def test_an_exclusive_connection_comes_into_wal_mode_as_well(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA locking_mode=EXCLUSIVE")
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA journal_mode") == "wal"
        con.execute("INSERT INTO t VALUES(1)")
        with opened(pool, "a.db", timeout=0) as other, expect(sqlite3.OperationalError, "locked"):
            other.execute("SELECT * FROM t")
        con.execute("PRAGMA locking_mode=NORMAL")
        assert value(con, "SELECT count(*) FROM t") == 1
    with opened(pool, "a.db") as con, opened(pool, "a.db") as other:
        con.execute("INSERT INTO t VALUES(2)")
        assert value(other, "SELECT count(*) FROM t") == 2
        assert value(other, "PRAGMA journal_mode") == "wal"
    with opened(pool, "b.db") as con:  # a statement is open as the first table is committed
        con.execute("PRAGMA locking_mode=EXCLUSIVE")
        con.execute("BEGIN")
        con.execute("CREATE TABLE t AS SELECT 1 AS a UNION SELECT 2")
        rows = con.execute("SELECT a FROM t")
        rows.fetchone()
        con.execute("COMMIT")
        con.execute("INSERT INTO t VALUES(3)")
        rows.fetchall()
        con.execute("INSERT INTO t VALUES(4)")
        assert value(con, "PRAGMA journal_mode") == "wal"
    with opened(pool, "b.db") as con:
        assert value(con, "PRAGMA journal_mode") == "wal"
        assert value(con, "SELECT count(*) FROM t") == 4


@in_worker()
async def test_traced_and_authorized_connections_come_into_wal_mode_as_well(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        texts: list[str] = []
        con.set_trace_callback(texts.append)
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(1)")
        assert texts == ["CREATE TABLE t(a)", "INSERT INTO t VALUES(1)"]
        assert value(con, "PRAGMA journal_mode") == "wal"
    with opened(pool, "e.db") as con, opened(pool, "e.db") as other:
        assert other.execute("SELECT * FROM sqlite_schema").fetchall() == []
        con.set_trace_callback(texts.append)
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA journal_mode") == "wal", "it is asked as the PRAGMA is prepared"
        assert value(other, "PRAGMA journal_mode") == "wal"
    with opened(pool, "b.db") as con:
        con.set_trace_callback(texts.append)
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA journal_mode=DELETE") == "delete"
        con.execute("INSERT INTO t VALUES(1)")
        assert value(con, "PRAGMA journal_mode") == "delete"
    from sahpool.sqlite.defaults import DEFAULT_PRAGMAS

    pragmas = {**DEFAULT_PRAGMAS, "journal_mode": "DELETE"}
    plain = await sahpool.install(f"{pool.name}-plain", pragmas=pragmas)
    told: list[list[Any]] = []

    def keep(*action: object) -> int:
        told[-1].append(action)
        return 0

    for each in (pool, plain):
        with opened(each, "c.db") as con:
            told.append([])
            con.set_authorizer(keep)
            con.set_progress_handler(keep, 1)
            con.execute("CREATE TABLE t(a)")
            con.set_progress_handler(None, 0)
            con.set_authorizer(None)
            assert value(con, "PRAGMA journal_mode") == ("wal" if each is pool else "delete")
    assert told[0] == told[1], "neither is told of what the pool does"


@in_worker()
async def test_a_database_that_was_brought_in_keeps_its_journal_mode(pool: Pool) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as con:
        con.execute("CREATE TABLE t(a)")
        content = con.serialize()
    for versions, mode in ((b"\1\1", "delete"), (b"\2\2", "wal")):
        await pool.import_db("a.db", content[:18] + versions + content[20:], replace=True)
        with opened(pool, "a.db") as con:
            con.execute("CREATE TABLE u(a)")
            assert value(con, "PRAGMA journal_mode") == mode
            con.execute("DROP TABLE t")
            con.execute("DROP TABLE u")
            con.execute("CREATE TABLE u(a)")
            assert value(con, "PRAGMA journal_mode") == mode


@in_worker()
async def test_a_new_database_without_locks_stays_in_rollback_mode(pool: Pool) -> None:
    """There is no WAL without locks (sqlite.org/uri.html): it could not be opened so again."""
    for _ in range(2):
        with database(pool.uri("a.db", nolock=1)) as con:
            con.execute("CREATE TABLE IF NOT EXISTS t(a)")
            con.execute("INSERT INTO t VALUES(1)")
            assert value(con, "PRAGMA journal_mode") == "delete"
    with opened(pool, "a.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 2


@in_worker()
async def test_connections_with_a_shared_cache_come_into_wal_mode_as_well(pool: Pool) -> None:
    uri = pool.uri("a.db", cache="shared")
    with database(uri) as one, database(uri) as two, opened(pool, "a.db") as apart:
        assert two.execute("SELECT * FROM sqlite_schema").fetchall() == []
        one.execute("CREATE TABLE t(a)")
        two.execute("INSERT INTO t VALUES(1)")
        for con in (one, two, apart):
            assert value(con, "SELECT count(*) FROM t") == 1
            assert value(con, "PRAGMA journal_mode") == "wal"
    with opened(pool, "a.db") as con:
        assert value(con, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_an_attached_database_that_is_new_is_as_sqlite_makes_it(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("ATTACH ? AS b", (pool.uri("b.db"),))
        con.execute("CREATE TABLE b.t(a)")
        assert value(con, "PRAGMA b.journal_mode") == "delete"
        assert value(con, "PRAGMA main.journal_mode") == "delete"
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA main.journal_mode") == "wal"
        assert value(con, "PRAGMA b.journal_mode") == "delete"


@in_worker()
async def test_a_worker_that_is_killed_in_the_first_transaction_leaves_a_new_database(
    pool: Pool,
) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA cache_size=2")
        con.execute("BEGIN")
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(300)])
        await killed_copy(pool, f".{pool.name}-killed")
        con.execute("COMMIT")
    killed = await sahpool.install(f"{pool.name}-killed")
    assert killed.size("a.db") > 0
    with opened(killed, "a.db") as con:
        assert con.execute("SELECT * FROM sqlite_schema").fetchall() == []
        con.execute("PRAGMA page_size=1024")
        con.execute("CREATE TABLE t(a)")
        assert value(con, "PRAGMA page_size") == 1024
        assert value(con, "PRAGMA journal_mode") == "wal"


@in_worker()
async def test_a_journal_that_is_rolled_back_takes_no_journal_mode_back(pool: Pool) -> None:
    """Of a transaction beside a statement that was open at the first commit."""
    fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA cache_size=2")
        con.execute("BEGIN")
        con.execute("CREATE TABLE t AS SELECT 1 AS a UNION SELECT 2")
        con.execute("CREATE TABLE u(a)")
        rows = con.execute("SELECT a FROM t")
        assert rows.fetchone() == (1,)
        con.execute("COMMIT")
        con.execute("BEGIN")
        con.execute(f"{fill} INSERT INTO u SELECT printf('%0500d', i) FROM n")
        await killed_copy(pool, f".{pool.name}-killed")
        con.execute("ROLLBACK")
        con.execute("BEGIN")
        con.execute(f"{fill} INSERT INTO u SELECT printf('%0500d', i) FROM n")
        con.execute("ROLLBACK")
        with opened(pool, "a.db") as other:
            assert value(other, "SELECT count(*) FROM u") == 0
            assert value(other, "PRAGMA journal_mode") == "delete", "as the one that reads still"
        assert rows.fetchone() == (2,)
        con.execute("INSERT INTO u VALUES(1)")
        rows.close()
        assert value(con, "SELECT count(*) FROM u") == 1
        assert value(con, "PRAGMA journal_mode") == "wal"
        assert value(con, "PRAGMA integrity_check") == "ok"
    killed = await sahpool.install(f"{pool.name}-killed")
    assert "/a.db-journal" in killed.file_names
    with opened(killed, "a.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 2
        assert value(con, "SELECT count(*) FROM u") == 0
        assert value(con, "PRAGMA journal_mode") == "wal"
        assert value(con, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_a_first_transaction_of_many_statements_ends_in_wal_mode_as_well(pool: Pool) -> None:
    for mode in ("NORMAL", "EXCLUSIVE"):
        with opened(pool, f"{mode}.db") as con:
            con.execute(f"PRAGMA locking_mode={mode}")
            con.execute("BEGIN")
            con.execute("CREATE TABLE t(a)")
            con.executemany("INSERT INTO t VALUES(?)", [(n,) for n in range(1000)])
            con.execute("COMMIT")
            con.execute("INSERT INTO t VALUES(1000)")
            assert value(con, "PRAGMA journal_mode") == "wal", mode
        with opened(pool, f"{mode}.db") as con:
            assert value(con, "SELECT count(*) FROM t") == 1001
            assert value(con, "PRAGMA journal_mode") == "wal", mode
    with opened(pool, "a.db") as con:
        con.execute("BEGIN")
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [(n,) for n in range(1000)])
        con.execute("COMMIT")
        assert value(con, "PRAGMA journal_mode") == "wal"


@in_worker(spare=1, initial_capacity=2)
async def test_a_first_table_needs_no_more_slots_than_a_database_and_its_journal(
    pool: Pool,
) -> None:
    while pool.capacity > 2:
        assert await pool.reduce_capacity(1)
    con = sqlite3.connect(pool.uri("a.db"), uri=True, isolation_level=None)
    with contextlib.closing(con):
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(1)")
        assert value(con, "PRAGMA journal_mode") == "wal"


@in_worker()
async def test_serialize_gives_a_database_that_every_sqlite_opens(pool: Pool) -> None:
    class Own(sqlite3.Connection):
        pass

    class Derived(sahpool.Connection):
        pass

    with opened(pool, "a.db") as con, opened(pool, "a.db") as writer:
        with expect(sqlite3.OperationalError, "unable to serialize"):  # as on a disk: it is empty
            con.serialize()
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 1000,) for _ in range(500)])
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM t")
        content = con.serialize()
        assert content[18:20] == b"\1\1"
        with contextlib.closing(sqlite3.connect(":memory:")) as copy:
            copy.deserialize(content)
            assert value(copy, "SELECT count(*) FROM t") == 500
            assert value(copy, "PRAGMA integrity_check") == "ok"
        con.execute("CREATE TEMP TABLE u(a)")
        assert con.serialize(name="temp").startswith(b"SQLite format 3")
        with expect(sqlite3.OperationalError, "unable to serialize"):
            con.serialize(name="no such database")
        with expect(TypeError):
            con.serialize("main")  # type: ignore[call-arg]
        writer.execute("ROLLBACK")
    with opened(pool, "a.db", factory=Own) as con:
        assert type(con) is Own
        assert con.serialize()[18:20] == b"\2\2", "SQLite's own"
    with opened(pool, "a.db", factory=Derived) as con:
        assert type(con) is Derived
        assert con.serialize()[18:20] == b"\1\1"
    uri = pool.uri("a.db")
    with contextlib.closing(sqlite3.connect(uri, uri=True, factory=sahpool.Connection)) as con:
        assert con.serialize()[18:20] == b"\1\1"
    assert pool.export_file("a.db")[18:20] == b"\1\1"
