"""Pools of wa-sqlite and sqlite-wasm-rs: found, left alone byte for byte, copied row for row.

wa-sqlite is the package itself. sqlite-wasm-rs is Rust and on npm in no built form: its pools are
made by hand here, byte for byte after its source, and what it reads is told by its own rule, in
Python (inside_hand_made.py).
"""

from __future__ import annotations

import textwrap
from typing import Any

from tests.interchange.lab import HALF_DONE, HERE, WHOLE, Lab, step, write_ours, write_theirs
from tests.interchange.prelude import typed
from tests.pyodide.in_worker import PRELUDE

#: What these tests may use beside prelude.py, whose __future__ counts for all of it.
HAND_MADE = "\n".join(
    text.replace("from __future__ import annotations\n", "")
    for text in (PRELUDE, (HERE / "inside_hand_made.py").read_text(encoding="utf-8"))
)

WA = "wa-sqlite"

FIND = """
[
    [each.program, each.databases, each.slots]
    for each in await sahpool.find_pools()
    if each.directory == directory
]
"""

REFUSED = """
from sahpool import ForeignPoolError

before = await every_byte(directory)
try:
    await sahpool.install(directory, directory=directory)
except ForeignPoolError as error:
    found = [str(error), error.hint]
assert await every_byte(directory) == before
found
"""

IMPORT = """
before = await every_byte(there)
async with held(directory) as pool:
    sizes = await pool.import_pool(there)
    assert await every_byte(there) == before
    found = {"sizes": sizes, **contents(pool, list(sizes))}
found
"""


def by_hand(lab: Lab, source: str, /, **values: Any) -> Any:
    """As ``lab.ours``, with inside_hand_made.py."""
    return lab.ours(HAND_MADE + textwrap.dedent(source), **values)


def test_a_pool_of_wa_sqlite_is_found_left_alone_and_copied_row_for_row(
    lab: Lab, directory: str
) -> None:
    there, name, kept = f"{directory}/pool", "/my nötes.db", "/my%20n%C3%B6tes.db"
    paths = ["/a.db", kept]
    lab.theirs(
        WA, there, *write_theirs("/a.db", "DELETE"), *write_theirs(name, "TRUNCATE"), stay=True
    )
    # While it holds the pool, it can be seen but not copied.
    assert lab.ours(FIND, directory=there) == [[WA, paths, 6]]
    locked = lab.ours(
        """
        pool = await sahpool.install(directory, directory=directory, lock_timeout=0.2)
        try:
            await pool.import_pool(there)
        except sahpool.PoolLockedError as error:
            found = [str(error), pool.file_names]
        await pool.remove_vfs()
        found
        """,
        directory=directory + "-ours",
        there=there,
    )
    assert there in locked[0]
    assert locked[1] == []
    lab.theirs(WA, there)  # lets go of it
    said, hint = lab.ours(REFUSED, directory=there)
    assert "a pool of wa-sqlite" in said
    assert f"pool.import_pool('{there}')" in hint
    found = lab.ours(IMPORT, directory=directory + "-ours", there=there)
    assert [found[path] for path in paths] == [WHOLE] * 2
    assert sorted(found["sizes"]) == found["files"] == paths
    read = [
        step("open", name),
        step("execute", name, sql="SELECT value FROM v ORDER BY id"),
        step("close", name),
    ]
    _, values, _ = lab.theirs(WA, there, *read)
    assert [value for (value,) in values] == WHOLE["values"]


def test_a_transaction_that_a_killed_worker_of_wa_sqlite_left_is_undone_in_the_copy(
    lab: Lab, directory: str
) -> None:
    steps = [step("open", "/a.db"), *(step("execute", "/a.db", sql=sql) for sql in HALF_DONE)]
    lab.theirs(WA, directory, *write_theirs("/a.db", "DELETE"), *steps, stay=True)
    lab.kill_theirs(WA)
    found = lab.ours(IMPORT, directory=directory + "-ours", there=directory)
    assert found["/a.db"] == WHOLE
    assert found["files"] == ["/a.db"]


def test_a_pool_of_the_official_package_or_of_ours_can_be_copied_too(
    lab: Lab, directory: str
) -> None:
    for version in ("3.54.1", "3.49"):
        there = f"{directory}-{version}"
        steps = [
            step("open", "/wal.db", before=["PRAGMA locking_mode=exclusive"]),
            step("execute", "/wal.db", sql="INSERT INTO v(value) VALUES('in the WAL')"),
        ]
        before = [*write_theirs("/delete.db", "DELETE"), *write_theirs("/wal.db", "WAL")]
        lab.theirs(version, there, *before, *steps, stay=True)
        lab.kill_theirs(version)
        ours = f"{directory}-ours-{version}"
        found = lab.ours(IMPORT, directory=ours, there=there)
        assert found["/delete.db"] == WHOLE
        assert found["/wal.db"]["values"] == [*WHOLE["values"], typed("in the WAL")]
        assert found["files"] == ["/delete.db", "/wal.db"]
        found = lab.ours(IMPORT, directory=f"{ours}-again", there=ours)
        assert found["/delete.db"] == WHOLE


def test_a_pool_of_sqlite_wasm_rs_is_found_left_alone_and_copied(lab: Lab, directory: str) -> None:
    """Its names have no slash in front, unless its program writes one."""
    make = """
    opaque = directory + "/.opaque"
    database, journal = b"", b""
    async with held(directory + "-ours") as pool:
        database, journal = await undone(pool)
    await put(opaque, "A", rust("notes.db"), image("one"))
    await put(opaque, "B", rust("other.db", 0x100), image("two"))
    await put(opaque, "C", rust("hot.db"), database)
    await put(opaque, "D", rust("hot.db-journal", MAIN_JOURNAL), journal)
    await put(opaque, "E", rust(""))
    """
    by_hand(lab, make, directory=directory)
    databases = ["hot.db", "notes.db", "other.db"]
    assert lab.ours(FIND, directory=directory) == [["sqlite-wasm-rs", databases, 5]]
    said, hint = lab.ours(REFUSED, directory=directory)
    assert "a pool of sqlite-wasm-rs" in said
    assert f"pool.import_pool('{directory}')" in hint
    found = by_hand(
        lab,
        """
        before = await every_byte(directory)
        async with held(directory + "-ours") as pool:
            sizes = await pool.import_pool(directory)
            found = [sizes, pool.file_names, [rows(pool, path) for path in sizes]]
        assert await every_byte(directory) == before
        found
        """,
        directory=directory,
    )
    assert list(found[0]) == found[1] == ["/hot.db", "/notes.db", "/other.db"]
    assert found[2] == [{"old": 200}, {"one": 200}, {"two": 200}]


def test_a_pool_of_sqlite_wasm_rs_whose_names_have_a_slash_opens_here_and_stays_readable_there(
    lab: Lab, directory: str
) -> None:
    """It cannot be told from one of the official 3.49, and need not be."""
    found = by_hand(
        lab,
        """
        opaque = directory + "/.opaque"
        await put(opaque, "A", rust("/notes.db"), image("one"))
        for name in "BCDEFGHIJ":
            await put(opaque, name, rust(""))
        async with held(directory) as pool:
            assert rows(pool, "/notes.db") == {"one": 200}
            await pool.import_db("/ours.db", image("two"))
            with contextlib.closing(pool.connect("/wal.db")) as con:
                con.execute("CREATE TABLE t(a, b)")
        sectors = {name: content[:4096] async for name, _, content in slot_files(directory)}
        read = {rust_reads(sector): name for name, sector in sectors.items()}
        assert sorted(filter(None, read)) == ["/notes.db", "/ours.db", "/wal.db"]

        # It deletes one of ours and uses the slot again, without touching our second copy.
        slot = read["/ours.db"].removeprefix(".opaque/")
        await put(opaque, slot, rust(""))
        await put(opaque, slot, rust("/theirs.db"), image("six"))
        async with held(directory) as pool:
            found = [pool.file_names, len(pool.quarantined), rows(pool, "/theirs.db")]
        found
        """,
        directory=directory,
    )
    assert found == [["/notes.db", "/theirs.db", "/wal.db"], 0, {"six": 200}]


def test_in_a_pool_that_has_our_digests_what_sqlite_wasm_rs_writes_over_them_is_read(
    lab: Lab, directory: str
) -> None:
    """It leaves the digest of the slot's former name where it was."""
    found = by_hand(
        lab,
        """
        async with held(directory) as pool:
            await pool.import_db("/a.db", image("one"))
            await pool.import_db("/b.db", image("two"))
            slots = [slot_name(pool, path) for path in ("/a.db", "/b.db")]
        opaque = directory + "/.opaque"
        await put(opaque, slots[0], rust("/another-name.db"), image("six"))
        await put(opaque, slots[1], rust(""))
        async with held(directory) as pool:
            found = [pool.file_names, len(pool.quarantined), rows(pool, "/another-name.db")]
        await put(opaque, slots[1], rust("slashless.db"), image("ten"))
        before = {name: content async for name, _, content in slot_files(directory)}
        async with held(directory) as pool:
            found += [pool.file_names, [[q.offered, q.reason] for q in pool.quarantined]]
        after = {name: content async for name, _, content in slot_files(directory)}
        assert after[".opaque/" + slots[1]] == before[".opaque/" + slots[1]]
        found
        """,
        directory=directory,
    )
    assert found[:4] == [["/another-name.db"], 0, {"six": 200}, ["/another-name.db"]]
    ((offered, reason),) = found[4]
    assert offered == "slashless.db"
    assert "sqlite-wasm-rs" in reason
    assert "import_pool" in reason


def test_one_damaged_database_does_not_stop_the_others(lab: Lab, directory: str) -> None:
    found = by_hand(
        lab,
        """
        opaque = directory + "/.opaque"
        torn = bytearray(image("one"))
        torn[4096:8192] = bytes(4096)
        await put(opaque, "A", official("/a.db"), image("one"))
        await put(opaque, "B", official("/damaged.db"), bytes(torn))
        await put(opaque, "C", official("/no-database.db"), b"not a database" * 500)
        await put(opaque, "D", official("/empty.db"))
        await put(opaque, "E", official("/z.db"), image("two", journal_mode="WAL"))
        await put(opaque, "F", bytes([255]) * 600, image("two"))
        before = await every_byte(directory)
        async with held(directory + "-ours") as pool:
            with expect(ExceptionGroup, "3 databases") as caught:
                await pool.import_pool(directory)
            errors = caught.error.exceptions
            assert all(isinstance(each, sahpool.ImportRejectedError) for each in errors)
            assert all(each.hint for each in errors)
            found = [sorted(map(str, errors)), pool.file_names]
            assert [rows(pool, path) for path in ("/a.db", "/z.db")] == [{"one": 200}, {"two": 200}]
            assert pool.size("/empty.db") == 0
            assert slots_of(pool).lent_count == 0
        assert await every_byte(directory) == before
        found
        """,
        directory=directory,
    )
    assert found[1] == ["/a.db", "/empty.db", "/z.db"]
    assert found[0][0].startswith("/damaged.db: The database is damaged")
    assert found[0][1].startswith("/no-database.db: The file is not an SQLite database")
    assert found[0][2].startswith(f"The slot F of {directory} was passed over")


def test_names_that_exist_are_told_before_anything_is_copied(lab: Lab, directory: str) -> None:
    by_hand(
        lab,
        """
        opaque = directory + "/.opaque"
        await put(opaque, "A", official("/a.db"), image("one"))
        await put(opaque, "B", official("/b.db"), image("one"))
        await put(directory, "picture", b"\\xff" * 600)  # no slot, and nobody's business
        async with held(directory + "-ours") as pool:
            await pool.import_db("/b.db", image("old"))
            with expect(sahpool.NameExistsError, "/b.db"):
                await pool.import_pool(directory)
            assert pool.file_names == ["/b.db"]
            with contextlib.closing(pool.connect("/b.db")) as con:
                assert con.execute("SELECT count(*) FROM t").fetchone() == (200,)
                with expect(sahpool.DatabaseInUseError, "/b.db"):
                    await pool.import_pool(directory, replace=True)
            assert pool.file_names == ["/b.db"]
            assert sorted(await pool.import_pool(directory, replace=True)) == ["/a.db", "/b.db"]
            assert rows(pool, "/b.db") == {"one": 200}
            with expect(sahpool.NoSuchDatabaseError, "nothing-here"):
                await pool.import_pool("nothing-here")
        assert "nothing-here" not in [each.directory for each in await sahpool.find_pools()]
        assert await sahpool.opfs_pool.recognise.existing("nothing-here") is None
        """,
        directory=directory,
    )


def test_a_transaction_over_several_databases_is_undone_as_long_as_its_super_journal_is_there(
    lab: Lab, directory: str
) -> None:
    """Once it is gone, the transaction was committed, and the journal that is left says nothing."""
    found = by_hand(
        lab,
        """
        name = "/my db.db-mj0123456AB"
        found = []
        async with held(directory + "-ours") as pool:
            database, journal = await undone(pool)
            journal += super_record(name)
            for number, kept in enumerate([name, "/my%20db.db-mj0123456AB", None]):
                opaque = f"{directory}-{number}/.opaque"
                await put(opaque, "A", official("/a.db"), database)
                await put(opaque, "B", official("/a.db-journal", MAIN_JOURNAL), journal)
                if kept:
                    await put(opaque, "C", official(kept, SUPER_JOURNAL), b"/a.db-journal")
                await pool.import_pool(f"{directory}-{number}")
                found.append([rows(pool, "/a.db"), pool.file_names])
                pool.unlink("/a.db")
        found
        """,
        directory=directory,
    )
    assert found == [
        [{"old": 200}, ["/a.db"]],
        [{"old": 200}, ["/a.db"]],
        [{"new": 200}, ["/a.db"]],
    ]


def test_what_is_no_pool_is_not_found(lab: Lab, directory: str) -> None:
    write_ours(lab, f"{directory}/two/deep", ("/too-deep.db", "DELETE"))
    write_ours(lab, f"{directory}/near", ("/a.db", "DELETE"))
    found = by_hand(
        lab,
        """
        await put(directory + "/plain", "notes.txt", b"just a file")
        await put(directory + "/plain", "zeros", bytes(600))
        await sahpool.browser.directory(directory + "/nothing")
        await sahpool.browser.directory(directory + "/bare/.opaque")
        [
            [each.directory, each.program, each.databases]
            for each in await sahpool.find_pools()
            if each.directory.startswith(directory)
        ]
        """,
        directory=directory,
    )
    assert found == [[f"{directory}/near", "sahpool / @sqlite.org/sqlite-wasm", ["/a.db"]]]


def test_a_pool_that_is_found_tells_who_holds_it(lab: Lab, directory: str) -> None:
    found = lab.ours(
        """
        async def holder():
            return {each.directory: each.holder for each in await sahpool.find_pools()}[directory]


        async with held(directory) as pool:
            during = await holder()
            assert during == await holder() != ""
        [type(during).__name__, await holder()]
        """,
        directory=directory,
    )
    assert found == ["str", None]
