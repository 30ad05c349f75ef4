"""Characters that a person would not see are marked, and the text itself stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .node import ask

SCRIPT = Path(__file__).with_name("visible.mjs")


def pieces(*texts: str) -> list[list[tuple[str, str]]]:
    """The pieces of each text: (text, the symbol that stands for it or "")."""
    return [[(piece["text"], piece["symbol"]) for piece in found] for found in ask(SCRIPT, texts)]


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        (" 100", ["·"]),
        ("100  ", ["··"]),
        (" ", ["·"]),
        ("a\nb", ["⏎"]),
        ("a\r\nb", ["␍", "⏎"]),
        ("a\tb", ["⇥"]),
        ("nul\0inside", ["␀"]),
        ("\x1b[31m", ["␛"]),
        ("\x7f", ["␡"]),
        ("\u00a0id", ["⍽"]),
        ("\u200bid", ["U+200B"]),
        ("\ufeffid", ["U+FEFF"]),
        ("soft\u00adhyphen", ["U+00AD"]),
        ("\u202egnp.exe", ["U+202E"]),
        ("wide\u3000space", ["U+3000"]),
        ("a\u2028b", ["U+2028"]),
        ("a\u200db", ["U+200D"]),
        ("filler\u3164", ["U+3164"]),
    ],
)
def test_what_is_not_seen_gets_a_symbol(text: str, symbols: list[str]) -> None:
    (found,) = pieces(text)
    assert [symbol for _, symbol in found if symbol] == symbols
    assert "".join(part for part, _ in found) == text


@pytest.mark.parametrize(
    "text",
    [
        "plain text, with blanks between",
        "né à Orléans",
        "👩‍👩‍👧 family",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿 flag",
        "❤️‍🔥",
        "می‌خواهم",
        "क्‍ष",
        "",
    ],
)
def test_what_is_seen_or_belongs_to_a_letter_stays_unmarked(text: str) -> None:
    (found,) = pieces(text)
    assert all(not symbol for _, symbol in found)
    assert "".join(part for part, _ in found) == text


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=50))
def test_the_pieces_of_any_text_are_the_text(texts: list[str]) -> None:
    assert ["".join(part for part, _ in found) for found in pieces(*texts)] == texts
