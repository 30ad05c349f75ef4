"""Runs inside Pyodide: what the databases are asked while calls fail."""

from __future__ import annotations

import functools
import sqlite3
from contextlib import closing
from pathlib import Path

from sahpool.databases.transfer import scratch
from sahpool.pool import access_to
from tests.faults.inside_sweep import BALLAST, Bench, Setting, Step, Workload
from tests.harness.inside_pools import slots_of

ROWS = 16
FILL = f"""
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
    INSERT INTO t SELECT i, hex(zeroblob(150)) || i FROM n
"""


async def base_with_ballast(bench: Bench) -> None:
    """A database beside it that is larger than all that the steps need room for."""
    await base(bench)
    with closing(bench.pool.connect(BALLAST, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t(a)")
        connection.execute("INSERT INTO t VALUES(zeroblob(1000000))")


def sql(*statements: str) -> Step:
    """A step that executes statements."""

    async def step(bench: Bench) -> None:
        bench.run(*statements)

    return step


async def base(bench: Bench) -> None:
    """A table with an index, a few times the cache."""
    bench.run(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)",
        "CREATE INDEX i ON t(v)",
        FILL,
    )


async def base_of_two(bench: Bench) -> None:
    """Two databases."""
    await base(bench)
    bench.run("ATTACH 'c.db' AS c", "CREATE TABLE c.u(x)")


async def reconnect(bench: Bench) -> None:
    """Close the connection and open another: the last one out carries the WAL over."""
    bench.disconnect()
    bench.connect()


async def export(bench: Bench) -> None:
    """Export the open database."""
    bench.exported = bench.pool.export_file("a.db")


def import_as(name: str, *, replace: bool = False) -> Step:
    """A step that imports what was exported last."""

    async def step(bench: Bench) -> None:
        await bench.pool.import_db(name, bench.exported, replace=replace)

    return step


@functools.cache
def killed_copy(kind: str) -> tuple[bytes, dict[str, bytes]]:
    """A database with its WAL or hot journal (``kind``), of a program that is killed elsewhere."""
    path = Path(f"/tmp/killed-{kind}.db")
    beside = path.with_name(f"{path.name}-{kind}")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("locking_mode=EXCLUSIVE", "page_size=1024", "cache_size=3"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        if kind == "wal":
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
        connection.execute(FILL)
        connection.execute("BEGIN")
        connection.execute("UPDATE t SET v = v || v || id")
        if kind == "wal":
            connection.execute("COMMIT")
        copied = path.read_bytes(), {kind: beside.read_bytes()}
    path.unlink()
    return copied


def import_beside(name: str, kind: str, *, replace: bool = False) -> Step:
    """A step that imports a database with its WAL or hot journal."""

    async def step(bench: Bench) -> None:
        main, given = killed_copy(kind)
        await bench.pool.import_db(name, main, replace=replace, **given)

    return step


def unlink(name: str) -> Step:
    """A step that deletes a database."""

    async def step(bench: Bench) -> None:
        bench.pool.unlink(name)

    return step


def capacity(change: int) -> Step:
    """A step that adds slots or takes spares away."""

    async def step(bench: Bench) -> None:
        if change > 0:
            await bench.pool.add_capacity(change)
        else:
            await bench.pool.reduce_capacity(-change)

    return step


async def begin_again(bench: Bench) -> None:
    """Let go of the pool and take it again, as ``install`` does."""
    bench.disconnect()
    if not bench.pool.is_paused:
        bench.pool.pause_vfs()
    await bench.pool.unpause_vfs()
    bench.connect()


async def vacuum_in_pieces(bench: Bench) -> None:
    """As the console has it: into a slot without a name, and back from there."""
    connection = bench.connect()
    bench.statement = "VACUUM"
    with scratch(access_to(bench.pool)) as copy:
        assert copy is not None, "there are slots for it"
        connection.execute("VACUUM INTO ?", (copy,))
        with closing(sqlite3.connect(copy, uri=True)) as source:
            source.backup(connection, pages=4)
    assert not slots_of(bench.pool).lent_count


AUTOCOMMIT = [
    sql("INSERT INTO t VALUES(100, 'a')"),
    sql("UPDATE t SET v = 'b' || v WHERE id % 6 = 0"),
    sql("DELETE FROM t WHERE id % 5 = 0"),
]
SPILL = [
    sql("BEGIN", "UPDATE t SET v = v || 'changed'", "INSERT INTO t VALUES(101, 'c')", "COMMIT"),
    sql("BEGIN", "UPDATE t SET v = 'd' || id", "ROLLBACK"),
    sql("INSERT INTO t VALUES(102, 'e')"),
]
CHECKPOINT = [
    sql("UPDATE t SET v = v || 'f'"),
    sql("PRAGMA wal_checkpoint(PASSIVE)"),
    sql("INSERT INTO t VALUES(103, 'g')"),
    sql("PRAGMA wal_checkpoint(TRUNCATE)"),
    sql("INSERT INTO t VALUES(104, 'h')"),
    reconnect,
    sql("INSERT INTO t VALUES(105, 'i')"),
]
# Sorted runs, statement journals and the database of VACUUM, all beyond what memory may hold.
TEMPORARY = [
    sql("CREATE TABLE s AS SELECT v, id FROM t ORDER BY v DESC"),
    sql("BEGIN", "UPDATE t SET id = id + 1000 WHERE id % 2", "UPDATE t SET v = id || v", "COMMIT"),
    sql("DELETE FROM t WHERE id % 2"),
    sql("VACUUM"),
]
FILES = [
    export,
    import_as("b.db"),
    sql("UPDATE t SET v = 'j' || id"),
    export,
    import_as("b.db", replace=True),
    capacity(3),
    unlink("b.db"),
    capacity(-2),
    sql("INSERT INTO t VALUES(106, 'k')"),
]
BESIDE = [
    import_beside("b.db", "wal"),
    import_beside("c.db", "journal"),
    import_beside("b.db", "journal", replace=True),
    import_beside("c.db", "wal", replace=True),
    unlink("b.db"),
]
MODES = [
    sql("PRAGMA journal_mode=WAL", "INSERT INTO t VALUES(107, 'l')"),
    sql("PRAGMA journal_mode=TRUNCATE", "INSERT INTO t VALUES(108, 'm')"),
    sql("PRAGMA journal_mode=PERSIST", "INSERT INTO t VALUES(109, 'n')"),
    sql("PRAGMA journal_mode=DELETE", "INSERT INTO t VALUES(110, 'o')"),
]
PIECES = [
    sql("DELETE FROM t WHERE id % 2"),
    vacuum_in_pieces,
    sql("INSERT INTO t VALUES(113, 's')"),
]
# With a super-journal, which only rollback journals have.
ATTACHED = [
    sql("ATTACH 'c.db' AS c"),
    sql("BEGIN", "INSERT INTO t VALUES(111, 'p')", "INSERT INTO c.u VALUES(1)", "COMMIT"),
    sql("DELETE FROM t WHERE id = 111"),
]
START = [begin_again, sql("INSERT INTO t VALUES(112, 'q')"), begin_again]

SWAP = [
    import_as("b.db"),
    import_as("b.db", replace=True),
    unlink("b.db"),
]
FULL = [
    sql("INSERT INTO t VALUES(120, hex(zeroblob(2000)))"),
    sql("BEGIN", "UPDATE t SET v = v || v", "INSERT INTO t VALUES(121, 'r')", "COMMIT"),
    sql("CREATE TABLE w AS SELECT id, v FROM t"),
    export,
    import_as("b.db"),
    sql("DELETE FROM t WHERE id % 2"),
    sql("INSERT INTO t VALUES(122, hex(zeroblob(9000)))"),
]

STEPS = {
    "autocommit": AUTOCOMMIT,
    "spill": SPILL,
    "checkpoint": CHECKPOINT,
    "temporary": TEMPORARY,
    "files": FILES,
    "beside": BESIDE,
    "modes": MODES,
    "pieces": PIECES,
    "attached": ATTACHED,
    "start": START,
    "swap": SWAP,
    "full": FULL,
}


def workload(name: str, mode: str) -> Workload:
    """The workload of that name in a journal mode."""
    pragmas: dict[str, str | int] = {"page_size": 1024}
    limit = 4096 if name == "temporary" else 1 << 20
    begin = {"attached": base_of_two, "full": base_with_ballast}.get(name, base)
    return Workload(
        Setting(mode, pragmas, limit, autocheckpoint=4 if name == "checkpoint" else 1000),
        begin,
        STEPS[name],
    )
