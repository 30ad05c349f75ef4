"""Runs inside Pyodide in Node: the workloads of the crash model, while exceptions strike."""

from __future__ import annotations

import sqlite3
from typing import Any

from tests.crash import workloads
from tests.crash.lab import Both, Live, Workload
from tests.stops.strikes import Play, Scene

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

#: Those whose connections have nothing to themselves from one step to the next.
ONE_A_CELL = (workloads.update, workloads.pages, workloads.names, workloads.imports)


class Struck(Live):
    """What a workload drives: its steps are those of a play."""

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
        """From now on an exception may strike."""
        await self.pool.top_up()
        self._play.begin()

    def connect(self, path: str, *, asks: bool = True) -> Both:
        """As there; of a connection a cell it is known what it belongs to."""
        both = super().connect(path, asks=asks)
        self._paths[id(both)] = path
        return both

    def did(self, label: str, *, apart: bool = False, durable: bool = False) -> None:
        """A step of the play has returned."""
        del label, apart, durable  # what a crash may leave is of no interest
        self._play.returned()

    def step(self, connection: Both, label: str, sql: str, **flags: bool) -> None:
        """Runs statements, on a connection that was opened for them where there is one a cell."""
        super().step(connection, label, sql, **flags)
        if self._one_a_cell:
            connection.real.close()
            connection.real = self.pool.connect(self._paths[id(connection)], isolation_level=None)
            self.connections.append(connection.real)
            connection.real.execute(f"PRAGMA journal_mode={self.mode}").fetchone()


def _scene(workload: Workload, *, one_a_cell: bool) -> Scene:
    async def prepare(_play: Play) -> None:
        """The workload does so."""

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
