"""The page's current values in one place; features watch the values that they show."""

import asyncio

from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable
    from typing import Any

    from page_types import Json

JOURNALS = ("-journal", "-wal")


class State:
    """Named values, and the functions that watch their changes.

    greeted         whether SQL can be sent: it is answered, or will be as soon as the database is
                    open that the worker was asked for
    ready           whether SQL is answered
    tab             the number of this tab, as messages show it; 0 while it has none
    tabs            the numbers of all tabs that share the worker
    ahead           the numbers of other tabs that run statements, in the order in which they began;
                    tabs say so only where a running statement cannot be suspended for others
    leads           whether the worker runs in this tab
    paused          whether the storage is lent to another program
    can_suspend     whether a running statement can be cancelled without restarting the worker
    database        name of the open database, or None
    databases       all databases: a list of {"name", "size"}, sizes in bytes
    schema          tables and views of the open database, as in a reply (protocol.py)
    running         whether statements run
    importing       whether a file is being imported
    transaction     the session's open transaction, {"seconds" that it is open, "changes": rows that
                    it has changed}, as in a reply; None: none is open
    storage         where databases are kept: "opfs" or "memory"; None until the hello
    why_memory      why the databases are in memory: "insecure", "missing", "refused", or None
    quarantined     files of the storage that are in quarantine (hello's ``quarantined``)
    versions        of sahpool, SQLite, Python, Pyodide (hello's ``versions``)
    timeline        how the worker started: what became of its snapshot, and pairs of a phase and
                    the seconds that it took
    offline         whether the whole site is kept for visits without a server
    updating        whether the page is about to be loaded in a new version
    update          whether a new version of the site waits to be used
    failed          whether the worker could not start
    expected        seconds from the navigation to the first answer to SQL; 0 if not known
    room            how much room the storage has (format.Room), or None
    unexported      databases in memory with changes that are in no export
    """

    def __init__(self) -> None:
        self._values = {
            "greeted": False,
            "ready": False,
            "tab": 0,
            "tabs": [],
            "ahead": [],
            "leads": False,
            "paused": False,
            "can_suspend": True,
            "database": None,
            "databases": [],
            "schema": [],
            "running": False,
            "importing": False,
            "transaction": None,
            "storage": None,
            "why_memory": None,
            "quarantined": [],
            "versions": {},
            "timeline": ("", []),
            "unexported": [],
            "offline": False,
            "update": False,
            "updating": False,
            "failed": False,
            "expected": 0.0,
            "room": None,
        }
        self._watchers: "dict[str, list[Callable[[Any], object]]]" = {}
        self._waiting: "dict[str, list[asyncio.Event]]" = {}

    def __getitem__(self, name: str) -> "Any":
        return self._values[name]

    def __setitem__(self, name: str, value: "Any") -> None:
        if name not in self._values:
            raise KeyError(name)
        self._values[name] = value
        for watcher in self._watchers.get(name, ()):
            watcher(value)
        if value:
            for waiting in self._waiting.pop(name, ()):
                waiting.set()

    def busy(self) -> "str | None":
        """Return why no other action may begin now, as a sentence; None when it may."""
        if self["running"]:
            return text("busy.running")
        if self["importing"]:
            return text("busy.importing")
        if self["paused"]:
            return text("busy.paused")
        if self["updating"]:
            return text("busy.updating")
        return None

    def names(self) -> "list[str]":
        """Return the names of all databases."""
        return [database["name"] for database in self["databases"]]

    async def until(self, name: str) -> None:
        """Returns once the value of ``name`` is true."""
        while not self[name]:
            waiting = asyncio.Event()
            self._waiting.setdefault(name, []).append(waiting)
            await waiting.wait()

    def watch_busy(self, watcher: "Callable[[str | None], object]") -> None:
        """Calls ``watcher(reason)`` whenever busy() may have changed, and now."""
        for name in ("running", "importing", "paused", "updating"):
            self.watch(name, lambda _: watcher(self.busy()))

    def watch(self, name: str, watcher: "Callable[[Any], object]") -> None:
        """Calls ``watcher(value)`` at every change of ``name``, and once now."""
        self._watchers.setdefault(name, []).append(watcher)
        watcher(self._values[name])


def name_of(kept: "Json") -> "str | None":
    """Return the name that a file in quarantine may have had, without "/"; None if not known."""
    offered = kept["offered"]
    return offered.lstrip("/") if offered else None


def database_of(kept: "Json") -> "str | None":
    """Return the name of the database that a file in quarantine may be or belong to, or None."""
    name = name_of(kept)
    for ending in JOURNALS:
        if name and name.endswith(ending):
            return name[: -len(ending)]
    return name
