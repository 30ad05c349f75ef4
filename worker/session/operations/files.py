"""Whole databases and files: import, export, delete."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any

from ..errors import NameExists, NoDatabase
from ..formats.interfaces import Imported, ImportFormat
from ..formats.names import database_name, export_name, table_name
from ..formats.registry import EXPORTS, IMPORTS, import_format
from ..formats.tables import TableFile, load
from ..host import Source
from ..job import Job
from ..session import Fields, Session

__all__ = ["CHUNK", "OPERATIONS", "copy_out"]

CHUNK = 1024 * 1024


async def import_file(session: Session, job: Job) -> Fields:
    """Takes in a file: a database becomes the current one, rows become a table of it."""
    source: Source = job.files[0]
    known = import_format(source, job.request["name"], job.request["kind"])
    if session.connection is not None:
        session.connection.require_no_transaction()
    await session.host.prepare()
    imported = await known.read(_Incoming(session, job, known))
    return {"kind": known.name, **imported._asdict()}


class _Incoming:
    """As ``formats.interfaces`` has it: what becomes of a file that is being imported."""

    def __init__(self, session: Session, job: Job, known: ImportFormat) -> None:
        self.source: Source = job.files[0]
        self.name: str = job.request["name"]
        self.job = job
        self._session = session
        self._format = known

    async def as_table(self, file: TableFile) -> Imported:
        session, request = self._session, self.job.request
        if request["database"] is not None:
            await session.patiently(self.job, lambda: session.switch(request["database"]))
        connection = session.open_connection
        connection.close_results()
        table = request["table"] or table_name(self.name, self._format.suffixes)
        loaded = await load(
            connection,
            file,
            table,
            replace=request["replace"],
            job=self.job,
            begin=lambda: session.patiently(self.job, connection.begin),
        )
        session.wrote()
        return Imported(connection.name, table, loaded.rows, connection.size, loaded.notes)

    async def as_database(self, chunks: AsyncGenerator[Any], notes: list[str]) -> Imported:
        session, request = self._session, self.job.request
        name, replace = request["database"] or database_name(self.name), request["replace"]
        if session.host.exists(name) and not replace:
            raise NameExists(name, "database")
        async with aclosing(chunks):
            with session.not_open(name, "replaced"):
                found = await session.host.import_db(name, chunks, replace=replace)
        session.switch(name)
        return Imported(name, None, None, session.host.size(name), notes + found)


async def export(session: Session, job: Job) -> Fields:
    """The committed content of a database as one binary part."""
    name = job.request["database"] or session.open_connection.name
    if not session.host.exists(name):
        raise NoDatabase(f"There is no database named {name!r}.")
    source = session.host.export_chunks(name, CHUNK)
    size = copy_out(session, job, source, session.host.size(name))
    return {"name": export_name(name), "size": size}


def copy_out(session: Session, job: Job, source: Iterator[bytes], total: int = 0) -> int:
    """Makes all chunks one binary part of the reply; how many bytes they were.

    ``total`` is how many there will be, as far as that is known; 0: it is not.
    """
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
            # It holds a lock and perhaps a slot, also when it is not read to its end. It is
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


async def formats(_session: Session, _job: Job) -> Fields:
    """The formats of files that can be imported, and those that results can be exported in."""
    return {
        "imports": [{"name": known.name, "suffixes": known.suffixes} for known in IMPORTS],
        "exports": [
            {"name": known.name, "suffix": known.suffix, "mime": known.mime} for known in EXPORTS
        ],
    }


OPERATIONS = {
    "import_file": import_file,
    "export": export,
    "delete": delete,
    "formats": formats,
}
