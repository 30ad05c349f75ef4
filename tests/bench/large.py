"""What grows with a database and what does not, and whole files in and out.

    python3 -m tests.bench.large                  10 MB, 100 MB, 1 GB, 2 GB; 1 GB in and out
    python3 -m tests.bench.large --sizes 10 100   megabytes
    python3 -m tests.bench.large --index 20       an index on 20 million rows as well

In Chromium, over its real storage; needs about three times the largest size on the disk.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import serve
from tests.__main__ import run_measure

if TYPE_CHECKING:
    from tests.pyodide.engines import ChromeEngine

#: A row takes about so many bytes of the table.
ROW_BYTES = 430

PRELUDE = """
import js, pyodide_js, random, sahpool, time

def heap():
    return pyodide_js._module.HEAPU8.length

def timed(act):
    began = time.perf_counter()
    act()
    return time.perf_counter() - began

pool = await sahpool.install("large", spare=12, lock_timeout=20.0)

def opened(name, cache=None):
    con = pool.connect(name, isolation_level=None)
    if cache is not None:
        con.execute(f"PRAGMA cache_size={cache}")
    return con
"""

FILL = """
con = opened(name)
con.execute("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, number INTEGER, text TEXT)")
con.execute(
    "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)"
    " INSERT INTO t SELECT i, i * 7919 % 1000003, hex(zeroblob(200)) FROM n",
    (first, last),
)
con.close()
pool.size(name)
"""

#: Cold, with SQLite's own cache of 2 MB, so that the sizes differ in the depth of the tree only.
MEASURE = """
numbers = random.Random(5)
ids = [(numbers.randint(1, rows),) for _ in range(20_000)]

def look_up():
    con = opened(name, -2000)
    con.execute("BEGIN")
    for row in ids:
        con.execute("SELECT number FROM t WHERE id = ?", row).fetchone()
    con.close()

def scan():
    con = opened(name)
    con.execute("SELECT sum(number), sum(length(text)) FROM t").fetchone()
    con.close()

def commit():
    for row in ids[:200]:
        writer.execute("UPDATE t SET number = number + 1 WHERE id = ?", row)

before = heap()
lookups, scans, commits = [], [], []
for _ in range(rounds):
    lookups.append(timed(look_up) / len(ids))
    scans.append(timed(scan) / rows)
    writer = opened(name)
    commits.append(timed(commit) / 200)
    writer.close()
[min(lookups), min(scans), min(commits), heap() - before]
"""

#: The same bytes through a handle of the browser's own, and through import_db and export_blob.
FILES = """
from sahpool import browser
from sahpool.databases import sources

async def read(blob, take=lambda piece: None):
    async with sources.opened(blob) as pieces:
        async for piece in pieces:
            take(piece)

blob = await (await js.fetch(js.location.origin + "/large.db")).blob()
root = await js.navigator.storage.getDirectory()
file = await root.getFileHandle("raw", browser.js_object(create=True))
raw = await file.createSyncAccessHandle()
at = 0

def write(piece):
    global at
    at += raw.write(piece, browser.js_object(at=at))

began = time.perf_counter()
await read(blob, write)
raw.flush()
raw_in = time.perf_counter() - began
raw.close()
began = time.perf_counter()
await read(await file.getFile())
raw_out = time.perf_counter() - began
await root.removeEntry("raw")

before = heap()
began = time.perf_counter()
size = await pool.import_db("whole.db", blob)
imported = time.perf_counter() - began
con = opened("whole.db")
checked = timed(lambda: con.execute("PRAGMA quick_check").fetchall())
con.close()
began = time.perf_counter()
async with pool.export_blob("whole.db") as out:
    await read(out)
exported = time.perf_counter() - began
pool.unlink("whole.db")
await pool.top_up()
[size, raw_in, imported, checked, raw_out, exported, heap() - before]
"""

# Rows of some 14 bytes, whose sort takes more memory than it may; the same for both.
PRAGMAS = "PRAGMA synchronous=FULL; PRAGMA cache_size=-32768"
CREATE = "CREATE TABLE t(id INTEGER PRIMARY KEY, number INTEGER)"
FILL_INDEX = (
    "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)"
    " INSERT INTO t SELECT i, i * 2654435761 % 4294967291 FROM n"
)
INDEX = "CREATE INDEX i ON t(number)"

OUR_INDEX = """
con = opened("index.db")
con.executescript(pragmas)
con.execute(create)
for piece in pieces:
    con.execute(fill, piece)
before = heap()
taken = timed(lambda: con.execute(index))
con.close()
[taken, heap() - before, heap()]
"""

OFFICIAL_INDEX = """
const worker = new Worker("/bench/official_index.mjs", { type: "module" });
const found = await new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(WORK);
});
worker.terminate();
return found;
"""


class Large:
    """One Chromium with one pool."""

    def __init__(self, engine: ChromeEngine) -> None:
        self._engine = engine

    def run(self, source: str, **values: Any) -> Any:
        """The value of the last expression."""
        return self._engine.run(PRELUDE + source, **values)

    def fill(self, name: str, rows: int) -> int:
        """Makes a database of so many rows; its size in bytes."""
        size, step = 0, 500_000
        for first in range(1, rows + 1, step):
            last = min(rows, first + step - 1)
            size = self.run(FILL, name=name, first=first, last=last)
        return size

    def drop(self, name: str) -> None:
        """Deletes it, and gives the room back."""
        self.run("pool.unlink(name)\nawait pool.top_up()", name=name)

    def growth(self, megabytes: int) -> str:
        """A line of the table."""
        rows = megabytes * 1_000_000 // ROW_BYTES
        size = self.fill("growth.db", rows)
        values = {"name": "growth.db", "rows": rows, "rounds": 3}
        lookup, scan, commit, heap = self.run(MEASURE, **values)
        self.drop("growth.db")
        cells = f"{1e6 * lookup:.1f} | {1e9 * scan:.0f} | {1e6 * commit:.0f} | {heap / 2**20:.0f}"
        return f"| {size / 1e6:,.0f} MB | {cells} |"

    def files(self) -> list[str]:
        """What whole files take."""
        size, raw_in, imported, checked, raw_out, exported, heap = self.run(FILES)
        per = size / 1e6
        return [
            f"import: {per / imported:.0f} MB/s ({imported:.1f} s, of which quick_check about "
            f"{checked:.1f} s); raw handle {per / raw_in:.0f} MB/s; {raw_in / imported:.2f} of it, "
            f"{raw_in / max(imported - checked, 1e-9):.2f} without the check",
            f"export: {per / exported:.0f} MB/s; raw file {per / raw_out:.0f} MB/s; "
            f"{raw_out / exported:.2f} of it",
            f"the heap grew by {heap / 2**20:.0f} MiB",
        ]

    def index(self, millions: int) -> list[str]:
        """What an index takes whose sort does not fit into memory, here and in the official pool.

        The tables have as many rows as that; each in WAL mode, the official one exclusively.
        """
        from tests.bench.contenders import BenchError

        step = 1_000_000
        pieces = [[first, first + step - 1] for first in range(1, millions * step, step)]
        work = {
            "pragmas": PRAGMAS,
            "create": CREATE,
            "fill": FILL_INDEX,
            "pieces": pieces,
            "index": INDEX,
        }
        taken, grown, heap = self.run(OUR_INDEX, **work)
        self.drop("index.db")
        official = self._engine.in_page(OFFICIAL_INDEX.replace("WORK", json.dumps(work)))
        if "error" in official:
            raise BenchError(official["error"])
        return [
            f"index on {millions} million rows: {taken:.1f} s, the heap grew by "
            f"{grown / 2**20:.0f} MiB to {heap / 2**20:.0f}",
            f"official pool, exclusive + WAL: {official['seconds']:.1f} s, heap "
            f"{official['heap'] / 2**20:.0f} MiB; ratio {taken / official['seconds']:.2f}",
        ]


def make_file(path: Path, megabytes: int) -> Path:
    """A database of SQLite's own, of about that size."""
    with contextlib.closing(sqlite3.connect(path)) as con:
        con.execute("PRAGMA journal_mode=OFF")
        con.execute("CREATE TABLE piece(id INTEGER PRIMARY KEY, content BLOB)")
        content = ((os.urandom(3000),) for _ in range(megabytes * 1_000_000 // 4096))
        con.executemany("INSERT INTO piece(content) VALUES(?)", content)
        con.commit()
    return path


def measure(arguments: list[str]) -> None:
    """Prints everything; needs the tests' virtual environment."""
    from tests.bench.contenders import BenchSite
    from tests.conftest import serving
    from tests.pyodide.engines import ChromeEngine

    wanted = options(arguments)
    with serving(BenchSite(serve.assemble())) as site:
        engine = ChromeEngine(site.port)
        large = Large(engine)
        try:
            serve.say("| database | lookup, cold, µs | scan, ns a row | commit, µs | heap, MiB |")
            serve.say("| ---: | ---: | ---: | ---: | ---: |")
            for megabytes in wanted.sizes:
                serve.say(large.growth(megabytes))
            with tempfile.TemporaryDirectory(prefix="sahpool-bench-") as folder:
                site.extra["/large.db"] = make_file(Path(folder, "large.db"), wanted.file)
                for line in large.files():
                    serve.say(line)
            if wanted.index:
                for line in large.index(wanted.index):
                    serve.say(line)
        finally:
            engine.close()


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench.large", description=about)
    sizes = [10, 100, 1000, 2000]
    parser.add_argument("--sizes", nargs="+", type=int, default=sizes, help="megabytes")
    parser.add_argument("--file", type=int, default=1000, help="megabytes in and out")
    parser.add_argument("--index", type=int, default=0, help="million rows; 0: none")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Sets the tests up and measures in their environment; returns the exit code."""
    options(arguments)
    return run_measure("tests.bench.large", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
