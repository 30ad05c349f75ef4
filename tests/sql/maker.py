"""The pieces of which statements are made, chosen by a seed."""

from __future__ import annotations

import random

from tests.sql.runner import Statement

Script = list[Statement]

TYPES = (
    "INTEGER",
    "TEXT",
    "REAL",
    "NUMERIC",
    "BLOB",
    "",
    "VARCHAR(10)",
    "DECIMAL(5,2)",
    "FLOATING",
)
COLLATIONS = ("", "", " COLLATE NOCASE", " COLLATE RTRIM", " COLLATE BINARY")
LITERALS = (
    *("NULL", "0", "1", "-1", "2", "7", "10", "42", "9007199254740993", "9223372036854775807"),
    *("-9223372036854775808", "0.5", "-2.25", "1e3", "3.0", "1e300", "'abc'", "'ABC'", "'abc  '"),
    *("''", "'10'", "'10.0'", "'1e1'", "' 7'", "'0x10'", "'ä ß 漢 🦑'", "'it''s'", "'%a_'"),
    *("x''", "x'00'", "x'616263'", "x'ff'", "TRUE", "FALSE"),
)
BINARY = (
    *("+", "-", "*", "/", "%", "||", "<", "<=", ">", ">=", "=", "==", "<>", "!=", "IS", "IS NOT"),
    *("AND", "OR", "&", "|", "<<", ">>"),
)
FUNCTIONS = {
    1: "abs length lower upper typeof hex unicode trim ltrim rtrim round sign json_quote"
    " likely zeroblob_length",
    2: "ifnull nullif instr trim ltrim rtrim max min substr coalesce round",
    3: "replace substr coalesce max min iif",
}
TIMES = ("'2024-02-29 12:34:56'", "'1970-01-01'", "2460000.5", "'12:00'", "'not a date'", "NULL")
MODIFIERS = (
    "'+1 day'",
    "'-1 month'",
    "'start of year'",
    "'weekday 1'",
    "'+36 hours'",
    "'unixepoch'",
)


class Maker:
    """Makes the statements of one script."""

    def __init__(self, seed: str) -> None:
        self.rng = random.Random(seed)

    def pick(self, *choices: str) -> str:
        """One of them."""
        return self.rng.choice(choices)

    def literal(self) -> str:
        """A value as SQL writes it."""
        return self.pick(*LITERALS)

    def small(self) -> str:
        """A value that is often equal to another: a small number, a letter, NULL."""
        return self.pick(
            "NULL", "1", "2", "3", "4", "5", "'a'", "'b'", "'B'", "'c '", "2.5", "x'61'"
        )

    def expression(self, columns: tuple[str, ...] = (), depth: int = 3) -> str:
        """An expression over literals and columns."""
        kind = self.rng.randrange(10) if depth else 0
        again = [self.expression(columns, depth - 1) for _ in range(3)] if kind else []
        if kind <= 1:
            return self.pick(*columns) if columns and self.rng.random() < 0.7 else self.literal()
        if kind <= 4:
            return f"({again[0]} {self.pick(*BINARY)} {again[1]})"
        if kind == 5:
            return f"{self.pick('-', '+', '~', 'NOT ')}({again[0]})"
        if kind == 6:
            return f"CAST({again[0]} AS {self.pick('INTEGER', 'TEXT', 'REAL', 'NUMERIC', 'BLOB')})"
        if kind == 7:
            return self.pick(
                f"CASE WHEN {again[0]} THEN {again[1]} ELSE {again[2]} END",
                f"CASE {again[0]} WHEN {again[1]} THEN {again[2]} END",
                f"({again[0]} BETWEEN {again[1]} AND {again[2]})",
                f"({again[0]} NOT IN ({again[1]}, {again[2]}))",
                f"({again[0]} ISNULL)",
                f"(CAST({again[0]} AS TEXT) LIKE CAST({again[1]} AS TEXT))",
                f"(CAST({again[0]} AS TEXT) GLOB CAST({again[1]} AS TEXT))",
                f"({again[0]}{self.pick(*COLLATIONS[2:])} < {again[1]})",
            )
        count = self.rng.randrange(1, 4)
        name = self.pick(*FUNCTIONS[count].split())
        if name == "zeroblob_length":
            return f"length(zeroblob(abs({again[0]}) % 50))"
        return f"{name}({', '.join(again[:count])})"

    def table(self, name: str, columns: int, rows: int) -> Script:
        """A table of columns a, b, c, … and an id, filled with small values."""
        names = [chr(97 + n) for n in range(columns)]
        declared = ", ".join(
            f"{each} {self.pick(*TYPES)}{self.pick(*COLLATIONS)}" for each in names
        )
        made: Script = [f"CREATE TABLE {name}(id INTEGER PRIMARY KEY, {declared})"]
        for _ in range(rows):
            values = ", ".join(self.small() for _ in names)
            made.append(f"INSERT INTO {name}({', '.join(names)}) VALUES ({values})")
        return made
