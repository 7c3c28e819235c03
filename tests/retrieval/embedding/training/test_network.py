"""The encoder in training: its states are the shipped encoder's, and each depth trains what it is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.models.store import Model
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.training.network import TrainableEncoder
from skerry.retrieval.embedding.training.texts import cut_text

from ..conftest import LAYERS, WIDTH, WORDS  # noqa: TID252 -- the room's words

TEXTS = ["the lamp", WORDS, "fog", "ferry crossed the reef at dusk", "who kept light", WORDS[:50]]


@pytest.mark.parametrize("kind", ["bert", "mpnet"])
def test_states_are_those_of_the_encoder_at_every_layer(small: Callable[[str], Model], kind: str) -> None:
    trained = TrainableEncoder(small(kind), (2,), 0)
    assert (trained.layers, trained.width) == (LAYERS, WIDTH)
    with torch.no_grad():
        states = trained.vectors(trained.tokens(TEXTS, 64))
    wanted = SentenceEncoder(small(kind)).encode_layers(TEXTS, range(1, LAYERS + 1))
    for layer, state in enumerate(states, start=1):
        unit = torch.nn.functional.normalize(state, dim=1).numpy()
        np.testing.assert_allclose(unit, wanted[layer], atol=2e-2)
    # The tolerance tells layers apart, the embeddings' output included.
    assert min(np.abs(wanted[n] - wanted[n + 1]).max() for n in range(1, LAYERS)) > 0.1


def test_texts_come_back_in_their_order(small: Callable[[str], Model]) -> None:
    encoder = TrainableEncoder(small("bert"), (), 0)
    assert not encoder.factors
    many = encoder.tokens(TEXTS * 40, 64)  # several chunks
    with torch.no_grad():
        states = encoder.vectors(many)
        for row, tokens in enumerate(many[:6]):
            for state, alone in zip(states, encoder.vectors([tokens]), strict=True):
                torch.testing.assert_close(state[row], alone[0], atol=3e-2, rtol=0)
                torch.testing.assert_close(state[row], state[row + 6], atol=3e-2, rtol=0)


def test_long_texts_are_cut(small: Callable[[str], Model]) -> None:
    encoder = TrainableEncoder(small("bert"), (), 0)
    assert [len(ids) for ids in encoder.tokens([WORDS, "fog"], 6)] == [6, 3]
    assert len(encoder.tokens([" ".join([WORDS] * 20)], 500)[0]) == 80  # the model's positions
    with pytest.raises(InvalidInput, match="Unicode"):
        encoder.tokens(["\ud800"], 8)


@pytest.mark.parametrize("depth", range(1, LAYERS + 1))
def test_a_depth_trains_the_layers_up_to_it_and_no_other(small: Callable[[str], Model], depth: int) -> None:
    encoder = TrainableEncoder(small("bert"), (2,), 0)
    states = encoder.vectors(encoder.tokens(TEXTS, 64))
    weights = torch.randn(WIDTH // 2, generator=torch.Generator().manual_seed(1))
    (states[depth - 1][:, : WIDTH // 2] @ weights).sum().backward()  # type: ignore[no-untyped-call]
    touched = set()
    for name, part in encoder._network.named_modules():
        update = getattr(part, "b", None)
        if isinstance(update, torch.nn.Parameter) and update.grad is not None and update.grad.any():
            touched.add(int(name.split(".")[2]) + 1)
    assert touched == set(range(1, depth + 1))
    assert all(
        parameter.grad is None
        for name, parameter in encoder._network.named_parameters()
        if not name.endswith((".a", ".b"))
    )


def test_weights_formed_once_a_step_are_the_same(small: Callable[[str], Model]) -> None:
    encoder = TrainableEncoder(small("bert"), (3, 2, 2, 1), 5)
    with torch.no_grad():
        for factor in encoder.factors:
            factor.normal_(std=0.2, generator=torch.Generator().manual_seed(2))
    tokens = encoder.tokens(TEXTS, 64)

    def gradients() -> list[torch.Tensor]:
        for factor in encoder.factors:
            factor.grad = None
        loss = sum(state.square().mean() for part in (tokens, tokens[:2]) for state in encoder.vectors(part))
        assert isinstance(loss, torch.Tensor)
        loss.backward()  # type: ignore[no-untyped-call]
        return [factor.grad for factor in encoder.factors if factor.grad is not None]

    apart = gradients()
    with encoder.step():
        together = gradients()
    assert len(apart) == len(encoder.factors)
    for one, other in zip(apart, together, strict=True):
        assert (one - other).norm() <= 0.05 * one.norm()
    with torch.no_grad():
        before = encoder.vectors(tokens)[0]
        encoder.factors[0].add_(1.0)
        with encoder.step():
            assert not torch.equal(encoder.vectors(tokens)[0], before)


def test_ranks_are_the_layers_own(small: Callable[[str], Model]) -> None:
    encoder = TrainableEncoder(small("bert"), (4, 3, 2, 1), 0)
    ranks = {
        (int(name.split(".")[2]), len(factor))
        for name, factor in encoder.state().items()
        if name.endswith("_a")
    }
    assert ranks == {(0, 4), (1, 3), (2, 2), (3, 1)}
    first, again = (TrainableEncoder(small("bert"), (4,), 0).factors for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert not torch.equal(first[0], TrainableEncoder(small("bert"), (4,), 1).factors[0])
    layer_by_layer = [factor for factor in first if factor.shape == first[0].shape and factor.any()]
    assert not torch.equal(layer_by_layer[0], layer_by_layer[-1])


def test_what_cannot_be_trained(small: Callable[[str], Model], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="3 ranks for the 4 layers"):
        TrainableEncoder(small("bert"), (4, 3, 2), 0)
    with pytest.raises(InvalidInput, match="roberta-prelayernorm"):
        TrainableEncoder(small("roberta-prelayernorm"), (4,), 0)
    with pytest.raises(IndexCorrupt, match=str(tmp_path)):
        TrainableEncoder(dataclasses.replace(small("bert"), folder=tmp_path), (4,), 0)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_a_share_of_the_change_is_kept(small: Callable[[str], Model], strength: float) -> None:
    encoder = TrainableEncoder(small("bert"), (3,), 0)
    with torch.no_grad():
        for factor in encoder.factors:
            factor.normal_(generator=torch.Generator().manual_seed(4))
    before = encoder.state()
    added = {
        name.removesuffix("_b"): before[name] @ before[name[:-1] + "a"]
        for name in before
        if name.endswith("low_rank_b")
    }
    encoder.weaken(strength)
    after = encoder.state()
    for name, whole in added.items():
        torch.testing.assert_close(after[name + "_b"] @ after[name + "_a"], strength * whole)


@pytest.mark.parametrize("kind", ["bert", "mpnet"])
def test_a_whole_depth_that_is_kept(small: Callable[[str], Model], kind: str) -> None:
    encoder = TrainableEncoder(small(kind), (3,), 0, keep_whole=True)
    tokens = encoder.tokens(TEXTS, 64)
    encoder.start(tokens, tokens)
    before = [vectors.detach() for vectors in encoder.vectors(tokens)]
    with torch.no_grad():
        for factor in encoder.factors:
            factor.normal_(std=0.3, generator=torch.Generator().manual_seed(2))
    after = encoder.vectors(tokens)
    assert torch.equal(after[-1], before[-1]) and not after[-1].requires_grad
    torch.testing.assert_close(encoder.whole(tokens), before[-1])
    for layer in range(LAYERS - 1):
        assert after[layer].requires_grad
        assert not torch.allclose(after[layer], before[layer], atol=1e-2)
    assert not any(f".{LAYERS - 1}." in name for name in encoder.state() if "low_rank" in name)
    # The whole depth's map is a rotation: cosines are the untrained encoder's.
    plain = TrainableEncoder(small(kind), (), 0).vectors(tokens)[-1]
    unit, turned = (torch.nn.functional.normalize(vectors, dim=1) for vectors in (plain, after[-1]))
    torch.testing.assert_close(turned @ turned.T, unit @ unit.T, atol=1e-4, rtol=0)


@pytest.mark.parametrize("layers", [(1, 4, 4), (2, 3, 1)])
def test_early_layers_begin_as_those_that_are_named(
    small: Callable[[str], Model], layers: tuple[int, ...]
) -> None:
    encoder = TrainableEncoder(small("bert"), (2,), 0, keep_whole=True, early_layers=layers)
    tokens = encoder.tokens(TEXTS, 64)
    encoder.start(tokens, tokens)
    shipped = SentenceEncoder(small("bert"), adapter=encoder.state())
    with torch.no_grad():
        vectors = encoder.vectors(tokens)
    wanted = shipped.encode_layers(TEXTS, range(1, LAYERS + 1))
    for depth, made in enumerate(vectors, start=1):
        unit = torch.nn.functional.normalize(made, dim=1).numpy()
        np.testing.assert_allclose(unit, wanted[depth], atol=3e-2)
    plain = TrainableEncoder(small("bert"), (2,), 0, keep_whole=True, early_layers=(1, 2, 3))
    with torch.no_grad():
        assert not torch.allclose(plain.vectors(tokens)[1], vectors[1], atol=1e-2)


def test_vectors_of_stretches_are_the_encoders(small: Callable[[str], Model]) -> None:
    encoder = TrainableEncoder(small("bert"), (2,), 0, keep_whole=True)
    texts = [cut_text("the lamp", WORDS), cut_text("", "fog"), cut_text("fog", f"{WORDS} {WORDS}")]
    tokens, cut = encoder.cut_tokens(texts, 256)
    encoder.start(tokens, tokens)
    wanted = SentenceEncoder(small("bert"), adapter=encoder.state()).encode_stretches(
        [text.text for text in texts], [text.begin for text in texts], range(1, LAYERS + 1)
    )
    with torch.no_grad():
        early = encoder.cut_vectors(tokens, cut, LAYERS - 1)
    assert wanted.starts.tolist() == np.cumsum([0, *(1 + cut.counts)]).tolist()
    for depth, made in enumerate([*early, encoder.whole(tokens, cut)], start=1):
        unit = torch.nn.functional.normalize(made, dim=1).numpy()
        np.testing.assert_allclose(unit, wanted.layers[depth], atol=3e-2)


@pytest.mark.parametrize("layers", [(1, 2), (1, 2, 5), (0, 1, 2)])
def test_early_layers_that_cannot_be(small: Callable[[str], Model], layers: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="early layers"):
        TrainableEncoder(small("bert"), (2,), 0, keep_whole=True, early_layers=layers)
