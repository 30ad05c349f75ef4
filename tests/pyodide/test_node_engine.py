"""The engine in Node, when Node itself ends."""

from __future__ import annotations

import pytest

from tests.conftest import ServedSite
from tests.pyodide.engines import Engine, NodeEndedError, NodeEngine

CRASH = (
    "import js; js.process.kill(js.process.pid, 'SIGTRAP')\nimport asyncio; await asyncio.sleep(9)"
)


@pytest.mark.node
def test_a_node_that_ends_costs_one_request_and_is_replaced_by_the_next(site: ServedSite) -> None:
    prepared: list[Engine] = []
    engine = NodeEngine(site.root, prepared.append)
    try:
        assert engine.run("1 + 1") == 2
        with pytest.raises(NodeEndedError, match="exit code -5"):
            engine.run(CRASH)
        assert engine.run("2 + 2") == 4
        engine.restart()
        assert prepared == [engine] * 3
    finally:
        engine.close()
