"""The service: requests in, replies out, one at a time in the order of their arrival.

Whatever a request is, it gets one reply, and whatever goes wrong with it becomes that reply; the
next good request works.  Only ``cancel`` goes past the queue.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing
from time import perf_counter
from typing import Any

import protocol

from . import catalog, formats, sample
from .connection import Connection
from .errors import Cancelled, NameExists, NoDatabase, WrongDatabase, describe
from .formats import delimited, sqlite
from .host import Host, Source
from .job import Job
from .results import Rows, encode
from .statements import Statement, split

__all__ = ["RUN_OUTCOMES", "RUN_SECONDS", "Service"]

RUN_SECONDS = 0.2
"""After this long ``run`` answers with what it has, so that the page can show it."""

RUN_OUTCOMES = 2_000
"""After this many statements, too: a reply is read in one go on the page."""

EXPORT_CHUNK = 1024 * 1024

Fields = dict[str, Any]


class Service:
    """Answers requests (see ``protocol``) about the databases of a Host.

    ``emit`` posts the head of an event to the page.
    """

    def __init__(self, host: Host, emit: Callable[[str], None]) -> None:
        self._host = host
        self._emit = emit
        self._turn = asyncio.Lock()
        self._jobs: dict[int, Job] = {}
        self._current: Job | None = None
        self._connection: Connection | None = None
        self._schema_seen: list[tuple[str, int]] | None = None
        self._last_cursor = 0
        self._operations = {
            "hello": self._hello,
            "open": self._open,
            "databases": self._databases,
            "schema": self._schema,
            "run": self._run,
            "fetch": self._fetch,
            "close": self._close,
            "import_file": self._import_file,
            "export": self._export,
            "delete": self._delete,
            "sample": self._sample,
        }

    async def handle(self, head: str, parts: list[Any]) -> tuple[str, list[Any]]:
        """The reply to one request: its head and its binary parts.

        May be called again while an earlier call has not returned.
        """
        try:
            request = protocol.decode_request(head, len(parts))
            number = request["id"]
            if number in self._jobs:
                raise protocol.ProtocolError("A request of this id is under way.", number)
        except protocol.ProtocolError as error:
            return protocol.encode_error(error.id, describe(error)), []
        if request["op"] == "cancel":
            return protocol.encode_reply(number, cancelled=self._cancel(request["target"])), []
        job = self._jobs[number] = Job(request, parts, self._host, self._emit)
        try:
            async with self._turn:
                self._current = job
                try:
                    job.begin()
                    fields = await self._operations[request["op"]](job)
                finally:
                    self._current = None
            return protocol.encode_reply(number, **fields), job.parts
        except Exception as error:  # noqa: BLE001  (whatever it is, the page is told)
            return protocol.encode_error(number, describe(_as_cancelled(error, job))), []
        finally:
            del self._jobs[number]

    def close(self) -> None:
        """Closes the database that is open; what was not committed is rolled back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _cancel(self, target: int) -> bool:
        job = self._jobs.get(target)
        if job is None:
            return False
        job.cancelled = True
        return True

    def _progress(self) -> int:
        """SQLite's progress handler: anything but 0 interrupts the statement."""
        return int(self._current is not None and self._current.tick())

    @property
    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise NoDatabase("No database is open.", hint="Open or import one first.")
        return self._connection

    def _meant_connection(self, job: Job) -> Connection:
        """The open connection, if it is to the database that a run or fetch is meant for."""
        connection = self._open_connection
        meant = job.request["database"]
        if meant is not None and meant != connection.name:
            raise WrongDatabase(meant, connection.name)
        return connection

    async def _hello(self, job: Job) -> Fields:
        if job.request["protocol"] != protocol.PROTOCOL:
            raise protocol.ProtocolError(
                f"The page speaks version {job.request['protocol']} of the protocol, "
                f"the worker version {protocol.PROTOCOL}. Reload the page."
            )
        host = self._host
        return {
            "protocol": protocol.PROTOCOL,
            "versions": host.versions,
            "storage": host.storage,
            "can_suspend": host.can_suspend,
            "keywords": host.keywords,
            "functions": _functions(),
            "databases": self._listed(),
        }

    async def _open(self, job: Job) -> Fields:
        """Makes a database the current one; the current one opened again goes on as it is.

        With a transaction open in another one this is refused, for it would be lost.
        """
        await self._host.prepare()
        self._switch(job.request["database"])
        return self._described()

    async def _databases(self, _job: Job) -> Fields:
        return {"databases": self._listed()}

    async def _schema(self, _job: Job) -> Fields:
        return self._described()

    async def _run(self, job: Job) -> Fields:
        """Runs statements until one has more rows than were asked for, fails, or time is up.

        First closes all results that are still open (see Connection).  A cancel ends the run like
        an error, in the outcome of the statement it met.
        """
        connection = self._meant_connection(job)
        sql = job.request["sql"].encode()
        start = job.request["start"]
        if start > len(sql) or (start < len(sql) and sql[start] & 0xC0 == 0x80):
            raise protocol.ProtocolError(f"No character of the SQL begins at byte {start}.")
        await self._host.prepare()
        connection.close_results()
        outcomes: list[Fields] = []
        statements = split(sql, start)
        statement = next(statements, None)
        until = perf_counter() + RUN_SECONDS
        while statement is not None:
            outcome = self._outcome(connection, sql, statement, job)
            outcomes.append(outcome)
            statement = None if outcome["error"] is not None else next(statements, None)
            if outcome["cursor"] is not None or len(outcomes) == RUN_OUTCOMES:
                break
            if perf_counter() > until:
                break
        return {
            "outcomes": outcomes,
            "next": None if statement is None else statement.start,
            "in_transaction": connection.con.in_transaction,
            "schema_changed": self._schema_changed(connection),
        }

    def _outcome(
        self, connection: Connection, sql: bytes, statement: Statement, job: Job
    ) -> Fields:
        """Runs one statement up to its first rows."""
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
            "error": None,
        }
        in_transaction = connection.con.in_transaction
        execution = None
        began = perf_counter()
        try:
            job.check()
            execution = connection.execute(text.decode())
            outcome["changes"] = execution.changes
            if execution.rows is not None:
                outcome["kind"] = "rows"
                outcome["columns"] = execution.columns
                width = len(execution.columns)
                outcome["piece"], more = _piece(execution.rows, width, job)
                if more:
                    self._last_cursor += 1
                    connection.keep(self._last_cursor, execution.rows, width)
                    outcome["cursor"] = self._last_cursor
        except Exception as error:  # noqa: BLE001  (whatever it is, the page is told)
            outcome.update(kind="error", columns=[], piece=None)
            outcome["error"] = self._statement_error(connection, error, statement, text, job)
            if in_transaction and not connection.con.in_transaction:
                hints = (outcome["error"]["hint"], "SQLite has rolled back the whole transaction.")
                outcome["error"]["hint"] = " ".join(filter(None, hints))
        finally:
            if execution is not None and execution.rows is not None and outcome["cursor"] is None:
                execution.rows.close()
        outcome["elapsed"] = perf_counter() - began
        return outcome

    def _statement_error(
        self,
        connection: Connection,
        error: Exception,
        statement: Statement,
        text: bytes,
        job: Job,
    ) -> Fields:
        offset = -1
        if isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorcode"):
            offset = self._host.error_offset(connection.con)
        return describe(
            _as_cancelled(error, job),
            statement=text,
            offset=statement.start + offset if offset >= 0 else None,
        )

    async def _fetch(self, job: Job) -> Fields:
        """Reads on in an open result; a failure, a cancel too, closes it."""
        connection = self._meant_connection(job)
        number = job.request["cursor"]
        rows, width = connection.result(number)
        more = False
        try:
            await self._host.prepare()
            began = perf_counter()
            piece, more = _piece(rows, width, job)
        finally:
            if not more:
                connection.close_result(number)
        return {
            "piece": piece,
            "cursor": number if more else None,
            "elapsed": perf_counter() - began,
        }

    async def _close(self, job: Job) -> Fields:
        """Closes a result; one that is closed already is no error."""
        if self._connection is not None:
            self._connection.close_result(job.request["cursor"])
        return {}

    async def _import_file(self, job: Job) -> Fields:
        """Takes in a file: a database becomes the current one, a CSV file a table of it."""
        source: Source = job.files[0]
        kind = formats.kind_of(source, job.request["name"], job.request["kind"])
        if self._connection is not None:
            self._connection.require_no_transaction()
        await self._host.prepare()
        if kind == "sqlite":
            return await self._import_database(job, source)
        if job.request["database"] is not None:
            self._switch(job.request["database"])
        connection = self._open_connection
        connection.close_results()
        table = job.request["table"] or formats.table_name(job.request["name"])
        loaded = await delimited.load(
            connection, source, job.request["name"], table, replace=job.request["replace"], job=job
        )
        return {
            "kind": "csv",
            "database": connection.name,
            "table": table,
            "rows": loaded.rows,
            "size": self._host.size(connection.name),
            "notes": loaded.notes,
        }

    async def _import_database(self, job: Job, source: Source) -> Fields:
        name = job.request["database"] or formats.database_name(job.request["name"])
        if self._host.exists(name) and not job.request["replace"]:
            raise NameExists(name, "database")
        notes = sqlite.check(source, job.request["name"])
        current = self._connection
        if current is not None and current.name == name:
            self.close()
        try:
            await self._host.import_db(
                name, sqlite.chunks(source, job), replace=job.request["replace"]
            )
        finally:
            # Also when it failed: the old one is still there, and was the current one.
            if current is not None and self._connection is None:
                self._switch(name)
        self._switch(name)
        return {
            "kind": "sqlite",
            "database": name,
            "table": None,
            "rows": None,
            "size": self._host.size(name),
            "notes": notes,
        }

    async def _export(self, job: Job) -> Fields:
        """The committed content of a database as one binary part."""
        name = job.request["database"] or self._open_connection.name
        if not self._host.exists(name):
            raise NoDatabase(f"There is no database named {name!r}.")
        total, size = self._host.size(name), 0

        def chunks() -> Generator[bytes, None, None]:
            nonlocal size
            source = self._host.export_chunks(name, EXPORT_CHUNK)
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
            job.parts.append(self._host.blob(copied))
        return {"name": formats.export_name(name), "size": size}

    async def _delete(self, job: Job) -> Fields:
        """Deletes a database; when it was the current one, none is open afterwards."""
        name = job.request["database"]
        if not self._host.exists(name):
            raise NoDatabase(f"There is no database named {name!r}.")
        if self._connection is not None and self._connection.name == name:
            self._connection.require_no_transaction()
            self.close()
        self._host.unlink(name)
        return {"databases": self._listed()}

    async def _sample(self, _job: Job) -> Fields:
        """Creates the sample tables in the current database, all or none."""
        connection = self._open_connection
        connection.require_no_transaction()
        await self._host.prepare()
        connection.close_results()
        with connection.transaction():
            for table in sample.TABLES:
                if connection.object_type(table) is not None:
                    raise NameExists(table, "table")
            sample.create(connection.con)
        return {**self._described(), "sql": sample.QUERY}

    def _switch(self, name: str) -> None:
        """Makes ``name`` the current database; on any error the old one stays."""
        old = self._connection
        if old is not None:
            if old.name == name:
                return
            old.require_no_transaction()
        new = Connection(self._host, name, self._progress)
        self._connection = new
        if old is not None:
            old.close()
        self._schema_seen = catalog.signature(new)

    def _described(self) -> Fields:
        connection = self._open_connection
        schema = catalog.schema(connection)
        self._schema_seen = catalog.signature(connection)
        return {
            "database": connection.name,
            "size": self._host.size(connection.name),
            "schema": schema,
        }

    def _schema_changed(self, connection: Connection) -> bool:
        """Whether the schema differs from the one seen last, or cannot be told from it."""
        before, self._schema_seen = self._schema_seen, catalog.signature(connection)
        return before != self._schema_seen

    def _listed(self) -> list[Fields]:
        return [{"name": name, "size": size} for name, size in self._host.databases()]


def _piece(rows: Rows, width: int, job: Job) -> tuple[Fields, bool]:
    """The next rows of a result as a piece, whose bytes go with the reply; whether more follow."""
    taken, more = rows.take(job.request["rows"])
    piece, data = encode(taken, width)
    piece["part"] = len(job.parts)
    job.parts.append(data)
    return piece, more


def _as_cancelled(error: Exception, job: Job) -> Exception:
    """A statement that was interrupted because its request was cancelled says just that."""
    interrupted = getattr(error, "sqlite_errorname", None) == "SQLITE_INTERRUPT"
    return Cancelled() if interrupted and job.cancelled else error


def _functions() -> list[str]:
    """The SQL functions of this SQLite that are called by name."""
    con = sqlite3.connect(":memory:")
    try:
        rows = con.execute("SELECT DISTINCT name FROM pragma_function_list ORDER BY name")
        return [name for (name,) in rows if name.isidentifier()]
    finally:
        con.close()
