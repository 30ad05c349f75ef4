"""Random sequences of operations by two programs in turn, against a model of what must be there."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.interchange.lab import OFFICIAL, Lab, step
from tests.interchange.prelude import typed

NAMES = [f"/db{number}.db" for number in range(4)]
CREATE = "CREATE TABLE t(a INTEGER PRIMARY KEY, b)"
READ = "SELECT a, b FROM t ORDER BY a"

#: What is in the pool: path → the rows of its table.
Model = dict[str, dict[int, str]]
Change = dict[str, Any]


def change(dice: random.Random, model: Model) -> Change:
    """One random operation, which the model has undergone."""
    path = dice.choice(NAMES)
    rows = model.get(path)
    if rows is None:
        mode = dice.choice(["DELETE", "WAL", "TRUNCATE"])
        model[path] = {}
        return {"kind": "create", "path": path, "mode": mode}
    kind = dice.choice(["insert", "insert", "update", "delete rows", "unlink", "copy"])
    if kind == "unlink":
        del model[path]
        return {"kind": kind, "path": path}
    if kind == "copy":
        free = [name for name in NAMES if name not in model]
        if free:
            model[free[0]] = dict(rows)
            return {"kind": kind, "path": path, "to": free[0]}
        kind = "insert"
    if kind == "insert":
        first, count = max(rows, default=0) + 1, dice.choice([1, 10, 300])
        text = dice.choice("abc") * dice.choice([1, 100, 900])
        rows.update(dict.fromkeys(range(first, first + count), text))
        sql = [
            f"WITH RECURSIVE n(a) AS (SELECT {first} UNION ALL SELECT a + 1 FROM n "
            f"WHERE a < {first + count - 1}) INSERT INTO t SELECT a, '{text}' FROM n"
        ]
    elif kind == "update":
        for number in rows:
            rows[number] += "!" * (number % 3 == 0)
        sql = ["UPDATE t SET b = b || '!' WHERE a % 3 = 0"]
    else:
        for number in [each for each in rows if each % 2]:
            del rows[number]
        sql = ["DELETE FROM t WHERE a % 2"]
    return {"kind": "execute", "path": path, "sql": sql}


def by_theirs(lab: Lab, version: str, directory: str, changes: list[Change]) -> None:
    steps = []
    for each in changes:
        path = each["path"]
        if each["kind"] == "unlink":
            steps.append(step("unlink", path))
        elif each["kind"] == "copy":
            steps.append(step("copy", path, to=each["to"]))
        else:
            sql = each.get("sql") or [f"PRAGMA journal_mode={each['mode']}", CREATE]
            steps.append(step("open", path, before=["PRAGMA locking_mode=exclusive", *sql]))
            steps.append(step("close", path))
    lab.theirs(version, directory, *steps)


BY_OURS = """
import contextlib

async with held(directory) as pool:
    for each in changes:
        path = each["path"]
        if each["kind"] == "unlink":
            assert pool.unlink(path)
            continue
        if each["kind"] == "copy":
            await pool.import_db(each["to"], pool.export_file(path))
            continue
        with contextlib.closing(pool.connect(path, isolation_level=None)) as con:
            if each["kind"] == "create":
                con.execute(f"PRAGMA journal_mode={each['mode']}")
                con.execute(create)
            else:
                for sql in each["sql"]:
                    con.execute(sql)
"""

READ_OURS = """
import contextlib

found = {}
async with held(directory) as pool:
    assert pool.quarantined == [], pool.quarantined
    for path in pool.file_names:
        if path.endswith(("-journal", "-wal")):
            continue
        with contextlib.closing(pool.connect(path)) as con:
            assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)], path
            found[path] = con.execute(sql).fetchall()
found
"""


def read_theirs(lab: Lab, version: str, directory: str) -> dict[str, Any]:
    (described,) = lab.theirs(version, directory, step("describe"), stay=True)
    paths = [path for path in described["files"] if not path.endswith(("-journal", "-wal"))]
    steps = []
    for path in paths:
        steps += [
            step("open", path, before=["PRAGMA locking_mode=exclusive"]),
            step("execute", path, sql="PRAGMA integrity_check"),
            step("execute", path, sql=READ),
            step("close", path),
        ]
    results = lab.theirs(version, directory, *steps)
    assert [check for check in results[1::4] if check != [[typed("ok")]]] == []
    return dict(zip(paths, results[2::4], strict=True))


SLOW = [
    pytest.param(version, seed, 30, marks=pytest.mark.slow)
    for version in OFFICIAL
    for seed in range(10, 15)
]


@pytest.mark.parametrize(("version", "seed", "turns"), [("3.54.1", 1, 12), ("3.49", 3, 6), *SLOW])
def test_whatever_two_programs_do_in_turn_both_find_what_the_model_has(
    lab: Lab, directory: str, version: str, seed: int, turns: int
) -> None:
    dice = random.Random(seed)
    kept = {"kind": "create", "path": "/kept.db", "mode": "DELETE"}
    by_theirs(lab, version, directory, [kept])
    model: Model = {}
    for turn in range(turns):
        changes = [change(dice, model) for _ in range(dice.randint(1, 4))]
        if turn % 2:
            by_theirs(lab, version, directory, changes)
        else:
            lab.ours(BY_OURS, directory=directory, changes=changes, create=CREATE)
        expected = {path: [list(row) for row in rows.items()] for path, rows in model.items()}
        expected["/kept.db"] = []
        if turn % 2:
            assert lab.ours(READ_OURS, directory=directory, sql=READ) == expected, turn
        else:
            there = read_theirs(lab, version, directory)
            assert there == {
                path: [[typed(value) for value in row] for row in rows]
                for path, rows in expected.items()
            }, turn
