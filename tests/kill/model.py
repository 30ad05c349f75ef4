"""What must be in the databases: the acknowledged steps, taken in CPython's own SQLite."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.kill.steps import ACCOUNTS, ARMS, EACH, VISIBLE, apply, digest, kind_of

if TYPE_CHECKING:
    from tests.kill.rounds import Round


@dataclass
class Findings:
    """What was found to be otherwise than it must be; nothing else is ever expected.

    Attributes:
        acknowledged: Commits that were acknowledged since the last time.
        lost: Of these, and of those before, the ones that are not there.
        corrupt: Databases that are unsound or hold what no step wrote.
        quarantined: Slots in quarantine.
        vanished: Whether the browser has lost the whole of the origin's storage, the file that
            lies beside the pool included: then it is the browser's loss, not the pool's.
        told: All of it in words.
    """

    acknowledged: int = 0
    lost: int = 0
    corrupt: int = 0
    quarantined: int = 0
    vanished: bool = False
    told: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.told)


class Arm:
    """The two databases of an arm as they must be, with the round that writes to them.

    Attributes:
        next: The step that the next round begins with.
    """

    def __init__(self, name: str, seed: str) -> None:
        self.name = name
        self.next = 0
        self._seed = f"{seed}/{name}"
        self._main = sqlite3.connect(":memory:", isolation_level=None)
        self._step = -1  # the last visible step that is in _main
        self._side: int | None = None
        self._mix: str | None = None  # of the round whose outcome is not known yet
        self._acks = ""

    @property
    def seed(self) -> str:
        """What the kinds and contents of the steps are drawn from."""
        return self._seed

    def begin(self, mix: str, acks: str) -> None:
        """A round starts to write: what is found next may be more than what is known."""
        self._mix, self._acks = mix, acks

    def judge(self, main: dict[str, Any], side: Any, acked: int | None, found: Findings) -> None:
        """Compares what a worker found with what must be there, and goes on from it.

        Args:
            main: ``step``, ``digest`` and ``total`` of the main database, or a ``problem``.
            side: The step that made the side database; None, "empty", or what is wrong with it.
            acked: The highest step that was acknowledged since; None when there was none.
            found: Where to add what is otherwise.
        """
        known = self.next - 1 if acked is None else acked
        present = main["step"]
        if "problem" in main:
            found.corrupt += 1
            found.told.append(f"{self.name}.db: {main['problem']}")
            return
        kinds = [self._kind(step) for step in range(self.next, known + 1)]
        found.acknowledged += sum(kind in (*VISIBLE, "side") for kind in kinds)
        required = self._last_visible(known)
        lost = sum(self._kind(step) in VISIBLE for step in range(present + 1, required + 1))
        if present < required:
            lost += max(0, self._step - present)
            found.lost += lost
            found.told.append(
                f"{self.name}.db ends with step {present}, {required} was acknowledged: {lost} lost"
            )
        beyond = known + 1 if self._mix is not None else known
        if present > beyond and (self._acks != "page" or self._mix is None):
            found.corrupt += 1
            found.told.append(f"{self.name}.db has step {present}, which nobody can have begun")
            return
        self._judge_side(side, known, present, found)
        if present < self._step:
            return  # lost from before this round: the model cannot go back
        self._judge_content(main, present, found)
        self.next = max(known, present) + 1
        self._mix = None

    def _judge_content(self, main: dict[str, Any], present: int, found: Findings) -> None:
        for step in range(self._step + 1, present + 1):
            if (kind := self._kind(step)) in VISIBLE and step >= self.next:
                apply(self._main, self._seed, kind, step)
        self._step = present
        if present < 0:
            return
        if main["total"] != ACCOUNTS * EACH:
            found.told.append(f"{self.name}.db: the accounts hold {main['total']}")
        if main["digest"] != digest(self._main):
            found.corrupt += 1
            found.told.append(f"{self.name}.db is not what step {present} leaves")

    def _judge_side(self, side: Any, known: int, present: int, found: Findings) -> None:
        done = max(known, present)
        state = self._side
        for step in range(self.next, done + 1):
            state = self._toggled(state, step)
        allowed: set[Any] = {state}
        if self._mix is not None:
            last = done + 1
            # By way of the page, later steps may have been taken than were heard of; not the next
            # visible one, of which the main database would tell.
            while self._acks == "page" and self._kind(last) not in VISIBLE:
                last += 1
            after = state
            for step in range(done + 1, last + 1):
                before, after = after, self._toggled(after, step)
                allowed |= {after, "empty"} if before is None and after is not None else {after}
        if side not in allowed:
            lost = not isinstance(side, str)
            found.lost += lost
            found.corrupt += not lost
            found.told.append(f"side-{self.name}.db is {side}, not one of {allowed}")
        self._side = side if isinstance(side, int) else None

    def _toggled(self, side: int | None, step: int) -> int | None:
        """The side database after a step: made by it, deleted by it, or as before."""
        if self._kind(step) != "side":
            return side
        return step if side is None else None

    def _last_visible(self, known: int) -> int:
        """The last step up to ``known`` that the main database must tell of."""
        for step in range(known, self.next - 1, -1):
            if self._kind(step) in VISIBLE:
                return step
        return self._step

    def _kind(self, step: int) -> str:
        return kind_of(self._seed, self._mix, step) if self._mix and step >= self.next else ""


class Model:
    """All that must be in the pool.

    Attributes:
        arms: By their names.
    """

    def __init__(self, seed: str) -> None:
        self.arms = {name: Arm(name, seed) for name in ARMS}
        self._writing: str | None = None
        self._known_to_be_there = False

    def begin(self, round_: Round) -> dict[str, Any]:
        """A round starts to write; returns its worker's task."""
        self._writing = round_.arm
        arm = self.arms[round_.arm]
        arm.begin(round_.mix, round_.acks)
        return {
            "round": round_.number,
            "arm": round_.arm,
            "seed": arm.seed,
            "mix": round_.mix,
            "acks": round_.acks,
            "first": arm.next,
            "stage": round_.stage,
            "steps": None if round_.stage == "commits" else round_.chance.randrange(1, 30),
        }

    def judge(self, found: dict[str, Any], acked: int | None) -> Findings:
        """Compares what a worker found with what must be there, and goes on from it.

        Args:
            found: What inside_writer.py tells.
            acked: The highest step that the last round acknowledged; None when it was none.
        """
        findings = Findings()
        if self._known_to_be_there and not found["canary"]:
            findings.vanished = True
            findings.told.append(f"the browser has lost the storage; files: {found['files']}")
        self._known_to_be_there = True
        if found["quarantined"]:
            findings.quarantined = len(found["quarantined"])
            findings.told.append(f"in quarantine: {found['quarantined']}")
        for name, arm in self.arms.items():
            arm.judge(
                found["main"][name],
                found["side"][name],
                acked if name == self._writing else None,
                findings,
            )
        self._writing = None
        return findings
