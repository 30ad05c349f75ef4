"""Who leads: the table, and many tabs in a browser that delivers everything in any order."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import leader
from core.leader import (
    ALONE,
    FAILED,
    FOLLOWING,
    LEADING,
    ORPHANED,
    SEEKING,
    SERVING,
    STOPPED,
    TABLE,
    Leader,
)

START = Path(leader.__file__).parents[2] / "public" / "start.mjs"


class World:
    """A browser's locks and channels; what it has to say to a tab comes in an order of its own."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.tabs: list[Tab] = []
        self.holder: Tab | None = None
        self.queue: list[Tab] = []
        self.workers: dict[str, Tab] = {}  # those that live, by their addresses
        self.watched: list[str] = []  # those that have said that they hold their lock
        self.watchers: dict[str, list[Tab]] = {}
        self.pending: list[Callable[[], None]] = []
        self.started = 0
        self.memory = False
        self.fails: Callable[[], bool] = lambda: False

    def say(self, tab: Tab, event: str, **fields: Any) -> None:
        """An event for a tab, to be delivered some time; to a tab that is gone it never is."""
        life = tab.life

        def deliver() -> None:
            if tab.life is life:
                tab.hear({"event": event, **fields})

        self.pending.append(deliver)

    def grant(self) -> None:
        """The lock of the leader goes to the next in the queue."""
        if self.holder is None and self.queue:
            self.holder = tab = self.queue.pop(0)
            life = tab.life

            def granted() -> None:
                if tab.life is life:
                    tab.start.lead()
                    tab.hear({"event": "granted"})

            self.pending.append(granted)

    def start_worker(self, tab: Tab) -> str:
        self.started += 1
        address = f"worker {self.started}"
        self.workers[address] = tab
        life = tab.life

        def starts() -> None:
            # One after the other, and nothing from a worker that has ended.
            if tab.life is not life or address not in self.workers:
                return
            if address not in self.watched:
                self.watched.append(address)
                tab.hear({"event": "held", "of": address})
                self.pending.append(starts)
            elif self.fails():
                tab.hear({"event": "failed", "of": address})
            else:
                kind = "memory" if self.memory else "opfs"
                tab.hear({"event": "ready", "of": address, "storage": kind})

        self.pending.append(starts)
        return address

    def end_worker(self, address: str | None) -> None:
        if self.workers.pop(address or "", None) is not None:
            for tab in self.watchers.pop(address or "", []):
                self.say(tab, "gone", address=address)

    def kill(self, tab: Tab) -> None:
        """A tab is closed, crashes, or is discarded."""
        tab.start.stop()
        tab.life = None
        self.tabs.remove(tab)

    def settle(self) -> None:
        """Until there is nothing more to be said."""
        steps = 0
        for tab in list(self.tabs):
            tab.listen()
        while self.pending:
            self.step()
            steps += 1
            assert steps < 10_000, "the tabs never come to rest"

    def step(self) -> None:
        """Something that is to be said is said."""
        if self.pending:
            self.pending.pop(self.random.randrange(len(self.pending)))()


class Start:
    """What public/start.mjs is to a tab."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.address: str | None = None
        self.worker: str | None = None
        self.announced = False

    def begin(self) -> None:
        self.tab.life = object()
        self.queue()
        self.ask()

    def queue(self) -> None:
        self.tab.world.queue.append(self.tab)
        self.tab.world.grant()

    def lead(self) -> None:
        world = self.tab.world
        world.end_worker(self.worker)
        self.announced = False
        if self.tab.heard:
            self.tab.heard.clear()
        self.worker = self.address = world.start_worker(self.tab)

    def follow(self, address: str) -> None:
        self.tab.world.end_worker(self.worker)
        self.worker = None
        self.announced = False
        self.address = address
        self.watch()

    def watch(self) -> None:
        world, address = self.tab.world, self.address or ""
        if address in world.workers:
            world.watchers.setdefault(address, []).append(self.tab)
        else:
            world.say(self.tab, "gone", address=address)

    def announce(self) -> None:
        self.announced = True
        for tab in self.tab.world.tabs:
            if tab is not self.tab:
                tab.world.say(tab, "found", address=self.address)

    def ask(self) -> None:
        for tab in self.tab.world.tabs:
            if tab.start.announced:
                tab.start.announce()

    def askRestart(self) -> None:  # noqa: N802
        for tab in self.tab.world.tabs:
            if tab.start.worker == self.address:
                tab.world.say(tab, "asked")

    def resign(self) -> None:
        world = self.tab.world
        if world.holder is self.tab:
            world.holder = None
            world.grant()

    def end(self) -> None:
        self.tab.world.end_worker(self.worker)
        self.worker = None
        self.announced = False
        self.resign()

    def stop(self) -> None:
        world = self.tab.world
        self.end()
        self.address = None
        if self.tab in world.queue:
            world.queue.remove(self.tab)
        self.tab.life = object()  # nothing that was said to it before arrives


class Tab:
    """A tab with its Leader, and the worker that its page takes itself to be sent to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.life: object = None
        self.heard: list[dict[str, Any]] | None = []  # before its Python listens
        self.start = Start(self)
        self.connected: str | None = None
        self.leader = Leader(self.start, self, self)
        world.tabs.append(self)
        self.start.begin()

    def hear(self, message: dict[str, Any]) -> None:
        # start.mjs drops what comes from a worker that it has ended, and a leader follows nobody.
        if message.get("of", self.start.worker) != self.start.worker:
            return
        if message["event"] == "found" and self.start.worker is not None:
            return
        if self.heard is None:
            self.leader.take(message)
        else:
            self.heard.append(message)

    def listen(self) -> None:
        """The page's Python has started."""
        heard, self.heard = self.heard, None
        for message in heard or ():
            self.leader.take(message)

    def connect(self) -> None:
        assert self.connected is None, "a tab is connected to one worker at a time"
        self.connected = self.start.address

    def disconnect(self) -> None:
        self.connected = None

    def greet(self, leads: bool) -> None:
        assert leads == (self.start.worker is not None)

    def lose(self, state: str) -> None:
        assert state in TABLE


def check_always(world: World) -> None:
    """What holds at every moment."""
    leading = [tab for tab in world.tabs if tab.leader.state in (LEADING, SERVING)]
    assert len(leading) <= 1
    if not world.memory:
        assert len(world.workers) <= 1, "two workers would be at one storage"


def check_at_rest(world: World) -> None:
    """What holds when nothing is under way."""
    check_always(world)
    able = [tab for tab in world.tabs if tab.leader.state not in (FAILED, STOPPED)]
    if world.memory:
        assert all(tab.leader.state == ALONE for tab in able)
        return
    if not able:
        return
    (serving,) = [tab for tab in able if tab.leader.state == SERVING]
    for tab in world.tabs:
        if tab.leader.state == STOPPED:
            continue
        assert tab.leader.state == (SERVING if tab is serving else FOLLOWING)
        assert tab.connected == serving.start.worker


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False), st.booleans())
def test_whatever_happens_in_whatever_order_every_tab_reaches_the_one_that_leads(
    random: Random, fails: bool
) -> None:
    world = World(random)
    world.fails = lambda: fails and not random.randrange(4)
    for _ in range(random.randrange(1, 60)):
        tab = random.choice(world.tabs) if world.tabs else None
        kind = random.randrange(12)
        if tab is None or kind == 0:
            Tab(world)
        elif kind == 1:
            world.kill(tab)
        elif kind == 2 and tab.start.worker in world.watched:
            world.end_worker(tab.start.worker)
        elif kind in (3, 4, 5) and tab.heard is not None:
            tab.listen()  # before that no person can ask for anything
        elif kind == 3:
            tab.leader.step("restart")
        elif kind == 4:
            tab.leader.step("leave")
        elif kind == 5:
            tab.leader.step("begin")
        elif kind == 6 and tab.start.worker is not None:
            world.say(tab, "failed", of=tab.start.worker)
        else:
            world.step()
        check_always(world)
    world.fails = lambda: False
    world.settle()
    # A tab that could not start has given way; where all of them have, the person tries again.
    if all(tab.leader.state in (FAILED, STOPPED) for tab in world.tabs):
        for tab in world.tabs:
            tab.leader.step("restart")
        world.settle()
    check_at_rest(world)


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
def test_where_nothing_is_kept_every_tab_has_a_worker_of_its_own(random: Random) -> None:
    world = World(random)
    world.memory = True
    for _ in range(random.randrange(1, 20)):
        if random.randrange(3):
            world.step()
        else:
            Tab(world)
    world.settle()
    check_at_rest(world)
    assert len(world.workers) == len(world.tabs)


def test_a_tab_whose_worker_cannot_start_lets_another_one_try() -> None:
    world = World(Random(1))
    world.fails = lambda: world.started == 1
    one, two = Tab(world), Tab(world)
    world.settle()
    assert (one.leader.state, two.leader.state) == (FOLLOWING, SERVING)


def test_every_state_and_every_event_of_the_essay_is_in_the_table() -> None:
    essay = ast.get_docstring(ast.parse(Path(leader.__file__).read_text())) or ""
    states = re.findall(r"^    ([A-Z]+) ", essay, re.MULTILINE)
    events = set(re.findall(r"^    ([a-z]+) ", essay, re.MULTILINE))
    events |= set(re.findall(r"``([a-z]+)``", essay))
    assert [state.lower() for state in states] == list(TABLE)
    assert events == {event for steps in TABLE.values() for event in steps}


@pytest.mark.parametrize("state", [SEEKING, ORPHANED, LEADING])
def test_what_the_table_does_not_name_changes_nothing(state: str) -> None:
    tab = Tab(World(Random(1)))
    tab.leader.state = state
    tab.leader.step("asked")
    assert tab.leader.state == state


def test_every_action_of_the_table_is_one_that_the_page_has() -> None:
    script = START.read_text()
    own = {"connect", "disconnect"}
    actions = {each for steps in TABLE.values() for _, some in steps.values() for each in some}
    for action in actions - own:
        assert re.search(rf"^  {action}\(.*\) \{{$", script, re.MULTILINE), action
        assert hasattr(Start, action)
