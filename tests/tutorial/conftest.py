"""The tutorial's folders, written as it says, and a server that knows nothing of this project."""

from __future__ import annotations

import functools
import http.server
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import serve
from tests.browsers import Browser, Chromium
from tests.firefox import Firefox
from tests.pyodide.conftest import runtime as runtime
from tests.tutorial import text
from tests.tutorial.jupyter_parts import install_jupyter_parts

BROWSERS = [
    pytest.param(kind, marks=getattr(pytest.mark, kind.name)) for kind in (Chromium, Firefox)
]


# Forbids nothing, and has the browser tell of every request to another origin: the browsers' own
# logs leave out what workers ask for.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:; report-uri /foreign"


class Server(http.server.ThreadingHTTPServer):
    """Sends the files of a folder; ``foreign`` is what was asked of anybody else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self.foreign: list[str] = []


class _Handler(http.server.SimpleHTTPRequestHandler):
    """What ``python3 -m http.server`` answers with; the types do not depend on the machine."""

    server: Server
    extensions_map = serve.MIME

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy-Report-Only", POLICY)
        super().end_headers()

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.foreign.append(self.rfile.read(length).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder ``notes`` of the tutorial, with the files of its first two ways."""
    home = tmp_path_factory.mktemp("tutorial")
    folder = home / "notes"
    build = shlex.split(text.shell(0)[0])
    assert build[:3] == ["python3", "serve.py", "--build"]
    assert serve.main(["--build", str(home / "sahpool" / build[3])]) == 0
    for number in (1, 2):
        for name, content in text.files(number).items():
            (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def jupyter(notes: Path) -> Path:
    """The folder ``notes`` with the JupyterLite that the tutorial's third way builds in it."""
    fetched = install_jupyter_parts()
    folder = notes.parent / "lite"
    folder.mkdir()
    (folder / "env").symlink_to(fetched / "env", target_is_directory=True)
    shutil.copytree(fetched / "pypi", folder / "pypi")
    for name, content in text.files(3).items():
        (folder / name).write_text(content, encoding="utf-8")
    build = text.shell(3)[-1]
    done = subprocess.run(
        ["sh", "-ec", build], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return notes


@pytest.fixture
def server(notes: Path) -> Iterator[Server]:
    """``notes``, served."""
    with Server(notes) as started:
        thread = threading.Thread(target=started.serve_forever, daemon=True)
        thread.start()
        yield started
        started.shutdown()
        thread.join()


@pytest.fixture
def url(server: Server) -> str:
    """The address at which ``notes`` is served."""
    return server.url


@pytest.fixture(params=BROWSERS)
def browser(request: pytest.FixtureRequest, server: Server) -> Iterator[Browser]:
    """A browser with a fresh profile; whoever asks for anything but ``notes`` fails."""
    started: Browser = request.param()
    try:
        yield started
        asked = [where for where in started.requests() if where.startswith(("http", "ws"))]
        assert asked
        assert [where for where in asked if not where.startswith(server.url)] == []
    finally:
        started.close()
    assert server.foreign == []
