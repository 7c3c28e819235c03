"""From questions to pairs."""

from __future__ import annotations

from skerry.retrieval.corpusbrain.pretraining.pairs import Pair
from skerry.retrieval.corpusbrain.training.questions import PageQuestion, question_pairs


def test_pages_by_number_and_unknown_ones_left_out() -> None:
    questions = [
        PageQuestion("who", ("b", "nowhere", "a")),
        PageQuestion("what", ("nowhere",)),
        PageQuestion("where", ()),
        PageQuestion("who", ("c",)),
    ]
    numbers = {"a": 0, "b": 1, "c": 2}
    assert question_pairs(questions, numbers) == [Pair("who", (1, 0)), Pair("who", (2,))]
    assert question_pairs([], numbers) == question_pairs(questions, {}) == []
