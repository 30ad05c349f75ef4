"""Pyodide as it is released: what the library does about suspended calls and collections."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import operator
import sys
from typing import TYPE_CHECKING, Any

from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    import sahpool
    from sahpool import Pool
    from tests.harness.inside_prelude import expect, suspended


@in_worker()
async def test_this_pyodide_needs_the_repair_else_take_it_out_of_the_build(
    pool: Pool,
) -> None:
    """Once this fails worker/build/repairing.py and what it is used for are superfluous."""
    async with suspended() as (word, _):
        assert word() != 0


@in_worker()
async def test_while_garbage_is_collected_a_suspended_call_has_no_frames(pool: Pool) -> None:
    seen: dict[str, int] = {}
    async with suspended() as (word, frames):
        before = word()
        gc.callbacks.append(lambda phase, _info: seen.update({phase: word()}))
        gc.collect(1)
        gc.callbacks.pop()
        assert (seen["start"], word()) == (0, before)
    assert frames() == ["asks", "wait"]


@in_worker()
async def test_a_check_says_so_and_warns_when_the_protection_was_taken_out(
    pool: Pool,
) -> None:
    async def told() -> Any:
        return (await pool.check()).browser["collection while suspended"]

    from sahpool.browser import collecting

    assert await told() == "made safe by sahpool"
    (ours,) = gc.callbacks
    gc.callbacks.clear()
    assert await collecting.told() == "NOT safe: gc.callbacks was emptied"
    pool.connect("a.db").close()
    assert gc.callbacks == [ours]
    assert await told() == "made safe by sahpool"
    again = await sahpool.install(pool.name + "-2")
    assert gc.callbacks == [ours]
    await again.remove_vfs()


@in_worker()
async def test_neither_the_recursion_limit_nor_a_signal_stops_the_protection(pool: Pool) -> None:
    import ctypes

    interrupt = ctypes.PyDLL(None).PyErr_SetInterrupt  # what Ctrl+C does

    def deeper() -> None:
        try:
            deeper()
        except RecursionError:
            gc.collect(1)  # there is no room for a function of Python's
            raise

    def attempt() -> list[str]:
        """What callbacks have failed with."""
        failed: list[Any] = []
        sys.unraisablehook = failed.append  # for this there is room
        try:
            with expect(RecursionError, "recursion"):
                deeper()
            with contextlib.suppress(KeyboardInterrupt):
                # In C, so that Python does not look for signals in between.
                calls: list[Any] = [interrupt, functools.partial(gc.collect, 1)]
                list(map(operator.call, calls))
        finally:
            sys.unraisablehook = sys.__unraisablehook__
        return [told.exc_type.__name__ for told in failed]

    def in_python(_phase: str, _info: object) -> None:
        """What would be in the place of ours."""

    async with suspended() as (word, frames):
        assert attempt() == []
        gc.callbacks.append(in_python)
        found = attempt()
        assert {"RecursionError", "KeyboardInterrupt"} <= set(found), found
        gc.callbacks.remove(in_python)
        assert word() != 0
    assert frames() == ["asks", "wait"]


@in_worker()
async def test_a_finaliser_that_suspends_a_collection_leaves_the_others_their_frames(
    pool: Pool,
) -> None:
    from pyodide.ffi import create_proxy, run_sync

    class Ends:
        def __del__(self) -> None:
            run_sync(enough.wait())

    enough = asyncio.Event()

    def collects() -> None:
        ends: Any = Ends()
        ends.itself = ends
        del ends
        gc.collect(1)
        gc.collect(1)
        gc.collect(2)

    function = create_proxy(collects)
    async with suspended() as (_, frames):
        collecting = asyncio.ensure_future(function.callPromising())
        await asyncio.sleep(0.1)
        assert not collecting.done()
    assert frames() == ["asks", "wait"]
    enough.set()
    await collecting
    function.destroy()
