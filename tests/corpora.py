"""How often a CSV's separator is found, on corpora of others: ``python3 -m tests.corpora FOLDER``.

FOLDER has clones of these two, whose files are annotated by people; nothing of them is kept here:

- https://github.com/ws-garcia/CSVsniffer
- https://github.com/HPI-Information-Systems/Pollock

Each file is given to the operation ``preview``. A file whose separator is not found must raise a
doubt, so that the console shows its preview instead of importing it. The exit code is 1 if one does
not, or if less than 97 % of the separators are right.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

WORKER = Path(__file__).parents[1] / "worker"
sys.path.append(str(WORKER))  # where this is not run by pytest

import serve  # noqa: E402
from sahpool_console.session.errors import ImportRejected  # noqa: E402
from sahpool_console.session.formats import read_delimited  # noqa: E402
from sahpool_console.session.formats.options import NO_OPTIONS  # noqa: E402
from tests import __main__ as tests  # noqa: E402

GOAL = 0.97

NAMES = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "vslash": "|",
    "nsign": "#",
    "space": " ",
    "colon": ":",
}
"""What the annotations of CSVsniffer call separators."""

CORRECTED = {
    "gsi_adresser_og_elevtall_2010.csv": ";",
    "vissim_data_conf2473_i7_v1987.csv": ";",
}
"""Files whose annotation is a comma, while every line has as many semicolons as the others."""

FOLDERS = {
    "POLLOCK-dialect_annotations": "CSV",
    "W3C-CSVW-dialect_annotations": "W3C-CSVW",
    "CCSV-manual_Dialect_Annotation": "CSV_Wrangling",
}
"""The annotations of CSVsniffer, and the folder of their files."""


class Annotated(NamedTuple):
    """A file, and the separator that it has; empty: it has one column."""

    corpus: str
    file: Path
    delimiter: str


class Figures(NamedTuple):
    """What was found in the files of a corpus."""

    files: int
    right: int
    sure: int
    sure_and_wrong: list[str]


def annotated(folder: Path) -> Iterator[Annotated]:
    """The files below a folder that have an annotation."""
    for listed in sorted(folder.rglob("*nnotation*.txt")):
        place = FOLDERS.get(listed.stem)
        if place is None:
            continue
        for line in listed.read_text(encoding="utf-8-sig").splitlines()[2:]:
            name, _, delimiter, *_ = line.split("|")
            file = listed.parents[1] / place / name
            if file.is_file():
                yield Annotated(f"CSVsniffer, {place}", file, NAMES[delimiter])
    for described in sorted(folder.rglob("*_parameters.json")):
        file = described.parents[1] / "csv" / described.name.removesuffix("_parameters.json")
        if file.is_file():
            delimiter = json.loads(described.read_text(encoding="utf-8"))["delimiter"]
            yield Annotated(
                f"Pollock, {described.parents[1].name}", file, delimiter.strip(" ") or delimiter
            )


class _Incoming:
    """``formats.interfaces.Incoming`` of a file that is only looked at."""

    options = NO_OPTIONS
    only_if_sure = True

    def __init__(self, file: Path) -> None:
        self.source = self
        self.name = file.name
        self._data = file.read_bytes()
        self.size = len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]

    async def library(self, name: str) -> ModuleType:
        return importlib.import_module(name)


def _preview(file: Path) -> dict[str, Any] | None:
    """The preview of a file; None: it is refused."""
    look = read_delimited.FORMAT.preview
    assert look is not None
    incoming: Any = _Incoming(file)
    try:
        return asyncio.run(_awaited(look(incoming)))
    except ImportRejected:
        return None


async def _awaited(found: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return await found


def figures(files: Iterator[Annotated]) -> dict[str, Figures]:
    """The figures of each corpus."""
    found: dict[str, Figures] = {}
    for corpus, file, delimiter in files:
        preview = _preview(file)
        wanted = CORRECTED.get(file.name, delimiter)
        is_right = preview is not None and (
            preview["delimiter"] == wanted or (not wanted and len(preview["names"]) == 1)
        )
        is_sure = preview is not None and not preview["doubts"]
        before = found.get(corpus, Figures(0, 0, 0, []))
        found[corpus] = Figures(
            before.files + 1,
            before.right + is_right,
            before.sure + is_sure,
            before.sure_and_wrong + [file.name] * (is_sure and not is_right),
        )
    return found


def measure(folder: str) -> int:
    """Prints the table; returns the exit code."""
    found = figures(annotated(Path(folder)))
    if not found:
        print(f"There are no annotated files below {folder}.", file=sys.stderr)
        return 1
    print("| Corpus | Files | Separator right | Imported without asking | of these wrong |")
    print("| --- | --- | --- | --- | --- |")
    for corpus, (files, right, sure, wrong) in found.items():
        print(f"| {corpus} | {files:,} | {right / files:.1%} | {sure / files:.1%} | {len(wrong)} |")
    wrong = [f"{corpus}: {name}" for corpus, each in found.items() for name in each.sure_and_wrong]
    for name in wrong:
        print(name, file=sys.stderr)
    groups: dict[str, list[Figures]] = {}
    for corpus, each in found.items():
        groups.setdefault(corpus.partition(",")[0], []).append(each)
    shares = [
        sum(each.right for each in group) / sum(each.files for each in group)
        for group in groups.values()
    ]
    return int(bool(wrong) or min(shares) < GOAL)


def main(arguments: list[str]) -> int:
    """Sets up as ``python3 -m tests`` does, then measures in the virtual environment."""
    if len(arguments) != 1:
        print("python3 -m tests.corpora FOLDER", file=sys.stderr)
        return 2
    if not tests.succeeds("corpora", tests.install_python_parts):
        return 1
    inside = "import sys; from tests.corpora import measure; sys.exit(measure(sys.argv[1]))"
    command = [str(tests.PYTHON), "-c", inside, *arguments]
    return subprocess.run(command, cwd=serve.ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
