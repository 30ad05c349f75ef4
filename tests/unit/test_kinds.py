"""Which columns of text become numbers: those whose values stay what they are."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sahpool_console.session.formats.kinds import BIG, MARKS, NONE, REAL, SMALL, TEXT, Column
from sahpool_console.session.notes import Note, as_fields
from tests.unit.fake_host import said
from tests.unit.inputs import NUMBERISH

DIGITS = set("-.0123456789")


def kind_of(*batches: list[str]) -> int:
    column = Column()
    for values in batches:
        column.widen(values)
    return column.kind


def reason_of(*batches: list[str]) -> str:
    """Why a column stays text, as the note about it says it; empty: no reason is named."""
    column = Column()
    for values in batches:
        column.widen(values)
    assert column.kind == TEXT
    if column.misfit is None:
        return ""
    reason = column.misfit.reason or ""
    params = {"column": "", "value": column.misfit.value, "where": "", "reason": reason}
    (note,) = said([as_fields(Note("stayed-text", params))])
    return note.removeprefix(" stayed text because of ").removesuffix(".")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["", ""], NONE),
        (["0", "-1", "", "999999999999999"], SMALL),
        (["1234567890123456"], BIG),
        ([str(2**63 - 1), str(-(2**63))], BIG),
        ([str(2**63)], TEXT),
        (["12345678901234567890"], TEXT),
        (["007"], TEXT),
        (["+5"], TEXT),
        (["-0"], TEXT),
        (["-0.0"], TEXT),
        (["-0.5"], REAL),
        (["-"], TEXT),
        ([" 1"], TEXT),
        (["1 "], TEXT),
        (["1\n2"], TEXT),
        (["\u0661"], TEXT),
        (["1_000"], TEXT),
        (["0x10"], TEXT),
        (["1.5", "2", "-0.5", "1e-7"], REAL),
        (["1.0", "2.25", "3.5"], REAL),
        (["1.50", "2.25", "-3.00"], REAL),
        (["-.5", ".25"], REAL),
        (["0.30000000000000004", "-73.97785568237305"], REAL),
        (["0.1000000000000000000000"], REAL),
        (["3.14159265358979323846264338328"], TEXT),
        (["1e400"], TEXT),
        (["1e-400"], TEXT),
        (["1e5"], TEXT),
        (["2E5", "3E7"], TEXT),
        (["1.5e5"], REAL),
        (["1e+16", "0.5"], REAL),
        (["3.9", "3.10", "3.11"], TEXT),
        (["00.5"], TEXT),
        (["1."], TEXT),
        (["1,5"], REAL),
        (["1,500"], TEXT),
        (["1,501", "0,5"], REAL),
        (["1,500", "1,500,000"], SMALL),
        (["1,500", "1,500,000", "1500"], TEXT),
        (["1.500,25", "-249"], REAL),
        (["555 123", "555 124"], TEXT),
        (["1 500 000"], SMALL),
        (["nan"], NONE),
        (["1", "NULL", "\\N", "N/A"], SMALL),
        (["inf"], TEXT),
        (["NA", "", "NA"], NONE),
        (["NA", "1"], SMALL),
        (["1.5", "NA"], REAL),
        (["NA", "x"], TEXT),
        (["AN"], TEXT),
        (["NANA"], TEXT),
        (["N", "A"], TEXT),
        (["1", "2.5", "1234567890123456"], REAL),
        (["2.5", "9007199254740993"], TEXT),
    ],
)
def test_a_column_becomes_numbers_only_if_no_value_changes(values: list[str], kind: int) -> None:
    assert kind_of(values) == kind


@pytest.mark.parametrize(
    ("before", "values", "after"),
    [
        (["1"], ["1234567890123456"], BIG),
        (["1"], ["1.5"], REAL),
        (["1234567890123456"], ["1.5"], TEXT),
        (["1234567890123456"], ["1"], BIG),
        (["1.5"], ["1"], REAL),
        (["1.5"], ["x"], TEXT),
        (["1.5"], ["", "NA"], REAL),
        (["x"], ["1"], TEXT),
        (["1"], ["1.0"], TEXT),
        (["1.0"], ["1"], TEXT),
        (["1.5"], ["1.50"], TEXT),
        (["1.50"], ["1.5"], TEXT),
        (["0.5"], [".5"], TEXT),
        (["1.5e3"], ["1500"], TEXT),
        (["1e-05"], ["0.00001"], TEXT),
        (["0.00001"], ["1e-05"], TEXT),
        (["1.25"], ["1.50"], REAL),
        (["1.25"], ["1.5"], REAL),
        (["1.25", "1.5"], ["1.50"], TEXT),
        (["12,50"], ["3"], REAL),
        (["12,50"], ["3.5"], TEXT),
    ],
)
def test_a_kind_only_ever_widens(before: list[str], values: list[str], after: int) -> None:
    assert kind_of(before, values) == after


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["1", "2", "3", "x"], "x"),
        (["007", "1", "2"], "007"),
        (["3.1", "3.9", "3.10"], "3.10, which would become 3.1"),
        (["1", "1.0"], "1.0, which would become the same as 1"),
        (["52,520", "48,857"], "52,520, which may be 52520 or 52.520"),
        (["1,000", "2,000,000", "5000"], "5000"),
        (["1", "x", "y"], ""),
        (["2E5", "3E7"], ""),
        (["a", "b"], ""),
    ],
)
def test_a_column_that_just_misses_being_numbers_says_why(values: list[str], reason: str) -> None:
    assert reason_of(values) == reason


@given(st.lists(st.lists(NUMBERISH, max_size=5), max_size=4))
def test_what_is_called_a_number_is_that_number(batches: list[list[str]]) -> None:
    column = Column()
    for batch in batches:
        column.widen(batch)
    kind = column.kind
    values = [v for batch in batches for v in batch if v not in ("", *MARKS)]
    if kind == REAL:
        texts = {value for batch in batches for value in column.plain(batch) if value[:1] in DIGITS}
        assert len(set(map(float, texts))) == len(texts)
    for value in column.plain(values) if values else []:
        assert kind != NONE
        if kind in (SMALL, BIG):
            assert str(int(value)) == value
            assert -(2**63) <= int(value) < 2**63
        if kind == SMALL:
            assert int(float(value)) == int(value)
        if kind == REAL:
            assert Decimal(repr(float(value))) == Decimal(value)
