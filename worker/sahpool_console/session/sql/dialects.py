"""SQL of other programs and of newer SQLite, and what is written instead here: the tables of hints.

Sources: dev.mysql.com/doc/refman/8.4/en/sql-statements.html, postgresql.org/docs/current/sql.html,
learn.microsoft.com/sql/t-sql, sqlite.org/changes.html.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["FUNCTIONS", "RULES", "Rule"]


class Rule(NamedTuple):
    """An error message, what the statement looks like, and the hint.

    Attributes:
        code: Says which hint it is.
        message: Found in SQLite's error message.
        text: The hint; ``{name}`` stands for a group of one of the patterns.
        bare: Found in the statement without what is quoted in it, if it is given.
        raw: Found in the whole statement, if it is given.
    """

    code: str
    message: re.Pattern[str]
    text: str
    bare: re.Pattern[str] | None = None
    raw: re.Pattern[str] | None = None


def _rule(code: str, message: str, text: str, bare: str = "", raw: str = "") -> Rule:
    patterns = (re.compile(each, re.IGNORECASE) if each else None for each in (bare, raw))
    return Rule(code, re.compile(message, re.IGNORECASE), text, *patterns)


def _near(words: str) -> str:
    """The message about one of these words."""
    return rf'near "(?P<word>{words})": syntax error'


_SYNTAX = r"syntax error|unrecognized token|incomplete input"

RULES = (
    # --- transactions
    _rule(
        "no_transaction",
        r"cannot (?P<word>commit|rollback) - no transaction is active",
        "No transaction is open: what ran before was committed statement by statement. Write BEGIN "
        "before the statements that belong together.",
    ),
    # --- parts of databases that belong to other programs
    _rule(
        "collation_elsewhere",
        r"no such collation sequence: (?P<name>.+)",
        "{name} is a collation, an order of texts, of the program that the database comes from. "
        "What does not sort or compare by it works; COLLATE NOCASE behind a column sorts and "
        "compares without it.",
    ),
    _rule(
        "module_elsewhere_drop",
        r"no such module: (?P<module>.+)",
        "{table} is a virtual table, and SQLite needs the extension {module} even to drop it. To "
        "take it out of the database all the same: PRAGMA writable_schema=ON; DELETE FROM "
        "sqlite_schema WHERE name='{table}'; PRAGMA writable_schema=RESET; then drop the tables "
        "whose names begin with {table}_, which hold its rows.",
        bare=r"\A\s*DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?P<table>\w+)",
    ),
    _rule(
        "module_elsewhere",
        r"no such module: (?P<module>.+)",
        "It is a virtual table of the extension {module}, which is not here. Other tables work; "
        "those whose names begin with its name and _ hold its rows.",
    ),
    # --- newer SQLite
    _rule(
        "aggregate_order",
        _near("ORDER"),
        "ORDER BY within a function needs SQLite 3.44, here is an older one. Write "
        "string_agg(value, separator, what to sort by), or sort in a subquery: SELECT "
        "group_concat(a) FROM (SELECT a FROM t ORDER BY b).",
        bare=r"\b(?:group_concat|string_agg|json_group_\w+|sum|total|count|avg|min|max|array_agg)"
        r"\s*\([^()]*\bORDER\s+BY\b",
    ),
    _rule(
        "within_group",
        _near(r"GROUP|\(|WITHIN"),
        "WITHIN GROUP needs SQLite 3.47, here is an older one. Write percentile_cont(value, "
        "fraction), percentile_disc(value, fraction) or median(value).",
        bare=r"\bWITHIN\s+GROUP\b",
    ),
    _rule(
        "digit_separator",
        _SYNTAX,
        "Underscores within a number need SQLite 3.46, here is an older one: write {digits} "
        "without them.",
        bare=r"\b(?P<digits>\d+(?:_\d+)+)\b",
    ),
    _rule(
        "raise_expression",
        _SYNTAX,
        "RAISE() with a computed message needs SQLite 3.47, here is an older one: write the "
        "message as one text in quotes.",
        bare=r"\bRAISE\s*\(\s*(?:ABORT|FAIL|ROLLBACK)\s*,\s*(?:'\s*'\s*\|\||[^'\s])",
    ),
    _rule(
        "alter_column",
        _near("ALTER|MODIFY|CHANGE|COLUMN|CONSTRAINT"),
        "Here ALTER TABLE only renames a table or column, and adds or drops a column. For other "
        "changes make a new table, INSERT INTO new SELECT … FROM old, drop the old one and rename "
        "the new one.",
        bare=r"\A\s*ALTER\s+TABLE\b",
    ),
    # --- MySQL
    _rule(
        "auto_increment",
        _near("AUTO_INCREMENT"),
        "A column declared as INTEGER PRIMARY KEY counts by itself. To never use a number again, "
        "write INTEGER PRIMARY KEY AUTOINCREMENT.",
    ),
    _rule(
        "serial",
        _near("IDENTITY|GENERATED|AUTOINCREMENT"),
        "Only a column declared as INTEGER PRIMARY KEY counts by itself, by the words INTEGER "
        "PRIMARY KEY AUTOINCREMENT too.",
        bare=r"\bCREATE\s+TABLE\b",
    ),
    _rule(
        "table_options",
        _near("=|ENGINE|CHARSET|DEFAULT|COLLATE|AUTO_INCREMENT|COMMENT|ROW_FORMAT|CHARACTER"),
        "Leave out what follows the closing bracket of the table: it is for MySQL.",
        bare=r"\bCREATE\s+TABLE\b.*\)\s*(?:ENGINE|DEFAULT|CHARSET|COLLATE|COMMENT|ROW_FORMAT)",
    ),
    _rule(
        "backslash_quote",
        _SYNTAX,
        "A quotation mark within a text is doubled: 'it''s'. A backslash is an ordinary character.",
        raw=r"'[^']*\\'",
    ),
    _rule(
        "hash_comment",
        r'unrecognized token: "#',
        "A comment begins with two hyphens: -- like this.",
    ),
    _rule(
        "show_tables",
        _near("SHOW"),
        "The tables are listed beside the editor, or: SELECT name FROM sqlite_schema WHERE type = "
        "'table'.",
        bare=r"\A\s*SHOW\s+(?:FULL\s+)?TABLES\b",
    ),
    _rule(
        "show",
        _near("SHOW"),
        "SHOW is for MySQL. Here: SELECT sql FROM sqlite_schema, or PRAGMA table_info(a_table).",
    ),
    _rule(
        "describe",
        _near(r"DESC|DESCRIBE|\w+"),
        "The columns are listed beside the editor, or: PRAGMA table_info({table}).",
        bare=r"\A\s*DESC(?:RIBE)?\s+(?P<table>\w+)\s*;?\s*\Z",
    ),
    _rule(
        "use_database",
        _near("USE"),
        "To open another database, choose it from the list of databases.",
        bare=r"\A\s*USE\b",
    ),
    _rule(
        "create_database",
        _near("DATABASE|SCHEMA"),
        "A database is a file of its own here: make one from the list of databases.",
        bare=r"\A\s*(?:CREATE|DROP|ALTER)\s+(?:DATABASE|SCHEMA)\b",
    ),
    _rule("truncate", _near("TRUNCATE"), "Write DELETE FROM the table; it empties it."),
    _rule(
        "insert_ignore",
        _near("IGNORE|INTO"),
        "Write {verb} OR IGNORE.",
        bare=r"\A\s*(?P<verb>INSERT|UPDATE)\s+IGNORE\b",
    ),
    _rule(
        "on_duplicate",
        _near("DUPLICATE"),
        "Write ON CONFLICT (the columns of the key) DO UPDATE SET a = excluded.a.",
    ),
    _rule(
        "separator",
        _near("SEPARATOR"),
        "The separator is the second argument: group_concat(a, ', ').",
    ),
    _rule(
        "enum",
        _SYNTAX,
        "There is no type ENUM: write TEXT CHECK (a IN ('one', 'two')).",
        bare=r"\bENUM\s*\(",
    ),
    _rule(
        "index_in_table",
        _SYNTAX,
        "An index is made by a statement of its own: CREATE INDEX a_name ON a_table (columns).",
        bare=r"\bCREATE\s+TABLE\b.*,\s*(?:UNIQUE\s+|FULLTEXT\s+)?(?:KEY|INDEX)\b",
    ),
    _rule(
        "set_variable",
        _near("SET"),
        "There are no variables and settings like these: leave the statement out.",
        bare=r"\A\s*SET\b",
    ),
    _rule(
        "lock_tables",
        _near("LOCK|UNLOCK"),
        "Tables are not locked by hand; BEGIN IMMEDIATE … COMMIT keeps other writers out.",
    ),
    _rule("delimiter", _near("DELIMITER"), "Leave the line out: DELIMITER is for MySQL's shell."),
    _rule("null_safe_equal", _SYNTAX, "Write IS instead of <=>.", bare="<=>"),
    _rule("double_ampersand", _SYNTAX, "Write AND instead of &&.", bare="&&"),
    _rule("exclamation_mark", r'unrecognized token: "!"', "Write NOT instead of !."),
    _rule("div", _near(r"\w+"), "Write / instead of DIV: 7 / 2 is 3.", bare=r"\w\s+DIV\s+\w"),
    # --- PostgreSQL
    _rule(
        "colon_cast",
        r'unrecognized token: ":',
        "Write CAST(value AS {type}) instead of value::{type}.",
        bare=r"::\s*(?P<type>\w+)",
    ),
    _rule(
        "ilike",
        _near("ILIKE"),
        "Write LIKE: it takes a and A for the same letter, in ASCII. For other letters: "
        "lower(a) LIKE lower(b).",
    ),
    _rule(
        "dollar_quote",
        _SYNTAX,
        "A text is written in single quotes, not between $$. There are no functions in a "
        "language of their own here.",
        bare=r"\$\w*\$",
    ),
    _rule(
        "distinct_on",
        _near("ON|,"),
        "There is no DISTINCT ON. Write SELECT a, b, max(c) FROM t GROUP BY a: b comes from the "
        "row with the greatest c.",
        bare=r"\bDISTINCT\s+ON\b",
    ),
    _rule(
        "fetch_first",
        _near(r"FETCH|ROWS?|FIRST|NEXT|\d+"),
        "Write LIMIT {count} at the end.",
        bare=r"\bFETCH\s+(?:FIRST|NEXT)\s+(?P<count>\d+)",
    ),
    _rule(
        "top",
        _near(r"\d+"),
        "Write LIMIT {count} at the end instead of TOP {count}.",
        bare=r"\bSELECT\s+(?:DISTINCT\s+)?TOP\s+\(?(?P<count>\d+)",
    ),
    _rule(
        "interval",
        _SYNTAX + "|no such column: INTERVAL",
        "There is no INTERVAL: write date(a, '+1 day') or datetime(a, '-2 hours').",
        bare=r"\bINTERVAL\s+['\d-]",
    ),
    _rule(
        "typed_literal",
        _near("'.*") + "|no such column: (?:DATE|TIME|TIMESTAMP|DATETIME)$",
        "Dates and times are texts: leave out {type} before the quotation mark.",
        bare=r"\b(?P<type>DATE|TIME|TIMESTAMP|DATETIME)\s+'",
    ),
    _rule(
        "escape_string",
        _near("'.*") + "|no such column: [EN]$",
        "Leave out the letter before the quotation mark. char(10) is a line break: "
        "'a' || char(10).",
        bare=r"\b[EeNn]'",
    ),
    _rule(
        "tilde_operator",
        _near("~"),
        "Write a REGEXP 'pattern' instead of a ~ 'pattern'; regexp_like(a, 'pattern', 'i') does "
        "not care about case.",
    ),
    _rule(
        "array",
        _SYNTAX + r"|no such column: ARRAY|no such function: (?:ANY|ALL|SOME)\b",
        "There are no arrays. Write a IN (1, 2, 3), or a IN (SELECT value FROM "
        "json_each('[1, 2]')).",
        bare=r"\bARRAY\s*\[|\b(?:ANY|ALL|SOME)\s*\(",
    ),
    _rule(
        "left_right",
        _near(r"\("),
        "Write substr(a, 1, count) for the first characters, substr(a, -count) for the last.",
        bare=r"\b(?:LEFT|RIGHT)\s*\(",
    ),
    _rule(
        "offset_alone",
        _near(r"OFFSET|\d+"),
        "OFFSET needs a LIMIT before it: LIMIT -1 OFFSET {count}; -1 is no limit.",
        bare=r"\bOFFSET\s+(?P<count>\d+)(?!.*\bLIMIT\b)",
    ),
    _rule(
        "lateral",
        _SYNTAX,
        "There is no LATERAL. A table function such as json_each(t.a) may use columns of tables "
        "before it all the same; else write a subquery in SELECT.",
        bare=r"\bLATERAL\b",
    ),
    _rule(
        "psql_command",
        r'unrecognized token: "\\',
        "Commands that begin with a backslash belong to psql or mysql, not to SQL.",
    ),
    _rule(
        "create_elsewhere",
        _near(
            "EXTENSION|SEQUENCE|TYPE|DOMAIN|FUNCTION|PROCEDURE|USER|ROLE|MATERIALIZED|OR|POLICY"
            "|EVENT|REPLACE"
        ),
        "SQLite has tables, indexes, views and triggers only; DROP … IF EXISTS before CREATE "
        "stands for OR REPLACE.",
        bare=r"\A\s*(?:CREATE|DROP|ALTER)\b",
    ),
    _rule(
        "rights",
        _near("GRANT|REVOKE"),
        "There are no users and rights: leave the statement out.",
    ),
    _rule("copy", _near("COPY|LOAD"), "To load a file, use Import."),
    _rule("call", _near("CALL|EXEC|EXECUTE|DO|DECLARE|PRINT"), "There are no procedures here: a "
        "script is statements of SQL only."),
    _rule("go", _near("GO"), "Leave GO out: it separates batches in programs for SQL Server."),
    _rule(
        "merge",
        _near("MERGE"),
        "Write INSERT INTO … ON CONFLICT (the columns of the key) DO UPDATE SET a = excluded.a.",
    ),
    _rule("comment_on", _near("COMMENT"), "There are no comments on tables: leave it out."),
    # --- others
    _rule(
        "no_schemas",
        r"(?:unknown database|no such table:) "
        r"(?P<schema>public|dbo|information_schema|pg_catalog)\b",
        "A database has no schemas: leave out {schema} and the point. What tables there are, "
        "sqlite_schema tells.",
    ),
    _rule("dual", r"no such table: dual\b", "Leave out FROM dual: SELECT needs no table."),
    _rule(
        "rownum",
        r"no such column: (?P<name>rownum)\b",
        "Write LIMIT at the end, or row_number() OVER ().",
    ),
    _rule(
        "date_parts",
        r"no such column: (?P<unit>year|month|day|hour|minute|second)\b",
        "Write strftime: strftime('%Y', a) is the year, %m the month, %d the day, %H the hour.",
        bare=r"\b(?:DATEDIFF|DATEADD|DATEPART|EXTRACT|DATE_PART)\s*\(",
    ),
    _rule(
        "extract",
        _near("FROM"),
        "Write strftime: strftime('%Y', a) is the year, %m the month, %d the day, %H the hour.",
        bare=r"\bEXTRACT\s*\(\s*\w+\s+FROM\b",
    ),
)  # fmt: skip

_JSON = "json_group_array() and json_group_object() make JSON of rows."
_PARTS_OF_DATES = "strftime('%Y-%m', a) writes the parts of a date that its pattern names."

_SEVERAL = (
    ("now getdate sysdate localtimestamp", "Write datetime('now'), which is in UTC."),
    ("curdate today", "Write date('now')."),
    ("curtime", "Write time('now')."),
    ("date_format to_char date_part extract", _PARTS_OF_DATES),
    ("year month day hour minute dayofweek", _PARTS_OF_DATES),
    ("date_trunc", "Write date(a, 'start of month') or date(a, 'start of year')."),
    ("to_date to_timestamp str_to_date", "Dates are texts, as 2024-12-31."),
    ("date_add dateadd date_sub", "Write date(a, '+1 day')."),
    ("datediff", "Write julianday(a) - julianday(b), which are days."),
    ("timestampdiff", "Write unixepoch(a) - unixepoch(b), which are seconds."),
    ("unix_timestamp", "Write unixepoch(a)."),
    ("from_unixtime", "Write datetime(a, 'unixepoch')."),
    ("age", "Write timediff(a, b)."),
    ("len char_length character_length", "Write length(a)."),
    ("lcase", "Write lower(a)."),
    ("ucase", "Write upper(a)."),
    ("mid", "Write substr(a, start, count)."),
    ("position strpos charindex locate", "Write instr(text, part)."),
    ("nvl", "Write ifnull(a, b) or coalesce(a, b, c)."),
    ("decode", "Write CASE a WHEN 1 THEN 'one' ELSE 'other' END."),
    ("lpad rpad", "Write printf('%5s', a) or printf('%-5s', a)."),
    ("ascii", "Write unicode(a)."),
    ("chr", "Write char(a)."),
    ("rand", "Write random(), an integer, or abs(random()) % 10."),
    ("greatest", "Write max(a, b)."),
    ("least", "Write min(a, b)."),
    ("bool_and every", "Write min(a)."),
    ("bool_or", "Write max(a)."),
    ("array_agg json_agg jsonb_agg json_arrayagg", _JSON),
    ("json_object_agg json_objectagg", _JSON),
    ("to_json to_jsonb row_to_json", "Write json_object('a', a)."),
    ("jsonb jsonb_extract jsonb_set", "Write it without the b: json_set(…)."),
    ("json_pretty", "It needs SQLite 3.46; here is an older one. json(a) writes it on one line."),
    ("json_unquote", "Write a ->> '$.key'."),
    ("split_part", "Write (SELECT value FROM string_split(a, ',') WHERE ordinal = 1)."),
    ("substring_index", "Write (SELECT value FROM string_split(a, ',') WHERE ordinal = 1)."),
    ("string_to_array unnest", "Write FROM string_split(a, ',')."),
    ("find_in_set", "Write instr(',' || list || ',', ',' || a || ',')."),
    ("nextval currval lastval", "A column INTEGER PRIMARY KEY counts by itself."),
    ("last_insert_id scope_identity", "Write last_insert_rowid()."),
    ("database current_database schema", "PRAGMA database_list tells the files."),
    ("version", "Write sqlite_version()."),
    ("gen_random_uuid newid", "Write uuid()."),
    ("convert", "Write CAST(a AS INTEGER)."),
    ("to_number", "Write CAST(a AS REAL)."),
    ("truncate", "Write trunc(a), or round(a, 2)."),
    ("load_extension", "Extensions of SQLite cannot be loaded in a browser."),
)
"""Functions of other programs, in lower case, and what is written instead."""

FUNCTIONS = {name: instead for names, instead in _SEVERAL for name in names.split()}
"""Function of another program, in lower case → what is written instead."""
