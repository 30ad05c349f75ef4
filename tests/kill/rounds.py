"""Rounds: a browser or a worker writes, is ended at a random moment, and the next one looks."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.kill.model import Findings
from tests.kill.steps import ARMS, MIXES
from tests.proofs import Proofs

#: The browsers, as the table of proofs names them.
NAMES = {"chrome": "Chromium", "firefox": "Firefox"}


@dataclass
class Round:
    """What one round is like.

    Attributes:
        number: Of the round, counted over all of a session.
        arm: Whose databases are written to.
        mix: Which steps are taken.
        acks: How they are acknowledged: ``each`` by a request of its own; by way of the ``page``;
            ``early``, before it is taken, which is what must not be and must be found out.
        stage: When it is ended: among its ``commits``, inside a ``long`` statement of a transaction
            that comes behind some, or when it has been ``idle`` since the last.
        chance: For the rest of what is random.
    """

    number: int
    arm: str
    mix: str
    acks: str
    stage: str
    chance: random.Random

    def __str__(self) -> str:
        how = f"{self.mix} steps, acknowledged {self.acks}, ended at {self.stage}"
        return f"round {self.number} ({self.arm}, {how})"


def rounds(seed: str, stages: dict[str, int], *, control: bool = False) -> Iterator[Round]:
    """Round after round: every arm as often as the others, all else at random.

    Args:
        seed: What chance begins with.
        stages: How many rounds of each stage among how many.
        control: Whether steps are acknowledged before they are taken.
    """
    chance = random.Random(seed)
    number = 0
    while True:
        for arm in chance.sample(list(ARMS), len(ARMS)):
            mix = "large" if control else chance.choice(list(MIXES))
            acks = "early" if control else chance.choice(["each", "page"])
            (stage,) = chance.choices(list(stages), list(stages.values()))
            stage = "commits" if control else stage
            yield Round(number, arm, mix, acks, stage, random.Random(f"{seed}/{number}"))
            number += 1


@dataclass
class Tally:
    """What came of the rounds of a session.

    Attributes:
        rounds: How many were ended.
        found: What was otherwise than it must be, summed up; ``told`` names the rounds.
        waits: Seconds that ``install()`` took after each end.
    """

    rounds: int = 0
    found: Findings = field(default_factory=Findings)
    waits: list[float] = field(default_factory=list)

    def add(self, what: str, findings: Findings, looked: dict[str, Any]) -> None:
        """What the look after the end of ``what`` has found."""
        self.rounds += 1
        self.waits.append(looked["waited"])
        self.found.acknowledged += findings.acknowledged
        self.found.lost += findings.lost
        self.found.corrupt += findings.corrupt
        self.found.quarantined += findings.quarantined
        self.found.vanished |= findings.vanished
        self.found.told += [f"after {what}: {each}" for each in findings.told]

    def prove(self, proof: Proofs, row: str, arm: str, *, control: bool = False) -> None:
        """Adds the counts to the table of proofs."""
        if row == "kill":
            proof(row, arm, control=control, kills=self.rounds)
        else:
            proof(row, arm, control=control, ends=self.rounds)
        acknowledged, lost, corrupt = self.found.acknowledged, self.found.lost, self.found.corrupt
        proof(
            row,
            arm,
            control=control,
            acknowledged_commits=acknowledged,
            lost=lost,
            corrupt=corrupt,
        )

    def waited(self) -> str:
        """The median and the longest time that a start took, in words."""
        return summary(self.waits)


def summary(waits: list[float]) -> str:
    """The median and the longest of some times in seconds, in words."""
    if not waits:
        return "none"
    return f"median {statistics.median(waits):.2f} s, longest {max(waits):.2f} s"
