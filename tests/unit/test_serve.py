"""serve.py: the wheel, the site tree, the server's answers, and what it says when it cannot."""

from __future__ import annotations

import base64
import csv
import email
import gzip
import hashlib
import http.client
import io
import json
import os
import re
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sahpool
import serve
from worker.build import steps
from worker.build.page import page_bytes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small site, with a secret beside it."""
    root = tmp_path / "site"
    (root / "worker").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html>")
    (root / "worker" / "boot.mjs").write_text("// x")
    for suffix in serve.MIME:
        (root / f"file{suffix}").write_bytes(b"x" * 5)
    (root / ".hidden").write_text("secret")
    (tmp_path / "secret.txt").write_text("secret")
    return root


@pytest.fixture(params=[False, True], ids=["plain", "isolated"])
def isolate(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def server(root: Path, isolate: bool) -> Iterator[serve.SiteServer]:
    with serve.SiteServer(root, isolate=isolate) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def connection(server: serve.SiteServer) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    yield connection
    connection.close()


def get(
    connection: http.client.HTTPConnection, path: str, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    return response, response.read()


def test_every_answer_comes_over_one_connection_with_the_right_type(
    connection: http.client.HTTPConnection,
) -> None:
    for suffix, kind in serve.MIME.items():
        response, body = get(connection, f"/file{suffix}")
        assert (response.status, body) == (200, b"x" * 5)
        assert response.version == 11
        assert response.headers["Content-Type"] == kind
    socket_used = connection.sock
    get(connection, "/")
    assert connection.sock is socket_used


def test_scripts_and_wasm_have_the_types_that_browsers_insist_on() -> None:
    assert serve.MIME[".mjs"].startswith("text/javascript")
    assert serve.MIME[".js"].startswith("text/javascript")
    assert serve.MIME[".wasm"] == "application/wasm"


def test_the_root_is_the_page(connection: http.client.HTTPConnection) -> None:
    response, body = get(connection, "/?a=b")
    assert body == b"<!doctype html>"
    assert response.headers["Content-Type"].startswith("text/html")


def test_every_answer_is_strict(connection: http.client.HTTPConnection, isolate: bool) -> None:
    for path in ("/", "/nowhere"):
        headers = get(connection, path)[0].headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-cache"
        assert headers["Cross-Origin-Opener-Policy"] == ("same-origin" if isolate else None)
        assert headers["Cross-Origin-Embedder-Policy"] == ("require-corp" if isolate else None)


def test_the_worker_may_not_evaluate_text(connection: http.client.HTTPConnection) -> None:
    policy = get(connection, "/worker/boot.mjs")[0].headers["Content-Security-Policy"]
    assert "'unsafe-eval'" not in policy
    assert "'wasm-unsafe-eval'" in policy


def test_an_unchanged_file_is_not_sent_again(
    connection: http.client.HTTPConnection, root: Path
) -> None:
    tag = get(connection, "/index.html")[0].headers["ETag"]
    response, body = get(connection, "/index.html", **{"If-None-Match": tag})
    assert (response.status, body) == (304, b"")
    (root / "index.html").write_text("<!doctype html><p>new")
    response, body = get(connection, "/index.html", **{"If-None-Match": tag})
    assert (response.status, body) == (200, b"<!doctype html><p>new")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0.5, gzip;q=1.0", "gzip"),
        ("br;q=1.0, gzip;q=0.5", "br"),
        ("br;q=0.25 , gzip ; q=0.25", "br"),
        ("br; q=0.0, gzip", "gzip"),
        ("br;q=0, gzip;q=0", None),
        ("*", "br"),
        ("*;q=0", None),
        ("gzip, *;q=0.1", "gzip"),
        ("br;q=0, *", "gzip"),
        ("identity", None),
        ("identity, br;q=0.5", None),
        ("identity;q=0.5, br", "br"),
        ("identity;q=0, gzip", "gzip"),
        ("deflate, zstd", None),
        ("brotli, xgzip", None),
        ("br;q=nonsense, gzip", "gzip"),
        ("br;q=1.5", None),
        (",, ,", None),
        ("", None),
    ],
)
def test_what_was_compressed_beforehand_goes_to_whoever_takes_it(
    connection: http.client.HTTPConnection, root: Path, accepted: str, coding: str | None
) -> None:
    sent = {None: b"let a;" * 1000, "gzip": gzip.compress(b"let a;" * 1000), "br": b"in brotli"}
    (root / "large.mjs").write_bytes(sent[None])
    (root / "large.mjs.gz").write_bytes(sent["gzip"])
    (root / "large.mjs.br").write_bytes(sent["br"])
    response, body = get(connection, "/large.mjs", **{"Accept-Encoding": accepted})
    assert response.headers["Content-Encoding"] == coding
    assert response.headers["Content-Type"] == serve.MIME[".mjs"]
    assert response.headers["Vary"] == "Accept-Encoding"
    assert body == sent[coding]
    assert response.headers["Content-Length"] == str(len(body))
    # A file that was changed since is not hidden by what it was.
    later = max((root / f"large.mjs.{end}").stat().st_mtime_ns for end in ("gz", "br")) + 10**9
    (root / "large.mjs").write_bytes(b"new")
    os.utime(root / "large.mjs", ns=(later, later))
    response, body = get(connection, "/large.mjs", **{"Accept-Encoding": accepted})
    assert (response.headers["Content-Encoding"], body) == (None, b"new")


def test_each_coding_of_a_file_has_a_tag_of_its_own(
    connection: http.client.HTTPConnection, root: Path
) -> None:
    (root / "large.mjs").write_bytes(b"let a;" * 1000)
    (root / "large.mjs.gz").write_bytes(gzip.compress(b"let a;" * 1000))
    (root / "large.mjs.br").write_bytes(b"in brotli")
    tags = {}
    for coding in ("br", "gzip", "identity"):
        response, _ = get(connection, "/large.mjs", **{"Accept-Encoding": coding})
        tags[coding] = response.headers["ETag"]
        again = {"Accept-Encoding": coding, "If-None-Match": tags[coding]}
        response, body = get(connection, "/large.mjs", **again)
        assert (response.status, body) == (304, b"")
        assert response.headers["Vary"] == "Accept-Encoding"
    assert len(set(tags.values())) == 3


def test_a_build_has_a_gzip_and_a_brotli_file_beside_what_is_worth_it(tmp_path: Path) -> None:
    text = b"let a;" * 1000
    unpack = (
        "const { brotliDecompressSync } = require('node:zlib');"
        "process.stdout.write(brotliDecompressSync(require('node:fs').readFileSync(0)))"
    )
    node = serve.Node.find().command("node")
    site = {"a/b.mjs": text, "same.mjs": text, "c.whl": text}
    serve.Site(site, "1").write(tmp_path)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    packed = {f"{name}.{end}" for name in ("a/b.mjs", "same.mjs") for end in ("gz", "br")}
    assert names == {*site, *packed, serve.MANIFEST}
    for name in ("a/b.mjs", "same.mjs"):
        packed_bytes = (tmp_path / f"{name}.br").read_bytes()
        done = subprocess.run([node, "-e", unpack], input=packed_bytes, capture_output=True)
        assert done.stdout == text
        assert gzip.decompress((tmp_path / f"{name}.gz").read_bytes()) == text
    serve.Site(site | {"a/b.mjs": b"new"}, "1").write(tmp_path)
    done = subprocess.run(
        [node, "-e", unpack], input=(tmp_path / "a/b.mjs.br").read_bytes(), capture_output=True
    )
    assert done.stdout == b"new"
    # What was deleted or damaged since is made again.
    (tmp_path / "a/b.mjs.br").write_bytes(b"half")
    assert serve.Site(site | {"a/b.mjs": b"new"}, "1").write(tmp_path) == 0
    assert (tmp_path / "a/b.mjs.br").read_bytes() != b"half"
    serve.Site({}, "1").write(tmp_path)
    assert not [path for path in tmp_path.rglob("*.*") if path.name != serve.MANIFEST]


def test_an_answer_is_not_held_back(connection: http.client.HTTPConnection) -> None:
    """Where the body waits for the acknowledgement of the head, it takes 40 ms and more."""
    times = []
    for _ in range(12):
        began = time.perf_counter()
        connection.request("GET", "/")
        connection.getresponse().read()
        times.append(time.perf_counter() - began)
    assert min(times[2:]) < 0.03


def test_head_sends_no_body(connection: http.client.HTTPConnection) -> None:
    connection.request("HEAD", "/file.wasm")
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Length"]) == (200, "5")
    assert response.read() == b""


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/worker/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/.hidden",
        "/link",
        "/worker",
        "/index.html%00.png",
        "/" + "a" * 5000,
    ],
)
def test_nothing_outside_the_site_is_served(
    connection: http.client.HTTPConnection, root: Path, path: str
) -> None:
    (root / "link").symlink_to(root.parent / "secret.txt")
    response, body = get(connection, path)
    assert (response.status, body) == (404, b"not found\n")


def test_a_port_that_is_taken_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(serve.StepError, match=f"Port {port} is in use"):
            serve.listen(root, port, isolate=False)


def test_without_a_port_named_the_next_free_one_is_taken_and_said(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(serve, "PORTS", range(port, port + 20))
        with serve.listen(root, None, isolate=False) as server:
            assert server.server_address[1] > port
    assert f"Port {port} is in use: taking" in capsys.readouterr().out


def test_an_expected_failure_is_one_paragraph_and_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    assert serve.main(["--build", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "not empty" in error
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_build_may_be_repeated_and_removes_only_its_own(tmp_path: Path) -> None:
    serve.Site({"a.txt": b"1", "b/c.txt": b"2"}, "1").write(tmp_path)
    (tmp_path / "robots.txt").write_text("put there by hand")
    written = serve.Site({"a.txt": b"1", "d.txt": b"3"}, "1").write(tmp_path)
    assert written == 1
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.txt")}
    assert files == {"a.txt", "d.txt", "robots.txt"}
    listed = json.loads((tmp_path / serve.MANIFEST).read_text())["files"]
    assert listed["d.txt"] == hashlib.sha256(b"3").hexdigest()


def test_a_manifest_that_points_outside_removes_nothing(tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("here")
    site = tmp_path / "site"
    site.mkdir()
    manifest = {"sahpool": "1", "files": {"../victim.txt": ""}}
    (site / serve.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(serve.StepError, match="lies outside"):
        serve.Site({"a.txt": b"1"}, "1").write(site)
    assert victim.exists()


def test_an_unchanged_file_is_left_alone(tmp_path: Path) -> None:
    site = serve.Site({"a.txt": b"1"}, "1")
    site.write(tmp_path)
    before = (tmp_path / "a.txt").stat().st_mtime_ns
    assert site.write(tmp_path) == 0
    assert (tmp_path / "a.txt").stat().st_mtime_ns == before


def test_the_wheel_is_the_same_every_time() -> None:
    assert serve.wheel_bytes() == serve.wheel_bytes()


def test_the_wheel_is_valid(tmp_path: Path) -> None:
    name = serve.build_wheel(str(tmp_path))
    assert name == f"sahpool-{sahpool.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert wheel.testzip() is None
        names = wheel.namelist()
        info = f"sahpool-{sahpool.__version__}.dist-info"
        assert {f"{info}/METADATA", f"{info}/WHEEL", f"{info}/licenses/LICENSE"} <= set(names)
        assert {
            "sahpool/__init__.py",
            "sahpool/sqlite/io.mjs",
            "sahpool/sqlite/contents.mjs",
            "sahpool/sqlite/callbacks.mjs",
            "sahpool/sqlite/first_table.mjs",
            "sahpool/sqlite/memory_handle.mjs",
            "sahpool/sqlite/locks.mjs",
            "sahpool/py.typed",
        } <= set(names)
        assert not [name for name in names if "__pycache__" in name or name.endswith("/")]
        # By the format, RECORD comes last and lists every file but itself with its hash.
        assert names[-1] == f"{info}/RECORD"
        record = list(csv.reader(io.StringIO(wheel.read(names[-1]).decode())))
        assert [row[0] for row in record] == names
        for file, hashed, size in record[:-1]:
            data = wheel.read(file)
            method, _, value = hashed.partition("=")
            raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
            assert (method, raw) == ("sha256", hashlib.sha256(data).digest())
            assert int(size) == len(data)
        metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
        assert metadata["Name"] == "sahpool"
        assert metadata["License-Expression"] == "MIT"


def test_the_version_is_the_same_everywhere() -> None:
    package = json.loads((serve.ROOT / "package.json").read_text())
    assert package["version"] == serve.project()["version"] == sahpool.__version__
    assert f"## {sahpool.__version__}" in (serve.ROOT / "CHANGELOG.md").read_text()


def test_the_parts_are_pinned_exactly_and_the_lock_names_no_host() -> None:
    package = json.loads((serve.ROOT / "package.json").read_text())
    for version in (package["dependencies"] | package["devDependencies"]).values():
        pinned = version.rpartition("@")[2]  # npm:PACKAGE@VERSION, for a second one of a package
        assert pinned[0].isdigit(), version
    lock = json.loads((serve.ROOT / "package-lock.json").read_text())
    for name, entry in lock["packages"].items():
        assert "resolved" not in entry
        assert not name or entry["integrity"].startswith("sha512-")
    assert all("==" in pinned for pinned in serve.requirements("test"))


def test_an_environment_is_made_once_and_anew_when_its_requirements_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    installed: list[list[str]] = []

    def create(_builder: object, home: Path) -> None:
        made.append(home)
        home.mkdir(exist_ok=True)

    monkeypatch.setattr(venv.EnvBuilder, "create", create)
    monkeypatch.setattr(steps, "run", lambda command, *_rest: installed.append(command[-2:]))
    home = tmp_path / "home"
    for pinned in (["a==1", "b==2"], ["a==1", "b==2"], ["a==1", "b==3"], ["a==1", "b==3"]):
        python = steps.environment(home, pinned, why="Making one")
        assert python == steps.programs(home) / "python"
    assert installed == [["a==1", "b==2"], ["a==1", "b==3"]]
    steps.environment(home, why="Making one without any")
    assert made == [home] * 3
    assert len(installed) == 2

    def fail(*_arguments: object) -> str:
        raise serve.StepError("no network")

    monkeypatch.setattr(steps, "run", fail)
    for _ in range(2):  # what failed does not count as made
        with pytest.raises(serve.StepError):
            steps.environment(home, ["c==1"], why="Making one")
    assert made == [home] * 5


def test_the_service_takes_one_top_level_name_so_that_none_of_a_users_modules_is_hidden() -> None:
    with zipfile.ZipFile(io.BytesIO(serve.service_bytes())) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"sahpool_console"}


def test_the_page_has_its_policy_with_it_for_hosts_that_send_none() -> None:
    page = page_bytes().decode()
    (own,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    # A meta element cannot say this one (CSP level 3, section 3.3).
    sent = serve.PAGE_POLICY.split("; ")
    assert own.split("; ") == [part for part in sent if not part.startswith("frame-ancestors")]
    assert page.index(own) < page.index("<script")
    assert page.index(own) < page.index("<link")


def test_the_service_worker_s_version_changes_with_every_file_that_is_kept() -> None:
    files = dict(serve.Site.collect().files)
    files[serve.SERVICE_WORKER] = serve.ROOT / "public" / serve.SERVICE_WORKER

    def site(changed: dict[str, bytes]) -> dict[str, Any]:
        text = serve.service_worker(files | changed).decode()
        (line,) = [line for line in text.splitlines() if line.startswith("const SITE = ")]
        found: dict[str, Any] = json.loads(
            line.removeprefix("const SITE = ").partition("};")[0] + "}"
        )
        return found

    whole = site({})
    assert {"index.html", "start.mjs", "pyodide/pyodide.mjs", "app/modules.romfs"} <= set(
        whole["files"]
    )
    assert whole["direct"] in whole["files"]
    assert serve.SERVICE_WORKER not in whole["files"]
    assert whole == site({})
    for name in ("index.html", "worker/boot.mjs", "pyscript/core.js"):
        other = site({name: b"another"})
        assert other["version"] != whole["version"]
        assert other["files"] == whole["files"] | {name: serve.digest(b"another")}
    assert whole["version"] != site({serve.SERVICE_WORKER: b"// \nconst SITE = {};"})["version"]
    with pytest.raises(serve.StepError, match="no place for the list"):
        site({serve.SERVICE_WORKER: b"nothing"})


def test_the_manifest_names_icons_of_the_sizes_that_they_have() -> None:
    public = serve.ROOT / "public"
    manifest = json.loads((public / "manifest.webmanifest").read_text())
    for icon in manifest["icons"]:
        data = (public / icon["src"]).read_bytes()
        if icon["type"] == "image/png":
            width, height = struct.unpack(">II", data[16:24])
            assert icon["sizes"] == f"{width}x{height}"
        else:
            assert data.startswith(b"<svg")
    assert {icon["sizes"] for icon in manifest["icons"]} >= {"192x192", "512x512"}
    page = page_bytes().decode()
    (handler,) = manifest["file_handlers"]
    for suffixes in handler["accept"].values():
        assert all(suffix in page for suffix in suffixes)


def test_every_url_of_the_page_is_relative() -> None:
    page = page_bytes().decode()
    for attribute in ("src=", "href=", "config="):
        for part in page.split(attribute)[1:]:
            url = part.strip("\"'").split('"')[0]
            assert not urllib.parse.urlsplit(url).netloc
            assert not url.startswith("/"), url
