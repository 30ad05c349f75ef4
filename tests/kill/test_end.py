"""Workers that are ended while they write, in one browser session, and the starts that follow."""

from __future__ import annotations

import itertools
import random
import time

import pytest

from tests.browser.console_page import Console
from tests.browsers import Chromium
from tests.conftest import ServedSite
from tests.firefox import Firefox
from tests.kill.desk import Desk
from tests.kill.rounds import NAMES, summary
from tests.kill.session import WAYS, Session
from tests.proofs import Proofs

CREATE = """
CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER, note TEXT);
CREATE TABLE done (round INTEGER);
INSERT INTO account
  WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 20000)
  SELECT x, 10, printf('%0300d', x) FROM c
"""
# The cache is made small, so that the transaction is in the file long before it would end.
TRANSACTION = """
PRAGMA cache_size = 50;
BEGIN;
UPDATE account SET balance = balance + 1, note = note || 'changed';
DELETE FROM account WHERE id % 3 = 0;
UPDATE account SET note = (
  WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 30000)
  SELECT 'long' || max(x) || account.id FROM c
)
"""
LOOK = """
SELECT count(*), sum(balance), sum(note = printf('%0300d', id)), (SELECT count(*) FROM done),
  (SELECT group_concat(integrity_check) FROM pragma_integrity_check)
FROM account
"""

BROWSERS = [
    pytest.param(kind, marks=getattr(pytest.mark, kind.name), id=kind.name)
    for kind in (Chromium, Firefox)
]


@pytest.mark.parametrize("kind", BROWSERS)
@pytest.mark.parametrize("count", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_a_worker_that_is_ended_loses_nothing_acknowledged_and_the_next_one_starts(
    kind: type[Chromium | Firefox], count: int, desk: Desk, seed: str, proof: Proofs
) -> None:
    name = NAMES[kind.name]
    # Firefox puts no process of its own behind a tab.
    possible = list(WAYS) if kind is Chromium else [way for way in WAYS if "process" not in way]
    ways = [way for way in possible for _ in range(count)]
    random.Random(seed).shuffle(ways)
    browser = kind()
    try:
        session = Session(desk, browser, seed)
        began = time.monotonic()
        tallies = session.run(ways)
        print(f"{name}: {len(ways)} ends in {time.monotonic() - began:.0f} s")
        for way, tally in sorted(tallies.items()):
            print(f"{way}, install() after it: {tally.waited()}")
            tally.prove(proof, "end", f"{name}, {way}")
        told = list(itertools.chain.from_iterable(each.found.told for each in tallies.values()))
        assert not told, f"seed {seed}: {told}"
        (control,) = session.run(["worker terminated"] * 5, control=True).values()
        print(f"acknowledged too early: {control.found}")
        arm = f"{name}, acknowledged before the commit"
        control.prove(proof, "end", arm, control=True)
        assert control.found.lost, "a step that was acknowledged too early was not missed"
    finally:
        browser.close()


@pytest.mark.parametrize("kind", BROWSERS)
@pytest.mark.parametrize("count", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_a_console_that_is_reloaded_in_a_long_transaction_has_what_was_committed_before(
    kind: type[Chromium | Firefox], count: int, site: ServedSite, seed: str, proof: Proofs
) -> None:
    chance = random.Random(seed)
    browser = kind()
    waits = []
    try:
        console = Console(browser, site.url)
        console.open()
        console.run_sql(CREATE)
        for round_ in range(1, count + 1):
            console.run_sql(f"INSERT INTO done VALUES ({round_})")
            console.run_sql(TRANSACTION, wait=False)
            time.sleep(chance.uniform(0.1, 2.0))
            assert console.error() is None
            began = time.monotonic()
            console.reload()
            waits.append(time.monotonic() - began)
            console.run_sql(LOOK)
            told = f"seed {seed}, round {round_}"
            assert console.rows() == [["20000", "200000", "20000", str(round_), "ok"]], told
    finally:
        browser.close()
    print(f"{NAMES[kind.name]}: reload to SQL answered: {summary(waits)}")
    arm = f"{NAMES[kind.name]}, console page reloaded"
    proof("end", arm, ends=count, acknowledged_commits=count + 1, lost=0, corrupt=0)
