"""What the tutorial says of names, files and databases is so, in Node and the browsers."""

from __future__ import annotations

from typing import Any

from tests.docs.code import PRELUDE, python
from tests.tutorial import text

_CLEAN_UP = """
await pool.remove_vfs()
sahpool.set_default(None)
"""


def test_what_is_said_of_files_and_databases_is_so(runtime: Any) -> None:
    blocks = text.about_files()
    assert len(blocks) == 6
    source = "".join(python(block, 1) for block in blocks)
    assert runtime.run(f"{PRELUDE}{source}{_CLEAN_UP}True")
