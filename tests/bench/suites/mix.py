"""What programs do with a database, by turns: 27 tests of the kinds that SQLite's speedtest1 has.

The statements are our own. What writes is committed at synchronous=FULL within its time.
"""

from __future__ import annotations

from typing import Any

from tests.bench.plan import Plan, Step, each, many, opened, rows, run, timed, within

SUITES = ("mix",)

ROWS = 30_000

#: What is left at the end.
SUMS = "SELECT count(*), sum(k), sum(v), sum(length(t)) FROM"


def plan(wanted: set[str], scale: float) -> Plan:
    """The tests in their order; each works on what the earlier ones left."""
    del wanted
    n = max(200, round(ROWS * scale))
    return [opened(), *_inserts(n), *_searches(n), *_changes(n), *_whole()]


def _keys(count: float, size: int, seed: int) -> dict[str, Any]:
    """Random numbers below ``size``."""
    return rows(max(5, count), ("int", size), seed=seed)


def _test(name: str, *steps: Step) -> Step:
    """One test: its steps in one transaction, by the clock."""
    return timed(f"mix: {name}", *within(*steps))


def _inserts(n: int) -> Plan:
    ordered = ("serial", 1), ("int", n), ("text", 32)
    shuffled = ("int", 1 << 24), ("int", n), ("text", 32)
    columns = "(k INTEGER, v INTEGER, t TEXT)"
    return [
        _test(
            "insert without index",
            run(f"CREATE TABLE a{columns}"),
            many("INSERT INTO a VALUES(?1, ?2, ?3)", rows(n, *ordered)),
        ),
        _test(
            "insert by ascending key",
            run("CREATE TABLE b(k INTEGER PRIMARY KEY, v INTEGER, t TEXT)"),
            many("INSERT INTO b VALUES(?1, ?2, ?3)", rows(n, *ordered, seed=2)),
        ),
        _test(
            "insert by random key, three indexes",
            run(f"CREATE TABLE c{columns}"),
            run("CREATE INDEX ck ON c(k)"),
            run("CREATE INDEX cv ON c(v, k)"),
            run("CREATE INDEX ct ON c(t)"),
            many("INSERT INTO c VALUES(?1, ?2, ?3)", rows(n, *shuffled, seed=3)),
        ),
        timed(
            "mix: 50 inserts, each its own transaction",
            each("INSERT INTO b(v, t) VALUES(?1, ?2)", rows(50, ("int", n), ("text", 32), seed=4)),
        ),
        _test(
            "insert 1 KiB texts",
            run("CREATE TABLE d(k INTEGER PRIMARY KEY, t TEXT)"),
            many("INSERT INTO d(t) VALUES(?1)", rows(n / 10, ("text", 1024), seed=5)),
        ),
        _test(
            "insert 32 KiB blobs, read them",
            run("CREATE TABLE e(k INTEGER PRIMARY KEY, x BLOB)"),
            many("INSERT INTO e VALUES(?1, zeroblob(32768))", rows(n / 300, ("serial", 1))),
            run("SELECT count(*), sum(length(hex(x))) FROM e"),
        ),
    ]


def _searches(n: int) -> Plan:
    between = "SELECT count(*) + sum(length(t)) FROM a WHERE v BETWEEN ?1 AND ?1 + {}"
    return [
        _test("ranges without index", each(between.format(n // 10), _keys(25, n, 11))),
        _test(
            "LIKE",
            each("SELECT count(*) FROM a WHERE t LIKE '%' || ?1 || '%'", _keys(20, 1000, 12)),
        ),
        _test(
            "sort without index",
            run(
                "SELECT sum(x), min(y), count(*) FROM "
                "(SELECT rank() OVER (ORDER BY t) AS x, t AS y FROM a)"
            ),
            run("SELECT k, v, t FROM a ORDER BY t LIMIT 100"),
        ),
        _test(
            "group and count distinct",
            run(
                "SELECT count(*), sum(m), max(d) FROM (SELECT v % 500 AS g, max(k) AS m, "
                "count(DISTINCT substr(t, 1, 2)) AS d FROM a GROUP BY g)"
            ),
        ),
        _test(
            "create three indexes",
            run("CREATE INDEX ak ON a(k)"),
            run("CREATE INDEX av ON a(v)"),
            run("CREATE INDEX at ON a(t)"),
        ),
        _test("ranges by index", each(between.format(10), _keys(n / 3, n, 13))),
        _test(
            "text lookups by index",
            each(
                "SELECT k FROM c WHERE t = (SELECT t FROM c WHERE rowid = ?1)", _keys(n / 3, n, 16)
            ),
        ),
        _test(
            "ranges of the primary key",
            each("SELECT sum(v) FROM b WHERE k BETWEEN ?1 AND ?1 + 20", _keys(n / 3, n, 14)),
        ),
        _test(
            "join two tables",
            run("SELECT count(*), sum(b.v), sum(length(a.t)) FROM a JOIN b ON b.k = a.v"),
        ),
        _test(
            "join four tables",
            run(
                "SELECT count(*), sum(w.v), sum(z.v) FROM a AS w JOIN b AS x ON x.k = w.v "
                "JOIN a AS y ON y.k = x.v JOIN b AS z ON z.k = y.v WHERE w.k % 3 = 0"
            ),
        ),
        _test(
            "IN and subqueries",
            run("SELECT count(*), sum(k) FROM b WHERE v IN (SELECT k FROM a WHERE v % 2 = 0)"),
            run("SELECT count(*) FROM a WHERE EXISTS (SELECT 1 FROM c WHERE c.v = a.v)"),
            run("SELECT sum((SELECT count(*) FROM a WHERE a.v = b.k)) FROM b"),
        ),
    ]


def _changes(n: int) -> Plan:
    return [
        _test(
            "update by key",
            many("UPDATE b SET v = v + 1, t = t || 'x' WHERE k = ?1", _keys(n / 2, n, 21)),
        ),
        _test(
            "update by index, indexed column",
            many("UPDATE a SET v = v + 1000000 WHERE v = ?1", _keys(n / 6, n, 22)),
        ),
        _test("update without index", run("UPDATE d SET t = upper(t) WHERE k % 2 = 0")),
        _test(
            "upsert",
            many(
                "INSERT INTO b VALUES(?1, 1, ?2) ON CONFLICT(k) DO UPDATE SET v = v + excluded.v",
                rows(n / 2, ("int", 2 * n), ("text", 32), seed=23),
            ),
        ),
        _test(
            "triggers",
            run("CREATE TABLE log(k INTEGER PRIMARY KEY, old INTEGER, new INTEGER)"),
            run(
                "CREATE TRIGGER logged AFTER UPDATE OF v ON b BEGIN "
                "INSERT INTO log(old, new) VALUES(old.v, new.v); END"
            ),
            many("UPDATE b SET v = v * 2 WHERE k = ?1", _keys(n / 3, n, 24)),
            run("DROP TRIGGER logged"),
            run("SELECT count(*), sum(old), sum(new) FROM log"),
        ),
        _test(
            "delete by index",
            many("DELETE FROM c WHERE v BETWEEN ?1 AND ?1 + 2", _keys(n / 10, n, 25)),
        ),
        _test(
            "delete everything, insert again from another table",
            run("DELETE FROM c"),
            run("INSERT INTO c SELECT k, v, t FROM a"),
        ),
    ]


def _whole() -> Plan:
    return [
        _test(
            "add, rename and drop columns",
            run("ALTER TABLE b ADD COLUMN u DEFAULT 'new'"),
            run("ALTER TABLE b RENAME COLUMN u TO w"),
            run("ALTER TABLE b DROP COLUMN w"),
            run("ALTER TABLE d RENAME TO g"),
        ),
        *(run(f"{SUMS} {table}") for table in "abc"),
        run("SELECT count(*), sum(length(t)) FROM g"),
        timed("mix: VACUUM", run("DROP TABLE e"), run("VACUUM")),
        timed("mix: integrity_check", run("PRAGMA integrity_check")),
    ]
