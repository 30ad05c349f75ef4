# install(pragmas={}), a database that was opened and left empty: what export_file() gives,
# import_db() takes, and another SQLite opens.
import json
import pathlib
import sqlite3

import sahpool

pool = await sahpool.install(name="empty", clear_on_init=True, pragmas={})
pool.connect("a.db").close()
try:
    await pool.import_db("b.db", pool.export_file("a.db"))
    c = pool.connect("b.db")
    c.execute("create table t(a)")
    c.close()
    pathlib.Path("/tmp/a.db").write_bytes(pool.export_file("a.db"))
    sqlite3.connect("/tmp/a.db").execute("create table t(a)")
    verdict = "PASS"
except Exception as e:
    verdict = f"FAIL: {type(e).__name__}: {e}"
result = json.dumps(verdict)
