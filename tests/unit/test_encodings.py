"""Texts in other encodings than UTF-8: recognised, told, and left to the person to change."""

from __future__ import annotations

import pytest

from sahpool_console.session.formats.encodings import ENCODINGS

from .fake_host import BytesSource, Client, said

TEXTS = [
    ("id,Ort\n1,München\n2,Köln – Süd\n3,„Café“ €\n", "cp1252", "Windows-1252"),
    ("id,имя\n1,Москва\n2,Санкт-Петербург\n3,Новосибирск\n", "cp1251", "Windows-1251"),
    ("id,都市\n1,東京\n2,大阪\n3,名古屋市\n", "cp932", "CP932"),
    ("id,πόλη\n1,Αθήνα\n2,Θεσσαλονίκη\n3,Πάτρα\n", "cp1253", "Windows-1253"),
    ("id,price,size\n1,5 €,“small”\n2,7 €,30°\n", "cp1252", "Windows-1252"),
    ("id,miasto\n1,Łódź\n2,Kraków\n3,Wrocław\n4,Gdańsk\n", "cp1250", "Windows-1250"),
]


@pytest.mark.parametrize(("text", "encoding", "name"), TEXTS)
def test_an_encoding_is_recognised_and_told(
    client: Client, text: str, encoding: str, name: str
) -> None:
    reply = client.load(text.encode(encoding))
    assert f"The file was read as {name}." in said(reply["notes"])
    names = [column["name"] for column in client.ask("schema")["schema"][0]["columns"]]
    rows = client.rows("SELECT * FROM data")
    assert [names, *(list(map(str, row)) for row in rows)] == [
        line.split(",") for line in text.splitlines()
    ]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text",
    [
        "номер;город\n1;Москва\n2;Омск\n",
        "名前,都市,番号\n一郎,東京一区,12\n花子,大阪,7\n" * 40,
        "πόλη\tχώρα\r\nΑθήνα\tΕλλάδα\r\n",
        "a,b\n1,plain\n2,Ā\n",
    ],
)
def test_utf_16_without_a_mark_is_recognised_in_any_script(
    client: Client, text: str, encoding: str
) -> None:
    reply = client.load(text.encode(encoding), header=True)
    assert "The file was read as UTF-16." in said(reply["notes"])
    rows = [[str(value) for value in row] for row in client.rows("SELECT * FROM data")]
    separator = next(each for each in ";,\t" if each in text)
    assert rows == [line.split(separator) for line in text.splitlines()[1:]]


@pytest.mark.parametrize("text", ["a,b\n1,x\0y\n", "a,b\n\0a,bcd\n", "a\n\0\0\0\0\n"])
def test_a_nul_does_not_make_a_text_utf_16(client: Client, text: str) -> None:
    error = client.reject(text)
    assert error["code"] == "has-nul"


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("block", [7, 64, 1 << 16])
def test_an_encoding_that_is_chosen_is_read(
    client: Client, monkeypatch: pytest.MonkeyPatch, encoding: str, block: int
) -> None:
    monkeypatch.setattr("sahpool_console.session.formats.text.BLOCK", block)
    letters = bytes(range(0x20, 0x100)).decode(encoding, "ignore").replace(",", "")
    letters = "".join(c for c in letters if c.isalpha())[-40:]
    text = f"id,text\n1,x{letters}\n2,y{letters}\n"
    client.load(text.encode(encoding), encoding=encoding)
    assert client.rows("SELECT * FROM data") == [(1, f"x{letters}"), (2, f"y{letters}")]


def test_a_byte_far_down_has_the_whole_file_read_anew(client: Client) -> None:
    text = "id,name\n" + "1,plain\n" * 60_000 + "2,Müller\n"
    reply = client.load(text.encode("cp1252"))
    assert "The file was read as Windows-1252." in said(reply["notes"])
    assert client.rows("SELECT count(*), max(name) FROM data") == [(60_001, "plain")]
    assert client.rows("SELECT name FROM data WHERE id = 2") == [("Müller",)]


def test_an_encoding_that_is_guessed_is_doubtful(client: Client) -> None:
    data = "id,name\n1,Müller\n2,Größe\n".encode("cp1252")
    error = client.reject(data, only_if_sure=True)
    assert (error["type"], error["encoding"]) == ("ImportDoubtful", "cp1252")
    assert any("Windows-1252" in doubt for doubt in said(error["doubts"]))
    late = "id,name\n" + "1,plain\n" * 60_000 + "2,Müller\n3,Größe\n"
    error = client.reject(late.encode("cp1252"), only_if_sure=True)
    assert (error["type"], error["encoding"]) == ("ImportDoubtful", "cp1252")
    assert client.ask("schema")["schema"] == []
    assert client.load(data, only_if_sure=True, encoding="cp1252")["rows"] == 2


def test_without_the_library_the_error_is_about_the_byte_or_the_part(client: Client) -> None:
    client.host.libraries.lacking.add("charset_normalizer")
    error = client.reject("id,name\n1,Müller\n".encode("cp1252"))
    assert error["type"] == "EncodingError"
    assert client.load("id,name\n1,Müller\n")["rows"] == 1


def test_what_is_no_text_in_any_encoding_stays_an_error(client: Client) -> None:
    error = client.fail("import_file", BytesSource(bytes(range(256)) * 40), name="data.csv")
    assert error["type"] in ("EncodingError", "DelimitedError")
