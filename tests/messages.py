"""Messages as nobody should send them, for tests of what reads them on either side.

``heads`` makes them from a ``random.Random``, or what Hypothesis gives in its place: valid ones,
valid ones with something wrong about them, and garbage.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from sahpool_console import protocol

Message = dict[str, Any]

DEPTHS = (2, 60, 900, 5_000, 40_000)
"""How deep lists are nested: some of it can be read, some cannot, and some only just."""

NAMES = (
    "notes.db",
    "other.db",
    "",
    " ",
    "a ?#%ü😀.db",
    "x\0y",
    "..",
    "a/b/../c",
    "notes.db-wal",
    "x" * 509,
    "x" * 600,
)

TEXTS = (
    *NAMES,
    "\ud800",
    "a\udfffb",
    "😀é\u2028\ufeff",
    "SELECT 1",
    "'",
    "%s{}{0}\\",
    "__proto__",
    "constructor",
)

WHOLE = tuple(text for text in TEXTS if not any("\ud800" <= each <= "\udfff" for each in text))
"""Those of them that UTF-8 can spell."""

NUMBERS: tuple[float, ...] = (
    0,
    1,
    -1,
    7,
    1.0,
    0.5,
    -0.0,
    2**31,
    2**32,
    2**53 - 1,
    2**53,
    2**63,
    -(2**64),
    10**30,
    10**400,
    1e308,
    float("inf"),
    float("-inf"),
    float("nan"),
)

# What json.dumps does not write is put in after it, in the place of these.
NESTED = "@nested {}@"
LITERALS = (
    "1e999",
    "-0",
    "01",
    "1" * 4_000,
    "1" * 5_000,
    "nul",
    "'x'",
    "+1",
    ".5",
    "\\ud800",
    "[,]",
)
LITERAL = "@literal {}@"


def value(random: Random, depth: int = 0) -> Any:
    """Anything that JSON can say, and some that it cannot."""
    kind = random.randrange(12)
    if kind < 3:
        return random.choice(TEXTS)
    if kind < 6:
        return random.choice(NUMBERS)
    if kind < 8:
        return random.choice([None, True, False])
    if kind == 8:
        return NESTED.format(random.choice(DEPTHS))
    if kind == 9:
        return LITERAL.format(random.randrange(len(LITERALS)))
    if depth > 2:
        return []
    size = random.randrange(4)
    if kind == 10:
        return [value(random, depth + 1) for _ in range(size)]
    return {random.choice(TEXTS): value(random, depth + 1) for _ in range(size)}


def request(random: Random) -> Message:
    """A request that is right in every respect, whatever it asks."""
    op = random.choice(sorted(protocol.OPS))
    row = protocol.OPS[op]
    message: Message = {"id": random.choice([1, 2, 1_000, protocol.MAX_INT]), "op": op}
    for name, kind in row.required.items():
        message[name] = fitting(random, kind)
    for name, (kind, _default) in row.optional.items():
        if random.randrange(2):
            message[name] = fitting(random, kind)
    return message


def fitting(random: Random, kind: str) -> Any:
    """A value of a kind of the protocol's."""
    if kind in (protocol.FLAG, protocol.FLAG_OR_NULL):
        return random.choice([True, False] + [None] * (kind == protocol.FLAG_OR_NULL))
    if kind in (protocol.INT, protocol.COUNT):
        least = 1 if kind == protocol.COUNT else 0
        return random.choice([least, 1, 2, 3, 200, 2**31, 2**53 - 1])
    if kind in (protocol.INT_OR_NULL, protocol.TEXTS_OR_NULL) and not random.randrange(3):
        return None
    if kind == protocol.INT_OR_NULL:
        return random.randrange(100)
    if kind == protocol.TEXTS_OR_NULL:
        return random.choices(WHOLE, k=random.randrange(4))
    if kind == protocol.TEXT_OR_NULL and not random.randrange(3):
        return None
    return random.choice(WHOLE)


def answer(random: Random) -> Message:
    """A reply or an event as the worker sends them."""
    error = protocol.make_error("OperationalError", "no such table: t", offset=14)
    schema = [{"name": "t", "kind": "table", "columns": [{"name": "a", "type": "", "key": False}]}]
    progress = {"request": 3, "phase": "copying", "done": 1, "total": 2, "rows": None}
    number = random.choice([1, 2, 3, 1_000])
    return dict(
        random.choice(
            [
                {"id": number, "ok": True},
                {"id": number, "ok": True, "database": "notes.db", "size": 4096, "schema": schema},
                {"id": number, "ok": True, "databases": [{"name": "notes.db", "size": 4096}]},
                {"id": number, "ok": False, "error": error},
                {"id": None, "ok": False, "error": error},
                {"id": 0, "event": "ready", "phases": [["pyodide", "1.5"]], "snapshot": "used"},
                {"id": 0, "event": "boot", "phase": "storage"},
                {"id": 0, "event": "failed", "phase": "storage", "error": error},
                {"id": 0, "event": "progress", **progress},
            ]
        )
    )


def head(random: Random, make: Callable[[Random], Message]) -> object:
    """One of ``make``'s messages as it would travel: as it is, spoilt, or something else."""
    kind = random.randrange(10)
    if kind == 0:
        return text(random, make(random))
    if kind < 7:
        return text(random, spoilt(random, make(random)))
    if kind < 9:
        return cut(random, text(random, make(random)))
    return garbage(random)


def heads(seed: int, count: int, make: Callable[[Random], Message]) -> list[object]:
    """``count`` of them, the same for the same seed."""
    random = Random(seed)
    return [head(random, make) for _ in range(count)]


def spoilt(random: Random, message: Message) -> Message:
    """The message with one to three things wrong, or merely odd."""
    for _ in range(random.randrange(1, 4)):
        inner = _inner(random, message)
        name = random.choice(sorted(inner, key=repr)) if inner else "id"
        kind = random.randrange(6)
        if kind < 3:
            inner[name] = value(random)
        elif kind == 3:
            inner.pop(name, None)
        elif kind == 4:
            inner[random.choice(TEXTS)] = value(random)
        else:
            inner[str(name).upper()] = inner.pop(name, None)
    return message


def _inner(random: Random, message: Message) -> Message:
    """The message or one of the objects in it, which is as likely to be broken."""
    found = [message]
    for each in message.values():
        if isinstance(each, dict):
            found.append(each)
        elif isinstance(each, list):
            found += [item for item in each if isinstance(item, dict)]
    return random.choice(found)


def text(random: Random, message: Message) -> str:
    """A message as JSON, or as near to JSON as its values let it be."""
    written = json.dumps(message, ensure_ascii=bool(random.randrange(2)))
    for depth in DEPTHS:
        nested = random.choice(["[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth])
        written = written.replace(json.dumps(NESTED.format(depth)), nested)
    for number, literal in enumerate(LITERALS):
        written = written.replace(json.dumps(LITERAL.format(number)), literal)
    if not random.randrange(8):
        # Twice the same key: the last one counts, on every side.
        name = random.choice(sorted(message, key=repr)) if message else "id"
        again = json.dumps({name: random.choice([message.get(name), None, 1])})
        written = f"{written[:-1]}, {again[1:]}"
    return written


def cut(random: Random, written: str) -> str:
    """A text that something happened to on its way."""
    at = random.randrange(len(written) + 1)
    to = min(len(written), at + random.randrange(1, 9))
    kind = random.randrange(5)
    if kind == 0:
        return written[:at]
    if kind == 1:
        return written[:at] + written[to:]
    if kind == 2:
        return written[:at] + random.choice('"{}[]:,\\\0\ud800 eE-.0né😀') + written[at:]
    if kind == 3:
        return written[:to] + written[at:]
    return written[:at] + random.choice('"{}[]:,\\\0\ud800 eE-.0né😀') + written[at + 1 :]


def garbage(random: Random) -> object:
    """No message at all."""
    return random.choice(
        [
            None,
            True,
            7,
            2.5,
            b"{}",
            [],
            {},
            ("{}",),
            "",
            " ",
            "\ufeff{}",
            "null",
            "[]",
            "7",
            '"text"',
            "{}",
            "{} {}",
            "\0",
            "\ud800",
            "[" * 100_000,
            '{"a":' * 100_000,
            "9" * 10_000,
            "".join(random.choice('{}[]",:0123456789eE+-. ntfas\\u') for _ in range(40)),
        ]
    )


def is_count(number: object) -> bool:
    """Whether a request can have this number."""
    return type(number) is int and 1 <= number <= protocol.MAX_INT


def no_json(constant: str) -> object:
    """Refuses NaN and Infinity: ``parse_constant`` of a reader that keeps to JSON."""
    raise ValueError(constant)


def depth(head: object) -> int:
    """How deep a reader of JSON goes at most, brackets in texts counted as well."""
    deepest = at = 0
    for character in str(head):
        at += (character in "[{") - (character in "]}")
        deepest = max(deepest, at)
    return deepest
