"""The face of the library: its names, signatures and types. A change here is news for its users."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import sahpool
import serve

PACKAGE = serve.ROOT / "worker" / "sahpool"

NAMES = [
    "CallStats",
    "CheckReport",
    "CheckStep",
    "Connection",
    "DatabaseInUseError",
    "ForeignPoolError",
    "FoundPool",
    "ImportRejectedError",
    "InvalidNameError",
    "NameExistsError",
    "NewerSchemaWarning",
    "NoSuchDatabaseError",
    "Pool",
    "PoolClosedError",
    "PoolFullError",
    "PoolLockedError",
    "Quarantined",
    "SahpoolError",
    "SahpoolWarning",
    "Stats",
    "StorageError",
    "UnsupportedError",
    "WalIgnoredWarning",
    "WalMissingWarning",
    "error_offset",
    "find_pools",
    "install",
    "keywords",
    "set_default",
    "set_verbosity",
    "transaction_state",
]

#: Functions that need Pyodide.
WITH_BROWSER = ("find_pools", "install", "set_default", "set_verbosity")

FUNCTIONS = [
    "error_offset(connection: sqlite3.Connection) -> int",
    "async find_pools() -> list[FoundPool]",
    "async install(name: str='opfs-sahpool', *, directory: str | None=None, "
    "initial_capacity: int=6, spare: int=8, default: bool=False, lock_timeout: float=10.0, "
    "clear_on_init: bool=False, pragmas: Mapping[str, str | int]=defaults.DEFAULT_PRAGMAS, "
    "temp_memory_limit: int=32 << 20, verbosity: int | None=None) -> Pool",
    "keywords() -> list[str]",
    "set_default(pool: Pool | None) -> None",
    "set_verbosity(level: int) -> None",
    "transaction_state(connection: sqlite3.Connection) -> str",
]

POOL = [
    "connect(self, name: str, *, wait: bool=True, **options: Any) -> sqlite3.Connection",
    "uri(self, name: str, **parameters: str | int) -> str",
    "property databases -> list[str]",
    "property file_names -> list[str]",
    "property file_count -> int",
    "property capacity -> int",
    "property quarantined -> list[Quarantined]",
    "property is_paused -> bool",
    "property stats -> Stats",
    "reset_stats(self) -> None",
    "exists(self, name: str) -> bool",
    "size(self, name: str) -> int",
    "async add_capacity(self, count: int) -> int",
    "async reduce_capacity(self, count: int) -> int",
    "async reserve_minimum_capacity(self, minimum: int) -> int",
    "async top_up(self) -> None",
    "async import_db(self, name: str, source: sources.Source, *, replace: bool=False, "
    "wal: sources.Source | None=None, journal: sources.Source | None=None) -> int",
    "async import_pool(self, directory: str, *, replace: bool=False) -> dict[str, int]",
    "export_chunks(self, name: str, size: int=1 << 20) -> Iterator[bytes]",
    "export_file(self, name: str) -> bytes",
    "export_blob(self, name: str) -> AbstractAsyncContextManager[Any]",
    "unlink(self, name: str) -> bool",
    "export_quarantined(self, name: str, size: int=1 << 20) -> Iterator[bytes]",
    "recover(self, name: str, as_name: str | None=None, *, replace: bool=False) -> int",
    "drop_quarantined(self, name: str) -> None",
    "async wipe_files(self) -> None",
    "pause_vfs(self) -> None",
    "async unpause_vfs(self) -> None",
    "async remove_vfs(self) -> bool",
    "async check(self) -> CheckReport",
]

#: A program that uses every public function, as its author would type it.
RIGHT = """
import sqlite3
from collections.abc import AsyncIterator, Iterator

import sahpool
from sahpool import CallStats, CheckReport, CheckStep, FoundPool, Pool, Quarantined, Stats


async def arriving() -> AsyncIterator[bytes]:
    yield b"SQLite format 3"


async def program() -> None:
    sahpool.set_verbosity(2)
    sahpool.set_default(None)
    pool: Pool = await sahpool.install()
    other: Pool = await sahpool.install(
        "second",
        directory="data/second",
        initial_capacity=4,
        spare=4,
        default=True,
        lock_timeout=2.5,
        clear_on_init=False,
        pragmas={"journal_mode": "DELETE", "cache_size": -1000},
        temp_memory_limit=1 << 20,
        verbosity=None,
    )
    name: str = pool.name + pool.directory
    con: sqlite3.Connection = pool.connect("notes.db", wait=False, isolation_level=None)
    sahpool.set_default(pool)
    uri: str = pool.uri("notes.db", mode="ro", immutable=1)
    names: list[str] = pool.databases + pool.file_names + [name, uri]
    numbers: list[int] = [pool.file_count, pool.capacity, pool.size("notes.db")]
    aside: list[Quarantined] = pool.quarantined
    facts: list[str] = [kept.name + kept.reason + (kept.offered or "") for kept in aside]
    kept: Iterator[bytes] = pool.export_quarantined(aside[0].name, size=4096)
    numbers += [pool.recover(aside[0].name), *next(kept)]
    numbers.append(pool.recover(aside[0].name, "notes.db", replace=True))
    pool.drop_quarantined(aside[1].name)
    flags: list[bool] = [pool.is_paused, pool.exists("notes.db"), pool.unlink("notes.db")]
    numbers += [await pool.add_capacity(1), await pool.reduce_capacity(1)]
    numbers.append(await pool.reserve_minimum_capacity(20))
    await pool.top_up()
    with open("a.db", "rb") as file:
        numbers.append(await pool.import_db("a.db", file, replace=True))
    for source in (b"", bytearray(), memoryview(b""), [b"", b""], iter([b""]), lambda: None):
        numbers.append(await pool.import_db("a.db", source))
    numbers.append(await pool.import_db("a.db", arriving()))
    sizes: dict[str, int] = await pool.import_pool(".wa-sqlite", replace=True)
    chunks: Iterator[bytes] = pool.export_chunks("a.db", size=4096)
    whole: bytes = pool.export_file("a.db")
    async with pool.export_blob("a.db") as blob:
        numbers.append(blob.size)
    stats: Stats = pool.stats
    reads: CallStats = stats.read
    numbers += [reads.calls, reads.bytes, reads.hits, stats.busy, len(whole)]
    times: list[float] = [reads.microseconds]
    pool.reset_stats()
    report: CheckReport = await pool.check()
    steps: list[CheckStep] = report.steps
    flags += [report.passed, steps[0].passed]
    facts += [steps[0].name, steps[0].detail, str(report), str(report.browser["SQLite"])]
    times.append(steps[0].microseconds)
    found: list[FoundPool] = await sahpool.find_pools()
    facts += [found[0].directory, found[0].program, *found[0].databases]
    numbers += [found[0].slots, sahpool.error_offset(con), len(sahpool.keywords())]
    pool.pause_vfs()
    await pool.unpause_vfs()
    await pool.wipe_files()
    try:
        flags.append(await other.remove_vfs())
    except sahpool.DatabaseInUseError as error:
        facts += [error.hint, str(error.sqlite_code)]
    except (sahpool.SahpoolError, KeyError, ValueError):
        raise
    print(names, numbers, facts, flags, sizes, list(chunks), times)
"""

#: Mistakes, each with the code of the error that a type checker has for it.
WRONG = """
import sahpool


async def program() -> None:
    pool = await sahpool.install(initial_capacity="6")  # arg-type
    await sahpool.install(capacity=6)  # call-arg
    sahpool.install().connect("a.db")  # attr-defined
    pool.connect(b"a.db")  # arg-type
    pool.capacity = 7  # misc
    size: str = await pool.import_db("a.db", b"")  # assignment
    await pool.import_db("a.db", 5)  # arg-type
    await pool.import_db("a.db", b"", True)  # call-arg
    text: str = pool.export_file("a.db")  # assignment
    for chunk in pool.export_chunks("a.db"):
        chunk.encode()  # attr-defined
    pool.add_capacities(1)  # attr-defined
    passed: str = (await pool.check()).passed  # assignment
    sahpool.set_verbosity("3")  # arg-type
    sahpool.nothing()  # attr-defined
"""


def definitions() -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """The functions and classes of the package; some need a browser to be imported."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[node.name] = node
    return found


DEFINITIONS = definitions()


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    assert node.returns is not None
    returns = ast.unparse(node.returns)
    if any(ast.unparse(decorator) == "property" for decorator in node.decorator_list):
        return f"property {node.name} -> {returns}"
    kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return f"{kind}{node.name}({ast.unparse(node.args)}) -> {returns}"


def methods(name: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The public methods and properties of a class, in their order."""
    return [
        node
        for node in DEFINITIONS[name].body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_"
    ]


def test_the_public_names_are_these() -> None:
    assert sahpool.__all__ == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_says_what_it_is(name: str) -> None:
    node = DEFINITIONS[name]
    assert ast.get_docstring(node), name
    if isinstance(node, ast.ClassDef):
        for method in methods(name):
            assert ast.get_docstring(method), f"{name}.{method.name}"


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_leads_to_its_definition_or_says_what_it_needs(name: str) -> None:
    """Also without a browser, and to a type checker, which reads no __getattr__."""
    if name in ("CheckReport", "CheckStep", "Pool", *WITH_BROWSER):
        with pytest.raises(
            sahpool.UnsupportedError, match=f"^sahpool.{name} needs Pyodide"
        ) as told:
            getattr(sahpool, name)
        assert "worker" in told.value.hint
    else:
        assert getattr(sahpool, name).__name__ == name
    imported = {
        alias.name
        for node in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert name in imported


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'instal'"):
        getattr(sahpool, "instal")  # noqa: B009 - a type checker would say it first


def test_the_signatures_of_the_functions_are_these() -> None:
    functions = [DEFINITIONS[name] for name in NAMES if name[0].islower()]
    found = [signature(node) for node in functions if not isinstance(node, ast.ClassDef)]
    assert found == FUNCTIONS


def test_the_signatures_of_a_pool_are_these() -> None:
    assert sorted(map(signature, methods("Pool"))) == sorted(POOL)


def test_a_type_checker_accepts_right_programs_and_finds_the_mistakes_in_wrong_ones(
    tmp_path: Path,
) -> None:
    """As installed from the wheel, whose py.typed makes a type checker read it at all."""
    installed = tmp_path / "site-packages"
    with zipfile.ZipFile(io.BytesIO(serve.wheel_bytes())) as wheel:
        wheel.extractall(installed)
    assert (installed / "sahpool" / "py.typed").is_file()
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    # An empty configuration: that of this repository would be found otherwise.
    (tmp_path / "mypy.ini").write_text("[mypy]\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    command += ["--python-version=3.14", f"--cache-dir={serve.WORK / 'mypy-face'}"]
    command += ["--config-file=mypy.ini", "--no-error-summary", "--hide-error-context"]
    done = subprocess.run(
        [*command, "right.py", "wrong.py"],
        cwd=tmp_path,
        env={"MYPYPATH": str(installed), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    told = {
        (line.split(":")[0], int(line.split(":")[1]), line.rpartition("[")[2].rstrip("]"))
        for line in done.stdout.splitlines()
        if ": error: " in line
    }
    wanted = {
        ("wrong.py", number, line.rpartition("  # ")[2])
        for number, line in enumerate(WRONG.splitlines(), 1)
        if "  # " in line
    }
    assert told == wanted, done.stdout
