# A heap that has grown past 2 GiB after install(): statements go on working, and so must every
# export and import (needs 3 GB of memory).
import gc
import json

import pyodide_js

import sahpool

pool = await sahpool.install(name="heap", clear_on_init=True)
c = pool.connect("a.db")
c.execute("create table t(a)")
c.execute("insert into t values(zeroblob(20000000))")
c.commit()
c.close()
hog, r = [], {}
while pyodide_js._module.HEAPU8.length < 2_700_000_000:
    hog.append(bytearray(100_000_000))
for what, f in (
    ("export_file", lambda: len(pool.export_file("a.db"))),
    ("export_chunks", lambda: sum(map(len, pool.export_chunks("a.db")))),
):
    try:
        f()
        r[what] = "ok"
    except Exception as e:
        r[what] = f"{type(e).__name__}: {e}"
try:
    r["check"] = "ok" if (await pool.check()).passed else "not passed"
except Exception as e:
    r["check"] = repr(e)
hog.clear()
gc.collect()
result = json.dumps("PASS" if set(r.values()) == {"ok"} else "FAIL: " + json.dumps(r))
