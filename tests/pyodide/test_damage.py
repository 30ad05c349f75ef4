"""Damaged headers from end to end: through install() and, where it must be, through recover()."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import damage
from tests.proofs import Proofs
from tests.pyodide.in_worker import PRELUDE

_INSIDE = PRELUDE + Path(damage.__file__).read_text(encoding="utf-8").replace(
    "from __future__ import annotations\n", ""
)

#: A pool in which each slot's header is damaged in a way of its own: what became of each database.
_INSTALLED = """
import collections
from sahpool.opfs_pool.header import encode

FOLDER = "all-damaged"


async def installed(places):
    with database(":memory:") as con:
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES(-1)")
        data = con.serialize()
    files = {}
    for number, (arm, place) in enumerate(places):
        change, _ = DAMAGES[arm]
        content = data.replace(bytes([2, 1, 255]), bytes([2, 1, number]))
        files[str(number)] = change(encode(f"/{number:06}.db", FLAGS, number + 1), place) + content
    planter = await sahpool.install("planter", initial_capacity=1, spare=1)
    await plant(planter, FOLDER, files)
    pool = await sahpool.install(FOLDER, directory=FOLDER, spare=2)
    assert all(kept.handle.read(1 << 20, 0) == files[kept.name] for kept in pool.quarantined)
    found = collections.Counter()
    aside = {kept.name: kept for kept in pool.quarantined}
    for number in range(len(places)):
        name, kept = f"/{number:06}.db", aside.get(str(number))
        if kept is not None:
            pool.recover(kept.name, None if kept.offered else name)
        found["opened" if kept is None else "recovered" if kept.offered else "nameless"] += 1
        with opened(pool, name) as con:
            rows = con.execute("SELECT a FROM t").fetchall()
        expected = number if number < 128 else number - 256
        assert rows == [(expected,)], (name, rows)
    assert pool.quarantined == []
    assert len(pool.databases) == len(places)
    await pool.remove_vfs()
    await planter.remove_vfs()
    return found


await installed(places)
"""

PLACES = [(arm, place) for arm, (_, places) in damage.DAMAGES.items() for place in range(places)]
BATCH = 100  # slots of a pool

#: What is tried in every run: each 33rd place, and every second cut within the name.
SLICE = [
    (arm, place)
    for number, (arm, place) in enumerate(PLACES)
    if not number % 33 or (arm == "first copy cut" and place in range(0, len("/000000.db"), 2))
]
CASES = [
    pytest.param("node", SLICE, marks=pytest.mark.node, id="node"),
    pytest.param("chrome", SLICE[::2], marks=pytest.mark.chrome, id="chrome"),
    pytest.param("firefox", SLICE[::2], marks=pytest.mark.firefox, id="firefox"),
    pytest.param(
        "node",
        [place for place in PLACES if place not in SLICE],
        marks=[pytest.mark.node, pytest.mark.slow],
        id="node-all-others",
    ),
]


def tried(runtime: Any, places: list[tuple[str, int]]) -> dict[str, int]:
    """How many databases opened by themselves, or had to be recovered."""
    counts = {"tried": 0, "opened": 0, "recovered": 0, "nameless": 0}
    for first in range(0, len(places), BATCH):
        batch = places[first : first + BATCH]
        found = runtime.run(_INSIDE + _INSTALLED, places=batch)
        assert sum(found.values()) == len(batch)
        for outcome, count in {"tried": len(batch), **found}.items():
            counts[outcome] += count
    return counts


@pytest.mark.parametrize(("runtime", "places"), CASES, indirect=["runtime"])
def test_a_database_under_a_damaged_header_opens_or_comes_back(
    runtime: Any, proof: Proofs, places: list[tuple[str, int]]
) -> None:
    """Through install(), a connection and, where the header cannot be trusted, recover()."""
    counts = tried(runtime, places)
    for outcome in ("opened", "recovered", "nameless"):
        assert counts[outcome] > 0
    proof("headers", f"through install() in {runtime.name}", control=False, **counts, lost=0)
