"""How a delimited file is written is found from what its fields look like."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sahpool_console.session.errors import told
from sahpool_console.session.formats.dialect import find_dialect
from sahpool_console.session.formats.layout import find_layout
from sahpool_console.session.formats.options import NO_OPTIONS, TextOptions
from sahpool_console.session.formats.read_delimited import Delimited
from tests.unit.written_tables import written

from .fake_host import BytesSource, Client, said


def lines_of(text: str) -> list[str]:
    return text.splitlines(keepends=True)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32))
def test_a_table_written_in_any_way_is_read_as_it_was(seed: int) -> None:
    made = written(random.Random(seed))
    file = Delimited(BytesSource(made.text.encode()), "data.csv")
    assert file.layout.dialect.delimiter == made.delimiter
    assert file.names == made.names
    columns = [[value for batch in batches for value in batch] for batches in batches_of(file)]
    assert [list(row) for row in zip(*columns, strict=True)] == made.rows


def batches_of(file: Delimited) -> list[tuple[Any, ...]]:
    """For each column its batches of values."""
    return list(zip(*file.batches(), strict=True))


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("word\nhello, world\nyes\n", "column"),
        ("a b\n1 2\n3 4\n5 6\n", "a blank"),
        ("a:b\n1:2\n3:4\n5:6\n", "a colon"),
        ("1,2;3,4\n5,6;7,8\n1,3;4,4\n", "a comma"),
        ('id\ttext\n1\t"a" b\n2\tc\n3\td\n', "ordinary"),
        ("'a','b'\n'c,d','e'\n'f','g'\n", "Single"),
        ('a,b\n1,"x\n2,y\n3,"z"\n4,w\n', "ordinary"),
    ],
)
def test_what_may_be_wrong_is_said(text: str, doubt: str) -> None:
    assert any(doubt in each for each in said(told(find_dialect(lines_of(text)).doubts)))


@pytest.mark.parametrize(
    "text",
    [
        "id,name\n1,Ada\n2,Bob\n",
        "id;price\n1;2,5\n2;3,5\n",
        'id,text\n1,"a, b; c"\n2,"d | e"\n',
        "id\tname\n1\tAda, B.\n2\tBob; C.\n",
        "n\n1\n2\n",
        "# made\nid,n\n1,2\n3,4\n",
        "date,value\n2024-01-01,1\n2024-01-02,2\n",
    ],
)
def test_a_plain_file_raises_no_doubt(text: str) -> None:
    assert find_layout(lines_of(text), ".csv", NO_OPTIONS).doubts == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("2019,2020,2021\n5,6,7\n8,9,1\n", ["2019", "2020", "2021"]),
        ("2019,2020,2021\n2018,2017,2016\n", ["column1", "column2", "column3"]),
        (",0,1\na,5.1,3.5\nb,4.9,3.0\n", ["column1", "0", "1"]),
        ("id,\n1,x\n2,y\n", ["id", "column2"]),
        ("a,b\n1,2,3\n4,5,6\n", ["column1", "a", "b"]),
        ("Ada,1990-01-01\nBob,1991-02-02\n", ["column1", "column2"]),
        ("#id\tstart\tend\nx\t1\t2\ny\t3\t4\n", ["id", "start", "end"]),
        ("id,when\n1,12:30\n2,13:45\n", ["id", "when"]),
        ("a,b,,\n1,2,,\n3,4,,\n", ["a", "b"]),
    ],
)
def test_the_names_of_the_columns_are_found(text: str, names: list[str]) -> None:
    assert find_layout(lines_of(text), ".csv", NO_OPTIONS).names == names


@pytest.mark.parametrize(
    ("options", "names", "rows"),
    [
        (TextOptions(delimiter=";"), ["x,y", "column2"], [["1,2", "3"], ["4,5", "6"]]),
        (TextOptions(header=False), ["column1", "column2"], None),
        (TextOptions(skip=1), ["1,2", "3"], [["4,5", "6"]]),
    ],
)
def test_what_is_chosen_is_done(
    options: TextOptions, names: list[str], rows: list[list[str]] | None
) -> None:
    options = options._replace(header=options.header is not False)
    file = Delimited(BytesSource(b"x,y;\n1,2;3\n4,5;6\n"), "data.csv", options)
    assert file.names == names
    if rows is not None:
        (columns,) = file.batches()
        assert [list(row) for row in zip(*columns, strict=True)] == rows


def test_a_quotation_mark_far_down_is_judged_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sahpool_console.session.formats.text.BLOCK", 4096)
    plain = "".join(f"{number}\tword\n" for number in range(3_000))
    literal = Delimited(BytesSource((plain + '1\t"Hey" she said\n2\t"So\n' * 3).encode()), "a.tsv")
    columns = list(literal.batches())[-1]
    assert '"Hey" she said' in columns[1]
    assert "Quotation marks are ordinary characters in this file." in said(told(literal.remarks()))
    quoted = Delimited(BytesSource((plain + '1\t"two\twords"\n2\tx\n' * 3).encode()), "a.tsv")
    assert "two\twords" in list(quoted.batches())[-1][1]


def test_a_column_without_a_name_appears_when_it_gets_a_value() -> None:
    text = "a,b,\n" + "1,2,\n" * 5_000 + "3,4,x\n"
    file = Delimited(BytesSource(text.encode()), "data.csv")
    assert file.names == ["a", "b"]
    fits = [file.fits(columns) for columns in file.batches()]
    assert False in fits
    assert file.names == ["a", "b", "column3"]
    assert {len(columns) for columns in file.batches()} == {3}


def test_a_line_of_any_length_is_looked_at_in_part() -> None:
    wide = "x" * 100_000 + ",1\n"
    found = find_dialect([*["a,b\n"] * 3, *[wide] * 5, *["a;b;c\n"] * 900])
    assert found.dialect.delimiter == ","  # the lines behind the long ones are not looked at


def test_a_header_of_keywords_is_no_script(client: Client) -> None:
    client.load("BEGIN;END;x\n1;2;3\n4;5;6\n")
    assert client.rows('SELECT "BEGIN", "END", x FROM data') == [(1, 2, 3), (4, 5, 6)]
