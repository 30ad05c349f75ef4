"""Single rows, each committed for good before the next."""

from __future__ import annotations

from tests.bench.plan import Plan, each, opened, rows, run, timed

SUITES = ("commits", "commits1000")

COUNTS = {"commits": 200, "commits1000": 1000}


def plan(wanted: set[str], scale: float) -> Plan:
    """A small table that is there already, so that no slot is taken while the clock runs."""
    steps: Plan = [
        opened(),
        run("CREATE TABLE t(id INTEGER PRIMARY KEY, number INTEGER, word TEXT)"),
    ]
    insert = "INSERT INTO t(number, word) VALUES(?1, ?2)"
    for name in SUITES:
        if name in wanted:
            values = rows(COUNTS[name] * scale, ("int", 1_000_000), ("text", 40))
            steps += [timed(name, each(insert, values))]
            steps += [run("SELECT count(*), sum(number), min(word) FROM t")]
    return steps
