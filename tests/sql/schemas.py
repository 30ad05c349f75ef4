"""Kinds of scripts: what else a schema holds than tables, and what changes it."""

from __future__ import annotations

from tests.sql.maker import MODIFIERS, TIMES, Maker, Script


def indexes(make: Maker) -> Script:
    script = make.table("t", 4, 12)
    script += [
        f"CREATE INDEX part ON t(a) WHERE b {make.pick('> 2', 'IS NOT NULL', 'IN (1, 2)')}",
        f"CREATE INDEX made ON t({make.pick('abs(a)', 'lower(b)', 'a || b', 'id % 3, c')})",
        "CREATE UNIQUE INDEX one ON t(d, id)",
        f"CREATE UNIQUE INDEX few ON t(c) WHERE id < {make.rng.randrange(4)}",
        f"CREATE INDEX down ON t(b {make.pick('DESC', 'COLLATE NOCASE')}, a)",
    ]
    for _ in range(16):
        script.append(
            make.pick(
                f"SELECT id FROM t WHERE a = {make.small()} AND b > 2",
                f"SELECT id FROM t WHERE abs(a) = {make.small()} OR lower(b) = {make.small()}",
                f"SELECT id FROM t INDEXED BY down WHERE b = {make.small()}",
                f"SELECT id FROM t WHERE b LIKE {make.pick(repr('a%'), repr('%b'))}"
                " AND typeof(b) <> 'blob'",
                f"INSERT INTO t(a, b, c, d) VALUES ({', '.join(make.small() for _ in range(4))})",
                f"UPDATE t SET a = {make.small()} WHERE id = {make.rng.randrange(12)}",
                f"DELETE FROM t WHERE b IS {make.small()}",
                *("REINDEX", "REINDEX t", "DROP INDEX IF EXISTS down", "PRAGMA index_list(t)"),
                *("PRAGMA index_xinfo(part)", "DROP INDEX part"),
            )
        )
    return script


def computed_columns(make: Maker) -> Script:
    kind = make.pick("VIRTUAL", "STORED")
    script: Script = [
        f"CREATE TABLE t(a INTEGER, b TEXT, c AS (a * 2) {kind},"
        f" d TEXT GENERATED ALWAYS AS (b || ':' || c) {make.pick('VIRTUAL', 'STORED')},"
        f" e AS (substr(d, {make.rng.randrange(1, 4)})) {make.pick('', 'UNIQUE')})",
        "CREATE INDEX i ON t(d)",
    ]
    for _ in range(14):
        script.append(
            make.pick(
                f"INSERT INTO t VALUES ({make.literal()}, {make.small()})",
                f"INSERT INTO t(a, b, c) VALUES ({make.small()}, 'x', 3)",
                f"UPDATE t SET a = {make.small()} WHERE b IS {make.small()}",
                f"UPDATE t SET c = {make.small()}",
                f"SELECT * FROM t WHERE c > {make.small()} ORDER BY rowid",
                f"SELECT rowid FROM t WHERE d = {make.small()} || ':' || {make.small()}",
                "PRAGMA table_xinfo(t)",
            )
        )
    return script


def strict_tables(make: Maker) -> Script:
    script: Script = [
        "CREATE TABLE t(i INT, n INTEGER PRIMARY KEY, r REAL, s TEXT, b BLOB, x ANY) STRICT",
        "CREATE TABLE wrong(a VARCHAR(9)) STRICT",
        "CREATE TABLE wrong(a) STRICT",
    ]
    for _ in range(18):
        column = make.pick("i", "r", "s", "b", "x")
        script.append(f"INSERT INTO t({column}) VALUES ({make.literal()})")
        script.append(f"UPDATE t SET {column} = {make.literal()} WHERE n = {make.rng.randrange(9)}")
    script.append("SELECT n, typeof(i), typeof(r), typeof(s), typeof(b), typeof(x) FROM t")
    return script


def without_rowid(make: Maker) -> Script:
    script: Script = [
        f"CREATE TABLE t(a TEXT{make.pick('', ' COLLATE NOCASE')}, b INTEGER, c UNIQUE, d,"
        f" PRIMARY KEY ({make.pick('a, b', 'b DESC, a', 'a')})) WITHOUT ROWID",
        "CREATE INDEX i ON t(d, c)",
    ]
    for _ in range(24):
        values = ", ".join(make.small() for _ in range(4))
        script.append(
            make.pick(
                f"INSERT INTO t VALUES ({values})",
                f"INSERT OR REPLACE INTO t VALUES ({values})",
                f"INSERT INTO t VALUES ({values}) ON CONFLICT DO UPDATE SET d = excluded.c",
                f"UPDATE t SET a = {make.small()} WHERE d = {make.small()}",
                f"DELETE FROM t WHERE c IS {make.small()}",
                f"SELECT a, b FROM t WHERE a >= {make.small()} ORDER BY a, b, c",
                "SELECT rowid FROM t",
            )
        )
    return script


def searching(make: Maker) -> Script:
    words = ("river", "stone", "rivers", "Stone", "light", "of", "über", "42")
    tokenizer = make.pick("", ", tokenize='porter'", ", tokenize='unicode61 remove_diacritics 0'")
    script: Script = [f"CREATE VIRTUAL TABLE search USING fts5(title, body{tokenizer})"]
    for _ in range(14):
        text = " ".join(make.pick(*words) for _ in range(make.rng.randrange(1, 9)))
        script.append(["INSERT INTO search VALUES (?, ?)", [make.pick(*words), text]])
    for _ in range(16):
        query = make.pick(*words) + make.pick("", "*", " AND stone", " OR light", " NOT of")
        script.append(
            make.pick(
                f"SELECT rowid, title FROM search WHERE search MATCH '{query}' ORDER BY rowid",
                f"SELECT highlight(search, 1, '<', '>') FROM search('{query}') ORDER BY rowid",
                f"SELECT snippet(search, 1, '[', ']', '…', 3) FROM search('{query}')",
                f"SELECT count(*) FROM search WHERE search MATCH 'body: {query}'",
                f"DELETE FROM search WHERE rowid = {make.rng.randrange(1, 15)}",
                f"UPDATE search SET body = '{query}' WHERE rowid = {make.rng.randrange(1, 15)}",
                "INSERT INTO search(search) VALUES ('optimize')",
                "INSERT INTO search(search) VALUES ('rebuild')",
                "INSERT INTO search(search) VALUES ('integrity-check')",
                *("SELECT * FROM search('\"')", "BEGIN", "ROLLBACK"),
            )
        )
    return [*script, "SELECT rowid, * FROM search"]


def boxes(make: Maker) -> Script:
    script: Script = ["CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, y0, y1, +name)"]
    for number in range(24):
        x, y = make.rng.randrange(100), make.rng.randrange(100)
        script.append(f"INSERT INTO box VALUES ({number}, {x}, {x + 5}, {y}, {y + 7}, 'b{number}')")
    for _ in range(12):
        x = make.rng.randrange(100)
        script.append(
            make.pick(
                f"SELECT id, name FROM box WHERE x0 >= {x} AND x1 <= {x + 30}",
                f"SELECT id, x0, y1 FROM box WHERE y0 < {x} ORDER BY id",
                f"DELETE FROM box WHERE id = {x % 24}",
                f"UPDATE box SET x0 = x0 - 1 WHERE id = {x % 24}",
                f"INSERT INTO box VALUES ({x % 24}, 9, 3, 0, 0, NULL)",
                f"INSERT OR REPLACE INTO box VALUES ({x % 24}, 1, 2, 3, 4, 'again')",
                "SELECT rtreecheck('box')",
            )
        )
    return script


def json_values(make: Maker) -> Script:
    script: Script = ["CREATE TABLE t(j)"]
    for _ in range(8):
        value = make.pick("null", '[1, 2.5, "x"]', '{"a": {"b": [1, null]}}', "7", '"s"')
        script.append(
            ["INSERT INTO t VALUES (?)", [f'{{"k": {value}, "n": {make.rng.randrange(9)}}}']]
        )
    for _ in range(18):
        path = make.pick("$", "$.k", "$.k[1]", "$.k.a.b", "$.n", "$.none", "$.k[#-1]")
        script.append(
            make.pick(
                f"SELECT j -> '{path}', j ->> '{path}' FROM t",
                f"SELECT json_extract(j, '{path}', '$.n'), json_type(j, '{path}') FROM t",
                f"SELECT json_set(j, '{path}', 5), json_remove(j, '{path}') FROM t",
                "SELECT json_insert(j, '$.new', json('[1]')) FROM t",
                f"SELECT json_array_length(j, '{path}') FROM t",
                f"SELECT key, value, type, fullkey FROM t, json_each(j, '{path}')",
                f"SELECT count(*), sum(type = 'integer') FROM t, json_tree(j, '{path}')",
                'SELECT json_patch(j, \'{"n": null, "m": 1}\') FROM t',
                f"SELECT json_object('a', {make.small()}, 'b', json_array({make.literal()}, 'x'))",
                f"SELECT json_valid({make.literal()}), json_quote({make.small()})",
                "SELECT json_group_object(j ->> 'n', 1) FROM (SELECT j FROM t ORDER BY rowid)",
                "SELECT json('{not json')",
            )
        )
    return script


def dates(make: Maker) -> Script:
    script: Script = []
    for _ in range(40):
        time, modifier, other = make.pick(*TIMES), make.pick(*MODIFIERS), make.pick(*MODIFIERS)
        script.append(
            make.pick(
                f"SELECT date({time}, {modifier}), time({time}, {modifier}, {other})",
                f"SELECT datetime({time}, {modifier}), unixepoch({time}, {other})",
                f"SELECT strftime('%Y-%m-%d %H:%M:%S %j %w %W %s %%', {time}, {modifier})",
                f"SELECT julianday({time}) - julianday('2000-01-01')",
            )
        )
    return script


def blobs(make: Maker) -> Script:
    script: Script = ["CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB)"]
    for number in range(1, 5):
        size = make.rng.choice([0, 10, 5000, 60_000])
        script.append(f"INSERT INTO t VALUES ({number}, zeroblob({size}))")
    for _ in range(12):
        row, offset = make.rng.randrange(1, 6), make.rng.choice([0, 3, 4090, 59_990])
        script.append(["blob", "t", "b", row, offset, make.rng.randbytes(9).hex()])
        script.append(f"SELECT id, length(b), hex(substr(b, {offset + 1}, 9)) FROM t ORDER BY id")
    script.append(["INSERT INTO t(b) VALUES (?) RETURNING id", [["blob", "ff00" * 20_000]]])
    return script


def several_databases(make: Maker) -> Script:
    script: Script = [
        "CREATE TABLE t(a)",
        "ATTACH '@OTHER@' AS other",
        "CREATE TABLE other.t(a, b)",
        "CREATE TEMP TABLE s(a)",
        "CREATE TEMP TRIGGER told AFTER INSERT ON main.t BEGIN INSERT INTO s VALUES (new.a); END",
        "CREATE TABLE other.only(a)",
    ]
    for _ in range(26):
        script.append(
            make.pick(
                f"INSERT INTO t VALUES ({make.small()})",
                f"INSERT INTO other.t VALUES ({make.small()}, {make.small()})",
                f"INSERT INTO temp.s VALUES ({make.small()})",
                f"INSERT INTO only SELECT a FROM main.t WHERE a > {make.small()}",
                f"DELETE FROM other.t WHERE a = {make.small()}",
                *("BEGIN", "COMMIT", "ROLLBACK", "SELECT * FROM t", "SELECT * FROM temp.s"),
                "SELECT m.a, o.b FROM main.t m JOIN other.t o ON m.a = o.a",
                "SELECT name FROM other.sqlite_schema ORDER BY name",
                *("DETACH main", "DETACH nobody", "ATTACH ':memory:' AS other"),
            )
        )
    script += ["SELECT * FROM other.t", "SELECT * FROM only", ["reopen"], "SELECT * FROM s"]
    return [*script, "ATTACH '@OTHER@' AS again", "SELECT * FROM again.t"]


def altering(make: Maker) -> Script:
    script = [
        *make.table("t", 3, 6),
        "CREATE VIEW w AS SELECT a, b FROM t",
        "CREATE INDEX i ON t(b)",
    ]
    for number in range(22):
        old, new = make.pick("a", "b", "c", "x"), make.pick("x", "c")
        default = make.pick("", "DEFAULT 5", "NOT NULL DEFAULT 1")
        script.append(
            make.pick(
                f"ALTER TABLE t ADD COLUMN n{number} {default}",
                f"ALTER TABLE t ADD COLUMN n{number} {make.pick('NOT NULL', 'UNIQUE', 'AS (a)')}",
                f"ALTER TABLE t RENAME COLUMN {old} TO {new}",
                f"ALTER TABLE t DROP COLUMN {make.pick('a', 'b', 'c', 'n3', 'n5')}",
                f"ALTER TABLE {make.pick('t', 'u')} RENAME TO {make.pick('t', 'u')}",
                *("VACUUM", "PRAGMA table_info(t)", "PRAGMA table_info(w)", "SELECT * FROM w"),
                *("SELECT * FROM t ORDER BY id", "DROP VIEW IF EXISTS w", "DROP TABLE IF EXISTS u"),
                "CREATE TABLE copy AS SELECT * FROM t",
                f"PRAGMA application_id={number}",
                "PRAGMA application_id",
            )
        )
    return script


def many_rows(make: Maker) -> Script:
    """More than a page, a cache, a sorter in memory hold."""
    rows, width = make.rng.randrange(500, 2500), make.rng.randrange(10, 400)
    return [
        f"PRAGMA cache_size={make.pick('5', '-2000', '100')}",
        f"PRAGMA temp_store={make.pick('DEFAULT', 'FILE', 'MEMORY')}",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, k, v)",
        "BEGIN",
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
        f" INSERT INTO t SELECT i, (i * 7919) % 1009, printf('%0{width}d', i) FROM n",
        f"CREATE {make.pick('', 'UNIQUE ')}INDEX i ON t(k, v)",
        "COMMIT",
        "SELECT count(*), sum(k), max(v), count(DISTINCT k) FROM t",
        "SELECT k, v FROM t ORDER BY v DESC, k LIMIT 5",
        f"UPDATE t SET v = v || 'x' WHERE k % {make.rng.randrange(2, 9)} = 0",
        "BEGIN",
        f"DELETE FROM t WHERE k < {make.rng.randrange(1000)}",
        "SELECT count(*), min(k) FROM t",
        make.pick("ROLLBACK", "COMMIT"),
        ["reopen"],
        "SELECT count(*), sum(length(v)) FROM t",
        make.pick("VACUUM", "PRAGMA optimize", "REINDEX", "DROP INDEX i"),
        "SELECT count(*) FROM t AS one JOIN t AS two ON one.k = two.k WHERE one.id < two.id",
    ]
