"""The page is put together from its skeleton and the templates and styles of its features."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import serve
from worker.build import page
from worker.build.page import Part, put_together

FEATURES = serve.ROOT / "app" / "features"
VOID = {"br", "img", "input", "link", "meta"}


class Tags(HTMLParser):
    """The ids of a page, and whether each element is closed."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.inline: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.inline += [name for name, _ in attrs if name == "style" or name.startswith("on")]
        if tag in {"style", "script"} and "src" not in dict(attrs):
            self.inline.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """SVG's shapes close themselves."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_each_id_is_there_once() -> None:
    tags = Tags(page.page_bytes().decode())
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids)) > 60
    assert b"<!-- place" not in page.page_bytes()


def test_each_element_that_the_page_s_python_looks_up_is_there() -> None:
    ids = set(Tags(page.page_bytes().decode()).ids) | {"documentation"}
    looked_up = {
        (path.name, name)
        for path in (serve.ROOT / "app").rglob("*.py")
        for name in re.findall(r'by_id\(\s*"([\w-]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(looked_up) > 50
    assert {found for found in looked_up if found[1] not in ids} == set()


def test_no_markup_has_a_script_or_a_style_in_it_which_the_policy_would_refuse() -> None:
    assert Tags(page.page_bytes().decode()).inline == []


def test_each_template_and_each_style_belongs_to_a_feature_that_is_set_up() -> None:
    names = page.features()
    assert names[0] == "query"
    assert {path.parent.name for path in FEATURES.glob("*/*.html")} <= set(names)
    files = [*FEATURES.glob("*/*.html"), *FEATURES.glob("*/*.css")]
    assert {path.stem == path.parent.name for path in files} == {True}
    style = page.style_bytes()
    assert all(path.read_bytes() in style for path in FEATURES.glob("*/*.css"))


def test_parts_come_in_the_order_of_their_place_and_then_in_that_of_the_features() -> None:
    parts = [
        Part("new", "foot", "<i>new</i>\n"),
        Part("a", "foot", "<i>a</i>\n<!-- place: inner -->\n"),
        Part("b", "inner", "<b>b</b>\n"),
        Part("c", "foot", "<i>c</i>\n"),
    ]
    markup = "<p>\n  <!-- place: foot (c a) -->\n</p>\n"
    assert put_together(markup, parts) == (
        "<p>\n  <i>c</i>\n  <i>a</i>\n  <b>b</b>\n  <i>new</i>\n</p>\n"
    )
    assert put_together(markup, []) == "<p>\n</p>\n"


def test_a_part_without_a_place_is_a_mistake_that_is_named() -> None:
    with pytest.raises(serve.StepError, match=r"new\.html: the page has no place named nowhere"):
        put_together("<!-- place: foot -->\n", [Part("new", "nowhere", "<i>new</i>\n")])
