"""One browser session in which workers write, are ended, and followed by others.

The next worker is loaded before the one that writes is ended, so that it asks for the pool at
once; only where the page is reloaded, it has to load first.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.browsers import Chromium
from tests.firefox import Firefox
from tests.kill.bare import PROCESSES, processes_of
from tests.kill.desk import Call, Desk
from tests.kill.model import Model
from tests.kill.rounds import Round, Tally, rounds

#: Ways to end a worker, and where it is then: in the first tab, or in one of its own.
WAYS = {
    "worker terminated": "first",
    "page reloaded": "first",
    "tab closed": "own",
    "tab's process killed": "own",
}

STAGES = {"commits": 3, "long": 5, "idle": 2}
PAGE = "page"  # the workers that the page in the first tab starts by itself: page-0, page-1, …


class Tabs:
    """What both browsers can do with tabs beside the first."""

    def __init__(self, browser: Chromium | Firefox) -> None:
        self.browser = browser

    def open(self, url: str) -> str:
        """Opens a tab behind the first one; returns its name, for ``close``."""
        if isinstance(self.browser, Chromium):
            target = self.browser.driver.execute_cdp_cmd("Target.createTarget", {"url": url})
            return str(target["targetId"])
        tab = str(self.browser.command("browsingContext.create", type="tab")["context"])
        self.browser.command("browsingContext.navigate", context=tab, url=url, wait="none")
        return tab

    def close(self, tab: str) -> None:
        """Closes it as a person does."""
        if isinstance(self.browser, Chromium):
            self.browser.driver.execute_cdp_cmd("Target.closeTarget", {"targetId": tab})
        else:
            self.browser.command("browsingContext.close", context=tab)

    def kill_holder(self) -> None:
        """SIGKILL to the process of Chromium that holds the files of the origin."""
        assert isinstance(self.browser, Chromium)
        main = self.browser.driver.service.process.pid
        (holder,) = (pid for pid in processes_of(main) if _is_holder(pid))
        os.kill(holder, signal.SIGKILL)


def _is_holder(pid: int) -> bool:
    folder = PROCESSES / str(pid)
    try:
        if b"--type=renderer" not in (folder / "cmdline").read_bytes():
            return False
        opened = [str(Path.readlink(link)) for link in (folder / "fd").iterdir()]
    except OSError:  # it, or one of its files, has gone meanwhile
        return False
    return any("/File System/" in path for path in opened)


@dataclass
class Worker:
    """A worker and where it is; ``tab`` is empty for the first one."""

    who: str
    tab: str = ""
    loaded: Call | None = None  # what it said when it was ready to ask for the pool


class Session:
    """Workers in one browser, one after the other, over one pool."""

    def __init__(self, desk: Desk, browser: Chromium | Firefox, seed: str) -> None:
        self._desk = desk
        self._browser = browser
        self._seed = seed
        self._tabs = Tabs(browser)
        self._model = Model(seed)
        self._numbers, self._names = itertools.count(), itertools.count()
        self._loads = -1  # the number of the page's own worker, which each load starts anew

    def run(self, ways: list[str], *, control: bool = False) -> dict[str, Tally]:
        """Ends a worker in each of these ways; returns what came of each.

        It ends with the first that something was wrong after.
        """
        tallies = {way: Tally() for way in ways}
        plan = rounds(f"{self._seed}/{control}", STAGES, control=control)
        self._browser.open(f"{self._desk.url}kill.html?who={PAGE}")
        self._loads += 1
        worker = self._prepared(WAYS[ways[0]])
        looked = self._look(worker)
        for way, following, round_ in zip(ways, [*ways[1:], ""], plan, strict=False):
            place = WAYS.get(following, "first")
            if way == "page reloaded":
                self._loads += 1
            if way == "page reloaded" and place == "first":
                successor = Worker(f"{PAGE}-{self._loads}")
            else:
                successor = self._prepared(place)
            round_.number = next(self._numbers)
            self._write(looked, worker, round_)
            self._end(way, worker)
            worker, looked = successor, self._look(successor)
            found = looked.message["found"]
            findings = self._model.judge(found, self._desk.acknowledged(round_.number))
            tallies[way].add(f"{round_}, {way}", findings, found)
            if findings:
                break
        self._browser.open("about:blank")
        self._desk.forget()
        return tallies

    def _prepared(self, place: str) -> Worker:
        """A worker that is ready to ask for the pool, in the first tab or one of its own."""
        name = f"worker-{next(self._names)}"
        if place == "own":
            tab = self._tabs.open(f"{self._desk.url}kill.html?who={name}")
            worker = Worker(f"{name}-0", tab)
        else:
            self._browser.evaluate("begin(args[0])", name)
            worker = Worker(name)
        worker.loaded = self._desk.expect("loaded", worker.who)
        return worker

    def _look(self, worker: Worker) -> Call:
        """Lets a worker have the pool; what it found, and it waits."""
        loaded = worker.loaded or self._desk.expect("loaded", worker.who)
        loaded.answer({"early": False})
        return self._desk.expect("verified", worker.who)

    def _write(self, looked: Call, worker: Worker, round_: Round) -> None:
        """Lets it write until a random moment of its last stage."""
        looked.answer(self._model.begin(round_))
        self._desk.expect_stage(round_, worker.who)
        time.sleep(round_.chance.uniform(0.0, 1.0))

    def _end(self, way: str, worker: Worker) -> None:
        if way == "worker terminated":
            self._browser.evaluate("workers[args[0]].terminate()", worker.who)
        elif way == "page reloaded":
            self._browser.reload()
        elif way == "tab closed":
            self._tabs.close(worker.tab)
        else:
            self._tabs.kill_holder()
