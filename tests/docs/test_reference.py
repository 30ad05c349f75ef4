"""docs/reference.md is what docs/generate.py makes of the docstrings as they are now."""

from __future__ import annotations

import re

import pytest

from docs import generate
from tests.docs.pages import anchors, links, prose


def test_the_reference_is_up_to_date() -> None:
    """Failing? ``python3 docs/generate.py`` with the Python in .build/venv writes it anew."""
    assert generate.PAGE.read_text(encoding="utf-8") == generate.reference()


def test_generating_twice_gives_the_same_page() -> None:
    assert generate.reference() == generate.reference()


def test_every_public_name_has_its_heading() -> None:
    import sahpool

    headings = re.findall(r"^### `(\w+)(?:\(\))?`$", prose(generate.PAGE), re.MULTILINE)
    assert sorted(headings) == sorted(sahpool.__all__)


@pytest.mark.parametrize(
    "rest", ["``", ":func:", ":meth:", ":class:", "::\n", "None\n\n**", "sahpool.pool."]
)
def test_nothing_of_the_docstrings_own_markup_is_left(rest: str) -> None:
    assert rest not in re.sub(r"```", "", prose(generate.PAGE))


def test_every_link_of_the_glance_leads_to_a_heading() -> None:
    assert {link[1:] for link in links(generate.PAGE) if link[0] == "#"} <= anchors(generate.PAGE)
