"""What is dropped on the page: the files of folders count as if they were dropped together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.node import ask

SCRIPT = Path(__file__).with_name("drop.mjs")

FEW = {"a.csv": "file", "inner": {"b.csv": "file", "deeper": {"c.db": "file"}}}


@pytest.mark.parametrize(
    ("dropped", "files", "empty", "unread"),
    [
        ({"x.csv": "file", "y.csv": "synthetic", "text": "text"}, ["x.csv", "y.csv"], [], []),
        ({"folder": FEW, "x.csv": "file"}, ["a.csv", "b.csv", "c.db", "x.csv"], [], []),
        ({"folder": {}, "x.csv": "file"}, ["x.csv"], ["folder"], []),
        ({"folder": {".DS_Store": "file", "Thumbs.db": "file", "in": {}}}, [], ["folder"], []),
        ({"folder": {"a.csv": "file", "b.csv": "gone"}}, ["a.csv"], [], ["folder"]),
    ],
)
def test_the_files_of_a_drop_are_those_of_its_folders_too(
    dropped: dict[str, Any], files: list[str], empty: list[str], unread: list[str]
) -> None:
    found = ask(SCRIPT, {"dropped": dropped})
    assert found == {"files": files, "empty": empty, "unread": unread, "cut": False}


def test_a_folder_of_many_files_is_read_whole_up_to_a_thousand() -> None:
    folder = {f"{number:05}.csv": "file" for number in range(1_500)}
    found = ask(SCRIPT, {"dropped": {"folder": folder}})
    assert (found["files"], found["cut"]) == (list(folder)[:1_000], True)
