"""Exits beside pooling and maps written out, in the encoder at every depth, and what does not fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from skerry.core.errors import InvalidInput
from skerry.core.models.store import Model
from skerry.retrieval.embedding.adapter import EXITS
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.exits import Exits

from .conftest import LAYERS, WIDTH

TEXTS = ["the lighthouse keeper lit the lamp", "", "granite " * 30, "ferry reef fog bell rang"]


def random_exits(seed: int, layers: int = LAYERS, width: int = WIDTH) -> Exits:
    generator = torch.Generator().manual_seed(seed)
    exits = Exits(layers, width)
    with torch.no_grad():
        for parameter in exits.parameters():
            parameter += torch.randn(parameter.shape, generator=generator)
    return exits.requires_grad_(False)


def weighted(states: torch.Tensor, logits: list[float]) -> torch.Tensor:
    """One text's, token by token."""
    weights = np.exp(np.array(logits) - max(logits))
    total = sum(float(weight) * state for weight, state in zip(weights, states, strict=True))
    assert isinstance(total, torch.Tensor)
    return total / total.norm()


def by_hand(exits: Exits, words: torch.Tensor, states: torch.Tensor, layer: int) -> torch.Tensor:
    n = layer - 1
    logits = [float(w @ exits.by_word[n] + s @ exits.by_state[n]) for w, s in zip(words, states, strict=True)]
    lexical = weighted(words, [float(word @ exits.lexical) for word in words])
    return exits.state_map[n] @ weighted(states, logits) + exits.word_map[n] @ lexical + exits.bias[n]


@pytest.mark.parametrize("seed", range(3))
def test_vectors_are_those_written_out_and_padding_changes_nothing(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    exits = random_exits(seed, 3, 8)
    words, early, late = (torch.randn(2, 5, 8, generator=generator) for _ in range(3))
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    found = exits(words, [early, late], [1, 3], mask)
    for states, layer, vectors in ((early, 1, found[0]), (late, 3, found[1])):
        for row, length in enumerate((5, 2)):
            wanted = by_hand(exits, words[row, :length], states[row, :length], layer)
            torch.testing.assert_close(vectors[row], wanted, atol=1e-4, rtol=1e-4)


def test_new_exits_change_nothing(small: Callable[[str], Model]) -> None:
    plain = SentenceEncoder(small("bert"), "fp32").encode_layers(TEXTS, [1, LAYERS])
    adapter = Exits(LAYERS, WIDTH).tensors()
    found = SentenceEncoder(small("bert"), "fp32", adapter=adapter).encode_layers(TEXTS, [1, LAYERS])
    for layer, vectors in plain.items():
        assert found[layer] == pytest.approx(vectors, abs=1e-5)


@pytest.mark.parametrize("kind", ["bert", "mpnet", "roberta"])
def test_an_encoder_that_stops_early_gives_what_the_whole_one_gives_on_its_way(
    kind: str, small: Callable[[str], Model]
) -> None:
    encoder = SentenceEncoder(small(kind), "fp32", adapter=random_exits(3).tensors())
    together = encoder.encode_layers(TEXTS, range(1, LAYERS + 1))
    for layer in range(1, LAYERS + 1):
        alone = encoder.encode(TEXTS, layers=layer)
        assert alone == pytest.approx(together[layer], abs=1e-5)
        assert np.linalg.norm(alone, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
        one_by_one = np.concatenate([encoder.encode([text], layers=layer) for text in TEXTS])
        assert one_by_one == pytest.approx(alone, abs=1e-5)
        for other in range(1, layer):
            assert np.abs(alone - together[other]).max() > 0.1


def test_what_is_saved_is_loaded_and_nothing_else_fits() -> None:
    exits = random_exits(5)
    tensors = exits.tensors()
    loaded = Exits.of({"encoder.layer.0.low_rank_a": torch.ones(1), **tensors}, LAYERS, WIDTH)
    assert loaded is not None
    for name, value in exits.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    assert Exits.of({}, LAYERS, WIDTH) is None
    fewer = {name: value for name, value in tensors.items() if name != f"{EXITS}bias"}
    for wrong, layers, width in ((fewer, LAYERS, WIDTH), (tensors, 6, WIDTH), (tensors, LAYERS, 16)):
        with pytest.raises(
            InvalidInput, match=f"exits do not fit a model of {layers} layers of width {width}"
        ):
            Exits.of(wrong, layers, width)


@pytest.mark.parametrize("kind", ["bert", "mpnet", "roberta"])
def test_factors_of_the_layers_before_the_last_leave_the_whole_depth_alone(
    kind: str, small: Callable[[str], Model]
) -> None:
    generator = torch.Generator().manual_seed(1)
    factors = {
        f"encoder.layer.{layer}.output.dense.low_rank_{side}": torch.randn(size, generator=generator)
        for layer in range(LAYERS - 1)
        for side, size in (("a", (2, 64)), ("b", (WIDTH, 2)))
    }
    plain = SentenceEncoder(small(kind), "fp32")
    early = SentenceEncoder(small(kind), "fp32", adapter=factors)
    every = range(1, LAYERS + 1)
    untrained, found = plain.encode_layers(TEXTS, every), early.encode_layers(TEXTS, every)
    assert found[LAYERS] == pytest.approx(untrained[LAYERS], abs=1e-6)
    with_last = factors | {
        name.replace("layer.0", f"layer.{LAYERS - 1}"): 0 * value
        for name, value in factors.items()
        if "layer.0" in name
    }
    merged = SentenceEncoder(small(kind), "fp32", adapter=with_last).encode_layers(TEXTS, every)
    for layer in range(1, LAYERS):
        assert np.abs(found[layer] - untrained[layer]).max() > 0.05
        assert found[layer] == pytest.approx(merged[layer], abs=1e-6)
        assert early.encode(TEXTS, layers=layer) == pytest.approx(found[layer], abs=1e-6)
    assert np.abs(merged[LAYERS] - untrained[LAYERS]).max() > 0.05
    exits = random_exits(3).tensors()
    with_exits = SentenceEncoder(small(kind), "fp32", adapter=factors | exits)
    together = with_exits.encode_layers(TEXTS, every)
    for layer in every:
        assert with_exits.encode(TEXTS, layers=layer) == pytest.approx(together[layer], abs=1e-5)
