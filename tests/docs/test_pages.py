"""What the pages name is there: tests, files, headings, and the bytes of a header."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sahpool.opfs_pool import header
from tests.docs.pages import DOCS, PAGES, ROOT, anchors, blocks, links, named_tests, section
from tests.harness.collected import names_of_tests
from tests.harness.inside_modules import header_layout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    assert set(named_tests(page)) <= names_of_tests()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_index_leads_to_every_page() -> None:
    index = DOCS / "README.md"
    others = {page.name for page in DOCS.glob("*.md")} - {index.name}
    assert others <= set(links(index))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_hardly_a_block_of_code_is_shown_without_being_run(page: Path) -> None:
    left_out = [block for block in blocks(page) if not block.is_run]
    assert len(left_out) <= 1


def promises() -> list[str]:
    """The rows of the table of promises."""
    lines = section(DOCS / "promises.md", "Each promise and its test").splitlines()
    return [line for line in lines if line.startswith("| ")][2:]


def test_no_promise_has_gone_from_the_table() -> None:
    assert len(promises()) >= 51


@pytest.mark.parametrize("promise", promises())
def test_each_promise_names_tests_that_exist(promise: str) -> None:
    named = re.findall(r"`(test_\w+)`", promise)
    assert named
    assert set(named) <= names_of_tests()


def failures() -> list[str]:
    """The sections of promises.md that say what a failure costs."""
    text = (DOCS / "promises.md").read_text(encoding="utf-8")
    return [part for part in re.split(r"^## ", text, flags=re.MULTILINE) if "**Lost:**" in part]


@pytest.mark.parametrize("failure", failures(), ids=lambda text: text.partition("\n")[0])
def test_each_failure_says_what_happens_and_what_proves_it(failure: str) -> None:
    for part in ("**What happens:**", "**Lost:**", "**You see:**", "**Tests"):
        assert part in failure
    proof = failure.partition("**Tests")[2]
    assert "`test_" in proof or "None, and no promise" in proof


def test_every_failure_is_in_the_overview() -> None:
    overview = (DOCS / "promises.md").read_text(encoding="utf-8").partition("\n## ")[0]
    titles = [section.partition("\n")[0] for section in failures()]
    assert re.findall(r"^\| \[(.+?)\]", overview, re.MULTILINE) == titles


def comparison() -> list[list[str]]:
    """The rows of the tables of comparison.md, as their cells."""
    text = (DOCS / "comparison.md").read_text(encoding="utf-8")
    table = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:2] == "| "]
    return [cells for cells in table if cells[-1] != "sahpool" and set(cells[-1]) != {"-"}]


def test_what_is_said_of_ours_in_the_comparison_has_a_test_or_says_that_it_has_none() -> None:
    table = comparison()
    assert len(table) > 50
    assert [cells for cells in table if len(cells) != 5] == []
    unproved = [
        cells for cells in table if not re.search(r"\[\^\d+\]$|^no$|^no |\(unproved\)$", cells[-1])
    ]
    assert unproved == []


def test_the_notes_of_the_comparison_are_all_there_and_all_used() -> None:
    text = (DOCS / "comparison.md").read_text(encoding="utf-8")
    defined = re.findall(r"^\[\^(\d+)\]: `test_\w+`$", text, re.MULTILINE)
    used = re.findall(r"\[\^(\d+)\](?!:)", text)
    assert len(defined) == len(set(defined))
    assert set(defined) == set(used)


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the tables below a heading."""
    text = page.read_text(encoding="utf-8").partition(f"\n{heading}\n")[2]
    section = re.split(r"^#+ ", text, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if re.match(r"\| *\d", line)]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]


def test_the_table_of_header_bytes_is_what_header_py_writes() -> None:
    fields = {
        cells[0]: (int(cells[1]), cells[2])
        for cells in rows(DOCS / "how-it-works.md", "## The header of a slot")
    }
    layout = header_layout()
    # Every byte of the sector is in the table once.
    at = 0
    for offset, (size, _) in fields.items():
        assert int(offset) == at
        at += size
    assert at == header.SECTOR_SIZE
    assert fields == {
        "0": (layout["path_size"], fields["0"][1]),
        str(layout["flags_offset"]): (4, fields[str(layout["flags_offset"])][1]),
        str(layout["digest_offset"]): (8, fields[str(layout["digest_offset"])][1]),
        str(layout["first_size"]): (layout["second_offset"] - layout["first_size"], "zero"),
        str(layout["second_offset"]): (
            len(layout["second_magic"]),
            f"the text `{layout['second_magic'].decode()}`",
        ),
        "1032": (8, fields["1032"][1]),
        "1040": (layout["first_size"], fields["1040"][1]),
        str(layout["second_offset"] + layout["second_size"]): (
            layout["second_digest_size"],
            fields["1564"][1],
        ),
        "1596": (header.SECTOR_SIZE - 1596, "zero"),
    }


def test_the_example_of_a_header_is_what_header_py_writes() -> None:
    page = " ".join((DOCS / "how-it-works.md").read_text(encoding="utf-8").split())
    (path, flags, digest) = re.findall(
        r"`(/\S+)` with the flags `(0x[0-9a-f]+)` has the digest `([0-9a-f ]+)`", page
    )[0]
    sector = header.encode(path, int(flags, 16), 1)
    assert sector[516:524].hex() == digest.replace(" ", "")
