"""Whole databases and files: import, export, delete."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import aclosing, closing

from .. import formats
from ..errors import NameExists, NoDatabase
from ..formats import read_delimited, read_sqlite
from ..host import Source
from ..job import Job
from ..session import Fields, Session

__all__ = ["CHUNK", "OPERATIONS", "copy_out"]

CHUNK = 1024 * 1024


async def import_file(session: Session, job: Job) -> Fields:
    """Takes in a file: a database becomes the current one, a CSV file a table of it."""
    source: Source = job.files[0]
    kind = formats.kind_of(source, job.request["name"], job.request["kind"])
    if session.connection is not None:
        session.connection.require_no_transaction()
    await session.host.prepare()
    if kind == "sqlite":
        return await _import_database(session, job, source)
    if job.request["database"] is not None:
        await session.patiently(job, lambda: session.switch(job.request["database"]))
    connection = session.open_connection
    connection.close_results()
    table = job.request["table"] or formats.table_name(job.request["name"])
    loaded = await read_delimited.load(
        connection,
        source,
        job.request["name"],
        table,
        replace=job.request["replace"],
        job=job,
        begin=lambda: session.patiently(job, connection.begin),
    )
    session.wrote()
    return {
        "kind": "csv",
        "database": connection.name,
        "table": table,
        "rows": loaded.rows,
        "size": connection.size,
        "notes": loaded.notes,
    }


async def _import_database(session: Session, job: Job, source: Source) -> Fields:
    name = job.request["database"] or formats.database_name(job.request["name"])
    if session.host.exists(name) and not job.request["replace"]:
        raise NameExists(name, "database")
    notes = read_sqlite.check(source, job.request["name"])
    async with aclosing(read_sqlite.chunks(source, job)) as chunks:
        with session.not_open(name, "replaced"):
            replace = job.request["replace"]
            notes += await session.host.import_db(name, chunks, replace=replace)
    session.switch(name)
    return {
        "kind": "sqlite",
        "database": name,
        "table": None,
        "rows": None,
        "size": session.host.size(name),
        "notes": notes,
    }


async def export(session: Session, job: Job) -> Fields:
    """The committed content of a database as one binary part."""
    name = job.request["database"] or session.open_connection.name
    if not session.host.exists(name):
        raise NoDatabase(f"There is no database named {name!r}.")
    source = session.host.export_chunks(name, CHUNK)
    size = copy_out(session, job, source, session.host.size(name))
    return {"name": formats.export_name(name), "size": size}


def copy_out(session: Session, job: Job, source: Iterator[bytes], total: int) -> int:
    """Makes all chunks one binary part of the reply; how many bytes they were."""
    size = 0

    def chunks() -> Generator[bytes, None, None]:
        nonlocal size
        try:
            for chunk in source:
                size += len(chunk)
                job.progress("copying", size, total)
                job.tick()
                job.check()
                yield chunk
        finally:
            # It holds a lock and perhaps a slot, also when it is not read to its end.  It is
            # closed here, and not when the last traceback that names it is forgotten.
            if isinstance(source, Generator):
                source.close()

    with closing(chunks()) as copied:
        job.parts.append(session.host.blob(copied))
    return size


async def delete(session: Session, job: Job) -> Fields:
    """Deletes a database; when it was the current one, none is open afterwards."""
    name = job.request["database"]
    if not session.host.exists(name):
        raise NoDatabase(f"There is no database named {name!r}.")
    session.require_unused(name, "deleted")
    if session.connection is not None and session.connection.name == name:
        session.connection.require_no_transaction()
        session.close()
    session.host.unlink(name)
    await session.host.prepare()  # gives back, too, what the browser has set aside for it
    return {"databases": session.listed()}


OPERATIONS = {"import_file": import_file, "export": export, "delete": delete}
