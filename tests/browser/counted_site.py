"""The site on a server that counts what it sends, and what a first visit has it send."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import serve
from tests.browser.console_page import Console
from tests.conftest import ServedSite


class CountingHandler(serve.SiteHandler):
    """Tells its server how many bytes of a body it has sent."""

    server: CountedSite

    def send_header(self, keyword: str, value: str) -> None:
        if keyword == "Content-Length" and self.command == "GET":
            self.server.sent.append((self.path, int(value)))
        super().send_header(keyword, value)


class CountedSite(ServedSite):
    """The site with its service worker.

    ``sent`` lists the paths and sizes of what was sent. ``codings`` are those of HTTP in which it
    sends files.
    """

    offline = True
    codings: Collection[str] = tuple(serve.CODINGS)

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.RequestHandlerClass = CountingHandler
        self.sent: list[tuple[str, int]] = []

    def compressed(self, file: Path) -> dict[str, Path]:
        found = super().compressed(file)
        return {coding: path for coding, path in found.items() if coding in self.codings}


def bytes_sent(
    kind: type[Any], site: CountedSite, coding: str
) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """What a first visit has the server send: until SQL is answered, and until all is kept.

    Args:
        kind: The browser's.
        site: The site.
        coding: The one in which files are sent.
    """
    site.sent.clear()
    site.codings = (coding,)
    console = Console(kind(), site.url)
    try:
        console.open()
        console.run_sql("SELECT 1")
        console.wait_offline()
    finally:
        site.codings = tuple(serve.CODINGS)
        console.close_browser()
    sent = list(site.sent)
    # A second after the answer the worker loads the rest of Python's library, and the page fetches
    # the service worker, which fetches what is left.
    later = (f"/{serve.SERVICE_WORKER}", "/worker/rest-")
    answered = [path.startswith(later) for path, _ in sent].index(True)
    return sent[:answered], sent
