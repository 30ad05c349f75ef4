"""The self-check: what it reports, where all is well and where not, and that it leaves nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import sahpool
from tests.harness.inside_pools import hold_of, named_slots, orphaned_slots, slot_of, spare_slots
from tests.harness.inside_prelude import expect, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool

pytestmark = pytest.mark.real


@in_worker()
async def test_a_check_passes_and_touches_no_database(pool: Pool) -> None:
    with opened(pool, "a.db") as con, opened(pool, "closed.db") as other:
        con.execute("CREATE TABLE t(a)")
        con.execute("BEGIN")
        con.execute("INSERT INTO t VALUES(randomblob(100000))")
        other.execute("CREATE TABLE t(a)")
        other.close()

        def files() -> dict[str, bytes]:
            named = named_slots(pool)
            return {path: slot.handle.read(1 << 24, 0) for path, slot in named.items()}

        await pool.top_up()
        before, capacity = files(), pool.capacity
        report = await pool.check()
        assert report.passed, str(report)
        assert files() == before
        # Spare slots are topped up while its database is open; once, not with every check.
        assert pool.capacity <= capacity + 4
        capacity = pool.capacity
        assert (await pool.check()).passed
        assert pool.capacity == capacity
        assert con.in_transaction
        con.execute("COMMIT")
        assert value(con, "SELECT sum(length(a)) FROM t") == 100_000


@in_worker()
async def test_a_report_is_a_table_of_steps_and_of_what_the_browser_can_do(pool: Pool) -> None:
    report = await pool.check()
    names = [step.name for step in report.steps]
    assert names == [
        "spare slots",
        "write and read",
        "header",
        "rollback",
        "journal mode DELETE",
        "journal mode TRUNCATE",
        "journal mode PERSIST",
        "journal mode MEMORY",
        "journal mode WAL",
        "two connections",
        "temporary file",
        "truncate",
        "flush",
        "file beside handle",
        "delete",
        "quota",
    ]
    text = str(report)
    assert text.startswith("sahpool's check of itself: passed\nok ")
    assert len(text.splitlines()) == 1 + len(report.steps) + len(report.browser)
    for step in report.steps:
        assert step.detail.endswith("."), step
        assert step.detail in text
        assert step.microseconds >= 0
    for fact in ("OPFS", "sync access handles", "file beside handle", "Web Locks"):
        assert report.browser[fact] is True, fact
    assert report.browser["sahpool"] == sahpool.__version__
    assert str(report.browser["SQLite"]) in text
    assert report.browser["JSPI (can_run_sync)"] in (True, False)
    assert report.browser["pool"] == f"{pool.name} in {pool.directory}"


@in_worker(initial_capacity=1, spare=0)
async def test_a_check_without_free_slots_says_so_and_goes_on(pool: Pool) -> None:
    await pool.reduce_capacity(10)
    report = await pool.check()
    assert not report.passed
    first, *_ = report.steps
    assert not first.passed
    assert "0 slots are free" in first.detail
    assert next(step for step in report.steps if step.name == "quota").passed
    assert "PoolFullError" in str(report)


@in_worker()
async def test_a_pool_that_is_paused_cannot_be_checked(pool: Pool) -> None:
    pool.pause_vfs()
    with expect(sahpool.PoolClosedError, "paused"):
        await pool.check()


@in_worker()
async def test_two_checks_at_once_and_a_cancelled_one_leave_nothing(pool: Pool) -> None:
    reports = await asyncio.gather(pool.check(), pool.check())
    assert [report.passed for report in reports] == [True, True]
    checking = asyncio.ensure_future(pool.check())
    await asyncio.sleep(0)
    checking.cancel()
    with expect(asyncio.CancelledError):
        await checking
    assert pool.file_names == []


@pytest.mark.parametrize("runtime", [pytest.param("node", marks=pytest.mark.node)], indirect=True)
@in_worker()
async def test_each_fault_of_the_storage_fails_the_steps_that_need_it(pool: Pool) -> None:
    """A fake is needed: a browser's storage does not fail on demand."""
    import js
    from pyodide.code import run_js

    # Makes calls of a method fail: so many of them, beginning with the n-th.
    faulty = """
(() => {
  const enter = memoryOpfs.enter;
  let failing, first, count, kind, calls;
  memoryOpfs.enter = function (method, node) {
    const told = enter.call(this, method, node);
    if (method !== failing || ++calls < first || calls >= first + count) return told;
    throw new DOMException(`${method} was told to fail`, kind);
  };
  return {
    arm(...fault) {
      [failing, first, count, kind] = fault;
      calls = 0;
    },
    reset() { memoryOpfs.enter = enter; },
  };
})()
"""
    opfs = js.memoryOpfs
    with opened(pool, "a.db") as con:
        con.execute("CREATE TABLE t(a)")
    slot = slot_of(pool, "/a.db")
    kept = slot.handle.read(1 << 24, 0)
    await pool.top_up()

    async def failing() -> dict[str, str]:
        report = await pool.check()
        text = str(report)
        broken = {step.name: step.detail for step in report.steps if not step.passed}
        assert all(text.count(detail) >= 1 for detail in broken.values())
        assert f"{len(broken)} of {len(report.steps)} steps FAILED" in text or not broken
        return broken

    def nothing_left() -> None:
        assert pool.file_names == ["/a.db"], pool.file_names
        assert slot.handle.read(1 << 24, 0) == kept

    # Three calls fail, as the first may be one that SQLite can do without: the steps that need them
    # tell it, by the name of the method, and the later ones pass.
    faults = run_js(faulty)
    for method, step, kind in (
        ("write", "write and read", "UnknownError"),
        ("flush", "write and read", "InvalidStateError"),
        ("truncate", "write and read", "UnknownError"),
        ("getFileHandle", "file beside handle", "NotFoundError"),
    ):
        faults.arm(method, 1, 3, kind)
        broken = await failing()
        assert step in broken, (method, broken)
        assert f"{method} was told to fail" in broken[step], broken
        assert "two connections" not in broken, (method, broken)
        faults.arm(None, 0, 0, "")
        nothing_left()

    # The storage is full, or keeps less than it is given.
    opfs.quota = 20 * 4096 + sum(slot.handle.size() for slot in spare_slots(pool))
    broken = await failing()
    assert {"write and read", "rollback", "journal mode WAL", "truncate"} <= set(broken), broken
    assert "SQLITE_FULL" in broken["write and read"], broken
    opfs.quota = 0
    assert "nothing is left" in (await failing())["quota"]
    opfs.quota = None
    nothing_left()
    opfs.shortWrites = 100
    broken = await failing()
    opfs.shortWrites = 0
    nothing_left()
    assert "write and read" in broken
    assert "100 of" in broken["write and read"], broken

    # Every method fails for the n-th time, for a while, or from then on: whatever comes, the check
    # reports, and once the storage works again it is as it was.
    heard = 0
    for method in ("read", "write", "flush", "truncate", "getSize"):
        for number in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144):
            for count in (1, 3):
                faults.arm(method, number, count, "UnknownError")
                broken = await failing()
                faults.arm(None, 0, 0, "")
                heard += bool(broken)
                nothing_left()

    # SQLite does without some: a checkpoint as a connection closes, the journal mode of a new file.
    assert heard > 66, heard

    # The storage breaks down for good in the middle: what cannot be deleted is named.
    faults.arm("write", 144, 1 << 30, "UnknownError")
    broken = await failing()
    faults.reset()
    left = [path for path in pool.databases if path != "/a.db"]
    assert len(left) == 1, left
    assert left[0] in broken["clean up"], broken
    assert "write was told to fail" in broken["clean up"], broken
    pool.unlink(left[0])
    nothing_left()
    # And no slot was lost: what the pool does not know of is a file that nobody holds.
    await pool.top_up()  # or one is just being made
    slots = (*named_slots(pool).values(), *spare_slots(pool), *orphaned_slots(pool))
    known = {slot.name for slot in slots}
    async for entry in hold_of(pool).opaque.values():
        if entry.name not in known:
            (await hold_of(pool).open(entry)).close()
