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
