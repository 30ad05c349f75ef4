"""The rows of the last visit: kept in this browser, and shown until there is something newer.

public/last.js shows them before Python has loaded, and app/parts/last.mjs keeps them. A tab has
those of its own last result. They can be read, and nothing else.
"""

import json

from core import dom

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Json

    from core.console import Console
    from features.query.results import Results


class LastVisit:
    """Decides what is kept, and when it is no longer shown or no longer kept.

    The answer to a statement takes the place of what is shown by itself (app/parts/grid.mjs).
    """

    def __init__(self, console: "Console", results: "Results") -> None:
        self._console = console
        self._results = results
        state = console.state
        console.settings.watch("last-rows", self._take_setting)
        state.watch("database", self._take_database)
        state.watch("databases", self._take_databases)
        for name in ("paused", "failed"):
            state.watch(name, self._take_end)
        console.events.on("missed", dom.last_rows.end)
        console.events.on("deleted", self._take_deletion)
        console.events.on("replaced", self._take_deletion)
        console.events.on("ran", self._keep)

    def _keep(self, database: str) -> None:
        """Takes the event ``ran``: keeps the first rows of the result that is shown, if one is.

        Rows of an open transaction may never be committed; those of a database in memory are gone
        with the tab.
        """
        state = self._console.state
        may_be_kept = (
            self._console.settings["last-rows"]
            and state["storage"] == "opfs"
            and not state["transaction"]
        )
        if not may_be_kept or not self._results.keep(database):
            dom.last_rows.drop()

    def _take_setting(self, is_on: bool) -> None:
        if not is_on:
            dom.last_rows.end()
            dom.last_rows.forget()

    def _take_database(self, name: "str | None") -> None:
        if name is not None and dom.last_rows.database() not in ("", name):
            dom.last_rows.end()

    def _take_databases(self, databases: "list[Json]") -> None:
        # Others may be deleted by a tab that is gone, or by another program; while the storage is
        # lent, or before it is open, none is known.
        if databases and self._console.state["storage"] == "opfs":
            dom.last_rows.forgetOthers(json.dumps([database["name"] for database in databases]))

    def _take_deletion(self, _name: str) -> None:
        # Not only those of this database: others may have attached it.
        dom.last_rows.end()
        dom.last_rows.forget()

    def _take_end(self, is_so: bool) -> None:
        if is_so:
            dom.last_rows.end()
