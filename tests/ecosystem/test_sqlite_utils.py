"""sqlite-utils' commands, called from Python, over a pool."""

from __future__ import annotations

from typing import Any

from tests.ecosystem import packages
from tests.ecosystem.conftest import Ecosystem


async def write_with_commands(pool: Any) -> Any:
    """Commands one after the other, each as it would stand in a shell."""
    import json
    from pathlib import Path

    from click.testing import CliRunner
    from sqlite_utils.cli import cli

    # The commands ask whether there is a file of that name before they open the database.
    Path("/books.db").touch()

    def command(*arguments: str, stdin: str | None = None) -> str:
        result = CliRunner().invoke(cli, arguments, input=stdin)
        assert result.exit_code == 0, (arguments, result.output, result.exception)
        return str(result.output)

    books = [
        {"id": 1, "title": "Solaris", "country": "Poland"},
        {"id": 2, "title": "Eden", "country": "Poland"},
        {"id": 3, "title": "Diaspora", "country": "Australia"},
    ]
    command("insert", "/books.db", "books", "-", "--pk", "id", stdin=json.dumps(books))
    more = "id,title,country\n4,Permutation City,Australia\n"
    command("insert", "/books.db", "books", "-", "--csv", "--pk", "id", stdin=more)
    changed = json.dumps([{"id": 2, "title": "Eden (1959)"}])
    command("upsert", "/books.db", "books", "-", "--pk", "id", stdin=changed)
    command("extract", "/books.db", "books", "country", "--table", "countries")
    command("transform", "/books.db", "books", "--rename", "title", "name", "--not-null", "name")
    command("enable-fts", "/books.db", "books", "name", "--fts5", "--create-triggers")
    command("create-index", "/books.db", "books", "name")
    command("create-view", "/books.db", "polish", "SELECT * FROM books WHERE countries_id = 1")
    (Path("/") / "memory.csv").write_text("a,b\n1,2\n3,4\n")
    assert json.loads(command("memory", "/memory.csv", "SELECT sum(b) AS s FROM memory")) == [
        {"s": 6}
    ]
    return json.loads(command("tables", "/books.db", "--counts"))


async def read_with_commands(pool: Any) -> Any:
    """After the restart: search, query, and a vacuum on top."""
    import json
    from pathlib import Path

    from click.testing import CliRunner
    from sqlite_utils import Database
    from sqlite_utils.cli import cli

    Path("/books.db").touch()

    def command(*arguments: str) -> str:
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, (arguments, result.output, result.exception)
        return str(result.output)

    command("vacuum", "/books.db")
    command("optimize", "/books.db")
    found = json.loads(command("search", "/books.db", "books", "city"))
    query = "SELECT b.name, c.country FROM books b JOIN countries c ON c.id = countries_id"
    rows = json.loads(command("query", "/books.db", query + " ORDER BY b.id", "--arrays"))
    assert Database("/books.db")["books"].count == 4
    return [[each["name"] for each in found], rows, command("rows", "/books.db", "polish", "--nl")]


def test_what_the_commands_wrote_outlives_the_worker(ecosystem: Ecosystem) -> None:
    tables = ecosystem.run(write_with_commands, *packages.SQLITE_UTILS)
    assert {each["table"]: each["count"] for each in tables}.items() >= {
        "books": 4,
        "countries": 2,
    }.items()
    ecosystem.restart()
    found, rows, polish = ecosystem.run(read_with_commands, *packages.SQLITE_UTILS)
    assert found == ["Permutation City"]
    assert rows == [
        ["Solaris", "Poland"],
        ["Eden (1959)", "Poland"],
        ["Diaspora", "Australia"],
        ["Permutation City", "Australia"],
    ]
    assert polish.count("\n") == 2
