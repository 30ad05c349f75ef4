# con.serialize() of a new database, opened with deserialize() (or downloaded and opened by sql.js,
# which knows no WAL). CPython over files: works. export_file() is the way that works here.
import json
import sqlite3

import sahpool

pool = await sahpool.install(name="ser", clear_on_init=True)
c = pool.connect("a.db", isolation_level=None)
c.execute("create table t(a)")
c.execute("insert into t values(1)")
m = sqlite3.connect(":memory:")
try:
    m.deserialize(c.serialize())
    assert m.execute("select a from t").fetchall() == [(1,)]
    verdict = "PASS"
except Exception as e:
    verdict = f"FAIL: {type(e).__name__}: {e}"
result = json.dumps(verdict)
