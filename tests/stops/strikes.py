"""Runs inside Pyodide in Node: an exception strikes at every line of the library in turn.

A *strike* is an exception that is raised in front of a line of the library's own Python, or as a
call to something written in C returns: where CPython itself may raise KeyboardInterrupt, a
RecursionError, a MemoryError or what PyThreadState_SetAsyncExc has asked for. The N-th such place
of a scene is struck, for N = 1, 2, 3 … until the scene passes without having come so far. After
each,

- every connection can be closed, and nothing is kept of them: no open file, lock or WAL-index;
- no slot is lent, taken or lost, and every file of the pool's directory has a handle in its table;
- every database is sound, and all of them together hold what they held after the last step that had
  returned, or after the one that was under way;
- the pool goes on: a statement on each database, a pause, a start, the same content.
"""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import sys
import types
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import js
from pyodide.ffi import create_proxy

import sahpool
from sahpool.cleanup import Cleanup
from sahpool.opfs_pool.header import SECTOR_SIZE
from sahpool.opfs_pool.slots import SlotTable
from sahpool.sqlite.callbacks import Callbacks
from tests.crash.lab import DIRECTORY, State, content
from tests.harness.inside_modules import take_action
from tests.harness.inside_pools import (
    assert_nothing_is_lent,
    assert_nothing_is_open,
    force_end,
    forget,
    held_names,
    installed_pools,
    spare_slots,
)

_TOOL = 4  # one of those that sys.monitoring leaves to programs
_MONITORING: Any = sys.monitoring  # type: ignore[attr-defined]  # Pyodide's Python has it
_EVENTS = _MONITORING.events

Struck = type[BaseException]


class Striker:
    """Counts the places that are passed while it is armed, and strikes at one of them.

    Attributes:
        struck: Where it struck; empty when it did not.
    """

    def __init__(self) -> None:
        self.struck = ""
        self._passed: Callable[[], int] = lambda: 0
        self._ignores: list[Any] = []

    @property
    def passed(self) -> int:
        """How many places were passed since it was armed."""
        return self._passed()

    def watch(self) -> None:
        """Watches all code of the library that is imported by now, once it is armed."""
        monitoring = _MONITORING
        if not self._ignores:
            # What strikes in a task of the library's comes out of the event loop, which ends Node.
            for event in ("uncaughtException", "unhandledRejection"):
                self._ignores.append(create_proxy(lambda *_: None))
                js.process.on(event, self._ignores[-1])
        if monitoring.get_tool(_TOOL) is None:
            monitoring.use_tool_id(_TOOL, "strikes")
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "sahpool":
                for code in _codes(module):
                    monitoring.set_local_events(_TOOL, code, _EVENTS.LINE | _EVENTS.CALL)
        # A collection follows each strike: none looks at what is there by now.
        gc.collect()
        gc.freeze()

    def arm(self, at: int, kind: Struck) -> None:
        """From now on places are counted; the one with this number, from 1, is struck.

        What is called at each of them is made for it: it is most of what a strike takes.
        """
        passed = 0

        def on_line(code: types.CodeType, line: int) -> None:
            nonlocal passed
            passed += 1
            if passed == at:
                self._strike(code, line, kind)

        def on_return(code: types.CodeType, offset: int, _callable: object, _arg: object) -> None:
            nonlocal passed
            passed += 1
            if passed == at:
                line = next((each[2] for each in code.co_lines() if each[0] <= offset < each[1]), 0)
                self._strike(code, line or 0, kind)

        self.struck = ""
        self._passed = lambda: passed
        _MONITORING.register_callback(_TOOL, _EVENTS.LINE, on_line)
        _MONITORING.register_callback(_TOOL, _EVENTS.C_RETURN, on_return)

    def disarm(self) -> None:
        """Nothing strikes any more, and nothing is counted."""
        for event in (_EVENTS.LINE, _EVENTS.C_RETURN):
            _MONITORING.register_callback(_TOOL, event, None)

    def _strike(self, code: types.CodeType, line: int, kind: Struck) -> None:
        self.disarm()
        self.struck = f"{code.co_filename.rpartition('/')[2]}:{line} {code.co_qualname}"
        raise kind("struck")


def _codes(module: types.ModuleType) -> Iterator[types.CodeType]:
    """The code of all functions that a module defines, and of those within them."""
    pending: list[Any] = [
        value
        for value in vars(module).values()
        if getattr(value, "__module__", "") == module.__name__
    ]
    seen: set[int] = set()
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, types.CodeType):
            yield value
            pending += [each for each in value.co_consts if isinstance(each, types.CodeType)]
        elif isinstance(value, type):
            pending += list(vars(value).values())
        elif isinstance(value, property):
            pending += [each for each in (value.fget, value.fset) if each]
        elif isinstance(value, (staticmethod, classmethod)):
            pending.append(value.__func__)
        elif isinstance(value, types.FunctionType):
            pending.append(value.__code__)
            if hasattr(value, "__wrapped__"):
                pending.append(value.__wrapped__)


striker = Striker()


class NotReachedError(Exception):
    """A scene is left where a clean run is to stop."""


@dataclass
class Scene:
    """Something that a program does with a pool, step by step.

    Attributes:
        title: What it is.
        prepare: Makes the databases; nothing strikes meanwhile.
        act: Does it; calls ``returned`` of the play after each step.
        options: For ``sahpool.install``.
        begins_itself: Whether ``act`` makes the databases too, and calls ``begin`` then.
    """

    title: str
    prepare: Callable[[Play], Awaitable[None]]
    act: Callable[[Play], Awaitable[None]]
    options: dict[str, Any] = field(default_factory=dict)
    begins_itself: bool = False


class Play:
    """A scene while it is played, on a pool of its own.

    Attributes:
        pool: It.
        kept: What ``prepare`` keeps for ``act``.
        aside: Names of the slots that were in quarantine when the scene began.
    """

    pool: sahpool.Pool

    def __init__(
        self,
        scene: Scene,
        mode: str,
        *,
        leave_after: int = -1,
        arm: Callable[[], None] = lambda: None,
    ) -> None:
        self.scene = scene
        self.mode = mode
        self.steps = 0
        self.kept: dict[str, Any] = {}
        self.aside: set[str] = set()
        self._leave_after = leave_after
        self._arm = arm
        self._connections: list[sqlite3.Connection] = []

    def begin(self) -> None:
        """From now on an exception may strike."""
        if self._leave_after == 0:
            raise NotReachedError
        self._arm()

    async def install(self, **more: Any) -> None:
        """Opens the pool that the scene is about."""
        options: dict[str, Any] = {
            "spare": 4,
            "initial_capacity": 6,
            "pragmas": {"journal_mode": self.mode, "cache_size": 6},
            **self.scene.options,
            **more,
        }
        self.pool = await sahpool.install("struck", directory=DIRECTORY, **options)

    def connect(self, name: str) -> sqlite3.Connection:
        """A connection that is closed, at the latest, once the scene is over."""
        connection = self.pool.connect(name, isolation_level=None, timeout=0)
        self._connections.append(connection)
        return connection

    def keep(self, connections: list[sqlite3.Connection]) -> None:
        """Connections that are closed as well."""
        self._connections += connections

    def returned(self) -> None:
        """A step has returned: what it did is acknowledged."""
        self.steps += 1
        if self.steps == self._leave_after:
            raise NotReachedError

    def close(self) -> None:
        """Closes every connection."""
        while self._connections:
            self._connections.pop().close()


async def _leave() -> None:
    """Lets go of every pool, as the end of a worker does."""
    for pool in list(installed_pools().values()):
        if not pool.is_paused:
            pool.pause_vfs()
        forget(pool)


async def _begun(scene: Scene, mode: str, **options: Any) -> Play:
    """A play of the scene on an empty storage."""
    js.memoryOpfs.clear()
    played = Play(scene, mode, **options)
    if not scene.begins_itself:
        await played.install()
        await scene.prepare(played)
        played.aside = {kept.name for kept in played.pool.quarantined}
    return played


async def _act(played: Play) -> None:
    if not played.scene.begins_itself:
        played.begin()
    await played.scene.act(played)


async def play(scene: Scene, mode: str, leave_after: int = -1) -> Play:
    """Plays a scene without a strike, or up to a step; what it did."""
    played = await _begun(scene, mode, leave_after=leave_after)
    with contextlib.suppress(NotReachedError):
        await _act(played)
    played.close()
    return played


async def states(scene: Scene, mode: str) -> list[State]:
    """What the databases hold before the scene, and after each of its steps."""
    steps = (await play(scene, mode)).steps
    await _leave()
    found = []
    for number in range(steps + 1):
        played = await play(scene, mode, leave_after=number)
        if played.pool.is_paused:
            await played.pool.unpause_vfs()
        found.append(_read(played.pool))
        await _leave()
    return found


def _read(pool: sahpool.Pool) -> State:
    state = {}
    for path in pool.databases:
        with contextlib.closing(pool.connect(path, isolation_level=None)) as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
            assert answer == "ok", f"integrity_check of {path}: {answer}"
            digest = content(connection)
        if digest:
            state[path] = digest
    return state


async def strike(
    scene: Scene, mode: str, at: int, kind: Struck, allowed: list[State]
) -> str | None:
    """Plays a scene with a strike at its N-th place.

    Returns:
        None when it did not come so far; else what is wrong, or an empty string.
    """
    played = await _begun(scene, mode, arm=lambda: striker.arm(at, kind))
    told = ""
    try:
        await _act(played)
    except BaseException as error:  # noqa: BLE001 - a strike may be of any sort
        told = f"{type(error).__name__}: {error}"
    finally:
        striker.disarm()
    if not striker.struck:
        if told:
            return f"without a strike: {told}"
        await _end(played)
        return None
    try:
        await _check(played, allowed)
    except BaseException as error:  # noqa: BLE001 - what else is left is wrong, too
        return f"{kind.__name__} at {at}, {striker.struck}, told as {told!r}: {_short(error)}"
    return ""


def _short(error: BaseException) -> str:
    import traceback

    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({where.name}:{where.lineno})"


async def _end(played: Play) -> None:
    played.close()
    await _leave()


async def _check(played: Play, allowed: list[State]) -> None:
    played.close()
    gc.collect()  # connections that nobody has: they belong to cycles
    pool = played.pool
    # An install that was struck has left nothing, a removal may be half way.
    for other in list(installed_pools().values()):
        if other is not pool and not other.is_paused:
            other.pause_vfs()
            forget(other)
    if pool.name not in installed_pools():
        await played.install()
        pool = played.pool
    if pool.is_paused:
        await pool.unpause_vfs()
    await pool.top_up()
    _check_leaks(pool)
    steps = allowed[played.steps : played.steps + 2]
    state = _read(pool)
    assert state in steps, f"the databases hold {state} after step {played.steps}, not {steps}"
    _check_leaks(pool)
    for path in pool.databases:
        with contextlib.closing(pool.connect(path, isolation_level=None)) as connection:
            connection.execute("CREATE TABLE went_on(x)")
            connection.execute("INSERT INTO went_on VALUES(zeroblob(9000))")
            connection.execute("DROP TABLE went_on")
    pool.pause_vfs()
    await pool.unpause_vfs()
    again = _read(pool)
    assert again == state, f"after another start the databases hold {again}, not {state}"
    aside = [kept for kept in pool.quarantined if kept.name not in played.aside]
    assert not aside, aside
    _check_leaks(pool)
    await _leave()


def _check_leaks(pool: sahpool.Pool) -> None:
    assert_nothing_is_open(pool)
    assert_nothing_is_lent(pool)
    names = held_names(pool)
    assert len(set(names)) == len(names), f"a slot twice: {sorted(names)}"
    for slot in spare_slots(pool):
        assert slot.handle.size() >= SECTOR_SIZE, f"a spare slot of {slot.handle.size()} bytes"
    opened = js.memoryOpfs.openFiles(DIRECTORY).to_py()
    assert sorted(names) == sorted(opened), (
        f"{len(opened)} handles are open, {len(names)} are known"
    )


async def sweep(
    scene: Scene, mode: str, kinds: list[str], share: int, offset: int = 0, limit: int = 0
) -> dict[str, Any]:
    """Strikes at every ``share``-th place of a scene.

    Args:
        scene: The scene.
        mode: The journal mode of its connections.
        kinds: Names of the exceptions, which take turns.
        share: One of how many places is struck.
        offset: Which one is the first, from 0.
        limit: After how many things that are wrong to stop; 0: never.

    Returns:
        How many strikes were tried, of how many places, and what was wrong.
    """
    import builtins

    striker.watch()
    allowed = await states(scene, mode)
    tried, at = 0, 1 + offset
    wrong: list[str] = []
    while True:
        kind = getattr(builtins, kinds[tried % len(kinds)])
        told = await strike(scene, mode, at, kind, allowed)
        if told is None:
            return {"tried": tried, "places": striker.passed, "wrong": wrong}
        tried += 1
        if told:
            wrong.append(f"{scene.title} {mode}: {told}")
            await restart()
            if limit and len(wrong) >= limit:
                return {"tried": tried, "places": at, "wrong": wrong}
        at += share


async def restart() -> None:
    """After a failed check: what is left of the pool must not spoil the next strike."""
    js.memoryOpfs.release()
    for pool in list(installed_pools().values()):
        with contextlib.suppress(Exception):
            force_end(pool)
    installed_pools().clear()


@contextlib.contextmanager
def without(protection: str) -> Iterator[None]:
    """Takes one of the protections out, by its name."""
    owner, name, value = _CONTROLS[protection]()
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _answering_first() -> tuple[Any, str, Any]:
    """A callback that is ended by an exception answers SQLITE_OK, as a bare closure may."""
    bind = Callbacks.bind

    def bound(self: Callbacks, prototype: Any, method: Any, *rest: Any, **more: Any) -> int:
        def first(*arguments: Any) -> int:
            self._answer.value = 1
            return int(method(*arguments))

        first.__name__ = method.__name__
        return bind(self, prototype, first, *rest, **more)

    return Callbacks, "bind", bound


def _undoing_nothing() -> tuple[Any, str, Any]:
    """A deletion that failed does not write the name into the header again."""
    return SlotTable, "_keep_name", lambda *_: None


def _cleaning_up_once() -> tuple[Any, str, Any]:
    """What gives something back at the end of a block is not done again."""

    def leave(cleanup: Any, *_: object) -> None:
        take_action(cleanup)()

    return Cleanup, "__exit__", leave


def _closing_once() -> tuple[Any, str, Any]:
    """A callback that gives something back and is cut off is not called again."""
    bind = Callbacks.bind

    def bound(self: Callbacks, prototype: Any, method: Any, failure: int, **_: Any) -> int:
        return bind(self, prototype, method, failure)

    return Callbacks, "bind", bound


_CONTROLS = {
    "an answer only at the end": _answering_first,
    "a deletion undone": _undoing_nothing,
    "a cleanup done again": _cleaning_up_once,
    "a release called again": _closing_once,
}
