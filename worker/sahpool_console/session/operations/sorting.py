"""Giving the rows of a result once more, in another order."""

from __future__ import annotations

from time import perf_counter

from ... import protocol
from ..errors import SessionError
from ..host import Source
from ..job import Job
from ..session import Fields, Session
from ..sql.connection import Connection
from ..sql.rereading import only_statement, require_certain, require_state
from ..sql.results import Rows
from ..sql.sorting import Key, keys_of, ordered, sql_of
from .rows import held_rows
from .run import next_piece

__all__ = ["OPERATIONS"]


async def sort_rows(session: Session, job: Job) -> Fields:
    """The first rows of a query that is run again in another order, if it gives the same rows."""
    connection = session.meant_connection(job)
    keys = _keys(job)
    statement = only_statement(job.request["sql"].encode())
    if not connection.only_reads(statement):
        raise _not_again()
    await session.host.storage.prepare()
    sql = sql_of(statement, keys, lambda query: connection.query("EXPLAIN " + query))
    if sql is None:
        raise _not_again()
    state = job.request["state"]
    require_state(connection, state)
    require_certain(connection, statement)
    began = perf_counter()
    execution = await session.patiently(job, lambda: connection.execute(sql))
    assert execution is not None
    rows = execution.rows
    assert rows is not None
    try:
        # The statement has its snapshot now; what it gives is what was meant, or nothing.
        require_state(connection, state)
    except SessionError:
        rows.close()
        raise
    return {**_first(connection, rows, job), "sql": sql, "elapsed": perf_counter() - began}


def _not_again() -> SessionError:
    return SessionError("This statement is not run again.", code="not-run-again")


async def sort_held(session: Session, job: Job) -> Fields:
    """The first of the rows that the page has, in another order, whatever the data has become."""
    connection = session.meant_connection(job)
    keys = _keys(job)
    width: int = job.request["width"]
    if max(key.column for key in keys) > width:
        raise protocol.ProtocolError("There is no such column.")
    source: Source = job.files[0]
    began = perf_counter()
    held = held_rows(source, job.request["described"], width)
    rows = Rows(ordered(held, keys, lambda: _look(job)), width, held.close)
    return {**_first(connection, rows, job), "sql": None, "elapsed": perf_counter() - began}


def _look(job: Job) -> None:
    """Lets the event loop run now and then, and ends the work that is to stop."""
    if job.tick():
        raise job.reason()


def _keys(job: Job) -> list[Key]:
    try:
        return keys_of(job.request["order"] or [])
    except ValueError as error:
        raise protocol.ProtocolError(f"The field order has {error}.") from None


def _first(connection: Connection, rows: Rows, job: Job) -> Fields:
    number: int | None = None
    try:
        piece, more = next_piece(rows, job)
        if more:
            number = connection.keep(rows)
    finally:
        if number is None:
            rows.close()
    return {"piece": piece, "cursor": number}


OPERATIONS = {"sort_rows": sort_rows, "sort_held": sort_held}
