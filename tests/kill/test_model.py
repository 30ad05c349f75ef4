"""The judge of what is found after a kill: it must miss nothing, and accept whatever may be."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

import pytest

from tests.kill.model import Findings, Model
from tests.kill.rounds import Round
from tests.kill.steps import ACCOUNTS, ARMS, EACH, VISIBLE, apply, digest, kind_of

ARM = "delete"
NOTHING: dict[str, Any] = {
    "files": [],
    "quarantined": [],
    "main": {arm: {"step": -1} for arm in ARMS},
    "side": dict.fromkeys(ARMS),
    "canary": True,
}


class Writer:
    """A worker's part, played on a database in memory that nobody kills."""

    def __init__(self, mix: str = "mixed", acks: str = "each") -> None:
        self.model = Model("model")
        self.con = sqlite3.connect(":memory:", isolation_level=None)
        self.side: int | None = None
        round_ = Round(0, ARM, mix, acks, "commits", random.Random(0))
        self.task = self.model.begin(round_)
        self.kinds: list[str] = []

    def take(self, count: int) -> None:
        """So many steps more."""
        for step in range(len(self.kinds), len(self.kinds) + count):
            kind = kind_of(self.task["seed"], self.task["mix"], step)
            self.kinds.append(kind)
            if kind in VISIBLE:
                apply(self.con, self.task["seed"], kind, step)
            elif kind == "side":
                self.side = step if self.side is None else None

    def take_until(self, *kinds: str) -> int:
        """Steps until one of these kinds was taken; returns its number."""
        self.take(1)
        while self.kinds[-1] not in kinds:
            self.take(1)
        return len(self.kinds) - 1

    def found(self) -> dict[str, Any]:
        """What inside_writer.py would tell."""
        step = max(n for n, kind in enumerate(self.kinds) if kind in VISIBLE)
        main = {"step": step, "digest": digest(self.con), "total": ACCOUNTS * EACH}
        return {
            **NOTHING,
            "main": {**NOTHING["main"], ARM: main},
            "side": {**NOTHING["side"], ARM: self.side},
        }

    def judged(self, acked: int | None) -> Findings:
        """What the model says to it."""
        return self.model.judge(self.found(), acked)


def test_what_was_acknowledged_and_is_there_is_no_finding() -> None:
    writer = Writer()
    writer.take(40)
    findings = writer.judged(39)
    assert not findings
    commits = sum(kind in (*VISIBLE, "side") for kind in writer.kinds)
    assert findings.acknowledged == commits


def test_nothing_at_all_is_what_must_be_there_before_the_first_round() -> None:
    assert not Model("model").judge(NOTHING, None)


def test_the_step_in_flight_may_be_there_or_not() -> None:
    for more in (0, 1):
        writer = Writer()
        writer.take(40)
        writer.take(more)
        assert not writer.judged(39)


@pytest.mark.parametrize("acks", ["each", "page"])
def test_an_acknowledged_step_that_is_missing_is_lost(acks: str) -> None:
    writer = Writer(acks=acks)
    writer.take(40)
    before = writer.found()
    step = writer.take_until(*VISIBLE)
    findings = writer.model.judge(before, step)
    assert (findings.lost, findings.corrupt) == (1, 0), findings


def test_a_step_after_the_one_in_flight_cannot_be_there() -> None:
    writer = Writer("small")
    writer.take(40)
    while not all(kind in VISIBLE for kind in writer.kinds[-2:]):
        writer.take(1)
    findings = writer.judged(len(writer.kinds) - 3)
    assert findings.corrupt == 1, findings


def test_acknowledgements_that_travel_by_way_of_the_page_may_come_short() -> None:
    writer = Writer(acks="page")
    writer.take(40)
    assert not writer.judged(10)


def test_a_row_that_no_step_wrote_is_corruption() -> None:
    writer = Writer()
    writer.take(40)
    writer.con.execute("UPDATE entry SET text = text || ' ' WHERE id = (SELECT max(id) FROM entry)")
    findings = writer.judged(39)
    assert (findings.lost, findings.corrupt) == (0, 1), findings


def test_a_database_that_is_gone_is_lost_with_every_step() -> None:
    writer = Writer()
    writer.take(40)
    assert not writer.judged(39)
    findings = writer.model.judge(NOTHING, None)
    assert findings.lost >= 30, findings
    assert not findings.vanished


def test_a_storage_that_is_gone_with_all_that_was_in_it_is_told_apart() -> None:
    writer = Writer()
    writer.take(40)
    assert not writer.judged(39)
    assert writer.model.judge({**NOTHING, "canary": False}, None).vanished


def test_a_database_that_nobody_wrote_to_must_be_as_it_was() -> None:
    writer = Writer()
    writer.take(40)
    assert not writer.judged(39)
    assert not writer.judged(None)
    writer.take_until(*VISIBLE)
    findings = writer.judged(None)
    assert findings.corrupt == 1, findings


def test_what_sqlite_finds_unsound_is_corruption() -> None:
    writer = Writer()
    writer.take(40)
    found = writer.found()
    found["main"][ARM] = {"step": -1, "problem": "row 1 missing from index"}
    assert writer.model.judge(found, 39).corrupt == 1


def test_a_slot_in_quarantine_is_a_finding() -> None:
    assert Model("model").judge({**NOTHING, "quarantined": ["a slot"]}, None).quarantined == 1


def test_the_side_database_comes_and_goes_as_acknowledged() -> None:
    writer = Writer("whole")
    writer.take(1)
    made = writer.take_until("side")
    assert writer.side == made
    writer.side = None  # lost
    findings = writer.judged(made)
    assert findings.lost == 1, findings


@pytest.mark.parametrize("state", ["before", "after", "half made"])
def test_the_side_database_may_be_caught_half_made(state: str) -> None:
    writer = Writer("whole")
    writer.take(1)
    made = writer.take_until("side")
    found = writer.found()
    sides = {"before": None, "after": made, "half made": "empty"}
    found["side"][ARM] = sides[state]
    assert not writer.model.judge(found, made - 1)


def test_a_side_database_that_was_deleted_does_not_come_back() -> None:
    writer = Writer("whole")
    writer.take(1)
    made = writer.take_until("side")
    deleted = writer.take_until("side")
    assert writer.side is None
    writer.side = made
    assert writer.judged(deleted).lost == 1
