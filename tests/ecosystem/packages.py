"""The packages whose users' code runs over the pool: pure wheels, and sources with test-suites.

They come from PyPI through pip, each an exact version with its SHA-256.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import serve

FOLDER = serve.WORK / "ecosystem"
_HERE = Path(__file__).parent

#: peewee's source archive lacks its tests. SAHPOOL_PEEWEE names an archive of them, made in a clone
#: of its repository: git archive --prefix=peewee-4.3.0/ --output=NAME 4.3.0 tests
PEEWEE_TESTS = "peewee-4.3.0-tests.tar"

#: File → SHA-256; pinned.sha256 is what ``sha256sum`` writes. Of MarkupSafe and PyYAML there are
#: compiled wheels only: their sources hold the pure modules that stand in for the compiled ones.
PINNED = {
    file: sha256
    for sha256, file in map(str.split, (_HERE / "pinned.sha256").read_text().splitlines())
}

_TESTING = ("pytest", "pluggy", "iniconfig", "packaging", "pygments", "typing_extensions")
SQLALCHEMY = ("sqlalchemy", "typing_extensions")
ALEMBIC = (*SQLALCHEMY, "alembic", "mako", "markupsafe", "tzdata")
DATASET = (*ALEMBIC, "dataset")
PEEWEE = ("peewee",)
SQLITE_UTILS = (
    *("sqlite_utils", "click", "click_default_group", "pluggy", "python_dateutil", "tzdata"),
    *("sqlite_fts4", "tabulate"),
)
DATASETTE = (
    *("datasette", "aiofiles", "anyio", "asgi_csrf", "asgiref", "certifi", "click"),
    *("click_default_group", "flexcache", "flexparser", "h11", "httpcore", "httpx", "hupper"),
    *("idna", "itsdangerous", "janus", "jinja2", "markupsafe", "mergedeep", "platformdirs"),
    *("pluggy", "python_multipart", "pyyaml", "typing_extensions", "uvicorn"),
)


def wheels(*names: str) -> list[str]:
    """The files of packages that an import needs, in order, each once."""
    found = {name: file for file in PINNED if (name := _name(file)) in names and _is_import(file)}
    return [found[name] for name in dict.fromkeys(names)]


def with_pytest(*names: str) -> list[str]:
    """The same, and pytest."""
    return wheels(*names, *_TESTING)


def source(name: str) -> str:
    """The source archive with a package's test-suite."""
    return next(file for file in PINNED if file.endswith(".tar.gz") and _name(file) == name)


def _name(file: str) -> str:
    return file.partition("-")[0]


def _is_import(file: str) -> bool:
    return file.endswith(".whl") or _name(file) in ("markupsafe", "pyyaml")


def _requirement(file: str) -> str:
    name, version, *_ = file.removesuffix(".tar.gz").split("-")
    return f"{name}=={version}"


def install(python: str = sys.executable) -> None:
    """Fetches what is missing with the pip of ``python``, and checks every file.

    Raises:
        serve.StepError: A file could not be had, or is not the one that is pinned.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    given = os.environ.get("SAHPOOL_PEEWEE")
    if given:
        shutil.copyfile(given, FOLDER / PEEWEE_TESTS)
    missing = [file for file in PINNED if not (FOLDER / file).is_file()]
    if not missing:
        return
    serve.say(f"Fetching {len(missing)} packages of the ecosystem tests (PyPI, about 20 MB) …")
    with tempfile.TemporaryDirectory() as folder:
        download = [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        download += ["--no-deps", "--dest", folder]
        binary = [_requirement(file) for file in missing if file.endswith(".whl")]
        if binary:
            # As pip in Pyodide sees it: no wheel but a pure one fits.
            pure = ["--only-binary=:all:", "--platform=any", "--abi=none", "--python-version=3.14"]
            _run([*download, *pure, "--implementation=py", *binary])
        sources = [_requirement(file) for file in missing if file.endswith(".tar.gz")]
        if sources:
            names = ",".join(each.partition("==")[0] for each in sources)
            _run([*download, f"--no-binary={names}", *sources])
        for file in missing:
            content = serve.read(Path(folder) / file)
            if serve.digest(content) != PINNED[file]:
                raise serve.StepError(f"{file} is not the file the tests know.")
            serve.write_if_changed(FOLDER / file, content)


def _run(command: list[str]) -> None:
    serve.run(command, "Fetching the packages", "Check the network and pip's settings.")
