"""One open database: its sqlite3 connection and the results that are still being read."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractContextManager,
    ExitStack,
    closing,
    contextmanager,
    nullcontext,
    suppress,
)
from functools import partial
from itertools import count
from secrets import token_hex
from typing import Any, NamedTuple

from ..errors import CursorClosed, Hint, TransactionOpen
from ..host import Host
from .collations import Collations
from .functions import Functions
from .names import quoted
from .parameters import Values, with_stand_ins
from .repeats import changes_what_is_read, varies
from .results import Rows
from .statements import texts
from .transaction import Transaction
from .vacuum import Settings, is_vacuum, size_of, suits, vacuum

__all__ = ["PROGRESS_STEPS", "Connection", "Execution"]

PROGRESS_STEPS = 5_000
"""Instructions of SQLite's virtual machine between two calls of the progress handler, which looks
at the clock: well under a millisecond."""

_FIRST_WORD = re.compile(r"\w*")
_CHANGING = {"INSERT", "UPDATE", "DELETE", "REPLACE"}
_UNDOES_SCHEMA = {"ROLLBACK", "ATTACH", "DETACH"}
_ENDING = {"COMMIT", "END", "RELEASE", "ROLLBACK"}
_READING = {"SELECT", "VALUES", "WITH", "EXPLAIN"}
_WRITING_NOTHING = _ENDING | _READING - {"WITH"}
_SETTING = {"PRAGMA", "ATTACH", "DETACH"}
_KEEPS_SCHEMA = _CHANGING | (_READING - {"EXPLAIN"})
_INCREMENTAL_VACUUM = re.compile(r"PRAGMA\s+(?:\w+\s*\.\s*)?incremental_vacuum\b", re.IGNORECASE)


LONG_WAL, LONG_SHARE = 64 << 20, 2
"""A statement no longer postpones its own checkpoint once the WAL exceeds both: so many bytes, and
so many times the size of its database. Twice the size, because a WAL stays as long as a large
transaction has made it until the service empties it: one VACUUM after another is still done in
pieces."""

_numbers = count(1)  # of results, over all connections: an old number never means a new result


class Execution(NamedTuple):
    """What a statement did.

    Attributes:
        columns: The names of its columns; empty when it gives no rows.
        rows: Its rows; None when it gives none.
        changes: How many rows it has changed; None when it is not a statement that changes rows.
        may_write: False when it only reads.
    """

    columns: list[str]
    rows: Rows | None
    changes: int | None
    may_write: bool = True


class Connection:
    """A connection in autocommit mode, as the sqlite3 shell has it.

    SQL alone begins and ends transactions, and PRAGMAs are the user's: ``foreign_keys`` is off
    until the user switches it on.

    **Open results.** A SELECT is read piece by piece, and until it is read to its end it holds a
    read lock, under which DROP TABLE, VACUUM and ROLLBACK fail or spoil the rows to come. So
    whatever may change the database first closes every open result (``close_results``); reading
    on from a closed one raises CursorClosed and never gives wrong rows.

    **RETURNING.** SQLite makes all changes of such a statement before its first row, but commits
    them only when the statement ends, and sqlite3 ignores an error at that point when a cursor is
    closed early. So a statement that changes rows is run to its end at once and its rows are
    kept in memory: its changes are committed whether its rows are read or not.

    Raises:
        sqlite3.DatabaseError: The file is no database.
    """

    def __init__(self, host: Host, name: str, progress: Callable[[], int]) -> None:
        self.name = name
        self.may_differ = True
        """Whether the schema may have changed; whoever reads the schema then sets it to False."""
        self.may_have_written = False
        """Whether a statement that may write was run since the other sessions were last told;
        whoever tells them sets it to False."""
        self.was_undone = False
        """Whether a changed schema may have an unchanged ``schema_version``: after a rollback or
        ATTACH the same number may stand for another schema."""
        self._host = host
        self._number = token_hex(8)  # of this connection, of which there may be one in each worker
        self._change_count = 0  # how often the connection has changed, or undone, what queries give
        self._has_attached = False
        self._plans = 0
        self.con = host.storage.connect(name)
        self.con.isolation_level = None
        self.con.text_factory = bytearray
        self.open_transaction = Transaction(self.con)
        self._put_off = 0  # pages, see put_off_checkpoints
        # Whether the service empties the WAL later (empty_wal); None: not known yet.
        self._is_tidied: bool | None = None
        self._settings = Settings(self.con)
        self._results: dict[int, Rows] = {}
        self._collations = Collations(self.con)
        self._functions = Functions(self.con, progress)
        for function in host.engine.functions():
            self._functions.register(function)
        for aggregate in host.engine.aggregates():
            self._functions.register_aggregate(aggregate)
        try:
            # Reads the whole schema, so that a file that is no database fails here. The progress
            # handler is set only afterwards: the cancel that ends an import must not interrupt
            # reopening the old database, however large its schema.
            self.query("SELECT count(*) FROM sqlite_schema")
        except BaseException:
            self.con.close()
            raise
        self._progress = progress
        self.con.set_progress_handler(progress, PROGRESS_STEPS)

    def close(self) -> None:
        """Closes the connection; SQLite rolls back what was not committed."""
        self.close_results()
        self.con.close()

    def empty_wal(self) -> bool:
        """Checkpoints the whole WAL and cuts it to zero bytes; returns whether that was done.

        Not done with ``synchronous=OFF``, which cuts the WAL without having flushed the database,
        though another connection may have committed with a promise of durability; nor with
        ``wal_autocheckpoint=0``, by which the user has switched checkpoints off.

        Source: https://sqlite.org/pragma.html#pragma_wal_checkpoint
        """
        ((synchronous,),) = self.query("PRAGMA synchronous")
        ((pages,),) = self.query("PRAGMA wal_autocheckpoint")
        if not synchronous or pages <= 0:
            return False
        ((is_busy, _, _),) = self.query("PRAGMA wal_checkpoint(TRUNCATE)")
        return not is_busy

    def put_off_checkpoints(self) -> None:
        """Makes the transaction that is under way commit without a checkpoint.

        The checkpoint of what a long statement has written takes long, too, and nothing can
        interrupt it. Called from within that statement, when the connection can do nothing else.
        """
        if not self._put_off and self._may_leave_wal():
            self._put_off = self._host.engine.put_off_checkpoints(self.con)

    def resume_checkpoints(self, *, within: bool = False) -> None:
        """Ends what put_off_checkpoints() began, after the transaction or, if ``within``, in it."""
        if self._put_off and (within or not self.con.in_transaction):
            self._host.engine.resume_checkpoints(self.con, self._put_off)
            self._put_off = 0

    def _before_write(self) -> None:
        """Finds out, unless it is known, whether ``empty_wal`` will checkpoint what is written."""
        if self._is_tidied is not None:
            return
        with suppress(sqlite3.Error):  # the write that follows meets the same error and raises it
            ((synchronous,),) = self.query("PRAGMA main.synchronous")
            names = {name for _, name, _ in self.query("PRAGMA database_list")}
            self._is_tidied = bool(synchronous) and names <= {"main", "temp"}

    def _may_leave_wal(self) -> bool:
        """Whether a commit may skip its checkpoint: the service empties the WAL, which is short.

        A long one is not left, for statements may follow one another without the idle second that
        the service waits for.
        """
        if not self._is_tidied:
            return False
        try:
            long = max(LONG_WAL, LONG_SHARE * self._host.storage.size(self.name))
            return self._host.storage.wal_size(self.name) < long
        except Exception:  # noqa: BLE001  (the statement meets a failing storage and says so)
            return False

    @property
    def size(self) -> int:
        """Bytes of the database as the connection sees it, with what is only in the WAL so far."""
        return size_of(self.con)

    def require_no_transaction(self) -> None:
        """Raises TransactionOpen inside a transaction that the user has begun."""
        if self.con.in_transaction:
            raise TransactionOpen(
                f"A transaction is open in {self.name!r}.",
                code="transaction-open",
                hint=Hint("end-transaction"),
                database=self.name,
            )

    def query(self, sql: str, parameters: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of a query of the service's own, with text as str.

        Text that is not valid UTF-8 gets replacement characters.
        """
        while True:
            try:
                return [tuple(map(_text, row)) for row in self.con.execute(sql, parameters)]
            except sqlite3.OperationalError as error:
                if not self._collations.add(error, sql):
                    raise

    def execute(self, sql: str) -> Execution:
        """Runs one statement of the user's, up to its first row."""
        con = self.con
        word = _first_word(sql)
        self._settings.put_back()
        # Whether WITH begins a write is known once it has begun.
        if word != "WITH" and changes_what_is_read(word, sql):
            self.has_changed()
        if _INCREMENTAL_VACUUM.match(sql) and not con.in_transaction:
            # SQLite frees one page a step, and sqlite3's execute() steps a statement without
            # columns only once.
            con.executescript(sql)
            return Execution([], None, None)
        if is_vacuum(sql):
            self._collations.safe(sql)
        if is_vacuum(sql) and self._vacuum():
            return Execution([], None, None)
        self._has_attached = self._has_attached or word == "ATTACH"
        if word in _SETTING:
            # The statement may ask for wal_autocheckpoint, which putting off has changed.
            self.resume_checkpoints(within=True)
            self._is_tidied = None
        elif word not in _WRITING_NOTHING:
            self._before_write()
        self.may_differ = self.may_differ or word not in _KEEPS_SCHEMA
        self.was_undone = self.was_undone or word in _UNDOES_SCHEMA
        before = con.total_changes
        self.open_transaction.begins()
        with self._functions.naming_failures(), ExitStack() as until_known:
            cursor = until_known.enter_context(closing(con.cursor()))
            try:
                with self._setting(word):
                    counted = word if self._begin(cursor, sql) == sql else "WITH"
                self.open_transaction.done(word, sql)
            except BaseException:
                if word == "WITH":
                    self.has_changed()
                raise
            writes = word == "WITH" and (cursor.description is None or self._writes(sql))
            if writes:
                self.has_changed()
            if cursor.description is None:
                return Execution([], None, self._changes(cursor, counted, before))
            columns = [column[0] for column in cursor.description]
            if writes or word in _CHANGING:
                kept = cursor.fetchall()
                changes = self._changes(cursor, counted, before)
                return Execution(columns, Rows(iter(kept), len(columns), cursor.close), changes)
            # The cursor stays open: its rows are still to be read.
            until_known.pop_all()
            rows = Rows(cursor, len(columns), cursor.close, self._functions.naming_failures)
            return Execution(columns, rows, None, word not in _READING)

    def _begin(self, cursor: sqlite3.Cursor, sql: str) -> str:
        """Runs a statement up to its first row, with what it needs beside SQLite's own.

        Returns what was run, which may begin with WITH where the statement does not.
        """
        while True:
            try:
                ran = self._collations.safe(sql)
                cursor.execute(ran)
                return ran
            except sqlite3.OperationalError as error:
                # The statement has not begun to run.
                if not self._adds_what_is_missing(error, sql):
                    raise

    def _adds_what_is_missing(self, error: sqlite3.OperationalError, sql: str) -> bool:
        """Whether what a statement lacks was registered: a table function, or a collation."""
        told, _, name = str(error).partition(": ")
        if told == "no such table":
            return self._host.engine.add_table_functions(self.con, name.rpartition(".")[2])
        return self._collations.add(error, sql)

    def _vacuum(self) -> bool:
        """Runs VACUUM in pieces; False when that cannot be done and SQLite's own has to run."""
        con = self.con
        if not self._host.loop.can_suspend or not suits(con):
            return False
        self.may_differ = True
        self._before_write()
        may_put_off = self._may_leave_wal()
        con.set_progress_handler(None, PROGRESS_STEPS)
        look = (self._progress, PROGRESS_STEPS)
        try:
            with self._functions.naming_failures():
                return vacuum(
                    self._host.storage, self.name, self._settings, *look, may_put_off=may_put_off
                )
        finally:
            con.set_progress_handler(self._progress, PROGRESS_STEPS)

    def only_reads(self, sql: str) -> bool:
        """Whether running a statement twice is the same as running it once; raises nothing."""
        word = _first_word(sql)
        try:
            return word == "EXPLAIN" or (word in _READING and not self._writes(sql))
        except sqlite3.Error:
            # Something it needs may be gone, a temporary table for one. Of the words in _READING
            # only WITH may begin a write.
            return word != "WITH"

    def has_changed(self) -> None:
        """Notes that queries may give something else from now on: see ``state``."""
        self._change_count += 1

    def has_rolled_back(self) -> None:
        """Notes that SQLite has rolled the open transaction back by itself."""
        self.was_undone = True
        self.has_changed()

    def state(self) -> str:
        """A text that is another one whenever a query may give other rows than before.

        The same text means that the data is the same: neither this connection has changed it, or
        undone a change, nor has any other one committed. It is of no use to another connection.
        """
        versions = [self.data_version()]
        if self._has_attached:
            names = [name for _, name, _ in self.query("PRAGMA database_list") if name != "main"]
            versions += [
                version
                for name in names
                for (version,) in self.query(f"PRAGMA {quoted(name)}.data_version")
            ]
        return ".".join(map(str, [self._number, self._change_count, *versions]))

    def varies(self, sql: str) -> bool:
        """Whether a query may give other rows each time (``repeats.varies``)."""
        if _first_word(sql) == "EXPLAIN":
            return False
        functions = self._host.engine.functions()
        changing = {each.name for each in functions if not each.deterministic}
        return varies(self.query("EXPLAIN " + sql), changing)

    def plan(self, sql: str) -> tuple[list[tuple[Any, ...]], Values]:
        """The rows of EXPLAIN QUERY PLAN of a statement, and NULLs that stand for its parameters.

        The statement must be none on which SQLite acts while it prepares it (``plan.target``).

        Raises:
            ForeignIndex: It cannot be run here (``collations``).
            sqlite3.Error: SQLite does not accept it.
        """
        # SQLite plans by the schema that it knows, and sqlite3 keeps what it has prepared: neither
        # notices without this what another connection has done.
        for (name,) in self.query("SELECT name FROM pragma_database_list"):
            self.query(f"SELECT 1 FROM {quoted(name)}.sqlite_schema LIMIT 1")
        self._plans += 1
        while True:
            try:
                explained = f"EXPLAIN QUERY PLAN {self._collations.safe(sql)}\n--{self._plans}"
                return with_stand_ins(partial(self.query, explained))
            except sqlite3.OperationalError as error:
                if not self._adds_what_is_missing(error, sql):
                    raise

    def may_end(self, sql: bytes, start: int) -> bool:
        """Whether a script, from byte ``start`` on, has a statement that ends a transaction."""
        return any(_first_word(each) in _ENDING for each in texts(sql, start))

    def data_version(self) -> int:
        """PRAGMA data_version, which changes with each commit of another connection."""
        ((version,),) = self.query("PRAGMA main.data_version")
        return int(version)

    @property
    def holds_snapshot(self) -> bool:
        """Whether the connection may see an older state than what others have committed."""
        return self.con.in_transaction or bool(self._results)

    def _setting(self, word: str) -> AbstractContextManager[None]:
        """The context in which a statement that begins with ``word`` runs to its first row.

        It makes sorts interruptible; a sort is done when the first row is there.
        """
        # A PRAGMA must see the user's settings, which interruptible() may change.
        return nullcontext() if word == "PRAGMA" else self._host.engine.interruptible(self.con)

    def _writes(self, sql: str) -> bool:
        """Whether a statement that SQLite accepts begins a write transaction.

        Source: https://www.sqlite.org/opcode.html#Transaction: then P2 is not zero.
        """
        program, _ = with_stand_ins(partial(self.query, "EXPLAIN " + sql))
        return any(step[1] == "Transaction" and step[3] != 0 for step in program)

    def _changes(self, cursor: sqlite3.Cursor, word: str, before: int) -> int | None:
        """Rows changed by the statement itself; None when it is not one that changes rows."""
        if word in _CHANGING:
            return cursor.rowcount
        if word != "WITH":
            return None
        # sqlite3 counts only for statements that begin with INSERT, UPDATE, DELETE or REPLACE.
        if self.con.total_changes == before:
            return 0
        return int(self.query("SELECT changes()")[0][0])

    def object_type(self, name: str) -> str | None:
        """The type of the main database's object of that name: "table", "view" or "index".

        None when there is none.
        """
        found = self.query(
            "SELECT type FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE"
            " AND type <> 'trigger'",
            (name,),
        )
        return found[0][0] if found else None

    def keep(self, rows: Rows) -> int:
        """Keeps a result that has more rows; returns the number by which to read on."""
        number = next(_numbers)
        self._results[number] = rows
        return number

    def result(self, number: int) -> Rows:
        """The open result of that number.

        Raises:
            CursorClosed: It is closed, or there never was one.
        """
        found = self._results.get(number)
        if found is None:
            raise CursorClosed(
                f"Result {number} is closed; there is no more to read from it.",
                code="result-closed",
                hint=Hint("run-again"),
                number=number,
            )
        return found

    def close_result(self, number: int) -> None:
        """Closes one result; does nothing when it is closed already."""
        found = self._results.pop(number, None)
        if found is not None:
            found.close()

    def close_results(self) -> None:
        """Closes every open result: before anything that may change the database."""
        for number in list(self._results):
            self.close_result(number)

    def begin(self, *, to_keep: bool = True) -> None:
        """Begins the write transaction that transaction() then ends, or else undone().

        Raises:
            sqlite3.OperationalError: SQLITE_BUSY: another connection writes.
        """
        self._before_write()
        if to_keep:
            self.has_changed()
        self.con.execute("BEGIN IMMEDIATE")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """After begin(): commits at the end of the block, or rolls back when it raises."""
        try:
            with self._functions.naming_failures():
                yield
            self.con.execute("COMMIT")
        finally:
            self._roll_back()

    @contextmanager
    def undone(self) -> Iterator[None]:
        """After begin(to_keep=False): rolls everything back, however the block ends.

        Rows that were read before stay as they are in the database.
        """
        try:
            with self._functions.naming_failures(), self._host.engine.interruptible(self.con):
                yield
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        # After an interrupt or a full disk SQLite may have rolled back by itself.
        if not self.con.in_transaction:
            return
        # The cancel that led here must not interrupt the ROLLBACK as well.
        self.con.set_progress_handler(None, PROGRESS_STEPS)
        try:
            self.con.execute("ROLLBACK")
        finally:
            self.con.set_progress_handler(self._progress, PROGRESS_STEPS)


def _first_word(sql: str) -> str:
    first = _FIRST_WORD.match(sql)
    return first[0].upper() if first else ""


def _text(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytearray) else value
