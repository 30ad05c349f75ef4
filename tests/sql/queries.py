"""Kinds of scripts: reading, writing, transactions."""

from __future__ import annotations

from tests.sql.maker import COLLATIONS, TYPES, Maker, Script


def values_and_affinities(make: Maker) -> Script:
    columns = ("a", "b", "c")
    declared = ", ".join(f"{each} {make.pick(*TYPES)}{make.pick(*COLLATIONS)}" for each in columns)
    script: Script = [f"CREATE TABLE t({declared})"]
    for _ in range(14):
        script.append(f"INSERT INTO t VALUES ({', '.join(make.literal() for _ in columns)})")
    script.append(["INSERT INTO t VALUES (?, ?, ?)", ["text", 2**53 + 1, ["blob", "00ff"]]])
    script.append(["INSERT INTO t VALUES (?, ?, ?)", [["real", (0.1).hex()], None, "0\0nul"]])
    script.append("SELECT rowid, a, typeof(a), b, typeof(b), typeof(c) FROM t ORDER BY rowid")
    for _ in range(8):
        one, two = make.pick(*columns), make.pick(*columns)
        script.append(f"SELECT rowid FROM t WHERE {one} {make.pick('<', '>=', '=', 'IS')} {two}")
        script.append(
            f"SELECT rowid, {make.expression(columns)} FROM t WHERE {make.expression(columns)}"
        )
        script.append(f"SELECT {one}, count(*) FROM t GROUP BY {one}{make.pick(*COLLATIONS)}")
        order = make.pick("", " DESC", " ASC NULLS LAST", " DESC NULLS FIRST")
        script.append(f"SELECT {one}, rowid FROM t ORDER BY {one}{order}, rowid LIMIT 9 OFFSET 2")
    return script


def expressions(make: Maker) -> Script:
    return [f"SELECT {make.expression()}, {make.expression()}" for _ in range(40)]


def joins(make: Maker) -> Script:
    script = [*make.table("t", 3, 8), *make.table("u", 3, 8), *make.table("v", 2, 6)]
    if make.rng.random() < 0.5:
        script.append(f"CREATE INDEX i ON u({make.pick('a', 'b', 'a, b', 'b, a DESC')})")
    kinds = ("JOIN", "LEFT JOIN", "CROSS JOIN", ",", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
    for _ in range(12):
        one, two = make.pick(*kinds), make.pick("JOIN", "LEFT JOIN")
        on = (
            ""
            if one in (",", "CROSS JOIN")
            else f" ON t.{make.pick('a', 'b')} = u.{make.pick('a', 'b')}"
        )
        script.append(
            f"SELECT t.id, u.id, v.id FROM t {one} u{on} {two} v ON u.{make.pick('a', 'c')} = v.b"
        )
        script.append(f"SELECT t.id, u.id FROM t NATURAL {make.pick('', 'LEFT')} JOIN u")
        script.append(
            f"SELECT * FROM t {make.pick('', 'LEFT')} JOIN v USING ({make.pick('a', 'b')})"
        )
        test = make.pick("IN", "NOT IN")
        script.append(f"SELECT id FROM t WHERE a {test} (SELECT b FROM u WHERE c > {make.small()})")
        script.append(
            f"SELECT id, (SELECT max(b) FROM u WHERE u.a = t.{make.pick('a', 'b', 'c')}) FROM t"
            f" WHERE {make.pick('', 'NOT ')}EXISTS (SELECT 1 FROM v WHERE v.a = t.b)"
        )
    return script


def aggregates(make: Maker) -> Script:
    script = make.table("t", 4, 25)
    for _ in range(16):
        group = make.pick("a", "b", "a, b", "a COLLATE NOCASE", "typeof(c)", "id % 3")
        what = make.pick(
            *("count(*)", "count(c)", "sum(id)", "total(id)", "avg(id)", "min(c)", "max(c)"),
            *("count(DISTINCT c)", "sum(DISTINCT id % 4)", "max(id) FILTER (WHERE b > 2)"),
        )
        having = make.pick("", f" HAVING count(*) > {make.rng.randrange(4)}")
        script.append(f"SELECT {group}, {what} FROM t GROUP BY {group}{having}")
        script.append(
            f"SELECT DISTINCT a, {make.pick('b', 'c', 'd')} FROM t WHERE id > {make.small()}"
        )
        joined = make.pick("group_concat(id)", "group_concat(id, '/')", "json_group_array(id)")
        script.append(f"SELECT b, {joined} FROM (SELECT * FROM t ORDER BY id) GROUP BY b")
        kind = make.pick("UNION", "UNION ALL", "EXCEPT", "INTERSECT")
        script.append(
            f"SELECT a, b FROM t {kind} SELECT {make.pick('b, a', 'c, d', 'a, 1')} FROM t"
        )
    return script


def windows(make: Maker) -> Script:
    script = make.table("t", 3, 20)
    functions = (
        *("row_number()", "rank()", "dense_rank()", "ntile(3)", "lag(a)", "lead(a, 2, 'none')"),
        *("first_value(a)", "last_value(a)", "nth_value(a, 2)", "sum(id)", "count(*)", "max(a)"),
        *("percent_rank()", "cume_dist()", "group_concat(id, ',')", "avg(id)"),
    )
    frames = (
        "",
        *("ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING", "ROWS UNBOUNDED PRECEDING"),
        *(
            "GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW",
            "RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING",
        ),
        "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW",
    )
    for _ in range(30):
        partition = make.pick("", "PARTITION BY b ", "PARTITION BY typeof(c) ")
        over = f"{partition}ORDER BY id {make.pick(*frames)}"
        script.append(f"SELECT id, {make.pick(*functions)} OVER ({over}) FROM t ORDER BY id")
    script.append("SELECT id, sum(id) OVER w, count(*) OVER w FROM t WINDOW w AS (PARTITION BY a)")
    return script


def recursion(make: Maker) -> Script:
    count = make.rng.randrange(5, 60)
    script: Script = [
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        " SELECT i, i * i FROM n ORDER BY i",
        "WITH RECURSIVE f(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM f LIMIT 30)"
        " SELECT a FROM f",
        "CREATE TABLE tree(id INTEGER PRIMARY KEY, up INTEGER, name TEXT)",
    ]
    for number in range(2, 16):
        up = make.rng.randrange(1, number)
        script.append(f"INSERT INTO tree VALUES ({number}, {up}, 'n{number}')")
    script.append("INSERT INTO tree VALUES (1, NULL, 'root')")
    for _ in range(8):
        start = make.rng.randrange(1, 16)
        order = make.pick("", "ORDER BY 2 DESC", "ORDER BY 2")
        script.append(
            "WITH RECURSIVE below(id, depth) AS (SELECT id, 0 FROM tree WHERE id = "
            f"{start} UNION ALL SELECT tree.id, depth + 1 FROM tree JOIN below ON up = below.id"
            f" {order})"
            " SELECT * FROM below"
        )
        script.append(
            f"WITH a AS (SELECT * FROM tree WHERE id > {start}), b AS"
            f" {make.pick('', 'MATERIALIZED ')}(SELECT up, count(*) AS n FROM a GROUP BY up)"
            " SELECT tree.name, b.n FROM tree JOIN b ON tree.id = b.up"
        )
    return script


def writing(make: Maker) -> Script:
    script: Script = [
        "CREATE TABLE t(k INTEGER PRIMARY KEY, u UNIQUE, n INTEGER NOT NULL DEFAULT 3, v)",
        "CREATE TABLE other(k, v)",
        *(f"INSERT INTO other VALUES ({n}, {make.small()})" for n in range(6)),
    ]
    for _ in range(45):
        key, unique, value = make.rng.randrange(12), make.small(), make.literal()
        returning = make.pick("", "", " RETURNING *", " RETURNING k, v AS q", " RETURNING u || n")
        script.append(
            make.pick(
                f"INSERT INTO t(k, u, v) VALUES ({key}, {unique}, {value}){returning}",
                f"INSERT INTO t(k, u, n) VALUES ({key}, {unique}, {make.small()}){returning}",
                f"INSERT OR IGNORE INTO t VALUES ({key}, {unique}, 1, {value}){returning}",
                f"INSERT OR REPLACE INTO t VALUES ({key}, {unique}, 1, {value}){returning}",
                f"REPLACE INTO t(k, u, v) VALUES ({key}, {unique}, {value}), (NULL, 'x', 1)"
                f"{returning}",
                f"INSERT INTO t(k, u, v) VALUES ({key}, {unique}, {value})"
                f" ON CONFLICT(k) DO UPDATE SET v = excluded.v, n = n + 1{returning}",
                f"INSERT INTO t(k, u) VALUES ({key}, {unique}) ON CONFLICT DO NOTHING{returning}",
                f"INSERT INTO t(k, u) VALUES ({key}, {unique})"
                f" ON CONFLICT(u) DO UPDATE SET n = n * 2 WHERE n < 40{returning}",
                f"INSERT INTO t(u, v) SELECT v, k FROM other WHERE k > {key} ORDER BY k",
                f"UPDATE t SET v = {value} WHERE k % 3 = {key % 3}{returning}",
                f"UPDATE OR {make.pick('IGNORE', 'REPLACE', 'ABORT', 'FAIL')} t SET u = {unique}"
                f" WHERE k = {key}{returning}",
                f"UPDATE t SET n = {make.small()} WHERE k > {key}",
                f"UPDATE t SET v = other.v FROM other WHERE other.k = t.k AND t.k < {key}",
                f"UPDATE t SET (n, v) = (SELECT k, v FROM other WHERE k = {key}) WHERE k = {key}",
                f"DELETE FROM t WHERE k = {key}{returning}",
                f"DELETE FROM t WHERE u IS {unique}{returning}",
                "SELECT changes(), total_changes()",
                f"SELECT * FROM t WHERE k >= {key} ORDER BY k",
            )
        )
    return script


def triggers_and_views(make: Maker) -> Script:
    when = make.pick("", "WHEN new.a > 2 ", "WHEN new.b IS NOT NULL ")
    script: Script = [
        f"PRAGMA recursive_triggers={make.pick('ON', 'OFF')}",
        "CREATE TABLE t(a, b)",
        "CREATE TABLE log(n INTEGER PRIMARY KEY, what, old, new)",
        f"CREATE TRIGGER added {make.pick('BEFORE', 'AFTER')} INSERT ON t {when}BEGIN"
        " INSERT INTO log(what, new) VALUES ('insert', new.a); END",
        "CREATE TRIGGER changed AFTER UPDATE OF a ON t BEGIN"
        " INSERT INTO log(what, old, new) VALUES ('update', old.a, new.a);"
        " UPDATE t SET b = 'seen' WHERE rowid = new.rowid; END",
        "CREATE TRIGGER gone BEFORE DELETE ON t BEGIN"
        " INSERT INTO log(what, old) SELECT 'gone', old.b;"
        f" SELECT RAISE({make.pick('ABORT', 'FAIL', 'IGNORE', 'ROLLBACK')}, 'it stays')"
        " WHERE old.a = 3; END",
        "CREATE VIEW w AS SELECT a, count(*) AS n FROM t GROUP BY a",
        "CREATE VIEW large(x, y) AS SELECT a, b FROM t WHERE a > 2",
        "CREATE TRIGGER through INSTEAD OF INSERT ON large BEGIN"
        " INSERT INTO t VALUES (new.x + 10, new.y); END",
    ]
    for _ in range(24):
        script.append(
            make.pick(
                f"INSERT INTO t VALUES ({make.small()}, {make.small()})",
                f"INSERT INTO large VALUES ({make.small()}, {make.small()})",
                f"INSERT INTO w VALUES ({make.small()}, 1)",
                f"UPDATE t SET a = {make.small()} WHERE b IS {make.small()}",
                f"UPDATE t SET b = {make.small()} WHERE a = {make.small()}",
                f"DELETE FROM t WHERE a = {make.small()}",
                "BEGIN",
                "COMMIT",
            )
        )
        script += ["SELECT * FROM w ORDER BY a", "SELECT * FROM log ORDER BY n"]
    return script


def foreign_keys(make: Maker) -> Script:
    actions = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")
    deferred = make.pick("", " DEFERRABLE INITIALLY DEFERRED")
    script: Script = [
        "PRAGMA foreign_keys=ON",
        "CREATE TABLE parent(id INTEGER PRIMARY KEY, code TEXT UNIQUE)",
        f"CREATE TABLE child(id INTEGER PRIMARY KEY, p DEFAULT 1 REFERENCES parent"
        f" ON DELETE {make.pick(*actions)} ON UPDATE {make.pick(*actions)}{deferred})",
        f"CREATE TABLE grandchild(c REFERENCES child(id) ON DELETE {make.pick(*actions)},"
        f" code TEXT REFERENCES parent(code) ON UPDATE {make.pick(*actions)}{deferred})",
        *(f"INSERT INTO parent VALUES ({n}, 'c{n}')" for n in range(1, 9)),
    ]
    for _ in range(34):
        key, other = make.rng.randrange(1, 10), make.rng.randrange(1, 12)
        script.append(
            make.pick(
                f"INSERT INTO child VALUES (NULL, {key})",
                f"INSERT OR IGNORE INTO child VALUES ({other}, {key})",
                f"INSERT INTO grandchild VALUES ({other}, 'c{key}')",
                f"UPDATE parent SET id = {other} WHERE id = {key}",
                f"UPDATE parent SET code = 'c{other}' WHERE id = {key}",
                f"DELETE FROM parent WHERE id = {key}",
                f"DELETE FROM child WHERE id = {other}",
                f"UPDATE child SET p = {make.pick('NULL', str(other))} WHERE id = {key}",
                "BEGIN",
                "COMMIT",
                "PRAGMA foreign_key_check",
                "SELECT * FROM child ORDER BY id",
                "PRAGMA foreign_key_list(grandchild)",
            )
        )
    return script


def transactions(make: Maker) -> Script:
    script: Script = ["CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE)"]
    for _ in range(50):
        name = make.pick("one", "two", "three")
        script.append(
            make.pick(
                *("BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "COMMIT", "END", "ROLLBACK"),
                *(f"SAVEPOINT {name}", f"RELEASE {name}", f"ROLLBACK TO {name}"),
                f"INSERT INTO t(b) VALUES ({make.small()})",
                f"INSERT OR ROLLBACK INTO t(b) VALUES ({make.small()})",
                f"INSERT OR FAIL INTO t(b) VALUES ({make.small()}), ({make.small()})",
                f"DELETE FROM t WHERE b = {make.small()}",
                f"CREATE TABLE made_{name}(x)",
                f"DROP TABLE IF EXISTS made_{name}",
                f"PRAGMA user_version={make.rng.randrange(100)}",
                "SELECT count(*), max(a) FROM t",
                "PRAGMA user_version",
            )
        )
        if make.rng.random() < 0.04:
            script.append(["reopen"])
    return script
