# A stop (Pyodide's interrupt buffer) that comes while SQLite is at work, in TRUNCATE mode. Over
# Pyodide's own file system nothing is lost, and each is raised as KeyboardInterrupt.
import contextlib
import json
import random
import sqlite3
import sys

import js
import pyodide_js

import sahpool

pool = await sahpool.install(name="stop", clear_on_init=True)
buffer = js.Uint8Array.new(1)
# What the page's Stop button does, at a moment that can be repeated; no Python runs for it.
press = js.Reflect.set.bind(None, buffer, 0, 2)
swallowed = []
sys.unraisablehook = lambda told: swallowed.append(told.exc_type.__name__)
con = pool.connect("s.db", isolation_level=None)
con.execute("PRAGMA journal_mode=TRUNCATE")
con.execute("CREATE TABLE t(a INTEGER PRIMARY KEY)")
con.create_function("press", 0, press)
acknowledged, stops, errors, chance = set(), 0, {}, random.Random(3)
pyodide_js.setInterruptBuffer(buffer)
for number in range(400):
    is_done = False
    try:
        for _ in range(chance.randrange(60)):
            pass
        con.execute("BEGIN IMMEDIATE")
        con.execute("INSERT INTO t VALUES(?)", (number,))
        con.execute("SELECT press()").fetchone()
        con.execute("COMMIT")
        is_done = True
        acknowledged.add(number)
        for _ in range(120):
            pass
    except KeyboardInterrupt:
        stops += 1
        buffer[0] = 0
        if is_done:
            acknowledged.add(number)
    except sqlite3.Error as error:
        errors[str(error)] = errors.get(str(error), 0) + 1
        buffer[0] = 0
    with contextlib.suppress(KeyboardInterrupt, sqlite3.Error):
        if con.in_transaction:
            con.execute("ROLLBACK")
pyodide_js.setInterruptBuffer(None)
sys.unraisablehook = sys.__unraisablehook__
rows = {number for (number,) in con.execute("SELECT a FROM t")}
con.close()
lost = len(acknowledged - rows)
found = (
    f"{lost} of {len(acknowledged)} acknowledged commits lost, {len(swallowed)} stops swallowed, "
    f"{stops} KeyboardInterrupts, told as {errors}"
)
is_right = stops and not lost and not swallowed and not errors
result = json.dumps("PASS" if is_right else f"FAIL: {found}")
