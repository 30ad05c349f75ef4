"""The service under requests that make no sense, one after the other and at the same time."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sahpool import InvalidNameError, NoSuchDatabaseError
from sahpool.names import check_new_database, check_path
from sahpool_console import protocol
from sahpool_console.session import errors
from tests import messages
from tests.proofs import Proofs

from .fake_host import (
    BytesSource,
    Client,
    FakeHost,
    FakeStorage,
    RejectedError,
    make_database,
)

KEPT = "kept.db"
KEPT_ROWS = [(number + 1, f"thing {number}") for number in range(100)]

NAMES = (*messages.WHOLE, "kept.db\0", "kept", "KEPT.db", "kept.db-journal", "kept.db ")
"""None of them is the name of the database that must not change."""

SCRIPTS = (
    "",
    ";;",
    "SELECT 1; SELECT 2",
    "SELECT 'é', x'00', NULL, 1e999, 9223372036854775807",
    "SELECT * FROM nothing",
    "CREATE TABLE IF NOT EXISTS fuzz (a, b); INSERT INTO fuzz VALUES (1, 'é') RETURNING a, b",
    "INSERT INTO fuzz SELECT value, hex(value) FROM generate",
    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
    "SELECT i, 'row' FROM n",
    "BEGIN",
    "COMMIT; END",
    "ROLLBACK",
    "SAVEPOINT s; RELEASE s",
    "DROP TABLE IF EXISTS fuzz",
    "PRAGMA journal_mode=WAL; PRAGMA journal_mode=DELETE",
    "VACUUM",
    "SELECT '\0'",
    ".tables",
    "SELECT ?, :name",
    "SELECT (",
    "ATTACH ':memory:' AS more; DETACH more",
    "CREATE TRIGGER t AFTER INSERT ON fuzz BEGIN SELECT 1; END",
    "SELECT zeroblob(100000)",
    "SELECT json('" + "[" * 900 + "')",
    "EXPLAIN SELECT 1",
)

KNOWN = {
    "ProtocolError",
    *errors.__all__,
    *(each.__name__ for each in (RejectedError, InvalidNameError, NoSuchDatabaseError, OSError)),
    *(
        each.__name__
        for each in (
            sqlite3.DatabaseError,
            sqlite3.DataError,
            sqlite3.IntegrityError,
            sqlite3.InterfaceError,
            sqlite3.NotSupportedError,
            sqlite3.OperationalError,
            sqlite3.ProgrammingError,
        )
    ),
}
"""What a request can be answered with that is not done; anything else is a bug."""


class StrictStorage(FakeStorage):
    """Takes the names that the library takes, and knows them by the library's paths."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._files: dict[str, str] = {}

    def _file(self, name: str) -> str:
        path = check_path(name)
        return self._files.setdefault(path, f"{len(self._files)}.db")

    def connect(self, name: str) -> sqlite3.Connection:
        if not self.exists(name):
            check_new_database(check_path(name))
        return super().connect(self._file(name))

    def databases(self) -> list[tuple[str, int]]:
        return [(path[1:], self.size(path)) for path in self._files if self.exists(path)]

    def size(self, name: str) -> int:
        return super().size(self._file(name))

    def exists(self, name: str) -> bool:
        return super().exists(self._file(name))

    def unlink(self, name: str) -> None:
        super().unlink(self._file(name))

    def store(self, name: str, chunks: Any, *, replace: bool) -> None:
        check_new_database(check_path(name))
        super().store(self._file(name), chunks, replace=replace)

    def export_chunks(self, name: str, size: int) -> Any:
        return super().export_chunks(self._file(name), size)


class LyingSource(BytesSource):
    """A file that is not as long as it says, or cannot be read any more."""

    def __init__(self, data: bytes, size: int, *, broken: bool) -> None:
        super().__init__(data)
        self.size = size
        self._broken = broken

    def read(self, offset: int, length: int) -> bytes:
        if self._broken and offset:
            raise OSError("The file was moved.")
        return super().read(offset, length)


def source(random: Random, database: bytes) -> BytesSource | None:
    """What comes with an import: files of every sort and no file at all."""
    noise = bytes(random.randrange(256) for _ in range(random.randrange(40)))
    at = random.randrange(len(database))
    data = random.choice(
        [
            database,
            database[:at],
            database[:at] + noise + database[at + len(noise) :],
            b"SQLite format 3\0" + noise,
            noise,
            b"a,b\n1,2\n3,\xff\n",
            b'a,a,,"\n',
            b"a\t\xc3\xa9\n1\t\xed\xa0\xbd\n",
            b"a,b\n1,2\n" * 50,
            b"",
        ]
    )
    kind = random.randrange(8)
    if kind == 0:
        return None
    if kind == 1:
        return LyingSource(data, len(data) * random.choice([0, 2]), broken=random.random() < 0.5)
    return BytesSource(data)


def fields_of(random: Random, op: str) -> messages.Message:
    """Fields that a request may have, whether they make sense or not."""
    number = random.choice([1, 2, 3, 200, 2**31, 2**53 - 1])
    name = random.choice(NAMES)
    meant = random.choice([None, KEPT, name])
    slot = random.choice(["damaged", "sound", "sound", name])
    fields: dict[str, messages.Message] = {
        "hello": {"protocol": random.choice([1, protocol.PROTOCOL, protocol.PROTOCOL])},
        "open": {"database": random.choice([KEPT, name])},
        "run": {
            "sql": random.choice(SCRIPTS),
            "start": random.choice([0, 0, 0, 1, 7, 2**53 - 1]),
            "rows": number,
            "database": meant,
            "transaction": random.choice([None, None, True, False]),
            "again": not random.randrange(8),
            "seconds": random.choice([0, 0, 1, number]),
        },
        "fetch": {"cursor": random.choice([1, 2, 3, number]), "rows": number, "database": meant},
        "close": {"cursor": number},
        "cancel": {"target": random.choice([number, *range(1, 9)])},
        "proceed": {"target": random.choice([number, *range(1, 9)])},
        "import_file": {
            "name": name,
            "kind": random.choice(["auto", "sqlite", "csv", "", "zip"]),
            "database": random.choice([None, name]),
            "table": random.choice([None, "fuzz", "sqlite_x", 'a"b', name]),
            "replace": random.choice([True, False]),
        },
        "export": {"database": meant},
        "export_rows": {
            "sql": random.choice(SCRIPTS),
            "format": random.choice(["csv", "jsonl", "xlsx", "sql", "", "zip"]),
            "state": random.choice([None, "", "1.2.3"]),
            "gzip": random.choice([True, False]),
            "database": meant,
            "seconds": 1,
        },
        "write_rows": {
            "format": random.choice(["csv", "json", "html"]),
            "columns": random.choice([None, [], ["a"], ["a", "a"]]),
            "described": random.choice([0, 2, 2**40]),
        },
        "sort_rows": {
            "sql": random.choice(SCRIPTS),
            "state": random.choice(["", "1.2.3"]),
            "order": random.choice([None, ["1"], ["2 desc", "1"], ["0"], ["a"]]),
            "rows": 5,
            "database": meant,
            "seconds": 1,
        },
        "sort_held": {
            "order": random.choice([None, ["1"], ["2 desc", "1"], ["9"]]),
            "width": random.choice([1, 2]),
            "described": random.choice([0, 2, 2**40]),
            "rows": 5,
            "database": meant,
        },
        "delete": {"database": name},
        "quarantine_export": {"slot": slot},
        "quarantine_recover": {
            "slot": slot,
            "database": random.choice([None, name, name]),
            "replace": random.choice([True, False]),
        },
        "quarantine_drop": {"slot": slot},
    }
    required = protocol.OPS[op].required
    return fields.get(op) or {each: messages.fitting(random, required[each]) for each in required}


def sending(random: Random, database: bytes) -> tuple[object, list[Any]]:
    """A message and what comes with it: mostly a request that can be read."""
    if not random.randrange(5):
        parts = [source(random, database) for _ in range(random.randrange(3))]
        return messages.head(random, harmless), parts
    op = random.choice([*sorted(protocol.OPS), "run", "run", "import_file"])
    number = random.choice([*range(1, 9), 2**53 - 1])
    head = protocol.encode_request(number, op, **fields_of(random, op))
    wanted = protocol.OPS[op].parts
    if not random.randrange(10):
        wanted = random.randrange(3)
    return head, [source(random, database) for _ in range(wanted)]


def harmless(random: Random) -> messages.Message:
    """A request to be spoilt that asks for nothing worse when it is not."""
    return {"id": random.randrange(1, 9), "op": "fetch", "cursor": 1, "rows": 5}


async def converse(tabs: list[Client], random: Random, database: bytes) -> Counter[str]:
    """Some rounds of requests, several at a time, each answered once; then good ones."""
    service = tabs[0].service
    found: Counter[str] = Counter()
    for _ in range(random.randrange(1, 8)):
        asked = [sending(random, database) for _ in range(random.randrange(1, 5))]
        replies = await asyncio.gather(
            *(service.handle(random.choice(tabs).key, head, parts) for head, parts in asked)  # type: ignore[arg-type]
        )
        for (head, _), (reply, _parts) in zip(asked, replies, strict=True):
            message = protocol.decode_message(reply)
            assert message["id"] in (number_of(head), None)
            found["messages"] += 1
            found.update(kinds_of(message))
    assert (await tabs[0].send("unpause"))["ok"]
    for tab in tabs:
        for sql in ("ROLLBACK", "SELECT 1"):
            told = await tab.send("run", sql=sql)
            assert told["ok"] or told["error"]["type"] == "NoDatabase"
    good: dict[str, messages.Message] = {"open": {"database": KEPT}, "databases": {}, "schema": {}}
    for op, fields in good.items():
        for tab in tabs:
            told = await tab.send(op, **fields)
            assert told["ok"], told
    found["good"] += 1
    return found


def number_of(head: object) -> object:
    """The number that a request has, as far as it can be told."""
    try:
        number = json.loads(head).get("id")  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return number if messages.is_count(number) else None


def kinds_of(message: messages.Message) -> list[str]:
    """The types of the errors that a reply carries, its outcomes' included."""
    told = [message["error"]] if not message["ok"] else []
    told += [each["error"] for each in message.get("outcomes", ()) if each["error"] is not None]
    kinds = [each["type"] for each in told]
    unknown = [each for each in told if each["type"] not in KNOWN]
    assert not unknown, unknown
    return [kind if kind == "ProtocolError" else "refusals" for kind in kinds]


SIZES = [pytest.param(60, id="slice"), pytest.param(1_500, marks=pytest.mark.slow, id="whole")]


@pytest.mark.parametrize("count", SIZES)
def test_every_request_has_one_reply_and_a_database_that_is_not_meant_stays(
    count: int, proof: Proofs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sahpool_console.session.session.LOCK_SECONDS", 0.02)
    found: Counter[str] = Counter()
    database = make_database(tmp_path / "kept", len(KEPT_ROWS))

    @settings(max_examples=count, deadline=None, database=None, derandomize=True)
    @given(st.randoms(use_true_random=False))
    def any_conversation(random: Random) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            host = FakeHost(StrictStorage(Path(folder) / "databases"))
            host.storage.folder.mkdir()
            client = Client(host)
            tabs = [client, Client(host, client.service, "another")]
            try:
                host.quarantine.keep_aside("sound", database, "/notes.db")
                host.quarantine.keep_aside("damaged", b"SQLite format 3\0" + bytes(500))
                client.ask("import_file", BytesSource(database), name=KEPT)
                found.update(asyncio.run(converse(tabs, random, database)))
                assert client.rows("SELECT id, name FROM thing") == KEPT_ROWS
                assert client.rows("PRAGMA integrity_check") == [("ok",)]
            finally:
                client.service.close()

    any_conversation()
    assert min(found["ProtocolError"], found["refusals"]) > count
    proof(
        "protocol",
        "requests answered by the service",
        messages=found["messages"],
        protocol_errors=found["ProtocolError"],
        errors_of_no_known_kind=0,
        conversations_with_good_ones_after=found["good"],
    )
