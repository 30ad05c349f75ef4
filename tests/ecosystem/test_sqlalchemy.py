"""SQLAlchemy and Alembic as their users write, over a pool."""

from __future__ import annotations

from typing import Any

from tests.ecosystem import packages
from tests.ecosystem.conftest import Ecosystem, keep


async def write_with_the_orm(pool: Any) -> None:
    """As a program on a desktop would do it; the worker ends in the middle of a transaction."""
    from sqlalchemy import ForeignKey, Integer, String, create_engine, select
    from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, relationship

    class Base(DeclarativeBase):
        pass

    class Author(Base):
        __tablename__ = "author"
        id = mapped_column(Integer, primary_key=True)
        name = mapped_column(String, unique=True)
        books = relationship("Book", cascade="all, delete-orphan")

    class Book(Base):
        __tablename__ = "book"
        id = mapped_column(Integer, primary_key=True)
        title = mapped_column(String)
        author_id = mapped_column(ForeignKey("author.id"))

    engine = create_engine("sqlite:////notes.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Author(name="Lem", books=[Book(title="Solaris"), Book(title="Eden")]))
        session.add(Author(name="Egan", books=[Book(title="Diaspora")]))
        session.commit()
        lem = session.scalars(select(Author).where(Author.name == "Lem")).one()
        lem.name = "Stanisław Lem"
        session.delete(lem.books[1])
        session.commit()
        session.add(Author(name="nobody"))
        session.rollback()
        with session.begin_nested():
            session.add(Author(name="kept"))
            session.flush()
            with session.begin_nested() as inner:
                session.add(Author(name="dropped"))
                session.flush()
                inner.rollback()
        session.commit()
    session = Session(engine)
    session.add(Author(name="never committed"))
    session.flush()
    keep(session)


async def read_all(pool: Any) -> Any:
    """What is there, by the other kind of URL: the pool named in it."""
    from sqlalchemy import create_engine, text

    engine = create_engine("sqlite:///file:/notes.db?vfs=opfs-sahpool&uri=true")
    query = "SELECT name, title FROM author LEFT JOIN book ON author.id = author_id ORDER BY name"
    with engine.connect() as connection:
        return [list(row) for row in connection.execute(text(query))]


def test_what_the_orm_committed_outlives_the_worker_and_nothing_else_does(
    ecosystem: Ecosystem,
) -> None:
    ecosystem.run(write_with_the_orm, *packages.SQLALCHEMY)
    ecosystem.restart()
    assert ecosystem.run(read_all, *packages.SQLALCHEMY, default=False) == [
        ["Egan", "Diaspora"],
        ["Stanisław Lem", "Solaris"],
        ["kept", None],
    ]


async def use_several_connections(pool: Any) -> None:
    """A reader keeps its snapshot, a second writer is told to wait: one engine, one pool."""
    from sqlalchemy import QueuePool, create_engine, exc, text

    engine = create_engine("sqlite:////many.db", connect_args={"autocommit": False, "timeout": 0.1})
    assert isinstance(engine.pool, QueuePool)
    count = text("SELECT count(*) FROM t")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (a)"))
    with engine.connect() as reader, engine.connect() as writer, engine.connect() as third:
        assert engine.pool.checkedout() == 3
        assert reader.scalar(count) == 0
        writer.execute(text("INSERT INTO t VALUES (1)"))
        refused = ""
        try:
            third.execute(text("INSERT INTO t VALUES (2)"))
        except exc.OperationalError as error:
            refused = str(error)
        assert "database is locked" in refused
        third.rollback()
        writer.commit()
        assert reader.scalar(count) == 0
        reader.rollback()
        assert reader.scalar(count) == 1
        third.execute(text("INSERT INTO t VALUES (2)"))
        third.commit()
    engine.dispose()
    assert engine.connect().scalar(count) == 2


def test_the_connections_of_one_engine_see_snapshots_and_locks(ecosystem: Ecosystem) -> None:
    ecosystem.run(use_several_connections, *packages.SQLALCHEMY)


async def migrate(pool: Any) -> Any:
    """An environment in Emscripten's file system; two revisions, the second in batch mode."""
    from pathlib import Path

    from alembic import autogenerate, command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Column, Integer, MetaData, Table, Text, create_engine, inspect, text

    home = Path("/home/migrations")
    (home / "versions").mkdir(parents=True)
    (home / "script.py.mako").write_text("")
    (home / "env.py").write_text(
        "from alembic import context\n"
        "from sqlalchemy import create_engine\n"
        "engine = create_engine(context.config.get_main_option('sqlalchemy.url'))\n"
        "with engine.connect() as connection:\n"
        "    context.configure(connection=connection, render_as_batch=True)\n"
        "    with context.begin_transaction():\n"
        "        context.run_migrations()\n"
    )
    head = "from alembic import op\nimport sqlalchemy as sa\n"
    (home / "versions/one.py").write_text(
        head + "revision, down_revision = 'one', None\n"
        "def upgrade():\n"
        "    op.create_table('note', sa.Column('id', sa.Integer, primary_key=True),"
        " sa.Column('text', sa.Text))\n"
        "def downgrade():\n"
        "    op.drop_table('note')\n"
    )
    (home / "versions/two.py").write_text(
        head + "revision, down_revision = 'two', 'one'\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('note') as batch:\n"
        "        batch.add_column(sa.Column('stars', sa.Integer, server_default='3'))\n"
        "        batch.alter_column('text', new_column_name='body', nullable=False)\n"
        "def downgrade():\n"
        "    with op.batch_alter_table('note') as batch:\n"
        "        batch.drop_column('stars')\n"
        "        batch.alter_column('body', new_column_name='text', nullable=True)\n"
    )
    url = "sqlite:////migrated.db"
    config = Config()
    config.set_main_option("script_location", str(home))
    config.set_main_option("sqlalchemy.url", url)
    engine = create_engine(url)

    def columns() -> list[str]:
        return [column["name"] for column in inspect(engine).get_columns("note")]

    wanted = MetaData()
    Table("note", wanted, Column("id", Integer, primary_key=True), Column("body", Text))
    Table("more", wanted, Column("id", Integer, primary_key=True))

    new = "/migrated.db" not in pool.file_names
    if new:
        command.upgrade(config, "one")
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO note (text) VALUES ('first')"))
        command.upgrade(config, "head")
        assert columns() == ["id", "body", "stars"]
        with engine.connect() as connection:
            found = autogenerate.compare_metadata(MigrationContext.configure(connection), wanted)
        assert sorted(each[0] for each in found if isinstance(each, tuple)) == [
            "add_table",
            "remove_column",
        ], found
        return None
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
        rows = [list(row) for row in connection.execute(text("SELECT body, stars FROM note"))]
    command.downgrade(config, "one")
    assert columns() == ["id", "text"]
    command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    return [revision, rows]


def test_alembic_migrates_up_and_after_a_restart_down_again(ecosystem: Ecosystem) -> None:
    ecosystem.run(migrate, *packages.ALEMBIC)
    ecosystem.restart()
    assert ecosystem.run(migrate, *packages.ALEMBIC) == ["two", [["first", 3]]]
