"""Hints about SQL of other programs: each rule with a statement that SQLite refuses."""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from sahpool_console import sql_functions
from sahpool_console.session.sql.dialects import FUNCTIONS, RULES
from worker.build import packing

from .fake_host import Client

TEXTS = packing.messages()

FIELD = Path(__file__).parents[1] / "field" / "console" / "sql"

#: As sqlite3_keyword_name() gives them (abi.keywords), those that matter here.
KEYWORDS = re.findall(
    r"\w+",
    "ABORT ADD ALL ALTER AND AS BEGIN BY CHECK COLUMN COMMIT CREATE DEFAULT DELETE DESC "
    "DROP EXISTS FROM GROUP HAVING IN INDEX INTO JOIN KEY LIMIT NOT NOTHING NULL ON OR "
    "ORDER SELECT SET TABLE TO TRANSACTION TRIGGER UNION UNIQUE UPDATE VALUES VIEW WHEN "
    "WHERE WITH",
)

EXAMPLES = {
    "sql-no-transaction": ["COMMIT", "ROLLBACK"],
    "sql-aggregate-order": [
        "SELECT group_concat(a, ',' ORDER BY a) FROM t",
        "SELECT json_group_array(a ORDER BY a DESC) FROM t",
        "SELECT string_agg(DISTINCT a ORDER BY a) FROM t",
        "SELECT group_concat(upper(trim(a)) || ')' ORDER BY length(a)) FROM t",
        "SELECT string_agg(a, ', ') WITHIN GROUP (ORDER BY a) FROM t",
        "SELECT listagg(upper(a), ', ') WITHIN GROUP (ORDER BY a) FROM t",
    ],
    "sql-within-group": ["SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t"],
    "sql-digit-separator": ["SELECT 1_000_000", "SELECT 12_3.5"],
    "sql-raise-expression": [
        "CREATE TRIGGER g BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'no ' || NEW.a); END",
        "CREATE TRIGGER g BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, NEW.a); END",
    ],
    "sql-alter-column": [
        "ALTER TABLE t ALTER COLUMN a TYPE text",
        "ALTER TABLE t MODIFY a INT",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
        "ALTER TABLE t ADD PRIMARY KEY (a)",
    ],
    "sql-auto-increment": ["CREATE TABLE u (id INT NOT NULL AUTO_INCREMENT, PRIMARY KEY (id))"],
    "sql-serial": [
        "CREATE TABLE u (id INT GENERATED ALWAYS AS IDENTITY)",
        "CREATE TABLE u (id BIGINT AUTOINCREMENT)",
    ],
    "sql-table-options": [
        "CREATE TABLE u (a INT) ENGINE=InnoDB",
        "CREATE TABLE u (a INT) DEFAULT CHARSET=utf8mb4",
        "CREATE TABLE u (a VARCHAR(9)) COMMENT='x'",
    ],
    "sql-backslash-quote": [r"SELECT 'it\'s'", r"INSERT INTO t VALUES ('a\'b', 'c')"],
    "sql-hash-comment": ["SELECT 1 # one", "# a comment"],
    "sql-show-tables": ["SHOW TABLES", "show full tables"],
    "sql-show": ["SHOW CREATE TABLE t", "SHOW DATABASES"],
    "sql-describe": ["DESCRIBE t", "DESC t;"],
    "sql-use-database": ["USE shop"],
    "sql-create-database": ["CREATE DATABASE shop", "DROP SCHEMA public"],
    "sql-truncate": ["TRUNCATE TABLE t"],
    "sql-insert-ignore": ["INSERT IGNORE INTO t VALUES (1)"],
    "sql-on-duplicate": ["INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2"],
    "sql-separator": ["SELECT group_concat(a SEPARATOR '; ') FROM t"],
    "sql-enum": ["CREATE TABLE u (a ENUM('x', 'y'))"],
    "sql-index-in-table": [
        "CREATE TABLE u (a INT, KEY k (a))",
        "CREATE TABLE u (a INT, INDEX (a))",
        "CREATE TABLE u (a INT, UNIQUE KEY k (a))",
    ],
    "sql-set-variable": ["SET NAMES utf8mb4", "SET @a = 1"],
    "sql-lock-tables": ["LOCK TABLES t WRITE", "UNLOCK TABLES"],
    "sql-delimiter": ["DELIMITER //"],
    "sql-null-safe-equal": ["SELECT 1 <=> NULL"],
    "sql-double-ampersand": ["SELECT 1 && 0"],
    "sql-exclamation-mark": ["SELECT !1"],
    "sql-div": ["SELECT 7 DIV 2"],
    "sql-colon-cast": ["SELECT '5'::int", "SELECT a::text FROM t"],
    "sql-ilike": ["SELECT * FROM t WHERE a ILIKE 'x%'"],
    "sql-dollar-quote": ["SELECT $$it's$$"],
    "sql-distinct-on": ["SELECT DISTINCT ON (a) a FROM t"],
    "sql-fetch-first": ["SELECT * FROM t FETCH FIRST 5 ROWS ONLY"],
    "sql-top": ["SELECT TOP 10 * FROM t", "SELECT TOP 5 a FROM t", "SELECT TOP (9) * FROM t",
                "SELECT TOP (9) a FROM t"],
    "sql-interval": ["SELECT date('now') + INTERVAL '1 day'", "SELECT a - INTERVAL 2 DAY FROM t"],
    "sql-typed-literal": ["SELECT DATE '2024-12-31'", "SELECT TIMESTAMP '2024-12-31 10:00'"],
    "sql-escape-string": [r"SELECT E'a\n'", "SELECT N'text'"],
    "sql-tilde-operator": ["SELECT 'a' ~ 'b'", "SELECT 'a' ~* 'b'", "SELECT 'a' !~ 'b'"],
    "sql-array": [
        "SELECT * FROM t WHERE a = ANY(ARRAY[1, 2])",
        "SELECT ARRAY[1, 2]",
        "SELECT * FROM t WHERE a = ANY('{1,2}')",
    ],
    "sql-left-right": ["SELECT Left('abc', 1)", "SELECT RIGHT (a, 2) FROM t"],
    "sql-offset-alone": ["SELECT * FROM t OFFSET 5"],
    "sql-lateral": ["SELECT * FROM t, LATERAL (SELECT 1) AS x"],
    "sql-psql-command": [r"\d t", r"\copy t FROM 'a.csv'"],
    "sql-create-elsewhere": [
        "CREATE EXTENSION postgis",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "CREATE SEQUENCE s",
        "CREATE FUNCTION f() RETURNS int",
        "CREATE MATERIALIZED VIEW v AS SELECT 1",
    ],
    "sql-rights": ["GRANT ALL ON t TO me"],
    "sql-copy": ["COPY t FROM 'a.csv'", "LOAD DATA INFILE 'a.csv' INTO TABLE t"],
    "sql-call": ["CALL f()", "EXEC f", "DECLARE @a INT"],
    "sql-go": ["GO"],
    "sql-merge": ["MERGE INTO t USING s ON t.a = s.a"],
    "sql-comment-on": ["COMMENT ON TABLE t IS 'x'"],
    "sql-no-schemas": ["SELECT * FROM public.t", "SELECT * FROM information_schema.tables",
                   "CREATE TABLE dbo.u (a)"],
    "sql-dual": ["SELECT 1 FROM dual"],
    "sql-rownum": ["SELECT * FROM t WHERE rownum < 3"],
    "sql-date-parts": ["SELECT DATEDIFF(day, a, a) FROM t"],
    "sql-extract": ["SELECT EXTRACT(year FROM a) FROM t"],
    "sql-json-path-operator": [
        "SELECT a #>> '{x}' FROM t",
        "SELECT a #> '{x}' FROM t",
    ],
    "sql-mod": [
        'SELECT 7 MOD 2',
    ],
    "sql-xor": [
        'SELECT 1 XOR 0',
    ],
    "sql-rlike": [
        "SELECT * FROM t WHERE a RLIKE 'x'",
    ],
    "sql-insert-set": [
        'INSERT INTO t SET a = 1',
    ],
    "sql-value": [
        'INSERT INTO t VALUE (1)',
    ],
    "sql-create-like": [
        'CREATE TABLE u LIKE t',
    ],
    "sql-create-as": [
        'CREATE TABLE u SELECT * FROM t',
        'CREATE TEMPORARY TABLE u SELECT 1',
    ],
    "sql-rename-table": [
        'RENAME TABLE t TO u',
    ],
    "sql-maintenance": [
        'OPTIMIZE TABLE t',
        'ANALYZE TABLE t',
        'CHECK TABLE t',
    ],
    "sql-delete-join": [
        'DELETE t FROM t JOIN u ON t.a = u.a',
        'DELETE FROM t USING u WHERE t.a = u.a',
    ],
    "sql-update-join": [
        'UPDATE t JOIN u ON t.a = u.a SET t.a = 1',
        'UPDATE t, u SET t.a = u.a WHERE t.id = u.id',
    ],
    "sql-set-qualified": [
        'UPDATE t SET t.a = 1',
    ],
    "sql-trigger-body": [
        'CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1',
    ],
    "sql-current-date": [
        'SELECT CURRENT_DATE()',
        'SELECT current_timestamp()',
    ],
    "sql-variable": [
        'SELECT @x := 1',
    ],
    "sql-for-update": [
        'SELECT * FROM t FOR UPDATE',
        'SELECT a FROM t FOR SHARE',
    ],
    "sql-limit-all": [
        'SELECT * FROM t LIMIT ALL',
    ],
    "sql-explain-analyze": [
        'EXPLAIN ANALYZE SELECT 1',
    ],
    "sql-ignore-nulls": [
        'SELECT first_value(a) IGNORE NULLS OVER () FROM t',
        'SELECT first_value(a IGNORE NULLS) OVER () FROM t',
    ],
    "sql-qualify": [
        'SELECT a FROM t QUALIFY row_number() OVER () = 1',
    ],
    "sql-exclude": [
        'SELECT * EXCLUDE (a) FROM t',
        'SELECT * EXCEPT (a) FROM t',
    ],
    "sql-tablesample": [
        'SELECT a FROM t TABLESAMPLE SYSTEM (10)',
    ],
    "sql-index-method": [
        'CREATE INDEX CONCURRENTLY i ON t (a)',
        'CREATE INDEX i ON t USING btree (a)',
        'CREATE UNIQUE CLUSTERED INDEX i ON t (a)',
    ],
    "sql-isnull": [
        'SELECT ISNULL(a, 0) FROM t',
    ],
    "sql-nolock": [
        'SELECT * FROM t WITH (NOLOCK)',
    ],
    "sql-apply": [
        'SELECT * FROM t CROSS APPLY (SELECT 1) x',
        'SELECT * FROM t OUTER APPLY f(a)',
    ],
    "sql-pivot": [
        "SELECT * FROM t PIVOT (sum(a) FOR b IN ('x')) AS p",
    ],
    "sql-select-into": [
        'SELECT * INTO u FROM t',
    ],
    "sql-transaction-words": [
        'START TRANSACTION',
        'BEGIN TRAN',
        'SAVE TRANSACTION x',
    ],
    "sql-insert-into": [
        'INSERT t VALUES (1)',
    ],
    "sql-plus-join": [
        'SELECT * FROM t, u WHERE t.a = u.a(+)',
    ],
    "sql-minus": [
        'SELECT a FROM t MINUS SELECT 1',
    ],
    "sql-connect-by": [
        'SELECT a FROM t CONNECT BY PRIOR a = b',
    ],
    "sql-window-over": [
        'SELECT row_number() FROM t',
    ],
    "sql-open-quote": [
        "SELECT 'it's' FROM t",
        'SELECT "a"b" FROM t',
    ],
    "sql-alter-several": [
        'ALTER TABLE t ADD (x INT)',
        'ALTER TABLE t ADD COLUMN x INT, ADD COLUMN y INT',
    ],
    "sql-keyword-as-name": [
        "SELECT * FROM order",
        "CREATE TABLE group (a)",
        "CREATE TABLE u (id, order INT)",
        "INSERT INTO table VALUES (1)",
        "SELECT nothing FROM t",
        "SELECT a, index FROM t",
        "SELECT t.group FROM t",
        "SELECT a AS when FROM t",
        "UPDATE t SET default = 1",
        "DROP TABLE IF EXISTS transaction, x",
    ],
    "sql-comma-before": ["SELECT a, FROM t", "SELECT a FROM t, WHERE a"],
    "sql-transaction-is-open": ["BEGIN; BEGIN"],
    "sql-pasted-space": ["SELECT\u00a01"],
    "sql-pasted-line-break": ["SELECT\u20281"],
    "sql-pasted-replace": ["SELECT 3 \u2013 1"],
    "sql-pasted-remove": ["SELECT * FROM t\u200b"],
    "sql-function-now": ["SELECT now()", "SELECT GETDATE()"],
    "sql-function-date-format": ["SELECT Date_Format(a, '%Y') FROM t"],
    "sql-function-unknown": ["SELECT plate('a')"],
}  # fmt: skip

#: Those whose examples need a file.
OF_FILES = {"sql-module-elsewhere", "sql-module-elsewhere-drop", "sql-collation-elsewhere"}


@pytest.fixture
def analyst(client: Client) -> Client:
    """A client with the console's functions, SQLite's keywords and a table."""
    client.host.engine.own_functions = sql_functions.FUNCTIONS
    client.host.engine.own_aggregates = sql_functions.AGGREGATES
    client.host.engine.own_keywords = KEYWORDS
    client.ask("open", database="other.db")
    client.run("CREATE TABLE t (a)")
    return client


def test_every_hint_has_an_example() -> None:
    rules = [rule.code for rule in RULES]
    assert len(rules) == len(set(rules))
    known = {key.partition(".")[2] for key in TEXTS if key.startswith("hint.sql-")}
    assert {*EXAMPLES, *OF_FILES, *FUNCTIONS.values()} == known
    assert set(rules) <= {*EXAMPLES, *OF_FILES}


def hint_of(error: dict[str, Any]) -> tuple[str, str]:
    """The code and the text of an error's one hint."""
    (hint,) = error["hints"]
    text = TEXTS[f"hint.{hint['code']}"]
    assert isinstance(text, str)
    return hint["code"], text.format(**hint["params"])


@pytest.mark.parametrize(
    ("code", "sql"), [(code, sql) for code, examples in EXAMPLES.items() for sql in examples]
)
def test_sql_of_another_program_gets_the_hint_for_it(analyst: Client, code: str, sql: str) -> None:
    error = analyst.error(sql)
    assert error is not None, "SQLite takes it"
    assert error["hints"], error["message"]
    assert hint_of(error)[0] == code, error["message"]


def test_functions_of_other_programs_are_none_that_are_here(analyst: Client) -> None:
    for name in FUNCTIONS.keys() - {"load_extension"}:  # which is missing in Pyodide only
        error = analyst.error(f"SELECT {name}()")
        assert error["message"] == f"no such function: {name}", error["message"]
        assert hint_of(error)[0] == FUNCTIONS[name]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM missing",
        "SELECT missing FROM t",
        "SELECT FROM t",
        "SELECT * FROM t WHERE",
        "SELECT * FROM t GROUP a",
        "SELECT (1",
        "SELECT * FROM",
        "INSERT INTO t VALUES (1, 2)",
        "SELECT 'a",
    ],
)
def test_a_plain_mistake_gets_no_hint_about_another_program(analyst: Client, sql: str) -> None:
    assert analyst.error(sql)["hints"] == []


def test_what_is_quoted_or_a_comment_gives_no_hint(analyst: Client) -> None:
    for sql in ("SELECT 'a ILIKE b' FROM", "SELECT 1 /* 1_000 */ FROM", 'SELECT "<=>" FROM'):
        assert analyst.error(sql)["hints"] == []


# --- characters that were pasted from elsewhere ---------------------------------------------------


def mended(sql: str, error: dict[str, Any]) -> str:
    """The SQL after everything was replaced that the error says."""
    data = sql.encode()
    for offset, length, text in reversed(error["replacements"]):
        data = data[:offset] + text.encode() + data[offset + length :]
    return data.decode()


@pytest.mark.parametrize(
    ("sql", "letter", "right"),
    [
        ("SELECT\u00a01 AS x", "no-break space (U+00A0)", "SELECT 1 AS x"),
        ("SELECT 1\u2003AS x", "em space (U+2003)", "SELECT 1 AS x"),
        ("SELECT 1\u3000AS x", "ideographic space (U+3000)", "SELECT 1 AS x"),
        ("SELECT\u202f1", "narrow no-break space (U+202F)", "SELECT 1"),
        ("SELECT 3 \u2013 1", "en dash (U+2013)", "SELECT 3 - 1"),
        ("SELECT 3 \u2014 1", "em dash (U+2014)", "SELECT 3 - 1"),
        ("SELECT 3 \u2212 1", "minus sign (U+2212)", "SELECT 3 - 1"),
        ("SELECT \u2018Ada\u2019", "left single quotation mark (U+2018)", "SELECT 'Ada'"),
        ("SELECT a AS \u201cx y\u201d FROM t", "left double quotation mark (U+201C)",
         'SELECT a AS "x y" FROM t'),
        ("SELECT \u201ex y\u201c", "double low-9 quotation mark (U+201E)", 'SELECT "x y"'),
        ("SELECT * FROM t\u200b", "zero width space (U+200B)", "SELECT * FROM t"),
        ("SELECT * FROM \u2060t", "word joiner (U+2060)", "SELECT * FROM t"),
        ("SELECT * FROM t\ufeff", "byte order mark (U+FEFF)", "SELECT * FROM t"),
        ("SEL\u00adECT 1", "soft hyphen (U+00AD)", "SELECT 1"),
        ("SELECT 1\u2028AS x", "line separator (U+2028)", "SELECT 1\nAS x"),
        ("SELECT 2 \u00d7 3", "multiplication sign (U+00D7)", "SELECT 2 * 3"),
        ("SELECT 2 \u2265 1", "greater-than or equal to (U+2265)", "SELECT 2 >= 1"),
        ("SELECT \uff081\uff09", "fullwidth left parenthesis (U+FF08)", "SELECT (1)"),
        ("SELECT '\u2013', 'é' \u2013 1", "en dash (U+2013)", "SELECT '\u2013', 'é' - 1"),
        ("SELECT 1 AS x;\u00a0", "no-break space (U+00A0)", "SELECT 1 AS x; "),
        ("SELECT 'é' AS a; SELECT\u00a02", "no-break space (U+00A0)", "SELECT 'é' AS a; SELECT 2"),
    ],
)  # fmt: skip
def test_a_character_that_was_pasted_is_named_and_can_be_replaced(
    analyst: Client, sql: str, letter: str, right: str
) -> None:
    error = analyst.error(sql)
    code, text = hint_of(error)
    assert code.startswith("sql-pasted-")
    assert letter in text
    assert error["offset"] == error["replacements"][0][0]
    assert mended(sql, error) == right
    assert all(outcome["error"] is None for outcome in analyst.run(right))


def test_letters_of_other_languages_are_no_characters_from_elsewhere(analyst: Client) -> None:
    for sql in ("SELECT größe FROM t", "SELECT * FROM 表", "SELECT имя FROM t"):
        assert analyst.error(sql)["hints"] == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nbsp", "no-break space"),
        ("nbsp_at_end", "no-break space"),
        ("zero_width", "zero width space"),
        ("en_dash", "en dash"),
        ("smart_quotes", "left single quotation mark"),
    ],
)
def test_each_script_with_a_pasted_character_names_it(
    analyst: Client, name: str, hint: str
) -> None:
    sql = (FIELD / f"{name}.sql").read_text(encoding="utf-8")
    error = analyst.error(sql)
    assert hint in hint_of(error)[1]
    analyst.run("CREATE TABLE IF NOT EXISTS t (name)")
    assert mended(sql, error) != sql


def test_a_dump_that_a_newer_sqlite3_shell_wrote_runs(analyst: Client) -> None:
    analyst.run((FIELD / "unistr_dump.sql").read_text(encoding="utf-8"))
    assert analyst.rows("SELECT t FROM a") == [("café\nline",)]


def test_a_dot_command_with_a_semicolon_gets_the_same_hint(analyst: Client) -> None:
    sql = (FIELD / "tables_semicolon.sql").read_text(encoding="utf-8")
    assert analyst.error(sql)["hints"] == analyst.error(".tables")["hints"]
    codes = [hint["code"] for hint in analyst.error(".TABLES ;")["hints"]]
    assert codes == ["dot-command", "dot-tables"]


def test_begin_within_a_transaction_says_since_when_one_is_open(analyst: Client) -> None:
    sql = (FIELD / "begin_twice.sql").read_text(encoding="utf-8")
    assert "no such table" in analyst.error(sql)["message"]
    error = analyst.error(sql)
    code, text = hint_of(error)
    assert code == "sql-transaction-is-open"
    assert text.startswith("A transaction is open, since 0 s ago: COMMIT or ROLLBACK")
    analyst.run("ROLLBACK")


def test_a_value_of_the_wrong_type_in_a_strict_table_has_a_result_code(analyst: Client) -> None:
    sql = (FIELD / "strict.sql").read_text(encoding="utf-8")
    assert analyst.error(sql)["name"] == "SQLITE_CONSTRAINT_DATATYPE"


def test_the_word_that_is_a_name_can_be_replaced_where_it_stands(analyst: Client) -> None:
    sql = "SELECT 'é'; SELECT * FROM order WHERE 'order' = 1"
    error = analyst.error(sql)
    assert hint_of(error)[1] == (
        '"order" is a word of SQL. As a name it is written in quotation marks: "order".'
    )
    assert mended(sql, error) == "SELECT 'é'; SELECT * FROM \"order\" WHERE 'order' = 1"
    assert sqlite3.complete_statement(mended(sql, error) + ";")


def test_a_message_that_quotes_a_long_value_is_not_searched_for_hints(analyst: Client) -> None:
    began = time.process_time()
    error = analyst.error("SELECT json_extract('{}', hex(zeroblob(20000000)))")
    assert len(error["message"]) > 40_000_000
    assert not error["hints"]
    # Each of the table's patterns would read all of it.
    assert time.process_time() - began < 5


def test_a_character_that_was_pasted_is_found_in_a_statement_of_megabytes(analyst: Client) -> None:
    sql = "SELECT " + "1, " * 1_000_000 + "1\u00a0+ 1 AS a, nothing FROM nowhere"
    began = time.process_time()
    error = analyst.error(sql)
    if error["offset"] is not None:
        assert hint_of(error)[0] == "sql-pasted-space"
        assert mended(sql, error) == sql.replace("\u00a0", " ")
    assert time.process_time() - began < 10
