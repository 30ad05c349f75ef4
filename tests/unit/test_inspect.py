"""What the inspector finds in a value: images, JSON, times, and its bytes as hex."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .node import ask

SCRIPT = Path(__file__).with_name("inspect.mjs")


def found(kind: str, value: object) -> Any:
    (answer,) = ask(SCRIPT, [[kind, value]])
    return answer


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("89504e470d0a1a0a", "image/png"),
        ("ffd8ffe0", "image/jpeg"),
        ("474946383961", "image/gif"),
        ("524946460000000057454250", "image/webp"),
        ("5249464600000000574156", ""),
        ("8950", ""),
        ("", ""),
        (b"<svg onload='alert(1)'>".hex(), ""),
    ],
)
def test_an_image_is_known_by_its_first_bytes_and_svg_is_none(start: str, expected: str) -> None:
    assert found("image", start) == expected


def test_numbers_in_json_keep_all_the_digits_that_are_written() -> None:
    text = '{"a": 12345678901234567890, "-1.5": [2.50, -1e5, null, true, "\\"7, é"]}'
    assert found("json", text) == {
        "value": {
            "sa": "n12345678901234567890",
            "s-1.5": ["n2.50", "n-1e5", None, True, 's"7, é'],
        }
    }


@pytest.mark.parametrize("text", ["", "12", '"text"', "{", "[1,]", "null", "true", "{a: 1}"])
def test_only_objects_and_arrays_count_as_json(text: str) -> None:
    assert found("json", text) is None


def test_json_that_is_too_long_or_no_utf_8_is_not_read() -> None:
    assert found("json", "[" + "1," * 300_000 + "1]") is None
    assert found("broken", "5b22ff225d") is None


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("int", "1715000000", [["seconds", "2024-05-06T12:53:20.000Z"]]),
        ("float", "1715000000.5", [["seconds", "2024-05-06T12:53:20.500Z"]]),
        ("int", "1715000000123", [["milliseconds", "2024-05-06T12:53:20.123Z"]]),
        ("int", "1715000000123456", [["microseconds", "2024-05-06T12:53:20.123Z"]]),
        ("float", "2460437.0", [["julian", "2024-05-06T12:00:00.000Z"]]),
        ("text", "2024-05-06", [["iso", "2024-05-06T00:00:00.000Z"]]),
        ("text", "2024-05-06 07:08", [["iso", "2024-05-06T07:08:00.000Z"]]),
        ("text", "2024-05-06T07:08:09.5+02:00", [["iso", "2024-05-06T05:08:09.500Z"]]),
        ("text", "2024-13-06", []),
        ("text", "12", []),
        ("int", "7", []),
        ("int", "9223372036854775807", []),
        ("float", "1e300", []),
        ("null", "", []),
    ],
)
def test_what_may_be_a_time_is_guessed(kind: str, value: str, expected: list[list[str]]) -> None:
    assert found("times", [kind, value]) == expected


def test_bytes_are_shown_as_hex_with_offsets_and_ascii() -> None:
    assert found("hex", "") == ""
    assert found("hex", "0041ff7e20425c7f43").splitlines() == [
        "000000  00 41 ff 7e 20 42 5c 7f  ·A·~ B\\·",
        "000008  43                       C",
    ]
