"""How long a result of a million rows takes in each format: ``python3 -m tests.bench.exports``.

The service runs in Pyodide in Node, over a database in memory; the file is thrown away piece by
piece, as the browser takes it. Seconds are of processor time, so that what else runs on the machine
matters little. ``--rows N`` takes another number of rows. The last figure tells by how much the
process has grown.
"""

from __future__ import annotations

import argparse
import sys

import serve
from tests.__main__ import run_measure
from tests.pyodide import shipping
from tests.pyodide.engines import NodeEngine

GOALS = {"csv": 6.0, "xlsx": 15.0, "parquet": 12.0}
"""Seconds for a million rows of eight columns, by the format."""

_BEGIN = """
import builtins, sahpool
from tests.pyodide.inside_console import Console, console_in_memory

await sahpool.install("bench")
context = console_in_memory()
console = await context.__aenter__()
await console.script(f'''
CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
SELECT i AS id, 'Customer ' || (i % 9973) AS name, i * 7 % 1000003 AS amount, i / 7.0 AS price,
  CASE WHEN i % 10 THEN 'note number ' || i END AS note, date(i % 20000 + 2440000) AS day,
  i % 3 AS kind, round(i * 0.37, 2) AS tax FROM n
''')
builtins.console = console  # for what runs inside next
console.loop.blob = lambda chunks: sum(map(len, chunks))  # which is not kept
[each["name"] for each in (await console.told("formats"))["exports"]]
"""

_EXPORT = """
import builtins, js
console = builtins.console
began, heap = js.process.cpuUsage().user, js.process.memoryUsage().rss
reply = await console.told("export_rows", sql="SELECT * FROM t", format=name, gzip=gzip)
[(js.process.cpuUsage().user - began) / 1e6, reply["size"], reply["rows"],
 max(0, js.process.memoryUsage().rss - heap)]
"""


def measure(arguments: list[str]) -> None:
    """Prints a line for each format."""
    parser = argparse.ArgumentParser("tests.bench.exports")
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args(arguments).rows
    engine = NodeEngine(serve.assemble())
    try:
        shipping.ship(engine)
        for name in engine.run(_BEGIN, rows=rows):
            for gzip in (False, True) if name == "csv" else (False,):
                took, size, count, grown = engine.run(_EXPORT, name=name, gzip=gzip)
                goal = GOALS.get(name, 0) * rows / 1e6
                over = " ✗" if goal and took > goal else ""
                told = f"{took:6.2f} s{over}, {size / 1e6:7.1f} MB, {count:,} rows"
                serve.say(f"{name + ('.gz' if gzip else ''):9} {told}, +{grown / 2**20:.0f} MiB")
    finally:
        engine.close()


if __name__ == "__main__":
    sys.exit(run_measure("tests.bench.exports", sys.argv[1:]))
