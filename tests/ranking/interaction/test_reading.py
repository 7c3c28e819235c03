"""The blocks that read texts: what stands at padding changes nothing."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from skerry.ranking.interaction.contextual import ContextLayer, MixedContext, heads_for, positions
from skerry.ranking.interaction.grid import Grid
from skerry.ranking.interaction.n_grams import NGrams
from skerry.ranking.interaction.recurrent import BothWays
from skerry.ranking.interaction.windows import query_windows

MASK = torch.tensor([[True, True, True, False, False], [True, False, False, False, False], [False] * 5])


@pytest.mark.parametrize(
    "block", [NGrams(6, 4, 3), BothWays(6, 4), ContextLayer(6, 8), MixedContext(6, 8, 2)], ids=str
)
def test_padding_changes_no_word(block: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(1)
    vectors = torch.randn(3, 5, 6, generator=generator)
    other = torch.where(MASK.unsqueeze(2), vectors, torch.randn(3, 5, 6, generator=generator) * 100)
    found = block(vectors, MASK)
    assert torch.isfinite(found).all()
    assert torch.allclose(found[MASK], block(other, MASK)[MASK], atol=1e-5)
    short = block(vectors[:, :3], MASK[:, :3])
    assert torch.allclose(short[MASK[:, :3]], found[MASK], atol=1e-5)


def test_both_ways_is_what_the_library_makes_of_packed_texts() -> None:
    block, library = BothWays(6, 4), torch.nn.LSTM(6, 4, batch_first=True, bidirectional=True)
    library.load_state_dict(
        dict(block.from_start.state_dict())
        | {f"{name}_reverse": weights for name, weights in block.from_end.state_dict().items()}
    )
    vectors, lengths = torch.randn(3, 5, 6), torch.tensor([5, 1, 3])
    mask = torch.arange(5) < lengths.unsqueeze(1)
    packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(library(packed)[0], batch_first=True)
    assert torch.allclose(block(vectors, mask), expected, atol=1e-6)


@pytest.mark.parametrize("centred", [True, False])
def test_a_grid_keeps_the_size_and_forgets_padding(centred: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    matrices = torch.randn(2, 3, 4, 5, generator=generator)
    mask = torch.zeros(2, 4, 5, dtype=torch.bool)
    mask[0, :2, :3] = mask[1, :3, :4] = True
    for size in (1, 2, 3):
        grid = Grid(3, 2, size, centred=centred)
        found = grid(matrices, mask)
        assert found.shape == (2, 2, 4, 5)
        assert found[~mask.unsqueeze(1).expand_as(found)].eq(0).all()
        other = torch.where(mask.unsqueeze(1), matrices, 77.0)
        assert torch.allclose(grid(other, mask), found, atol=1e-5)


def test_a_grid_by_hand() -> None:
    grid = Grid(1, 1, 2, centred=False)
    with torch.no_grad():
        grid.convolution.weight.fill_(1.0)
        grid.convolution.bias.zero_()
    found = grid(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.ones(1, 2, 2, dtype=torch.bool))
    assert found[0, 0].tolist() == [[10.0, 6.0], [7.0, 4.0]]


def test_windows_by_hand() -> None:
    similarity = torch.arange(1.0, 13.0).view(1, 2, 6)
    exact = torch.zeros(1, 2, 6, dtype=torch.bool)
    exact[0, 0, [0, 3, 4]] = exact[0, 1, 5] = True
    windows = query_windows(similarity, exact, most=2, size=3)
    assert windows.there.tolist() == [[[True, True], [True, False]]]
    assert windows.places.tolist() == [[[0, 3], [5, 0]]]
    assert windows.similarity.tolist() == [
        [[0, 1, 2], [0, 7, 8]],
        [[3, 4, 5], [9, 10, 11]],
        [[5, 6, 0], [11, 12, 0]],
    ]
    none = query_windows(similarity, torch.zeros_like(exact), most=9, size=3)
    assert none.similarity.shape == (0, 2, 3)
    assert none.there.shape == (1, 2, 9)


def test_positions_and_heads() -> None:
    waves = positions(4, 7)
    assert waves.shape == (4, 7)
    assert waves[0].tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert [heads_for(width) for width in (50, 300, 40, 12, 13)] == [5, 10, 4, 1, 1]
