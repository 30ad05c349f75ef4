"""The real thing: browsers that write are killed with SIGKILL, and started again."""

from __future__ import annotations

import itertools
import random
import time

import pytest

from tests.kill.bare import BareBrowser
from tests.kill.desk import Call, Desk
from tests.kill.model import Model
from tests.kill.rounds import NAMES, Round, Tally, rounds
from tests.matrix import PARAMS
from tests.proofs import Proofs

STAGES = {"commits": 7, "long": 2, "idle": 1}


class Killing:
    """One profile: a browser is started over it, looks, writes and is killed; and again."""

    def __init__(self, desk: Desk, browser: BareBrowser, seed: str) -> None:
        self._desk = desk
        self._browser = browser
        self._seed = seed
        self._model = Model(seed)
        self._written: Round | None = None  # the last round, at which nobody has looked yet
        self._numbers, self._starts = itertools.count(), itertools.count()
        self._worker = ""

    def run(self, count: int, *, control: bool = False) -> Tally:
        """So many kills of a browser that writes, and some more of one that only starts.

        It ends with the first that something was wrong after.
        """
        tally = Tally()
        plan = rounds(f"{self._seed}/{control}", STAGES, control=control)
        looked = self._look(tally)
        for round_ in itertools.islice(plan, count):
            self._kill_while_writing(round_, looked)
            if round_.chance.random() < 0.15:
                self._kill_while_starting(round_.chance)
            looked = self._look(tally)
            if tally.found:
                break
        self._end()
        return tally

    def _kill_while_writing(self, round_: Round, looked: Call) -> None:
        round_.number = next(self._numbers)
        self._written = round_
        looked.answer(self._model.begin(round_))
        self._desk.expect_stage(round_, self._worker)
        time.sleep(round_.chance.uniform(0.1, 2.0))
        # A worker that outlives the browser's main process finishes what it has acknowledged early.
        self._end(None if round_.acks == "early" else round_.chance)

    def _kill_while_starting(self, chance: random.Random) -> None:
        """While it takes hold of the pool, recovers the databases, looks at them."""
        self._start()
        self._desk.expect("loaded", self._worker).answer({"early": True})
        self._desk.expect("installing", self._worker).answer()
        time.sleep(chance.uniform(0.0, 0.6))
        self._end(chance)

    def _look(self, tally: Tally) -> Call:
        """Starts the browser, hears what its worker finds; the worker waits for the answer."""
        self._start()
        self._desk.expect("loaded", self._worker).answer({"early": False})
        looked = self._desk.expect("verified", self._worker)
        found = looked.message["found"]
        acked = self._desk.acknowledged(self._written.number) if self._written else None
        findings = self._model.judge(found, acked)
        if self._written:
            tally.add(str(self._written), findings, found)
        self._written = None
        return looked

    def _start(self) -> None:
        name = f"start-{next(self._starts)}"
        self._worker = f"{name}-0"  # page.mjs numbers the loads
        self._browser.start(f"{self._desk.url}kill.html?who={name}")

    def _end(self, chance: random.Random | None = None) -> None:
        """At random all processes at once, or the main one first and the others a little later."""
        later = chance.choice([None, chance.uniform(0.0, 0.2)]) if chance else None
        self._browser.kill(after_main=later)
        self._desk.forget()


@pytest.mark.parametrize("name", PARAMS)
@pytest.mark.parametrize("count", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_whatever_was_acknowledged_before_a_kill_of_the_browser_is_there_after_it(
    name: str, count: int, desk: Desk, seed: str, proof: Proofs
) -> None:
    browser = BareBrowser(name)
    failed = True
    try:
        killing = Killing(desk, browser, seed)
        began = time.monotonic()
        tally = killing.run(count)
        seconds = time.monotonic() - began
        print(f"{NAMES[name]}: {tally.rounds} kills in {seconds:.0f} s: {tally.found}")
        print(f"install() after a kill: {tally.waited()}")
        tally.prove(proof, "kill", NAMES[name])
        assert not tally.found, f"seed {seed}, profile {browser.profile}: {tally.found.told}"
        assert tally.rounds == count
        control = killing.run(5, control=True)
        print(f"acknowledged too early: {control.found}")
        arm = f"{NAMES[name]}, acknowledged before the commit"
        control.prove(proof, "kill", arm, control=True)
        assert control.found.lost, "a step that was acknowledged too early was not missed"
        failed = False
    except BaseException:
        print(browser.output())
        raise
    finally:
        browser.close(keep_profile=failed)
