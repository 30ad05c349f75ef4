"""How often SQLite would write out what a schema defines, told from its text."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from sahpool.databases import expansion
from sahpool.databases.expansion import MAX_DEPTH


def excess(definitions: Iterable[tuple[str, str, str]]) -> str:
    """As the library's, of entries that belong to no table but themselves."""
    return expansion.excess((kind, name, name, sql) for kind, name, sql in definitions)


def views(*texts: str) -> list[tuple[str, str, str]]:
    return [("view", f"v{n}", f"CREATE VIEW v{n} AS {text}") for n, text in enumerate(texts)]


def chain(step: str, count: int = 18) -> list[tuple[str, str, str]]:
    """Views of which each is made of the one before, which ``@`` stands for."""
    return views("SELECT 1 AS x", *(step.replace("@", f"v{n}") for n in range(count)))


DOUBLING = {
    "a list": "SELECT a.x FROM @ a, @ b",
    "a join": "SELECT a.x FROM @ AS a LEFT JOIN @ AS b ON a.x = b.x",
    "a join in parentheses": "SELECT x FROM (@ JOIN @ USING (x))",
    "unions": "SELECT x FROM @ UNION ALL SELECT x FROM @",
    "subqueries": "SELECT (SELECT x FROM @) + (SELECT x FROM @) AS x",
    "IN": "SELECT 1 AS x WHERE 1 IN @ AND 2 NOT IN @",
    "quotes": 'SELECT 1 AS x FROM "@", [@]',
    "backquotes and texts": "SELECT 1 AS x FROM `@`, '@'",
    "a schema": "SELECT 1 AS x FROM main.@, main . @",
    "comments": "SELECT 1 AS x FROM/* , */@ a -- ,\n , /**/ @ b",
    "capitals": "SELECT 1 AS x from @ a Cross Join @ b",
    "after a condition": "SELECT 1 AS x FROM @ a JOIN @ b ON (a.x = 1), (SELECT 5) WHERE 1",
    "a WITH": "WITH w(x) AS (SELECT x FROM @) SELECT a.x FROM w a, w b",
    "a WITH that is not kept": "WITH w AS NOT MATERIALIZED (SELECT 1 FROM @) SELECT 1 FROM w, w",
    "a WITH of a quoted name": 'WITH "from" AS (SELECT x FROM @) SELECT 1 FROM "from", "FROM"',
    "WITHs": "WITH w AS (WITH u AS (SELECT x FROM @) SELECT 1 FROM u, u) SELECT 1 FROM w",
}


@pytest.mark.parametrize("step", DOUBLING.values(), ids=DOUBLING.keys())
def test_what_doubles_with_every_view_is_found_wherever_a_table_may_stand(step: str) -> None:
    assert "copies" in excess(chain(step))
    assert excess(chain(step, 6)) == ""


def test_a_with_clause_is_enough() -> None:
    parts = ["a0(x) AS (SELECT 1)"]
    parts += [f"a{n}(x) AS (SELECT p.x FROM a{n - 1} p, a{n - 1} q)" for n in range(1, 30)]
    assert "copies" in excess(views(f"WITH {', '.join(parts)} SELECT x FROM a29"))
    assert "copies" in excess(views(f"WITH RECURSIVE {', '.join(parts)} SELECT x FROM a29"))


def test_names_mean_the_definition_that_is_nearest() -> None:
    """A WITH clause may hide a view; what does not see it means the view."""
    bomb = chain("SELECT a.x FROM @ a, @ b")
    hidden = ("view", "h", "CREATE VIEW h AS WITH v11 AS (SELECT 1) SELECT * FROM v11, v11, v11")
    assert excess([*bomb[:12], hidden]) == ""
    assert "copies" in excess([*bomb[:12], ("view", "h", hidden[2].replace("v11 AS", "w AS"))])
    window = "SELECT 1 AS x FROM @ a, @ b WINDOW @ AS (ORDER BY 1)"
    assert "copies" in excess(chain(window))
    beside = "SELECT 1 AS x FROM (WITH w AS (SELECT 1) SELECT * FROM w), @, @"
    assert "copies" in excess(chain(beside))


def test_columns_and_functions_that_are_called_like_views_are_none() -> None:
    step = (
        "SELECT @.a, @.b, @ AS @, @(1), count(@) FROM t WHERE @ IN (@, @) GROUP BY @, @ ORDER BY @"
    )
    assert excess(chain(step)) == ""


def test_views_within_one_another_are_counted() -> None:
    assert excess(chain("SELECT max(x) AS x FROM @", MAX_DEPTH - 1)) == ""
    assert "deep" in excess(chain("SELECT max(x) AS x FROM @", MAX_DEPTH + 1))
    assert "deep" in excess(chain("SELECT max(x) AS x FROM @", 20_000))


def test_what_names_itself_comes_to_an_end() -> None:
    assert excess(views("SELECT * FROM v1", "SELECT * FROM v0, v1")) == ""
    loop = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n"
    assert excess(views(loop)) == ""


@pytest.mark.parametrize(
    "form",
    [
        "{} AS ({})",
        "{} INTEGER(5) GENERATED ALWAYS AS ({}) VIRTUAL NOT NULL",
        "{} TEXT COLLATE NOCASE AS (coalesce({}, 'x, y (')) STORED",
        '"{}"/**/AS/**/({})',
    ],
)
def test_generated_columns_are_counted(form: str) -> None:
    def table(step: Callable[[int], str], count: int) -> list[tuple[str, str, str]]:
        columns = [form.format(f"c{n}", step(n)) for n in range(1, count)]
        return [("table", "t", f"CREATE TABLE t(c0 NOT NULL, {', '.join(columns)}, CHECK (1))")]

    assert "copies" in excess(table(lambda n: f"c{n - 1} + C{n - 1}", 40))
    assert "deep" in excess(table(lambda n: f"[c{n - 1}] * 2", 1900))
    assert excess(table(lambda n: f"c0 + {n}", 1900)) == ""


def test_thousands_of_views_as_people_make_them_are_fine() -> None:
    many = [
        ("view", f"v{n}", f"CREATE VIEW v{n} AS SELECT * FROM t JOIN v{n % 7} USING (a)")
        for n in range(7, 5000)
    ]
    base = [("view", f"v{n}", f"CREATE VIEW v{n} AS SELECT * FROM a, b, c") for n in range(7)]
    assert excess([*base, *many]) == ""
    assert excess([("view", "odd", "CREATE VIEW odd AS SELECT ((1) FROM )) WITH (")]) == ""
    assert excess([("table", "t", "CREATE TABLE t(a AS (")]) == ""
