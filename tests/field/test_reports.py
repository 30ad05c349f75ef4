"""What users of other tools reported, tried on the library: each file of ``bodies`` prints PASS.

A body is Python with top-level await that runs in a worker and leaves a JSON text in ``result``:
``PASS``, or what was found instead.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pyodide.engines import Engine

BODIES = Path(__file__).parent / "bodies"

#: name of the body → (what must hold, further global names of it)
REPORTS: dict[str, tuple[str, dict[str, Any]]] = {
    "stop": ("a stop while SQLite is at work loses no commit and is raised as itself", {}),
    "recursion": ("at Python's recursion limit nothing acknowledged is lost", {}),
    "collect_while_suspended": (
        "Suspended statements and Python's garbage collection get along.",
        {"longs": 2},
    ),
    "wal_beside": ("a database comes in with its WAL, and without it not in silence", {}),
    "backup": ("con.backup() into a new database, from one of another page size, is whole", {}),
    "empty": ("a database that was opened and left empty goes out and comes in", {}),
    "serialize": ("what serialize() gives, deserialize() opens", {}),
    "connect_lets_others_in": (
        "pool.connect(name, wait=False) is one step, and raises PoolFullError without a free slot",
        {},
    ),
    "heap_export": ("export and check are right once the heap has grown past 2 GiB", {}),
    "paused_default": ("plain names lead nowhere else while the default pool is paused", {}),
    "newer_view": ("a database whose schema a newer SQLite wrote is read and kept as it is", {}),
    "wide_table": ("a CREATE statement of any length comes in again", {}),
}

#: Those after which a Pyodide is of little use: its memory cannot shrink.
LARGE = {"heap_export"}


@pytest.mark.parametrize("name", REPORTS)
def test_what_users_reported_does_not_happen_here(runtime: Engine, name: str) -> None:
    _, values = REPORTS[name]
    source = (BODIES / f"{name}.py").read_text(encoding="utf-8")
    try:
        verdict = json.loads(runtime.run(f"{source}\nresult", **values))
    finally:
        if name in LARGE:
            runtime.restart()
    assert str(verdict).startswith("PASS"), verdict


def test_every_body_is_tried() -> None:
    assert {path.stem for path in BODIES.glob("*.py")} == set(REPORTS)
