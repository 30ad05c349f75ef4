"""The second start, from a snapshot of Python's memory, also when that snapshot is not usable."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import console_in
from tests.browser.console_page import Console
from tests.browser.page_steps import ENDLESS, INSERT, TRUE_QUOTA, limit
from tests.browser.snapshots import CHANGES, FILE, REPLACE, started
from tests.browsers import Chromium, wait_for
from tests.conftest import ServedSite

BOOT = "/worker/boot.mjs"

# The salt-2 of every WAL in the pool, random whenever it begins anew (sqlite.org/fileformat2.html,
# section 4.1).
SALTS = """
const root = await navigator.storage.getDirectory();
const pool = await (await root.getDirectoryHandle(".opfs-sahpool")).getDirectoryHandle(".opaque");
const found = [];
for await (const handle of pool.values()) {
  const file = await handle.getFile();
  const head = new TextDecoder("latin1").decode(await file.slice(0, 512).arrayBuffer());
  if (!head.split("\\0")[0].endsWith("-wal") || file.size < 4096 + 32) continue;
  found.push([...new Uint8Array(await file.slice(4096 + 20, 4096 + 24).arrayBuffer())].join(" "));
}
return found;
"""

# After the start, prints random numbers of Python where the page can read them.
PYTHON_S = """
started.then(async () => {
  const { pyodide } = globalThis.forTests;
  const text = pyodide.runPython(`
import json, random, secrets, tempfile, uuid
json.dumps([random.random(), str(uuid.uuid4()), secrets.token_hex(8),
            next(tempfile._get_candidate_names())])`);
  const cache = await caches.open("for-tests");
  await cache.put("/numbers", new Response(text));
});
"""


@contextmanager
def served(site: ServedSite, folder: Path, path: str, content: bytes) -> Iterator[None]:
    """Serves other bytes as a file of the site."""
    file = folder / path.rpartition("/")[2]
    file.write_bytes(content)
    site.extra[path] = file
    try:
        yield
    finally:
        del site.extra[path]


def boot_with(site: ServedSite, before_main: str, at_the_end: str = "") -> bytes:
    """Return boot.mjs with scripts inserted before it imports Python's main, and at its end."""
    boot = (site.root / BOOT[1:]).read_text("utf-8")
    call = 'const main = pyodide.pyimport("sahpool_console.main");'
    assert call in boot
    return (boot.replace(call, before_main + call) + at_the_end).encode()


def test_the_second_start_is_from_a_snapshot_and_nothing_is_missing(first_visit: Console) -> None:
    first_visit.open()
    assert started(first_visit) == "long"
    first_visit.run_sql("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)")
    first_visit.wait_snapshot()
    first_visit.reload()
    assert started(first_visit) == "snapshot"
    first_visit.run_sql("SELECT a FROM kept")
    assert first_visit.rows() == [["1"]]
    first_visit.run_sql(ENDLESS, wait=False)
    first_visit.click("Stop")
    first_visit.wait_idle()
    first_visit.run_sql("SELECT printf('%.2f', pi()), json('[1, 2]')")
    assert first_visit.rows() == [["3.14", "[1,2]"]]
    first_visit.restart()
    assert started(first_visit) == "snapshot"
    first_visit.run_sql("SELECT a FROM kept")
    assert first_visit.rows() == [["1"]]
    assert first_visit.errors() == []


def numbers(console: Console) -> list[Any]:
    """Return all random numbers that SQLite and Python make after a start, in one list."""
    console.run_sql("SELECT hex(randomblob(16)), random()")
    found: list[Any] = list(console.rows()[0])
    text = wait_for(
        "Python's numbers",
        lambda: console.js(
            "const cache = await caches.open('for-tests');"
            "const kept = await cache.match('/numbers');"
            "await cache.delete('/numbers');"
            "return kept ? await kept.text() : null;"
        ),
    )
    found += json.loads(text)
    console.run_sql("PRAGMA wal_checkpoint(TRUNCATE); CREATE TABLE IF NOT EXISTS t (a)")
    console.run_sql("INSERT INTO t VALUES (1)")
    salts = console.js(SALTS)
    assert len(salts) == 1
    return [*found, *salts]


def test_no_two_starts_from_a_snapshot_have_random_numbers_in_common(
    console: Console, site: ServedSite, tmp_path: Path
) -> None:
    boot = boot_with(site, "globalThis.forTests = { pyodide };", PYTHON_S)
    with served(site, tmp_path, BOOT, boot):
        console.open()
        seen = [numbers(console)]
        console.wait_snapshot()
        for _ in range(3):
            console.reload()
            assert started(console) == "snapshot"
            seen.append(numbers(console))
    for kind in zip(*seen, strict=True):
        assert len(set(kind)) == len(seen), kind


def test_a_snapshot_that_is_damaged_is_replaced_and_nothing_is_said(first_visit: Console) -> None:
    first_visit.open()
    first_visit.run_sql("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)")
    for what, change in CHANGES.items():
        first_visit.wait_snapshot()
        first_visit.js(REPLACE.replace("CHANGE", change))
        first_visit.reload()
        assert started(first_visit) == "long", what
        first_visit.run_sql("SELECT a FROM kept")
        assert first_visit.rows() == [["1"]], what
    first_visit.wait_snapshot()
    first_visit.reload()
    assert started(first_visit) == "snapshot"
    assert first_visit.errors() == []


def test_a_snapshot_that_was_deleted_costs_time_and_nothing_else(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)")
    console.wait_snapshot()
    console.js(f"{FILE} await root.removeEntry(name);")
    console.js("for (const name of await caches.keys()) await caches.delete(name);")
    console.reload()
    assert started(console) == "long"
    console.run_sql("SELECT a FROM kept")
    assert console.rows() == [["1"]]
    assert console.errors() == []


# A snapshot as earlier versions kept it.
OLD = """
const cache = await caches.open("sahpool-snapshot");
await cache.put("worker/snapshot", new Response(new Uint8Array(1000)));
"""


def test_the_snapshot_of_an_earlier_version_is_deleted(first_visit: Console) -> None:
    first_visit.open()
    first_visit.js(OLD)
    first_visit.js(f"{FILE} if (file) await root.removeEntry(name);")
    first_visit.reload()
    first_visit.wait_snapshot()
    assert not first_visit.js("return caches.has('sahpool-snapshot')")


# Before a memory is filled from the snapshot: whether anything is where the snapshot has nothing.
LOOK = """
    const everything = new Uint32Array(this.#memory.buffer);
    let end = 0;
    for (const [start, length] of [...this.#description.runs, [everything.length * 4, 0]]) {
      if (everything.subarray(end / 4, start / 4).some((word) => word !== 0)) {
        throw new Error(`something is between ${end} and ${start}`);
      }
      end = start + length;
    }
"""


def test_all_that_a_new_pyodide_has_written_is_overwritten(
    first_visit: Console, site: ServedSite, tmp_path: Path
) -> None:
    script = (site.root / "worker/snapshot.mjs").read_text()
    place = "    const sum = newSum();\n    let at = this.#runs;\n"
    assert script.count(place) == 1
    changed = script.replace(place, LOOK + place).encode()
    with served(site, tmp_path, "/worker/snapshot.mjs", changed):
        first_visit.open()
        first_visit.wait_snapshot()
        first_visit.reload()
        assert started(first_visit) == "snapshot"


def test_the_snapshot_of_other_code_is_not_used(
    console: Console, site: ServedSite, tmp_path: Path
) -> None:
    parts = json.loads((site.root / "worker/parts.json").read_text())
    changed = json.dumps(parts | {"version": "of another Pyodide or other Python code"}).encode()
    console.open()
    before = console.wait_snapshot()
    with served(site, tmp_path, "/worker/parts.json", changed):
        console.reload()
        assert started(console) == "long"
        own = console.wait_snapshot(but=before)
        console.reload()
        assert started(console) == "snapshot"
    console.reload()
    assert started(console) == "long"
    assert console.wait_snapshot(but=own) == before


def test_a_memory_larger_than_a_new_one_is_restored_as_well(first_visit: Console) -> None:
    first_visit.open()
    first_visit.wait_snapshot()
    first_visit.js(REPLACE.replace("CHANGE", "describe((it) => (it.pages += 2));"))
    first_visit.reload()
    assert started(first_visit) == "snapshot"
    first_visit.run_sql("SELECT 6 * 7")
    assert first_visit.rows() == [["42"]]


def test_a_restored_python_that_does_not_start_is_not_restored_again(
    console: Console, site: ServedSite, tmp_path: Path
) -> None:
    broken = "if (snapshot === USED) throw new Error('cannot start');"
    with served(site, tmp_path, BOOT, boot_with(site, broken)):
        console.open(wait=False)
        assert "cannot start" in console.wait_failure()
        console.click("Retry")
        console.wait_ready()
        assert started(console) == "long"


@pytest.fixture
def limited(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Console]:
    """The page in a Chromium that reports its true quota."""
    yield from console_in(request, Chromium(TRUE_QUOTA), site)


def test_a_snapshot_is_not_kept_where_databases_may_need_the_room(limited: Console) -> None:
    limit(limited, 200_000_000)
    for _ in range(2):
        limited.open()
        assert started(limited) == "long"
        time.sleep(3)  # a snapshot would be kept one second after the start
        assert not limited.snapshot()
    assert limited.errors() == []


def test_a_snapshot_makes_room_for_databases_when_the_storage_is_full(limited: Console) -> None:
    limited.open()
    limited.wait_snapshot()
    limit(limited, 55_000_000)
    limited.run_sql("CREATE TABLE t (a)")
    limited.run_sql(INSERT.format(20_000))
    assert "database or disk is full" in str(limited.error())
    wait_for("room", lambda: not limited.snapshot())
    limited.run_sql(INSERT.format(20_000))
    assert limited.error() is None
    limited.run_sql("SELECT count(*) FROM t")
    assert limited.rows() == [["20000"]]


NO_OPFS = "delete StorageManager.prototype.getDirectory;\n"
# Only this file, or else there would be no databases either.
REFUSING = """
const { getFileHandle } = FileSystemDirectoryHandle.prototype;
FileSystemDirectoryHandle.prototype.getFileHandle = function (name, ...options) {
  if (name.startsWith("sahpool-snapshot ")) return ANSWER;
  return getFileHandle.call(this, name, ...options);
};
"""
REFUSED = 'Promise.reject(new DOMException("no room", "QuotaExceededError"))'
SILENT = "new Promise(() => {})"


@pytest.mark.parametrize(
    "broken",
    [NO_OPFS, REFUSING.replace("ANSWER", REFUSED), REFUSING.replace("ANSWER", SILENT)],
    ids=["none", "refusing", "silent"],
)
def test_without_a_place_for_a_snapshot_the_page_starts_the_long_way(
    first_visit: Console, site: ServedSite, tmp_path: Path, broken: str
) -> None:
    boot = broken.encode() + (site.root / BOOT[1:]).read_bytes()
    with served(site, tmp_path, BOOT, boot):
        for _ in range(2):
            first_visit.open()
            assert started(first_visit) == "long"
            first_visit.run_sql("SELECT 6 * 7")
            assert first_visit.rows() == [["42"]]
    assert first_visit.errors() == []


# As in a browser that does not know the mode "read-only"; tells whenever the file is in use.
EXCLUSIVE = """
const { createSyncAccessHandle } = FileSystemFileHandle.prototype;
FileSystemFileHandle.prototype.createSyncAccessHandle = function () {
  const opened = createSyncAccessHandle.call(this);
  if (this.name.startsWith("sahpool-snapshot ")) {
    opened.catch(() => new BroadcastChannel("refused").postMessage(""));
  }
  return opened;
};
"""
# Keeps the file open in a worker until a tab has been refused args[0] times.
HOLD = f"""
const hold = async (times) => {{ {FILE}
  const handle = await file.createSyncAccessHandle();
  const refused = new BroadcastChannel("refused");
  refused.onmessage = () => --times === 0 && handle.close();
  postMessage("held");
}};
const script = `(${{hold}})(${{args[0]}})`;
const url = URL.createObjectURL(new Blob([script], {{ type: "text/javascript" }}));
window.holder = new Worker(url);
await new Promise((resolve) => (holder.onmessage = resolve));
"""


@pytest.mark.parametrize(("times", "how"), [(2, "snapshot"), (99, "long")])
def test_a_snapshot_that_another_tab_has_open_is_waited_for_but_not_for_long(
    first_visit: Console, site: ServedSite, tmp_path: Path, times: int, how: str
) -> None:
    boot = EXCLUSIVE.encode() + (site.root / BOOT[1:]).read_bytes()
    browser = first_visit.browser
    with served(site, tmp_path, BOOT, boot):
        first_visit.open()
        first_visit.wait_snapshot()
        mine, other = browser.tab, browser.new_tab()
        first_visit.open("module_test.html", wait=False)
        first_visit.js(HOLD, times)
        browser.switch(mine)
        first_visit.reload()
        assert started(first_visit) == how
        first_visit.run_sql("SELECT 6 * 7")
        assert first_visit.rows() == [["42"]]
        assert first_visit.error() is None
        browser.close_tab(other)
        browser.switch(mine)
