"""A Stop button in real browsers ends what runs, once, and no acknowledged row is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browsers import Browser, Chromium
from tests.conftest import ServedSite, serving
from tests.firefox import PRECISE, Firefox
from tests.matrix import PARAMS
from tests.proofs import Proofs

HERE = Path(__file__).parent
WORKER = "/tests/stop_worker.mjs"
MODULE = "stop_cells.py"
AT_ONCE = 10  # presses in one script, as a driver limits the time of a script

FEW, MANY = 60, 1000  # presses in the tests of each change, and in the proof

PATIENCE = 20_000  # ms after which a press counts as lost
SLOWEST = 1000  # most ms until a statement that would take minutes has ended

_BEGIN = """
    self.buffer = new Uint8Array(new SharedArrayBuffer(1));
    self.worker = new Worker(args[0], { type: "module" });
    self.ask = (message) => new Promise((resolve, reject) => {
      self.begun = new Promise((began) => {
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.onmessage = ({ data }) => (data.begun ? began() : resolve(data.answer));
        worker.postMessage(message);
      });
    });
    return ask({ buffer, source: args[1] });
"""

# Presses the button at a random moment of each cell, mostly early, sometimes within a turn of the
# event loop, and measures how long the cell takes to end.
_PRESS = """
    const told = [];
    for (let seed = args[0]; seed < args[0] + args[1]; seed++) {
      const answered = ask({ source: `import stop_cells\\nstop_cells.cell(${seed})` });
      await begun;
      const wait = Math.random() ** 3 * 150;
      if (wait > 4) await new Promise((resolve) => setTimeout(resolve, wait));
      else for (const end = performance.now() + wait; performance.now() < end; );
      const pressed = performance.now();
      Atomics.store(buffer, 0, 2);
      const late = new Promise((resolve) => setTimeout(resolve, args[2], null));
      const text = await Promise.race([answered, late]);
      const took = performance.now() - pressed;
      if (text === null) return [...told, { took, told: "nothing" }];
      const answer = JSON.parse(text);
      told.push({ took, ...(answer.value ?? { told: answer.traceback }) });
    }
    return told;
"""

_ASK = "return ask({ source: args[0] });"


class Cells:
    """A page with a Stop button, and its worker, which runs cells."""

    def __init__(self, browser: Browser, site: ServedSite, *, holds: bool) -> None:
        self._browser = browser
        browser.open(f"{site.url}module_test.html")
        self._value(browser.evaluate(_BEGIN, WORKER, self._source(holds)))

    @staticmethod
    def _source(holds: bool) -> str:
        text = (HERE / "inside_cells.py").read_text(encoding="utf-8")
        return (
            f"from pathlib import Path\nPath('/lib/under-test/{MODULE}').write_text({text!r})\n"
            "import importlib\nimportlib.invalidate_caches()\n"
            f"import stop_cells\nawait stop_cells.begin({holds=})"
        )

    @staticmethod
    def _value(answer: str) -> Any:
        fields = json.loads(answer)
        assert "value" in fields, fields["traceback"]
        return fields["value"]

    def press(self, first: int, count: int) -> list[dict[str, Any]]:
        """Run ``count`` cells, stop each, and return their results."""
        told: list[dict[str, Any]] = []
        for seed in range(first, first + count, AT_ONCE):
            if told and told[-1]["told"] == "nothing":
                break  # that cell still runs, and will never end
            told += self._browser.evaluate(_PRESS, seed, AT_ONCE, PATIENCE)
        return told

    def end(self) -> dict[str, int]:
        """Return what the databases hold (inside_cells.py)."""
        counts: dict[str, int] = self._value(
            self._browser.evaluate(_ASK, "import stop_cells\nawait stop_cells.end()")
        )
        return counts


@contextmanager
def _cells(name: str, site: ServedSite, *, holds: bool = True) -> Iterator[Cells]:
    browser: Browser = Chromium() if name == "chrome" else Firefox(PRECISE)
    server = ServedSite(site.root)
    server.isolate = True
    server.extra[WORKER] = HERE / "stop_worker.mjs"
    with serving(server), closing(browser):
        yield Cells(browser, server, holds=holds)


@pytest.fixture(params=PARAMS)
def cells(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Cells]:
    with _cells(request.param, site) as opened:
        yield opened


def _check(cells: Cells, proof: Proofs, presses: int, place: str) -> None:
    told = cells.press(1, presses)
    counts = cells.end()
    as_what = Counter(each["told"] for each in told)
    again = sum(each.get("again", 0) for each in told)
    found = {"presses": len(told), "came_up": as_what["KeyboardInterrupt"], **counts}
    proof("stops", f"Stop pressed in {place}", control=False, **found)
    assert as_what == {"KeyboardInterrupt": presses}
    assert again == 0
    assert counts["acknowledged"] > presses
    assert (counts["lost"], counts["half"], counts["corrupt"]) == (0, 0, 0)
    slow = [each for each in told if each["took"] > SLOWEST]
    assert not slow, slow


def test_a_stop_at_any_moment_comes_up_once_and_loses_no_acknowledged_row(
    cells: Cells, proof: Proofs, request: pytest.FixtureRequest
) -> None:
    _check(cells, proof, FEW, request.node.callspec.params["cells"])


@pytest.mark.slow
def test_a_thousand_stops_come_up_once_each_and_lose_no_acknowledged_row(
    cells: Cells, proof: Proofs, request: pytest.FixtureRequest
) -> None:
    _check(cells, proof, MANY, request.node.callspec.params["cells"])


@pytest.mark.chrome
@pytest.mark.slow
def test_where_signals_are_not_held_a_stop_is_swallowed_or_told_as_something_else(
    site: ServedSite, proof: Proofs
) -> None:
    with _cells("chrome", site, holds=False) as cells:
        for first in range(1, 5 * MANY, MANY // 10):
            told = cells.press(first, MANY // 10)
            wrong = [each for each in told if each["told"] != "KeyboardInterrupt"]
            proof("stops", "without the hold", control=True, presses=len(told), wrong=len(wrong))
            if wrong:
                return
    pytest.fail("every press came up as one KeyboardInterrupt")
