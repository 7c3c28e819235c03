"""Learning objectives against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from skerry.core.errors import NotFound
from skerry.ranking.objectives import OBJECTIVES
from skerry.ranking.objectives.cross_entropy import cross_entropy
from skerry.ranking.objectives.hinge import hinge
from skerry.ranking.objectives.list_mle import list_mle
from skerry.ranking.objectives.listwise_softmax import listwise_softmax
from skerry.ranking.objectives.ranknet import ranknet

NAMES = tuple(OBJECTIVES)


@pytest.mark.parametrize("name", NAMES)
def test_every_objective(name: str) -> None:
    objective = OBJECTIVES.load(name)
    good, even, bad = (
        float(objective(torch.tensor([[s, 0.0, -0.5]], dtype=torch.float64))) for s in (2.0, 0.0, -2.0)
    )
    assert 0 <= good < even < bad
    for large in ([[1e4, -1e4, -1e4]], [[-1e4, 1e4, 1e4]]):
        assert math.isfinite(float(objective(torch.tensor(large))))
    generator = torch.Generator().manual_seed(0)
    scores = (3 * torch.randn(4, 5, generator=generator, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(objective, (scores,))
    assert math.isfinite(float(objective(torch.zeros(3, 1))))
    whole = float(objective(scores.detach()))
    rows = [float(objective(row.detach().unsqueeze(0))) for row in scores]
    assert whole == pytest.approx(sum(rows) / 4)


def test_the_names() -> None:
    assert NAMES == ("cross-entropy", "hinge", "list-mle", "ranknet", "softmax")
    with pytest.raises(NotFound, match="Did you mean 'hinge'"):
        OBJECTIVES.load("hing")


def test_cross_entropy_by_hand() -> None:
    scores = torch.tensor([[math.log(3.0), 0.0]])
    assert float(cross_entropy(scores)) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


def test_hinge_by_hand() -> None:
    assert float(hinge(torch.tensor([[1.0, 0.5, -1.0]]))) == pytest.approx((0.5 + 0) / 2)


def test_each_negative_is_a_pair_of_its_own() -> None:
    # The known mistake: with the negatives averaged first the loss would be 0 here.
    assert float(hinge(torch.tensor([[0.0, 1.0, -9.0]]))) == pytest.approx((2 + 0) / 2)
    assert float(ranknet(torch.tensor([[0.0, 1.0, -9.0]]))) > 0.6


def test_ranknet_by_hand() -> None:
    scores = torch.tensor([[math.log(3.0), 0.0, math.log(3.0)]])
    assert float(ranknet(scores)) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


def test_list_mle_by_hand() -> None:
    # Odds 2 : 1 : 1, drawn in this order with the probabilities 1/2, 1/2 and 1.
    scores = torch.tensor([[math.log(2.0), 0.0, 0.0]])
    assert float(list_mle(scores)) == pytest.approx(2 * math.log(2))
    assert float(list_mle(torch.zeros(2, 4))) == pytest.approx(math.log(24))
    assert float(list_mle(torch.tensor([[2.0, 1.0, 0.0]]))) < float(list_mle(torch.tensor([[2.0, 0.0, 1.0]])))


def test_worked_out_by_hand() -> None:
    # Odds 2 : 1 : 1 and 1 : 3, so that the first candidates have the shares 1/2 and 1/4.
    assert float(listwise_softmax(torch.tensor([[math.log(2.0), 0.0, 0.0]]))) == pytest.approx(math.log(2))
    both = torch.tensor([[math.log(2.0), 0.0, 0.0], [0.0, math.log(2.0), 0.0]])
    assert float(listwise_softmax(both)) == pytest.approx((math.log(2) + math.log(4)) / 2)


@pytest.mark.parametrize("candidates", [1, 2, 6, 31])
def test_scores_that_tell_nothing(candidates: int) -> None:
    assert float(listwise_softmax(torch.full((3, candidates), 7.5))) == pytest.approx(math.log(candidates))


def test_a_shift_changes_nothing_and_large_scores_stay_finite() -> None:
    scores = torch.tensor([[1.0, -2.0, 0.5], [0.1, 0.2, 0.3]], dtype=torch.float64)
    assert float(listwise_softmax(scores + 1000)) == pytest.approx(float(listwise_softmax(scores)))
    assert float(listwise_softmax(torch.tensor([[1e4, -1e4]]))) == 0
    assert float(listwise_softmax(torch.tensor([[-1e4, 1e4]]))) == pytest.approx(2e4)


def test_gradient() -> None:
    scores = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scores.requires_grad_()
    assert torch.autograd.gradcheck(listwise_softmax, (scores,))
    listwise_softmax(scores).backward()
    target = torch.zeros(4, 5, dtype=torch.float64)
    target[:, 0] = 1
    assert torch.allclose(scores.grad, (torch.softmax(scores.detach(), 1) - target) / 4)
