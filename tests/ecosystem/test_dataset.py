"""dataset, and Datasette's database layer, as their users write, over a pool."""

from __future__ import annotations

from typing import Any

from tests.ecosystem import packages
from tests.ecosystem.conftest import Ecosystem


async def write_with_dataset(pool: Any) -> None:
    """Tables that make themselves; a transaction kept and one given up."""
    import dataset

    database = dataset.connect("sqlite:////weather.db")
    table = database["weather"]
    table.insert({"place": "Oslo", "degrees": -3})
    table.insert_many([{"place": "Rome", "degrees": 19, "sunny": True}, {"place": "Kyiv"}])
    table.upsert({"place": "Kyiv", "degrees": 7.5}, ["place"])
    table.update({"place": "Oslo", "degrees": -4}, ["place"])
    with database as transaction:
        transaction["weather"].insert({"place": "Lima", "degrees": 18})
    try:
        with database as transaction:
            transaction["weather"].insert({"place": "nowhere"})
            raise LookupError("given up")
    except LookupError:
        assert table.count() == 4
    table.delete(place="Lima")
    table.create_index(["place"])


async def read_with_dataset(pool: Any) -> Any:
    """What is there after the restart."""
    import dataset

    database = dataset.connect("sqlite:////weather.db")
    rows = database["weather"].find(degrees={"<": 10}, order_by="place")
    assert database["weather"].find_one(place="Rome")["sunny"]
    return [[row["place"], row["degrees"]] for row in rows]


def test_what_dataset_stored_outlives_the_worker(ecosystem: Ecosystem) -> None:
    ecosystem.run(write_with_dataset, *packages.DATASET)
    ecosystem.restart()
    assert ecosystem.run(read_with_dataset, *packages.DATASET) == [["Kyiv", 7.5], ["Oslo", -4]]


async def use_datasette(pool: Any) -> Any:
    """Its database layer and its web application, in the mode without threads."""
    from datasette.app import Datasette
    from datasette.database import Database

    datasette = Datasette([], settings={"num_sql_threads": 0})
    database = datasette.add_database(Database(datasette, path="/plants.db"))
    new = "/plants.db" not in pool.file_names
    if new:
        await database.execute_write_script("CREATE TABLE plant (id INTEGER PRIMARY KEY, name)")
    await database.execute_write("INSERT INTO plant (name) VALUES (?)", ["fern" if new else "moss"])
    assert await database.table_names() == ["plant"]
    answer = await datasette.client.get("/plants/plant.json?_shape=arrays")
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def test_what_datasette_wrote_outlives_the_worker(ecosystem: Ecosystem) -> None:
    ecosystem.run(use_datasette, *packages.DATASETTE)
    ecosystem.restart()
    assert ecosystem.run(use_datasette, *packages.DATASETTE) == [[1, "fern"], [2, "moss"]]


async def name_it_by_every_type(pool: Any) -> None:
    """A path of ``pathlib`` and bytes are names as text is."""
    import sqlite3
    from contextlib import closing
    from pathlib import Path

    with closing(sqlite3.connect("/named.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
    for name in (Path("/named.db"), b"/named.db", Path("named.db")):
        with closing(sqlite3.connect(name)) as connection:
            assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)], name


def test_a_database_may_be_named_by_text_bytes_and_path(ecosystem: Ecosystem) -> None:
    ecosystem.run(name_it_by_every_type)
