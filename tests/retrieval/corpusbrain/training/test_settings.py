"""How many passes."""

from __future__ import annotations

import pytest

from skerry.retrieval.corpusbrain.training.settings import ENOUGH, Settings


@pytest.mark.parametrize(
    ("pairs", "passes"),
    [(1, 10), (ENOUGH // 10, 10), (ENOUGH // 4, 4), (ENOUGH // 2 + 1, 1), (ENOUGH * 50, 1), (0, 10)],
)
def test_small_corpora_are_read_more_often(pairs: int, passes: int) -> None:
    assert Settings().passes(pairs) == passes
    assert Settings(epochs=7).passes(pairs) == 7
