"""Releasing something at the end of a block, even if an exception strikes as the block ends.

Such an exception (KeyboardInterrupt, RecursionError, MemoryError) may strike between the end of a
``try`` and its ``finally``, and within the ``finally``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

__all__ = ["Cleanup"]


class Cleanup:
    """Calls ``action`` at the end of a ``with`` block.

    Entered twice, ``with Cleanup(action) as last, last:``, it does so even when an exception
    strikes as the block ends or within the action: the outer end calls the action once more. So it
    must be possible to call the action again after it has done all or a part of its work.
    """

    __slots__ = ("_action",)

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._action()
