"""The sheet "Databases", which opens from the page's header; several features show a part of it."""

import asyncio

from core import dom

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from typing import Any


def is_open() -> bool:
    """Return whether the sheet is open."""
    return dom.by_id("databases").open


async def show(part: "Any") -> None:
    """Opens the sheet and scrolls to the element with the id ``part``."""
    # Wait until the click that led here has been handled: it would close the sheet again.
    await asyncio.sleep(0)
    dom.by_id("databases").open = True
    dom.by_id("database").focus()
    dom.by_id(part).scrollIntoView()


def close() -> None:
    """Closes the sheet and focuses its button: a dialog that follows returns the focus there."""
    dom.by_id("databases").open = False
    dom.by_id("database").focus()
