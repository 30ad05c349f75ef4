"""The way out of quarantine: list, export, recover, drop."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import sahpool
from tests.harness.inside_pools import deleting, hold_of, set_wanted_spares, slot_of, slots_of
from tests.harness.inside_prelude import (
    all_files,
    aside,
    database,
    expect,
    killed_copy,
    opened,
    plant,
    put_aside,
    raw,
    slot_bytes,
    value,
)
from tests.pyodide.in_worker import PRELUDE, in_worker

if TYPE_CHECKING:
    from sahpool import Pool

ONLY_NODE = [pytest.param("node", marks=pytest.mark.node)]


@in_worker()
async def test_a_recovered_database_has_every_row_and_its_name_again(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [(n,) for n in range(1000)])
    kept = await put_aside(pool, "/a.db")
    assert (pool.databases, kept.offered) == ([], "/a.db")
    capacity = pool.capacity
    assert pool.recover(kept.name) == kept.size == pool.size("a.db")
    assert (pool.databases, pool.capacity, pool.quarantined) == (["/a.db"], capacity + 1, [])
    with expect(sahpool.NoSuchDatabaseError, "no slot"):
        pool.recover(kept.name)
    for _ in range(2):
        with opened(pool, "a.db") as con:
            assert value(con, "SELECT sum(a) FROM t") == 499500
            con.execute("UPDATE t SET a = a")
        pool.pause_vfs()
        with expect(sahpool.PoolClosedError):
            pool.recover(kept.name)
        await pool.unpause_vfs()
    assert pool.quarantined == []


@in_worker()
async def test_what_is_in_quarantine_can_be_exported_as_it_is(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(zeroblob(50000))")
    data = slot_bytes(pool, "/a.db")[4096:]
    kept = await put_aside(pool, "/a.db")
    for size in (512, 4096, 10_000, 1 << 20):
        chunks = list(pool.export_quarantined(kept.name, size))
        assert b"".join(chunks) == data
        assert {len(chunk) for chunk in chunks[:-1]} <= {size}
    with expect(ValueError, "too small"):
        pool.export_quarantined(kept.name, 100)
    with expect(sahpool.NoSuchDatabaseError, "no slot other"):
        pool.export_quarantined("other")
    with database(":memory:") as con:
        con.deserialize(data)
        assert value(con, "SELECT length(a) FROM t") == 50_000
    assert pool.quarantined == [kept]
    # Who is no longer there must not be exported in the guise of what took its slot.
    one, two = (pool.export_quarantined(kept.name, 512) for _ in range(2))
    next(one)
    pool.drop_quarantined(kept.name)
    await pool.import_db("b.db", data)
    for chunks_left in (one, two):
        with expect(sahpool.StorageError, "left quarantine"):
            next(chunks_left)


@in_worker()
async def test_what_is_dropped_is_a_spare_slot_and_its_content_is_gone(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    kept = await put_aside(pool, "/a.db")
    capacity, spare = pool.capacity, slots_of(pool).spare_count
    with expect(sahpool.NoSuchDatabaseError, "no slot"):
        pool.drop_quarantined("a.db")
    pool.drop_quarantined(kept.name)
    assert pool.quarantined == []
    assert (pool.capacity, slots_of(pool).spare_count) == (capacity + 1, spare + 1)
    assert kept.handle.size() == 4096
    for use in (pool.drop_quarantined, pool.recover, pool.export_quarantined):
        with expect(sahpool.NoSuchDatabaseError, "no slot"):
            use(kept.name)
    pool.pause_vfs()
    await pool.unpause_vfs()
    assert (pool.quarantined, pool.file_names) == ([], [])
    assert slots_of(pool).spare_count == spare + 1
    assert await pool.remove_vfs()


@in_worker()
async def test_a_name_that_is_taken_is_replaced_only_on_demand_and_only_when_closed(
    pool: Pool,
) -> None:
    for name in ("a.db", "b.db"):
        with opened(pool, name) as con:
            con.execute("CREATE TABLE t(a)")
            con.execute("INSERT INTO t VALUES(?)", (name,))
    kept = await put_aside(pool, "/a.db")
    before = kept.handle.read(1 << 20, 0)
    with expect(sahpool.NameExistsError, "/b.db"):
        pool.recover(kept.name, "b.db")
    with opened(pool, "b.db") as con:
        with expect(sahpool.DatabaseInUseError, "/b.db is open"):
            pool.recover(kept.name, "b.db", replace=True)
        assert value(con, "SELECT a FROM t") == "b.db"
    for name, text in (("x-wal", "own journals"), ("", "needs a name"), ("x" * 600, "bytes long")):
        with expect(sahpool.InvalidNameError, text):
            pool.recover(kept.name, name)
    assert pool.quarantined == [kept]
    assert kept.handle.read(1 << 20, 0) == before
    spare = slots_of(pool).spare_count
    pool.recover(kept.name, "b.db", replace=True)
    assert (pool.databases, slots_of(pool).spare_count) == (["/b.db"], spare + 1)
    with opened(pool, "b.db") as con:
        assert value(con, "SELECT a FROM t") == "a.db"
    with opened(pool, "a.db") as con:  # the name is free
        con.execute("CREATE TABLE u(a)")
    pool.pause_vfs()
    await pool.unpause_vfs()
    with opened(pool, "b.db") as con:
        assert value(con, "SELECT a FROM t") == "a.db"


@in_worker()
async def test_what_is_no_sound_database_stays_in_quarantine_as_it_is(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(200)])
    slot = slot_of(pool, "/a.db")
    sound = slot.handle.read(1 << 20, 4096)
    for content, text in (
        (b"", "empty"),
        (b"no database, " * 100, "not an SQLite database"),
        (sound[:-4096], "cut off"),
        (sound[:8192] + b"\xff" * 4096 + sound[12288:], "damaged"),
    ):
        slot = slot_of(pool, "/a.db")
        slot.handle.truncate(4096)
        slot.handle.write(content, 4096)
        kept = await put_aside(pool, "/a.db")
        before = kept.handle.read(1 << 20, 0)
        with expect(sahpool.ImportRejectedError, text) as caught:
            pool.recover(kept.name)
        assert "export what is left" in caught.error.hint
        assert (pool.quarantined, pool.file_names) == ([kept], [])
        assert kept.handle.read(1 << 20, 0) == before
        assert b"".join(pool.export_quarantined(kept.name)) == content
        pool.drop_quarantined(kept.name)
        await pool.import_db("a.db", sound)


@in_worker()
async def test_what_only_the_wal_has_comes_back_with_the_database(pool: Pool) -> None:
    """Under its own name and under another one; a start between the two changes nothing."""
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(500)])
        for number in range(3):
            await killed_copy(pool, f".{pool.name}-{number}")
    for number, name in enumerate((None, "b.db", "c.db")):
        killed = await sahpool.install(f"{pool.name}-{number}")
        if number == 2:  # the WAL's own header is damaged as well
            await put_aside(killed, "/a.db-wal", "/a.db")
        else:
            await put_aside(killed, "/a.db")
        assert {each.offered for each in killed.quarantined} == {"/a.db", "/a.db-wal"}
        with expect(sahpool.ImportRejectedError, "/a.db-wal, which is no database"):
            killed.recover(aside(killed, "/a.db-wal").name)
        with opened(killed, "c.db") as con:
            con.execute("CREATE TABLE old(a)")
        killed.recover(aside(killed, "/a.db").name, name, replace=name == "c.db")
        assert killed.quarantined == []
        for _ in range(2):
            with opened(killed, name or "a.db") as con:
                assert value(con, "SELECT count(*) FROM t") == 500
                assert value(con, "PRAGMA integrity_check") == "ok"
            killed.pause_vfs()
            await killed.unpause_vfs()
        assert killed.databases == sorted({f"/{name or 'a.db'}", "/c.db"})


@in_worker()
async def test_a_transaction_that_was_cut_off_is_rolled_back_before_the_database_has_its_name(
    pool: Pool,
) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("PRAGMA cache_size=2")
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(300)])
        con.execute("BEGIN")
        con.execute("UPDATE t SET a = 'y' || a")
        for number in range(2):
            await killed_copy(pool, f".{pool.name}-{number}")
        con.execute("ROLLBACK")
    for number, name in enumerate((None, "b.db")):
        killed = await sahpool.install(f"{pool.name}-{number}")
        await put_aside(killed, "/a.db")
        slots = {each.offered: each for each in killed.quarantined}
        assert set(slots) == {"/a.db", "/a.db-journal"}
        before = raw(killed)
        with expect(sahpool.ImportRejectedError, "no database"):
            killed.recover(slots["/a.db-journal"].name)
        assert raw(killed) == before
        killed.recover(slots["/a.db"].name, name)
        assert killed.quarantined == []
        assert killed.file_names == [f"/{name or 'a.db'}"]
        with database(killed.uri(name or "a.db", mode="ro", immutable=1)) as con:
            rows = con.execute("SELECT substr(a, 1, 1), count(*) FROM t GROUP BY 1").fetchall()
            assert rows == [("x", 300)], rows
            assert value(con, "PRAGMA integrity_check") == "ok"


@pytest.mark.parametrize("runtime", ONLY_NODE, indirect=True)
@in_worker()
async def test_a_journal_that_ruins_the_database_is_tried_on_a_copy(pool: Pool) -> None:
    """What the slots are is only what their headers say; a wrong journal must change nothing."""
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("PRAGMA cache_size=2")
        con.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
        con.executemany("INSERT INTO t(a) VALUES(?)", [("x" * 500,) for _ in range(300)])
        data = pool.export_file("a.db")
        con.execute("DELETE FROM t WHERE id <= 150")
        con.execute("VACUUM")
        small = pool.export_file("a.db")
        await pool.import_db("b.db", data)
    with opened(pool, "b.db") as con:
        con.execute("PRAGMA cache_size=2")
        con.execute("BEGIN")
        con.execute("UPDATE t SET a = 'y' || a WHERE id < 100")
        await killed_copy(pool, f".{pool.name}-killed")
        con.execute("ROLLBACK")
    killed = await sahpool.install(pool.name + "-killed")
    await put_aside(killed, "/b.db")
    kept = aside(killed, "/b.db")
    kept.handle.truncate(4096)
    kept.handle.write(small, 4096)  # not the database that the journal is of
    before = raw(killed)
    with expect(sahpool.ImportRejectedError, "damaged") as caught:
        killed.recover(kept.name)
    assert "/b.db-journal" in caught.error.hint
    assert raw(killed) == before
    # Without the journal it is sound.
    killed.drop_quarantined(aside(killed, "/b.db-journal").name)
    killed.recover(kept.name)
    with opened(killed, "b.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 150


@pytest.mark.parametrize("runtime", ONLY_NODE, indirect=True)
@in_worker()
async def test_a_database_without_a_name_is_given_one_and_a_stray_journal_is_asked_about(
    pool: Pool,
) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [(n,) for n in range(100)])
        await killed_copy(pool, f".{pool.name}-killed")
    killed = await sahpool.install(pool.name + "-killed")
    await put_aside(killed, "/a.db", copies=2)
    kept = aside(killed, None)
    with expect(sahpool.InvalidNameError, "does not tell the name") as caught:
        killed.recover(kept.name)
    assert "Give the name" in caught.error.hint
    with expect(sahpool.ImportRejectedError, "/a.db-wal is in quarantine too") as refused:
        killed.recover(kept.name, "b.db")
    assert "as /a.db" in refused.error.hint
    killed.recover(kept.name, "a.db")
    with opened(killed, "a.db") as con:
        assert value(con, "SELECT sum(a) FROM t") == 4950
    assert killed.quarantined == []


@pytest.mark.parametrize("runtime", ONLY_NODE, indirect=True)
@in_worker()
async def test_a_database_that_a_quarantined_journal_would_ruin_is_not_recovered_to_that_name(
    pool: Pool,
) -> None:
    for name in ("a.db", "b.db"):
        with opened(pool, name) as con:
            con.execute("CREATE TABLE t(a)")
            con.execute("INSERT INTO t VALUES(?)", (name,))
            await killed_copy(pool, f".{pool.name}-{name}")
    killed = await sahpool.install(f"{pool.name}-b.db")
    await put_aside(killed, "/a.db", "/b.db")
    assert {each.offered for each in killed.quarantined} == {"/a.db", "/b.db", "/b.db-wal"}
    with expect(sahpool.StorageError, "/b.db-wal is in quarantine"):
        killed.recover(aside(killed, "/a.db").name, "b.db")
    killed.recover(aside(killed, "/b.db").name)
    killed.recover(aside(killed, "/a.db").name)
    for name in ("a.db", "b.db"):
        with opened(killed, name) as con:
            assert value(con, "SELECT a FROM t") == name


@pytest.mark.parametrize("runtime", ONLY_NODE, indirect=True)
@in_worker()
async def test_a_slot_that_only_claims_to_be_the_journal_is_not_erased(pool: Pool) -> None:
    for name in ("a.db", "other.db"):
        with opened(pool, name) as con:
            con.execute("CREATE TABLE t(a)")
            con.execute("INSERT INTO t VALUES(?)", (name,))
    with opened(pool, "a.db") as con:
        con.execute("INSERT INTO t VALUES('b')")
        await killed_copy(pool, f".{pool.name}-killed")
    killed = await sahpool.install(pool.name + "-killed")
    await put_aside(killed, "/a.db")
    wal = aside(killed, "/a.db-wal")
    other = slot_of(killed, "/other.db")
    wal.handle.truncate(4096)
    wal.handle.write(other.handle.read(1 << 20, 4096), 4096)
    before = raw(killed)
    with expect(sahpool.ImportRejectedError, "holds something else"):
        killed.recover(aside(killed, "/a.db").name)
    assert raw(killed) == before
    killed.recover(wal.name, "found.db")
    killed.recover(aside(killed, "/a.db").name)
    for name, first in (("found.db", "other.db"), ("a.db", "a.db")):
        with opened(killed, name) as con:
            assert value(con, "SELECT a FROM t") == first


@in_worker()
async def test_a_transaction_over_two_databases_is_undone_in_both_though_one_was_in_quarantine(
    pool: Pool,
) -> None:
    """Its super-journal stays until the second journal is rolled back, whatever else is lost."""
    for name in ("a.db", "b.db", "damaged.db"):
        with opened(pool, name) as con:
            con.execute("PRAGMA journal_mode=DELETE")
            con.execute("CREATE TABLE t(a)")
            con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(100)])
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA cache_size=2")
        con.execute("ATTACH ? AS b", (pool.uri("b.db"),))
        con.execute("PRAGMA b.cache_size=2")
        con.execute("BEGIN")
        con.execute("UPDATE main.t SET a = 'y' || a")
        con.execute("UPDATE b.t SET a = 'y' || a")
        # The worker ends when every journal names the super-journal and the databases are written.
        delete = slots_of(pool).delete
        files: dict[str, bytes] = {}

        def deleted(path: str) -> bool:
            if "-mj" in path and not files:
                files.update(all_files(pool))
            return delete(path)

        with deleting(pool, deleted):
            con.execute("COMMIT")
    await plant(pool, f".{pool.name}-killed", files)
    killed = await sahpool.install(pool.name + "-killed")
    supers = [each for each in killed.file_names if "-mj" in each]
    assert len(supers) == 1, killed.file_names
    await put_aside(killed, "/b.db", "/damaged.db")
    assert supers[0] in killed.file_names
    assert aside(killed, "/b.db-journal").size

    def found(name: str) -> list[Any]:
        with opened(killed, name) as con:
            assert value(con, "PRAGMA integrity_check") == "ok"
            sql = "SELECT substr(a, 1, 1), count(*) FROM t GROUP BY 1"
            return con.execute(sql).fetchall()

    assert found("a.db") == [("x", 100)]
    for name in ("b.db", "damaged.db"):
        killed.pause_vfs()
        await killed.unpause_vfs()
        killed.recover(aside(killed, f"/{name}").name)
        assert found(name) == [("x", 100)]


@pytest.mark.parametrize("runtime", ONLY_NODE, indirect=True)
@in_worker()
async def test_what_another_program_s_header_names_is_never_written_to_unless_it_is_asked_for(
    pool: Pool,
) -> None:
    """wa-sqlite's digest, sqlite-wasm-rs's name, a digestless header that is damaged, garbage."""
    import struct

    from sahpool.opfs_pool.header import encode, wa_sqlite_digest

    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(1)")
    data = pool.export_file("a.db")

    def corpus(path: str) -> bytes:
        return path.encode().ljust(512, b"\0") + struct.pack(">I", 0x106)

    wa = corpus("/wa.db") + struct.pack("<II", *wa_sqlite_digest(corpus("/wa.db")))
    digestless = bytearray(encode("/old.db", 0x106, 0, digested=False)[:524])
    digestless[9] = 1
    headers = {
        "wa": wa,
        "rust": corpus("rust.db"),
        "digestless": bytes(digestless),
        "garbage": hashlib.sha512(b"garbage").digest() * 8,
        "official": bytes([*encode("/official.db", 0x106, 0)[:523], 1]),
    }
    pool.pause_vfs()
    create = sahpool.browser.js_object(create=True)
    folder = await sahpool.browser.directory(pool.directory + "/.opaque")
    before = {}
    for name, header in headers.items():
        handle = await hold_of(pool).open(await folder.getFileHandle(name, create))
        handle.write(header.ljust(4096, b"\0") + data, 0)
        before[name] = handle.read(1 << 20, 0)
        handle.close()
    await pool.unpause_vfs()

    def there() -> dict[str, bytes]:
        return {each.name: each.handle.read(1 << 20, 0) for each in pool.quarantined}

    assert there() == before
    await pool.add_capacity(3)
    for number in range(12):
        with opened(pool, f"{number}.db") as con:
            con.execute("CREATE TABLE t(a)")
        await pool.top_up()
    await pool.import_db("new.db", data)
    list(pool.export_chunks("new.db"))
    assert (await pool.check()).passed
    await pool.reduce_capacity(100)
    await pool.wipe_files()
    assert there() == before
    await pool.import_db("ours.db", data)
    other = await sahpool.install(pool.name + "-other")
    pool.pause_vfs()
    # Its program's slots are among them: what is known by whom is copied, nothing is changed.
    with expect(ExceptionGroup):
        await other.import_pool(pool.directory)
    assert other.databases == ["/ours.db", "/rust.db", "/wa.db"]
    await pool.unpause_vfs()
    assert there() == before
    assert not await pool.remove_vfs()
    # With none but theirs left, the pool is another program's, and is not taken in any more.
    with expect(sahpool.ForeignPoolError, "left as it is"):
        await sahpool.install(pool.name, directory=pool.directory)
    await plant(other, pool.directory, {"ours": encode("/more.db", 0x106, 1) + data})
    again = await sahpool.install(pool.name, directory=pool.directory)
    assert {each.name: each.handle.read(1 << 20, 0) for each in again.quarantined} == before
    for name, path in (
        ("wa", None),
        ("rust", None),
        ("digestless", "old.db"),
        ("garbage", "unknown.db"),
        ("official", "official.db"),
    ):
        again.recover(name, path)
    for name in again.databases:
        with opened(again, name) as con:
            assert value(con, "SELECT a FROM t") == 1
    assert len(again.databases) == 6


@pytest.mark.parametrize("runtime", ONLY_NODE, indirect=True)
@in_worker()
async def test_a_slot_that_cannot_be_read_is_told_and_can_be_dropped_when_it_can_be_written(
    pool: Pool,
) -> None:
    import js

    def refuse(*methods: str) -> None:
        for method in methods:
            sticky = sahpool.browser.js_object(sticky=True)
            js.memoryOpfs.failAt(method, 1, "NotReadableError", sticky)

    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    pool.pause_vfs()
    set_wanted_spares(pool, 0)
    try:
        refuse("getSize", "read")
        await pool.unpause_vfs()
        names = [each.name for each in pool.quarantined]
        assert {(each.size, each.offered) for each in pool.quarantined} == {(0, None)}
        with expect(sahpool.StorageError, "cannot be read: NotReadableError"):
            list(pool.export_quarantined(names[0]))
        with expect(sahpool.StorageError, "could not be recovered: NotReadableError"):
            pool.recover(names[0], "x")
        for method in ("write", "flush"):
            refuse(method)
            with expect(sahpool.StorageError, "could not be dropped: NotReadableError"):
                pool.drop_quarantined(names[0])
        assert [each.name for each in pool.quarantined] == names
        js.memoryOpfs.heal()
        refuse("getSize", "read")
        for name in names:
            pool.drop_quarantined(name)
        assert (pool.quarantined, pool.capacity) == ([], len(names))
    finally:
        js.memoryOpfs.heal()
    pool.pause_vfs()
    await pool.unpause_vfs()
    assert (pool.quarantined, pool.file_names) == ([], [])


_INSIDE = PRELUDE + Path(__file__).with_name("inside_recovering.py").read_text(
    encoding="utf-8"
).replace("from __future__ import annotations\n", "")


#: What else belongs to the database, what is done, what comes after the call that fails.
_FAILURES = [
    (mode, action, ending)
    for mode in ("", "WAL", "DELETE")
    for action in ("recover", "rename", "replace", "drop")
    for ending in ("once", "sticky", "killed")
]


@pytest.mark.parametrize(
    ("failures", "stride"),
    [
        # Five has no divisor in common with the lengths of the lists: all of each are among them.
        pytest.param(_FAILURES[::5], 23, id="slice"),
        pytest.param(_FAILURES[:12], 1, id="alone", marks=pytest.mark.slow),
        pytest.param(_FAILURES[12:24], 1, id="WAL", marks=pytest.mark.slow),
        pytest.param(_FAILURES[24:], 1, id="DELETE", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("runtime", ONLY_NODE, indirect=True)
def test_whatever_fails_while_a_slot_is_recovered_or_dropped_no_row_is_lost(
    runtime: Any, failures: list[tuple[str, str, str]], stride: int
) -> None:
    """The n-th call of the storage fails, alone or with all after it; or the worker ends there."""
    for turn, (mode, action, ending) in enumerate(failures):
        tried = runtime.run(
            _INSIDE + "await every_call(mode, action, ending, numbers)",
            mode=mode,
            action=action,
            ending=ending,
            # With a large stride, each begins at another call.
            numbers=list(range(1 + 7 * turn % stride, 1000, stride)),
        )
        assert tried >= (5 if stride == 1 else 1), (mode, action, ending)
