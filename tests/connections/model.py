"""What connections to one database may see and do: the promises of isolation, and no more.

The model predicts no lock. It follows what a script did and what came of it, and says what cannot
have come of it under any locking that keeps its promises:

* a reader sees a committed state, the last one at the moment its snapshot began, and keeps it
  (no dirty read, no phantom);
* a writer's snapshot is the last committed state, and it is the only writer (no lost update);
* a lock is refused only where another connection has something in hand;
* a kill leaves the last committed state.

The contents themselves are kept by SQLite in memory, one connection to each snapshot, which nobody
shares.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.connections.script import Outcome, Step

#: A cursor that its own connection may write beside: it always has four rows, and the second
#: column is computed when the row is stepped to.
STEADY = (
    "SELECT column1, (SELECT n FROM {at}.t WHERE id = 0 * column1) FROM (VALUES(1),(2),(3),(4))"
)
STEADY_ROWS = 4
SCAN = "SELECT id, n FROM {at}.t ORDER BY id"
COUNTER = "SELECT n FROM {at}.t WHERE id = 0"


class Violation(AssertionError):  # noqa: N818 - of a promise; an AssertionError all the same
    """Something came of a step that must not."""


def require(truth: bool, text: str) -> None:
    """Raises Violation unless it is so."""
    if not truth:
        raise Violation(text)


def told(steps: list[Step], outcomes: list[Outcome], last: int) -> str:
    """A script as a person reads it, up to a step."""
    lines = []
    for step, outcome in zip(steps[: last + 1], outcomes, strict=False):
        about: Any = {key: value for key, value in step.items() if key not in ("do", "con")}
        lines.append(f"{step.get('con', '')} {step['do']} {about} → {outcome}"[:400])
    return "\n".join(lines)


def content(connection: sqlite3.Connection) -> list[Any]:
    """All that is in a database, for comparisons."""
    schema = connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
    tables = [name for name, sql in schema if sql and sql.startswith("CREATE TABLE")]
    return [schema, *(connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables)]


@dataclass
class State:
    """A committed state of a database, and who committed it."""

    image: bytes
    content: list[Any]
    author: Client | None

    def open(self) -> sqlite3.Connection:
        """A copy of it in memory."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        if self.image:
            connection.deserialize(self.image)
        return connection


@dataclass
class View:
    """What a connection has of a database: a snapshot, and its own changes on top.

    Attributes:
        version: Number of the committed state it began with.
        commits: How many commits the database had seen by then, those without effect included, and
            checkpoints: after either, SQLite may find that it cannot write from the snapshot.
        own: The snapshot with the changes; in a transaction as long as the connection is.
        writing: Whether the connection has the write lock.
    """

    version: int
    commits: int
    own: sqlite3.Connection
    writing: bool = False


@dataclass
class Cursor:
    """A statement that is read half: ``rows`` are those that were stepped to and not fetched."""

    at: str
    rows: list[list[Any]]
    left: int = 0  # rows that a steady cursor has not stepped to yet
    steady: bool = False

    @property
    def live(self) -> bool:
        return bool(self.rows)


@dataclass(eq=False)
class Client:
    """One connection.

    Attributes:
        schemas: Schema → name of the database.
        savepoints: The open ones: their name, and how long ``increments`` was.
        increments: The schemas whose counter was counted up in the transaction.
        data_versions: Schema → the last PRAGMA data_version, and the state that was seen then.
        exclusive: Whether it has asked for locking_mode=EXCLUSIVE at some time.
        erred: Whether a statement of the transaction failed after it may have taken the write lock:
            SQLite takes it before it finds that the schema is another one than it thought.
        has_switched: Whether it has set the journal mode and used the database no more since: then
            a checkpoint has to begin to read, and its own reading is in its way.
    """

    schemas: dict[str, str]
    writable: bool = True
    in_transaction: bool = False
    savepoints: list[tuple[str, int]] = field(default_factory=list)
    increments: list[str] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)
    cursors: dict[int, Cursor] = field(default_factory=dict)
    data_versions: dict[str, tuple[int, int]] = field(default_factory=dict)
    exclusive: bool = False
    erred: bool = False
    has_switched: bool = False

    @property
    def is_reading(self) -> bool:
        return any(cursor.live for cursor in self.cursors.values())

    @property
    def is_scanning(self) -> bool:
        """Whether it reads a table half whose rows its own writes would disturb."""
        return any(cursor.live and not cursor.steady for cursor in self.cursors.values())

    @property
    def is_writing(self) -> bool:
        return any(view.writing for view in self.views.values())


class Model:
    """Follows a script. ``apply`` raises Violation when the outcome is an impossible one.

    Attributes:
        clients: The open connections by number.
        committed: Database → all its states so far; the last one counts.
        acknowledged: Database → how many times its counter was counted up for good.
    """

    def __init__(self) -> None:
        self.clients: dict[int, Client] = {}
        self.committed: dict[str, list[State]] = {}
        self.acknowledged: dict[str, int] = {}
        self._commits: dict[str, int] = {}

    def close(self) -> None:
        """Lets go of the snapshots."""
        for client in self.clients.values():
            _end_views(client)

    def apply(self, step: Step, outcome: Outcome) -> None:
        """Follows one step."""
        if step["do"] == "kill":
            self.close()
            self.clients.clear()
            return
        client = self.clients.get(step["con"])
        lost_cursor = step["do"] in ("fetch", "end") and (
            client is None or step["cursor"] not in client.cursors
        )
        if lost_cursor or (client is None and step["do"] != "open"):
            return  # an earlier step failed that should not have: the comparison tells which
        try:
            getattr(self, "_" + step["do"])(step, outcome)
        except sqlite3.Error as error:
            raise Violation(f"it succeeded where the snapshot says: {error}") from error
        if client is not None and step["do"] != "close":
            self._settle(client, lost=outcome[0] is not None, in_transaction=outcome[2])

    # --- steps ----------------------------------------------------------------------------------

    def _open(self, step: Step, outcome: Outcome) -> None:
        if outcome[0] is None:
            writable = step.get("mode") != "ro"
            self.clients[step["con"]] = Client({"main": step["name"]}, writable)
            self._know(step["name"])

    def _close(self, step: Step, outcome: Outcome) -> None:
        require(outcome[0] is None, "closing failed")
        _end_views(self.clients.pop(step["con"]))

    def _execute(self, step: Step, outcome: Outcome) -> None:
        client = self.clients[step["con"]]
        error, rows, _ = outcome
        if error is not None:
            self._refused(client, step, error)
            return
        effect = step["effect"]
        if effect in ("read", "write"):
            self._statement(client, step, rows)
        elif effect == "begin" and step["sql"] != "BEGIN":
            for schema in client.schemas:
                if client.writable:
                    self._write(client, schema)
                else:
                    self._view(client, schema)
        elif effect in ("savepoint", "release", "rollback to"):
            self._savepoint(client, step)
        elif effect == "rollback":
            _roll_back(client)
        elif effect == "checkpoint":
            names = set(client.schemas.values())
            reason = not rows[0][0] or client.has_switched or self._holds(client, names)
            require(reason, "a checkpoint was busy without a reason")
            client.has_switched = False
            for name in names:  # it may have begun the WAL anew
                self._commits[name] += 1
        elif effect == "attach":
            client.schemas["aux"] = step["attach"]
            self._know(step["attach"])
        elif effect == "detach":
            require("aux" not in client.views, "a database was detached that was being read")
            del client.schemas["aux"]
            client.data_versions.pop("aux", None)
        elif effect == "exclusive":
            client.exclusive = True
        elif effect == "journal mode":
            client.has_switched = True

    def _savepoint(self, client: Client, step: Step) -> None:
        if step["effect"] == "savepoint":
            client.savepoints.append((step["name"], len(client.increments)))
        else:
            names = [name for name, _ in client.savepoints]
            place = len(names) - 1 - names[::-1].index(step["name"])
            if step["effect"] == "rollback to":
                del client.increments[client.savepoints[place][1] :]
                place += 1
            del client.savepoints[place:]
        self._on_views(client, step["sql"])

    def _statement(self, client: Client, step: Step, rows: list[list[Any]]) -> None:
        at = step["at"]
        client.has_switched = False
        view = self._view(client, at)
        if step["effect"] == "write":
            self._write(client, at)
        if step.get("increment"):
            client.increments.append(at)
        if step.get("data_version"):
            self._data_version(client, at, view.version, rows[0][0])
        elif not step.get("invisible"):
            found = view.own.execute(step["sql"].replace(f"{at}.", "main.")).fetchall()
            expected = [list(row) for row in found]
            require(rows == expected, f"saw {rows}, the snapshot has {expected}")

    def _read(self, step: Step, outcome: Outcome) -> None:
        client, at = self.clients[step["con"]], step["at"]
        error, rows, _ = outcome
        if error is not None:
            self._refused(client, step, error)
            return
        view = self._view(client, at)
        if step["steady"]:
            cursor = Cursor(at, [], STEADY_ROWS, steady=True)
            self._step_on(cursor, view)
        else:
            scan = view.own.execute(SCAN.format(at="main")).fetchall()
            cursor = Cursor(at, [list(row) for row in scan])
        client.cursors[step["cursor"]] = cursor
        self._fetched(client, cursor, step, rows)

    def _fetch(self, step: Step, outcome: Outcome) -> None:
        client = self.clients[step["con"]]
        cursor = client.cursors[step["cursor"]]
        error, rows, _ = outcome
        if error is None:
            self._fetched(client, cursor, step, rows)
        else:
            require(cursor.live, f"a cursor at its end failed with {error}")
            cursor.rows, cursor.left = [], 0

    def _end(self, step: Step, outcome: Outcome) -> None:
        require(outcome[0] is None, "a cursor could not be closed")
        del self.clients[step["con"]].cursors[step["cursor"]]

    # --- what they have in common ---------------------------------------------------------------

    def _know(self, name: str) -> None:
        self.committed.setdefault(name, [State(b"", [[]], None)])
        self.acknowledged.setdefault(name, 0)
        self._commits.setdefault(name, 0)

    def _fetched(self, client: Client, cursor: Cursor, step: Step, rows: list[Any]) -> None:
        expected: list[list[Any]] = []
        while cursor.rows and len(expected) < step["count"]:
            expected.append(cursor.rows.pop(0))
            self._step_on(cursor, client.views[cursor.at])
        require(rows == expected, f"the cursor gave {rows}, the snapshot has {expected}")

    def _step_on(self, cursor: Cursor, view: View) -> None:
        if cursor.left:
            number = STEADY_ROWS + 1 - cursor.left
            cursor.left -= 1
            value = view.own.execute(COUNTER.format(at="main")).fetchone()
            cursor.rows.append([number, value and value[0]])

    def _view(self, client: Client, at: str) -> View:
        """The connection's snapshot of a schema; it begins now if there is none yet."""
        view = client.views.get(at)
        if view is None:
            name = client.schemas[at]
            states, commits = self.committed[name], self._commits[name]
            view = client.views[at] = View(len(states) - 1, commits, states[-1].open())
        if not view.own.in_transaction:
            view.own.execute("BEGIN")
            for name, _ in client.savepoints:
                view.own.execute(f"SAVEPOINT {name}")
        return view

    def _write(self, client: Client, at: str) -> None:
        """The connection has the write lock."""
        name = client.schemas[at]
        view = self._view(client, at)
        last = len(self.committed[name]) - 1
        require(
            view.version == last,
            f"wrote to state {last} of {name} from a snapshot of state {view.version}",
        )
        for other in self._others(client, {name}):
            require(not other.writing, f"wrote to {name} beside another writer")
        view.writing = True

    def _refused(self, client: Client, step: Step, error: str) -> None:
        """An error: was there a reason for it?"""
        names = {*client.schemas.values(), step.get("attach", "")}
        if error == "SQLITE_BUSY_SNAPSHOT":
            view = client.views.get(step["at"])
            behind = view is not None and view.commits < self._commits[client.schemas[step["at"]]]
            require(behind, f"{error}, and its snapshot is the last one")
        elif error.startswith("SQLITE_BUSY"):
            # A connection that is open on a WAL keeps others from having the file to themselves.
            alone = client.exclusive or step.get("effect") == "journal mode"
            held = self._holds(client, names, merely_open=alone)
            require(held, f"{error}, and nobody else has anything in hand")
        elif error == "SQLITE_LOCKED" and step.get("effect") == "write":
            self._write(client, step["at"])  # its own cursor was in the way, behind the lock
        elif error == "SQLITE_READONLY":
            require(not client.writable, "a writable connection was told that it is not")
        elif error == "SQLITE_ERROR":
            client.erred = client.in_transaction

    def _others(self, client: Client, names: set[str]) -> Iterator[View]:
        """The snapshots that others have of databases."""
        for other in self.clients.values():
            if other is not client:
                for schema, view in other.views.items():
                    if other.schemas[schema] in names:
                        yield view

    def _holds(self, client: Client, names: set[str], *, merely_open: bool = False) -> bool:
        """Whether anybody else may hold a lock on one of the databases."""
        return any(self._others(client, names)) or any(
            (other.exclusive or other.erred or merely_open) and names & set(other.schemas.values())
            for other in self.clients.values()
            if other is not client
        )

    def _on_views(self, client: Client, sql: str) -> None:
        for view in client.views.values():
            if view.own.in_transaction:
                view.own.execute(sql)

    def _data_version(self, client: Client, at: str, version: int, number: int) -> None:
        """It changes when what another connection has committed is seen."""
        before = client.data_versions.get(at)
        if before is not None and before[0] == number:
            missed = self.committed[client.schemas[at]][before[1] + 1 : version + 1]
            strange = any(state.author is not client for state in missed)
            require(not strange, "data_version stayed although another connection committed")
        client.data_versions[at] = (number, version)

    def _settle(self, client: Client, *, lost: bool, in_transaction: bool) -> None:
        """What was in a transaction and is no more was committed; snapshots end with it."""
        if lost and client.in_transaction and not in_transaction:
            _roll_back(client)
        client.in_transaction = in_transaction
        if in_transaction:
            return
        for at in client.increments:
            self.acknowledged[client.schemas[at]] += 1
        client.increments.clear()
        client.savepoints.clear()
        client.erred = False
        for schema, view in client.views.items():
            if view.own.in_transaction:
                view.own.execute("COMMIT")
            if view.writing:
                self._commit(client, schema, view)
        if not client.is_reading:
            _end_views(client)

    def _commit(self, client: Client, schema: str, view: View) -> None:
        name = client.schemas[schema]
        states = self.committed[name]
        found = content(view.own)
        if found != states[-1].content:
            states.append(State(view.own.serialize(), found, client))
        self._commits[name] += 1
        view.version, view.commits, view.writing = len(states) - 1, self._commits[name], False


def counter(state: State) -> int:
    """The counter of a committed state."""
    with closing(state.open()) as connection:
        return int(connection.execute(COUNTER.format(at="main")).fetchone()[0])


def _roll_back(client: Client) -> None:
    client.increments.clear()
    for view in client.views.values():
        if view.own.in_transaction:
            view.own.execute("ROLLBACK")
        view.writing = False


def _end_views(client: Client) -> None:
    for view in client.views.values():
        view.own.close()
    client.views.clear()
