"""The site's Pyodide: suspended calls, and all that follows the frames of thread states."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.in_worker import WITH_STACK_SWITCHING, in_worker

if TYPE_CHECKING:
    from sahpool import Pool
    from tests.harness.inside_prelude import suspended

pytestmark = pytest.mark.real

site_s_own = pytest.mark.parametrize("runtime", WITH_STACK_SWITCHING, indirect=True)


@site_s_own
@in_worker()
async def test_in_the_site_s_pyodide_a_suspended_call_has_no_frames_and_gets_them_back(
    pool: Pool,
) -> None:
    async with suspended() as (word, frames):
        assert word() == 0
        assert len(gc.callbacks) == 0
        gc.collect(1)
    assert frames() == ["asks", "wait"]


@site_s_own
@in_worker()
async def test_in_the_site_s_pyodide_nothing_else_follows_the_frames_of_a_suspended_call(
    pool: Pool,
) -> None:
    async with suspended(), suspended():
        assert len(sys._current_frames()) == 1
        sys.settrace(lambda *_: None)
        sys.settrace(None)
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined]  # since Python 3.12
        monitoring.use_tool_id(4, "test")
        monitoring.set_events(4, monitoring.events.LINE)
        monitoring.set_events(4, 0)
        monitoring.free_tool_id(4)


@in_worker()
async def test_a_check_tells_how_suspended_calls_and_collections_get_along(pool: Pool) -> None:
    from pyodide.ffi import can_run_sync

    told = (await pool.check()).browser["collection while suspended"]
    expected = "safe by itself" if can_run_sync() else "nothing can be suspended"
    assert told == expected, told
    assert gc.callbacks == []
