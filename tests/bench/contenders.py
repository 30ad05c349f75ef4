"""Who takes part: sahpool, its own engine in memory, the peers, and the host's ``sqlite3``."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any, Protocol

from tests.bench.plan import Plan
from tests.bench.player import SETTINGS, Player
from tests.browser.counted_site import CountedSite
from tests.browsers import Browser, Chromium
from tests.conftest import PackagesSite
from tests.firefox import PRECISE, Firefox

HERE = Path(__file__).parent

#: The pragmas that make the peers' settings ours.
FULL = ("page_size=4096", "synchronous=FULL")
EXCLUSIVE_WAL = ("locking_mode=exclusive", *FULL, "journal_mode=WAL")

PEERS: dict[str, dict[str, Any]] = {
    "official, default": {
        "program": "official",
        "calls": "objects",
        "directory": "bench-official",
        "pragmas": FULL,
    },
    "official, exclusive + WAL": {
        "program": "official",
        "calls": "objects",
        "directory": "bench-official-wal",
        "pragmas": EXCLUSIVE_WAL,
    },
    "official, exclusive + WAL, bare calls": {
        "program": "official",
        "calls": "bare",
        "directory": "bench-official-bare",
        "pragmas": EXCLUSIVE_WAL,
    },
    "wa-sqlite AccessHandlePool": {
        "program": "waSqlite",
        "vfs": "AccessHandlePoolVFS",
        "directory": "bench-wa-pool",
        "pragmas": EXCLUSIVE_WAL,
    },
    "wa-sqlite OPFSWriteAhead": {
        "program": "waSqlite",
        "vfs": "OPFSWriteAheadVFS",
        "directory": "bench-wa-ahead",
        "pragmas": ("locking_mode=exclusive", *FULL),
        # Its own log goes into the database file, as SQLite's does when a connection closes.
        "last": ("wal_checkpoint=truncate",),
    },
}
"""How each peer is set up, for peer.mjs."""

#: What is sent into Pyodide, as the modules that they are here.
INSIDE = ("plan.py", "player.py", "inside_contenders.py")

OURS = "sahpool"
MEMORY = ":memory:"
NATIVE = "native"
NATIVE_MEMORY = "native, :memory:"


class BenchError(Exception):
    """A contender failed, or did something else than the others."""


class BenchSite(CountedSite, PackagesSite):
    """The site with the bench's files and the peers' packages beside it, and its service worker."""

    folder = HERE


class Contender(Protocol):
    """One who plays plans."""

    name: str

    def play(self, plan: Plan) -> dict[str, Any]:
        """``times`` in milliseconds, ``results``, ``settings``: see ``Player.play``."""


class Native:
    """CPython's ``sqlite3`` on this machine.

    Args:
        memory: Whether in memory instead of a file where the browsers' profiles are: what a file
            costs beside it tells how much of ``sahpool`` ÷ ``:memory:`` can be avoided at all.
    """

    def __init__(self, *, memory: bool = False) -> None:
        self.name = NATIVE_MEMORY if memory else NATIVE
        self._memory = memory

    def play(self, plan: Plan) -> dict[str, Any]:
        """In a new database."""
        with tempfile.TemporaryDirectory(prefix="sahpool-bench-") as folder:
            path = ":memory:" if self._memory else Path(folder, "bench.db")

            def connect(cache: int) -> sqlite3.Connection:
                con = sqlite3.connect(path, isolation_level=None)
                # Debian's SQLite overwrites what is deleted; nobody else here does.
                for pragma in ("secure_delete=OFF", *FULL, "journal_mode=WAL"):
                    con.execute(f"PRAGMA {pragma}")
                con.execute(f"PRAGMA cache_size=-{cache}")
                return con

            return Player(connect, keeps=not self._memory).play(plan)


class InBrowser:
    """A worker of its own in the page.

    Args:
        name: Of the contender.
        browser: Where the page is open.
        url: Of the worker's first file.
    """

    def __init__(self, name: str, browser: Browser, url: str) -> None:
        self.name = name
        self._browser = browser
        self._url = url

    def _ask(self, code: dict[str, Any]) -> Any:
        """One round to the worker, however long it takes."""
        self._browser.evaluate(
            """
            const [name, url, code] = args;
            self.workers ??= {};
            const worker = (workers[name] ??= new Worker(url, { type: "module" }));
            self.answer = new Promise((resolve) => {
              worker.onmessage = ({ data }) => resolve(data);
              worker.onerror = ({ message }) => resolve({ ok: false, error: String(message) });
            });
            worker.postMessage({ id: 1, code });
            """,
            self.name,
            self._url,
            json.dumps(code),
        )
        # A script of the page's may take two minutes, a plan longer.
        waiting = "return await Promise.race([answer, new Promise((r) => setTimeout(r, 60000))]);"
        while (answer := self._browser.evaluate(waiting)) is None:
            pass
        if not answer["ok"]:
            raise BenchError(f"{self.name}: {answer['error']}\n{answer.get('stack', '')}")
        fields = json.loads(answer["result"])
        if "traceback" in fields:
            raise BenchError(f"{self.name}: {fields['traceback']}")
        return fields["value"]


class Peer(InBrowser):
    """Another program's SQLite."""

    def play(self, plan: Plan) -> dict[str, Any]:
        """In a new file of its pool."""
        wanted = {"plan": plan, "peer": PEERS[self.name], "settings": SETTINGS}
        answer: dict[str, Any] = self._ask(wanted)
        return answer


class Pyodide(InBrowser):
    """Pyodide's own SQLite: over sahpool or in memory.

    Args:
        name: Of the contender.
        browser: Where the page is open.
        url: Of the worker's first file.
        function: Name of inside_contenders.py's function that plays.
    """

    def __init__(self, name: str, browser: Browser, url: str, function: str) -> None:
        super().__init__(name, browser, url)
        self._function = function
        modules = {name: (HERE / name).read_text(encoding="utf-8") for name in INSIDE}
        self._run(
            "import pathlib\n"
            "folder = pathlib.Path('/lib/under-test/tests/bench')\n"
            "folder.mkdir(parents=True, exist_ok=True)\n"
            "for name, text in modules.items():\n"
            "    (folder / name).write_text(text)",
            modules=modules,
        )

    def _run(self, source: str, **values: Any) -> Any:
        return self._ask({"source": source, "values": json.dumps(values)})

    def play(self, plan: Plan) -> dict[str, Any]:
        """In a new database."""
        module = "tests.bench.inside_contenders"
        source = f"import {module} as inside\nawait inside.{self._function}(plan)"
        answer: dict[str, Any] = self._run(source, plan=plan)
        return answer


def started(name: str) -> Browser:
    """A browser with clocks as exact as it has them; ``name`` is "chrome" or "firefox"."""
    return Chromium() if name == "chrome" else Firefox(PRECISE)


def contenders(browser: Browser, site: BenchSite) -> list[Contender]:
    """Everybody, with the page that holds the workers open in the browser."""
    browser.open(site.url + "module_test.html")
    engine = site.url + "tests/worker.mjs"
    return [
        Pyodide(OURS, browser, engine, "play_sahpool"),
        Pyodide(MEMORY, browser, engine, "play_memory"),
        Native(),
        Native(memory=True),
        *(Peer(name, browser, site.url + "bench/peer.mjs") for name in PEERS),
    ]
