# With JSPI pool.connect() lets other tasks run while spare slots are missing, and says so. With
# wait=False it is one step: a plain function that keeps connections opens none twice.
import asyncio
import json

import sahpool

pool = await sahpool.install(name="tasks", clear_on_init=True, spare=4, initial_capacity=4)
shared, twice, full = {}, [], 0


def get(name):
    if name not in shared:
        c = pool.connect(name, wait=False)
        if name in shared:
            twice.append(name)
        shared[name] = c
    return shared[name]


async def task():
    global full
    for i in range(12):
        while True:
            try:
                get(f"d{i}.db").execute("create table if not exists t(a)")
                break
            except sahpool.PoolFullError:
                full += 1
                await pool.top_up()
        await asyncio.sleep(0)


await asyncio.gather(task(), task())
found = {"opened twice": twice, "opened": len(shared), "databases": len(pool.databases)}
said = sahpool.Pool.connect.__doc__.partition("\n")[0]
for c in shared.values():
    c.close()
await pool.remove_vfs()
right = not twice and full and len(shared) == 12 and "other tasks" in said
result = json.dumps("PASS" if right else f"FAIL: {found}, full {full} times, {said!r}")
