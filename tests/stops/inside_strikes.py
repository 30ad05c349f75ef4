"""Runs inside Pyodide in Node: an exception strikes at every line of the library in turn.

A *strike* is an exception that is raised before a line of the library's own Python, or when a call
to a function written in C returns: there CPython itself may raise KeyboardInterrupt, a
RecursionError, a MemoryError or the exception that PyThreadState_SetAsyncExc was given. The strike
comes at the N-th such place of a scene, for N = 1, 2, 3 … until the scene ends before its N-th
place. A line that begins with a NOP is passed over: CPython raises nothing there, and where the NOP
is a ``try:`` at the beginning of a ``with`` block, its exception table does not call the block's
``__exit__``. After each strike,

- every connection can be closed, and leaves no open file, lock or WAL-index;
- no slot is lent, taken or lost, no turn is taken, and every file of the pool's directory has a
  handle in its table;
- every database is sound, and all of them together hold what they held after the last step that had
  returned, or after the one that was under way;
- the pool still works: a statement on each database, a pause, a start, the same content.
"""

from __future__ import annotations

import asyncio
import contextlib
import dis
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
import sahpool.functions
from sahpool.cleanup import Cleanup
from sahpool.opfs_pool.header import SECTOR_SIZE
from sahpool.opfs_pool.slots import SlotTable
from sahpool.sqlite.callbacks import Callbacks
from tests.crash.inside_lab import DIRECTORY, State, content
from tests.harness.inside_modules import take_action
from tests.harness.inside_pools import (
    assert_no_table_function_is_open,
    assert_nobody_installs,
    assert_nothing_is_lent,
    assert_nothing_is_open,
    force_end,
    forget,
    held_names,
    installed_pools,
    spare_slots,
)

_TOOL = 4  # an id that sys.monitoring reserves for no tool
#: A task that tops up spare slots has its turn for milliseconds.
_TURN_SECONDS = 60

_NOP = dis.opmap["NOP"]
_MONITORING: Any = sys.monitoring  # type: ignore[attr-defined]  # Pyodide's Python has it
_EVENTS = _MONITORING.events

Struck = type[BaseException]


class Striker:
    """Counts the places that are passed while it is armed, and strikes at one of them.

    Attributes:
        struck: The place of the strike; empty if there was none.
    """

    def __init__(self) -> None:
        self.struck = ""
        self._passed: Callable[[], int] = lambda: 0
        self._ignores: list[Any] = []

    @property
    def passed(self) -> int:
        """The number of places that were passed since arm()."""
        return self._passed()

    def watch(self) -> None:
        """Sets the monitoring of all code of the library that is imported by now; arm() uses it."""
        monitoring = _MONITORING
        if not self._ignores:
            # An exception in a task of the library leaves the event loop, which would end Node.
            for event in ("uncaughtException", "unhandledRejection"):
                self._ignores.append(create_proxy(lambda *_: None))
                js.process.on(event, self._ignores[-1])
        if monitoring.get_tool(_TOOL) is None:
            monitoring.use_tool_id(_TOOL, "strikes")
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "sahpool":
                for code in _codes(module):
                    self.watch_code(code)
        # A collection follows each strike: none looks at what is there by now.
        gc.collect()
        gc.freeze()

    def watch_code(self, code: types.CodeType) -> None:
        """Sets the monitoring of one function's code; ``watch`` has been called before."""
        _MONITORING.set_local_events(_TOOL, code, _EVENTS.LINE | _EVENTS.CALL)

    def arm(self, at: int, kind: Struck) -> None:
        """Counts places from now on, and raises ``kind`` at the place number ``at``, from 1.

        The callbacks are closures made for this strike, as calling them takes most of its time.
        """
        passed = 0

        def on_line(code: types.CodeType, line: int) -> None:
            nonlocal passed, at
            passed += 1
            if passed == at:
                if code.co_code[sys._getframe(1).f_lasti] == _NOP:
                    at += 1
                    return
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
        """Stops counting and striking."""
        for event in (_EVENTS.LINE, _EVENTS.C_RETURN):
            _MONITORING.register_callback(_TOOL, event, None)

    def _strike(self, code: types.CodeType, line: int, kind: Struck) -> None:
        self.disarm()
        self.struck = f"{code.co_filename.rpartition('/')[2]}:{line} {code.co_qualname}"
        raise kind("struck")


def _codes(module: types.ModuleType) -> Iterator[types.CodeType]:
    """Yield the code of all functions that a module defines, and of the functions in them."""
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
    """Leaves a scene at the step after which a run without strikes is to stop."""


@dataclass
class Scene:
    """A sequence of steps that a program does with a pool.

    Attributes:
        title: Its name.
        prepare: Creates the databases; nothing strikes meanwhile.
        act: Does the steps; calls ``returned`` of the play after each.
        options: Options for ``sahpool.install``.
        begins_itself: Whether ``act`` creates the databases itself, and then calls ``begin``.
    """

    title: str
    prepare: Callable[[Play], Awaitable[None]]
    act: Callable[[Play], Awaitable[None]]
    options: dict[str, Any] = field(default_factory=dict)
    begins_itself: bool = False


class Play:
    """One run of a scene, on a pool of its own.

    Attributes:
        pool: The pool.
        kept: Values that ``prepare`` passes to ``act``.
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
        """Arms the striker: from now on an exception may strike."""
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
        """Open a connection, which is closed at the end of the scene at the latest."""
        connection = self.pool.connect(name, isolation_level=None, timeout=0)
        self._connections.append(connection)
        return connection

    def keep(self, connections: list[sqlite3.Connection]) -> None:
        """Adds connections that are to be closed at the end of the scene."""
        self._connections += connections

    def returned(self) -> None:
        """Counts a step that has returned: its changes are acknowledged."""
        self.steps += 1
        if self.steps == self._leave_after:
            raise NotReachedError

    def close(self) -> None:
        """Closes every connection."""
        while self._connections:
            self._connections.pop().close()


async def _leave() -> None:
    """Drops every pool, as the end of a worker does."""
    for pool in list(installed_pools().values()):
        if not pool.is_paused:
            pool.pause_vfs()
        forget(pool)


async def _begun(scene: Scene, mode: str, **options: Any) -> Play:
    """Prepare a play of the scene on an empty storage, and return it."""
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
    """Play a scene without a strike, to its end or up to a step, and return the play."""
    played = await _begun(scene, mode, leave_after=leave_after)
    with contextlib.suppress(NotReachedError):
        await _act(played)
    played.close()
    return played


async def states(scene: Scene, mode: str) -> list[State]:
    """Return the contents of the databases before the scene, and after each of its steps."""
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
        None if the scene ended before that place; else what is wrong, or an empty string.
    """
    played = await _begun(scene, mode, arm=lambda: striker.arm(at, kind))
    told = ""
    try:
        await _act(played)
    except BaseException as error:  # noqa: BLE001 - a strike may be any exception
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
    except BaseException as error:  # noqa: BLE001 - any other exception is wrong, too
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
    assert_nobody_installs()
    played.close()
    gc.collect()  # closes unreachable connections in reference cycles
    pool = played.pool
    # A struck install leaves no pool; a struck removal may have left a part of it.
    for other in list(installed_pools().values()):
        if other is not pool and not other.is_paused:
            other.pause_vfs()
            forget(other)
    if pool.name not in installed_pools():
        await played.install()
        pool = played.pool
    if pool.is_paused:
        await pool.unpause_vfs()
    async with asyncio.timeout(_TURN_SECONDS):
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
    assert_no_table_function_is_open(sahpool.functions)
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
        kinds: Names of the exceptions, which are used in turn.
        share: N, to strike at every N-th place.
        offset: The first place, from 0.
        limit: Number of failures after which to stop; 0: never.

    Returns:
        The number of strikes, the number of places, and the failures.
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
    """Drops what a failed check has left of the pools, so that the next strike begins clean."""
    js.memoryOpfs.release()
    for pool in list(installed_pools().values()):
        with contextlib.suppress(Exception):
            force_end(pool)
    installed_pools().clear()


@contextlib.contextmanager
def without(protection: str) -> Iterator[None]:
    """Takes the protection of this name out within the block, for a control run."""
    owner, name, value = _CONTROLS[protection]()
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _answering_first() -> tuple[Any, str, Any]:
    """Control: a callback that an exception ends returns SQLITE_OK, as a bare closure may."""
    bind = Callbacks.bind

    def bound(self: Callbacks, prototype: Any, method: Any, *rest: Any, **more: Any) -> int:
        def first(*arguments: Any) -> int:
            self._answer.value = 1
            return int(method(*arguments))

        first.__name__ = method.__name__
        return bind(self, prototype, first, *rest, **more)

    return Callbacks, "bind", bound


def _undoing_nothing() -> tuple[Any, str, Any]:
    """Control: a deletion that failed does not write the path into the header again."""
    return SlotTable, "_keep_name", lambda *_: None


def _cleaning_up_once() -> tuple[Any, str, Any]:
    """Control: a cleanup at the end of a block is not run again after an exception."""

    def leave(cleanup: Any, *_: object) -> None:
        take_action(cleanup)()

    return Cleanup, "__exit__", leave


def _closing_once() -> tuple[Any, str, Any]:
    """Control: a callback that releases something is not called again after an exception."""
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
