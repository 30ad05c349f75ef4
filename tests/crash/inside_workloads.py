"""What a pool is doing when it crashes; run by ``inside_lab.py``, each in several journal modes."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import sahpool
from sahpool.opfs_pool.header import SECTOR_SIZE
from tests.crash.inside_lab import Both, Live
from tests.harness.inside_pools import slot_of, spare_slots

#: A table of 60 rows over 15 pages: the page cache of a workload holds 6.
FILL = """
    CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 59)
        INSERT INTO t SELECT i, printf('%0900d', i) FROM n
"""
UPDATE_ALL = "UPDATE t SET v = printf('%0850d', length(v) * 7 + id)"


async def start(live: Live, fill: str = FILL) -> Both:
    """A pool with a database of some rows, and one that nobody touches."""
    await live.install()
    live.add_bystander()
    con = live.connect("/a.db")
    con.run(fill)
    return con


async def update(live: Live) -> None:
    """Transactions large and small, on one connection, until it is closed, and on the next."""
    con = await start(live)
    await live.begin()
    live.step(con, "update all rows", f"BEGIN; {UPDATE_ALL}; COMMIT")
    live.step(con, "insert 20 kB", "INSERT INTO t VALUES(1000, printf('%020000d', 1))")
    live.step(
        con,
        "create a second table with an index",
        "BEGIN; CREATE TABLE u(x PRIMARY KEY, y); INSERT INTO u SELECT id, v FROM t; COMMIT",
    )
    live.step(con, "delete every third row", "DELETE FROM t WHERE id % 3 = 0")
    live.step(
        con,
        "roll back to a savepoint",
        f"BEGIN; INSERT INTO t VALUES(2000, 'a'); SAVEPOINT s; {UPDATE_ALL}; ROLLBACK TO s; "
        "INSERT INTO t VALUES(2001, 'b'); RELEASE s; COMMIT",
    )
    live.step(con, "roll back", f"BEGIN; {UPDATE_ALL}; DROP TABLE u; ROLLBACK")
    live.step(con, "drop the second table", "DROP TABLE u")
    live.step(con, "vacuum", "VACUUM")
    live.step(con, "insert one row", "INSERT INTO t VALUES(3000, 'c')")
    live.close()
    live.did("close the last connection", durable=True)
    con = live.connect("/a.db")
    live.step(con, "delete most rows", "DELETE FROM t WHERE id > 5")


async def pages(live: Live) -> None:
    """A few transactions, for pages of other sizes than 4096 bytes."""
    size = int(live.pragmas["page_size"])
    rows, length = (20, size) if size < 4096 else (9, size - 2000)
    con = await start(
        live,
        f"""
        CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
            INSERT INTO t SELECT i, printf('%0{length}d', i) FROM n
        """,
    )
    assert con.real.execute("PRAGMA page_size").fetchone() == (size,)
    await live.begin()
    live.step(con, "update all rows", f"UPDATE t SET v = printf('%0{length + 9}d', id * 3)")
    live.step(con, "delete two rows", "DELETE FROM t WHERE id < 3")
    live.step(con, "vacuum", "VACUUM")
    live.close()
    live.did("close the last connection", durable=True)


async def checkpoint(live: Live) -> None:
    """Checkpoints of every kind, beside a reader and without one, and those that come by itself."""
    con = await start(live)
    reader = live.connect("/a.db")
    await live.begin()
    live.step(con, "delete ten rows", "DELETE FROM t WHERE id < 10")
    reader.real.execute("BEGIN")
    reader.real.execute("SELECT count(*) FROM t").fetchone()
    live.step(con, "update all rows", UPDATE_ALL)
    live.step(con, "checkpoint(PASSIVE) beside a reader", "PRAGMA wal_checkpoint(PASSIVE)")
    live.step(con, "insert one row", "INSERT INTO t VALUES(100, 'a')")
    reader.real.execute("COMMIT")
    live.step(con, "checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(PASSIVE)", durable=True)
    live.step(con, "insert another row", "INSERT INTO t VALUES(101, 'a')")
    live.step(con, "checkpoint(RESTART)", "PRAGMA wal_checkpoint(RESTART)", durable=True)
    live.step(con, "update all rows again", UPDATE_ALL)
    live.step(con, "checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint(TRUNCATE)", durable=True)
    con.real.execute("PRAGMA wal_autocheckpoint=5").fetchone()
    for number in range(200, 206):
        live.step(con, f"insert row {number}", f"INSERT INTO t VALUES({number}, 'b')")
    live.close()
    live.did("close the last connection", durable=True)
    con = live.connect("/a.db")
    live.step(con, "insert a row in a new WAL", "INSERT INTO t VALUES(300, 'c')")
    live.close()
    live.did("close again", durable=True)


async def attached(live: Live) -> None:
    """Transactions over two databases."""
    con = await start(live)
    await live.pool.top_up()
    live.attach(con, "/b.db", "b")
    con.run("CREATE TABLE b.s(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO b.s SELECT * FROM t")
    apart = live.mode == "WAL"  # sqlite.org/lang_attach.html: no more is promised there
    await live.begin()
    for number in (1, 2):
        live.step(
            con,
            f"update both, {number}",
            f"BEGIN; {UPDATE_ALL}; UPDATE b.s SET v = printf('%0700d', id + {number}); COMMIT",
            apart=apart,
        )
    live.step(con, "delete from one", "DELETE FROM b.s WHERE id % 2")
    live.step(
        con,
        "move rows from one to the other",
        "BEGIN; INSERT INTO b.s SELECT id + 500, v FROM t WHERE id < 9; "
        "DELETE FROM t WHERE id < 9; COMMIT",
        apart=apart,
    )
    live.step(con, "roll back in both", f"BEGIN; DELETE FROM b.s; {UPDATE_ALL}; ROLLBACK")
    live.close()
    live.did("close")


def another(rows: int) -> tuple[bytes, sqlite3.Connection]:
    """A database to import: the bytes of the file, and its mirror."""
    mirror = sqlite3.connect(":memory:", isolation_level=None)
    mirror.execute("CREATE TABLE other(id INTEGER PRIMARY KEY, v TEXT)")
    mirror.executemany("INSERT INTO other VALUES(?, ?)", [(n, f"{n:0900d}") for n in range(rows)])
    return mirror.serialize(), mirror


async def bring_in(live: Live, path: str, rows: int, label: str) -> None:
    """A step: an import, in chunks."""
    data, mirror = another(rows)
    chunks = [data[at : at + 9000] for at in range(0, len(data), 9000)]
    await live.pool.import_db(path, chunks, replace=True)
    live.replace(path, mirror)
    live.did(label, durable=True)


async def imports(live: Live) -> None:
    """Databases brought in, new ones and in place of others."""
    await start(live)
    live.close()
    await live.begin()
    await bring_in(live, "/new.db", 20, "import a new database")
    await bring_in(live, "/a.db", 40, "import in place of another")
    con = live.connect("/a.db")
    live.step(con, "write to what was imported", "DELETE FROM other WHERE id > 9")
    live.step(con, "write more to it", "INSERT INTO other VALUES(99, printf('%020000d', 1))")
    live.close()
    live.did("close it")
    await bring_in(live, "/a.db", 15, "import in place of what was imported")
    data, _ = another(30)
    try:
        await live.pool.import_db("/a.db", data[:-5000], replace=True)
    except sahpool.ImportRejectedError:
        live.did("refuse an import")
    live.pool.unlink("/new.db")
    live.replace("/new.db", None)
    live.did("delete a database")
    con = live.connect("/a.db")
    live.step(con, "write to the other one", "DELETE FROM other WHERE id > 3")


def killed_copy(rows: int, kind: str) -> tuple[bytes, dict[str, bytes], sqlite3.Connection]:
    """What a program leaves elsewhere that is killed: a database with its WAL or hot journal.

    Returns:
        The database, what is given with it to an import, and its mirror.
    """
    _, mirror = another(rows)
    path = Path(f"/tmp/killed-{kind}.db")
    beside = path.with_name(f"{path.name}-{kind}")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("locking_mode=EXCLUSIVE", "cache_size=3"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        mirror.backup(connection)
        if kind == "wal":
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("BEGIN")
        connection.execute("UPDATE other SET v = printf('%0850d', length(v) * 7 + id)")
        if kind == "wal":
            connection.execute("COMMIT")
            connection.backup(mirror)
        copied = path.read_bytes(), {kind: beside.read_bytes()}
    path.unlink()
    return *copied, mirror


async def beside(live: Live) -> None:
    """Databases brought in with their WAL or hot journal, new ones and in place of others."""
    await start(live)
    live.close()
    await live.begin()
    for path, rows, kind in (
        ("/new.db", 20, "wal"),
        ("/a.db", 30, "journal"),
        ("/a.db", 25, "wal"),
    ):
        main, given, mirror = killed_copy(rows, kind)
        await live.pool.import_db(path, main, replace=True, **given)
        live.replace(path, mirror)
        live.did(f"import {path} with its {kind}", durable=True)
    con = live.connect("/a.db")
    live.step(con, "write to what was imported", "DELETE FROM other WHERE id > 9")
    live.close()
    live.did("close it")
    _, hot, _ = killed_copy(40, "journal")
    try:
        await live.pool.import_db("/a.db", another(10)[0], replace=True, **hot)
    except sahpool.ImportRejectedError:
        live.did("refuse the journal of another database")
    main, given, mirror = killed_copy(15, "journal")
    await live.pool.import_db("/new.db", main, replace=True, **given)
    live.replace("/new.db", mirror)
    live.did("import in place of what had a WAL", durable=True)
    con = live.connect("/new.db")
    live.step(con, "write to the other one", "DELETE FROM other WHERE id > 3")


async def leftovers(live: Live) -> None:
    """What a killed worker left of two databases, one replaced by an import and one deleted."""
    con = await start(live)
    await live.pool.top_up()
    second = live.connect("/b.db")
    second.run(FILL)
    for each in (con, second):
        each.run("INSERT INTO t VALUES(100, 'a'); DELETE FROM t WHERE id < 5")
        each.real.execute("BEGIN")  # a hot journal or a WAL stays, and in part the database is new
        each.real.execute(UPDATE_ALL)
    await live.die()
    await live.begin()
    await bring_in(live, "/a.db", 20, "import in place of a database that was cut off")
    live.pool.unlink("/b.db")
    live.replace("/b.db", None)
    live.did("delete a database that was cut off")
    con = live.connect("/b.db")
    live.step(con, "create it anew", FILL.partition(";")[0])
    live.step(con, "write to it", "INSERT INTO t VALUES(1, 'new')")


async def capacity(live: Live) -> None:
    """Slots added and removed, around transactions that need some."""
    con = await start(live)
    await live.begin()
    await live.pool.add_capacity(3)
    live.did("add 3 slots")
    live.step(con, "update all rows", UPDATE_ALL)
    second = live.connect("/b.db")
    live.step(second, "create a database", "CREATE TABLE b(x)")
    live.step(second, "insert into it", "INSERT INTO b VALUES(1)")
    await live.pool.reduce_capacity(4)
    live.did("remove 4 slots")
    live.step(con, "insert 20 kB", "INSERT INTO t VALUES(1000, printf('%020000d', 1))")
    await live.pool.reserve_minimum_capacity(9)
    live.did("add slots again")
    live.step(second, "write to the other one", "INSERT INTO b VALUES(zeroblob(9000))")
    live.close()
    live.did("close", durable=True)
    live.pool.unlink("/b.db")
    live.replace("/b.db", None)
    live.did("delete the other one")
    await live.pool.reduce_capacity(2)
    live.did("remove 2 slots")
    con = live.connect("/a.db")
    live.step(con, "delete most rows", "DELETE FROM t WHERE id > 5")


async def names(live: Live) -> None:
    """Names given and taken: databases created and deleted, slots used again, temporary files."""
    await live.install(temp_memory_limit=1000)
    live.add_bystander()
    con = live.connect("/a.db")
    con.run(FILL)
    await live.begin()
    for number in (1, 2, 3):
        await live.pool.top_up()
        path = f"/n{number}.db"
        new = live.connect(path)
        live.step(new, f"create {path}", f"CREATE TABLE n{number}(x)")
        live.step(new, f"fill {path}", f"INSERT INTO n{number} VALUES(zeroblob(9000))")
        con.real.execute(f"CREATE TEMP TABLE x{number} AS SELECT v || id AS w FROM t ORDER BY w")
        con.real.execute(f"DROP TABLE x{number}")
        live.step(con, f"write to /a.db, {number}", f"UPDATE t SET v = '{number}' WHERE id < 30")
        if number == 2:
            continue
        new.real.close()
        live.did(f"close {path}")
        live.pool.unlink(path)
        live.replace(path, None)
        live.did(f"delete {path}")
    live.close()
    live.did("close", durable=True)


async def create(live: Live) -> None:
    """New databases whose journal mode is left to the pool, and their first transactions."""
    await live.install()
    live.add_bystander()
    await live.begin()
    con = live.connect("/a.db", asks=False)
    live.step(con, "set its number", "PRAGMA user_version=7")
    live.step(con, "roll its first table back", f"BEGIN; {FILL}; ROLLBACK")
    live.step(con, "create its first table", "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
    live.step(con, "insert a row", "INSERT INTO t VALUES(1, 'a')")
    await live.pool.top_up()
    large = live.connect("/b.db", asks=False)
    beside = live.connect("/b.db", asks=False)
    beside.real.execute("SELECT * FROM sqlite_schema").fetchall()
    live.step(large, "create and fill a second one", f"BEGIN; {FILL}; COMMIT", durable=True)
    live.step(beside, "insert into it by another connection", "INSERT INTO t VALUES(100, 'b')")
    live.close()
    live.did("close both", durable=True)
    await live.pool.top_up()
    source = sqlite3.connect(":memory:", isolation_level=None)
    source.execute("PRAGMA page_size=1024")
    source.execute("CREATE TABLE s(x)")
    source.executemany("INSERT INTO s VALUES(?)", [(f"{n:0300d}",) for n in range(100)])
    copy = live.connect("/c.db", asks=False)
    source.backup(copy.real, pages=3)
    live.replace("/c.db", source)
    live.did("back a database up into a new one", durable=True)
    copy = live.connect("/c.db", asks=False)
    live.step(copy, "write to the copy", "DELETE FROM s WHERE rowid % 2")
    await live.pool.top_up()
    con = live.connect("/d.db", asks=False)
    con.run(f"BEGIN; {FILL}")
    rows = con.real.execute("SELECT * FROM t")
    rows.fetchone()
    live.step(con, "create a table beside a statement that reads", "COMMIT", durable=True)
    live.step(con, "insert beside it", "INSERT INTO t VALUES(200, 'c')", durable=True)
    rows.close()
    live.step(con, "insert after it", "INSERT INTO t VALUES(201, 'd')")
    await live.pool.top_up()
    con = live.connect("/e.db", asks=False)
    con.real.execute("PRAGMA locking_mode=EXCLUSIVE").fetchone()
    live.step(con, "create a table exclusively", FILL.partition(";")[0], durable=True)
    live.step(con, "insert into it", "INSERT INTO t VALUES(1, 'e')")
    live.close()
    live.did("close", durable=True)


async def spares(live: Live) -> None:
    """Spare slots that hold an old journal or WAL: a crash took back that they were emptied."""
    con = await start(live)
    con.run("BEGIN; DELETE FROM t WHERE id < 3; UPDATE t SET v = 'old' WHERE id > 50")
    old = Live.bytes_of(live.pool, "/a.db-journal")
    con.run("COMMIT")
    old = old or Live.bytes_of(live.pool, "/a.db-wal")
    assert old
    con.run("UPDATE t SET v = 'newer' WHERE id > 40")
    live.close()
    await live.pool.top_up()
    for slot in spare_slots(live.pool):
        slot.handle.write(old, SECTOR_SIZE)
    await live.die(spare=0)  # clean slots would be used first
    await live.begin()
    con = live.connect("/a.db")
    live.step(con, "open it and insert one row", "INSERT INTO t VALUES(500, 'a')")
    for number in (1, 2, 3):
        live.step(con, f"update all rows, {number}", UPDATE_ALL)
    live.close()
    live.did("close", durable=True)
    con = live.connect("/a.db")
    live.step(con, "insert 20 kB", "INSERT INTO t VALUES(1000, printf('%020000d', 1))")


async def quarantine(live: Live) -> None:
    """Databases whose headers are gone, recovered and dropped; one was cut off in a transaction."""
    con = await start(live)
    await live.pool.top_up()
    second = live.connect("/b.db")
    second.run(FILL)
    second.real.close()
    con.run("INSERT INTO t VALUES(100, 'a'); DELETE FROM t WHERE id < 5")
    con.real.execute("BEGIN")
    con.real.execute(UPDATE_ALL)
    names = {}
    for path in ("/a.db", "/b.db"):
        slot = slot_of(live.pool, path)
        slot.handle.write(b"\xff" * SECTOR_SIZE, 0)
        names[path] = slot.name
        live.damaged[slot.name] = path
    await live.die()
    await live.begin()
    live.pool.recover(names["/a.db"], "/a.db")
    live.did("recover a database", durable=True)
    con = live.connect("/a.db")
    live.step(con, "write to it", "INSERT INTO t VALUES(101, 'b')")
    live.close()
    live.did("close it", durable=True)
    live.pool.drop_quarantined(names["/b.db"])
    live.replace("/b.db", None)
    live.did("drop the other one")
    con = live.connect("/c.db")
    live.step(con, "create a third one", "CREATE TABLE c(x)")
