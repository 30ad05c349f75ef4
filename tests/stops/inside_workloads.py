"""Runs inside Pyodide in Node: the workloads of the crash model, while exceptions strike."""

from __future__ import annotations

import sqlite3
from typing import Any

from tests.crash import inside_workloads as workloads
from tests.crash.inside_lab import Both, Live, Workload
from tests.stops.inside_strikes import Play, Scene

ON_ONE_CONNECTION = (
    workloads.update,
    workloads.pages,
    workloads.checkpoint,
    workloads.attached,
    workloads.imports,
    workloads.leftovers,
    workloads.capacity,
    workloads.names,
    workloads.spares,
)

#: Workloads whose connections keep no state between steps, so that each step can have its own.
ONE_A_CELL = (workloads.update, workloads.pages, workloads.names, workloads.imports)


class Struck(Live):
    """The interface of a workload of the crash model, whose steps are those of a play."""

    def __init__(self, play: Play, *, one_a_cell: bool) -> None:
        super().__init__(play.mode, "FULL", 4096)
        self._play = play
        self._one_a_cell = one_a_cell
        self._paths: dict[int, str] = {}

    async def install(self, **options: Any) -> None:
        """Opens the pool of the play."""
        options = {"spare": 3, "initial_capacity": 4, "pragmas": self.pragmas} | options
        await self._play.install(**options)
        self.pool = self._play.pool

    async def begin(self) -> None:
        """Begins the play: from now on an exception may strike."""
        await self.pool.top_up()
        self._play.begin()

    def connect(self, path: str, *, asks: bool = True) -> Both:
        """Connect as Live does; remembers the path, so that step() can connect again."""
        both = super().connect(path, asks=asks)
        self._paths[id(both)] = path
        return both

    def did(self, label: str, *, apart: bool = False, durable: bool = False) -> None:
        """Counts a step that has returned."""
        del label, apart, durable  # they say what a crash may leave: not used here
        self._play.returned()

    def step(self, connection: Both, label: str, sql: str, **flags: bool) -> None:
        """Runs statements; with one connection a cell, then opens a new one for the next step."""
        super().step(connection, label, sql, **flags)
        if self._one_a_cell:
            connection.real.close()
            connection.real = self.pool.connect(self._paths[id(connection)], isolation_level=None)
            self.connections.append(connection.real)
            connection.real.execute(f"PRAGMA journal_mode={self.mode}").fetchone()


def _scene(workload: Workload, *, one_a_cell: bool) -> Scene:
    async def prepare(_play: Play) -> None:
        """Does nothing: the workload creates its databases itself."""

    async def act(play: Play) -> None:
        live = Struck(play, one_a_cell=one_a_cell)
        play.kept["live"] = live
        try:
            await workload(live)
        finally:
            connections: list[sqlite3.Connection] = live.connections
            play.keep(connections)

    title = workload.__name__ + (", a connection a cell" if one_a_cell else "")
    return Scene(title, prepare, act, begins_itself=True)


SCENES = {
    scene.title: scene
    for scene in (
        *(_scene(each, one_a_cell=False) for each in ON_ONE_CONNECTION),
        *(_scene(each, one_a_cell=True) for each in ONE_A_CELL),
    )
}
