"""Python's standard library in the worker: all of it can be imported, also offline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import console_in
from tests.browser.console_page import Console
from tests.browser.counted_site import CountedSite, bytes_sent
from tests.browser.hosts import variant
from tests.browsers import Browser, Chromium, wait_for
from tests.conftest import ServedSite, serving
from tests.matrix import PARAMS, started
from tests.pyodide.engines import NodeEngine

# Runs Python in the worker when the page asks for it.
LISTENER = """
started.then(() => {
  const channel = new BroadcastChannel("for tests");
  channel.onmessage = ({ data }) => {
    const { pyodide } = globalThis.forTests;
    if (!data.code) return;
    try {
      channel.postMessage({ answer: pyodide.runPython(data.code) });
    } catch (error) {
      channel.postMessage({ answer: JSON.stringify(String(error)) });
    }
  };
});
"""
ASK = """
const channel = new BroadcastChannel("for tests");
const answer = new Promise((resolve) => {
  channel.onmessage = ({ data }) => "answer" in data && resolve(data.answer);
});
channel.postMessage({ code: args[0] });
try { return await answer; } finally { channel.close(); }
"""

# Imports every module of the archive, and returns what those that cannot be imported raise.
IMPORT_ALL = """
import contextlib, importlib, io, json, sys, warnings, zipimport
archive = next(path for path in sys.path if path.endswith(".zip"))
failures, done = {}, 0
with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
    warnings.simplefilter("ignore")
    for file in sorted(zipimport._zip_directory_cache[archive]):
        name = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        own = name.partition(".")[0] in ("sahpool", "sahpool_console")
        # These open a browser or a window, or run a program.
        if not file.endswith(".py") or own or name.endswith("__main__") or name == "antigravity":
            continue
        try:
            importlib.import_module(name)
            done += 1
        except BaseException as error:
            failures[name] = f"{type(error).__name__}: {error}"
json.dumps([done, failures])
"""
TRACEBACK = """
import json, traceback
from sahpool_console import protocol
def told(call):
    try:
        call()
    except Exception:
        return traceback.format_exc()
import linecache
linecache.clearcache()
json.dumps([told(lambda: json.loads("{")), told(lambda: protocol.decode_request(" ", 0))])
"""
LATE = "worker/rest-"
BOOT = "worker/boot.mjs"


@pytest.fixture(params=PARAMS)
def browser(request: pytest.FixtureRequest) -> Browser:
    return started(request.param)


@pytest.fixture(scope="module")
def built(site: ServedSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build of the site whose worker runs a test's Python."""
    boot = (site.root / BOOT).read_text("utf-8")
    call = 'const main = pyodide.pyimport("sahpool_console.main");'
    assert boot.count(call) == 1
    boot = boot.replace(call, "globalThis.forTests = { pyodide };" + call) + LISTENER
    return variant(tmp_path_factory.mktemp("library") / "site", {BOOT: boot.encode()})


@pytest.fixture
def place(built: Path) -> ServedSite:
    """Return that site with its service worker."""
    own = ServedSite(built)
    own.offline = True
    return own


@pytest.fixture
def console(
    request: pytest.FixtureRequest, browser: Browser, place: ServedSite
) -> Iterator[Console]:
    yield from console_in(request, browser, place)


def hold_back(place: ServedSite, folder: Path) -> None:
    """Have nothing loaded in the background: the service worker does nothing, the worker waits."""
    place.offline = False
    text = (place.root / BOOT).read_text("utf-8")
    assert "const SETTLED = 1000;" in text
    file = folder / "boot.mjs"
    file.write_text(text.replace("const SETTLED = 1000;", "const SETTLED = 1e9;"), "utf-8")
    place.extra[f"/{BOOT}"] = file


def late_requests(place: ServedSite) -> list[str]:
    return [path for path in place.requests if path.startswith(f"/{LATE}")]


def archive(place: ServedSite) -> list[str]:
    """Return the paths of the files that Python imports from."""
    parts = json.loads((place.root / "worker/parts.json").read_text())
    return [f"/worker/{file['name']}" for file in parts["python"]["files"]]


def run(console: Console, code: str) -> Any:
    return json.loads(console.js(ASK, code))


@pytest.fixture(scope="module")
def as_released(site: ServedSite) -> tuple[int, dict[str, str]]:
    """What Pyodide as it was released imports of its library, and what each failure says."""
    engine = NodeEngine(site.root)
    try:
        done, failures = json.loads(engine.run(IMPORT_ALL))
        return done, failures
    finally:
        engine.close()


def check(found: list[Any], as_released: tuple[int, dict[str, str]]) -> None:
    done, failures = found
    least, wanted = as_released
    assert set(failures) == set(wanted), {k: v for k, v in failures.items() if k not in wanted}
    assert done == least > 500
    assert not [text for text in failures.values() if "is not here yet" in text]


def test_every_module_is_imported_before_the_rest_of_the_library_was_loaded(
    console: Console,
    place: ServedSite,
    as_released: tuple[int, dict[str, str]],
    tmp_path: Path,
) -> None:
    hold_back(place, tmp_path)
    with serving(place):
        console.open()
        console.run_sql("SELECT 1")
        assert late_requests(place) == [], "the start and the first answer need the first part only"
        check(run(console, IMPORT_ALL), as_released)
        assert len(late_requests(place)) == 1


def test_every_module_is_imported_once_all_is_kept_and_without_the_server_as_well(
    console: Console, place: ServedSite, as_released: tuple[int, dict[str, str]]
) -> None:
    with serving(place):
        console.open()
        console.wait_offline()
        console.wait_snapshot()
        place.requests.clear()
        check(run(console, IMPORT_ALL), as_released)
        assert late_requests(place) == []
    console.restart()
    check(run(console, IMPORT_ALL), as_released)


def test_in_the_same_visit_every_module_is_imported_after_the_server_has_gone(
    console: Console, place: ServedSite, as_released: tuple[int, dict[str, str]]
) -> None:
    place.offline = False  # no service worker: what the worker has loaded is all there is
    with serving(place):
        console.open()
        wait_for("the rest of the library", lambda: late_requests(place))
        console.wait_snapshot()
        place.missing.update(archive(place))
        place.requests.clear()
        check(run(console, IMPORT_ALL), as_released)
        assert late_requests(place) == []


def test_without_network_a_module_that_is_not_here_yet_says_so(
    console: Console, place: ServedSite, tmp_path: Path
) -> None:
    hold_back(place, tmp_path)
    code = """
import json
try:
    import email.message
except ModuleNotFoundError as error:
    said = [str(error), error.name]
try:
    import no_such_module
except ModuleNotFoundError as error:
    said.append(str(error))
json.dumps(said)
"""
    with serving(place):
        console.open()
        place.missing.update(archive(place))
        late, name, missing = run(console, code)
        assert "could not be loaded. Check the network" in late
        assert name == "email"
        assert missing == "No module named 'no_such_module'"
        console.run_sql("SELECT 6 * 7")
        assert console.rows() == [["42"]]
        # It is asked for again, though not at once.
        place.missing.clear()
        imported = "import email.message, json; json.dumps(email.message.__name__)"
        wait_for("the module", lambda: run(console, imported) == "email.message")


def test_tracebacks_have_the_lines_of_modules_that_came_compiled(
    console: Console, place: ServedSite
) -> None:
    with serving(place):
        console.open()
        for text in run(console, TRACEBACK):
            lines = text.splitlines()
            frames = [n for n, line in enumerate(lines) if "/lib/python314.zip/" in line]
            assert frames
            assert all(lines[n + 1].startswith("    ") for n in frames), text
        json_s, own = run(console, TRACEBACK)
        assert "return _default_decoder.decode(s)" in json_s
        assert "protocol.py" in own


@pytest.mark.chrome
@pytest.mark.parametrize(("coding", "answered", "kept"), [("br", 5.0, 6.2), ("gzip", 6.5, 8.0)])
def test_a_first_visit_sends_no_more_than_so_many_megabytes(
    site: ServedSite, coding: str, answered: float, kept: float
) -> None:
    with serving(CountedSite(site.root)) as counted:
        first, whole = bytes_sent(Chromium, counted, coding)
    sums = [sum(size for _, size in files) / 1e6 for files in (first, whole)]
    assert sums[0] < answered, sorted(first, key=lambda file: file[1])
    assert sums[1] < kept, sorted(whole, key=lambda file: file[1])
    assert not [path for path, _ in first if path.startswith(f"/{LATE}")]
    assert [path for path, _ in whole if path.startswith(f"/{LATE}")]
    assert not [path for path, _ in whole if "-sources-" in path or "python_stdlib" in path]
    paths = [path for path, _ in whole]
    twice = {path for path in paths if paths.count(path) > 1}
    assert not [path for path, size in whole if path in twice and size > 100_000]
