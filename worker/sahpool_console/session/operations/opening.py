"""The greeting of a tab, opening and listing databases, the schema, the words of the SQL."""

from contextlib import suppress

from ... import protocol
from ..job import Job
from ..session import Fields, Session
from ..sql import catalog
from .quarantine import slots_of

__all__ = ["OPERATIONS"]


async def hello(session: Session, job: Job) -> Fields:
    """Answers the page's greeting: what it needs at its start, and the database it had open."""
    if job.request["protocol"] != protocol.PROTOCOL:
        raise protocol.ProtocolError(
            f"The page speaks version {job.request['protocol']} of the protocol, "
            f"the worker version {protocol.PROTOCOL}. Reload the page."
        )
    host = session.host
    session.number = job.request["tab"]
    session.neighbours.tell_tabs()
    is_paused = session.neighbours.is_paused
    opened = {"database": None} if is_paused else await _opened(session, job.request["database"])
    return {
        "protocol": protocol.PROTOCOL,
        "versions": host.engine.versions,
        "storage": host.storage.kind,
        "why_memory": host.storage.why_memory,
        "can_suspend": host.loop.can_suspend,
        "paused": is_paused,
        "databases": [] if is_paused else session.listed(),
        "quarantined": slots_of(session),
        **opened,
    }


async def _opened(session: Session, name: str | None) -> Fields:
    """Opens a database if there is one of that name; returns its fields, or ``database``: None.

    None, too, when it cannot be opened: the request ``open`` gives the error.
    """
    if name is not None and session.host.storage.exists(name):
        await session.host.storage.prepare()
        with suppress(Exception):
            session.switch(name)
            return session.described()
    return {"database": None}


async def words(session: Session, _job: Job) -> Fields:
    """Lists the keywords and functions of this SQLite, for an editor."""
    return {
        "keywords": session.host.engine.keywords(),
        "functions": catalog.function_names(session.host.engine),
    }


async def open_database(session: Session, job: Job) -> Fields:
    """Opens a database in place of the one that is open; does nothing if it is that one.

    Raises:
        TransactionOpen: The user has a transaction open in the other one, and would lose it.
    """
    await session.host.storage.prepare()
    await session.patiently(job, lambda: session.switch(job.request["database"]))
    return {**session.described(), "databases": session.listed()}


async def databases(session: Session, _job: Job) -> Fields:
    """Lists every database with its size in bytes."""
    return {"databases": session.listed()}


async def schema(session: Session, _job: Job) -> Fields:
    """Describes the open database: its name, size in bytes and schema."""
    return session.described()


OPERATIONS = {
    "hello": hello,
    "words": words,
    "open": open_database,
    "databases": databases,
    "schema": schema,
}
