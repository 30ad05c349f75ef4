"""Files in memory, which consist of blocks, against a model that is one piece."""

from __future__ import annotations

from pathlib import Path

from .node import ask

SCRIPT = Path(__file__).with_name("memory_model.mjs")


def test_a_file_in_memory_reads_as_it_was_written_across_all_blocks() -> None:
    answer = ask(SCRIPT, {"seeds": list(range(30)), "steps": 60})
    assert "error" not in answer, answer


def test_a_write_for_which_there_is_no_memory_says_so_and_changes_nothing() -> None:
    answer = ask(SCRIPT, {"seeds": [], "steps": 0})
    assert answer == {"full": "QuotaExceededError: 3 bytes, 1,2,3"}
