"""Learning objectives against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from skerry.ranking.objectives.listwise_softmax import listwise_softmax


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
