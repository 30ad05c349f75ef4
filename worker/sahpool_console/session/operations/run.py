"""Running a script of SQL in a session, reading on in its results, and cancelling."""

from __future__ import annotations

import sqlite3
from array import array
from contextlib import suppress
from time import perf_counter

from ... import protocol
from ..errors import Hint, OutcomeUnknown, TransactionLost, add_hint, describe
from ..job import Job
from ..session import Fields, Session
from ..sql.catalog import KnownNames
from ..sql.connection import Connection, Execution
from ..sql.hints import Found, Situation, find
from ..sql.likely import Names, likely
from ..sql.results import Rows
from ..sql.statements import Statement, split

__all__ = ["OPERATIONS", "RUN_OUTCOMES", "RUN_SECONDS", "next_piece"]

RUN_SECONDS = 0.2
"""Seconds after which ``run`` answers with the outcomes so far, so that the page can show them."""

RUN_OUTCOMES = 2_000
"""Statements after which it answers, too, for the page reads a reply in one go."""

MERGED_OUTCOMES = 50_000
"""The same where outcomes without rows come as one."""

UNKNOWN = "sql-function-unknown"
"""The code of the hint about a function that no program is known to have."""

LEAST_MERGED = 20
"""Outcomes in a row that are worth one of the kind "many"."""


async def run(session: Session, job: Job) -> Fields:
    """Runs statements until one has more rows than were asked for or fails, or the time is up.

    First closes all results that are still open (see Connection). A cancel ends the run as an
    error does: it is in the outcome of the statement that it has stopped.
    """
    connection = session.meant_connection(job)
    sql = _script(session, job)
    start = job.request["start"]
    if start > len(sql) or (start < len(sql) and sql[start] & 0xC0 == 0x80):
        raise protocol.ProtocolError(f"No character of the SQL begins at byte {start}.")
    if job.request["transaction"] and not connection.con.in_transaction:
        # If the request was sent to an earlier worker before, its COMMIT may have been done there.
        if job.request["again"] and connection.may_end(sql, start):
            raise OutcomeUnknown
        raise TransactionLost
    await session.host.storage.prepare()
    connection.close_results()
    merged = Outcomes(job)
    statements = split(sql, start)
    statement = next(statements, None)
    until = perf_counter() + RUN_SECONDS
    while statement is not None:
        outcome = await _outcome(session, connection, sql, statement, job, merged.count > 0)
        if outcome is None:
            break
        merged.add(outcome)
        statement = None if outcome["error"] is not None else next(statements, None)
        if outcome["cursor"] is not None or merged.is_full():
            break
        if perf_counter() > until:
            break
        # Many statements that are too short for the progress handler would hold up others, too.
        job.tick()
    if connection.may_have_written and not connection.con.in_transaction:
        connection.may_have_written = False
        session.wrote()
    if statement is None:
        session.script = (0, b"")
    return {
        "outcomes": merged.taken(),
        "next": None if statement is None else statement.start,
        "in_transaction": connection.con.in_transaction,
        "transaction": connection.open_transaction.described(),
        "schema_changed": session.schema_changed(connection),
    }


def _script(session: Session, job: Job) -> bytes:
    """The text to run, in UTF-8: that of the request, or the one that the session keeps.

    Raises:
        ProtocolError: The session keeps no text of that number.
    """
    sql: str = job.request["sql"]
    number: int = job.request["script"]
    if not number:
        return sql.encode()
    if sql:
        session.script = (number, sql.encode())
    elif session.script[0] != number:
        raise protocol.ProtocolError(f"This session has no script {number}.")
    return session.script[1]


class Outcomes:
    """The outcomes of a request, in which many without rows may come as one (``merge``).

    Attributes:
        count: How many statements there are.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._merges = job.request["merge"]
        self._listed: list[Fields] = []
        self._pending: list[Fields] = []
        self.count = 0

    def add(self, outcome: Fields) -> None:
        """Adds the outcome of one statement."""
        self.count += 1
        if self._merges and outcome["kind"] == "done":
            self._pending.append(outcome)
        else:
            self._flush()
            self._listed.append(outcome)

    def is_full(self) -> bool:
        """Whether the reply is to be sent, for the page reads it in one go."""
        most = MERGED_OUTCOMES if self._merges else RUN_OUTCOMES
        return len(self._listed) >= RUN_OUTCOMES or self.count >= most

    def taken(self) -> list[Fields]:
        """The outcomes for the reply."""
        self._flush()
        return self._listed

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if len(pending) < LEAST_MERGED:
            self._listed += pending
            return
        numbers = array("d")
        for each in pending:
            changes = -1 if each["changes"] is None else each["changes"]
            numbers.extend((each["start"], each["end"], each["line"], each["elapsed"], changes))
        known = [each["changes"] for each in pending if each["changes"] is not None]
        self._listed.append(
            {
                **pending[0],
                "kind": "many",
                "end": pending[-1]["end"],
                "elapsed": sum(each["elapsed"] for each in pending),
                "changes": sum(known) if known else None,
                "count": len(pending),
                "part": len(self._job.parts),
            }
        )
        self._job.parts.append(numbers.tobytes())


async def _outcome(
    session: Session,
    connection: Connection,
    sql: bytes,
    statement: Statement,
    job: Job,
    has_done: bool,
) -> Fields | None:
    """Runs one statement up to its first rows; returns its outcome.

    None when it must wait for another session's lock while the request ``has_done`` something: the
    outcomes so far are sent first, for a request that waits must have done nothing
    (Session.patiently).
    """
    text = sql[statement.start : statement.end]
    outcome: Fields = {
        "start": statement.start,
        "end": statement.end,
        "line": statement.line,
        "kind": "done",
        "elapsed": 0.0,
        "changes": None,
        "columns": [],
        "piece": None,
        "cursor": None,
        "state": None,
        "error": None,
    }
    in_transaction = connection.con.in_transaction
    execution: Execution | None = None
    began = perf_counter()
    try:
        job.check()
        decoded = text.decode()
        if job.request["again"] and not connection.only_reads(decoded):
            raise OutcomeUnknown
        execution = await session.patiently(
            job, lambda: connection.execute(decoded), has_done=has_done
        )
        if execution is None:
            return None
        outcome["changes"] = execution.changes
        if execution.rows is not None:
            outcome["kind"] = "rows"
            outcome["columns"] = execution.columns
            outcome["state"] = connection.state()
            outcome["piece"], more = next_piece(execution.rows, job)
            if more:
                outcome["cursor"] = connection.keep(execution.rows)
    except Exception as error:  # noqa: BLE001  (every error becomes the outcome)
        outcome.update(kind="error", columns=[], piece=None)
        outcome["error"] = _statement_error(session, connection, error, statement, text, job)
        if in_transaction and not connection.con.in_transaction:
            connection.has_rolled_back()
            add_hint(outcome["error"], Hint("rolled-back"))
    finally:
        if execution is not None and execution.rows is not None and outcome["cursor"] is None:
            execution.rows.close()
    if execution is None or execution.may_write:
        connection.may_have_written = True
    outcome["elapsed"] = perf_counter() - began
    return outcome


def _statement_error(
    session: Session,
    connection: Connection,
    error: Exception,
    statement: Statement,
    text: bytes,
    job: Job,
) -> Fields:
    offset = -1
    if isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorcode"):
        offset = session.host.engine.error_offset(connection.con)
    report = describe(
        job.as_stopped(error),
        statement=text,
        offset=statement.start + offset if offset >= 0 else None,
    )
    if not report["hint"] and not report["hints"] and isinstance(error, sqlite3.Error):
        engine = session.host.engine
        open_for = connection.open_transaction.open_for
        situation = Situation(str(error), text, offset, engine.keywords(), open_for)
        _add_hint(report, situation, KnownNames(connection, engine), statement.start)
    return report


def _add_hint(report: Fields, situation: Situation, names: Names, start: int) -> None:
    """Adds the hint about what the statement, from byte ``start`` of the SQL on, says.

    Where it says what to replace, ``replacements`` is a list of (byte of the whole SQL, bytes,
    text), to the first of which ``offset`` then points.
    """
    found = _found(situation, names)
    if found is None:
        return
    if found.hint is not None:
        add_hint(report, found.hint)
    if found.place >= 0:
        report["offset"] = start + found.place
    if found.replacements:
        report["replacements"] = [
            [start + each.offset, each.length, each.text] for each in found.replacements
        ]
        report["offset"] = report["replacements"][0][0]


def _found(situation: Situation, names: Names) -> Found | None:
    """What is known about a statement: of other programs' SQL, else of a name that is near."""
    found = find(situation)
    if found is not None and found.hint is not None and found.hint.code != UNKNOWN:
        return found
    with suppress(sqlite3.Error):
        near = likely(situation, names)
        if found is None or near is None:
            return near or found
        return near if near.hint is not None else found._replace(place=near.place)
    return found


async def fetch(session: Session, job: Job) -> Fields:
    """Reads on in an open result; an error or a cancel closes it."""
    connection = session.meant_connection(job)
    number = job.request["cursor"]
    rows = connection.result(number)
    more = False
    in_transaction = connection.con.in_transaction
    try:
        await session.host.storage.prepare()
        began = perf_counter()
        piece, more = next_piece(rows, job)
    finally:
        if not more:
            connection.close_result(number)
        if in_transaction and not connection.con.in_transaction:
            connection.has_rolled_back()
    return {
        "piece": piece,
        "cursor": number if more else None,
        "elapsed": perf_counter() - began,
    }


def next_piece(rows: Rows, job: Job) -> tuple[Fields, bool]:
    """The next rows as a piece, whose bytes it adds to the reply, and whether more follow."""
    taken, more = rows.take(job.request["rows"], job.counted)
    piece, data = taken.encoded()
    piece["part"] = len(job.parts)
    job.parts.append(data)
    return piece, more


async def close(session: Session, job: Job) -> Fields:
    """Closes a result; does nothing when it is closed already."""
    if session.connection is not None:
        session.connection.close_result(job.request["cursor"])
    return {}


async def cancel(session: Session, job: Job) -> Fields:
    """Makes a request of this tab stop; replies whether it was under way."""
    return {"cancelled": session.cancel(job.request["target"])}


async def proceed(session: Session, job: Job) -> Fields:
    """Lets a request go on that has waited for another session's lock."""
    session.proceed(job.request["target"])
    return {}


OPERATIONS = {
    "run": run,
    "fetch": fetch,
    "close": close,
    "cancel": cancel,
    "proceed": proceed,
}
