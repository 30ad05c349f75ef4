"""The page's decoder of results, fed with what the worker's encoder makes, value by value."""

from __future__ import annotations

import json
import math
import sqlite3
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import serve
from sahpool_console.session.sql.results import Value
from sahpool_console.session.sql.results import decoded as read_piece

from .decode import encode

SCRIPT = Path(__file__).with_name("decode_columns.mjs")
NODE = serve.Node.find().command("node")

LARGEST = 2**63 - 1
TEXTS = ["", "NULL", "é🙂", "a\tb", 'say "hi"', "line\nbreak", "nul\0inside", "<script>"]
FLOATS = [0.0, -0.0, 1.0, 0.1, 1 / 3, 1e15, 1e14, 123456789012345.0, 1e-4, 1e-5, -2.5e300, 5e-324]

values = st.one_of(
    st.none(),
    st.integers(-LARGEST - 1, LARGEST),
    st.floats(allow_nan=False),
    st.text().map(lambda text: bytearray(text.encode("utf-8", "surrogatepass"))),
    st.binary(max_size=80),
)


def decoded(
    *pieces: Sequence[tuple[Value, ...]],
    names: Sequence[str],
    chosen: tuple[int, int, list[int]] | None = None,
) -> dict[str, Any]:
    """What the page's decoder makes of pieces of rows.

    ``chosen``: the rows, from and to before, and the columns that are selected; None: all are.
    """
    sent = []
    for piece in pieces:
        description, data = encode(piece, len(names))
        sent.append({"description": description, "hex": bytes(data).hex()})
    done = subprocess.run(
        [NODE, str(SCRIPT)],
        input=json.dumps({"names": names, "pieces": sent, "range": chosen and as_range(*chosen)}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def as_range(start: int, end: int, columns: list[int]) -> dict[str, object]:
    return {"from": start, "to": end, "columns": columns}


def as_sent(value: Value) -> list[str | None]:
    """A value as decode_columns.mjs prints it."""
    if value is None:
        return ["null", None]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", str(struct.unpack("<Q", struct.pack("<d", value))[0])]
    return ["text" if isinstance(value, bytearray) else "blob", bytes(value).hex()]


def text(value: str) -> bytearray:
    """TEXT as the connections of the worker give it."""
    return bytearray(value.encode())


def test_every_value_comes_back_bit_for_bit() -> None:
    numbers: list[Value] = [0, 1, -1, LARGEST, -LARGEST - 1, 2**53 + 1]
    everything: list[Value] = [None, *numbers, *FLOATS, *map(text, TEXTS), b"", bytes(range(256))]
    everything += [math.inf, -math.inf, bytearray(b"\xff not UTF-8")]
    rows = [(value, everything[0], 7, 0.5, text("x"), b"y") for value in everything]
    names = ["mixed", "null", "int", "float", "text", "blob"]
    assert decoded(rows, names=names)["cells"] == [[as_sent(v) for v in row] for row in rows]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.tuples(values, values), max_size=12), min_size=1, max_size=4))
def test_pieces_of_any_values_join_into_one_table(pieces: list[list[tuple[Value, Value]]]) -> None:
    result = decoded(*pieces, names=["a", "a"])
    rows = [row for piece in pieces for row in piece]
    assert result["size"] == len(rows)
    assert result["cells"] == [[as_sent(value) for value in row] for row in rows]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=200))
def test_floats_read_as_sqlite_prints_them(floats: list[float]) -> None:
    shown = [line[0]["text"] for line in decoded([(v,) for v in floats], names=["f"])["lines"]]
    con = sqlite3.connect(":memory:")
    for value, line in zip(floats, shown, strict=True):
        (printed,) = con.execute("SELECT CAST(? AS TEXT)", (value,)).fetchone()
        if line != printed:
            # SQLite computes its digits in long double; the last of the 15 may differ by one.
            assert math.isclose(float(line), float(printed), rel_tol=2e-14), (line, printed)
            assert line.partition("e")[2] == printed.partition("e")[2]
    con.close()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=200))
def test_a_copied_float_reads_back_as_the_same_number(floats: list[float]) -> None:
    result = decoded([(v,) for v in [*FLOATS, 1589459594.0123456, *floats]], names=["f"])
    values = [*FLOATS, 1589459594.0123456, *floats]
    for value, (copied,) in zip(values, result["texts"], strict=True):
        assert struct.pack("<d", float(copied)) == struct.pack("<d", value)
        assert "." in copied, "a REAL stays one where the text is read as SQL"
    assert result["tsv"]["text"].splitlines()[1:] == [copied for (copied,) in result["texts"]]


def test_null_empty_text_and_the_text_null_are_told_apart() -> None:
    (row,) = decoded([(None, text(""), text("NULL"), b"")], names=["", "", "", ""])["lines"]
    assert [(cell["kind"], cell["text"]) for cell in row] == [
        ("null", "NULL"),
        ("text", ""),
        ("text", "NULL"),
        ("blob", "x''"),
    ]


def test_a_long_text_is_cut_between_characters_and_whole_on_demand() -> None:
    long = "x" + "🙂" * 1000
    result = decoded([(text(long), bytes(100))], names=["t", "b"])
    line, blob = result["lines"][0]
    assert (line["cut"], line["text"]) == (True, "x" + "🙂" * 255 + "…")
    assert (blob["cut"], blob["text"]) == (True, f"x'{'00' * 24}…' · 100 bytes")
    assert result["texts"][0] == [long, f"x'{'00' * 100}'"]


def test_tab_separated_text_quotes_what_would_break_it() -> None:
    rows = [(text(value), None) for value in TEXTS]
    tsv = decoded(rows, names=["a\tb", ""])["tsv"]
    assert tsv["rows"] == len(TEXTS)
    assert tsv["text"].startswith('"a\tb"\t\n\t\nNULL\t\né🙂\t\n"a\tb"\t\n"say ""hi"""\t\n')


def test_a_result_without_rows_has_its_columns() -> None:
    assert decoded([], names=["a", "b"])["size"] == 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(st.tuples(values, values, values), max_size=8), min_size=1, max_size=3),
    st.data(),
)
def test_what_is_selected_goes_to_the_worker_as_it_is(
    pieces: list[list[tuple[Value, ...]]], data: st.DataObject
) -> None:
    rows = [row for piece in pieces for row in piece]
    start = data.draw(st.integers(0, len(rows)))
    end = data.draw(st.integers(start, len(rows)))
    columns = data.draw(st.lists(st.sampled_from([0, 1, 2]), min_size=1, unique=True))
    part = decoded(*pieces, names=["a", "b", "c"], chosen=(start, end, columns))["part"]
    file, described = bytes.fromhex(part["hex"]), part["described"]
    sent: list[tuple[Value, ...]] = []
    for piece in json.loads(file[:described]):
        begin = described + piece["start"]
        sent += read_piece(piece, memoryview(file[begin : begin + piece["size"]]))
    assert [list(map(as_sent, row)) for row in sent] == [
        [as_sent(row[column]) for column in columns] for row in rows[start:end]
    ]
    assert json.loads(part["names"]) == ["abc"[column] for column in columns]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.one_of(st.none(), st.integers(-LARGEST - 1, LARGEST)), max_size=30)))
def test_the_figures_of_integers_are_exact(pieces: list[list[int | None]]) -> None:
    rows = [[(value,) for value in piece] for piece in pieces]
    numbers = [value for piece in pieces for value in piece if value is not None]
    figures = decoded(*rows, names=["a"])["figures"]
    assert figures["numbers"] == len(numbers)
    if not numbers:
        return
    assert figures["sum"] == f"{sum(numbers):,}"
    assert figures["least"] == f"{min(numbers):,}"
    assert figures["most"] == f"{max(numbers):,}"
    average = float(figures["average"].replace(",", ""))
    assert math.isclose(average, sum(numbers) / len(numbers), rel_tol=1e-12, abs_tol=1e-9)


def test_the_figures_of_mixed_values_count_the_numbers_alone() -> None:
    rows: list[tuple[Value, ...]]
    rows = [(1, text("7")), (None, 0.1), (text("x"), 0.2), (-4, b"9"), (2, 1e16), (2, -1e16)]
    figures = decoded(rows, names=["a", "b"])["figures"]
    assert figures["numbers"] == 8
    assert (figures["least"], figures["most"]) == ("-1.0e+16", "1.0e+16")
    assert float(figures["sum"]) == pytest.approx(1.3)
    infinite = decoded([(math.inf,), (1,)], names=["a"])["figures"]
    assert (infinite["sum"], infinite["average"], infinite["least"]) == ("Inf", "Inf", "1")


def test_a_copy_for_a_spreadsheet_has_its_markup_escaped() -> None:
    rows = [(text("<script>&\"'\n1"), 7, None, text("=1+1"))]
    result = decoded(rows, names=["<a>", "n", "", "f"])
    assert "<script>" not in result["markup"]
    assert "&lt;script&gt;&amp;&quot;'<br style=" in result["markup"]
    assert "<th>&lt;a&gt;</th>" in result["markup"]
    assert "<td>7</td><td></td>" in result["markup"]
    assert result["tsv"]["text"].endswith("\t7\t\t=1+1"), "a formula stays the text that it is"
