"""Turns of tasks: one at a time, in their order, and none is kept by an exception."""

from __future__ import annotations

import asyncio
import sys
import unittest.mock
from types import FrameType
from typing import Any

import pytest

from sahpool import turns
from sahpool.turns import Turn, Turns


class StruckError(Exception):
    """Strikes."""


def test_one_task_at_a_time_has_its_turn_in_the_order_in_which_they_asked() -> None:
    lock, seen = Turns(), []

    async def work(number: int) -> None:
        async with Turn(lock) as turn, turn:
            seen.append(("begins", number))
            await asyncio.sleep(0)
            seen.append(("ends", number))

    async def all_of_them() -> None:
        await asyncio.gather(*(work(number) for number in range(4)))

    asyncio.run(all_of_them())
    assert seen == [(what, number) for number in range(4) for what in ("begins", "ends")]


def test_a_task_that_is_cancelled_as_it_waits_keeps_nobody_from_their_turn() -> None:
    lock, seen = Turns(), []

    async def work(number: int) -> None:
        async with Turn(lock) as turn, turn:
            await asyncio.sleep(0)
            seen.append(number)

    async def all_of_them() -> None:
        tasks = [asyncio.ensure_future(work(number)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(all_of_them())
    assert seen == [0, 2, 3]


async def _struck(lock: Any, block: Any, at: int) -> bool:
    """Whether an exception struck at the N-th line of a turn that another task waits for."""
    passed = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal passed
        if frame.f_code.co_filename not in (__file__, turns.__file__, asyncio.locks.__file__):
            return None
        if event == "line" and asyncio.current_task() is first:
            passed += 1
            if passed == at:
                raise StruckError
        return trace

    async def waits() -> None:
        async with asyncio.timeout(5):
            await block(lock)

    first = asyncio.ensure_future(block(lock))
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(waits())
    await asyncio.sleep(0)
    sys.settrace(trace)
    try:
        await asyncio.wait([first])
    finally:
        sys.settrace(None)
    await waiting
    error = first.exception()
    assert error is None or isinstance(error, StruckError)
    return error is not None


async def _turn(lock: Turns) -> None:
    async with Turn(lock) as turn, turn:
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def _locked(lock: asyncio.Lock) -> None:
    async with lock:
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def test_an_exception_at_any_line_of_a_turn_lets_the_next_task_have_its_own() -> None:
    struck = 0
    while asyncio.run(_struck(Turns(), _turn, struck + 1)):
        struck += 1
    assert struck > 5


def test_a_turn_comes_although_the_event_loop_forgot_to_wake_the_task() -> None:
    async def both() -> bool:
        lock, loop = Turns(), asyncio.get_running_loop()
        first = Turn(lock)
        async with first, first:
            waiting = asyncio.ensure_future(_turn(lock))
            await asyncio.sleep(0)
            with (
                unittest.mock.patch.object(loop, "call_soon", side_effect=StruckError),
                pytest.raises(StruckError),
            ):
                lock.give_back(first)
        done, _ = await asyncio.wait((waiting,), timeout=5)
        return bool(done)

    loop = asyncio.new_event_loop()  # asyncio.run() would wait for a task that is never woken
    assert loop.run_until_complete(both())
    loop.close()


def test_a_lock_of_asyncio_is_left_taken_by_one() -> None:
    async def first_that_is_left() -> int:
        for at in range(1, 20):
            lock = asyncio.Lock()
            try:
                async with asyncio.timeout(0.2):
                    await _struck(lock, _locked, at)
            except TimeoutError:
                return at
        return 0

    assert asyncio.run(first_that_is_left())
