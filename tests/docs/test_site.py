"""The documentation as it is built: its links, what it asks for, its index for the search."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import serve
from tests.docs.pages import DOCS, PAGES, ROOT
from worker.build import docs_site
from worker.build.page import page_bytes


class Parsed(HTMLParser):
    """What a page links to and loads, its anchors, and the scripts that stand within it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.inline = 0
        self.policies: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if "src" in given:
            self.loaded.append(given["src"])
        if tag == "link":
            self.loaded.append(given["href"])
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.inline += 1
        self.inline += sum(name.startswith("on") for name in given)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(given["content"])


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    """The documentation's files, by their paths on the site."""
    return docs_site.files()


@pytest.fixture(scope="module")
def pages(files: dict[str, Path]) -> dict[str, Parsed]:
    return {name: Parsed(path) for name, path in files.items() if path.suffix == ".html"}


def test_every_page_is_on_the_site(pages: dict[str, Parsed]) -> None:
    wanted = {page.stem.lower() for page in PAGES if page.parent == DOCS} - {"readme"}
    assert {Path(name).stem for name in pages} == wanted | {"index", "security", "changelog"}


def test_no_link_within_the_site_is_dead(files: dict[str, Path], pages: dict[str, Parsed]) -> None:
    dead = []
    count = 0
    for name, page in pages.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            count += 1
            target = name
            if parts.path:
                folder = (ROOT / name).parent
                target = (folder / unquote(parts.path)).resolve().relative_to(ROOT).as_posix()
            there = target in files or (ROOT / target).resolve() == ROOT / docs_site.FOLDER
            anchor = unquote(parts.fragment)
            if anchor and target in pages:
                there = there and anchor in pages[target].anchors
            if not there:
                dead.append((name, link))
    assert dead == []
    assert count > 1000


def test_nothing_is_loaded_from_another_origin_and_no_script_stands_in_a_page(
    files: dict[str, Path], pages: dict[str, Parsed]
) -> None:
    for name, page in pages.items():
        assert [url for url in page.loaded if urlsplit(url).netloc] == [], name
        assert page.inline == 0, name
        assert len(page.policies) == 1, name
        assert "script-src 'self';" in page.policies[0], name
    for name, path in files.items():
        if path.suffix == ".css":
            assert "url(http" not in path.read_text(encoding="utf-8"), name
            assert "@import" not in path.read_text(encoding="utf-8"), name


def test_the_index_of_the_search_leads_to_what_is_there(
    files: dict[str, Path], pages: dict[str, Parsed]
) -> None:
    index = json.loads(files["docs/search/search_index.json"].read_text(encoding="utf-8"))
    places = [entry["location"] for entry in index["docs"]]
    assert len(places) > 180
    for place in places:
        path, _, anchor = place.partition("#")
        page = pages[f"docs/{path or 'index.html'}"]
        assert not anchor or anchor in page.anchors, place
    # Every heading of a page can be found.
    assert "limits.html" in places
    assert "promises.html#the-power-is-cut" in places


def test_the_console_keeps_none_of_it_for_visits_without_a_server(files: dict[str, Path]) -> None:
    assert [name for name in files if serve.kept_offline(name)] == []


def test_the_page_of_a_build_says_where_the_documentation_is() -> None:
    page = page_bytes()
    assert b"docs/" not in page
    linked = docs_site.linked(page).decode()
    assert '<link rel="help" id="documentation" href="./docs/index.html">' in linked
    with pytest.raises(serve.StepError, match="no place for the link"):
        docs_site.linked(b"<html></html>")


def test_the_site_of_the_pages_is_built_again_only_when_a_source_has_changed(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> str:
        raise AssertionError("it was built again")

    monkeypatch.setattr(docs_site, "install", lambda: None)
    monkeypatch.setattr(docs_site, "run", fail)
    assert docs_site.files() == files
    monkeypatch.setattr(docs_site, "WORK", tmp_path)
    with pytest.raises(AssertionError, match="built again"):
        docs_site.files()
