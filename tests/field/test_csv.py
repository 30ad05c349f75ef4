"""CSV files that people had trouble with, in this console or in others: see ``csv`` beside this.

Each test says what must become of one of the files, or of a few with the same trouble.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.fake_host import Client, FakeHost, FakeStorage, said

FILES = Path(__file__).parent / "csv"


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path)


class Console:
    """A session that files are imported into."""

    def __init__(self, folder: Path) -> None:
        self._client = Client(FakeHost(FakeStorage(folder)))
        self._client.ask("open", database="notes.db")
        self.notes: list[str] = []

    def read(self, name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names of the columns, and the rows."""
        reply = self._client.load((FILES / name).read_bytes(), name)
        self.notes = said(reply["notes"])
        (table,) = (t for t in self._client.ask("schema")["schema"] if t["name"] == reply["table"])
        rows = self._client.rows(f'SELECT * FROM "{reply["table"]}"')
        return [column["name"] for column in table["columns"]], rows

    def refused(self, name: str) -> str:
        """The message of the error, and its hint."""
        error = self._client.reject((FILES / name).read_bytes(), name)
        return f"{error['message']} {error['hint']}"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._client.rows(sql)


def test_years_above_numbers_are_names(console: Console) -> None:
    names, rows = console.read("c01_years.csv")
    assert names == ["region", "2023", "2024", "2025"]
    assert rows == [("EMEA", 10, 20, 30), ("APAC", 5, 6, 7)]


def test_an_index_without_a_name_gets_one_and_the_others_keep_theirs(console: Console) -> None:
    names, rows = console.read("c02_pandas_index.csv")
    assert names == ["column1", "Name", "Country"]
    assert rows == [(0, "Martin", "Sudan"), (1, "Edward", "Sweden")]
    names, rows = console.read("c03_band_members.csv")
    assert names == ["column1", "name", "band"]
    assert rows == [(1, "Mick", "Stones"), (2, "John", "Beatles"), (3, "Paul", "Beatles")]


def test_a_separator_at_the_end_of_every_line_makes_no_column(console: Console) -> None:
    names, rows = console.read("c04_trailing_all_text.csv")
    assert (names, rows) == (["name", "city"], [("Ada", "London"), ("Bob", "Paris")])


def test_names_that_are_there_twice_make_a_header_and_are_renamed(console: Console) -> None:
    names, rows = console.read("c05_dup_text.csv")
    assert names == ["Name", "Phone", "Phone_2"]
    assert rows == [("Ada", "555-1", "555-2"), ("Bob", "555-3", "555-4")]
    assert "Phone_2" in console.notes[0]
    names, rows = console.read("c05b_case_dup.csv")
    assert names == ["dateTime", "datetime_2", "place"]
    assert len(rows) == 2


def test_a_first_payment_is_no_header(console: Console) -> None:
    names, rows = console.read("p290.csv")
    assert names == ["column1", "column2", "column3"]
    assert [row[2] for row in rows] == [-21419.06, -21375, -10301.58, -116, -249]
    assert "-21.419,06 in column3 was read as -21419.06." in console.notes


def test_what_is_in_quotation_marks_does_not_separate(console: Console) -> None:
    assert console.read("p658.csv")[1] == [("Field1", "Field2", "Field,3,3,3")]
    names, rows = console.read("c39c_header_comma.csv")
    assert names == ["Name, Vorname", "Ort"]
    assert rows == [("Meier, A", "Bern"), ("Huber, B", "Chur")]


def test_numbers_that_can_be_read_in_two_ways_stay_text(console: Console) -> None:
    names, rows = console.read("coords.csv")
    assert (len(names), rows) == (2, [("52,520", "13,405"), ("48,857", "2,352")])
    assert any("52,520, line 1, which may be 52520 or 52.520" in note for note in console.notes)


@pytest.mark.parametrize(
    ("name", "columns", "count"),
    [
        ("bom_then_sep.csv", ["Name", "Ort"], 1),
        ("c11_sep.csv", ["One", "Two", "Three", "Four"], 2),
    ],
)
def test_the_line_that_names_the_separator_is_no_data(
    console: Console, name: str, columns: list[str], count: int
) -> None:
    names, rows = console.read(name)
    assert (names, len(rows)) == (columns, count)


@pytest.mark.parametrize(
    ("name", "first", "title"),
    [
        ("c09_preamble_semicolon.csv", "idImpianto", "Estrazione del 2025-01-06"),
        ("c51_title_row.csv", "Organisation", "Wakefield Council Purchase Card Spend"),
    ],
)
def test_a_title_above_the_table_is_left_out_and_told(
    console: Console, name: str, first: str, title: str
) -> None:
    names, rows = console.read(name)
    assert (names[0], len(names), len(rows)) == (first, 4, 2)
    assert any(title in note for note in console.notes)


def test_lines_that_begin_with_a_number_sign_are_left_out_and_told(console: Console) -> None:
    names, rows = console.read("c10b_noaa.csv")
    assert (names, rows[0]) == (["year", "mean", "unc"], (1959, 315.98, 0.12))
    assert console.notes == ["4 lines that begin with # were left out."]
    names, rows = console.read("c10c_comment_first.csv")
    assert (names, rows) == (["id", "name"], [(1, "Ada"), (2, "Bob")])


@pytest.mark.parametrize(
    ("name", "count"),
    [("c12b_start_quote.tsv", 2), ("c12c_tatoeba.tsv", 3), ("c30_wordnet.txt", 4)],
)
def test_quotation_marks_are_ordinary_where_a_file_does_not_quote(
    console: Console, name: str, count: int
) -> None:
    names, rows = console.read(name)
    assert (len(names), len(rows)) == (3, count)
    assert any('"' in str(row) for row in rows)
    assert "Quotation marks are ordinary characters in this file." in console.notes


def test_a_backslash_before_a_quotation_mark_is_understood(console: Console) -> None:
    names, rows = console.read("c13_backslash.csv")
    assert (names, rows) == (["id", "note"], [(1, 'He said "hi" to me'), (2, "plain")])


def test_a_blank_after_each_separator_is_no_part_of_a_value(console: Console) -> None:
    names, rows = console.read("c14_space_num.csv")
    assert (names, rows[0]) == (["name", "points"], ("Gryffindor", 100))
    names, rows = console.read("c14b_space_quote.csv")
    assert names == ["year", "width", "title"]
    assert rows == [(1968, 86, "Greetings, all"), (1970, 17, "Bloggs")]


@pytest.mark.parametrize(
    ("name", "rows", "note"),
    [
        (
            "c06_brazil.csv",
            [("Peter", "USA", 25), ("Marco", "Brazil\\", 20), ("Maria", "Mexico", 45)],
            "1 row has empty fields too many, which were left out.",
        ),
        (
            "c06b_trailing_rows_only.csv",
            [("Peter", 25), ("Maria", 45)],
            "2 rows have empty fields too many, which were left out.",
        ),
        (
            "c07b_one_short.csv",
            [
                ("Ada", "Lovelace", "ada@example.org", 555),
                ("Bob", "Builder", None, None),
                ("Cy", "Young", "cy@example.org", 556),
            ],
            "1 row has fewer fields than there are columns; those missing are NULL.",
        ),
    ],
)
def test_fields_too_many_or_too_few_at_the_end_are_taken_and_counted(
    console: Console, name: str, rows: list[tuple[Any, ...]], note: str
) -> None:
    assert console.read(name)[1] == rows
    assert console.notes == [note]


def test_thousands_and_decimal_commas_are_read_where_a_column_is_written_so(
    console: Console,
) -> None:
    _, rows = console.read("c15_thousands.csv")
    assert sum(row[2] for row in rows) == 6_500_000
    _, rows = console.read("c16_decimal_comma.csv")
    assert rows == [("A", 12.5, 3), ("B", 0.99, 10), ("C", 100.0, 1)]


def test_marks_of_missing_values_are_null_among_numbers(console: Console) -> None:
    assert console.read("c41_null.csv")[1] == [(1, 10, "a"), (2, None, "b"), (3, 9, "c")]
    assert console.notes == ["NULL became NULL among the numbers of score."]
    assert console.read("c41b_backslash_n.tsv")[1] == [(1, 10), (2, None), (3, 9)]


def test_codes_stay_text(console: Console) -> None:
    assert [row[0] for row in console.read("c17_faa.csv")[1]] == ["2E5", "3E7", "1E4"]
    assert [row[0] for row in console.read("c18_versions.csv")[1]] == ["3.1", "3.9", "3.10", "3.11"]
    assert console.notes == ["version stayed text because of 3.10, line 4, which would become 3.1."]


@pytest.mark.parametrize("name", ["c19_double_bom.csv", "c19c_zwsp.csv"])
def test_a_name_has_no_characters_that_cannot_be_seen(console: Console, name: str) -> None:
    console.read(name)
    table = name.partition(".")[0]
    assert console.rows(f"SELECT id, name FROM {table}") == [(1, "Ada")]


def test_utf_16_without_a_mark_is_read(console: Console) -> None:
    assert console.read("c21_utf16le_nobom.csv") == (["id", "name"], [(1, "Ådå")])
    assert "The file was read as UTF-16." in console.notes


def test_windows_1252_is_recognised(console: Console) -> None:
    _, rows = console.read("c20_cp1252.csv")
    assert rows == [("Café", "5"), ("Müller – Söhne", "7"), ("Don’t", "€")]
    assert "The file was read as Windows-1252." in console.notes


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("c26_openpyxl.xlsx", "a spreadsheet"),
        ("c27_login.csv", "an HTML page"),
        ("c27b_oneline.csv", "an HTML page"),
        ("c28.geojson", "GeoJSON"),
    ],
)
def test_what_is_no_table_is_told_for_what_it_is(console: Console, name: str, what: str) -> None:
    assert what in console.refused(name)
    assert console.rows("SELECT count(*) FROM sqlite_schema") == [(0,)]


def test_every_file_is_tried() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [file.name for file in FILES.iterdir() if file.name not in text] == []


def test_a_table_is_not_called_like_a_keyword(console: Console) -> None:
    assert console.read("order.csv") == (["id", "name"], [(1, "a")])
    assert console.rows("SELECT * FROM order_") == [(1, "a")]
    assert console.read("c25_columns.csv")[0] == ["order", "group", "index"]


def test_columns_between_blanks_are_found(console: Console) -> None:
    names, rows = console.read("c40_spaces.csv")
    assert (names, rows) == (["id", "carat", "cut"], [(1, 0.23, "Ideal"), (2, 0.21, "Premium")])
