# Writes at Python's recursion limit, in a database in DELETE mode.
import contextlib
import json
import sqlite3

import sahpool

pool = await sahpool.install(name="rec", clear_on_init=True)
con = pool.connect("r.db", isolation_level=None)
con.execute("PRAGMA journal_mode=DELETE")
con.execute("CREATE TABLE t(a INTEGER PRIMARY KEY)")
acknowledged = []
said = "nothing"


def deep(depth: int) -> None:
    """Writes on the way back from the limit, at every depth."""
    with contextlib.suppress(RecursionError):
        deep(depth + 1)
    con.execute("INSERT INTO t VALUES(?)", (depth,))
    acknowledged.append(depth)


try:
    deep(0)
except RecursionError:
    said = "RecursionError"
except sqlite3.Error as error:
    said = "RecursionError" if isinstance(error.__cause__, RecursionError) else repr(error)

rows = {depth for (depth,) in con.execute("SELECT a FROM t")}
lost = len(set(acknowledged) - rows)
con.close()
try:
    pool.pause_vfs()
    await pool.unpause_vfs()
    again = "ok"
except Exception as error:
    again = repr(error)

found = f"{lost} of {len(acknowledged)} rows lost; said {said}; pausing and unpausing: {again}"
is_right = acknowledged and not lost and said in ("nothing", "RecursionError") and again == "ok"
result = json.dumps("PASS" if is_right else f"FAIL: {found}")
