"""The preview of an import: what has been found in a file, and what becomes of what is chosen."""

from __future__ import annotations

from typing import Any

import pytest

from .fake_host import BytesSource, Client, make_database, said


def preview(client: Client, text: str | bytes, name: str = "data.csv", **fields: Any) -> Any:
    data = text.encode() if isinstance(text, str) else text
    reply = client.ask("preview", BytesSource(data, name), name=name, **fields)
    assert client.ask("schema")["schema"] == []
    return reply["preview"]


def test_a_preview_has_everything_that_can_be_chosen(client: Client) -> None:
    found = preview(client, "# made\nid;name;price\n1;Ada;2,5\n2;NULL;3,75\n")
    assert found == {
        "encoding": "utf-8",
        "encodings": found["encodings"],
        "guessed": False,
        "delimiter": ";",
        "quote": '"',
        "backslash": False,
        "skip": 1,
        "header": True,
        "decimal": ",",
        "nulls": found["nulls"],
        "names": ["id", "name", "price"],
        "types": ["INTEGER", "TEXT", "REAL"],
        "rows": [["1", "Ada", "2,5"], ["2", "NULL", "3,75"]],
        "notes": found["notes"],
        "doubts": [],
    }
    assert said(found["notes"]) == [
        "A line that begins with # was left out.",
        "2,5 in price was read as 2.5.",
    ]
    assert {"NA", "NULL", "\\N"} <= set(found["nulls"])
    assert {"utf-8", "cp1252"} <= {encoding["name"] for encoding in found["encodings"]}


def test_a_database_has_no_preview(client: Client, tmp_path: Any) -> None:
    data = make_database(tmp_path / "things.sqlite")
    assert preview(client, data, "things.sqlite") is None


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"delimiter": ","}, {"names": ["id;name", "n"], "rows": [["1;a", "5"], ["2;b", "6"]]}),
        ({"header": False, "delimiter": ";"}, {"names": ["column1", "column2"]}),
        ({"skip": 2, "header": False, "delimiter": ";"}, {"rows": [["2", "b,6"]]}),
        ({"delimiter": ";", "decimal": ","}, {"types": ["INTEGER", "TEXT"]}),
        ({"delimiter": ";", "types": ["TEXT", "TEXT"]}, {"types": ["TEXT", "TEXT"]}),
        ({"delimiter": ";", "nulls": ["b,6"]}, {"rows": [["1", "a,5"], ["2", None]]}),
        ({"encoding": "cp437", "delimiter": ";"}, {"encoding": "cp437"}),
    ],
)
def test_what_is_chosen_is_shown(
    client: Client, fields: dict[str, Any], wanted: dict[str, Any]
) -> None:
    found = preview(client, "id;name,n\n1;a,5\n2;b,6\n", **fields)
    assert {name: found[name] for name in wanted} == wanted


def test_what_is_chosen_is_imported(client: Client) -> None:
    text = "x;1.234\ny;2.500\nz;-\nw;none\n"
    types = ["TEXT", "REAL"]
    reply = client.load(
        text, header=False, decimal=",", nulls=["-"], types=types, delimiter=";", only_if_sure=True
    )
    assert client.rows("SELECT * FROM data") == [
        ("x", 1234),
        ("y", 2500),
        ("z", None),
        ("w", "none"),
    ]
    assert "1 value of column2 is no number and stayed text." in said(reply["notes"])
    client.load("n\n007\n8\nx\n", types=["INTEGER"], header=True, replace=True)
    assert client.rows("SELECT n FROM data") == [(7,), (8,), ("x",)]


def test_numbers_with_a_chosen_decimal_mark_are_numbers(client: Client) -> None:
    client.load("a;b\n52,520;1\n13,405;2\n", decimal=",")
    assert client.rows("SELECT a FROM data") == [(52.52,), (13.405,)]
    client.load("a;b\n52,520;1\n13,405;2\n", decimal=".", replace=True)
    assert client.rows("SELECT a FROM data") == [(52520,), (13405,)]


@pytest.mark.parametrize(
    "fields",
    [
        {"delimiter": ""},
        {"delimiter": ";;"},
        {"delimiter": "\n"},
        {"delimiter": '"'},
        {"quote": "''"},
        {"quote": " "},
        {"quote": ",", "delimiter": ","},
        {"encoding": "utf-7"},
        {"encoding": "no such"},
        {"decimal": "x"},
        {"types": ["BLOB"]},
        {"nulls": ["\0"]},
    ],
)
def test_what_means_nothing_is_a_protocol_error(client: Client, fields: dict[str, Any]) -> None:
    for op in ("preview", "import_file"):
        error = client.fail(op, BytesSource(b"a,b\n1,2\n"), name="data.csv", **fields)
        assert error["type"] == "ProtocolError"


def test_a_preview_is_small_whatever_the_file_is(client: Client) -> None:
    wide = ",".join(f"c{number}" for number in range(1_000))
    row = ",".join(["x" * 1_000] * 1_000)
    found = preview(client, f"{wide}\n" + f"{row}\n" * 30)
    assert len(found["rows"]) * len(found["rows"][0]) <= 4_000
    assert max(len(value) for values in found["rows"] for value in values) == 200


@pytest.mark.parametrize(
    ("text", "is_sure"),
    [
        ("id,name\n1,Ada\n2,Bob\n", True),
        ("A title\nid;name\n1;Ada\n2;Bob\n3;Cy\n", False),
        ("Ann,Rome\nBob,Paris\n", False),
        ("a;b\n52,520;1\n13,405;2\n", False),
        ("id,name\n", False),
    ],
)
def test_only_a_sure_file_goes_straight_in(client: Client, text: str, is_sure: bool) -> None:
    source = BytesSource(text.encode())
    if is_sure:
        client.ask("import_file", source, name="data.csv", only_if_sure=True)
        return
    error = client.fail("import_file", source, name="data.csv", only_if_sure=True)
    assert error["type"] == "ImportDoubtful"
    assert error["doubts"]
    assert client.ask("schema")["schema"] == []


def test_an_error_among_the_first_rows_is_shown_with_those_above_it(client: Client) -> None:
    text = 'a;b\n1;"x;y"\n2;"x"z\n3;w\n'
    error = client.reject(text, only_if_sure=True)
    assert error["type"] == "ImportDoubtful"
    assert "line 3" in said(error["params"]["doubts"])[0]
    found = preview(client, text)
    assert found["rows"] == [["1", "x;y"]]
    assert "line 3" in said(found["doubts"])[0]
    assert client.reject(text)["type"] == "DelimitedError"
    assert preview(client, text, quote="")["rows"][1] == ["2", '"x"z']
