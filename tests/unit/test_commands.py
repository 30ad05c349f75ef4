"""The page's commands: which one runs, and that each button's command exists."""

from __future__ import annotations

import re

import pytest

import serve
from core.commands import Commands
from worker.build.page import page_bytes

PAGE = page_bytes().decode()
NAMED = {name for names in re.findall(r'data-command="([^"]+)"', PAGE) for name in names.split()}
ADDED = {
    name
    for path in (serve.ROOT / "app" / "features").rglob("*.py")
    for name in re.findall(r'\badd\(\s*"([\w.-]+)"', path.read_text(encoding="utf-8"))
}


def test_each_command_that_a_button_names_is_added_by_a_feature() -> None:
    assert NAMED
    assert NAMED <= ADDED


def test_a_command_has_its_title_from_the_catalogue() -> None:
    commands = Commands(lambda _reason: None)
    commands.add("query.cancel", lambda: None)
    assert [command.title for command in commands.all()] == ["Stop"]
    with pytest.raises(KeyError):
        commands.add("query.unknown", lambda: None)


def test_of_several_commands_the_first_one_that_may_run_is_run() -> None:
    refused: list[str] = []
    commands = Commands(refused.append)
    commands.add("query.run", lambda: "no", lambda: "Not now.")
    commands.add("query.cancel", lambda: "yes", lambda: None)
    assert commands.run("query.run", "query.cancel") == "yes"
    assert refused == []


def test_a_command_that_may_not_run_tells_why() -> None:
    refused: list[str] = []
    commands = Commands(refused.append)
    commands.add("query.run", lambda: "no", lambda: "Not now.")
    assert commands.run("query.run") is None
    assert refused == ["Not now."]


def test_a_key_runs_its_command_and_no_other() -> None:
    commands = Commands(lambda _reason: None)
    commands.add("query.run", lambda: "ran", key="Mod-Enter")
    commands.add("query.cancel", lambda: "other", key="Mod-o")
    assert commands.keys() == ["Mod-Enter", "Mod-o"]
    assert commands.press("Mod-Enter") == "ran"
    assert commands.press("F5") is None


def test_escape_stops_what_runs_and_says_nothing_where_nothing_does() -> None:
    said: list[str] = []
    running: set[str] = set()
    commands = Commands(said.append)

    def add(name: str) -> None:

        def idle() -> str | None:
            return None if name in running else "Nothing runs."

        commands.add(name, lambda: name, idle, "Escape")

    add("import.stop")
    add("query.cancel")
    assert commands.keys() == ["Escape"]
    assert commands.press("Escape") is None
    running.add("query.cancel")
    assert commands.press("Escape") == "query.cancel"
    assert said == []


@pytest.mark.parametrize(("name", "key"), [("query.run", None), ("query.cancel", "Mod-Enter")])
def test_a_name_or_a_key_that_is_taken_is_refused(name: str, key: str | None) -> None:
    commands = Commands(lambda _reason: None)
    commands.add("query.run", lambda: None, key="Mod-Enter")
    with pytest.raises(ValueError, match=r"query\.run"):
        commands.add(name, lambda: None, key=key)
