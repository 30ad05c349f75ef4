"""Fetches the Python libraries that the site has beside its own: wheels from PyPI, through pip.

The worker loads one when it first needs it. pyproject.toml pins each file with its SHA-256
(``tool.sahpool.libraries``); only wheels that are Python alone can be among them.
"""

from __future__ import annotations

from worker.build.packing import StepError, digest, pyproject, read
from worker.build.steps import WORK, environment, run, say

__all__ = ["FOLDER", "library_names", "library_wheels"]

FOLDER = WORK / "libraries"


def pinned() -> dict[str, str]:
    """The wheels by their file names, each with its SHA-256."""
    return dict(pyproject()["tool"]["sahpool"]["libraries"])


def library_names() -> dict[str, str]:
    """The wheels by the names under which Python imports them."""
    return {name.partition("-")[0]: name for name in pinned()}


def library_wheels() -> dict[str, bytes]:
    """The wheels by their file names; fetches those that are missing.

    Raises:
        StepError: One could not be fetched, or is not the one that is pinned.
    """
    missing = [name for name, sha256 in pinned().items() if not _is_there(name, sha256)]
    if missing:
        _fetch(missing)
    return {name: read(FOLDER / name) for name in pinned()}


def _is_there(name: str, sha256: str) -> bool:
    file = FOLDER / name
    return file.is_file() and digest(file.read_bytes()) == sha256


def _fetch(names: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    known = pinned()
    lines = []
    for name in names:
        package, version, *_ = name.split("-")
        lines.append(f"{package}=={version} --hash=sha256:{known[name]}\n")
        (FOLDER / name).unlink(missing_ok=True)
    wanted = FOLDER / "wanted.txt"
    wanted.write_text("".join(lines))
    # The Python that runs this may be without pip.
    python = environment(WORK / "pip-venv", why="Making an environment with pip in .build/pip-venv")
    say(f"Fetching {', '.join(names)} …")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    pure = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none"]
    run(
        [
            *(str(python), "-m", "pip", "download", *options, *pure),
            *("--dest", str(FOLDER), "--requirement", str(wanted)),
        ],
        "Fetching the site's Python libraries from PyPI",
        "Check the network and pip's settings.",
    )
    for name in names:
        if not _is_there(name, known[name]):
            raise StepError(f"pip did not fetch {name}, which pyproject.toml pins.")
