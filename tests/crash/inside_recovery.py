"""Crashes and failures within the recovery from a crash, and headers that are damaged later."""

from __future__ import annotations

import contextlib
import copy
import itertools
import sqlite3
from collections.abc import Iterator
from typing import Any

import js
from pyodide.ffi import JsException

import sahpool
from sahpool.opfs_pool.header import SECTOR_SIZE
from tests.crash.inside_lab import (
    BYSTANDER,
    DIRECTORY,
    Crash,
    Experiment,
    Live,
    Step,
    content,
    discard,
    look,
    open_image,
)
from tests.harness.inside_pools import slot_of, slots_of

#: Fewer operations than that are a start with nothing to recover.
_RECOVERY = 7

_MOST_STARTS = 1000  # in search of them


async def recoveries(experiment: Experiment, count: int) -> list[tuple[Crash, Experiment]]:
    """Some of a workload's crashes after which there is something to recover, spread evenly.

    Returns:
        Each crash with the experiment in which the workload is its recovery.
    """
    found: list[tuple[Crash, Experiment]] = []
    for crash in itertools.islice(experiment.planned(), _MOST_STARTS):
        if len(found) == count:
            break
        again = await recorded(experiment, crash)
        if again.live.disk.length > _RECOVERY:
            found.append((crash, again))
    return found


async def recorded(experiment: Experiment, crash: Crash) -> Experiment:
    """The recovery from a crash as a workload of its own: it changes no row."""
    point, way, seed = crash
    live = copy.copy(experiment.live)
    experiment.live.disk.restore(*crash)
    live.disk = js.CrashDisk.new(DIRECTORY + "/.opaque")
    found = await look(live)
    live.disk.end()
    # What the first start showed to a program stays.
    live.steps = [Step(f"the recovery at {point}", 0, found.state, apart=False, durable=True)]
    again = Experiment(live, f"{experiment.title} {point} {way} {seed}")
    if found.corrupt or not experiment.live.is_allowed(found.state, point, way):
        wrong = found.corrupt or "the databases do not hold what they must"
        again.outcome.failures.append(experiment.explain(crash, found, wrong))
    return again


async def count_calls(experiment: Experiment) -> int:
    """How often the recovery that is this experiment's workload calls the storage."""
    experiment.live.disk.restore(0, "killed", 0)
    return await _use(experiment.live)


async def fail_calls(experiment: Experiment, calls: list[int], how: str) -> list[str]:
    """Opens an image anew for each of these calls to the storage, and has that call fail.

    Args:
        experiment: A recovery, as ``recorded`` has it.
        calls: Numbers of calls, from 1.
        how: Name of the DOMException.

    Returns:
        What was wrong after a further, undisturbed start.
    """
    live = experiment.live
    wrong = []
    for number in calls:
        live.disk.restore(0, "killed", 0)
        js.memoryOpfs.failAt("*", number, how)
        await _use(live)
        found = await look(live)
        if found.corrupt or found.quarantined or found.state != live.steps[0].state:
            held = "; ".join(live.tell(*each) for each in found.state.items())
            wrong.append(
                f"{experiment.title}: {how} at call {number} of the recovery, then a start "
                f"finds {found.corrupt or held or 'nothing'}"
            )
    return wrong


def _calls() -> int:
    return sum(js.Object.values(js.memoryOpfs.calls).to_py())


async def _use(live: Live) -> int:
    """What a program does that knows its databases by name: whatever fails, it goes on.

    Returns:
        How many calls to the storage that took.
    """
    before = _calls()
    try:
        image = await open_image(live)
    except (sahpool.SahpoolError, JsException):
        js.memoryOpfs.heal()
        return _calls() - before
    try:
        for path in (*live.steps[0].state, BYSTANDER):
            with (
                contextlib.suppress(sqlite3.Error, sahpool.SahpoolError),
                contextlib.closing(image.connect(path, isolation_level=None)) as connection,
            ):
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                if path != BYSTANDER:
                    connection.execute("PRAGMA user_version=1")
        return _calls() - before
    finally:
        js.memoryOpfs.heal()
        discard(image)


# --- headers ------------------------------------------------------------------------------------


async def damaged_headers(experiment: Experiment) -> tuple[int, list[str]]:
    """Damages, of each database that the workload left, each sector of the header in turn.

    Every spare slot is used up then. A database must hold its rows, or be offered by the quarantine
    under its name with every byte as it was.

    Returns:
        How many images there were; what was lost.
    """
    live = experiment.live
    lost, images = [], 0
    live.disk.restore(live.disk.length, "killed", 0)
    image = await open_image(live)
    names = {path: _slot_name(image, path) for path in (*live.steps[-1].state, BYSTANDER)}
    discard(image)
    for path, name in names.items():
        for sectors, byte in _damages():
            live.disk.restore(live.disk.length, "killed", 0)
            file = _file(name)
            for number in sectors:
                file.bytes.fill(byte, 512 * number, 512 * number + 512)
            before = file.bytes.slice(SECTOR_SIZE, file.size).to_bytes()
            images += 1
            image = await open_image(live)
            try:
                _use_up_spares(image)
                if path in image.databases:
                    wrong = _other_rows(live, image, path)
                else:
                    offered = [kept.offered for kept in image.quarantined if kept.name == name]
                    after = file.bytes.slice(SECTOR_SIZE, file.size).to_bytes()
                    wrong = "" if offered == [path] else f"the quarantine offers {offered}"
                    if len(sectors) > 1 and offered == [None]:
                        wrong = ""  # both copies are damaged: nothing tells the name
                    wrong = wrong if before == after else "written over"
            finally:
                discard(image)
            if wrong:
                lost.append(f"sectors {sectors} of the header of {path}: {wrong}")
    return images, lost


def _slot_name(image: sahpool.Pool, path: str) -> str:
    slot = slot_of(image, path)
    return slot.name


def _damages() -> Iterator[tuple[tuple[int, ...], int]]:
    """Sectors of 512 bytes and what fills them: each by itself, then the first of both copies."""
    for byte in (0, 0xFF):
        for number in range(SECTOR_SIZE // 512):
            yield (number,), byte
        yield (0, 2), byte


def _file(name: str) -> Any:
    folder = js.memoryOpfs.root
    for part in (*f"{DIRECTORY}/.opaque".split("/"), name):
        folder = folder.entries.get(part)
    return folder


def _use_up_spares(image: sahpool.Pool) -> None:
    lent = [slots_of(image).lend(f"/\x01{number}") for number in range(slots_of(image).spare_count)]
    for slot in lent:
        slot.handle.write(b"x" * 9000, SECTOR_SIZE)
    for slot in lent:
        slots_of(image).give_back(slot)


def _other_rows(live: Live, image: sahpool.Pool, path: str) -> str:
    with contextlib.closing(image.connect(path, isolation_level=None)) as connection:
        if path == BYSTANDER or content(connection) == live.steps[-1].state[path]:
            return ""
        return "other rows"
