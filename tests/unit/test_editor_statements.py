"""The editor finds the statements that the worker runs (app/parts/statements.mjs)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sahpool_console.session.sql.statements import split

from .node import ask

SCRIPT = Path(__file__).with_name("statements.mjs")

PARTS = [
    "SELECT 1",
    "select ';'",
    ";",
    "\n",
    "\r\n",
    " ",
    "-- it's; one\n",
    "-- ",
    "/* ; */",
    "/*",
    "*/",
    "'",
    '"',
    "`",
    "[",
    "]",
    "-",
    "/",
    "\ufeff",
    "é",
    "𝄞",
    "\0",
    "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END;",
    "EXPLAIN QUERY PLAN CREATE TEMP TRIGGER x BEGIN SELECT 1; END ;",
    "explain ",
    "create ",
    "temporary ",
    "trigger ",
    "end",
    "END;",
    "ending",
    "CASE WHEN 1 THEN 2 END",
    "x" * 70_000,
    "(1, 'a;b', 2.5)," * 9_000,
]

texts = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)


def by_worker(text: str) -> list[list[int]]:
    """Where the worker's statements are, in UTF-16 units as the editor counts them."""
    data = text.encode()

    def units(at: int) -> int:
        return len(data[:at].decode().encode("utf-16-le")) // 2

    return [[units(start), units(end)] for start, end, _ in split(data)]


@settings(max_examples=12, deadline=None)
@example(["\0" + PARTS[22], "\0;", "\0 \0", f" \0{PARTS[23]}"])
@given(st.lists(texts, min_size=20, max_size=40))
def test_the_editor_and_the_worker_find_the_same_statements(found: list[str]) -> None:
    for text, (whole, slowly) in zip(found, ask(SCRIPT, {"texts": found})["texts"], strict=True):
        assert whole["bounds"] == by_worker(text), text[:300]
        assert slowly == whole, text[:300]


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, list[list[tuple[int, int, str]]], Any]:
    """A text, what is changed in it step by step, and the ms that reading may take each time."""
    first = draw(texts)
    length = len(first.encode("utf-16-le")) // 2
    steps = []
    for _ in range(draw(st.integers(1, 5))):
        places = sorted(draw(st.lists(st.integers(0, length), min_size=2, max_size=4)))
        changes = []
        for begin, end in zip(places[::2], places[1::2], strict=False):
            insert = draw(st.sampled_from(PARTS[:-2]))
            changes.append((begin, end if draw(st.booleans()) else begin, insert))
            length += len(insert.encode("utf-16-le")) // 2 - (changes[-1][1] - begin)
        steps.append(changes)
    return first, steps, draw(st.sampled_from([None, -1]))


@settings(max_examples=12, deadline=None)
@given(st.lists(edited(), min_size=10, max_size=20))
def test_after_changes_they_are_those_of_the_whole_text(edits: list[Any]) -> None:
    for steps in ask(SCRIPT, {"edits": edits})["edits"]:
        for step in steps:
            assert step["found"] == step["anew"], step["text"][:300]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("|SELECT 1; SELECT 2", 0),
        ("SELECT 1;| SELECT 2", 0),
        ("SELECT 1; |SELECT 2", 1),
        ("SELECT 1; -- the fi|rst\nSELECT 2", 0),
        ("SELECT 1;\n-- the sec|ond\nSELECT 2", 1),
        ("SELECT 1;\n|\nSELECT 2", 1),
        ("SELECT 1;\n\n|", 0),
        ("|", -1),
        ("-- nothing|", -1),
        ("SELECT '|;'; SELECT 2", 0),
    ],
)
def test_the_statement_that_the_cursor_means(text: str, number: int) -> None:
    place = [text.replace("|", ""), text.index("|")]
    assert ask(SCRIPT, {"places": [place]})["places"] == [number]
