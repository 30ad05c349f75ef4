"""The plan of a statement, and trying out what an index would do for it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import NamedTuple

from ... import protocol
from ..errors import Hint, SessionError
from ..job import Job
from ..session import Fields, Session
from ..sql import plan
from ..sql.advice import Advice, advise
from ..sql.statements import texts

__all__ = ["OPERATIONS"]

MOST_SAMPLES = 7
"""Timings of which the median is taken, after one more that fills the page cache."""

MOST_SECONDS = 1.0
"""Seconds of timings after which no other one begins."""

SAMPLE_SECONDS = 0.01
"""Seconds that are timed at least, by running a quick query several times: the clock of a browser
goes in steps of 0.1 ms and more."""

_FETCHED = 1_000
_CREATE = re.compile(r"CREATE\s+INDEX\s", re.IGNORECASE)


async def plan_of(session: Session, job: Job) -> Fields:
    """The plan of one statement, and the indexes that would help it."""
    connection = session.meant_connection(job)
    sql = _one(job.request["sql"])
    await session.host.storage.prepare()
    rows, stand_ins = await session.patiently(job, lambda: connection.plan(sql)) or ([], ())
    advice: Advice | None = None
    if connection.only_reads(sql):
        advice = advise(connection.query, session.host.engine, sql, stand_ins)
    return {
        "sql": sql,
        "database": connection.name,
        "steps": [_fields(step) for step in plan.steps(rows)],
        "advice": advice
        and {
            "why": advice.why,
            "indexes": [each._asdict() for each in advice.indexes],
        },
    }


def _one(text: str) -> str:
    """The one statement of a text, without EXPLAIN.

    Raises:
        SessionError: There is none or more than one, or it has no plan.
    """
    statements = list(texts(text.encode()))
    if len(statements) != 1:
        raise SessionError(
            f"The plan of one statement is shown at a time, and here are {len(statements)}.",
            code="plan-of-one",
            hint=Hint("choose-one"),
            count=len(statements),
        )
    meant = plan.target(statements[0])
    if meant is None:
        raise SessionError("This statement has no plan: it looks for no rows.", code="no-plan")
    return meant


def _fields(step: plan.Step) -> Fields:
    return {
        "depth": step.depth,
        "code": step.code,
        "params": step.params,
        "left": step.is_left,
        "detail": step.detail,
    }


class _Timed(NamedTuple):
    """How long a query takes: the median of some timings, and how many rows it has."""

    seconds: float
    samples: int
    rows: int


async def try_indexes(session: Session, job: Job) -> Fields:
    """Makes indexes in a transaction, times a query without and with them, and rolls back.

    Raises:
        TransactionOpen: A transaction is open, of which a failure might undo more than the index.
        SessionError: The query does not only read.
    """
    connection = session.meant_connection(job)
    sql = _one(job.request["sql"])
    creating = _creating(job)
    connection.require_no_transaction()
    if not connection.only_reads(sql):
        raise SessionError("Only a query that only reads is timed.", code="times-only-reading")
    await session.host.storage.prepare()
    connection.close_results()
    await session.patiently(job, lambda: connection.begin(to_keep=False))
    con = connection.con
    try:
        with connection.undone():
            connection.plan(sql)  # so that what it needs is there
            without = _timed(con, sql, job)
            ((pages,),) = connection.query("PRAGMA page_count")
            ((page_size,),) = connection.query("PRAGMA page_size")
            began = perf_counter()
            for create in creating:
                con.execute(create)
            built = perf_counter() - began
            ((after,),) = connection.query("PRAGMA page_count")
            rows, _ = connection.plan(sql)
            with_it = _timed(con, sql, job)
    finally:
        # What did not fit into the page cache may have made the WAL long: it is emptied as after a
        # commit.
        session.wrote()
    return {
        "without": without._asdict(),
        "with": with_it._asdict(),
        "built": built,
        "size": (after - pages) * page_size,
        "steps": [_fields(step) for step in plan.steps(rows)],
    }


def _creating(job: Job) -> list[str]:
    """The statements of a request that make indexes.

    Raises:
        ProtocolError: There are others among them, or none.
    """
    creating = list(texts(job.request["create"].encode()))
    if not creating or not all(map(_CREATE.match, creating)):
        raise protocol.ProtocolError("The field 'create' has CREATE INDEX and nothing else.")
    return creating


def _timed(con: sqlite3.Connection, sql: str, job: Job) -> _Timed:
    """How long a query takes, read to its end. One that takes long runs once."""
    times = 1
    taken, rows = _sample(con, sql, job, times)  # fills the page cache
    samples = [taken]
    if taken < MOST_SECONDS / 4:
        while taken < SAMPLE_SECONDS:
            times *= 2
            taken, rows = _sample(con, sql, job, times)
        samples = [taken]
        while len(samples) < MOST_SAMPLES and sum(samples) < MOST_SECONDS:
            samples.append(_sample(con, sql, job, times)[0])
    return _Timed(median(samples) / times, len(samples), rows)


def _sample(con: sqlite3.Connection, sql: str, job: Job, times: int) -> tuple[float, int]:
    """The seconds that a query takes when it runs some times, and its rows."""
    rows = 0
    began = perf_counter()
    for _ in range(times):
        job.check()
        rows = _count(con.execute(sql).fetchmany)
    return perf_counter() - began, rows


def _count(fetch: Callable[[int], list[object]]) -> int:
    count = 0
    while rows := fetch(_FETCHED):
        count += len(rows)
    return count


async def keep_indexes(session: Session, job: Job) -> Fields:
    """Makes indexes, all or none.

    Raises:
        TransactionOpen: A transaction is open, of which a failure might undo more than the indexes.
    """
    connection = session.meant_connection(job)
    creating = _creating(job)
    connection.require_no_transaction()
    await session.host.storage.prepare()
    connection.close_results()
    await session.patiently(job, connection.begin)
    with connection.transaction():
        for create in creating:
            connection.con.execute(create)
    session.wrote()
    return session.described()


OPERATIONS = {"plan": plan_of, "try_indexes": try_indexes, "keep_indexes": keep_indexes}
