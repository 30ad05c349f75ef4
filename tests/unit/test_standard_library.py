"""The archive that the worker imports from: one zip file in several files of the site."""

from __future__ import annotations

import _imp
import io
import json
import subprocess
import zipfile

import pytest

import serve
from worker.build import packing, standard_library
from worker.build.standard_library import LibraryFile, archive_files

MAGIC = 3627
"""The magic number of CPython 3.14."""

VALID = """
const { readFileSync } = require("node:fs");
const bytes = readFileSync(0);
const module = new WebAssembly.Module(bytes);
const [section] = WebAssembly.Module.customSections(module, "zip");
process.stdout.write(JSON.stringify([bytes.length, section.byteLength]));
"""


@pytest.fixture(scope="module")
def files() -> list[LibraryFile]:
    return standard_library.library_files()


@pytest.fixture(scope="module")
def whole(files: list[LibraryFile]) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(file.data for file in files)))


def test_all_of_its_files_in_a_row_are_one_sound_archive(whole: zipfile.ZipFile) -> None:
    assert whole.testzip() is None
    assert len(set(whole.namelist())) == len(whole.namelist())
    assert {entry.compress_type for entry in whole.infolist()} == {zipfile.ZIP_STORED}


def test_it_has_every_source_of_pyodides_archive_and_of_the_worker(
    whole: zipfile.ZipFile,
) -> None:
    packed = serve.ROOT / "node_modules" / "pyodide" / "python_stdlib.zip"
    with zipfile.ZipFile(packed) as pyodides:
        for name in pyodides.namelist():
            if not name.endswith("/"):
                assert whole.read(name) == pyodides.read(name), name
    for name, source in packing.own_sources().items():
        assert whole.read(name) == source
    assert whole.read("sahpool_console/version.py") == packing.version_module()


def test_it_hides_none_of_a_user_s_modules(whole: zipfile.ZipFile) -> None:
    packed = serve.ROOT / "node_modules" / "pyodide" / "python_stdlib.zip"
    with zipfile.ZipFile(packed) as pyodides:
        pyodide_s = {name.partition("/")[0].partition(".")[0] for name in pyodides.namelist()}
    names = {name.partition("/")[0].partition(".")[0] for name in whole.namelist()}
    assert names - pyodide_s == {"sahpool", "sahpool_console"}


def test_what_the_start_imports_is_compiled_by_the_python_that_imports_it(
    files: list[LibraryFile], whole: zipfile.ZipFile
) -> None:
    compiled = {name: whole.read(name) for name in whole.namelist() if name.endswith(".pyc")}
    # Not compared with the source when it is imported (PEP 552).
    magic = MAGIC.to_bytes(2, "little") + b"\r\n"
    assert {data[:8] for data in compiled.values()} == {magic + (1).to_bytes(4, "little")}
    for name, data in compiled.items():
        source = whole.read(name[:-1])
        assert data[8:16] == _imp.source_hash(int.from_bytes(magic, "little"), source), name
    wanted = {
        "json/__init__",
        "asyncio/events",
        "sqlite3/dbapi2",
        "sahpool_console/session/service",
    }
    assert {f"{name}.pyc" for name in wanted} <= set(compiled)
    assert not {"email/message.pyc", "unittest/case.pyc", "turtle.pyc"} & set(compiled)
    start = [file.name.rpartition("-")[0] for file in files if file.when == "start"]
    assert start == ["first", "own"]


def test_what_is_sent_compiled_has_no_docstrings(files: list[LibraryFile]) -> None:
    first, own = (file.data for file in files if file.when == "start")
    assert b"Serialize ``obj`` to a JSON formatted ``str``" not in first
    docstring = b"Connects the service with the library sahpool"
    assert docstring in packing.own_sources()["sahpool_console/main.py"]
    assert docstring not in own


def test_each_file_is_a_webassembly_module_so_that_hosts_compress_it(
    files: list[LibraryFile],
) -> None:
    node = serve.Node.find().command("node")
    for file in files:
        done = subprocess.run([node, "-e", VALID], input=file.data, capture_output=True, check=True)
        size, content = json.loads(done.stdout)
        assert (size, content) == (len(file.data), size - standard_library.PREFIX)


def test_a_file_s_name_has_its_digest(files: list[LibraryFile]) -> None:
    for file in files:
        assert serve.digest(file.data)[:16] in file.name
    listed = standard_library.listed(files)
    assert listed["archive"] == "/lib/python314.zip"
    assert [each["size"] for each in listed["files"]] == [len(file.data) for file in files]


def test_what_is_made_of_the_same_sources_is_the_same(files: list[LibraryFile]) -> None:
    assert standard_library.library_files() == files


@pytest.mark.parametrize("contents", [{"a": {}}, {"a": {}, "b": {"x": b""}, "c": {"é.py": b"1"}}])
def test_archives_with_little_in_them_are_sound_as_well(
    contents: dict[str, dict[str, bytes]],
) -> None:
    made = archive_files(contents)
    assert list(made) == list(contents)
    with zipfile.ZipFile(io.BytesIO(b"".join(made.values()))) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {name: data for files in contents.values() for name, data in files.items()}
