"""The kernel bank: values worked out by hand, gradients, and padding."""

from __future__ import annotations

import math

import pytest
import torch

from skerry.ranking.interaction.idf_gate import relative_idf
from skerry.ranking.interaction.kernels import KernelBank, kernel_centres, knrm_bank, log_pool


def test_centres_are_those_of_the_paper() -> None:
    assert kernel_centres(11) == pytest.approx([1, 0.9, 0.7, 0.5, 0.3, 0.1, -0.1, -0.3, -0.5, -0.7, -0.9])
    assert kernel_centres(1) == [1.0]


def test_by_hand() -> None:
    bank = KernelBank([1.0, 0.5], [0.001, 0.1])
    counts = bank(torch.tensor([[[1.0, 1.0, 0.4]]]), torch.ones(1, 1, 3, dtype=torch.bool))
    near = 2 * math.exp(-(0.5**2) / 0.02) + math.exp(-(0.1**2) / 0.02)
    assert counts[0, 0].tolist() == pytest.approx([2.0, near])
    pooled = log_pool(counts, torch.ones(1, 1, dtype=torch.bool))
    assert pooled[0].tolist() == pytest.approx([0.01 * math.log(2), 0.01 * math.log(near)])


def test_only_exact_matches_reach_the_exact_kernel() -> None:
    counts = knrm_bank()(torch.tensor([[[1.0, 0.99]]]), torch.ones(1, 1, 2, dtype=torch.bool))
    assert float(counts[0, 0, 0]) == pytest.approx(1, abs=1e-6)


def test_padding_fires_no_kernel() -> None:
    # The known mistake: padding has the similarity 0, where the kernels at .1 and -.1 answer with exp(-.5).
    similarity = torch.zeros(1, 1, 4)
    mask = torch.tensor([[[True, False, False, False]]])
    masked, unmasked = knrm_bank()(similarity, mask), knrm_bank()(similarity, torch.ones_like(mask))
    assert masked[0, 0, 5:7].tolist() == pytest.approx([math.exp(-0.5)] * 2)
    assert unmasked[0, 0, 5:7].tolist() == pytest.approx([4 * math.exp(-0.5)] * 2)
    assert knrm_bank()(similarity, torch.zeros_like(mask)).eq(0).all()


def test_padding_of_the_query_adds_no_floor() -> None:
    counts = torch.tensor([[[2.0], [0.0]]])
    assert log_pool(counts, torch.tensor([[True, False]])).item() == pytest.approx(0.01 * math.log(2))
    assert log_pool(counts, torch.tensor([[True, True]])).item() == pytest.approx(
        0.01 * (math.log(2) + math.log(1e-10))
    )


def test_words_weigh_by_idf() -> None:
    counts = torch.tensor([[[2.0], [0.5], [0.1]]])
    mask = torch.tensor([[True, True, False]])
    weights = relative_idf(torch.tensor([[3.0, 1.0, 7.0]]), mask)
    assert weights.tolist() == [[1.5, 0.5, 0.0]]
    expected = 0.01 * (1.5 * math.log(2) + 0.5 * math.log(0.5))
    assert log_pool(counts, mask, weights).item() == pytest.approx(expected)
    # Whatever a caller gives padding, it adds nothing.
    assert log_pool(counts, mask, torch.tensor([[1.5, 0.5, 9.0]])).item() == pytest.approx(expected)
    nothing = relative_idf(
        torch.tensor([[0.0, 0.0], [2.0, 2.0]]), torch.tensor([[True, True], [False, False]])
    )
    assert nothing.eq(0).all()


def test_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    similarity = (torch.rand(2, 3, 5, generator=generator, dtype=torch.float64) * 1.8 - 0.9).requires_grad_()
    mask = torch.rand(2, 3, 5, generator=generator) > 0.3
    query = torch.tensor([[True, True, False], [True, True, True]])
    bank = KernelBank(kernel_centres(11), [0.3] * 11)
    assert torch.autograd.gradcheck(lambda s: log_pool(bank(s, mask), query), (similarity,))
    exact = torch.full((1, 1, 1), 0.9995, dtype=torch.float64, requires_grad=True)
    whole = torch.ones(1, 1, 1, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda s: knrm_bank()(s, whole), (exact,), eps=1e-8, atol=1e-3)
