"""Histograms: values worked out by hand, and a loop over documents as the oracle."""

from __future__ import annotations

import pytest
import torch

from skerry.ranking.interaction.histogram import histogram


def test_by_hand() -> None:
    # Four ranges of [-1, 1] and the exact matches.
    similarity = torch.tensor([[[1.0, 1.0, 0.5, -0.1, -1.0, 0.49, 0.0]]])
    exact = torch.tensor([[[True, False, False, False, False, False, False]]])
    mask = torch.ones_like(exact)
    counts = histogram(similarity, exact, mask, 5)
    assert counts[0, 0].tolist() == [1, 1, 2, 2, 1]
    sums = histogram(similarity, exact, mask, 5, sums=True)
    assert sums[0, 0].tolist() == pytest.approx([-1.0, -0.1, 0.49, 1.5, 1.0])


def test_padding_is_not_counted() -> None:
    similarity = torch.zeros(1, 1, 4)
    nothing = torch.zeros(1, 1, 4, dtype=torch.bool)
    assert histogram(similarity, nothing, nothing, 30).sum() == 0
    mask = torch.tensor([[[True, False, False, False]]])
    assert histogram(similarity, nothing, mask, 30).sum() == 1


@pytest.mark.parametrize("sums", [False, True])
def test_as_a_loop_over_documents(sums: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    similarity = torch.rand(5, 3, 40, generator=generator) * 2 - 1
    mask = torch.rand(5, 3, 40, generator=generator) > 0.2
    exact = (torch.rand(5, 3, 40, generator=generator) > 0.9) & mask
    expected = torch.zeros(5, 3, 30)
    for row in range(5):
        for term in range(3):
            for place in range(40):
                if mask[row, term, place]:
                    value = float(similarity[row, term, place])
                    inside = 29 if exact[row, term, place] else min(28, int((value + 1) / 2 * 29))
                    expected[row, term, inside] += value if sums else 1
    assert torch.allclose(histogram(similarity, exact, mask, 30, sums=sums), expected, atol=1e-5)
