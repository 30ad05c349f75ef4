# The files of a program that still runs, or of a phone's backup: a.db and a.db-wal. The last
# commits are in the second one. Reported: there is no way to bring both in, and nothing says that
# something is missing.
import json
import sqlite3
import warnings
from pathlib import Path

import sahpool

pool = await sahpool.install(name="beside", clear_on_init=True)
c = sqlite3.connect("file:/home/pyodide/a.db?vfs=unix", uri=True, isolation_level=None)
for s in (
    "pragma locking_mode=exclusive",
    "pragma journal_mode=wal",
    "pragma wal_autocheckpoint=0",
    "create table t(a)",
    "insert into t values(1)",
    "pragma wal_checkpoint(truncate)",
    "insert into t values(2)",
):
    c.execute(s)
main = Path("/home/pyodide/a.db").read_bytes()
wal = Path("/home/pyodide/a.db-wal").read_bytes()


def rows(name):
    d = pool.connect(name)
    found = [a for (a,) in d.execute("select a from t")]
    d.close()
    return found


with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    await pool.import_db("a.db", main, wal=wal)
    both, silent = rows("a.db"), not told
    await pool.import_db("alone.db", main)
missing = [
    each.message.database for each in told if issubclass(each.category, sahpool.WalMissingWarning)
]
try:
    await pool.import_db("a.db-wal", wal)
    said = "taken"
except Exception as e:
    said = f"{type(e).__name__}: {e} ({getattr(e, 'hint', '')})"
good = both == [1, 2] and silent and missing == ["/alone.db"] and "wal=" in said
result = json.dumps(
    "PASS"
    if good
    else f"GAP: with its WAL a.db has {both}; alone: {rows('alone.db')}, warned {missing}; "
    f'import_db("a.db-wal"): {said}'
)
