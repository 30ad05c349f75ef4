"""Two workers over one storage: sahpool in one, another program's SQLite in the other.

Values travel as ``[kind, text]``: an integer in decimal, a float, a text's UTF-8 and a blob in
hexadecimal, so that none of them changes on the way.
"""

from __future__ import annotations

import json
import math
import sqlite3
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.conftest import PackagesSite
from tests.interchange.prelude import typed
from tests.matrix import engine_in

HERE = Path(__file__).parent
OFFICIAL = ("3.54.1", "3.49")

PRELUDE = (HERE / "prelude.py").read_text(encoding="utf-8")

#: One of every kind of value, and those that programs like to get wrong.
VALUES: list[Any] = [
    None,
    *(0, -1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)),
    *(0.1, -0.0, 3.0, 1e16, 5e-324, 1.7976931348623157e308, math.inf, -math.inf),
    *("", "plain", "with\0NUL\0", "Ä ß 漢 🦑 \U0010fffd", 'it\'s "quoted"\n', "long" * 5000),
    *(b"", b"\0", bytes(range(256)), b"\xff" * 20000),
]


class InterchangeSite(PackagesSite):
    """The site with the worker of the other programs and their packages beside it."""

    folder = HERE


class ProgramError(Exception):
    """What the other program threw."""


class Lab:
    """A browser with both workers.

    Args:
        name: Name of the browser (matrix.py).
        site: Where everything is served.
    """

    def __init__(self, name: str, site: InterchangeSite) -> None:
        self._url = site.url + "interchange/programs.mjs"
        self._ended = False
        self._engine = engine_in(name, site)

    def close(self) -> None:
        """End the browser."""
        self._engine.close()

    def _in_page(self, script: str) -> Any:
        return self._engine.in_page(script)

    # --- sahpool --------------------------------------------------------------------------------

    def ours(self, source: str, /, **values: Any) -> Any:
        """Run Python with prelude.py beside sahpool."""
        return self._engine.run(PRELUDE + textwrap.dedent(source), **values)

    def kill_ours(self) -> None:
        """End the worker of sahpool as a closed tab does, and start another."""
        self._ended = True
        self._engine.restart()

    def read(self, directory: str, *paths: str) -> dict[str, Any]:
        """What the pool holds, through sahpool: see prelude.py's ``contents``."""
        found: dict[str, Any] = self.ours(
            "async with held(directory) as pool:\n    found = contents(pool, paths)\nfound",
            directory=directory,
            paths=paths,
        )
        return found

    # --- the other programs ---------------------------------------------------------------------

    def theirs(
        self,
        program: str,
        directory: str,
        *steps: dict[str, Any],
        stay: bool = False,
    ) -> list[Any]:
        """Run steps in another program, which then lets go of the pool unless it is to ``stay``.

        Args:
            program: ``"3.54.1"`` or ``"3.49"`` of the official package, or ``"wa-sqlite"``.
            directory: Directory of the pool.
            steps: As ``STEPS`` of programs.mjs has them; one with ``fails`` must fail.
            stay: Whether the pool stays as it is after the steps.

        Returns:
            Each step's value; the message of one that failed on demand.
        """
        message = {
            "program": program,
            "name": directory,
            "options": {"directory": directory, "initialCapacity": 8},
            "steps": [{k: v for k, v in step.items() if k != "fails"} for step in steps],
            "stay": stay,
            # A worker that was ended lets go of its files a little later.
            "wait": self._ended,
        }
        self._ended = False
        answer = self._in_page(f"""
            self.programs ??= {{}};
            const key = {json.dumps(program)};
            const url = {json.dumps(self._url)};
            const worker = (programs[key] ??= new Worker(url, {{ type: "module" }}));
            return new Promise((resolve) => {{
              worker.onmessage = ({{ data }}) => resolve(data);
              worker.onerror = ({{ message }}) => resolve({{ error: String(message) }});
              worker.postMessage({json.dumps(message)});
            }});
        """)
        if "error" in answer:
            raise ProgramError(answer["error"])
        if not answer["again"]:
            self.kill_theirs(program)
        results = []
        for step, result in zip(steps, answer["results"], strict=True):
            if bool(step.get("fails")) != ("error" in result):
                raise ProgramError(f"{program}: {step}: {result}"[:2000])
            results.append(result.get("error", result.get("value")))
        return results

    def kill_theirs(self, program: str) -> None:
        """End the worker of another program as a closed tab does."""
        self._ended = True
        self._in_page(f"""
            self.programs?.[{json.dumps(program)}]?.terminate();
            if (self.programs) delete programs[{json.dumps(program)}];
        """)

    def read_theirs(self, program: str, directory: str, *paths: str) -> dict[str, Any]:
        """What the pool holds, through another program, in the form of ``read``."""
        steps = [step("describe")]
        for path in paths:
            steps += [
                # Where a program has no shared memory, WAL needs this (sqlite.org/wal.html).
                step("open", path, before=["PRAGMA locking_mode=exclusive"]),
                step("execute", path, sql="PRAGMA integrity_check"),
                step("execute", path, sql="SELECT * FROM v ORDER BY id"),
                step("execute", path, sql="SELECT count(*), sum(a), total(length(b)) FROM t"),
                step("close", path),
            ]
        described, *results = self.theirs(program, directory, *steps)
        found: dict[str, Any] = dict(described)
        for number, path in enumerate(paths):
            _, check, values, sums, _ = results[5 * number : 5 * number + 5]
            assert check == [[typed("ok")]], path
            found[path] = {"values": [value for _, value in values], "sums": sums[0]}
        return found


def step(name: str, path: str | None = None, **fields: Any) -> dict[str, Any]:
    """One step for :meth:`Lab.theirs`."""
    return {"step": name, **({} if path is None else {"path": path}), **fields}


#: The tables of every database in these tests: values of every kind, and rows for many pages.
TABLES = (
    "CREATE TABLE v(id INTEGER PRIMARY KEY, value)",
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)",
    "CREATE INDEX i ON t(b)",
)
INSERT_TEXT = "INSERT INTO v(value) VALUES(CAST(?1 AS TEXT))"
INSERT = "INSERT INTO v(value) VALUES(?1)"
ROWS = 500
FILL = (
    "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < 500) "
    "INSERT INTO t SELECT a, printf('row %d ', a) || hex(zeroblob(40)) FROM n"
)
SUMS = [
    typed(ROWS),
    typed(ROWS * (ROWS + 1) // 2),
    typed(float(sum(len(f"row {number} ") + 80 for number in range(1, ROWS + 1)))),
]

#: What ``read`` and ``read_theirs`` find in a database that was written whole.
WHOLE = {"values": [typed(value) for value in VALUES], "sums": SUMS}


def write_theirs(path: str, journal_mode: str) -> list[dict[str, Any]]:
    """Steps that write a whole database."""
    steps = [
        step("open", path, before=["PRAGMA locking_mode=exclusive"]),
        step("execute", path, sql=f"PRAGMA journal_mode={journal_mode}"),
        *(step("execute", path, sql=sql) for sql in ("BEGIN", *TABLES)),
    ]
    for value in VALUES:
        sql, row = INSERT_TEXT if isinstance(value, str) else INSERT, [typed(value)]
        if value in ("", b""):  # wa-sqlite binds NULL for it
            sql, row = sql.replace("?1", "x''"), []
        steps.append(step("execute", path, sql=sql, rows=[row]))
    end = [step("execute", path, sql=sql) for sql in (FILL, "COMMIT")]
    return [*steps, *end, step("close", path)]


#: The beginning of a transaction that reaches the database file before it is committed.
HALF_DONE = ("PRAGMA cache_size=5", "BEGIN", "UPDATE t SET b = 'gone' || b", "DELETE FROM v")

WRITE_OURS = """
async with held(directory) as pool:
    for path, journal_mode in paths:
        write(pool, path, journal_mode, tables, values, fill)
    described = {"capacity": pool.capacity, "files": pool.file_names}
described
"""


def write_ours(lab: Lab, directory: str, *paths: tuple[str, str]) -> dict[str, Any]:
    """Whole databases, by (path, journal mode), through sahpool; returns capacity and files."""
    described: dict[str, Any] = lab.ours(
        WRITE_OURS,
        directory=directory,
        paths=paths,
        tables=TABLES,
        values=[typed(value) for value in VALUES],
        fill=FILL,
    )
    return described


def whole_file() -> bytes:
    """The same database as a file, made by this machine's SQLite."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
        for sql in TABLES:
            con.execute(sql)
        con.executemany("INSERT INTO v(value) VALUES(?)", [(value,) for value in VALUES])
        con.execute(FILL)
        return con.serialize()
