# install(default=True), then pause_vfs(): plain names must not lead to Emscripten's file system in
# memory and say nothing: what is committed there is gone after unpause_vfs().
import json
import sqlite3

import sahpool

pool = await sahpool.install(name="paused", clear_on_init=True, default=True)
c = sqlite3.connect("n.db")
c.execute("create table t(a)")
c.execute("insert into t values(1)")
c.commit()
c.close()
pool.pause_vfs()
try:
    c = sqlite3.connect("n.db")
    c.execute("create table if not exists t(a)")
    c.execute("insert into t values(2)")
    c.commit()
    c.close()
    took = True
except sqlite3.Error:
    took = False
await pool.unpause_vfs()
c = sqlite3.connect("n.db")
rows = [a for (a,) in c.execute("select a from t")]
c.close()
await pool.remove_vfs()
sahpool.set_default(None)
result = json.dumps(
    "PASS"
    if rows == ([1, 2] if took else [1])
    else f"FAIL: commit accepted while paused, rows afterwards {rows}"
)
