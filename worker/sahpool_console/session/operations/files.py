"""Whole databases and files: import, export, delete."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import aclosing, closing
from types import ModuleType
from typing import Any

from ..errors import NameExists, NoDatabase, told
from ..formats.interfaces import Imported, ImportFormat
from ..formats.names import database_name, export_name, table_name
from ..formats.options import TextOptions
from ..formats.registry import EXPORTS, IMPORTS, import_format
from ..formats.tables import TableFile, load
from ..host import Source
from ..job import Job
from ..notes import Note
from ..session import Fields, Session

__all__ = ["CHUNK", "OPERATIONS", "copy_out"]

CHUNK = 1024 * 1024


_SUFFIXES = {"wal": "-wal", "journal": "-journal"}


async def beside(session: Session, job: Job) -> Fields:
    """Keeps a WAL or journal for the next import of the database that it lies beside."""
    session.beside[job.request["name"]] = job.files[0]
    return {}


async def import_file(session: Session, job: Job) -> Fields:
    """Imports a file: a database is opened afterwards, rows become a table of the open one."""
    source: Source = job.files[0]
    known = import_format(source, job.request["name"], job.request["kind"])
    if session.connection is not None:
        session.connection.require_no_transaction()
    await session.host.storage.prepare()
    imported = await known.read(_Incoming(session, job, known))
    return {"kind": known.name, **imported._asdict(), "notes": told(imported.notes)}


async def preview(session: Session, job: Job) -> Fields:
    """Says how a file would be imported, with its first rows; changes nothing."""
    source: Source = job.files[0]
    known = import_format(source, job.request["name"], job.request["kind"])
    if known.preview is None:
        return {"kind": known.name, "preview": None}
    found = await known.preview(_Incoming(session, job, known))
    table = job.request["table"] or table_name(job.request["name"], known.suffixes)
    return {"kind": known.name, "table": table, "preview": found}


class _Incoming:
    """``formats.interfaces.Incoming`` for one request."""

    def __init__(self, session: Session, job: Job, known: ImportFormat) -> None:
        self.source: Source = job.files[0]
        self.name: str = job.request["name"]
        self.options = TextOptions.of(job.request)
        self.only_if_sure: bool = job.request.get("only_if_sure", False)
        self.job = job
        self.beside: Mapping[str, Source] = {
            kind: session.beside.pop(self.name + suffix)
            for kind, suffix in _SUFFIXES.items()
            if self.name + suffix in session.beside
        }
        self._session = session
        self._format = known

    async def library(self, name: str) -> ModuleType:
        return await self._session.host.libraries.library(name)

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

    async def as_database(self, chunks: AsyncGenerator[Any], notes: list[Note]) -> Imported:
        session, request = self._session, self.job.request
        name, replace = request["database"] or database_name(self.name), request["replace"]
        if session.host.storage.exists(name) and not replace:
            for kind, source in self.beside.items():  # for the next try, under another name
                session.beside[self.name + _SUFFIXES[kind]] = source
            raise NameExists(name, "database")
        beside = {kind: source.pieces() for kind, source in self.beside.items()}
        async with aclosing(chunks):
            with session.not_open(name, "replaced"):
                found = await session.host.storage.import_db(
                    name, chunks, replace=replace, beside=beside
                )
        session.switch(name)
        remarks = [Note("of-database", {"message": message}) for message in found]
        return Imported(name, None, None, session.host.storage.size(name), notes + remarks)


async def export(session: Session, job: Job) -> Fields:
    """Hands out the committed content of a database as one binary part."""
    name = job.request["database"] or session.open_connection.name
    if not session.host.storage.exists(name):
        raise NoDatabase.named(name)
    source = session.host.storage.export_chunks(name, CHUNK)
    size = copy_out(session, job, source, session.host.storage.size(name))
    return {"name": export_name(name), "size": size}


def copy_out(session: Session, job: Job, source: Iterator[bytes], total: int = 0) -> int:
    """Makes all chunks one binary part of the reply; returns how many bytes they were.

    ``total`` is the number of bytes to come, for the progress; 0: it is not known.
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
            # A source that is not read to its end holds a lock and perhaps a slot. Left alone, it
            # would be closed only when the last traceback that refers to it is freed.
            if isinstance(source, Generator):
                source.close()

    with closing(chunks()) as copied:
        job.parts.append(session.host.loop.blob(copied))
    return size


async def delete(session: Session, job: Job) -> Fields:
    """Deletes a database; when it was the open one, none is open afterwards."""
    name = job.request["database"]
    if not session.host.storage.exists(name):
        raise NoDatabase.named(name)
    session.require_unused(name, "deleted")
    if session.connection is not None and session.connection.name == name:
        session.connection.require_no_transaction()
        session.close()
    session.host.storage.unlink(name)
    # It also gives back the room that the browser still keeps for the deleted database's slot.
    await session.host.storage.prepare()
    return {"databases": session.listed()}


async def formats(_session: Session, _job: Job) -> Fields:
    """Lists the formats of files that can be imported, and those results can be exported in."""
    return {
        "imports": [{"name": known.name, "suffixes": known.suffixes} for known in IMPORTS],
        "exports": [
            {"name": known.name, "suffix": known.suffix, "mime": known.mime} for known in EXPORTS
        ],
    }


OPERATIONS = {
    "beside": beside,
    "import_file": import_file,
    "preview": preview,
    "export": export,
    "delete": delete,
    "formats": formats,
}
