"""Which columns of text become numbers: those whose values stay what they are."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sahpool_console.session.formats.kinds import BIG, NONE, REAL, SMALL, TEXT, widened
from tests.unit.inputs import NUMBERISH


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
        (["-0"], REAL),
        (["-"], TEXT),
        ([" 1"], TEXT),
        (["1 "], TEXT),
        (["1\n2"], TEXT),
        (["\u0661"], TEXT),
        (["1_000"], TEXT),
        (["0x10"], TEXT),
        (["1.50", "2", "-.5", "1e-7", "0.0"], REAL),
        (["0.30000000000000004", "-73.97785568237305"], REAL),
        (["0.1000000000000000000000"], REAL),
        (["3.14159265358979323846264338328"], TEXT),
        (["1e400"], TEXT),
        (["1e-400"], TEXT),
        (["1e5"], REAL),
        (["00.5"], TEXT),
        (["1."], TEXT),
        (["1,5"], TEXT),
        (["nan"], TEXT),
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
    assert widened(NONE, values) == kind


@pytest.mark.parametrize(
    ("before", "values", "after"),
    [
        (SMALL, ["1234567890123456"], BIG),
        (SMALL, ["1.5"], REAL),
        (BIG, ["1.5"], TEXT),
        (BIG, ["1"], BIG),
        (REAL, ["1"], REAL),
        (REAL, ["x"], TEXT),
        (REAL, ["", "NA"], REAL),
        (TEXT, ["1"], TEXT),
    ],
)
def test_a_kind_only_ever_widens(before: int, values: list[str], after: int) -> None:
    assert widened(before, values) == after


@given(st.lists(st.lists(NUMBERISH, max_size=5), max_size=4))
def test_what_is_called_a_number_is_that_number(batches: list[list[str]]) -> None:
    kind = NONE
    for batch in batches:
        kind = widened(kind, batch)
    for value in (v for batch in batches for v in batch if v not in ("", "NA")):
        assert kind != NONE
        if kind in (SMALL, BIG):
            assert str(int(value)) == value
            assert -(2**63) <= int(value) < 2**63
        if kind == SMALL:
            assert int(float(value)) == int(value)
        if kind == REAL:
            assert Decimal(repr(float(value))) == Decimal(value)
