"""What 100,000 calls of each SQL function in Python take: ``python3 -m tests.bench.functions``.

In Pyodide in Node, in seconds of processor time, so that what else runs on the machine matters
little; the best of three rounds. The arguments are columns of 100,000 rows. Scalar functions have
the goal; aggregates, and rows of table functions, are measured beside them.
"""

from __future__ import annotations

import sys

import serve
from tests.__main__ import run_measure
from tests.pyodide.engines import NodeEngine

GOAL = 0.25
"""Seconds for 100,000 calls of a scalar function."""

SCALARS = (
    "concat(a, b)", "concat_ws('-', a, b)", "octet_length(a)", "unistr(a)", "unistr_quote(a)",
    "unhex(h)", "iif(n, a)", "if(0, a, n, b)", "timediff(d, e)", "timediff(e, d)",
    "a REGEXP 'l+o'", "regexp_like(a, 'L', 'i')", "regexp_replace(a, 'l', '_')",
    "regexp_substr(a, 'w.*')", "regexp_capture(a, '(.)o')", "md5(a)", "sha1(a)", "sha256(a)",
    "sha3(a)", "uuid()", "uuid7()", "uuid_str(u)", "uuid_blob(u)", "levenshtein(w, 'sitting')",
    "jaro_winkler(w, 'kittens')", "soundex(w)", "unaccent(a)",
)  # fmt: skip
OTHERS = (
    "median(n)", "percentile_cont(n, 0.3)", "variance(n / 7.0)", "mode(w)", "string_agg(w, ',')",
    "sum(value) FROM generate_series(1, 100000)",
)  # fmt: skip

_MEASURE = """
import js, sqlite3
import sahpool, sahpool.functions

await sahpool.install("bench")
con = sqlite3.connect(":memory:")
sahpool.functions.register(con)
con.execute("CREATE TABLE t (a, b, w, h, d, e, u, n)")
con.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (
    (f"hello wörld {i}", f"row {i}", f"kitten{i % 997}", f"2f5a{i % 10000:04d}",
     f"20{i % 100:02d}-{i % 12 + 1:02d}-{i % 28 + 1:02d} 10:{i % 60:02d}:00",
     f"19{i % 100:02d}-{i % 12 + 1:02d}-{i % 28 + 1:02d}", f"{i:032x}", i)
    for i in range(100_000)
))

def seconds(sql):
    began = js.process.cpuUsage().user
    con.execute(sql).fetchall()
    return (js.process.cpuUsage().user - began) / 1e6

[
    [call, min(seconds(f"SELECT {form.format(call)}") for _ in range(3))]
    for form, calls in (("max({}) FROM t", scalars), ("{} FROM t", aggregates), ("{}", tables))
    for call in calls
]
"""


def measure(arguments: list[str]) -> None:
    """Prints a line for each function."""
    del arguments
    engine = NodeEngine(serve.assemble())
    try:
        aggregates = [each for each in OTHERS if " FROM " not in each]
        tables = [each for each in OTHERS if " FROM " in each]
        found = engine.run(_MEASURE, scalars=SCALARS, aggregates=aggregates, tables=tables)
    finally:
        engine.close()
    for call, took in found:
        over = " ✗" if call in SCALARS and took > GOAL else ""
        serve.say(f"{took:6.3f} s  {call}{over}")


if __name__ == "__main__":
    sys.exit(run_measure("tests.bench.functions", sys.argv[1:]))
