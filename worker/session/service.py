"""The service: requests in, replies out, one at a time in the order of their arrival.

Whatever a request is, it gets one reply, and whatever goes wrong with it becomes that reply; the
next good request works.  Only ``cancel`` and ``storage`` go past the queue.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import aclosing, closing, contextmanager, suppress
from time import perf_counter
from typing import Any

import protocol

from . import catalog, formats, sample
from .connection import Connection
from .errors import Cancelled, NameExists, NoDatabase, WrongDatabase, describe
from .formats import delimited, sqlite
from .host import Host, Source
from .job import Job
from .results import Rows
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
            "words": self._words,
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
            "quarantine_export": self._quarantine_export,
            "quarantine_recover": self._quarantine_recover,
            "quarantine_drop": self._quarantine_drop,
        }

    async def handle(self, head: str, parts: list[Any]) -> tuple[str, list[Any]]:
        """The reply to one request: its head and its binary parts.

        ``parts`` has a Source for each file that came with it, None for what is no file.  May be
        called again while an earlier call has not returned.
        """
        try:
            request = protocol.decode_request(head, len(parts))
            number = request["id"]
            if None in parts:
                raise protocol.ProtocolError("What comes with a request is a file.", number)
            if number in self._jobs:
                raise protocol.ProtocolError("A request of this id is under way.", number)
        except protocol.ProtocolError as error:
            return protocol.encode_error(error.id, describe(error)), []
        if request["op"] == "cancel":
            return protocol.encode_reply(number, cancelled=self._cancel(request["target"])), []
        if request["op"] == "storage":
            return await self._storage(number), []
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

    async def _storage(self, number: int) -> str:
        """How much room there is: past the queue, for the browser may take its time to tell."""
        host = self._host
        try:
            figures = await host.measure()
            kept_aside = host.quarantined()
        except Exception as error:  # noqa: BLE001  (whatever it is, the page is told)
            return protocol.encode_error(number, describe(error))
        return protocol.encode_reply(number, kind=host.storage, quarantined=kept_aside, **figures)

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
        opened = await self._opened(job.request["database"])
        return {
            "protocol": protocol.PROTOCOL,
            "versions": host.versions,
            "storage": host.storage,
            "why_memory": host.why_memory,
            "can_suspend": host.can_suspend,
            "databases": self._listed(),
            "quarantined": host.quarantined(),
            **opened,
        }

    async def _opened(self, name: str | None) -> Fields:
        """What is known of a database that is opened, or that there is none.

        Who wants to know why one cannot be opened asks for it with ``open``.
        """
        if name is not None and self._host.exists(name):
            await self._host.prepare()
            with suppress(Exception):
                self._switch(name)
                return self._described()
        return {"database": None}

    async def _words(self, _job: Job) -> Fields:
        """The words of the engine's SQL, for an editor."""
        own = (function.name for function in self._host.functions())
        return {"keywords": self._host.keywords(), "functions": sorted({*_functions(), *own})}

    async def _open(self, job: Job) -> Fields:
        """Makes a database the current one; the current one opened again goes on as it is.

        With a transaction open in another one this is refused, for it would be lost.
        """
        await self._host.prepare()
        self._switch(job.request["database"])
        return {**self._described(), "databases": self._listed()}

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
                outcome["piece"], more = _piece(execution.rows, job)
                if more:
                    self._last_cursor += 1
                    connection.keep(self._last_cursor, execution.rows)
                    outcome["cursor"] = self._last_cursor
        except Exception as error:  # noqa: BLE001  (whatever it is, the page is told)
            outcome.update(kind="error", columns=[], piece=None)
            outcome["error"] = self._statement_error(connection, error, statement, text, job)
            if in_transaction and not connection.con.in_transaction:
                connection.was_undone = True
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
        rows = connection.result(number)
        more = False
        in_transaction = connection.con.in_transaction
        try:
            await self._host.prepare()
            began = perf_counter()
            piece, more = _piece(rows, job)
        finally:
            if not more:
                connection.close_result(number)
            if in_transaction and not connection.con.in_transaction:
                connection.was_undone = True
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
        async with aclosing(sqlite.chunks(source, job)) as chunks:
            with self._not_open(name):
                await self._host.import_db(name, chunks, replace=job.request["replace"])
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
        source = self._host.export_chunks(name, EXPORT_CHUNK)
        size = self._copy_out(job, source, self._host.size(name))
        return {"name": formats.export_name(name), "size": size}

    def _copy_out(self, job: Job, source: Iterator[bytes], total: int) -> int:
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
            job.parts.append(self._host.blob(copied))
        return size

    async def _delete(self, job: Job) -> Fields:
        """Deletes a database; when it was the current one, none is open afterwards."""
        name = job.request["database"]
        if not self._host.exists(name):
            raise NoDatabase(f"There is no database named {name!r}.")
        if self._connection is not None and self._connection.name == name:
            self._connection.require_no_transaction()
            self.close()
        self._host.unlink(name)
        await self._host.prepare()  # gives back, too, what the browser has set aside for it
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

    async def _quarantine_export(self, job: Job) -> Fields:
        """What lies in a slot in quarantine as one binary part, as it is."""
        slot = job.request["slot"]
        source = self._host.quarantine_chunks(slot, EXPORT_CHUNK)
        kept = self._kept(slot)
        size = self._copy_out(job, source, kept["size"] if kept else 0)
        name = _offered(kept) or f"unnamed-{slot}"
        return {"name": formats.export_name(name), "size": size}

    async def _quarantine_recover(self, job: Job) -> Fields:
        """Makes a slot in quarantine a database again; the current one stays the current one."""
        slot, replace = job.request["slot"], job.request["replace"]
        name = job.request["database"] or _offered(self._kept(slot)) or "recovered.sqlite"
        if self._host.exists(name) and not replace:
            raise NameExists(name, "database")
        await self._host.prepare()
        current = self._connection
        if current is not None and current.name == name:
            current.require_no_transaction()
        with self._not_open(name):
            size = self._host.recover(slot, name, replace=replace)
        return {
            "database": name,
            "size": size,
            "databases": self._listed(),
            "quarantined": self._host.quarantined(),
        }

    async def _quarantine_drop(self, job: Job) -> Fields:
        """Erases a slot in quarantine."""
        self._host.drop_quarantined(job.request["slot"])
        return {"quarantined": self._host.quarantined()}

    def _kept(self, slot: str) -> Fields | None:
        """What the host tells of a slot in quarantine; None when there is none of that name."""
        return next((kept for kept in self._host.quarantined() if kept["name"] == slot), None)

    @contextmanager
    def _not_open(self, name: str) -> Iterator[None]:
        """Within the block nobody has the database open here; then it is what it was before.

        Also when the block fails: what was to be replaced is still there, and was the current one.
        """
        current = self._connection
        if current is not None and current.name == name:
            self.close()
        try:
            yield
        finally:
            if current is not None and self._connection is None:
                self._switch(name)

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
        if not (connection.may_differ or connection.was_undone):
            return False
        before, self._schema_seen = self._schema_seen, catalog.signature(connection)
        was_undone, connection.was_undone = connection.was_undone, False
        connection.may_differ = self._schema_seen is None
        return was_undone or before != self._schema_seen

    def _listed(self) -> list[Fields]:
        return [{"name": name, "size": size} for name, size in self._host.databases()]


def _offered(kept: Fields | None) -> str | None:
    """The name of the database or journal that a slot in quarantine may be; None: not known."""
    offered: str | None = kept["offered"] if kept else None
    return offered.removeprefix("/") if offered else None


def _piece(rows: Rows, job: Job) -> tuple[Fields, bool]:
    """The next rows of a result as a piece, whose bytes go with the reply; whether more follow."""
    taken, more = rows.take(job.request["rows"])
    piece, data = taken.encoded()
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
