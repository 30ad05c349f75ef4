"""What only some storages can do works there, and is refused with a clear error elsewhere."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from tests.storage_spec.spec import over_each_storage

if TYPE_CHECKING:
    import sahpool
    from tests.harness.inside_prelude import expect
    from tests.storage_spec.inside_steps import connect, exported, fill, make
    from tests.storage_spec.inside_storages import Opened


@over_each_storage(in_browsers=True)
async def test_a_blob_is_the_exported_database_or_is_refused(made: Opened) -> None:
    from sahpool.databases.transfer import export_blob

    with connect(made.volume, "a.db") as con:
        make(con)
        fill(con, 100)
    if made.volume.storage.capabilities.export_blob:
        async with export_blob(made.volume.access, "/a.db") as blob:
            found = (await blob.arrayBuffer()).to_bytes()
        assert found == exported(made.volume, "a.db")
        return
    with expect(sahpool.UnsupportedError, "cannot hand out a database as a Blob") as caught:
        async with export_blob(made.volume.access, "/a.db"):
            pass
    assert "in chunks" in caught.error.hint
    assert made.volume.name in str(caught.error)


@over_each_storage(room=4)
async def test_a_storage_that_is_limited_says_when_it_is_full_and_grows_on_demand(
    made: Opened,
) -> None:
    from sahpool.storage import NO_LIMIT

    storage = made.volume.storage
    if not storage.capabilities.limited:
        assert storage.spare_count == NO_LIMIT
        paths = [storage.create(f"/{number}.db", 0x106).path for number in range(300)]
        assert sorted(storage.paths) == sorted(paths)
        return
    for number in range(storage.spare_count):
        storage.create(f"/{number}.db", 0x106)
    assert storage.spare_count == 0
    with expect(sahpool.PoolFullError) as caught:
        storage.create("/one-more.db", 0x106)
    assert "add_capacity" in caught.error.hint
    with expect(sqlite3.OperationalError, "unable to open") as refused:
        made.volume.connect("one-more.db")
    assert isinstance(refused.error.__cause__, sahpool.PoolFullError)
    await made.volume.access.make_room(2)
    with connect(made.volume, "one-more.db") as con:
        make(con)


@over_each_storage()
async def test_a_quarantine_is_there_or_said_not_to_be_there(made: Opened) -> None:
    from sahpool.rescue import quarantine

    if made.volume.storage.capabilities.quarantine:
        storage = quarantine.of(made.volume.access)
        assert storage.quarantined == []
        with expect(sahpool.NoSuchDatabaseError):
            quarantine.find(storage, "none")
        return
    with expect(sahpool.UnsupportedError, "has no quarantine") as caught:
        quarantine.of(made.volume.access)
    assert made.volume.name in str(caught.error)


@over_each_storage(in_browsers=True)
async def test_a_check_tries_each_storage_with_the_steps_of_its_own_and_leaves_nothing(
    made: Opened,
) -> None:
    from sahpool.check import check
    from sahpool.check_steps import OwnStep, expect

    storage = made.volume.storage
    sizes: list[int] = []

    class Own:
        @property
        def steps(self) -> list[OwnStep]:
            return [
                OwnStep("size", "write and read", self.size),
                OwnStep("never", "flush", self.never),
            ]

        @property
        def facts(self) -> dict[str, bool | int | str]:
            return {"files now": len(storage.paths), "sizes": len(sizes)}

        async def size(self, path: str) -> str:
            stored = storage.find(path)
            assert stored is not None
            assert path in made.volume.vfs.open_paths
            sizes.append(stored.file.size())
            return "It has a size."

        async def never(self, path: str) -> str:
            expect(False, f"{path} was not as expected")
            return ""

    async def top_up() -> None:
        """Has nothing to do: the storage has room."""

    with connect(made.volume, "a.db") as con:
        make(con)
        before = sorted(storage.paths)
        plain = await check(made.volume, top_up=top_up)
        assert plain.passed, str(plain)
        assert plain.browser["storage"] == made.volume.name
        assert plain.browser["files"] == len(before)
        report = await check(made.volume, Own(), top_up=top_up)
        assert sorted(storage.paths) == before
    names = [step.name for step in report.steps]
    assert names[1:3] == ["write and read", "size"]
    assert names[names.index("flush") + 1] == "never"
    assert sorted(names) == sorted([step.name for step in plain.steps] + ["size", "never"])
    failed = {step.name: step.detail for step in report.steps if not step.passed}
    assert list(failed) == ["never"], failed
    assert failed["never"].startswith("/.sahpool-check-")
    assert failed["never"].endswith("was not as expected")
    assert sizes[0] > 1_000_000
    assert report.browser["files now"] == len(before)
    assert report.browser["sizes"] == 1
    assert "storage" not in report.browser
