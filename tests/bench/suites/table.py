"""A table of 33 MB: filling it, an index on it, scans, lookups."""

from __future__ import annotations

from tests.bench.plan import CACHE, SMALL_CACHE, Plan, each, many, opened, rows, run, timed, within

SUITES = ("bulk", "index", "scan", "random", "random-transaction", "random-2mb")

ROWS = 300_000
LOOKUPS = 20_000

COUNT = "SELECT count(*), sum(number), sum(length(word)), sum(length(note)) FROM t"
LOOKUP = "SELECT number FROM t WHERE id = ?1"


def plan(wanted: set[str], scale: float) -> Plan:
    """What the others need and nobody wants timed is done without a clock."""
    count = max(1000, round(ROWS * scale))
    columns = ("serial", 1), ("int", 1_000_000), ("float", 1000), ("text", 40), ("text", 40)
    filled = within(many("INSERT INTO t VALUES(?1, ?2, ?3, ?4, ?5)", rows(count, *columns)))
    lookups = each(LOOKUP, rows(LOOKUPS * scale, ("int", count), seed=7))
    steps: Plan = [
        opened(),
        run(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, number INTEGER, value REAL, "
            "word TEXT, note TEXT)"
        ),
        *([timed("bulk", *filled)] if "bulk" in wanted else filled),
    ]
    if "index" in wanted:
        steps += [timed("index", run("CREATE INDEX i ON t(word)"))]
        steps += [run("SELECT count(*), min(word) FROM t INDEXED BY i WHERE word > ''")]
        steps += [run("DROP INDEX i")]
    steps += [opened(), timed("scan", run(COUNT)) if "scan" in wanted else run(COUNT)]
    for suite, cache, asked in (
        ("random", CACHE, [lookups]),
        ("random-transaction", CACHE, within(lookups)),
        ("random-2mb", SMALL_CACHE, [lookups]),
    ):
        if suite in wanted:
            steps += [opened(cache), timed(suite, *asked)]
    return steps
