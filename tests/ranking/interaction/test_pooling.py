"""k-max, segments and masked pooling, against values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from skerry.ranking.interaction.idf_gate import IdfGate
from skerry.ranking.interaction.k_max import k_max, largest
from skerry.ranking.interaction.masked import masked_max, masked_mean, masked_softmax
from skerry.ranking.interaction.segment_max import segment_max


def test_k_max_by_hand() -> None:
    values = torch.tensor([[0.3, 0.9, -0.5, 0.7], [-1.0, -2.0, 5.0, 5.0]])
    mask = torch.tensor([[True, True, True, True], [True, True, False, False]])
    best = largest(values, mask, 3)
    assert torch.allclose(best.values, torch.tensor([[0.9, 0.7, 0.3], [-1.0, -2.0, 0.0]]))
    assert best.places.tolist() == [[1, 3, 0], [0, 1, 0]]
    assert best.there.tolist() == [[True, True, True], [True, True, False]]
    assert torch.equal(k_max(values, mask, 3), best.values)
    assert k_max(values, mask, 6).shape == (2, 6)
    assert k_max(values, torch.zeros_like(mask), 2).eq(0).all()


def test_of_equal_values_the_first() -> None:
    values = torch.full((1, 200), 0.25) + torch.randn(200, generator=torch.Generator().manual_seed(0)) * 1e-8
    assert largest(values, torch.ones(1, 200, dtype=torch.bool), 3).places.tolist() == [[0, 1, 2]]


def test_segments_by_hand() -> None:
    values = torch.tensor([[[1.0, 5.0, 2.0, 4.0, 99.0]], [[-3.0, 99.0, 99.0, 99.0, 99.0]]])
    lengths = torch.tensor([4, 1])
    pooled = segment_max(values, lengths, 2)
    assert pooled.tolist() == [[[5.0, 4.0]], [[-3.0, -3.0]]]
    # Three parts of four words: 0-1, 1-2, 2-3.
    assert segment_max(values, lengths, 3)[0].tolist() == [[5.0, 5.0, 4.0]]
    assert segment_max(values, torch.tensor([0, 0]), 3).eq(0).all()


@pytest.mark.parametrize("segments", [1, 3, 10])
def test_segments_are_those_of_adaptive_max_pooling(segments: int) -> None:
    generator = torch.Generator().manual_seed(2)
    values = torch.randn(6, 4, 3, 25, generator=generator)
    lengths = torch.tensor([1, 2, 9, 10, 24, 25])
    pooled = segment_max(values, lengths, segments)
    for row, length in enumerate(lengths.tolist()):
        part = values[row, ..., :length].flatten(0, 1)
        expected = torch.nn.functional.adaptive_max_pool1d(part, segments).view(4, 3, segments)
        assert torch.equal(pooled[row], expected)


def test_maximum_and_not_average() -> None:
    # The known mistake: an average drowns one match among many words.
    values = torch.zeros(1, 1, 100)
    values[0, 0, 37] = 1.0
    assert segment_max(values, torch.tensor([100]), 10)[0, 0, 3] == 1


def test_what_is_masked_counts_for_nothing() -> None:
    logits = torch.tensor([[1.0, 1.0, 50.0], [0.0, 0.0, 0.0]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert torch.allclose(masked_softmax(logits, mask), torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]))
    values = torch.tensor([[[1.0], [3.0], [50.0]], [[7.0], [8.0], [9.0]]])
    assert masked_mean(values, mask).tolist() == [[2.0], [0.0]]
    assert masked_max(values, mask.unsqueeze(2), 1).tolist() == [[3.0], [0.0]]
    gate = IdfGate()
    assert torch.allclose(gate(logits, mask), masked_softmax(logits, mask))
    with torch.no_grad():
        gate.weight.zero_()
    assert gate(torch.tensor([[9.0, 1.0, 0.0]]), mask[:1])[0].tolist() == [0.5, 0.5, 0.0]
