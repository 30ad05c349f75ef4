"""The recipe "A storage" of docs/contributing.md, followed to the letter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.harness.recipes import BLOCK, copied, follow, run, section, steps_in
from tests.pyodide.engines import Engine, RemoteError
from tests.storage_spec.inside_storages import STORAGES
from tests.storage_spec.spec import CASES, Case, ship

STEPS = steps_in(section("A storage"))
LIST = "tests/storage_spec/inside_storages.py"
NAME = "tagged"

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which the recipe was followed."""
    folder = copied(tmp_path_factory.mktemp("storage") / "house")
    follow(STEPS, folder)
    return folder


def every_case() -> list[Case]:
    """The tests of the storages, all modules of this folder imported."""
    for path in sorted(HERE.glob("test_*.py")):
        if path != Path(__file__):
            import_module(f"tests.storage_spec.{path.stem}")
    return list(CASES.values())


def values_of(case: Case) -> Iterator[dict[str, Any]]:
    """The parameters that a test is run with, beside the place and the storage."""
    marks = getattr(case.test, "pytestmark", [])
    given = [mark.args for mark in marks if mark.name == "parametrize"]
    own = [args for args in given if args[0] not in ("runtime", "storage")]
    for values in itertools.product(*(args[1] for args in own)):
        yield dict(zip((args[0] for args in own), values, strict=True))


def new_files(house: Path) -> dict[str, str]:
    """What is there inside: the new package, and the list with the new line."""
    paths = [step.path for step in STEPS]
    return {
        path.removeprefix("worker/"): (house / path).read_text(encoding="utf-8") for path in paths
    }


def test_a_new_storage_is_one_package_and_one_line_of_the_list(house: Path) -> None:
    package = {Path(step.path).parent for step in STEPS if step.path != LIST}
    assert package == {Path(f"worker/sahpool/{NAME}")}
    (lines,) = [step.blocks for step in STEPS if step.path == LIST]
    added = [line for _, diff in lines for line in diff.splitlines() if line[0] in "+-"]
    assert len(added) == 1
    assert BLOCK.findall(section("A storage")) == [block for step in STEPS for block in step.blocks]
    assert NAME not in STORAGES


def test_the_new_storage_is_written_and_imports_as_all_others(house: Path) -> None:
    paths = [step.path for step in STEPS]
    run(house, "ruff", "check", "--no-cache", *paths)
    run(house, "ruff", "format", "--no-cache", "--check", *paths)
    run(house, "tests.imports")


def test_a_storage_that_imports_another_one_is_found(house: Path, tmp_path: Path) -> None:
    folder = copied(tmp_path / "wrong")
    follow(STEPS, folder)
    store = folder / f"worker/sahpool/{NAME}/store.py"
    with store.open("a", encoding="utf-8") as end:
        end.write("\nfrom ..memory import store as other  # noqa: E402, F401\n")
    with pytest.raises(AssertionError, match="BROKEN"):
        run(folder, "tests.imports")


@pytest.mark.parametrize("runtime", [pytest.param("node", marks=pytest.mark.node)], indirect=True)
def test_the_new_storage_does_all_that_a_storage_has_to(runtime: Engine, house: Path) -> None:
    ship(runtime, new_files(house))
    tried = 0
    for case in every_case():
        for values in values_of(case):
            case.run(runtime, NAME, **values)
            tried += 1
    assert tried > 60


@pytest.mark.parametrize("runtime", [pytest.param("node", marks=pytest.mark.node)], indirect=True)
def test_a_new_storage_that_forgets_its_tag_is_found(runtime: Engine, house: Path) -> None:
    files = new_files(house)
    path = f"sahpool/{NAME}/store.py"
    wrong = files[path].replace("    start = len(TAG)", "    start = 0")
    assert wrong != files[path]
    every_case()
    ship(runtime, {**files, path: wrong})
    case = CASES["test_a_file_is_read_as_it_was_written_cut_and_extended"]
    with pytest.raises(RemoteError):
        case.run(runtime, NAME)
