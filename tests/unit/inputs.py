"""Inputs of several tests."""

from __future__ import annotations

from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


MANY = (
    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n"
)

NUMBERISH = st.text("0123456789-+.eE NA", max_size=24) | st.integers().map(str)
NUMBERISH |= st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.just("")
