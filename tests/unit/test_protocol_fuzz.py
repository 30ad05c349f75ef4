"""Whatever is sent is read as a message or refused by a ProtocolError, on both runs of Python."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sahpool_console import protocol
from tests import messages
from tests.proofs import Proofs
from tests.unit.micropython import needs_micropython, run_micropython

Decode = Callable[[object], dict[str, Any]]

GOOD_REQUEST = protocol.encode_request(7, "run", sql="SELECT 1")
GOOD_REPLY = protocol.encode_reply(7, size=1)

DECODERS: dict[str, tuple[Decode, Callable[[Random], messages.Message], str]] = {
    "requests": (protocol.decode_request, messages.request, GOOD_REQUEST),
    "replies and events": (protocol.decode_message, messages.answer, GOOD_REPLY),
}

SIZES = [pytest.param(1_000, id="slice"), pytest.param(15_000, marks=pytest.mark.slow, id="whole")]
MICROPYTHON_SIZES = [
    pytest.param(1_500, id="slice"),
    pytest.param(15_000, marks=pytest.mark.slow, id="whole"),
]


def verdict(decode: Decode, head: object) -> str:
    """``message`` or ``refused``; any other exception comes out."""
    try:
        message = decode(head)
    except protocol.ProtocolError as error:
        refusal = error
    else:
        assert isinstance(message, dict)
        return "message"
    assert 0 < len(str(refusal)) < 400, "a message about garbage quotes little of it"
    assert refusal.id is None or messages.is_count(refusal.id)
    return "refused"


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("which", DECODERS)
def test_whatever_comes_is_a_message_or_a_protocol_error(
    which: str, count: int, proof: Proofs
) -> None:
    decode, make, good = DECODERS[which]
    found: Counter[str] = Counter()

    @settings(max_examples=count, deadline=None, database=None, derandomize=True)
    @given(st.randoms(use_true_random=False))
    def read(random: Random) -> None:
        found[verdict(decode, messages.head(random, make))] += 1
        assert verdict(decode, good) == "message"

    read()
    assert min(found["message"], found["refused"]) > count // 20, "both are tried"
    proof(
        "protocol",
        f"{which} read by CPython",
        messages=found.total(),
        refused=found["refused"],
        other_errors=0,
        good_ones_read_after=found.total(),
    )


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_request_is_refused_under_its_own_number(random: Random) -> None:
    head = messages.text(random, messages.spoilt(random, messages.request(random)))
    try:
        protocol.decode_request(head)
    except protocol.ProtocolError as error:
        refusal = error
    else:
        return
    if messages.depth(head) > protocol.MAX_DEPTH:
        return  # not even looked into
    try:
        known = json.loads(head, parse_constant=messages.no_json).get("id")
    except (ValueError, RecursionError):
        known = None
    assert refusal.id == (known if messages.is_count(known) else None)


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_request_is_written_only_if_its_reader_takes_it(random: Random) -> None:
    message = messages.spoilt(random, messages.request(random))
    fields = {str(name): value for name, value in message.items()}
    number, op = fields.pop("id", None), fields.pop("op", None)
    try:
        head = protocol.encode_request(number, op, **fields)
    except protocol.ProtocolError:
        return
    read = protocol.decode_request(head)
    assert {name: read[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("head", "taken"),
    [
        ('{"id": 1, "op": "run", "sql": "' + "[{" * 5_000 + '"}', True),
        ('{"id": 1, "op": "run", "sql": "' + r"\"[\\\"{" * 5_000 + '"}', True),
        ('{"id": 1, "op": "run", "sql": "' + r"\\" + '", "x": ' + "[" * 5_000, False),
        ('{"id": 1, "op": ' + "[" * 100 + "]" * 100 + "}", False),
        ('{"id": 1, "op": ' + "[[]," * 1_000 + "]" * 1_000 + "}", False),
    ],
)
def test_brackets_count_where_they_are_not_text(head: str, taken: bool) -> None:
    assert verdict(protocol.decode_request, head) == ("message" if taken else "refused")


def test_a_message_may_be_wide_but_not_deep() -> None:
    wide = json.dumps({"id": 1, "ok": True, "schema": [{"columns": [[]]}] * 1_000})
    assert verdict(protocol.decode_message, wide) == "message"
    for deep in ("[" * 101, '{"id": 1, "ok": true, "x": ' + '{"a":' * 99 + "[]" + "}" * 100):
        with pytest.raises(protocol.ProtocolError, match="deep"):
            protocol.decode_message(deep)


def test_what_utf8_cannot_spell_is_sent_as_something_that_can_be_read() -> None:
    # A file name of a pool that another program wrote may be any bytes (surrogateescape).
    head = protocol.encode_reply(1, databases=[{"name": "a\udcff\ud83d.db"}, {"name": "😀"}])
    head.encode()
    names = [each["name"] for each in protocol.decode_message(head)["databases"]]
    assert names == ["a��.db", "😀"]


READ_ALL = """
from sahpool_console import protocol

def verdict(decode, head):
    try:
        message = getattr(protocol, decode)(head)
    except protocol.ProtocolError as error:
        return "refused"
    except BaseException as error:
        return repr(error)
    return "message" if isinstance(message, dict) else repr(message)
"""

ASK_ALL = """
const verdict = python.globals.get("verdict");
const {heads, decode, good} = JSON.parse(readFileSync(process.argv[5], "utf8"));
console.log(JSON.stringify(heads.map((head) => [verdict(decode, head), verdict(decode, good)])));
"""


@needs_micropython
@pytest.mark.parametrize("count", MICROPYTHON_SIZES)
@pytest.mark.parametrize("which", DECODERS)
def test_micropython_comes_to_the_same_verdicts(
    which: str, count: int, proof: Proofs, tmp_path: Path
) -> None:
    decode, make, good = DECODERS[which]
    # JSON carries them there: no bytes, and a tuple would become a list.
    heads = [
        head for head in messages.heads(9, count, make) if not isinstance(head, (bytes, tuple))
    ]
    asked = tmp_path / "heads.json"
    asked.write_text(json.dumps({"heads": heads, "decode": decode.__name__, "good": good}))
    told = json.loads(run_micropython(tmp_path, READ_ALL, ASK_ALL, asked))
    assert len(told) == len(heads)
    lenient = 0
    for head, (found, after) in zip(heads, told, strict=True):
        assert after == "message", head
        if found == "message" and not (is_json(head) and is_utf8(head)):
            # Its reader passes over commas and colons that are missing or too many, goes deeper,
            # and knows no halves of surrogate pairs. The worker writes no such thing.
            lenient += 1
        else:
            assert found == verdict(decode, head), head
    assert lenient < len(heads) // 5
    proof(
        "protocol",
        f"{which} read by MicroPython",
        messages=len(heads),
        refused=sum(found == "refused" for found, _ in told),
        other_errors=0,
        good_ones_read_after=len(heads),
    )


def is_json(head: object) -> bool:
    """Whether this is JSON as it should be, and no deeper than a message may be."""
    if messages.depth(head) > protocol.MAX_DEPTH:
        return False
    try:
        json.loads(head, parse_constant=messages.no_json)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def is_utf8(head: object) -> bool:
    """Whether UTF-8 can spell a head and every text in it."""
    return not re.search(r"(?i)[\ud800-\udfff]|\\ud[89a-f]", str(head))
