"""The same statements give the same answers on a pool as on CPython's own sqlite3, on a disk."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.proofs import Proofs
from tests.sql.body import KINDS, scripts
from tests.sql.maker import Script
from tests.sql.runner import run

HERE = Path(__file__).parent
RUNNER = (HERE / "runner.py").read_text("utf-8")

#: In Node all scripts; a browser gets one of so many.
EVERY = {"node": 1, "chrome": 8, "firefox": 16}

#: Scripts that are handed over at once.
BATCH = 40

#: Pyodide has SQLite 3.39.0. These versions answer all of this as it does, to the error messages;
#: where the host has another one, the same SQLite without the library is what is compared with.
ALIKE = ((3, 39), (3, 40))

#: What the host's SQLite must have been built with.
NEEDED = {"ENABLE_FTS5", "ENABLE_RTREE"}

_numbers = itertools.count(1)
_expected: dict[str, Any] = {}  #: what each script answered on this host

_INSIDE = """
pool = await sahpool.install(pool_name)
found = []
for name, script in scripts:
    await pool.top_up()
    found.append(
        run(lambda: pool.connect("sql.db", isolation_level=None), script, mode, "/sql-other.db")
    )
    pool.unlink("sql.db")
    pool.unlink("sql-other.db")
await pool.remove_vfs()
found
"""

#: Without the library, in Pyodide's own file system: the same SQLite over another storage.
_WITHOUT = """
files = [pathlib.Path("/tmp/sql.db"), pathlib.Path("/tmp/sql-other.db")]
found = []
for name, script in scripts:
    found.append(
        run(lambda: sqlite3.connect(files[0], isolation_level=None), script, mode, str(files[1]))
    )
    for file in files:
        file.unlink(missing_ok=True)
found
"""


def inside(
    runtime: Any, chosen: list[tuple[str, Script]], mode: str, source: str = _INSIDE
) -> list[Any]:
    """What each script answers in a runtime."""
    found: list[Any] = []
    source = RUNNER + "\nimport pathlib\nimport sahpool\n" + source
    for at in range(0, len(chosen), BATCH):
        name = f"sql-{next(_numbers)}"
        part = chosen[at : at + BATCH]
        found += runtime.run(source, scripts=part, mode=mode, pool_name=name)
    return found


def on_this_host(chosen: list[tuple[str, Script]], folder: Path) -> list[Any]:
    """What each script answers here, in a file of a disk."""
    path, other = folder / "sql.db", folder / "sql-other.db"

    def connect() -> sqlite3.Connection:
        con = sqlite3.connect(path, isolation_level=None)
        con.execute("PRAGMA synchronous=OFF")
        return con

    found = []
    for _, script in chosen:
        found.append(run(connect, script, "delete", str(other)))
        for each in (path, other):
            each.unlink(missing_ok=True)
    return found


def differences(
    chosen: list[tuple[str, Script]], expected: list[Any], found: list[Any]
) -> list[str]:
    """Each statement that was answered otherwise, with both answers."""
    told = []
    for (name, script), wanted, got in zip(chosen, expected, found, strict=True):
        statements = [each for each in script if each != ["reopen"]]
        named = itertools.chain(statements, itertools.repeat("what the database holds at the end"))
        if len(wanted) != len(got):
            told.append(f"{name}: {len(wanted)} answers, not {len(got)}")
        for statement, one, two in zip(named, wanted, got, strict=False):
            if one != two:
                told.append(f"{name}: {statement}\n  there: {two}\n  here:  {one}"[:700])
    return told


def host_is_alike() -> bool:
    """Whether the host's SQLite is one to compare with."""
    with closing(sqlite3.connect(":memory:")) as con:
        built = {option for (option,) in con.execute("PRAGMA compile_options")}
    return sqlite3.sqlite_version_info[:2] in ALIKE and built >= NEEDED


def compare(runtime: Any, chosen: list[tuple[str, Script]], mode: str, folder: Path) -> int:
    """How many statements were answered, each as without the library.

    Raises:
        AssertionError: Some were answered otherwise; the message has the first ones.
    """
    if host_is_alike():
        missing = [(name, script) for name, script in chosen if name not in _expected]
        for (name, _), answers in zip(missing, on_this_host(missing, folder), strict=True):
            # As JSON has it, like what comes from the runtime.
            _expected[name] = json.loads(json.dumps(answers))
        expected = [_expected[name] for name, _ in chosen]
    else:
        expected = inside(runtime, chosen, "delete", _WITHOUT)
    told = differences(chosen, expected, inside(runtime, chosen, mode))
    assert not told, f"{len(told)} differences\n" + "\n".join(told[:10])
    return sum(map(len, expected))


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_thousands_of_statements_are_answered_as_by_cpython_s_own_sqlite3(
    runtime: Any, mode: str, tmp_path: Path, proof: Proofs
) -> None:
    every = EVERY[runtime.name]
    chosen = list(scripts())[::every]
    count = compare(runtime, chosen, mode, tmp_path)
    proof("sql", f"{mode.upper()}, {runtime.name}", statements=count, differences=0)
    assert count > 5000 / every
    print(f"{count} statements in {len(chosen)} databases, {mode}, {runtime.name}")


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.parametrize("runtime", ["node"], indirect=True)
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_very_many_statements_are_answered_as_by_cpython_s_own_sqlite3(
    runtime: Any, mode: str, tmp_path: Path, proof: Proofs
) -> None:
    count = compare(runtime, list(scripts(10)), mode, tmp_path)
    proof("sql", f"{mode.upper()}, many", statements=count, differences=0)
    assert count > 60_000


def test_an_answer_that_differs_is_told() -> None:
    """The comparison itself: one value of one row, an error instead of rows, a missing answer."""
    script: Script = ["SELECT 1", ["reopen"], "SELECT 2"]
    answer = ["rows", ["a"], [[["integer", "1"]]], -1, False]
    same = [answer, answer, answer]
    chosen = [("some", script)]
    assert differences(chosen, [same], [same]) == []
    for other in (
        ["rows", ["a"], [[["real", "0x1p+0"]]], -1, False],
        ["error", "Error", 1, "", False],
    ):
        (told,) = differences(chosen, [same], [[answer, other, answer]])
        assert told.startswith("some: SELECT 2")
    (told,) = differences(chosen, [same], [[answer, answer]])
    assert "2 answers" in told or "3 answers" in told


def test_the_same_seed_gives_the_same_statements_of_every_kind() -> None:
    one, two = list(scripts()), list(scripts())
    assert one == two
    assert len({name.rpartition(" ")[0] for name, _ in one}) == len(KINDS)
    more = dict(scripts(2))
    assert all(more[name] == script for name, script in one)
