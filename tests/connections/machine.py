"""Writes random scripts, one step after the other, by what has come of the steps so far.

The steps are played at once over ordinary files by this very CPython. What a Lab makes of the whole
script afterwards is its own business.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.connections.model import (
    COUNTER,
    SCAN,
    STEADY,
    Client,
    Model,
    Violation,
    counter,
    require,
    told,
)
from tests.connections.script import Folder, Outcome, Player, Step, now

NAMES = ("a.db", "b.db")
MOST_CONNECTIONS = 3
MODES = ("WAL", "DELETE", "TRUNCATE", "PERSIST")
#: What a pool gives its connections, but for the size of the cache: a small one spills.
PRAGMAS = {"synchronous": "FULL", "cache_size": 10, "journal_mode": "WAL"}
#: secure_delete and wal_autocheckpoint differ between builds of SQLite.
SETTINGS = ("secure_delete=0", "wal_autocheckpoint=20")
FILL = (
    "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < {count}) "
    "INSERT INTO {at}.t(n, pad) SELECT i, hex(zeroblob(150)) FROM k"
)


def some(which: Callable[[Client], object]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A rule for when there is such a connection."""

    def has_one(self: Connections) -> bool:
        return any(which(client) for client in self.model.clients.values())

    return precondition(has_one)


def idle(client: Client) -> bool:
    return not client.in_transaction


def busy(client: Client) -> bool:
    return client.in_transaction


connections = st.integers(0, MOST_CONNECTIONS - 1)
schemas = st.sampled_from(["main", "main", "main", "aux"])
savepoints = st.sampled_from(["one", "two"])


class Checker(Protocol):
    """What a script is handed to."""

    root: Path
    restarts: bool  # whether a kill is the worker's end

    def check(self, steps: list[Step], outcomes: list[Outcome]) -> None:
        """Raises AssertionError when the script does not end here as it ended on the host."""


def finish(model: Model, do: Any) -> None:
    """Reads everything once more, closes everything, and compares what is left with the model."""
    for number, client in sorted(model.clients.items()):
        for cursor in sorted(client.cursors):
            do(do="fetch", con=number, cursor=cursor, count=1000)
        for at in sorted(client.schemas):
            do(do="execute", con=number, sql=COUNTER.format(at=at), at=at, effect="read")
            do(do="execute", con=number, sql=SCAN.format(at=at), at=at, effect="read")
    for number in sorted(model.clients):
        do(do="close", con=number)
    for name in NAMES:
        do(do="open", con=0, name=name)
        check = do(do="execute", con=0, sql="PRAGMA integrity_check", effect="none")
        require(check == [None, [["ok"]], False], f"integrity_check: {check}")
        for sql in (COUNTER, SCAN, "SELECT name, sql FROM {at}.sqlite_schema ORDER BY name"):
            do(do="execute", con=0, sql=sql.format(at="main"), at="main", effect="read")
        do(do="close", con=0)
        require(
            counter(model.committed[name][-1]) == model.acknowledged[name],
            f"the counter of {name} is not the number of acknowledged increments",
        )


class Connections(RuleBasedStateMachine):
    """Up to three connections to two databases."""

    lab: ClassVar[Checker]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.folder = Folder(self.lab.root / "host", PRAGMAS)
        self.player = Player(self.folder)
        self.steps: list[Step] = []
        self.outcomes: list[Outcome] = []
        self.next_cursor = 0
        self.settings: list[str] = []
        self.killed = False  # whether the script ends with a kill

    def do(self, **step: Any) -> Outcome:
        """Plays a step on the host and keeps it for the script."""
        outcome: Outcome = now(self.player.do(step))
        self.steps.append(step)
        self.outcomes.append(outcome)
        try:
            self.model.apply(step, outcome)
        except Violation as violation:
            script = told(self.steps, self.outcomes, len(self.steps))
            raise Violation(f"on a desktop: {violation}\n{script}") from violation
        return outcome

    def teardown(self) -> None:
        try:
            if self.steps:
                if self.killed:
                    self.do(do="kill")
                finish(self.model, self.do)
                self.lab.check(self.steps, self.outcomes)
        finally:
            self.player.let_go()
            self.model.close()
            self.folder.remove()

    # --- helpers --------------------------------------------------------------------------------

    def client(self, con: int, which: Callable[[Client], object] = bool) -> tuple[int, Client]:
        """One of the open connections; the same ``con`` means each of them in turn."""
        numbers = sorted(each for each, client in self.model.clients.items() if which(client))
        number = numbers[(con + len(self.steps)) % len(numbers)]
        return number, self.model.clients[number]

    def execute(self, number: int, sql: str, effect: str, at: str = "main", **more: Any) -> Outcome:
        """Plays a statement; ``{at}`` in it is the schema that it is about, when there is one."""
        if at not in self.model.clients[number].schemas:
            at = "main"
        text = sql.format(at=at)
        return self.do(do="execute", con=number, sql=text, at=at, effect=effect, **more)

    def write(self, number: int, sql: str, at: str = "main", **more: Any) -> None:
        """Plays a writing statement, unless it would disturb the connection's own reading."""
        if not self.model.clients[number].is_scanning:
            self.execute(number, sql, "write", at, **more)

    # --- the beginning --------------------------------------------------------------------------

    @initialize(
        modes=st.tuples(st.sampled_from(MODES), st.sampled_from(MODES)),
        synchronous=st.sampled_from(["FULL", "OFF"]),
        killed=st.booleans(),
    )
    def databases(self, modes: tuple[str, str], synchronous: str, killed: bool) -> None:
        """Both are made and filled; two connections to the first one are opened.

        Without flushes a rollback journal is valid from its first byte on, and only
        xCheckReservedLock tells a live one from a hot one.
        """
        self.settings = [*SETTINGS, f"synchronous={synchronous}"]
        self.killed = killed or self.lab.restarts
        for name, mode in zip(NAMES, modes, strict=True):
            self.do(do="open", con=0, name=name, pragmas=self.settings)
            if mode != "WAL":  # what it is made with
                self.execute(0, f"PRAGMA journal_mode={mode}", "none")
            self.execute(0, "CREATE TABLE {at}.t(id INTEGER PRIMARY KEY, n, pad)", "write")
            self.execute(0, "INSERT INTO {at}.t VALUES(0, 0, '')", "write")
            self.execute(0, FILL.replace("{count}", "30"), "write")
            self.do(do="close", con=0)
        for number in range(2):
            self.do(do="open", con=number, name="a.db", pragmas=self.settings)

    # --- connections ----------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.clients) < MOST_CONNECTIONS)
    @rule(name=st.sampled_from(("a.db", "a.db", "b.db")), mode=st.sampled_from([None, None, "ro"]))
    def open(self, name: str, mode: str | None) -> None:
        number = min(set(range(MOST_CONNECTIONS)) - set(self.model.clients))
        self.do(do="open", con=number, name=name, mode=mode, pragmas=self.settings)

    @precondition(lambda self: len(self.model.clients) > 1)
    @rule(con=connections, tidy=st.booleans())
    def close(self, con: int, tidy: bool) -> None:
        number, _ = self.client(con)
        self.do(do="close", con=number, tidy=tidy)

    # --- transactions ---------------------------------------------------------------------------

    @some(idle)
    @rule(con=connections, how=st.sampled_from(["BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"]))
    def begin(self, con: int, how: str) -> None:
        number, _ = self.client(con, idle)
        self.execute(number, how, "begin")

    @some(busy)
    @rule(con=connections)
    def commit(self, con: int) -> None:
        number, _ = self.client(con, busy)
        self.execute(number, "COMMIT", "commit")

    @some(busy)
    @rule(con=connections)
    def rollback(self, con: int) -> None:
        number, client = self.client(con, busy)
        if not (client.is_scanning and client.is_writing):
            self.execute(number, "ROLLBACK", "rollback")

    @rule(con=connections, name=savepoints)
    def savepoint(self, con: int, name: str) -> None:
        number, _ = self.client(con)
        self.execute(number, f"SAVEPOINT {name}", "savepoint", name=name)

    @some(lambda client: client.savepoints)
    @rule(con=connections, name=savepoints, back=st.booleans())
    def release_or_roll_back(self, con: int, name: str, back: bool) -> None:
        number, client = self.client(con, lambda client: client.savepoints)
        if name not in [each for each, _ in client.savepoints]:
            return
        if not back:
            self.execute(number, f"RELEASE {name}", "release", name=name)
        elif not client.is_scanning:
            self.execute(number, f"ROLLBACK TO {name}", "rollback to", name=name)

    # --- statements -----------------------------------------------------------------------------

    @rule(con=connections, at=schemas)
    def increment(self, con: int, at: str) -> None:
        number, _ = self.client(con)
        self.write(number, "UPDATE {at}.t SET n = n + 1 WHERE id = 0", at, increment=True)

    @some(busy)
    @rule(con=connections, at=schemas)
    def read_then_write(self, con: int, at: str) -> None:
        """As programs do it that count in Python: right in a transaction, and only there."""
        number, _ = self.client(con, busy)
        error, rows, _ = self.execute(number, COUNTER, "read", at)
        if error is None:
            more = f"UPDATE {{at}}.t SET n = {rows[0][0] + 1} WHERE id = 0"
            self.write(number, more, at, increment=True)

    @rule(con=connections, at=schemas, count=st.sampled_from([1, 3, 200]))
    def insert(self, con: int, at: str, count: int) -> None:
        number, _ = self.client(con)
        self.write(number, FILL.replace("{count}", str(count)), at)

    @rule(con=connections, at=schemas, part=st.integers(2, 5))
    def delete(self, con: int, at: str, part: int) -> None:
        number, _ = self.client(con)
        self.write(number, f"DELETE FROM {{at}}.t WHERE id > 0 AND id % {part} = 0", at)

    @rule(con=connections, at=schemas, sql=st.sampled_from([COUNTER, SCAN]))
    def select(self, con: int, at: str, sql: str) -> None:
        number, _ = self.client(con)
        self.execute(number, sql, "read", at)

    @rule(con=connections, at=schemas)
    def data_version(self, con: int, at: str) -> None:
        number, _ = self.client(con)
        self.execute(number, "PRAGMA {at}.data_version", "read", at, data_version=True)

    @rule(con=connections, at=schemas, steady=st.booleans())
    def begin_to_read(self, con: int, at: str, steady: bool) -> None:
        number, client = self.client(con)
        at = at if at in client.schemas else "main"
        sql = (STEADY if steady else SCAN).format(at=at)
        self.next_cursor += 1
        step = {"do": "read", "con": number, "cursor": self.next_cursor, "count": 1}
        self.do(**step, sql=sql, at=at, steady=steady)

    @some(lambda client: client.cursors)
    @rule(con=connections, which=st.integers(0, 5), count=st.sampled_from([1, 1, 2, 1000]))
    def read_on_or_end(self, con: int, which: int, count: int) -> None:
        number, client = self.client(con, lambda client: client.cursors)
        cursor = sorted(client.cursors)[which % len(client.cursors)]
        if which:
            self.do(do="fetch", con=number, cursor=cursor, count=count)
        else:
            self.do(do="end", con=number, cursor=cursor)

    # --- what touches the whole database --------------------------------------------------------

    @rule(con=connections, how=st.sampled_from(["PASSIVE", "FULL", "RESTART", "TRUNCATE"]))
    def checkpoint(self, con: int, how: str) -> None:
        number, _ = self.client(con)
        self.execute(number, f"PRAGMA wal_checkpoint({how})", "checkpoint")

    @rule(con=connections, mode=st.sampled_from(MODES), at=schemas)
    def journal_mode(self, con: int, mode: str, at: str) -> None:
        """Not without a look at the database.

        A connection that leaves WAL mode with a cache that is behind the database goes on with it:
        SQLite does so on a desktop; a pool does not (tests/pyodide/test_waiting.py).
        """
        number, client = self.client(con)
        if client.writable:  # what a file that is open for reading says to a lock differs
            self.execute(number, COUNTER, "read", at)
            self.execute(number, f"PRAGMA {{at}}.journal_mode={mode}", "journal mode", at)

    @rule(
        con=connections,
        at=schemas,
        sql=st.sampled_from(
            [
                "CREATE TABLE {at}.x(a)",
                "INSERT INTO {at}.x VALUES(1)",
                "DROP TABLE {at}.x",
                "ALTER TABLE {at}.t ADD COLUMN more DEFAULT 7",
                "ALTER TABLE {at}.t RENAME COLUMN more TO other",
                "CREATE INDEX {at}.i ON t(n)",
                "DROP INDEX {at}.i",
            ]
        ),
    )
    def change_schema(self, con: int, at: str, sql: str) -> None:
        number, client = self.client(con)
        if client.is_reading and at not in client.views:
            return  # whether its snapshot begins with a statement that fails is SQLite's secret
        self.write(number, sql, at)

    @rule(
        con=connections,
        at=schemas,
        what=st.sampled_from(["VACUUM", "attach", "attach", "kill", "kill", "locking_mode"]),
    )
    def seldom(self, con: int, at: str, what: str) -> None:
        number, client = self.client(con)
        if what == "kill":
            self.do(do="kill")
            for each in range(2):
                self.do(do="open", con=each, name="a.db", pragmas=self.settings)
        elif what == "VACUUM":
            self.write(number, "VACUUM {at}", at, invisible=True)
        elif what == "attach":
            self.attach_or_detach(number, client)
        elif client.writable:
            self.execute(number, "PRAGMA {at}.locking_mode=EXCLUSIVE", "exclusive", at)

    def attach_or_detach(self, number: int, client: Client) -> None:
        if "aux" in client.schemas:
            self.do(do="execute", con=number, sql="DETACH aux", effect="detach")
        elif not client.is_reading:  # or else its snapshot may begin, and may not
            name = NAMES[client.schemas["main"] == NAMES[0]]
            self.do(do="execute", con=number, attach=name, sql="ATTACH", effect="attach")
