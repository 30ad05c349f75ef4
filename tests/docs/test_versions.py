"""An upgrade of Pyodide or PyScript changes one version; all that shows it is made from that."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from docs import versions
from tests.docs.pages import DOCS, ROOT, section

PLACES = sorted({*versions.PYODIDE, *versions.PYSCRIPT, versions.PAGE})


def test_every_place_shows_the_versions_that_package_json_pins() -> None:
    """Failing? ``python3 docs/generate.py`` with the Python in .build/venv writes them anew."""
    for path, text in versions.rewritten(versions.installed()):
        assert path.read_text(encoding="utf-8") == text, path


def commands() -> str:
    """The recipe's commands."""
    text = section(DOCS / "contributing.md", "Upgrade Pyodide or PyScript")
    (block,) = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return str(block)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what an upgrade changes, with what npm would have installed by then."""
    for name in ("package.json", *PLACES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    dist = tmp_path / "node_modules/@pyscript/core/dist"
    dist.mkdir(parents=True)
    for name in ("core.js", *(f"{begin}New1.js" for begin in versions.PRELOADED)):
        (dist / name).touch()
    return tmp_path


def test_an_upgrade_needs_one_version_and_the_rest_is_written_by_a_command(house: Path) -> None:
    """The recipe of docs/contributing.md, without npm, which would fetch the parts."""
    said = re.findall(r"(\S+)@(\d+\.\d+\.\d+)", commands())
    assert [name for name, _ in said] == ["pyodide", "@pyscript/core"]
    assert "docs/generate.py" in commands()
    package = json.loads((house / "package.json").read_text(encoding="utf-8"))
    before = {name: package["dependencies"][name] for name, _ in said}
    package["dependencies"] |= dict(said)  # what npm install writes
    (house / "package.json").write_text(json.dumps(package), encoding="utf-8")
    versions.write(house)
    for name, version in said:
        assert before[name] != version, "the recipe shows another version"
        places = versions.PYODIDE if name == "pyodide" else versions.PYSCRIPT
        for place in places:
            text = (house / place).read_text(encoding="utf-8")
            assert version in text, place
            assert before[name] not in text, place
    page = (house / versions.PAGE).read_text(encoding="utf-8")
    assert page.count("./pyscript/") == 1 + len(versions.PRELOADED)
    assert page.count("New1.js") == len(versions.PRELOADED)
    versions.write(house)
    assert (house / versions.PAGE).read_text(encoding="utf-8") == page


def test_a_place_that_shows_no_version_any_more_is_told(house: Path) -> None:
    (house / "README.md").write_text("nothing of that\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"README\.md names no version"):
        versions.write(house)


def test_a_module_of_pyscript_that_is_gone_is_told(house: Path) -> None:
    (house / "node_modules/@pyscript/core/dist/donkey-New1.js").unlink()
    with pytest.raises(ValueError, match="0 modules that begin with donkey-"):
        versions.write(house)
