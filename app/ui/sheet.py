"""The sheet "Databases" that opens from the page's head; several features have a part in it."""

import asyncio

from core import dom

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from typing import Any


def is_open() -> bool:
    """Whether it is shown."""
    return dom.by_id("databases").open


async def show(part: "Any") -> None:
    """Opens it and scrolls to the element ``part``."""
    # After the click has gone its way, which would close the sheet again.
    await asyncio.sleep(0)
    dom.by_id("databases").open = True
    dom.by_id("database").focus()
    dom.by_id(part).scrollIntoView()


def close() -> None:
    """Closes it; the focus is put where a dialog will give it back to."""
    dom.by_id("databases").open = False
    dom.by_id("database").focus()
