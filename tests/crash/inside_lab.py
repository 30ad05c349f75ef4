"""A laboratory for crashes: what a pool holds after a crash at every moment of its work.

It runs inside Pyodide in Node, over the storage in memory. A workload (inside_workloads.py) drives
the real library, ``io.mjs`` included, step by step: a *step* is what a program takes for one thing,
a transaction, an import, a deletion. Each is done on a mirror in memory as well, which tells what
the databases must hold after it. ``disk.mjs`` records what reaches the handles meanwhile, and makes
the disks, *images*, that a crash at any point of it could have left. Each image is opened by
``sahpool.install()``, and then

- every database must open, ``PRAGMA integrity_check`` must say "ok";
- all of them together must hold what they held after the last step that had returned before the
  crash, or after the one that was under way: not one row less, and both databases of a transaction
  over two, or neither;
- a database that nobody touched must be there, byte for byte;
- a slot may be in quarantine only where the crash tore a header in parts;
- and (on a sample of the images) the pool must go on working: new rows, a new database, another
  start.

What is covered. A tab or worker that is killed: what reached a handle stays, the write that was
under way stays in part, what JavaScript or SQLite still buffer is lost. A power cut: what was not
flushed stays, goes, is torn at 512 or 4096 bytes, or is trash within what was written; of single
files or of all, in any order; the same for files created and removed. With ``synchronous=NORMAL``
in WAL mode a power cut may take the last steps away, but leaves what was there after an earlier
one, never before the last full checkpoint. A second crash while the first is recovered from, and a
storage that fails then (``inside_recovery.py``).

What is not covered. A disk that lies about a flush, or changes bytes after it. A file whose
directory entry does not outlive a power cut although the file was flushed (ext4, APFS and NTFS keep
it, POSIX leaves it open). A write that damages bytes next to it: SQLite is told
POWERSAFE_OVERWRITE. Older content on top of newer where two writes that were not flushed overlap.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import js

import sahpool
from sahpool.opfs_pool import header
from sahpool.opfs_pool.header import SECTOR_SIZE
from tests.harness.inside_pools import forget, slots_of

DIRECTORY = "crash"
BYSTANDER = "/bystander.db"

#: Ways of a crash that leave no power cut behind: what reached a handle is there.
KILLED = ("killed", "cut")

#: Ways that may leave a slot's header in parts.
TEARING = ("cut", "torn512", "trashed")

#: Of how many images one is also written to.
WRITTEN = 8

_EMPTY = ""  # the digest of a database without tables: to a program the same as none at all

# The headers of thousands of images are much the same; these two are a fifth of the time that it
# takes to open one.
for _pure in ("digest", "wa_sqlite_digest"):
    setattr(header, _pure, functools.lru_cache(4096)(getattr(header, _pure)))

#: What all databases hold: path → digest of its content.
State = dict[str, str]

Crash = tuple[int, str, int]  #: point, way, seed
Mirror = tuple[sqlite3.Connection, str]


def content(connection: sqlite3.Connection, schema: str = "main") -> str:
    """A digest of the tables of a database and of all their rows."""
    digest = hashlib.sha1()
    tables = connection.execute(
        f"SELECT name, sql FROM {schema}.sqlite_schema WHERE type = 'table' ORDER BY name"
    ).fetchall()
    for name, sql in tables:
        digest.update(sql.encode())
        for row in connection.execute(f"SELECT rowid, * FROM {schema}.{name} ORDER BY rowid"):
            digest.update(repr(row).encode())
    return digest.hexdigest() if tables else _EMPTY


@dataclass(frozen=True)
class Step:
    """What a program takes for one thing.

    Attributes:
        label: What it was, in words.
        acknowledged: How many operations the disk had recorded when it returned.
        state: What the databases held then.
        apart: Whether each database may have it by itself, where SQLite promises no more.
        durable: Whether a power cut must keep it even with ``synchronous=NORMAL``.
    """

    label: str
    acknowledged: int
    state: State
    apart: bool
    durable: bool


class Both:
    """A connection to the pool and its mirror in memory, which are given the same statements."""

    def __init__(self, real: sqlite3.Connection, mirror: sqlite3.Connection) -> None:
        self.real = real
        self.mirror = mirror

    def run(self, sql: str) -> None:
        """Runs statements on both."""
        for statement in _statements(sql):
            self.mirror.execute(statement).fetchall()
            self.real.execute(statement).fetchall()


def _statements(sql: str) -> Iterator[str]:
    """The statements of a script without triggers, one by one."""
    for statement in sql.split(";"):
        if statement.strip():
            yield statement


class Live:
    """The pool that is to crash.

    Attributes:
        pool: It.
        mode: Journal mode of its connections.
        mirrors: Path → what the database must hold: a connection in memory, a schema of it.
        steps: What was done since ``begin``; the first one stands for what was there before.
        disk: What was recorded; None before ``begin``.
        whole: The bytes of the database that nobody touches.
        damaged: Name of a slot in quarantine → the database that is to be recovered from it.
        in_wal: Databases that are in WAL mode whenever they have a table.
    """

    def __init__(self, mode: str, synchronous: str, page_size: int) -> None:
        self.mode = mode
        self.synchronous = synchronous
        self.pragmas: dict[str, str | int] = {
            "journal_mode": mode,
            "synchronous": synchronous,
            "cache_size": 6,  # pages: less than the workloads change in one transaction
            "page_size": page_size,
        }
        self.mirrors: dict[str, Mirror] = {}
        self.steps: list[Step] = []
        self.disk: Any = None
        self.whole = b""
        self.damaged: dict[str, str] = {}
        self.in_wal: set[str] = set()
        self.connections: list[sqlite3.Connection] = []
        self.pool: sahpool.Pool

    async def install(self, **options: Any) -> None:
        """Opens the pool; ``options`` are those of ``sahpool.install``."""
        options = {"spare": 3, "initial_capacity": 4} | options
        self.pool = await sahpool.install(
            "live", directory=DIRECTORY, pragmas=self.pragmas, **options
        )

    def add_bystander(self) -> None:
        """A database that no workload touches."""
        with contextlib.closing(self.pool.connect(BYSTANDER)) as connection:
            connection.executescript("CREATE TABLE b(x); INSERT INTO b VALUES(zeroblob(9000))")
        self.whole = self.bytes_of(self.pool, BYSTANDER)

    @staticmethod
    def bytes_of(pool: sahpool.Pool, path: str) -> bytes:
        """What a slot holds behind its header; nothing when there is none of that path."""
        slot = slots_of(pool).find(path)
        return slot.handle.read(slot.handle.size(), SECTOR_SIZE) if slot else b""

    def connect(self, path: str, *, asks: bool = True) -> Both:
        """A connection in the workload's journal mode, to a database that may be new.

        ``asks``: whether it says which, rather than leaves it to the pool.
        """
        real = self.pool.connect(path, isolation_level=None)
        self.connections.append(real)
        if asks:
            real.execute(f"PRAGMA journal_mode={self.mode}").fetchone()
        elif self.mode == "WAL":
            self.in_wal.add(path)
        if path not in self.mirrors:
            self.mirrors[path] = (sqlite3.connect(":memory:", isolation_level=None), "main")
        return Both(real, self.mirrors[path][0])

    def attach(self, connection: Both, path: str, schema: str) -> None:
        """Attaches a database that may be new to a connection."""
        uri = self.pool.uri(path)
        connection.real.execute(f"ATTACH ? AS {schema}", (uri,))
        connection.real.execute(f"PRAGMA {schema}.journal_mode={self.mode}").fetchone()
        connection.mirror.execute(f"ATTACH ':memory:' AS {schema}")
        self.mirrors[path] = (connection.mirror, schema)

    async def begin(self) -> None:
        """What is done from now on is recorded; what was done before is on the disk."""
        await self.pool.top_up()
        self.disk = js.CrashDisk.new(DIRECTORY + "/.opaque")
        self.did("what was there before", durable=True)

    def did(self, label: str, *, apart: bool = False, durable: bool = False) -> None:
        """A step has returned."""
        state = {path: content(*mirror) for path, mirror in self.mirrors.items()}
        state = {path: digest for path, digest in state.items() if digest != _EMPTY}
        self.steps.append(Step(label, self.disk.length, state, apart, durable))

    def step(self, connection: Both, label: str, sql: str, **flags: bool) -> None:
        """A step that runs statements on one connection."""
        connection.run(sql)
        self.did(label, **flags)

    def replace(self, path: str, mirror: sqlite3.Connection | None) -> None:
        """Another database has taken the place of this one; None: it is no more."""
        self.mirrors.pop(path, None)
        if mirror is not None:
            self.mirrors[path] = (mirror, "main")

    async def die(self, **options: Any) -> None:
        """A worker is killed and another one opens the pool; for use before ``begin``."""
        disk = js.CrashDisk.new(DIRECTORY + "/.opaque")
        disk.end()
        disk.restore(0, "killed", 0)  # what is closed now, is closed elsewhere
        self.close()
        discard(self.pool)
        await self.install(**options)

    def close(self) -> None:
        """Closes every connection that is open."""
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def end(self) -> None:
        """The recording ends."""
        self.disk.end()
        self.close()
        discard(self.pool)

    def possible(self, point: int, way: str) -> tuple[range, bool]:
        """The steps after which an image may show the databases; whether each by itself."""
        last = max(n for n, step in enumerate(self.steps) if step.acknowledged <= point)
        under_way = min(last + 1, len(self.steps) - 1)
        relaxed = self.synchronous == "NORMAL" and way not in KILLED
        first = last
        while relaxed and not self.steps[first].durable:
            first -= 1
        return range(first, under_way + 1), self.steps[under_way].apart

    def is_allowed(self, state: State, point: int, way: str) -> bool:
        """Whether this is what the databases may hold after a crash."""
        steps, apart = self.possible(point, way)
        states = [self.steps[number].state for number in steps]
        if not apart:
            return state in states
        paths = {path for each in (state, *states) for path in each}
        return all(state.get(path) in [each.get(path) for each in states] for path in paths)

    def tell(self, path: str, digest: str | None) -> str:
        """What a database holds, in words."""
        held = [step.label for step in self.steps if step.state.get(path) == digest]
        return f"{path} as after “{held[-1]}”" if held else f"{path} as it never was"


def discard(pool: sahpool.Pool) -> None:
    """Lets go of a pool, in which nothing is open, without a write: the end of its worker."""
    pool.pause_vfs()
    forget(pool)


@dataclass
class Found:
    """What an image turned out to hold.

    Attributes:
        state: What its databases hold.
        corrupt: What is wrong with it, whatever it should hold.
        quarantined: How many slots are in quarantine.
    """

    state: State = field(default_factory=dict)
    corrupt: str = ""
    quarantined: int = 0


async def look(live: Live, *, write: bool = False) -> Found:
    """Opens the image that is in place, as the next worker does."""
    found = Found()
    image = None
    try:
        image = await open_image(live)
        for kept in image.quarantined:
            if kept.name in live.damaged:
                with contextlib.suppress(sahpool.ImportRejectedError):  # then it is not found below
                    image.recover(kept.name, live.damaged[kept.name])
        found.quarantined = len(image.quarantined)
        if BYSTANDER not in image.databases or Live.bytes_of(image, BYSTANDER) != live.whole:
            found.corrupt = "the database that nobody touched is not as it was"
        found.state = _read(image, found, live.in_wal)
        if write and not found.corrupt:
            image = await _go_on(live, image, found)
    except (sqlite3.Error, sahpool.SahpoolError, UnicodeDecodeError) as error:
        found.corrupt = found.corrupt or f"{type(error).__name__}: {error}"
    finally:
        if image is not None:
            discard(image)
    return found


async def open_image(live: Live) -> sahpool.Pool:
    """The pool of the image that is in place."""
    return await sahpool.install(
        "image", directory=DIRECTORY, spare=2, initial_capacity=2, pragmas=live.pragmas
    )


def _read(image: sahpool.Pool, found: Found, in_wal: set[str]) -> State:
    state = {}
    for path in image.databases:
        if path == BYSTANDER:
            continue
        with contextlib.closing(image.connect(path, isolation_level=None)) as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
            if answer != "ok":
                found.corrupt = found.corrupt or f"integrity_check of {path}: {answer}"
            digest = content(connection)
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if digest != _EMPTY:
            state[path] = digest
            if path in in_wal and mode != "wal":
                found.corrupt = found.corrupt or f"{path} has tables and is in mode {mode}"
    return state


async def _go_on(live: Live, image: sahpool.Pool, found: Found) -> sahpool.Pool:
    """Writes to each database and to a new one, starts again, and looks whether it is all there."""
    table = "CREATE TABLE went_on(x); INSERT INTO went_on VALUES(zeroblob(20000))"
    paths = [*image.databases, "/went on.db"]
    for path in paths:
        with contextlib.closing(image.connect(path)) as connection:
            connection.executescript(table)
    discard(image)
    image = await open_image(live)
    for path in paths:
        with contextlib.closing(image.connect(path, isolation_level=None)) as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
            size = connection.execute("SELECT length(x) FROM went_on").fetchone()[0]
            connection.execute("DROP TABLE went_on")
            same = content(connection) == found.state.get(path, _EMPTY) or path == BYSTANDER
        if answer != "ok" or size != 20000 or not same:
            found.corrupt = f"{path} after it was written to: {answer}"
    return image


@dataclass
class Outcome:
    """What came of the images that were looked at.

    Attributes:
        images: How many different ones there were.
        corrupt: How many had a database that could not be read in full.
        lost: How many of the others held what they may not after the crash that left them.
        quarantined: Images with a slot in quarantine.
        ways: How many crashes of each way were judged.
        failures: The first few bad ones, told so that a person can act on them.
    """

    images: int = 0
    corrupt: int = 0
    lost: int = 0
    quarantined: int = 0
    ways: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


class Experiment:
    """One workload, and the crashes in it.

    Attributes:
        outcome: What came of it so far.
        title: The workload with its settings, as the command line takes it.
    """

    def __init__(self, live: Live, title: str) -> None:
        self.live = live
        self.title = title
        self.outcome = Outcome()
        self._seen: dict[str, Found] = {}  # by the fingerprint of the image
        self._corrupt: set[str] = set()
        self._lost: set[str] = set()
        self._crashes: Iterator[Crash] = iter(())

    def plan(
        self,
        limit: int,
        seeds: int,
        points: Iterable[int] | None = None,
        *,
        only_killed: bool = False,
    ) -> int:
        """Which crashes are to be tried.

        Args:
            limit: After how many different images to stop; 0 for all, in their order. Else they are
                spread evenly over the points and the ways.
            seeds: How often each way of chance is tried at a point.
            points: The moments of the crashes; None for every one.
            only_killed: Whether the computer goes on whenever the worker ends.

        Returns:
            How many crashes there are in all.
        """
        every: list[Crash] = []
        for point in points if points is not None else range(self.live.disk.length + 1):
            every += [
                (point, way, seed)
                for way, seed in self.live.disk.crashes(point, seeds)
                if way in KILLED or not only_killed
            ]
        self._limit = limit
        self._crashes = iter(_spread(every) if limit else every)
        return len(every)

    def planned(self) -> Iterator[Crash]:
        """The crashes that are still to be tried; who takes them has tried them."""
        return self._crashes

    async def run(self, seconds: float) -> bool:
        """Goes on with the plan for so long; True when it is done."""
        deadline = time.monotonic() + seconds
        for crash in self._crashes:
            await self.try_crash(crash)
            if self._limit and self.outcome.images >= self._limit:
                return True
            if time.monotonic() > deadline:
                return False
        return True

    async def try_crash(self, crash: Crash) -> Found:
        """Looks at the image that a crash left, unless the same one was seen, and judges it."""
        point, way, seed = crash
        fingerprint = self.live.disk.restore(point, way, seed)
        found = self._seen.get(fingerprint)
        if found is None:
            write = self.outcome.images % WRITTEN == 0
            found = self._seen[fingerprint] = await look(self.live, write=write)
            self.outcome.images += 1
            self.outcome.quarantined += bool(found.quarantined)
        self.outcome.ways[way] = self.outcome.ways.get(way, 0) + 1
        wrong = found.corrupt
        if found.quarantined and way not in TEARING:
            wrong = wrong or "a slot is in quarantine"
        if wrong:
            self._corrupt.add(fingerprint)
        elif not self.live.is_allowed(found.state, point, way):
            self._lost.add(fingerprint)
            wrong = "the databases do not hold what they must"
        self.outcome.corrupt = len(self._corrupt)
        self.outcome.lost = len(self._lost)
        if wrong and len(self.outcome.failures) < 3:
            self.outcome.failures.append(self.explain(crash, found, wrong))
        return found

    def explain(self, crash: Crash, found: Found, wrong: str) -> str:
        """What happened, in words, and how to see it again."""
        point, way, seed = crash
        live = self.live
        steps, _ = live.possible(point, way)
        under_way = live.steps[steps[-1]]
        told = [
            f"A crash before operation {point}, way {way}, seed {seed}, "
            f"within the step “{under_way.label}” of {self.title}",
            f"wrong: {wrong}",
            "found: " + "; ".join(live.tell(path, digest) for path, digest in found.state.items()),
            "allowed: " + " or ".join(f"“{live.steps[n].label}”" for n in steps),
            f"again: python3 -m tests.crash {self.title} {point} {way} {seed}",
            live.disk.describe(max(0, point - 25), point + 1),
        ]
        return "\n".join(told)


def _spread(crashes: list[Crash]) -> Iterator[Crash]:
    """All of them, in an order in which the first few are spread evenly (by the golden ratio)."""
    step = round(len(crashes) * (math.sqrt(5) - 1) / 2) or 1
    while math.gcd(step, len(crashes)) != 1:
        step += 1
    return (crashes[number * step % len(crashes)] for number in range(len(crashes)))


Workload = Callable[[Live], Any]


async def prepare(
    workload: Workload, mode: str, synchronous: str = "FULL", page_size: int = 4096
) -> Experiment:
    """Does the workload once, on an empty storage, and records it."""
    js.memoryOpfs.clear()
    live = Live(mode, synchronous, page_size)
    try:
        await workload(live)
        live.end()
    except BaseException:
        js.memoryOpfs.recorder = None
        live.close()
        discard(live.pool)
        raise
    title = f"{workload.__name__} {mode} {synchronous} {page_size}"
    return Experiment(live, title)
