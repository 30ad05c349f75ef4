"""What waits to be written and what was read ahead, against a model of the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .node import ask

SCRIPT = Path(__file__).with_name("contents_model.mjs")


def told(seeds: range, *, storage_fails: bool) -> dict[str, Any]:
    """What the model has to tell after a run of 200 steps for each seed."""
    request = {"seeds": list(seeds), "steps": 200, "storageFails": storage_fails}
    answer: dict[str, Any] = ask(SCRIPT, request)
    return answer


@pytest.mark.parametrize("storage_fails", [False, True], ids=["all is well", "writes fail"])
def test_what_is_read_is_what_was_written_and_writes_keep_their_order(storage_fails: bool) -> None:
    answer = told(range(40), storage_fails=storage_fails)
    assert "error" not in answer, answer
    assert answer["calls"] > 0
    assert storage_fails or answer["calls"] < answer["writes"]


def test_a_sort_asks_the_browser_once_for_many_pages_of_each_of_its_pieces() -> None:
    answer = told(range(0), storage_fails=False)
    assert answer["readsAPage"] <= 1 / 8
