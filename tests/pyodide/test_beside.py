"""A database that comes with its WAL or its hot journal; killed_copies.py makes them."""

from __future__ import annotations

import asyncio
import base64
import pathlib
import sqlite3
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import sahpool
from tests.harness.inside_pools import hold_of, slots_of
from tests.harness.inside_prelude import expect, opened, value
from tests.pyodide import killed_copies, random_copies
from tests.pyodide.engines import Engine
from tests.pyodide.in_worker import in_worker
from tests.pyodide.killed_copies import (
    COPIES,
    REFUSED,
    Made,
    Maker,
    flipped,
    frames,
    hot_in_wal_mode,
    plain,
    recovered,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sahpool import Pool

IMPORT = """
import base64, contextlib, sqlite3, warnings
import sahpool
from tests.harness.inside_pools import slots_of
pool = await sahpool.install("beside", lock_timeout=5.0, spare=1, initial_capacity=1)
files = {kind: base64.b64decode(each) for kind, each in files.items()}
try:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        size = await pool.import_db("a.db", files.pop("main", b""), **files)
    assert pool.file_names == ["/a.db"] and not slots_of(pool).lent_count, pool.file_names
    await pool.add_capacity(3)
    found = {}
    with contextlib.closing(pool.connect("a.db")) as con:
        assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
        for (name,) in con.execute(names).fetchall():
            rows = con.execute(f'SELECT * FROM "{name}" ORDER BY 1')
            found[name] = [list(row) for row in rows]
    assert not size or size == len(pool.export_file("a.db"))
finally:
    await pool.remove_vfs()
warned = [(each.category.__name__, each.message.database, bool(each.message.hint)) for each in told]
[found, warned]
"""


def sent(made: Made) -> dict[str, str]:
    return {kind: base64.b64encode(each).decode() for kind, each in made.files.items()}


def imported(runtime: Engine, made: Made) -> Any:
    """Every row that the import brings, and the warnings."""
    return runtime.run(IMPORT, files=sent(made))


@pytest.mark.parametrize("name", COPIES)
def test_all_that_a_desktop_recovers_from_a_killed_copy_comes_in(
    runtime: Engine, tmp_path: Path, name: str
) -> None:
    made = COPIES[name](tmp_path)
    rows, warned = imported(runtime, made)
    assert rows == recovered(tmp_path, made)
    assert warned == []


#: Of how many seeds the copies are tried: some of these are copied many times, some not at all.
SEEDS = {"node": 60, "chrome": 15, "firefox": 15}


def test_copies_at_any_moment_come_in_as_a_desktop_recovers_them(
    runtime: Engine, tmp_path: Path
) -> None:
    hot = walled = 0
    for seed in range(SEEDS[runtime.name]):
        folder = tmp_path / str(seed)
        folder.mkdir()
        for done, made in random_copies.copies(folder, seed):
            rows, warned = imported(runtime, made)
            assert rows == recovered(folder, made), (seed, done)
            assert warned == [], (seed, done)
            hot += any(made.files.get("journal", b"")[:8])
            walled += len(made.files.get("wal", b"")) > 32
    assert min(hot, walled) > SEEDS[runtime.name] / 8, (hot, walled)


@pytest.mark.parametrize("name", COPIES)
def test_without_what_lies_beside_them_the_copies_are_others(tmp_path: Path, name: str) -> None:
    """Or nothing would be shown by their coming in."""
    made = COPIES[name](tmp_path)
    rows = recovered(tmp_path, made)
    try:
        alone = recovered(tmp_path, Made(main=made.main))
    except (sqlite3.DatabaseError, AssertionError):
        return
    if "vacuum" in name.lower():
        return  # it changes no row
    nothing_beside = name.startswith(("an empty", "a journal ended", "a WAL of zeros"))
    nothing_beside |= name.endswith(("without a frame", "all in the database"))
    assert (alone == rows) == nothing_beside


REFUSE = """
import base64, contextlib, warnings
import sahpool
from tests.harness.inside_pools import slots_of
pool = await sahpool.install("beside", lock_timeout=5.0, spare=4, initial_capacity=4)
files = {kind: base64.b64decode(each) for kind, each in files.items()}
main = files.pop("main", b"")
try:
    with contextlib.closing(pool.connect("a.db")) as con:
        con.executescript("CREATE TABLE old(x); INSERT INTO old VALUES(1)")
    before, said = pool.export_file("a.db"), []
    for name, replace in (("a.db", True), ("new.db", False)):
        try:
            await pool.import_db(name, main, replace=replace, **files)
            said.append("it was taken")
        except sahpool.ImportRejectedError as error:
            assert error.hint
            said.append(str(error))
    assert pool.file_names == ["/a.db"], pool.file_names
    assert slots_of(pool).lent_count == 0 and slots_of(pool).spare_count == pool.capacity - 1
    assert pool.export_file("a.db") == before
finally:
    await pool.remove_vfs()
said
"""


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_belong_together_is_refused_and_the_old_database_stays(
    runtime: Engine, tmp_path: Path, name: str
) -> None:
    make, text = REFUSED[name]
    one, two = runtime.run(REFUSE, files=sent(make(tmp_path)))
    assert one == two
    assert text in one
    assert one != "it was taken"


# --- what is told ---------------------------------------------------------------------------------


def test_a_database_in_wal_mode_by_itself_comes_in_with_a_warning(
    runtime: Engine, tmp_path: Path
) -> None:
    made = killed_copies.wal(tmp_path)
    alone = Made(main=made.main)
    rows, warned = imported(runtime, alone)
    assert rows == recovered(tmp_path, alone) != recovered(tmp_path, made)
    assert warned == [["WalMissingWarning", "/a.db", True]]
    # An ended journal says nothing of a WAL.
    assert imported(runtime, alone.but(journal=bytes(600)))[1] == warned


def test_an_import_that_says_there_is_no_wal_warns_of_none(runtime: Engine, tmp_path: Path) -> None:
    alone = Made(main=killed_copies.wal(tmp_path).main)
    assert imported(runtime, alone.but(wal=b"")) == [recovered(tmp_path, alone), []]


@pytest.mark.parametrize("make", [plain, hot_in_wal_mode], ids=lambda make: make.__name__)
def test_what_needs_no_wal_comes_in_without_a_warning(
    runtime: Engine, tmp_path: Path, make: Maker
) -> None:
    made = make(tmp_path)
    assert imported(runtime, made) == [recovered(tmp_path, made), []]


def _damaged_frame(content: bytes, number: int) -> bytes:
    return flipped(content, frames(content)[number] + 24 + 77)


#: What is done to a WAL of many transactions → whether some of them are seen to be left out.
DAMAGED: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "a damaged page in the first transaction": (lambda wal: _damaged_frame(wal, 0), True),
    "a damaged page in the middle": (lambda wal: _damaged_frame(wal, len(frames(wal)) // 2), True),
    "a damaged last page": (lambda wal: _damaged_frame(wal, -1), True),
    "a damaged salt in the middle": (
        lambda wal: flipped(wal, frames(wal)[len(frames(wal)) // 2] + 9),
        True,
    ),
    "the last frame cut off in its page": (lambda wal: wal[:-100], True),
    "the last frame cut off in its header": (lambda wal: wal[: frames(wal)[-1] + 20], False),
    "cut off between two frames": (lambda wal: wal[: frames(wal)[-1]], False),
    "zeros behind it": (lambda wal: wal + bytes(9000), False),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_what_sqlite_leaves_out_of_a_damaged_wal_is_told(
    runtime: Engine, tmp_path: Path, how: str
) -> None:
    change, is_told = DAMAGED[how]
    made = killed_copies.wal(tmp_path, changes=9)
    damaged = made.but(wal=change(made.files["wal"]))
    rows, warned = imported(runtime, damaged)
    assert rows == recovered(tmp_path, damaged)
    assert warned == [["WalIgnoredWarning", "/a.db", True]] * is_told


@in_worker(spare=4)
async def test_a_warning_that_is_made_an_error_changes_nothing(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES('old')")
    data = bytearray(pool.export_file("a.db"))
    data[18:20] = b"\2\2"
    before = pool.export_file("a.db")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("a.db", "new.db"):
            with expect(sahpool.WalMissingWarning, "may be in there") as caught:
                await pool.import_db(name, data, replace=True)
            assert caught.error.database == f"/{name}"
        await pool.import_db("b.db", before)  # an export has no WAL, and says so
        await pool.import_db("c.db", data, wal=b"")
    assert pool.file_names == ["/a.db", "/b.db", "/c.db"]
    assert pool.export_file("a.db") == before
    assert slots_of(pool).lent_count == 0


@in_worker(spare=4)
async def test_a_warning_names_the_line_that_imports_and_the_number_of_transactions(
    pool: Pool,
) -> None:
    con = sqlite3.connect("file:/tmp/told.db?vfs=unix", uri=True, isolation_level=None)
    con.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
    con.execute("PRAGMA journal_mode=WAL").fetchall()
    con.execute("CREATE TABLE t(a)")
    for number in range(5):
        con.execute("INSERT INTO t VALUES(?)", (number,))
    main, wal = (pathlib.Path(f"/tmp/told.db{suffix}").read_bytes() for suffix in ("", "-wal"))
    con.close()
    assert not pathlib.Path("/tmp/told.db-wal").exists()
    pathlib.Path("/tmp/told.db").unlink()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        await pool.import_db("a.db", main, wal=wal[:-4000] + bytes([wal[-4000] ^ 1]) + wal[-3999:])
        await pool.import_db("b.db", main)
    cut, missing = told
    assert cut.category is sahpool.WalIgnoredWarning, cut
    assert isinstance(cut.message, sahpool.WalIgnoredWarning)
    assert cut.message.transactions == 1, cut.message
    assert missing.category is sahpool.WalMissingWarning, missing
    assert issubclass(sahpool.WalMissingWarning, sahpool.SahpoolWarning)
    assert {each.filename for each in told} == {"<test>"}, [each.filename for each in told]
    with opened(pool, "a.db") as con:
        assert [a for (a,) in con.execute("SELECT a FROM t")] == [0, 1, 2, 3]


# --- the database file itself ---------------------------------------------------------------------


@pytest.mark.parametrize("size", [512, 4096, 65536])
def test_a_database_that_is_all_in_its_wal_comes_in_beside_an_empty_file(
    runtime: Engine, tmp_path: Path, size: int
) -> None:
    """SQLite would delete that WAL."""
    made = killed_copies.wal(tmp_path, f"page_size={size}", checkpoint=False)
    assert recovered(tmp_path, made.but(main=b"")) == {}
    assert imported(runtime, made.but(main=b"")) == [recovered(tmp_path, made), []]


@in_worker(spare=4)
async def test_an_empty_file_with_a_wal_that_lacks_a_page_is_refused(pool: Pool) -> None:
    con = sqlite3.connect("file:/tmp/part.db?vfs=unix", uri=True, isolation_level=None)
    con.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
    con.execute("PRAGMA journal_mode=WAL").fetchall()
    con.execute("CREATE TABLE t(a)")
    con.execute("CREATE TABLE u(a)")
    con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    con.execute("INSERT INTO u VALUES(1)")
    one_page = pathlib.Path("/tmp/part.db-wal").read_bytes()
    con.close()
    pathlib.Path("/tmp/part.db").unlink()
    with expect(sahpool.ImportRejectedError):
        await pool.import_db("a.db", b"", wal=one_page)
    assert pool.file_names == []
    # Of no transaction there is nothing to lack: it is an empty database.
    for number, wal in enumerate((one_page[:32], b"")):
        assert await pool.import_db(f"{number}.db", b"", wal=wal) == 0
    assert pool.databases == ["/0.db", "/1.db"]
    assert slots_of(pool).lent_count == 0


@in_worker(spare=4)
async def test_what_belongs_to_a_database_is_told_by_its_content_when_it_comes_alone(
    pool: Pool,
) -> None:
    import js

    con = sqlite3.connect("file:/tmp/kinds.db?vfs=unix", uri=True, isolation_level=None)
    con.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
    con.execute("PRAGMA journal_mode=WAL").fetchall()
    con.execute("CREATE TABLE t(a)")
    wal = pathlib.Path("/tmp/kinds.db-wal").read_bytes()
    con.close()
    pathlib.Path("/tmp/kinds.db").unlink()
    journal = bytes.fromhex("d9d505f920a163d7") + bytes(600)
    offers = {
        "is a WAL": (wal, "wal=…"),
        "is a rollback journal": (journal, "journal=…"),
        "is a WAL-index": (struct.pack("<II", 3007000, 0) + bytes(32760), "wal=…"),
        "is a WAL-index ": (struct.pack(">II", 3007000, 0) + bytes(32760), "wal=…"),
    }
    for said, (offer, hint) in offers.items():
        for name in ("x.db", "x-wal", "x.db-journal"):
            one_by_one = (offer[at : at + 1] for at in range(len(offer)))
            stream = js.Blob.new(js.Array.of(js.Uint8Array.new(offer))).stream()
            sources: list[Any] = [offer, one_by_one, js.Uint8Array.new(offer), stream]
            sources.append(iter([b"", offer[:3], offer[3:]]))
            for source in sources:
                with expect(sahpool.ImportRejectedError, said.strip()) as caught:
                    await pool.import_db(name, source)
                assert hint in caught.error.hint, caught.error.hint
    assert pool.file_names == []
    # Of other content the name is the trouble.
    with expect(sahpool.InvalidNameError, "-wal"):
        await pool.import_db("x.db-wal", b"SQLite format 3\0" + bytes(4080))
    with expect(sahpool.InvalidNameError, "-wal"):
        await pool.import_db("x.db-wal", b"")


# --- sources --------------------------------------------------------------------------------------


@in_worker(spare=6)
async def test_a_wal_comes_from_whatever_a_database_comes_from(pool: Pool) -> None:
    import js

    con = sqlite3.connect("file:/tmp/kinds.db?vfs=unix", uri=True, isolation_level=None)
    con.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
    con.execute("PRAGMA journal_mode=WAL").fetchall()
    con.execute("CREATE TABLE t(a)")
    con.executemany("INSERT INTO t VALUES(?)", [("x" * 3000,) for _ in range(20)])
    main, wal = (pathlib.Path(f"/tmp/kinds.db{suffix}").read_bytes() for suffix in ("", "-wal"))
    with pathlib.Path("/tmp/kinds.db-wal").open("rb") as file:
        chunks = [wal[at : at + 5000] for at in range(0, len(wal), 5000)]
        left = iter([*chunks, None])

        async def following() -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

        async def later() -> bytes | None:
            return next(left)

        blob = hold_of(pool).blob_of(wal)
        sources: list[Any] = [
            wal,
            bytearray(wal),
            memoryview(wal),
            file,
            chunks,
            following(),
            later,
        ]
        sources += [blob, blob.stream(), js.Uint8Array.new(wal)]
        for number, source in enumerate(sources):
            await pool.import_db(f"{number}.db", main, wal=source)
            with opened(pool, f"{number}.db") as copy:
                assert value(copy, "SELECT count(*) FROM t") == 20, source
    con.close()
    pathlib.Path("/tmp/kinds.db").unlink()
    before = pool.file_names

    def failing() -> Iterator[bytes]:
        yield wal[:5000]
        raise ZeroDivisionError("the disk was pulled out")

    offers: list[tuple[Any, type[Exception]]] = [("text", TypeError), (7, TypeError)]
    offers += [(failing(), ZeroDivisionError), (failing(), ZeroDivisionError)]
    for source, kind in offers:
        for name in ("0.db", "new.db")[:: 1 if kind is TypeError else 2]:
            with expect(kind):
                await pool.import_db(name, main, wal=source, replace=True)
    assert pool.file_names == before
    assert slots_of(pool).lent_count == 0
    with opened(pool, "0.db") as copy:
        assert value(copy, "SELECT count(*) FROM t") == 20


@in_worker(spare=6)
async def test_an_import_with_its_wal_that_is_cancelled_leaves_nothing(pool: Pool) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield bytes.fromhex("377f0682")
        while True:
            await asyncio.sleep(0.01)
            yield bytes(10)

    task = asyncio.ensure_future(pool.import_db("a.db", bytes(8192), wal=endless()))
    while slots_of(pool).lent_count < 2:
        await asyncio.sleep(0.01)
    with expect(sahpool.DatabaseInUseError, "import"):
        pool.pause_vfs()
    task.cancel()
    with expect(asyncio.CancelledError):
        await task
    assert slots_of(pool).lent_count == 0
    assert pool.file_names == []
