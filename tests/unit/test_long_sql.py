"""Long texts are coloured in parts, as they are as a whole (app/parts/long_sql.mjs)."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from .node import ask

SCRIPT = Path(__file__).with_name("long_sql.mjs")
LONG = 320_000
ROW = "INSERT INTO t VALUES (1, 'lorem ipsum', NULL);\n"

PIECES = [
    "SELECT a, b FROM t WHERE c = 'it''s (not; an end)'",
    ";\n",
    "INSERT INTO t VALUES (1, 'x', X'00ff'), (2.5e3, NULL, \"q\");\n",
    "-- it's a comment (of one line\n",
    "/* of; two\n lines' */",
    " - 1 / 2 ",
    "`na;me`",
    "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT (1); END;\n",
    " (SELECT max(a, (b + 1)) FROM t) ",
]


def told(text: str, at: int = 150_000, insert: str = " 'new' ") -> Any:
    """What the script says about a text, before and after text is put into it."""
    (found,) = ask(SCRIPT, [{"text": text, "at": at, "insert": insert}])
    return found


def mixed(seed: int) -> str:
    """A long text in which anything may follow anything."""
    random = Random(seed)
    pieces: list[str] = []
    length = 0
    while length < LONG:
        pieces.append(random.choice(PIECES))
        length += len(pieces[-1])
    return "".join(pieces)


@pytest.mark.parametrize("seed", range(3))
def test_a_long_text_has_the_colours_that_it_has_as_a_whole(seed: int) -> None:
    found = told(mixed(seed))
    assert found["same"]
    assert found["sameAfterwards"]
    assert len(found["ends"]) > 5


@pytest.mark.parametrize("insert", [ROW, ROW * 600, "x", ""], ids=["row", "many", "letter", "none"])
def test_only_what_was_changed_is_parsed_again(insert: str) -> None:
    found = told(ROW * 10_000, 150_000 - 150_000 % len(ROW), insert)
    assert found["sameAfterwards"]
    assert found["parts"] - 3 <= found["kept"] < found["parts"] or not insert


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("SELECT '" + "long; " * 60_000 + "'", 1),
        ("SELECT '" + "long; " * 60_000, 1),
        ("/*" + "long; " * 60_000, 1),
        ("SELECT 1;\n" * 40_000, 14),
        # Within brackets a part goes on, but not for ever: the next ones know of none.
        ("SELECT f(" + "1, " * 120_000 + ")", 12),
        ("x" * 400_000, 1),
    ],
    ids=["text", "open-text", "open-comment", "statements", "brackets", "word"],
)
def test_a_part_ends_between_two_tokens(text: str, parts: int) -> None:
    found = told(text)
    assert len(found["ends"]) == parts
    assert found["same"]
    assert found["sameAfterwards"]
