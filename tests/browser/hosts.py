"""Hosts other than serve.py, and builds of the site other than its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import serve


class BareHandler(SimpleHTTPRequestHandler):
    """Python's own server, with the right MIME types and no other headers."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, **serve.MIME}  # noqa: RUF012

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def bare_host(folder: Path) -> Iterator[str]:
    """Serves a folder within the block, on a host without headers of its own; gives its address."""
    handler = partial(BareHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def variant(folder: Path, changed: dict[str, bytes]) -> Path:
    """Return a folder with a build of the site in which the files ``changed`` are different."""
    site = serve.Site.collect()
    source = serve.read(serve.ROOT / "public" / serve.SERVICE_WORKER)
    files = dict(site.files) | {serve.SERVICE_WORKER: source} | changed
    files[serve.SERVICE_WORKER] = serve.service_worker(files)
    serve.Site(files, site.version).write(folder)
    return folder
