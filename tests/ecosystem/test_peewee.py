"""peewee as its users write, over a pool."""

from __future__ import annotations

from typing import Any

from tests.ecosystem import packages
from tests.ecosystem.conftest import Ecosystem, keep


async def write_with_peewee(pool: Any) -> None:
    """Models, nested transactions, a migration, full-text search, JSON.

    The worker ends in the middle of a transaction.
    """
    from peewee import CharField, IntegrityError, Model, SqliteDatabase, fn
    from playhouse.migrate import SqliteMigrator, migrate
    from playhouse.sqlite_ext import FTS5Model, JSONField, SearchField

    people = SqliteDatabase("/people.db")

    class Person(Model):
        name = CharField(unique=True)
        facts = JSONField()

        class Meta:
            database = people

    class Page(FTS5Model):
        title = SearchField()
        body = SearchField()

        class Meta:
            database = people

    people.create_tables([Person, Page])
    with people.atomic():
        Person.create(name="Ada", facts={"born": 1815})
        with people.atomic() as inner:
            Person.create(name="dropped", facts={})
            inner.rollback()
        with people.atomic():
            Person.create(name="Grace", facts={"born": 1906, "tags": ["navy"]})
    refused = ""
    try:
        with people.atomic():
            Person.create(name="lost", facts={})
            Person.create(name="Ada", facts={})
    except IntegrityError as error:
        refused = str(error)
    assert refused == "UNIQUE constraint failed: person.name"
    Person.update(name="Ada Lovelace").where(Person.name == "Ada").execute()
    assert [person.name for person in Person.select().where(Person.facts["born"] > 1900)] == [
        "Grace"
    ]
    Page.insert_many(
        [{"title": "one", "body": "the quick fox"}, {"title": "two", "body": "a lazy dog"}]
    ).execute()
    migrator = SqliteMigrator(people)
    migrate(
        migrator.add_column("person", "country", CharField(default="UK")),
        migrator.rename_column("person", "name", "full_name"),
    )
    assert Person.select(fn.COUNT(Person.id)).scalar() == 2
    people.begin()
    people.execute_sql("DELETE FROM person")
    keep(people)


async def read_with_peewee(pool: Any) -> Any:
    """By another class of peewee's: connections from a pool of its own."""
    from playhouse.pool import PooledSqliteDatabase

    database = PooledSqliteDatabase("/people.db", max_connections=2)
    people = "SELECT full_name, country FROM person ORDER BY id"
    found = "SELECT title FROM page WHERE page MATCH 'fox'"
    rows = [[list(row) for row in database.execute_sql(sql)] for sql in (people, found)]
    database.close_all()
    return rows


def test_what_peewee_committed_outlives_the_worker(ecosystem: Ecosystem) -> None:
    ecosystem.run(write_with_peewee, *packages.PEEWEE)
    ecosystem.restart()
    assert ecosystem.run(read_with_peewee, *packages.PEEWEE) == [
        [["Ada Lovelace", "UK"], ["Grace", "UK"]],
        [["one"]],
    ]
