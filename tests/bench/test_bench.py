"""The bench itself: everybody does the same, and who does not is found out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import serve
from tests.bench import player
from tests.bench.__main__ import options
from tests.bench.contenders import MEMORY, NATIVE, OURS, PEERS, BenchError, BenchSite, Native
from tests.bench.plan import rows
from tests.bench.report import EVERY_PEER, Report
from tests.bench.run import bench, compare
from tests.bench.suites import GROUPS, SUITES, plans
from tests.conftest import serving

TINY = 0.005


@pytest.fixture(scope="module")
def bench_site() -> Iterator[BenchSite]:
    """The site with the peers beside it."""
    with serving(BenchSite(serve.assemble())) as server:
        yield server


@pytest.mark.chrome
def test_every_contender_finds_the_same_in_every_suite(bench_site: BenchSite) -> None:
    """``bench`` raises when one does not; each suite has a time of each."""
    wanted = options(["--rounds", "1", "--scale", str(TINY)])
    report = bench("chrome", bench_site, wanted)
    for suite in SUITES:
        for name in (OURS, MEMORY, NATIVE, *PEERS):
            assert report.median(suite, name) is not None, (suite, name)
    assert report.settings[OURS]["journal_mode"] == "wal"
    assert {settings["synchronous"] for settings in report.settings.values()} == {2}
    assert {settings["page_size"] for settings in report.settings.values()} == {4096}
    assert {settings["cache_size"] for settings in report.settings.values()} == {-32768}


@pytest.mark.parametrize("group", GROUPS)
def test_a_plan_times_every_suite_of_its_group(group: str) -> None:
    """Also alone, each finds something to compare."""
    for suite in GROUPS[group][0]:
        (plan,) = plans({suite}, TINY).values()
        answer = Native().play(plan)
        assert suite in {name.partition(": ")[0] for name in answer["times"]}
        assert answer["results"]


def test_the_plans_on_the_host_and_in_memory_find_the_same() -> None:
    for group, plan in plans(set(SUITES), TINY).items():
        everybody = Native(), Native(memory=True)
        compare(group, {each.name: each.play(plan) for each in everybody})


def test_who_leaves_something_out_is_found_out() -> None:
    (plan,) = plans({"commits"}, TINY).values()
    whole = Native().play(plan)
    for step in plan:
        if step[0] == "time":
            step[2][0][2]["count"] -= 1
    with pytest.raises(BenchError, match="others and lazy found different things"):
        compare("commits", {"others": whole, "lazy": Native().play(plan)})


def test_rows_follow_from_their_seed() -> None:
    columns = ("serial", 5), ("int", 10), ("text", 16)
    assert player.rows(rows(2, *columns)) == [
        (5, 0, "5e8885db5e8885db"),
        (6, 4, "b4733ac5b4733ac5"),
    ]


def test_an_unknown_suite_is_refused() -> None:
    with pytest.raises(KeyError, match="no suite nothing"):
        plans({"nothing"}, 1)


def test_a_report_compares_medians() -> None:
    report = Report("chrome")
    peer, other = list(PEERS)[:2]
    for ours, fast, slow in ((10.0, 20.0, 100.0), (30.0, 20.0, 100.0), (11.0, 22.0, 1.0)):
        for name, time in ((OURS, ours), (peer, fast), (other, slow)):
            report.add(name, {"times": {"mix: one": time}, "settings": {"SQLite": "3"}})
    assert report.median("mix", OURS) == 11.0
    assert report.ratio("mix", EVERY_PEER) == 11 / 20
    assert report.ratio("mix", NATIVE) is None
    assert "| mix | 11 (10–30) | 20 (20–22) | 100 (1–100) |" in report.tables()
