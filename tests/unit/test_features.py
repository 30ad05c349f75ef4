"""The page's features, each alone, without a browser."""

from __future__ import annotations

import pytest

from worker.build.page import features

from .fake_page import FakePage


@pytest.mark.parametrize("name", [name for name in features() if name not in {"query", "start"}])
def test_a_feature_can_be_set_up_without_the_others(page: FakePage, name: str) -> None:
    """Query and start hand over to the editor and to the worker at once."""
    page.set_up(name)
    titles = [command.title for command in page.commands.all()]
    assert all(titles)
    assert len(titles) == len(set(titles))


def test_a_command_of_a_feature_says_why_it_may_not_run(page: FakePage) -> None:
    page.set_up("databases")
    page.state["running"] = True
    page.commands.run("databases.new")
    assert page.said == ["Wait until the running statement has ended, or stop it."]


def test_the_time_limit_that_is_set_in_the_dialog_is_kept_at_once(page: FakePage) -> None:
    page.set_up("settings")
    page.settings["seconds"] = "60"
    assert page.kept == {"seconds": "60"}
    assert page.commands.keys() == ["Mod-,"]
