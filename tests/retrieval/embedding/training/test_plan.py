"""Which step comes when."""

from __future__ import annotations

import pytest

from skerry.core.errors import InvalidInput
from skerry.retrieval.embedding.training.plan import plan
from skerry.retrieval.embedding.training.settings import Settings


def test_questions_alone() -> None:
    assert plan(3, None, 0, 0) == [("questions", 0), ("questions", 1), ("questions", 2)]
    assert plan(3, 5, 0, 0)[-1] == ("questions", 4)


def test_other_kinds_come_between() -> None:
    kinds = [kind for kind, _ in plan(1, 12, 4, 9)]
    assert kinds == [
        "similarity",
        *["questions"] * 2,
        "distillation",
        *["questions"] * 3,
        "distillation",
        "questions",
        "similarity",
        "questions",
        "distillation",
    ]


@pytest.mark.parametrize(("distil_every", "similarity_every"), [(3, 3), (4, 9), (3, 0), (0, 3), (5, 4)])
def test_epochs_take_all_batches_whatever_comes_between(distil_every: int, similarity_every: int) -> None:
    steps = plan(20, None, distil_every, similarity_every)
    for kind in ("questions", "distillation", "similarity"):
        numbers = [number for each, number in steps if each == kind]
        assert numbers == list(range(len(numbers)))
        if kind == "questions":
            assert len(numbers) == 20
    assert plan(20, len(steps), distil_every, similarity_every) == steps


def test_a_plan_without_questions_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no step for the questions"):
        Settings(distil_every=1)
    with pytest.raises(InvalidInput, match="no step for the questions"):
        Settings(similarity_every=2)
