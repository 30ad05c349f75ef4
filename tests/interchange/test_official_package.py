"""Two-way interchange with @sqlite.org/sqlite-wasm: one directory, both programs, every row.

3.54.1 is the newest release; 3.49 is the last one before headers had a digest.
"""

from __future__ import annotations

import pytest

from tests.interchange.lab import (
    HALF_DONE,
    OFFICIAL,
    WHOLE,
    Lab,
    ProgramError,
    step,
    whole_file,
    write_ours,
    write_theirs,
)
from tests.interchange.prelude import typed

MODES = ("DELETE", "WAL", "TRUNCATE")
PATHS = ("/delete.db", "/wal.db", "/a/b/c.db")
KEPT = "/kept.db"  # in a pool without a name, a release before 3.50 cannot be told from a later one


@pytest.mark.parametrize("version", OFFICIAL)
def test_what_the_official_package_wrote_is_here_row_for_row(
    lab: Lab, directory: str, version: str
) -> None:
    steps = [each for pair in zip(PATHS, MODES, strict=True) for each in write_theirs(*pair)]
    *_, described = lab.theirs(version, directory, *steps, step("describe"))
    found = lab.read(directory, *PATHS)
    assert [found[path] for path in PATHS] == [WHOLE] * 3
    assert found["files"] == described["files"] == sorted([*PATHS, "/a/b/c.db-journal"])
    assert found["capacity"] == described["capacity"]


@pytest.mark.parametrize("version", OFFICIAL)
def test_what_is_written_here_is_there_row_for_row(lab: Lab, directory: str, version: str) -> None:
    lab.theirs(version, directory, *write_theirs(KEPT, "DELETE"))
    described = write_ours(lab, directory, *zip(PATHS, MODES, strict=True))
    found = lab.read_theirs(version, directory, KEPT, *PATHS)
    assert [found[path] for path in (KEPT, *PATHS)] == [WHOLE] * 4
    assert found["files"] == described["files"]
    assert found["capacity"] == described["capacity"]
    again = lab.read(directory, KEPT, *PATHS)
    assert [again[path] for path in (KEPT, *PATHS)] == [WHOLE] * 4


def test_a_pool_begun_here_is_there_row_for_row(lab: Lab, directory: str) -> None:
    described = write_ours(lab, directory, *zip(PATHS, MODES, strict=True))
    found = lab.read_theirs("3.54.1", directory, *PATHS)
    assert [found[path] for path in PATHS] == [WHOLE] * 3
    assert {key: found[key] for key in described} == described


@pytest.mark.parametrize("program", ["sahpool", "3.54.1"])
def test_releases_before_3_50_empty_a_pool_that_a_later_program_began(
    lab: Lab, directory: str, program: str
) -> None:
    """Not ours to mend: 3.49 takes every digest for a bad one, the official 3.54.1's as well."""
    if program == "sahpool":
        write_ours(lab, directory, (KEPT, "DELETE"))
    else:
        lab.theirs(program, directory, *write_theirs(KEPT, "DELETE"))
    (described,) = lab.theirs("3.49", directory, step("describe"))
    assert described["files"] == []


@pytest.mark.parametrize("version", OFFICIAL)
def test_the_official_package_opens_a_wal_database_only_with_exclusive_locking(
    lab: Lab, directory: str, version: str
) -> None:
    """It has no shared memory. The refusal costs nothing, and exclusive locking gives every row."""
    lab.theirs(version, directory, *write_theirs(KEPT, "DELETE"))
    write_ours(lab, directory, ("/wal.db", "WAL"))
    _, refusal, _ = lab.theirs(
        version,
        directory,
        step("open", "/wal.db"),
        step("execute", "/wal.db", sql="SELECT count(*) FROM t", fails=True),
        step("close", "/wal.db"),
    )
    assert "unable to open database file" in refusal
    assert lab.read_theirs(version, directory, "/wal.db")["/wal.db"] == WHOLE
    assert lab.read(directory, "/wal.db")["/wal.db"] == WHOLE


@pytest.mark.parametrize("version", OFFICIAL)
def test_a_name_there_is_the_path_of_a_url_here(lab: Lab, directory: str, version: str) -> None:
    """The official package opens ``my notes.db`` as ``/my%20notes.db``, and keeps that."""
    name, kept = "my nötes 🦑.db", "/my%20n%C3%B6tes%20%F0%9F%A6%91.db"
    *_, described = lab.theirs(version, directory, *write_theirs(name, "DELETE"), step("describe"))
    assert described["files"] == [kept]
    assert lab.read(directory, kept)[kept] == WHOLE
    other, other_kept = "/ours too.db", "/ours%20too.db"
    write_ours(lab, directory, (other_kept, "DELETE"))
    assert lab.read_theirs(version, directory, other)[other] == WHOLE
    # A name that no URL has cannot be opened there; it is listed and can be taken out.
    write_ours(lab, directory, (other, "DELETE"))
    described, exported = lab.theirs(version, directory, step("describe"), step("export", other))
    assert described["files"] == sorted([kept, other, other_kept])
    source = "async with held(directory) as pool:\n    found = pool.export_file(path).hex()\nfound"
    assert lab.ours(source, directory=directory, path=other) == exported


@pytest.mark.parametrize("version", OFFICIAL)
def test_imports_exports_and_deletions_on_either_side_are_seen_by_the_other(
    lab: Lab, directory: str, version: str
) -> None:
    content = whole_file()
    lab.theirs(
        version,
        directory,
        *write_theirs(KEPT, "DELETE"),
        step("import", "/theirs.db", content=content.hex()),
        *write_theirs("/deleted-here.db", "DELETE"),
    )
    assert lab.read(directory, "/theirs.db")["/theirs.db"] == WHOLE
    exported = lab.ours(
        """
        async with held(directory) as pool:
            exported = pool.export_file("/theirs.db").hex()
            await pool.import_db("/ours.db", bytes.fromhex(content))
            assert pool.unlink("/deleted-here.db")
            await pool.add_capacity(2)
            found = [exported, pool.capacity]
        found
        """,
        directory=directory,
        content=content.hex(),
    )
    found = lab.read_theirs(version, directory, KEPT, "/ours.db", "/theirs.db")
    assert found["/ours.db"] == found["/theirs.db"] == WHOLE
    assert found["files"] == [KEPT, "/ours.db", "/theirs.db"]
    assert [content.hex(), found["capacity"]] == exported
    out, gone, _, described = lab.theirs(
        version,
        directory,
        step("export", "/ours.db"),
        step("unlink", "/ours.db"),
        step("add", count=1),
        step("describe"),
    )
    assert (out, gone) == (content.hex(), True)
    found = lab.read(directory, KEPT, "/theirs.db")
    assert {key: found[key] for key in described} == described


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@pytest.mark.parametrize("version", OFFICIAL)
def test_a_transaction_that_a_killed_worker_of_the_official_package_left_is_undone_here(
    lab: Lab, directory: str, version: str, mode: str
) -> None:
    """Releases up to 3.53.4 do not do that themselves: their xCheckReservedLock answers 1."""
    begun = [
        step("open", "/a.db", before=["PRAGMA locking_mode=exclusive"]),
        *(step("execute", "/a.db", sql=sql) for sql in HALF_DONE),
    ]
    *_, described = lab.theirs(
        version, directory, *write_theirs("/a.db", mode), *begun, step("describe"), stay=True
    )
    companion = "/a.db-wal" if mode == "WAL" else "/a.db-journal"
    assert described["files"] == ["/a.db", companion]
    lab.kill_theirs(version)
    assert lab.read(directory, "/a.db")["/a.db"] == WHOLE
    assert lab.read_theirs(version, directory, "/a.db")["/a.db"] == WHOLE


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_transaction_that_was_killed_here_is_undone_by_3_54_1(
    lab: Lab, directory: str, mode: str
) -> None:
    write_ours(lab, directory, ("/a.db", mode))
    lab.ours(
        """
        pool = await sahpool.install(directory, directory=directory)
        await pool.unpause_vfs()
        con = pool.connect("/a.db", isolation_level=None)
        for sql in statements:
            con.execute(sql)
        sahpool.kept_for_the_kill = con  # or it would be closed with this source's globals
        """,
        directory=directory,
        statements=HALF_DONE,
    )
    lab.kill_ours()
    assert lab.read_theirs("3.54.1", directory, "/a.db")["/a.db"] == WHOLE
    assert lab.read(directory, "/a.db")["/a.db"] == WHOLE


def test_slots_that_the_official_package_uses_again_are_not_mistaken_for_what_they_were(
    lab: Lab, directory: str
) -> None:
    """Our second header copies stay behind where it writes the first one."""
    write_ours(lab, directory, ("/a.db", "DELETE"), ("/b.db", "DELETE"))
    stale = lab.ours(
        """
        async with held(directory) as pool:
            await pool.reduce_capacity(pool.capacity - pool.file_count - 1)
        await stale_copies(directory)
        """,
        directory=directory,
    )
    assert stale == []
    lab.theirs(
        "3.54.1",
        directory,
        step("unlink", "/a.db"),
        *write_theirs("/c.db", "DELETE"),
        *write_theirs("/d.db", "OFF"),
    )
    stale = lab.ours("await stale_copies(directory)", directory=directory)
    assert [path for path in stale if path in ("/c.db", "/d.db")]
    found = lab.read(directory, "/b.db", "/c.db", "/d.db")
    assert found["files"] == ["/b.db", "/c.db", "/d.db"]
    assert [found[path] for path in found["files"]] == [WHOLE] * 3


def test_an_official_package_that_starts_while_the_pool_is_held_here_takes_nothing(
    lab: Lab, directory: str
) -> None:
    """By default its failed start deletes the pool's directory."""
    write_ours(lab, directory, ("/a.db", "WAL"))
    lab.ours(
        "pool = await sahpool.install(directory, directory=directory)\nawait pool.unpause_vfs()",
        directory=directory,
    )
    with pytest.raises(ProgramError, match="NoModificationAllowed"):
        lab.theirs("3.54.1", directory, step("describe"))
    lab.kill_theirs("3.54.1")
    assert lab.read(directory, "/a.db")["/a.db"] == WHOLE
    assert lab.read_theirs("3.54.1", directory, "/a.db")["/a.db"] == WHOLE


def test_the_values_of_these_tests_are_those_that_programs_get_wrong() -> None:
    assert WHOLE["values"][3] == typed(9007199254740993)
    assert typed(-0.0) in WHOLE["values"]
    assert typed(-0.0) != typed(0.0)
