"""Helpers of the tests that run inside Pyodide, where all names of this module are globals."""

from __future__ import annotations

import contextlib
import ctypes
import random
import sqlite3
import warnings
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import sahpool
from tests.harness.inside_modules import (
    frame_offset,
    thread_state,
)
from tests.harness.inside_pools import (
    hold_of,
    named_slots,
    slot_of,
    spare_slots,
)

if TYPE_CHECKING:
    from sahpool import Pool, Quarantined


class expect:  # noqa: N801 - reads as pytest.raises, which is not there
    """As ``pytest.raises``: the block must raise a ``kind`` of exception that contains ``text``.

    Attributes:
        error: The exception that was raised.
    """

    error: Any

    def __init__(self, kind: type[BaseException], text: str = "") -> None:
        self.kind = kind
        self.text = text

    def __enter__(self) -> expect:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        assert error is not None, f"{self.kind.__name__} was not raised"
        assert isinstance(error, self.kind), f"{error!r} is no {self.kind.__name__}"
        assert self.text in str(error), f"{self.text!r} is not in {str(error)!r}"
        self.error = error
        return True


def database(path: str) -> contextlib.closing[sqlite3.Connection]:
    """Connect in autocommit mode to a path or URI; closes at the end of the block."""
    return contextlib.closing(sqlite3.connect(path, uri=True, isolation_level=None))


def opened(pool: Pool, name: str, **options: Any) -> contextlib.closing[sqlite3.Connection]:
    """Connect in autocommit mode to a database of the pool; closes at the end of the block."""
    return contextlib.closing(pool.connect(name, isolation_level=None, **options))


def value(connection: sqlite3.Connection, sql: str, *parameters: object) -> Any:
    """Return the first value of the first row."""
    return connection.execute(sql, parameters).fetchone()[0]


def outcomes(uri: str, *statements: str) -> list[Any]:
    """Return the rows of each statement on a new connection, or the text of its error.

    The text of an error in connecting is the last item.
    """
    answers: list[Any] = []
    try:
        with database(uri) as con:
            for statement in statements:
                try:
                    answers.append(con.execute(statement).fetchall())
                except sqlite3.Error as error:
                    answers.append(f"{error.sqlite_errorname}: {error}")
    except sqlite3.Error as error:
        answers.append(f"{error.sqlite_errorname}: {error}")
    return answers


def slot_name(pool: Pool, path: str) -> str:
    """Return the name of the slot, in the pool's directory, of a database or journal."""
    return slot_of(pool, path).name


def all_files(pool: Pool) -> dict[str, bytes]:
    """Return the bytes of every slot that is not in quarantine, by its name."""
    slots = [*named_slots(pool).values(), *spare_slots(pool)]
    return {slot.name: slot.handle.read(slot.handle.size(), 0) for slot in slots}


async def plant(pool: Pool, directory: str, files: dict[str, bytes]) -> None:
    """Writes ``files`` as the slots of a directory, with the access handles of a pool."""
    create = sahpool.browser.js_object(create=True)
    folder = await sahpool.browser.directory(directory + "/.opaque")
    for name, content in files.items():
        handle = await hold_of(pool).open(await folder.getFileHandle(name, create))
        handle.write(content, 0)
        handle.close()


async def killed_copy(pool: Pool, directory: str) -> None:
    """Copies the files of the pool into a directory, as a worker killed now would leave them."""
    await plant(pool, directory, all_files(pool))


async def cut_first_transaction(name: str) -> bytes:
    """Leaves the directory ``.name`` as a worker does that is killed in its first transaction.

    Returns:
        The database as it is when that transaction and two more have been committed.
    """
    pool = await sahpool.install(
        f"{name}-source", pragmas={"journal_mode": "DELETE", "cache_size": 2}
    )
    with opened(pool, "a.db") as con:
        con.execute("BEGIN")
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(300)])
        await killed_copy(pool, f".{name}")
        con.execute("COMMIT")
        con.execute("INSERT INTO t VALUES('later')")
        con.execute("DELETE FROM t WHERE a > 'x'")
    content = bytes(pool.export_file("a.db"))
    await pool.remove_vfs()
    return content


async def damage(pool: Pool, path: str) -> None:
    """Flips a bit of a file's header, erases its second copy, and opens the pool again."""
    slot = slot_of(pool, path)
    sector = bytearray(slot.handle.read(4096, 0))
    sector[3] ^= 1
    sector[1024:] = bytes(3072)
    slot.handle.write(bytes(sector), 0)
    pool.pause_vfs()
    await pool.unpause_vfs()


async def put_aside(pool: Pool, *paths: str, copies: int = 1) -> Quarantined:
    """Overwrites one or both ``copies`` of these files' headers, and opens the pool again.

    Returns:
        The first of the files, which is in quarantine now.
    """
    names = []
    for path in paths:
        slot = slot_of(pool, path)
        names.append(slot.name)
        slot.handle.write(b"\xff" * 600, 0)
        if copies == 2:
            slot.handle.write(bytes(3072), 1024)
    pool.pause_vfs()
    await pool.unpause_vfs()
    return next(kept for kept in pool.quarantined if kept.name == names[0])


def aside(pool: Pool, offered: str | None) -> Quarantined:
    """Return the one slot in quarantine that offers this path."""
    (kept,) = (kept for kept in pool.quarantined if kept.offered == offered)
    return kept


def raw(pool: Pool) -> dict[str, bytes]:
    """Return all bytes of every slot in quarantine, by its name."""
    return {kept.name: kept.handle.read(kept.handle.size(), 0) for kept in pool.quarantined}


def fill_low_memory() -> None:
    """Fills the memory below 2 GiB, so that new objects lie beyond it, except in freed places."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    for _ in range(8):
        libc.malloc(1 << 28)
    for size in (1 << 20, 65536, 8192, 4096, 1024, 256, 64):
        while (address := libc.malloc(size)) and address < 1 << 31:
            pass
    fill_low_blocks()


def fill_low_blocks() -> None:
    """Fills the blocks below 2 GiB that Python has freed since, so that new strings lie beyond."""
    kept: list[object] = [globals().get("_filling")]
    for size in range(0, 512, 16):  # the free blocks of Python's own allocator for small objects
        while id(one := bytes(size + 1)) < 1 << 31:
            kept.append(one)
    globals()["_filling"] = kept


def slot_bytes(pool: Pool, path: str) -> bytes:
    """Return all bytes of the slot of a file, including its header."""
    slot = slot_of(pool, path)
    return slot.handle.read(slot.handle.size(), 0)


@contextlib.asynccontextmanager
async def suspended() -> AsyncIterator[tuple[Callable[[], int], Callable[[], list[str]]]]:
    """Suspends a call within the block.

    Yields:
        Two functions. The first returns the current frame in the suspended call's thread state, 0
        for none; the second, after the block, returns the names of the functions that were on the
        call's stack when it went on.
    """
    import asyncio
    import sys
    from ctypes import c_uint32

    from pyodide.ffi import create_proxy, run_sync

    begun, enough = asyncio.Event(), asyncio.Event()
    states: list[int] = []
    names: list[str] = []

    def wait() -> None:
        def asks() -> None:
            states.append(thread_state())
            begun.set()
            run_sync(enough.wait())
            frame: Any = sys._getframe()
            while frame is not None:
                names.append(frame.f_code.co_name)
                frame = frame.f_back

        asks()

    offset = frame_offset()
    assert offset is not None
    function = create_proxy(wait)
    calling = asyncio.ensure_future(function.callPromising())
    await begun.wait()
    try:
        yield lambda: c_uint32.from_address(states[0] + offset).value, lambda: names
    finally:
        enough.set()
        await calling
        function.destroy()


def newer_database(
    entries: dict[str, str], version: int = 3046001, statements: tuple[str, ...] = ()
) -> bytes:
    """Return a database with schema entries of a newer SQLite, in a syntax that is unknown here.

    Args:
        entries: Definitions by name; a view or trigger that does not exist is added.
        version: The version number in the header, of the SQLite that wrote it last.
        statements: Statements that fill it, besides a table ``t`` with a row.
    """
    with database(":memory:") as con:
        con.execute("CREATE TABLE t(a, b)")
        con.execute("INSERT INTO t VALUES (1, 'one')")
        for statement in statements:
            con.execute(statement)
        con.execute("PRAGMA writable_schema=ON")
        for name, sql in entries.items():
            changed = con.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (sql, name))
            if not changed.rowcount:
                kind = sql.split()[1].lower()
                table = "t" if kind == "trigger" else name
                row = (kind, name, table, sql)
                con.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, 0, ?)", row)
        image = bytearray(con.serialize())
    image[96:100] = version.to_bytes(4, "big")
    return bytes(image)


class told:  # noqa: N801 - reads as expect
    """Records the library's warnings within the block, in ``warnings``."""

    def __enter__(self) -> told:
        self._catch = warnings.catch_warnings(record=True)
        found = self._catch.__enter__()
        assert found is not None
        self._found = found
        warnings.simplefilter("always")
        return self

    def __exit__(self, *error: object) -> None:
        self._catch.__exit__(None, None, None)

    @property
    def warnings(self) -> list[Any]:
        found = [each.message for each in self._found]
        return [each for each in found if isinstance(each, sahpool.NewerSchemaWarning)]


def random_database(rng: random.Random) -> tuple[list[str], list[str]]:
    """Return settings and statements of a database with all that a schema may hold, at random.

    Names, expressions and texts are sometimes as long as SQLite allows. It refuses some statements
    ("too many columns", "parser stack overflow …"): only those that it accepts count.
    """
    pragmas = [
        f"page_size={rng.choice([512, 1024, 4096, 65536])}",
        f"encoding='{rng.choice(['UTF-8', 'UTF-16le', 'UTF-16be'])}'",
        f"auto_vacuum={rng.choice(['NONE', 'FULL', 'INCREMENTAL'])}",
    ]
    names = [random_name(rng, n) for n in range(rng.choice([1, 3, 12]))]
    statements = []
    for number, name in enumerate(names):
        count = rng.choice([1, 3, 20, 300, 1990])
        columns = [random_name(rng, n) for n in range(count)]
        statements += random_table(rng, name, columns)
        statements += random_rest(rng, number, name, columns)
    many = rng.choice([0, 0, 300, 2000])
    statements += [f"CREATE TABLE many{n}(a, b)" for n in range(many)]
    if rng.random() < 0.5:
        statements += [
            "CREATE VIRTUAL TABLE words USING fts5(title, body)",
            "CREATE VIRTUAL TABLE old_words USING fts4(title)",
            "CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1)",
            "INSERT INTO words VALUES ('a title', 'and a body')",
            "INSERT INTO boxes VALUES (1, 2, 3)",
        ]
    return pragmas, statements


def random_name(rng: random.Random, number: int) -> str:
    """Return a quoted name that is different for each number."""
    kind = rng.randrange(6)
    if kind == 0:
        return f'"select ""from"" {number} ({"["}"'
    if kind == 1:
        return f"[{'ä' * rng.choice([1, 40])} -- {number} /* ]"
    if kind == 2:
        return f'"{"long " * rng.choice([20, 80])}{number}"'
    return f"c{number}"


def random_size(rng: random.Random) -> int:
    """Return a random number of parts: mostly few, sometimes very many."""
    return rng.choice([1, 2, 5, 30, 30, 900, 20_000])


def random_expression(rng: random.Random, columns: list[str]) -> str:
    """Return a random expression over columns: deep, wide or long."""
    column = rng.choice(columns)
    kind = rng.randrange(7)
    size = random_size(rng)
    if kind == 0:
        return f"{column} IN ({','.join(map(str, range(size)))})"
    if kind == 1:
        return " + ".join([column] * min(size, 990))
    if kind == 2:
        return f"length('{'its long; ' * size}') + {column}"
    if kind == 3:
        cases = " ".join(f"WHEN {n} THEN 'case {n}'" for n in range(min(size, 3_000)))
        return f"CASE {column} {cases} END"
    if kind == 4:
        return "(" * 30 + column + ")" * 30
    if kind == 5:
        return " OR ".join(f"{column} = {n}" for n in range(min(size, 900)))
    return f"coalesce({','.join(rng.choice(columns) for _ in range(min(size + 1, 100)))}, 1)"


def random_table(rng: random.Random, name: str, columns: list[str]) -> list[str]:
    """Return statements that create a random table with rows and indexes."""
    strict = rng.random() < 0.2
    form = rng.choice(["", "", " WITHOUT ROWID"])
    parts = []
    for column in columns:
        rule = rng.choice(["", "", "", " NOT NULL DEFAULT 1", " CHECK (1)", f" /* {column} */"])
        if len(columns) < 30 and rng.random() < 0.2:
            rule = f" DEFAULT '{'x' * random_size(rng)}'"
        parts.append(f"{column} {'ANY' if strict else rng.choice(['', 'TEXT', 'INT'])}{rule}")
    if len(columns) < 400 and rng.random() < 0.7:
        kind = "ANY " if strict else ""
        made = random_expression(rng, columns)
        rule = rng.choice(["", " NOT NULL"]) if "coalesce" in made else ""
        parts.append(f"computed {kind}AS ({made}){rng.choice([' STORED', '', ''])}{rule}")
    if form:
        parts.append(f"PRIMARY KEY ({columns[0]})")
    uniques = rng.choice([0, 0, 1, 40]) if len(columns) < 400 else 0
    parts += [
        f"UNIQUE ({columns[n % len(columns)]}, {columns[n // 3 % len(columns)]})"
        for n in range(uniques)
        if n % len(columns) != n // 3 % len(columns)
    ]
    if rng.random() < 0.5:
        parts.append(f"CHECK ({random_expression(rng, columns)} IS NOT 'never')")
    if rng.random() < 0.5:
        parts.append(f"FOREIGN KEY ({columns[-1]}) REFERENCES elsewhere(x)")
    options = ", ".join(filter(None, ["STRICT" if strict else "", form.strip()]))
    blob = f"zeroblob({rng.choice([1, 5_000, 2_000_000])})" if strict or form == "" else "'key'"
    values = ", ".join([blob, *(["1"] * (len(columns) - 1))])
    listed = ", ".join(columns)
    return [
        f"CREATE TABLE {name}({', '.join(parts)}) {options}",
        f"INSERT INTO {name}({listed}) VALUES ({values})",
    ]


def random_rest(rng: random.Random, number: int, name: str, columns: list[str]) -> list[str]:
    """Return statements that create indexes, views and triggers of a table."""
    made = random_expression(rng, columns)
    some = [rng.choice(columns) for _ in range(min(random_size(rng), 1900))]
    found = [
        f"CREATE INDEX i{number} ON {name}({columns[-1]} DESC)",
        f"CREATE INDEX j{number} ON {name}(({made})) WHERE {random_expression(rng, columns)}",
        f"CREATE VIEW v{number} AS WITH w AS (SELECT {', '.join(some)} FROM {name}) "
        f"SELECT *, {made} AS x FROM w UNION ALL SELECT *, 1 FROM w",
        f"CREATE VIEW w{number} AS VALUES "
        + ", ".join(f"({n}, 'value {n}')" for n in range(random_size(rng))),
        f"CREATE TRIGGER g{number} AFTER INSERT ON {name} WHEN {random_expression(rng, ['1'])} "
        f"BEGIN {'SELECT 1; ' * random_size(rng)}END",
    ]
    return [each for each in found if rng.random() < 0.7]
