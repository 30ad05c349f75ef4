"""The code on the pages does what the pages say, in Node, Chromium and Firefox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from tests.docs.code import PRELUDE, UnreadableBlockError, as_said, javascript, python
from tests.docs.conftest import DocsSite
from tests.docs.pages import DOCS, PAGES, ROOT, Block, blocks
from tests.matrix import PARAMS
from tests.pyodide.engines import Engine, NodeEngine, PageEngine

#: Pages whose code has tests of its own elsewhere; the reference shows signatures only.
ELSEWHERE = {
    "README.md": "tests/pyodide/test_readme.py",
    "contributing.md": "tests/unit/test_recipes.py",
    "ecosystem.md": "tests/ecosystem",
    "reference.md": "tests/docs/test_reference.py",
    "tutorial.md": "tests/tutorial",
}

BOTH_SIDES = DOCS / "coming-from-sqlite-wasm.md"

#: Closes what a page has left open, so that the next one can begin.
CLEAN_UP = """
import gc, sqlite3
from tests.harness.inside_pools import installed_pools
for _thing in list(globals().values()):
    if isinstance(_thing, sqlite3.Connection):
        _thing.close()
gc.collect()
for _pool in list(installed_pools().values()):
    await _pool.remove_vfs()
"""

#: A worker's Python globals, over the blocks of a page.
KEEP = """
import builtins
builtins.kept = {**getattr(builtins, "kept", {}), **globals()}
"""
GO_ON = """
import builtins
globals().update(builtins.kept)
"""

START = """
self.official = new Worker("/tests/docs/official.mjs", { type: "module" });
"""
ASK = """
return JSON.stringify(await new Promise((resolve) => {
  official.onmessage = ({ data }) => resolve(data);
  official.onerror = ({ message }) => resolve({ told: [], error: message });
  official.postMessage("URL");
}));
"""


@pytest.mark.parametrize("tests", ELSEWHERE.values())
def test_what_is_run_elsewhere_has_its_tests_there(tests: str) -> None:
    assert (ROOT / tests).exists()


def with_python() -> list[Path]:
    """Pages with Python blocks that are run here, in Python alone."""
    return [
        page
        for page in PAGES
        if page.name not in ELSEWHERE
        and page != BOTH_SIDES
        and any(block.language == "python" for block in blocks(page))
    ]


def in_page(engine: Engine, script: str) -> Any:
    """An async function body, in the page that holds the engine's worker."""
    assert not isinstance(engine, NodeEngine)
    return cast("PageEngine", engine).in_page(script)


@contextmanager
def left_clean(engine: Engine) -> Iterator[None]:
    """What fails within leaves nothing behind that the next page would meet."""
    try:
        yield
    except BaseException:
        engine.restart(keep=False)
        raise


@pytest.mark.parametrize("page", with_python(), ids=lambda page: page.name)
def test_the_python_of_a_page_gives_what_the_page_says(runtime: Any, page: Path) -> None:
    source = "".join(
        python(block.code, block.line)
        for block in blocks(page)
        if block.language == "python" and block.is_run
    )
    with left_clean(runtime):
        runtime.run(PRELUDE + source + CLEAN_UP)


@pytest.mark.parametrize(
    "runtime",
    PARAMS,
    indirect=True,
)
def test_both_sides_of_the_page_for_users_of_the_official_package(
    runtime: Any, site: DocsSite
) -> None:
    """Its blocks run in turn, JavaScript in one worker and Python in another, over one storage."""
    with left_clean(runtime):
        in_page(runtime, START)
        try:
            runtime.run(PRELUDE + KEEP)
            for number, block in enumerate(blocks(BOTH_SIDES)):
                if block.is_run and block.language == "python":
                    runtime.run(GO_ON + python(block.code, block.line) + KEEP)
                elif block.is_run and block.language == "js":
                    run_javascript(runtime, site, number, block)
            runtime.run(GO_ON + CLEAN_UP)
        finally:
            in_page(runtime, "official.terminate();")


def run_javascript(engine: Engine, site: DocsSite, number: int, block: Block) -> None:
    module, expected = javascript(block.code, block.line)
    name = f"{engine.name}-{number}.mjs"
    (site.modules / name).write_text(module, encoding="utf-8")
    answer = json.loads(in_page(engine, ASK.replace("URL", f"/tests/blocks/{name}")))
    assert "error" not in answer, f"the block at line {block.line}: {answer['error']}"
    told = dict(answer["told"])
    assert told.keys() == expected.keys()
    wrong = [
        f"line {line}: {told[line]}, not {said}"
        for line, said in expected.items()
        if not as_said(told[line], said)
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("1 + 1  # → 2", None),
        ("1 + 1  # → 3", AssertionError),
        ("[1,\n 2]  # → [1, 2]", None),
        ("if True:\n    'abcd'  # → 'a…d'", None),
        ("if True:\n    'abcd'  # → 'b…d'", AssertionError),
        ("{}[1]  # raises LookupError", None),
        ("{}[1]  # raises ValueError", AssertionError),
        ("x = 1  # raises ValueError", AssertionError),
        ("if False:\n    1  # → 1", AssertionError),
        ("x = 1  # → 1", UnreadableBlockError),
        ("x = 1\n# → 1", UnreadableBlockError),
    ],
)
def test_a_remark_that_is_not_true_is_found(code: str, outcome: type[Exception] | None) -> None:
    def run() -> None:
        exec(PRELUDE + python(code, 1), {})

    if outcome is None:
        run()
    else:
        with pytest.raises(outcome):
            run()


def test_javascript_tells_each_value_with_its_line() -> None:
    module, expected = javascript("const a = 1;\na + 1; // → 2\nb(); // throws no b\n", 7)
    assert module.startswith("globalThis.a = 1;\ntell(8, a + 1);\n")
    assert expected == {8: "2", 9: "no b"}
    assert as_said('{"a":1}', '{ "a": 1 }')
    assert as_said('"ReferenceError: no b here"', "no b")
    assert not as_said("[1]", "[2]")
    with pytest.raises(UnreadableBlockError):
        javascript("const a = 1; b // → 1\n", 1)
