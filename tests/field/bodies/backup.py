# con.backup() into a database that was just opened, from one with another page size.
# CPython over files: works.
import json
import sqlite3

import sahpool

pool = await sahpool.install(name="backup", clear_on_init=True)
bad = []
for size in (512, 1024, 8192, 65536):
    s = sqlite3.connect(":memory:", isolation_level=None)
    s.execute(f"pragma page_size={size}")
    s.execute("create table t(a)")
    s.execute("insert into t values(1)")
    d = pool.connect(f"{size}.db")
    try:
        s.backup(d)
        assert d.execute("select a from t").fetchall() == [(1,)]
    except Exception as e:
        bad.append(f"{size}: {type(e).__name__}: {e}")
    d.close()
result = json.dumps("FAIL: " + "; ".join(bad) if bad else "PASS")
