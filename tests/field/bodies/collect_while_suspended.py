# Long statements are suspended again and again (JSPI); meanwhile another task runs short statements
# and Python collects garbage. Once over a pool, once in memory.
import asyncio
import gc
import json
import random
import sqlite3

from pyodide.ffi import can_run_sync, run_sync

import sahpool

ROWS = 100_000
LONG = f"""
with recursive n(i) as (select 1 union all select i+1 from n where i<{ROWS})
select count(*), sum(i) from n
"""


def connect(vfs, k):
    if vfs == "pool":
        return pool.connect(f"{k}.db", isolation_level=None)
    return sqlite3.connect(":memory:", isolation_level=None)


async def tried(vfs):
    done = False
    stat = {"suspended": 0, "collected": 0, "short": 0}

    async def long(k):
        con = connect(vfs, k)

        def progress():
            stat["suspended"] += 1
            run_sync(asyncio.sleep(0))
            return 0

        con.set_progress_handler(progress, 10_000)
        r = con.execute(LONG).fetchone()
        con.close()
        return r

    async def short():
        con = connect(vfs, "s")
        con.execute("create table if not exists t(a integer primary key, b text)")
        while not done:
            con.execute("insert into t(b) values('x')")
            stat["short"] += 1
            junk = [[j] for j in range(100)]
            for j in junk:
                j.append(junk)
            gc.collect(random.choice([0, 1, 2]))
            stat["collected"] += 1
            await asyncio.sleep(0)
        r = con.execute("select count(*) from t").fetchone()[0]
        con.close()
        return r

    s = asyncio.create_task(short())
    r = await asyncio.gather(*[asyncio.create_task(long(k)) for k in range(longs)])
    done = True
    right = r == [(ROWS, ROWS * (ROWS + 1) // 2)] * longs and await s == stat["short"]
    return right and stat["suspended"] > 100 and stat["collected"] > 10, {"ok": r, **stat}


if can_run_sync():
    pool = await sahpool.install(name="gc1", clear_on_init=True)
    found = {vfs: await tried(vfs) for vfs in ("pool", "mem")}
    await pool.remove_vfs()
    right = all(each for each, _ in found.values())
    result = json.dumps("PASS" if right else found)
else:
    result = json.dumps("PASS: nothing can be suspended here")
