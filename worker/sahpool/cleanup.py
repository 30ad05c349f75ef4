"""Giving something back at the end of a block, whatever strikes on the way out of it.

An exception that is not the program's own (KeyboardInterrupt, RecursionError, MemoryError) may
strike between the end of a ``try`` and its ``finally``, and within that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

__all__ = ["Cleanup"]


class Cleanup:
    """Calls ``action`` at the end of a ``with`` block.

    Entered twice, ``with Cleanup(action) as last, last:``, it does so even where an exception
    strikes as the block ends, or within the action: the outer end calls it once more. So the action
    must bear being called again, after it has done all or a part.
    """

    __slots__ = ("_action",)

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._action()
