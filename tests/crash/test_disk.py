"""The model of a disk itself: what a crash may take, and what not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.crash.laboratory import Laboratory

#: One file of 8192 bytes: "a" is on the disk; "b" was written over the first half and flushed; "c"
#: over the second half, "d" beyond the end, both not flushed. Another one is new, a third removed.
_RECORD = """
import js, sahpool_io
from pyodide.ffi import to_js
from sahpool import browser
js.memoryOpfs.clear()
create = browser.js_object(create=True)
folder = await browser.directory("crash/.opaque")
async def opened(name):
    file = await folder.getFileHandle(name, create)
    return browser.SyncHandle(await file.createSyncAccessHandle(), sahpool_io)
kept = await opened("kept")
kept.write(b"a" * 8192, 0)
removed = await opened("removed")
removed.write(b"r", 0)
removed.close()
disk = js.CrashDisk.new("crash/.opaque")
kept.write(b"b" * 4096, 0)
kept.flush()
kept.write(b"c" * 4096, 4096)
kept.write(b"d" * 1024, 8192)
new = await opened("new")
new.write(b"n" * 10, 0)
await folder.removeEntry("removed")
kept.truncate(8192)
disk.end()
"""

_IMAGES = (
    _RECORD
    + """
images = []
for seed in range(seeds):
    disk.restore(point, way, seed)
    image = {}
    entries = js.memoryOpfs.root.entries.get("crash").entries.get(".opaque").entries
    for name in js.Array.from_(entries.keys()):
        node = entries.get(name)
        image[name] = node.bytes.slice(0, node.size).to_bytes().decode("latin-1")
    images.append(image)
images
"""
)

WAYS = [
    "killed",
    "cut",
    "synced",
    "mixed",
    "torn512",
    "torn4096",
    "trashed",
    "prefix",
    "suffix",
    "behind",
    "ahead",
    "only",
    "without",
]
LAST = 8  #: point after the last operation


def images(
    laboratory: Laboratory, way: str, seeds: int = 40, point: int = LAST
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = laboratory.run(_IMAGES, way=way, seeds=seeds, point=point)
    return found


def test_a_kill_loses_nothing_that_reached_a_handle(laboratory: Laboratory) -> None:
    assert images(laboratory, "killed", 1) == [
        {"kept": "b" * 4096 + "c" * 4096, "new": "n" * 10},
    ]


def test_a_kill_may_cut_the_write_that_is_under_way(laboratory: Laboratory) -> None:
    lengths = {image["kept"].count("c") for image in images(laboratory, "cut", point=2)}
    assert lengths <= set(range(0, 4096, 512))
    assert len(lengths) > 4


def test_a_power_cut_may_take_all_that_was_not_flushed(laboratory: Laboratory) -> None:
    assert images(laboratory, "synced", 1) == [
        {"kept": "b" * 4096 + "a" * 4096, "removed": "r"},
    ]


@pytest.mark.parametrize("way", WAYS)
def test_no_power_cut_takes_what_was_flushed(laboratory: Laboratory, way: str) -> None:
    for image in images(laboratory, way):
        assert image["kept"].startswith("b" * 4096)


@pytest.mark.parametrize("way", ["mixed", "torn4096", "prefix", "suffix", "only", "without"])
def test_whole_writes_and_files_are_there_or_not_in_any_order(
    laboratory: Laboratory, way: str
) -> None:
    found = images(laboratory, way)
    seconds = {image["kept"][4096:8192] for image in found}
    assert seconds == {"a" * 4096, "c" * 4096}
    assert {"removed" in image for image in found} == {True, False}
    assert {"new" in image for image in found} == {True, False}


def test_writes_of_one_file_may_overtake_each_other(laboratory: Laboratory) -> None:
    found = {image["kept"][4096:] for image in images(laboratory, "mixed", point=4)}
    assert found == {"a" * 4096, "c" * 4096, "a" * 4096 + "d" * 1024, "c" * 4096 + "d" * 1024}


def test_all_files_may_lag_behind_together(laboratory: Laboratory) -> None:
    found = {
        (image["kept"][4096:], "new" in image) for image in images(laboratory, "behind", point=6)
    }
    assert found == {
        ("a" * 4096, False),
        ("c" * 4096, False),
        ("c" * 4096 + "d" * 1024, False),
        ("c" * 4096 + "d" * 1024, True),
    }


def test_a_write_is_torn_where_sectors_meet(laboratory: Laboratory) -> None:
    found = images(laboratory, "torn512", point=3)
    for image in found:
        sectors = [image["kept"][at : at + 512] for at in range(4096, 8192, 512)]
        assert all(sector in ("a" * 512, "c" * 512) for sector in sectors)
    assert len({image["kept"] for image in found}) > 20


def test_trash_stays_within_what_was_written(laboratory: Laboratory) -> None:
    found = images(laboratory, "trashed", point=3)
    assert any(set(image["kept"]) - set("abc") for image in found)
    assert all(len(image["kept"]) == 8192 for image in found)


def test_the_same_seed_gives_the_same_disk(laboratory: Laboratory) -> None:
    assert images(laboratory, "trashed", 3) == images(laboratory, "trashed", 3)


def test_a_crash_is_told_in_words(laboratory: Laboratory) -> None:
    told = laboratory.run(_RECORD + "disk.describe(0, 9)").splitlines()
    assert [line.split()[1] for line in told] == [
        *("write", "flush", "write", "write", "create", "write", "remove", "truncate")
    ]
    assert told[2].endswith("at 0: 4096 bytes")
