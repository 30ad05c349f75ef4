"""The figures of ``tests.corpora`` on a corpus that is generated anew."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests import corpora
from tests.unit.written_tables import written

NAMES = {delimiter: name for name, delimiter in corpora.NAMES.items()}
COUNT = 300


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder of generated files with annotations like CSVsniffer's."""
    lines = ["#", "file_name|encoding|fields_delimiter|quotechar|escapechar|records_delimiter"]
    (tmp_path / "CSV").mkdir()
    (tmp_path / "truth").mkdir()
    for number in range(COUNT):
        made = written(random.Random(number))
        (tmp_path / "CSV" / f"{number}.csv").write_bytes(made.text.encode())
        lines.append(f"{number}.csv|utf8|{NAMES[made.delimiter]}|doublequote||lf")
    listed = tmp_path / "truth" / "POLLOCK-dialect_annotations.txt"
    listed.write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_the_separator_of_generated_files_is_found(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = corpora.figures(corpora.annotated(corpus)).values()
    assert found.files == COUNT
    assert found.right >= COUNT * 0.99
    assert found.sure >= COUNT * 0.8
    assert found.sure_and_wrong == []
    assert corpora.measure(str(corpus)) == 0
    assert "| CSVsniffer, CSV | 300 | 100.0% |" in capsys.readouterr().out


def test_a_wrong_separator_that_raises_no_doubt_fails(corpus: Path) -> None:
    listed = corpus / "truth" / "POLLOCK-dialect_annotations.txt"
    text = listed.read_text(encoding="utf-8")
    listed.write_text(text.replace("|comma|", "|colon|", 1), encoding="utf-8")
    assert corpora.measure(str(corpus)) == 1


def test_a_folder_without_annotations_is_told(tmp_path: Path) -> None:
    assert corpora.measure(str(tmp_path)) == 1
