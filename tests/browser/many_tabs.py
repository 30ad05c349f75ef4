"""Several tabs of the console in one browser, which work at the same time.

A tab runs the SQL that it is given by itself, and records when each run began and how it ended. One
more tab, the keeper, is no console: it collects these records and observes which tab leads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.console_page import RUN, TYPE, Console
from tests.browsers import Browser, Chromium, kill_page, wait_for
from tests.firefox import OWN_PROCESSES, PRECISE, UNTHROTTLED, Firefox

#: Timers of tabs in the background are as quick as those of the tab in front.
CHROMIUM_FLAGS = (
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)

# Runs in every page before its own scripts: records the workers, so that a test can end one.
WORKERS = """
window.workers = [];
window.Worker = class extends Worker {
  constructor(url, ...rest) {
    super(url, ...rest);
    this.address = new URLSearchParams(new URL(url, location).hash.slice(1)).get("address");
    workers.push(this);
    this.addEventListener("message", (event) => window.overhear?.(event));
  }
};
"""

LEADS = "return workers.length > 0 && workers.at(-1).address === sahpoolStart.address"

# Types SQL and presses Run without the driver's help; `keep` does so again and again.
DRIVER = f"""
const KINDS = {{
  "It is not known whether this was done": "unknown",
  "The transaction that was open is undone": "lost",
  "The rest was not run": "lost",
  "was restarted before this was done": "restarted",
}};
const type = async (...args) => {{ {TYPE} }};
const press = async (...args) => {{ {RUN} }};
const now = () => performance.timeOrigin + performance.now();
const kindOf = (said) =>
  said === "" ? "done"
    : Object.entries(KINDS).find(([words]) => said.includes(words))?.[1] ?? "error";
const pressed = async () => {{
  await press("button", false);
  return document.querySelector("[role=alert]").innerText.trim();
}};
window.ask = async (sql) => {{
  await type(sql);
  return pressed();
}};
window.timed = async (sql) => {{
  await type(sql);
  const begin = performance.now();
  await press("button", false);
  return performance.now() - begin;
}};
window.keep = async (name, sql, times) => {{
  const ledger = new BroadcastChannel("ledger");
  window.enough = false;
  for (let number = 1; number <= times && !enough; number++) {{
    ledger.postMessage({{ name, number, kind: "begun", at: now() }});
    const text = sql.replaceAll("{{number}}", number);
    await type(text);
    const found = document.querySelector('[role=textbox][aria-label="SQL"]').innerText.trim();
    if (found !== text) {{
      // In Firefox a page that is being closed takes no more text, but still runs for a while.
      const said = `typed ${{text}}, but there was ${{found}}`;
      ledger.postMessage({{ name, number, kind: "untyped", said }});
      return;
    }}
    const said = await pressed();
    const [kind, at, {{ address }}] = [kindOf(said), now(), sahpoolStart];
    ledger.postMessage({{ name, number, kind, at, said, address }});
    if (kind === "error") break;
  }}
}};
"""

KEEPER = """
window.records = [];
window.leaders = [];
new BroadcastChannel("ledger").onmessage = ({ data }) => records.push(data);
(async () => {
  for (;;) {
    const { held } = await navigator.locks.query();
    const count = held.filter(({ name }) => name === "sahpool leader").length;
    const at = performance.timeOrigin + performance.now();
    if (count !== leaders.at(-1)?.[1]) leaders.push([at, count]);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
})();
"""


class Tab(Console):
    """One of several consoles; each script that it runs makes its tab the current one."""

    def __init__(self, browser: Browser, url: str, handle: str, name: str) -> None:
        super().__init__(browser, url)
        self.handle = handle
        self.name = name

    def js(self, script: str, *arguments: Any) -> Any:
        """Switch to the tab, and run a script as Console does."""
        self.browser.switch(self.handle)
        return super().js(script, *arguments)

    def go(self) -> None:
        """Begin to load the console, and return at once."""
        self.js("setTimeout(() => (location.href = args[0]), 20)", self.url)

    def arrive(self) -> None:
        """Wait until SQL is answered."""
        wait_for("the page to be there", lambda: self.js("return 'sahpoolStart' in window"))
        self.wait_ready()
        self.js(DRIVER)

    @property
    def leads(self) -> bool:
        """Whether this tab runs the worker."""
        return bool(self.js(LEADS))

    @property
    def address(self) -> str:
        """The address of the worker that this tab sends to."""
        return str(self.js("return sahpoolStart.address"))

    @property
    def number(self) -> int:
        """The number of this tab, as messages show it."""
        return int(self.js("return sahpoolStart.number"))

    def ask(self, sql: str) -> str:
        """Run SQL to its end, and return the errors that are shown then."""
        return str(self.js("return ask(args[0])", sql))

    def do(self, sql: str) -> None:
        """Run SQL, which must not fail."""
        said = self.ask(sql)
        assert said == "", f"{self.name}: {sql[:200]}: {said}"

    def begin(self, sql: str) -> None:
        """Run SQL, and return at once."""
        self.js("window.asked = ask(args[0]).then((said) => [said, Date.now()])", sql)

    def said(self) -> str:
        """Wait for the end of what begin() runs, and return the errors that are shown then."""
        return str(self.js("return asked")[0])

    def value(self, sql: str) -> str:
        """Run a query, and return its one value."""
        self.do(sql)
        self.browser.show()
        ((value,),) = wait_for("one row to be drawn", lambda: self.rows()[:2])
        return str(value)

    def keep(self, sql: str, times: int) -> None:
        """Run SQL ``times`` times, and return at once; ``{number}`` in it counts the runs."""
        script = "window.kept = keep(...args).then(() => (window.enough = true)); "
        self.js(script, self.name, sql, times)

    def kept(self) -> None:
        """Wait until the last run of keep() has ended."""
        self.js("await kept")

    def stop(self) -> None:
        """Stop keep() after the run that is under way."""
        self.js("window.enough = true")

    def until(self, script: str) -> float:
        """Wait until a JavaScript expression is true in the page, and return that time.time()."""
        told = self.js(
            f"while (!({script})) await new Promise((resolve) => setTimeout(resolve, 5));"
            "return performance.timeOrigin + performance.now()"
        )
        return float(told) / 1000


#: A script that returns the names of the locks which consoles hold.
HELD = """
return navigator.locks.query().then(
    ({ held }) => held.map(({ name }) => name).filter((name) => name.startsWith("sahpool"))
);
"""


class Tabs:
    """The tabs of a browser that has no page yet; ``all`` are the open consoles."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self.all: list[Tab] = []
        self._count = 0
        self._keeper = browser.tab
        browser.before_pages(WORKERS)
        browser.open(f"{url}module_test.html")
        browser.evaluate(KEEPER)

    def open(self, number: int = 1) -> list[Tab]:
        """Open ``number`` tabs at once, and wait until all of them are ready."""
        opened = []
        for _ in range(number):
            self._count += 1
            handle = self.browser.new_tab()
            opened.append(Tab(self.browser, self.url, handle, f"tab-{self._count}"))
        for tab in opened:
            tab.go()
        self.all += opened
        for tab in opened:
            tab.arrive()
        return opened

    def have(self, number: int) -> list[Tab]:
        """Open or close tabs until there are ``number``, and return them."""
        while len(self.all) > number:
            self.close(self.all[-1])
        if not self.all:
            self.open()
        self.open(number - len(self.all))
        return self.all

    def pair(self, *, leads: bool) -> tuple[Tab, Tab]:
        """Have two tabs, and return them: first the leader if ``leads``, else the follower."""
        self.have(2)
        leader = self.leader
        (other,) = (tab for tab in self.all if tab is not leader)
        for tab in self.all:
            tab.wait_ready()
        return (leader, other) if leads else (other, leader)

    @property
    def leader(self) -> Tab:
        """The tab that runs the worker; waits until there is one."""
        found = wait_for("a leader", lambda: [tab for tab in self.all if tab.leads])
        (leader,) = found
        return leader

    def close(self, tab: Tab) -> float:
        """Close a tab, and return the time.time() of that."""
        self.all.remove(tab)
        began = time.time()
        self.browser.close_tab(tab.handle)
        return began

    def kill(self, tab: Tab) -> float:
        """Kill the process of a tab, and return the time.time() of that."""
        self.all.remove(tab)
        return kill_page(self.browser, tab.handle)

    def end_worker(self, tab: Tab) -> float:
        """End the worker of a tab without telling its page; return the time.time() of that."""
        script = "const at = Date.now(); workers.at(-1).terminate(); return at / 1000"
        return float(tab.js(script))

    def close_all(self) -> None:
        """Close every console, and wait until none holds a lock.

        Firefox lets a closed tab go on for seconds now and then; its number is taken until then.
        """
        for tab in list(self.all):
            self.close(tab)
        wait_for("that the closed tabs let go", lambda: not self.in_keeper(HELD))

    def in_keeper(self, script: str, *arguments: Any) -> Any:
        """Return the result of a script in the keeper."""
        self.browser.switch(self._keeper)
        return self.browser.evaluate(script, *arguments)

    def records(self) -> list[dict[str, Any]]:
        """Return the records of all tabs since the last call."""
        return list(self.in_keeper("return records.splice(0)"))

    def leaders(self) -> list[tuple[float, int]]:
        """Return pairs (time in ms, number of tabs that lead from then on) since the last call."""
        script = "return leaders.splice(0, leaders.length - 1)"
        return [(at, count) for at, count in self.in_keeper(script)]


@contextmanager
def many_tabs(kind: str, url: str, profile: Path | None) -> Iterator[Tabs]:
    """Runs ``chrome`` or ``firefox`` with a copy of the profile in the block, without a console."""
    browser: Chromium | Firefox
    if kind == "chrome":
        browser = Chromium(CHROMIUM_FLAGS, profile=profile)
    else:
        browser = Firefox({**OWN_PROCESSES, **UNTHROTTLED, **PRECISE}, profile=profile)
    try:
        yield Tabs(browser, url)
    finally:
        browser.close()


def soon(what: str, ready: Callable[[], Any], seconds: float = 10) -> Any:
    """Wait as wait_for does, for something that other tabs learn within 10 seconds."""
    return wait_for(what, ready, seconds)


def ended(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records of runs that have ended."""
    return [record for record in records if record["kind"] != "begun"]
