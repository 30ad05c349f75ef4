"""Files of other programs and of newer SQLites, chosen on the page of the real console."""

from __future__ import annotations

from pathlib import Path

from tests.browser.console_page import Console

FIELD = Path(__file__).parents[1] / "field" / "console" / "db"


def one_import(console: Console, *names: str) -> str:
    """Chooses files of which one is imported; returns the status line."""
    console.import_file(*(FIELD / name for name in names), wait=False)
    return console.wait_imported()


def test_a_database_with_its_wal_and_index_beside_it_has_all_rows(console: Console) -> None:
    console.open()
    one_import(console, "walshop.db-shm", "walshop.db-wal", "walshop.db")
    assert console.database() == "walshop.db"
    assert console.error() is None
    assert console.tables() == ["added", "item"]
    console.run_sql("SELECT count(*) FROM item")
    assert console.rows() == [["3"]]


def test_a_database_with_a_newer_schema_is_read_and_kept_as_it_is(console: Console) -> None:
    console.open()
    one_import(console, "newer_view.db")
    assert "view v" in str(console.error())
    console.run_sql("SELECT count(*) FROM t")
    assert console.error() is None
    assert console.export().read_bytes() == (FIELD / "newer_view.db").read_bytes()


def test_a_database_with_another_program_s_collations_is_read_and_not_written(
    console: Console,
) -> None:
    console.open()
    one_import(console, "android.db")
    console.run_sql("SELECT count(*) FROM channel")
    assert console.rows() == [["3"]]
    console.run_sql("SELECT count(*) FROM fields WHERE ntid = 1")
    assert console.rows() == [["2"]]
    console.run_sql("INSERT INTO channel (name) VALUES ('x')")
    assert "Not written" in str(console.error())
    console.run_sql("SELECT id FROM channel WHERE name = 'arte'")
    assert console.rows() == [["2"]]
    console.run_sql("SELECT id FROM main.channel WHERE name = 'arte'")
    assert "WHERE +name" in str(console.error())
    console.run_sql("SELECT id FROM channel WHERE +name = 'ARTE'")
    assert console.rows() == [["2"]]


def test_the_console_has_the_functions_of_newer_sqlites_and_those_that_stand_in_from(
    console: Console,
) -> None:
    console.open()
    console.run_sql(
        "SELECT median(value), string_agg(value, '-'), unhex('41'), sha1('abc'), levenshtein('a',"
        " 'b') FROM generate_series(1, 4)"
    )
    assert console.rows()[0][:2] == ["2.5", "1-2-3-4"]
    console.run_sql("CREATE VIEW v AS SELECT value FROM string_split('a,b')")
    console.reload()
    console.run_sql("SELECT * FROM v")
    assert console.rows() == [["a"], ["b"]]
    console.run_sql("SELECT percentile(1, 200)")
    assert "not between 0.0 and 100.0" in str(console.error())


def test_a_character_that_was_pasted_is_named_on_the_page(console: Console) -> None:
    console.open()
    console.run_sql("SELECT\u00a01 AS x")
    assert "no-break space (U+00A0)" in str(console.error())
