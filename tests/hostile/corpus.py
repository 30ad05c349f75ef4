"""SQLite's own malformed databases: 10,461 images out of its source, which is in the public domain.

They are in ``test/fuzzdata3.db`` and ``fuzzdata7.db`` of Debian's source package ``sqlite3``; the
others hold SQL only. apt fetches it, as a source of the very sites that it has for the machine's
other packages, with lists and cache of its own: nothing of the machine's is changed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import serve

FOLDER = serve.WORK / "fuzzdata"
IMAGES = 10_461

#: The files with images → SHA-256, as they are in SQLite 3.40.1.
PINNED = {
    "fuzzdata3.db": "90db568422dabee25ddee7c27f7bf91d73c8abbb3e40548cf304561be89c0e39",
    "fuzzdata7.db": "2ce3f8a5ae0ff79b4609361c789945373a574fd585bc56e29345c717db84c2ca",
}

MISSING = (
    "no fuzzdata3.db and fuzzdata7.db of SQLite's source in .build/fuzzdata: python3 -m tests"
    " fetches them where apt-get is; elsewhere put them there, or name their folder in"
    " SAHPOOL_FUZZDATA"
)


def install() -> None:
    """Fetches the files where that can be done; says so where it cannot, which is no failure.

    Raises:
        serve.StepError: A file in SAHPOOL_FUZZDATA is not the one that is pinned.
    """
    given = os.environ.get("SAHPOOL_FUZZDATA")
    for name in PINNED if given else ():
        if not _keep(name, serve.read(Path(given or "") / name)):
            raise serve.StepError(f"{name} is not the file the tests know.")
    if is_there():
        return
    if not shutil.which("apt-get"):
        serve.say("No apt-get here: SQLite's malformed databases are left out of the tests.")
        return
    serve.say("Fetching SQLite's malformed databases (Debian's source package sqlite3, 14 MB) …")
    with tempfile.TemporaryDirectory() as folder:
        archive = _source_archive(Path(folder))
        if archive is None:
            serve.say("apt-get could not fetch it: they are left out of the tests.")
            return
        with tarfile.open(archive) as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                file = tar.extractfile(member) if name in PINNED else None
                if file is not None and not _keep(name, file.read()):
                    serve.say(
                        f"{name} is another one in this release: it is left out of the tests."
                    )


def _keep(name: str, content: bytes) -> bool:
    """Puts a file where the tests look for it if it is the one that is pinned."""
    if hashlib.sha256(content).hexdigest() != PINNED[name]:
        return False
    FOLDER.mkdir(parents=True, exist_ok=True)
    serve.write_if_changed(FOLDER / name, content)
    return True


def is_there() -> bool:
    """Whether the files have been fetched."""
    return all((FOLDER / name).is_file() for name in PINNED)


def _source_archive(folder: Path) -> Path | None:
    """SQLite's source as Debian has it, or None."""
    for path in ("lists/partial", "cache/archives/partial"):
        (folder / path).mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text("".join(f"deb-src {site}\n" for site in _sites()))
    options = [
        *("-o", f"Dir::Etc::SourceList={sources}", "-o", "Dir::Etc::SourceParts=/dev/null"),
        *("-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"),
        *("-o", "APT::Sandbox::User=", "--quiet"),
    ]
    for command in (["update"], ["source", "--download-only", "sqlite3"]):
        try:
            subprocess.run(
                ["apt-get", *options, *command],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=120,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return None
    return next(iter(folder.glob("sqlite3_*.orig.tar.*")), None)


def _sites() -> list[str]:
    """Where apt has the packages of this release from, each as a line of sources.list says it."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    try:
        listed = subprocess.run(
            ["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return []
    found = {line for line in listed.splitlines() if line.split()[1:] == [release, "main"]}
    return sorted(found)


def images() -> Iterator[tuple[str, bytes]]:
    """Each image with what it is called; the test is skipped where there are none."""
    import pytest

    if not is_there():
        pytest.skip(MISSING)
    for name in PINNED:
        with closing(sqlite3.connect(f"file:{FOLDER / name}?immutable=1", uri=True)) as con:
            for number, image in con.execute("SELECT dbid, dbcontent FROM db ORDER BY dbid"):
                yield f"{name} {number}", image
