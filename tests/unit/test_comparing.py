"""What SQLite compares with all that came before, counted in the text of a schema."""

from __future__ import annotations

import time

import pytest

from sahpool.databases import comparing, expansion

#: Nanoseconds that a schema may take in all, about.
SECOND = 1e9


def view(sql: str) -> str:
    return expansion.excess([("view", "v", "v", f"CREATE VIEW v AS {sql}")])


def table(sql: str, *indexes: str) -> str:
    created = [("index", f"i{n}", "T", sql) for n, sql in enumerate(indexes)]
    return expansion.excess([("table", "t", "t", f"CREATE TABLE t({sql})"), *created])


def many(part: str, count: int, between: str = ",") -> str:
    return between.join(part.replace("@", str(n)) for n in range(count))


@pytest.mark.parametrize(
    ("sql", "constants"),
    [
        ("A + 1", 1),
        ("1 + A", 1),
        ("1 + 2", 2),
        ("A IN (1, 2, 3)", 1),
        ("COALESCE(A, 'x', 3)", 0),
        ("A || 'it''s' || B", 1),
        ("CASE A WHEN 1 THEN 2 WHEN X'00' THEN 'y' END", 2),
        ("A BETWEEN 5 AND 6", 2),
        ("A = ((7))", 1),
        ("'B' COLLATE NOCASE = A", 1),
        ('"A" = [B] AND `C` = D', 0),
        ("A /* + 1 */ -- + 2", 0),
        ("C1 = C2", 0),
        ("A + ABS(5)", 1),
    ],
)
def test_constants_beside_an_operator_are_counted(sql: str, constants: int) -> None:
    assert comparing.compiling(sql) == pytest.approx(comparing.compiling("A + 1") * constants**2)


@pytest.mark.parametrize(
    ("most", "more", "part", "whole"),
    [
        (17_000, 19_000, "UNIQUE(a@,b)", "a, @"),
        (30_000, 33_000, "a@ AS (SELECT 1)", "WITH @ SELECT 1"),
        (30_000, 33_000, "a@ AS (b)", "SELECT 1 WINDOW @"),
        (17_000, 19_000, "a+@", "SELECT a IN (@) FROM t"),
        (4_800, 5_300, "sum(@)", "SELECT @ FROM t"),
        (400, 450, "x(@) OVER (ORDER BY a@)", "SELECT @ FROM t"),
        (400, 450, "x(@) OVER (ORDER BY ((a@)))", "SELECT @ FROM t"),
    ],
)
def test_what_is_compared_with_all_before_is_bounded_and_nothing_less(
    most: int, more: int, part: str, whole: str
) -> None:
    told = table if "UNIQUE" in part else view
    assert told(whole.replace("@", many(part, most))) == ""
    assert "compared" in told(whole.replace("@", many(part, more)))


def test_indexes_of_a_table_are_counted_wherever_they_are_created() -> None:
    index = "CREATE INDEX i ON t(a)"
    assert table("a", *[index] * 11_000) == ""
    assert "the indexes of t" in table("a", *[index] * 11_500)
    keys = many("c@", 2000)
    assert table(f"{keys}, PRIMARY KEY ({keys})", *[index] * 5_000) == ""
    rowless = [("table", "t", "t", f"CREATE TABLE t({keys}, PRIMARY KEY ({keys})) WITHOUT ROWID")]
    assert "the indexes of t" in expansion.excess(
        [*rowless, *(("index", f"i{n}", "t", index) for n in range(5_000))]
    )


def test_names_are_looked_for_in_every_column_that_a_select_reads() -> None:
    wide = [("table", "t", "t", f"CREATE TABLE t({many('c@', 2000)})")]
    names = many("c1", 20_000)
    few = f"CREATE VIEW v AS SELECT 1 IN ({names}) FROM {many('t t@', 30)}"
    much = f"CREATE VIEW v AS SELECT 1 IN ({names}) FROM {many('t t@', 60)}"
    assert expansion.excess([*wide, ("view", "v", "v", few)]) == ""
    assert "its views" in expansion.excess([*wide, ("view", "v", "v", much)])
    # Each SELECT has columns of its own.
    apart = " UNION ALL ".join(f"SELECT {many('c1', 400)} FROM t t{n}" for n in range(499))
    assert expansion.excess([*wide, ("view", "v", "v", f"CREATE VIEW v AS {apart}")]) == ""


@pytest.mark.parametrize(
    "sql",
    [
        f"VALUES {many('(@)', 500_000)}",
        f"VALUES {many(chr(40) + chr(39) + '@' + chr(39) + chr(41), 200_000)}",
        f"SELECT a IN ({many('@', 500_000)}) FROM t",
        f"SELECT coalesce(a, {many('b@', 100)}) AS x, {many('c@', 200_000)} FROM t",
        f"SELECT 1 /* {'x' * 10_000_000} */",
    ],
    ids=range(5),
)
def test_length_alone_is_no_reason_to_refuse(sql: str) -> None:
    assert view(sql) == ""


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        "'" * 999_999,
        '"' * 999_999,
        ")" * 1_000_000,
        "(" * 1_000_000,
        "/*" * 500_000,
        "OVER(" * 200_000,
        "- " * 500_000,
        "1 " * 500_000,
        " " * 1_000_000,
        "+(" * 500_000,
    ],
    ids=range(11),
)
def test_no_text_takes_the_square_of_its_length_to_be_looked_at(text: str) -> None:
    begin = time.process_time()
    view(f"SELECT {text} WITH OVER UNIQUE")
    table(f"a AS {text} UNIQUE WITHOUT")
    assert time.process_time() - begin < 10
