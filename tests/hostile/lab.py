"""Hostile files in a runtime: its own that are made there, and those that are handed over."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from itertools import count, islice
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_MODULES = {
    name: (_HERE / f"{name}.py").read_text("utf-8")
    for name in ("images", "long_bombs", "bombs", "pairs", "inside_judge")
}

_numbers = count(1)

#: Images that are handed over at once.
_BATCH = 400

_BEGIN = """
import importlib, pathlib, sys
folder = pathlib.Path("/lib/under-test/hostile")
folder.mkdir(exist_ok=True)
(folder / "__init__.py").touch()
for name, text in modules.items():
    (folder / f"{name}.py").write_text(text)
for name in [each for each in sys.modules if each.partition(".")[0] == "hostile"]:
    del sys.modules[name]
importlib.invalidate_caches()
import sahpool
from hostile.inside_judge import Judge
sahpool.hostile_pool = await sahpool.install(pool_name)
sahpool.hostile_judge = Judge(sahpool.hostile_pool)
await sahpool.hostile_judge.begin()
"""

_END = """
import sahpool
sahpool.hostile_judge.end()
await sahpool.hostile_pool.remove_vfs()
sahpool.hostile_judge.report()
"""

_GIVEN = """
import base64, sahpool
await sahpool.hostile_judge.try_all((what, base64.b64decode(image)) for what, image in images)
"""

_CHANGED = """
import sahpool
from hostile.images import changed
await sahpool.hostile_judge.try_all(changed(seed, count))
"""

_BOMB = """
import sahpool
from hostile.bombs import BOMBS, LASTING
await sahpool.hostile_judge.try_all([(name, BOMBS[name]())], read=name not in LASTING)
"""

_BOMB_BESIDE = """
import sahpool
from hostile import pairs
from hostile.bombs import BOMBS, LASTING
pair = (name, *getattr(pairs, way)(BOMBS[name]()))
await sahpool.hostile_judge.try_all([pair], read=name not in LASTING)
"""

_PAIRS = """
import sahpool
from hostile.pairs import changed_pairs, whole_pairs
pairs = changed_pairs(seed, count) if count else whole_pairs()
await sahpool.hostile_judge.try_all(pairs)
"""

_SOUND = """
import sahpool
from hostile.images import sound
await sahpool.hostile_judge.try_all((f"sound {n}", image) for n, image in enumerate(sound()))
"""


class Lab:
    """A runtime in which a judge tries files out; ``report`` says what it found, and ends it."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        runtime.run(_BEGIN, modules=_MODULES, pool_name=f"hostile-{next(_numbers)}")

    def give(self, images: Iterable[tuple[str, bytes]]) -> None:
        """Has images tried that are here."""
        rest = iter(images)
        while batch := list(islice(rest, _BATCH)):
            coded = [(what, base64.b64encode(image).decode()) for what, image in batch]
            self._runtime.run(_GIVEN, images=coded)

    def change(self, seed: int, images: int) -> None:
        """Has so many images tried of those that images.py makes."""
        for at in range(0, images, _BATCH):
            self._runtime.run(_CHANGED, seed=seed + at, count=min(_BATCH, images - at))

    def take_in(self) -> None:
        """Has the databases tried that images.py changes, as they are before that."""
        self._runtime.run(_SOUND)

    def explode(self, name: str) -> None:
        """Has one of bombs.py tried."""
        self._runtime.run(_BOMB, name=name)

    def explode_beside(self, name: str, way: str) -> None:
        """Has one of bombs.py tried that comes by ``way`` of pairs.py."""
        self._runtime.run(_BOMB_BESIDE, name=name, way=way)

    def change_pairs(self, seed: int, pairs: int) -> None:
        """Has so many of those tried that pairs.py changes; 0: all that it begins with."""
        for at in range(0, pairs or 1, _BATCH):
            self._runtime.run(_PAIRS, seed=seed + at, count=min(_BATCH, pairs - at))

    def report(self) -> dict[str, Any]:
        """``counts``, ``faults``, ``told`` and ``slowest``, as inside_judge.py has them."""
        found: dict[str, Any] = self._runtime.run(_END)
        return found
