"""With the mutation the promise's test fails, and without it the test passes."""

from __future__ import annotations

import pytest

import serve
from tests.promises.mutating import Trial
from tests.promises.table import Mutation, mutations


@pytest.fixture(scope="session")
def trial(worker_id: str) -> Trial:
    """A copy of this repository for each lane."""
    return Trial(serve.WORK / "promises" / worker_id)


@pytest.mark.slow
@pytest.mark.parametrize("mutation", mutations().values(), ids=lambda each: each.name)
def test_a_promise_s_test_finds_the_mutation_and_passes_without_it(
    trial: Trial, mutation: Mutation
) -> None:
    assert not trial.wrong(mutation)
