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
        code: Says which hint it is. Groups of the patterns are the parameters of its text.
        message: Found in SQLite's error message.
        bare: Found in the statement without what is quoted in it, if it is given.
        raw: Found in the whole statement, if it is given.
    """

    code: str
    message: re.Pattern[str]
    bare: re.Pattern[str] | None = None
    raw: re.Pattern[str] | None = None


def _rule(code: str, message: str, bare: str = "", raw: str = "") -> Rule:
    patterns = (re.compile(each, re.IGNORECASE) if each else None for each in (bare, raw))
    return Rule(code, re.compile(message, re.IGNORECASE), *patterns)


def _near(words: str) -> str:
    """The message about one of these words."""
    return rf'near "(?P<word>{words})": syntax error'


_ARGUMENTS = r"(?:[^()]|\((?:[^()]|\([^()]*\))*\))"  # a character, or what is in parentheses
_SYNTAX = r"syntax error|unrecognized token|incomplete input"

RULES = (
    # --- transactions
    _rule("sql-no-transaction", r"cannot (?P<word>commit|rollback) - no transaction is active"),
    # --- parts of databases that belong to other programs
    _rule("sql-collation-elsewhere", r"no such collation sequence: (?P<name>.+)"),
    _rule(
        "sql-module-elsewhere-drop",
        r"no such module: (?P<module>.+)",
        bare=r"\A\s*DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?P<table>\w+)",
    ),
    _rule("sql-module-elsewhere", r"no such module: (?P<module>.+)"),
    # --- newer SQLite
    _rule(
        "sql-aggregate-order",
        _near(r"ORDER|GROUP|\(|WITHIN"),
        bare=r"\b(?:group_concat|string_agg|json_group_\w+|sum|total|count|avg|min|max|array_agg)"
        rf"\s*\({_ARGUMENTS}*?\bORDER\s+BY\b"
        rf"|\b(?:string_agg|listagg|array_agg|group_concat)\s*\({_ARGUMENTS}*\)\s*WITHIN\s+GROUP\b",
    ),
    _rule("sql-within-group", _near(r"GROUP|\(|WITHIN"), bare=r"\bWITHIN\s+GROUP\b"),
    _rule("sql-digit-separator", _SYNTAX, bare=r"\b(?P<digits>\d+(?:_\d+)+)\b"),
    _rule(
        "sql-raise-expression",
        _SYNTAX,
        bare=r"\bRAISE\s*\(\s*(?:ABORT|FAIL|ROLLBACK)\s*,\s*(?:'\s*'\s*\|\||[^'\s])",
    ),
    _rule("sql-alter-several", _near(r"\(|,"), bare=r"\A\s*ALTER\s+TABLE\b.*\bADD\b"),
    _rule(
        "sql-alter-column",
        _near("ALTER|MODIFY|CHANGE|COLUMN|CONSTRAINT|PRIMARY|FOREIGN"),
        bare=r"\A\s*ALTER\s+TABLE\b",
    ),
    # --- MySQL
    _rule("sql-auto-increment", _near("AUTO_INCREMENT")),
    _rule("sql-serial", _near("IDENTITY|GENERATED|AUTOINCREMENT"), bare=r"\bCREATE\s+TABLE\b"),
    _rule(
        "sql-table-options",
        _near("=|ENGINE|CHARSET|DEFAULT|COLLATE|AUTO_INCREMENT|COMMENT|ROW_FORMAT|CHARACTER"),
        bare=r"\bCREATE\s+TABLE\b.*\)\s*(?:ENGINE|DEFAULT|CHARSET|COLLATE|COMMENT|ROW_FORMAT)",
    ),
    _rule("sql-backslash-quote", _SYNTAX, raw=r"'[^']*\\'"),
    _rule("sql-json-path-operator", r'unrecognized token: "#', bare="#>"),
    _rule("sql-hash-comment", r'unrecognized token: "#'),
    _rule("sql-show-tables", _near("SHOW"), bare=r"\A\s*SHOW\s+(?:FULL\s+)?TABLES\b"),
    _rule("sql-show", _near("SHOW")),
    _rule(
        "sql-describe",
        _near(r"DESC|DESCRIBE|\w+"),
        bare=r"\A\s*DESC(?:RIBE)?\s+(?P<table>\w+)\s*;?\s*\Z",
    ),
    _rule("sql-use-database", _near("USE"), bare=r"\A\s*USE\b"),
    _rule(
        "sql-create-database",
        _near("DATABASE|SCHEMA"),
        bare=r"\A\s*(?:CREATE|DROP|ALTER)\s+(?:DATABASE|SCHEMA)\b",
    ),
    _rule("sql-truncate", _near("TRUNCATE")),
    _rule(
        "sql-insert-ignore", _near("IGNORE|INTO"), bare=r"\A\s*(?P<verb>INSERT|UPDATE)\s+IGNORE\b"
    ),
    _rule("sql-on-duplicate", _near("DUPLICATE")),
    _rule("sql-separator", _near("SEPARATOR")),
    _rule("sql-enum", _SYNTAX, bare=r"\bENUM\s*\("),
    _rule(
        "sql-index-in-table",
        _SYNTAX,
        bare=r"\bCREATE\s+TABLE\b.*,\s*(?:UNIQUE\s+|FULLTEXT\s+)?(?:KEY|INDEX)\b",
    ),
    _rule("sql-set-variable", _near("SET"), bare=r"\A\s*SET\b"),
    _rule("sql-lock-tables", _near("LOCK|UNLOCK")),
    _rule("sql-delimiter", _near("DELIMITER")),
    _rule("sql-null-safe-equal", _SYNTAX, bare="<=>"),
    _rule("sql-double-ampersand", _SYNTAX, bare="&&"),
    _rule("sql-tilde-operator", _near("~") + r'|unrecognized token: "!"', bare="~"),
    _rule("sql-exclamation-mark", r'unrecognized token: "!"'),
    _rule("sql-div", _near(r"\w+"), bare=r"\w\s+DIV\s+\w"),
    _rule("sql-mod", _near(r"\w+"), bare=r"\w\s+MOD\s+\w"),
    _rule("sql-xor", _near(r"\w+"), bare=r"\w\s+XOR\s+\w"),
    _rule("sql-rlike", _near("RLIKE")),
    _rule("sql-insert-set", _near("SET"), bare=r"\A\s*(?:INSERT|REPLACE)\b"),
    _rule("sql-value", _near("VALUE"), bare=r"\A\s*(?:INSERT|REPLACE)\b"),
    _rule("sql-create-like", _near("LIKE"), bare=r"\A\s*CREATE\s+TABLE\b"),
    _rule("sql-create-as", _near("SELECT"), bare=r"\A\s*CREATE\s+(?:TEMP\w*\s+)?TABLE\b"),
    _rule("sql-rename-table", _near("RENAME"), bare=r"\A\s*RENAME\b"),
    _rule(
        "sql-maintenance",
        _near("TABLE|OPTIMIZE|CHECK|REPAIR"),
        bare=r"\A\s*(?:ANALYZE|OPTIMIZE|CHECK|REPAIR)\s+TABLE\b",
    ),
    _rule(
        "sql-delete-join",
        _near(r"\w+"),
        bare=r"\A\s*DELETE\s+(?:\w+\s+FROM\b|FROM\b.*\b(?:USING|JOIN)\b)",
    ),
    _rule(
        "sql-update-join",
        _near("JOIN|INNER|LEFT|CROSS|,"),
        bare=r"\A\s*UPDATE\b.{0,300}?(?:\bJOIN\b|,).{0,300}?\bSET\b",
    ),
    _rule(
        "sql-set-qualified", _near(r"\."), bare=r"\A\s*UPDATE\b.{0,300}?\bSET\b.{0,300}?\w\.\w+\s*="
    ),
    _rule("sql-trigger-body", _SYNTAX, bare=r"\A\s*CREATE\s+TRIGGER\b(?!.*\bBEGIN\b)"),
    _rule(
        "sql-current-date",
        _near(r"\("),
        bare=r"\b(?P<name>CURRENT_(?:DATE|TIME|TIMESTAMP))\s*\(",
    ),
    _rule("sql-variable", r'unrecognized token: ":"', bare=":="),
    # --- PostgreSQL
    _rule("sql-colon-cast", r'unrecognized token: ":', bare=r"::\s*(?P<type>\w+)"),
    _rule("sql-ilike", _near("ILIKE")),
    _rule("sql-dollar-quote", _SYNTAX, bare=r"\$\w*\$"),
    _rule("sql-distinct-on", _near("ON|,"), bare=r"\bDISTINCT\s+ON\b"),
    _rule(
        "sql-fetch-first",
        _near(r"FETCH|ROWS?|FIRST|NEXT|\d+"),
        bare=r"\bFETCH\s+(?:FIRST|NEXT)\s+(?P<count>\d+)",
    ),
    _rule("sql-for-update", _near("UPDATE|SHARE"), bare=r"\bFOR\s+(?P<lock>UPDATE|SHARE)\b"),
    _rule("sql-limit-all", _near("ALL"), bare=r"\bLIMIT\s+ALL\b"),
    _rule("sql-explain-analyze", _SYNTAX, bare=r"\A\s*EXPLAIN\s+ANALYZE\b"),
    _rule("sql-ignore-nulls", _SYNTAX, bare=r"\b(?:IGNORE|RESPECT)\s+NULLS\b"),
    _rule("sql-qualify", _SYNTAX, bare=r"\bQUALIFY\b"),
    _rule("sql-exclude", _SYNTAX, bare=r"\*\s*(?:EXCLUDE|EXCEPT|REPLACE)\b"),
    _rule("sql-tablesample", _SYNTAX, bare=r"\bTABLESAMPLE\b"),
    _rule(
        "sql-index-method",
        _SYNTAX,
        bare=r"\A\s*CREATE\b(?=.*\bINDEX\b).*\b(?P<what>CONCURRENTLY|(?:NON)?CLUSTERED|USING)\b",
    ),
    # --- SQL Server
    _rule(
        "sql-top",
        _near(r"\d+|FROM|,") + "|no such function: TOP",
        r"\bSELECT\s+(?:DISTINCT\s+)?TOP\s+\(?(?P<count>\d+)",
    ),
    _rule("sql-isnull", _near("ISNULL"), bare=r"\bISNULL\s*\("),
    _rule("sql-nolock", _near(r"\("), bare=r"\bWITH\s*\(\s*NOLOCK\b"),
    _rule("sql-apply", _SYNTAX, bare=r"\b(?:CROSS|OUTER)\s+APPLY\b"),
    _rule("sql-pivot", _SYNTAX, bare=r"\bPIVOT\s*\("),
    _rule("sql-select-into", _near("INTO"), bare=r"\A\s*SELECT\b"),
    _rule(
        "sql-transaction-words",
        _near("START|TRAN|SAVE"),
        bare=r"\A\s*(?:START|BEGIN|COMMIT|ROLLBACK|SAVE)\b",
    ),
    _rule("sql-insert-into", _near(r"\w+"), bare=r"\A\s*INSERT\s+(?!INTO\b|OR\b|IGNORE\b)\w"),
    # --- Oracle
    _rule("sql-plus-join", _SYNTAX, bare=r"\(\s*\+\s*\)"),
    _rule("sql-minus", _near("SELECT"), bare=r"\bMINUS\s+SELECT\b"),
    _rule("sql-connect-by", _SYNTAX, bare=r"\bCONNECT\s+BY\b"),
    _rule("sql-interval", _SYNTAX + "|no such column: INTERVAL", bare=r"\bINTERVAL\s+['\d-]"),
    _rule(
        "sql-typed-literal",
        _near("'.*") + "|no such column: (?:DATE|TIME|TIMESTAMP|DATETIME)$",
        bare=r"\b(?P<type>DATE|TIME|TIMESTAMP|DATETIME)\s+'",
    ),
    _rule("sql-escape-string", _near("'.*") + "|no such column: [EN]$", bare=r"\b[EeNn]'"),
    _rule(
        "sql-array",
        _SYNTAX + r"|no such column: ARRAY|no such function: (?:ANY|ALL|SOME)\b",
        bare=r"\bARRAY\s*\[|\b(?:ANY|ALL|SOME)\s*\(",
    ),
    _rule("sql-left-right", _near(r"\("), bare=r"\b(?:LEFT|RIGHT)\s*\("),
    _rule(
        "sql-offset-alone", _near(r"OFFSET|\d+"), bare=r"\bOFFSET\s+(?P<count>\d+)(?!.*\bLIMIT\b)"
    ),
    _rule("sql-lateral", _SYNTAX, bare=r"\bLATERAL\b"),
    _rule("sql-psql-command", r'unrecognized token: "\\'),
    _rule(
        "sql-create-elsewhere",
        _near(
            "EXTENSION|SEQUENCE|TYPE|DOMAIN|FUNCTION|PROCEDURE|USER|ROLE|MATERIALIZED|OR|POLICY"
            "|EVENT|REPLACE"
        ),
        bare=r"\A\s*(?:CREATE|DROP|ALTER)\b",
    ),
    _rule("sql-rights", _near("GRANT|REVOKE")),
    _rule("sql-copy", _near("COPY|LOAD")),
    _rule("sql-call", _near("CALL|EXEC|EXECUTE|DO|DECLARE|PRINT")),
    _rule("sql-go", _near("GO")),
    _rule("sql-merge", _near("MERGE")),
    _rule("sql-comment-on", _near("COMMENT")),
    # --- others
    _rule(
        "sql-no-schemas",
        r"(?:unknown database|no such table:) "
        r"(?P<schema>public|dbo|information_schema|pg_catalog)\b",
    ),
    _rule("sql-dual", r"no such table: dual\b"),
    _rule("sql-rownum", r"no such column: (?P<name>rownum)\b"),
    _rule(
        "sql-date-parts",
        r"no such column: (?P<unit>year|month|day|hour|minute|second)\b",
        bare=r"\b(?:DATEDIFF|DATEADD|DATEPART|EXTRACT|DATE_PART)\s*\(",
    ),
    _rule("sql-extract", _near("FROM"), bare=r"\bEXTRACT\s*\(\s*\w+\s+FROM\b"),
    _rule("sql-window-over", r"misuse of window function (?P<name>\w+)\(\)"),
    _rule("sql-open-quote", r"unrecognized token: \"['\"]", raw=r"\w(?P<quote>['\"])\w"),
)
_SEVERAL = (
    ("now getdate sysdate localtimestamp", "sql-function-now"),
    ("curdate today", "sql-function-curdate"),
    ("curtime", "sql-function-curtime"),
    ("date_format to_char date_part extract", "sql-function-date-format"),
    ("year month day hour minute dayofweek", "sql-function-year"),
    ("date_trunc", "sql-function-date-trunc"),
    ("to_date to_timestamp str_to_date", "sql-function-to-date"),
    ("date_add dateadd date_sub", "sql-function-date-add"),
    ("datediff", "sql-function-datediff"),
    ("timestampdiff", "sql-function-timestampdiff"),
    ("unix_timestamp", "sql-function-unix-timestamp"),
    ("from_unixtime", "sql-function-from-unixtime"),
    ("age", "sql-function-age"),
    ("len char_length character_length", "sql-function-len"),
    ("lcase", "sql-function-lcase"),
    ("ucase", "sql-function-ucase"),
    ("mid", "sql-function-mid"),
    ("position strpos charindex locate", "sql-function-position"),
    ("nvl", "sql-function-nvl"),
    ("decode", "sql-function-decode"),
    ("lpad rpad", "sql-function-lpad"),
    ("ascii", "sql-function-ascii"),
    ("chr", "sql-function-chr"),
    ("rand", "sql-function-rand"),
    ("greatest", "sql-function-greatest"),
    ("least", "sql-function-least"),
    ("bool_and every", "sql-function-bool-and"),
    ("bool_or", "sql-function-bool-or"),
    ("array_agg json_agg jsonb_agg json_arrayagg", "sql-function-array-agg"),
    ("json_object_agg json_objectagg", "sql-function-json-object-agg"),
    ("to_json to_jsonb row_to_json", "sql-function-to-json"),
    ("jsonb jsonb_extract jsonb_set", "sql-function-jsonb"),
    ("json_pretty", "sql-function-json-pretty"),
    ("json_unquote", "sql-function-json-unquote"),
    ("split_part", "sql-function-split-part"),
    ("substring_index", "sql-function-substring-index"),
    ("string_to_array unnest", "sql-function-string-to-array"),
    ("find_in_set", "sql-function-find-in-set"),
    ("nextval currval lastval", "sql-function-nextval"),
    ("last_insert_id scope_identity", "sql-function-last-insert-id"),
    ("database current_database schema", "sql-function-database"),
    ("version", "sql-function-version"),
    ("gen_random_uuid newid", "sql-function-gen-random-uuid"),
    ("convert", "sql-function-convert"),
    ("to_number", "sql-function-to-number"),
    ("truncate", "sql-function-truncate"),
    ("listagg", "sql-function-listagg"),
    ("json_value json_query", "sql-function-json-value"),
    ("found_rows", "sql-function-found-rows"),
    ("generate_series string_split", "sql-function-in-from"),
    ("load_extension", "sql-function-load-extension"),
)
"""Functions of other programs, in lower case, and the hint that says what is written instead."""

FUNCTIONS = {name: code for names, code in _SEVERAL for name in names.split()}
"""Function of another program, in lower case → the hint."""
