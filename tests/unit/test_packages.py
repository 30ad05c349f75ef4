"""The wheel and the source distribution: what is in them, and that strangers can install both."""

from __future__ import annotations

import email
import io
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.message import Message
from pathlib import Path, PurePosixPath

import pytest

import serve
from worker.build import packing, sdist

TOP = f"sahpool-{serve.project()['version']}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both packages, as pip's hooks write them."""
    folder = tmp_path_factory.mktemp("dist")
    return {
        "wheel": folder / serve.build_wheel(str(folder)),
        "sdist": folder / serve.build_sdist(str(folder)),
    }


def run(*command: object, where: Path | None = None) -> str:
    """What the command printed; fails with it when the command does."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=where)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def told(path: Path) -> Message:
    """The metadata of a package."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return email.message_from_bytes(wheel.read(f"{TOP}.dist-info/METADATA"))
    with tarfile.open(path) as archive:
        member = archive.extractfile(f"{TOP}/PKG-INFO")
        assert member is not None
        return email.message_from_bytes(member.read())


def test_the_source_distribution_is_the_same_every_time() -> None:
    assert sdist.sdist_bytes() == sdist.sdist_bytes()


def test_the_source_distribution_holds_the_repository_and_nothing_else() -> None:
    if not (serve.ROOT / ".git").exists():
        pytest.skip("this is no clone")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", where=serve.ROOT)
    tracked = {name for name in listed.splitlines() if (serve.ROOT / name).is_file()}
    with tarfile.open(fileobj=io.BytesIO(sdist.sdist_bytes())) as archive:
        members = {str(PurePosixPath(name).relative_to(TOP)) for name in archive.getnames()}
        assert members == tracked | {"PKG-INFO"}
        for member in archive.getmembers():
            assert member.isreg()
            assert (member.uid, member.gid, member.uname) == (0, 0, "")
        run_script = archive.getmember(f"{TOP}/.ci/run")
        assert run_script.mode & 0o100


def test_both_packages_tell_the_same_of_themselves(built: dict[str, Path]) -> None:
    project = serve.project()
    wheel, source = (told(path) for path in built.values())
    assert wheel.as_bytes() == source.as_bytes()
    assert wheel["Metadata-Version"] == "2.4"
    assert wheel["Summary"] == project["description"]
    assert wheel["Author"] == "the sahpool contributors"
    assert wheel["Keywords"].split(",") == project["keywords"]
    assert wheel["Requires-Python"] == project["requires-python"]
    assert wheel.get_all("Classifier") == project["classifiers"]
    assert wheel.get_all("License-File") == ["LICENSE"]
    # What the project table has, and nothing of it is left out.
    assert set(project) == {
        "authors", "classifiers", "dependencies", "description", "keywords", "license",
        "license-files", "name", "readme", "requires-python", "version",
    }  # fmt: skip


def test_the_description_has_no_link_to_a_file_that_is_not_beside_it(
    built: dict[str, Path],
) -> None:
    text = str(told(built["wheel"]).get_payload())
    assert text.startswith("# sahpool\n\nSQLite that stays in the browser")
    assert "](docs/" not in text
    assert "\n- Tutorial: a persistent database" in text
    assert packing.description("a [b\nc](d.md) [e](https://f) ![g](h)") == "a b\nc [e](https://f) g"


def test_a_strict_check_of_a_package_index_accepts_both(built: dict[str, Path]) -> None:
    output = run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", *built.values())
    assert output.count("PASSED") == 2


def test_a_wheel_from_the_source_distribution_is_the_same_wheel(
    built: dict[str, Path], tmp_path: Path
) -> None:
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--wheel-dir", tmp_path, built["sdist"])
    assert (tmp_path / built["wheel"].name).read_bytes() == built["wheel"].read_bytes()


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_each_package_installs_into_an_empty_environment(
    built: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    home = tmp_path / "empty"
    venv.EnvBuilder(with_pip=False).create(home)
    pip = (sys.executable, "-m", "pip", "--python", home, "install", "--quiet", "--no-index")
    run(*pip, built[kind])
    (python,) = [path for path in home.glob("*/python*") if path.stem == "python"]
    script = (
        "import importlib.metadata as m, pathlib, sahpool; "
        "assert m.version('sahpool') == sahpool.__version__; "
        "print(*sorted(path.name for path in pathlib.Path(sahpool.__file__).parent.iterdir()))"
    )
    names = run(python, "-I", "-c", script, where=tmp_path).split()
    assert {"__init__.py", "pool.py", "sqlite", "py.typed"} <= set(names)
    there = {path.name for path in (serve.ROOT / "worker" / "sahpool").iterdir()}
    assert set(names) - {"__pycache__"} == there - {"__pycache__"}
