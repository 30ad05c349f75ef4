"""The settings that the page keeps in this browser: defaults, old and broken values, watchers."""

from __future__ import annotations

import re

import pytest

import serve
from core.settings import SETTINGS, Choice, Flag, Number, Setting, Settings, Text

ALL = (
    Setting("limit", Choice("0", "10"), "0", shown="a"),
    Setting("dense", Flag(), False, shown="a"),
    Setting("wait", Number(0, 60), 1.5),
    Setting("name", Text(), ""),
)


class Kept(dict[str, str]):
    """What a browser keeps; nothing more if it ``refuses``."""

    refuses = False

    def remember(self, key: str, text: str) -> bool:
        if not self.refuses:
            self[key] = text
        return not self.refuses


def settings_of(kept: Kept) -> Settings:
    return Settings(kept.get, kept.remember, ALL)


def test_what_was_never_set_is_the_default_and_nothing_is_kept_for_it() -> None:
    kept = Kept()
    settings = settings_of(kept)
    values = [settings[setting.name] for setting in ALL]
    assert values == ["0", False, 1.5, ""]
    assert kept == {}


def test_what_was_set_is_there_at_the_next_visit() -> None:
    kept = Kept()
    settings = settings_of(kept)
    for name, value in (("limit", "10"), ("dense", True), ("wait", 2.5), ("name", "é")):
        settings[name] = value
        assert settings[name] == settings_of(kept)[name] == value
    assert kept == {"limit": "10", "dense": "yes", "wait": "2.5", "name": "é"}


BROKEN = [
    *(("limit", text) for text in ("", "5", "0 ", "ten")),
    *(("dense", text) for text in ("", "true", "1")),
    *(("wait", text) for text in ("", "soon", "61", "-1", "nan", "inf")),
]


@pytest.mark.parametrize(("name", "text"), BROKEN)
def test_a_kept_text_that_is_no_value_counts_as_the_default_and_is_not_lost(
    name: str, text: str
) -> None:
    default = {setting.name: setting.default for setting in ALL}[name]
    kept = Kept({name: text})
    settings = settings_of(kept)
    assert settings[name] == default
    assert settings.broken(name) == text
    assert kept == {name: text}
    settings[name] = default
    assert settings.broken(name) is None
    assert kept[f"{name}.before"] == text
    assert settings_of(kept)[name] == default


@pytest.mark.parametrize(("name", "value"), [("limit", "5"), ("wait", 61), ("wait", "soon")])
def test_a_value_that_is_none_is_refused_and_changes_nothing(name: str, value: object) -> None:
    kept = Kept()
    settings = settings_of(kept)
    before = settings[name]
    with pytest.raises(ValueError):
        settings[name] = value
    assert settings[name] == before
    assert kept == {}


def test_a_browser_that_keeps_nothing_keeps_the_value_until_the_page_is_closed() -> None:
    kept = Kept()
    kept.refuses = True
    settings = settings_of(kept)
    settings["limit"] = "10"
    assert (settings["limit"], settings.is_kept, kept) == ("10", False, {})
    assert settings_of(kept)["limit"] == "0"


def test_those_who_watch_a_setting_are_told_its_value_now_and_at_each_change() -> None:
    settings = settings_of(Kept())
    seen: list[object] = []
    settings.watch("limit", seen.append)
    settings["limit"] = "10"
    settings["dense"] = True
    assert seen == ["0", "10"]


def test_the_console_s_settings_have_defaults_that_are_values_and_names_of_their_own() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.kind.read(setting.kind.write(setting.default)) == setting.default
        # The dialog draws these two.
        assert setting.shown is None or isinstance(setting.kind, Choice | Flag)


def test_the_page_offers_the_time_limits_that_there_are() -> None:
    markup = (serve.ROOT / "app/features/query/query.html").read_text(encoding="utf-8")
    (limit,) = re.findall(r'<select id="seconds">.*?</select>', markup)
    kinds = {setting.name: setting.kind for setting in SETTINGS}
    assert tuple(re.findall(r'value="(\w+)"', limit)) == kinds["seconds"].values
