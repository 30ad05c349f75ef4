"""Copies of a database and what lies beside it, taken at any moment of work at random."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tests.pyodide.killed_copies import Made, connected, fill, taken

MODES = ("WAL", "WAL", "DELETE", "PERSIST", "TRUNCATE")

#: Statements that change much or little, and leave free pages behind or use them.
CHANGES = (
    "INSERT INTO t(b) SELECT printf('%0*d', abs(random() % 900), a) FROM t LIMIT {n}",
    "UPDATE t SET b = b || 'longer' WHERE a % {n} = 0",
    "UPDATE t SET b = upper(b) WHERE a = {n}",
    "DELETE FROM t WHERE a % {n} = 1",
    "CREATE TABLE IF NOT EXISTS t{n} AS SELECT * FROM t LIMIT {n}",
    "DROP TABLE IF EXISTS t{n}",
    "PRAGMA incremental_vacuum({n})",
)
#: What is done between transactions only.
BETWEEN = (
    "VACUUM",
    "PRAGMA wal_checkpoint(PASSIVE)",
    "PRAGMA wal_checkpoint(RESTART)",
    "PRAGMA wal_checkpoint(TRUNCATE)",
)


def copies(folder: Path, seed: int) -> Iterator[tuple[str, Made]]:
    """Some copies of one database, each with what was being done; a seed gives the same work."""
    rng = random.Random(seed)
    mode = rng.choice(MODES)
    settings = [
        f"page_size={rng.choice([512, 1024, 4096, 16384])}",
        f"auto_vacuum={rng.choice(['NONE', 'FULL', 'INCREMENTAL'])}",
        f"encoding='{rng.choice(['UTF-8', 'UTF-16le'])}'",
        f"journal_mode={mode}",
        f"synchronous={rng.choice(['OFF', 'NORMAL', 'FULL'])}",
        f"cache_size={rng.choice([2, 5, 50])}",
        f"wal_autocheckpoint={rng.choice([0, 5, 30])}",
    ]
    done = [*settings]
    with connected(folder, *settings) as con:
        fill(con, rng.randrange(5, 150))
        for _ in range(rng.randrange(3, 8)):
            if rng.random() < 0.3:
                done.append(rng.choice(BETWEEN))
                con.execute(done[-1]).fetchall()
                continue
            con.execute("BEGIN")
            for _ in range(rng.randrange(1, 5)):
                done.append(rng.choice(CHANGES).format(n=rng.randrange(2, 30)))
                con.execute(done[-1]).fetchall()
                if rng.random() < 0.25:
                    yield "; ".join(done), taken(folder)
            done.append(rng.choice(["COMMIT", "COMMIT", "ROLLBACK"]))
            con.execute(done[-1])
            if rng.random() < 0.25:
                yield "; ".join(done), taken(folder)
