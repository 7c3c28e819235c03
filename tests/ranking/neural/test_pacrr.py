"""What Co-PACRR adds to PACRR."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.neural.co_pacrr import CoPacrr
from skerry.ranking.neural.pacrr import Pacrr

from ..words import WIDTH, featuriser, request  # noqa: TID252 -- the room's own words


def score(model: Pacrr, asked: RankRequest) -> torch.Tensor:
    made = featuriser(model.fields)
    with torch.no_grad():
        scores: torch.Tensor = model(made.batch(made.encode([asked])))
    return scores


def made(**options: Any) -> Pacrr:
    torch.manual_seed(3)
    return Pacrr(WIDTH, 8, 60, **options)


def moved(after: str) -> RankRequest:
    """One match at the start of a text, and the same match at its end, among `after`."""
    filler = " ".join([after] * 30)
    return RankRequest("w1", (Candidate("", f"w1 {filler}"), Candidate("", f"{filler} w1")))


def test_plain_pacrr_does_not_see_where_a_single_word_is() -> None:
    plain = score(made(longest=1), moved("w9"))
    assert float(plain[0]) == pytest.approx(float(plain[1]), abs=1e-6)


@pytest.mark.parametrize("options", [{"cascade": (0.25, 1.0)}, {"cascade": (0.5,)}])
def test_the_cascade_sees_where_a_match_is(options: dict[str, Any]) -> None:
    found = score(made(longest=1, **options), moved("w9"))
    assert abs(float(found[0] - found[1])) > 1e-4


def test_the_context_sees_what_is_around_a_match() -> None:
    near = RankRequest("w1 w2", (Candidate("", "w1 w2 w2 w2 w2 w9"), Candidate("", "w1 w9 w2 w2 w2 w2")))
    plain, seeing = made(longest=1), made(longest=1, context=1)
    apart = score(seeing, near)
    assert abs(float(apart[0] - apart[1])) > 1e-4
    same = score(plain, near)
    assert float(same[0]) == pytest.approx(float(same[1]), abs=1e-5)


def test_words_are_shuffled_in_training_only() -> None:
    asked = request(1, 6)
    model = CoPacrr(WIDTH, 8, 60)
    model.eval()
    assert torch.equal(score(model, asked), score(model, asked))
    model.train()
    assert len({tuple(score(model, asked).tolist()) for _ in range(5)}) > 1
    plain = made().train()
    assert torch.equal(score(plain, asked), score(plain, asked))
