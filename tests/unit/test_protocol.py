"""Messages: what is written is read back, and nothing but a ProtocolError comes of garbage."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sahpool_console import protocol
from sahpool_console.session.operations import OPERATIONS
from tests.unit.inputs import JSON, TEXT
from tests.unit.micropython import needs_micropython, run_micropython


def test_a_request_is_read_as_it_was_written() -> None:
    head = protocol.encode_request(7, "run", sql="SELECT '😀'", rows=50)
    assert protocol.decode_request(head, 0) == {
        "id": 7,
        "op": "run",
        "sql": "SELECT '😀'",
        "start": 0,
        "script": 0,
        "merge": False,
        "rows": 50,
        "database": None,
        "transaction": None,
        "again": False,
        "seconds": 0,
    }


@given(TEXT)
def test_any_text_survives(text: str) -> None:
    head = protocol.encode_request(1, "run", sql=text)
    assert protocol.decode_request(head)["sql"] == text


@pytest.mark.parametrize("op", sorted(protocol.OPS))
def test_every_operation_can_be_asked_with_its_required_fields_alone(op: str) -> None:
    row = protocol.OPS[op]
    examples: dict[str, Any] = {protocol.COUNT: 1, protocol.INT: 0, protocol.TEXT: "x"}
    examples[protocol.TEXTS_OR_NULL] = ["x"]
    fields = {name: examples[kind] for name, kind in row.required.items()}
    request = protocol.decode_request(protocol.encode_request(1, op, **fields), row.parts)
    assert set(request) == {"id", "op", *row.required, *row.optional}


@pytest.mark.parametrize(
    ("head", "told", "number"),
    [
        ("", "JSON", None),
        ("[]", "object", None),
        ("[" * 100_000, "JSON", None),
        ('{"op": "schema"}', "id", None),
        ('{"id": true, "op": "schema"}', "id", None),
        ('{"id": 1.0, "op": "schema"}', "id", None),
        ('{"id": 0, "op": "schema"}', "id", None),
        ('{"id": 99999999999999999999, "op": "schema"}', "id", None),
        ('{"id": 4}', "no request None", 4),
        ('{"id": 4, "op": ["run"]}', "no request", 4),
        ('{"id": 4, "op": "run"}', "'sql'", 4),
        ('{"id": 4, "op": "run", "sql": 1}', "'sql'", 4),
        ('{"id": 4, "op": "run", "sql": "", "rows": 0}', "'rows'", 4),
        ('{"id": 4, "op": "run", "sql": "", "start": -1}', "'start'", 4),
        ('{"id": 4, "op": "run", "sql": "\\ud83d"}', "'sql'", 4),
        ('{"id": 4, "op": "run", "sql": "", "colour": 1}', "colour", 4),
        ('{"id": 4, "op": "import_file", "name": "a", "replace": 1}', "'replace'", 4),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(head: str, told: str, number: int | None) -> None:
    with pytest.raises(protocol.ProtocolError, match=told) as caught:
        protocol.decode_request(head)
    assert caught.value.id == number


def test_every_row_has_one_function_and_a_fate() -> None:
    assert set(OPERATIONS) == set(protocol.OPS)
    for op, row in protocol.OPS.items():
        assert row.fate in protocol.FATES, op


def test_a_request_must_bring_its_parts() -> None:
    head = protocol.encode_request(1, "import_file", name="a.csv")
    with pytest.raises(protocol.ProtocolError, match="binary part"):
        protocol.decode_request(head, 0)


def test_a_wrong_request_is_not_even_written() -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.encode_request(1, "run", sql=None)


def check_both_readers(head: object) -> None:
    for decode in (protocol.decode_request, protocol.decode_message):
        try:
            message = decode(head)
        except protocol.ProtocolError:
            continue
        assert isinstance(message, dict)


@given(st.text() | st.binary() | st.none() | JSON.map(json.dumps))
def test_garbage_raises_protocol_error_and_nothing_else(head: object) -> None:
    check_both_readers(head)


@given(
    st.fixed_dictionaries(
        {"id": JSON | st.just(1)},
        optional={"op": JSON | st.sampled_from(sorted(protocol.OPS)), "sql": JSON, "ok": JSON},
    )
)
def test_almost_messages_raise_protocol_error_and_nothing_else(message: Any) -> None:
    check_both_readers(json.dumps(message))


def test_characters_are_sent_as_they_are_for_micropython_joins_no_surrogates() -> None:
    assert "😀" in protocol.encode_reply(1, text="😀")


def test_replies_errors_and_events_are_read_as_they_were_written() -> None:
    error = protocol.make_error("NameExists", "There is one.", existing="a")
    assert protocol.decode_message(protocol.encode_reply(3, size=1)) == {
        "id": 3,
        "ok": True,
        "size": 1,
    }
    assert protocol.decode_message(protocol.encode_error(3, error))["error"] == error
    assert protocol.decode_message(protocol.encode_error(None, error))["id"] is None
    event = protocol.decode_message(protocol.encode_event("boot", phase="storage"))
    assert event == {"id": 0, "event": "boot", "phase": "storage"}


@pytest.mark.parametrize(
    "head",
    [
        '{"id": 0}',
        '{"id": 1}',
        '{"id": -1, "ok": true}',
        '{"id": false, "event": "x"}',
        '{"id": null, "ok": true}',
        '{"id": 1, "ok": false}',
        '{"id": 1, "ok": false, "error": {"type": "X"}}',
        '{"id": 0, "event": "failed", "error": 3}',
    ],
)
def test_a_wrong_reply_is_refused(head: str) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.decode_message(head)


MICROPYTHON_CHECK = """
from sahpool_console import protocol
head = protocol.encode_request(1, "run", sql="SELECT '😀é' --\\n")
assert protocol.decode_request(head)["sql"] == "SELECT '😀é' --\\n"
assert protocol.decode_message(REPLY)["text"] == "😀 \\x7f\\n"
for wrong in ("", "[]", "[" * 5000, '{"id": 1}', '{"id": 1, "op": "run", "sql": 3}', None):
    for decode in (protocol.decode_request, protocol.decode_message):
        try:
            decode(wrong)
        except protocol.ProtocolError:
            continue
        raise AssertionError(wrong)
print(head)
"""


@needs_micropython
def test_micropython_speaks_the_same_protocol(tmp_path: Path) -> None:
    reply = protocol.encode_reply(1, text="😀 \x7f\n")
    told = run_micropython(tmp_path, MICROPYTHON_CHECK, "", reply)
    assert protocol.decode_request(told)["sql"] == "SELECT '😀é' --\n"
