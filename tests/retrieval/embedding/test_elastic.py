"""Depth and width on request, beside all hidden states of a plain forward pass."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from skerry.core.deadline import Deadline
from skerry.core.errors import DeadlineExceeded, InvalidInput
from skerry.core.models import low_rank
from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.prefix import leading

TEXTS = [
    "the lighthouse keeper lit the lamp",
    "who kept the light",
    "",
    "granite " * 30,
    "ferry reef fog bell rang",
]
KINDS = ("bert", "mpnet", "roberta")
Small = Callable[[str], Model]


def tapped(model: Model, texts: list[str]) -> list[NDArray[np.float32]]:
    """For each layer, 0 being the embeddings: every text alone, all states, no padding."""
    from tokenizers import Tokenizer
    from transformers import AutoModel

    tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    network = AutoModel.from_pretrained(model.folder, attn_implementation="eager").eval()
    vectors = []
    with torch.inference_mode():
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])
            states = network(ids, torch.ones_like(ids), output_hidden_states=True).hidden_states
            means = torch.stack([state[0].mean(0) for state in states])
            vectors.append((means / means.norm(dim=1, keepdim=True)).numpy())
    return list(np.stack(vectors, axis=1))


def check_every_layer(model: Model, texts: list[str], atol: float) -> None:
    wanted = tapped(model, texts)
    encoder = SentenceEncoder(model, "fp32")
    assert encoder.layers == len(wanted) - 1
    together = encoder.encode_layers(texts, range(1, encoder.layers + 1))
    for layer in range(1, encoder.layers + 1):
        vectors = encoder.encode(texts, layers=layer)
        assert vectors.dtype == np.float32 and vectors == pytest.approx(wanted[layer], abs=atol)
        assert together[layer] == pytest.approx(wanted[layer], abs=atol)
        for other in {layer - 1, layer + 1} & set(range(len(wanted))):
            assert np.abs(vectors - wanted[other]).max() > 100 * atol


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_is_the_hidden_state_of_its_number(kind: str, small: Small) -> None:
    check_every_layer(small(kind), TEXTS, 1e-5)


def test_every_layer_of_the_real_model(models: ModelStore) -> None:
    texts = ["The lighthouse keeper lit the lamp at dusk.", "Who kept the light?", "", "Granite. " * 200]
    check_every_layer(models.resolve("all-MiniLM-L6-v2"), texts, 2e-5)


def test_later_layers_are_not_run(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SentenceEncoder(small("bert"), "fp32")
    from transformers.models.bert.modeling_bert import BertLayer

    plain, ran = BertLayer.forward, []

    def counted(self: nn.Module, *args: object, **kwargs: object) -> object:
        ran.append(self)
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(BertLayer, "forward", counted)
    for layers, runs in (([1], 1), ([3, 1], 3), ([2, 2], 2), ([4, 1, 3], 4), ([], 0)):
        ran.clear()
        assert list(encoder.encode_layers(TEXTS[:2], layers)) == list(dict.fromkeys(layers))
        assert len(ran) == runs


@pytest.mark.parametrize("dimensions", [8, 9, 31, 32])
def test_the_leading_dimensions_are_unit_vectors(dimensions: int, small: Small) -> None:
    encoder = SentenceEncoder(small("bert"), "fp32")
    for layers in (2, None):
        whole = encoder.encode(TEXTS, layers=layers)[:, :dimensions].astype(np.float64)
        wanted = whole / np.linalg.norm(whole, axis=1)[:, None]
        assert encoder.encode(TEXTS, layers=layers, dimensions=dimensions) == pytest.approx(wanted, abs=1e-6)


def test_a_prefix_of_nothing_stays_nothing() -> None:
    vectors = np.zeros((2, 16), np.float32)
    vectors[1, 3], vectors[0, 12] = -2.0, 1.0
    assert leading(vectors, 8).tolist() == [[0.0] * 8, [0, 0, 0, -1, 0, 0, 0, 0]]
    assert leading(vectors[:0], 8).shape == (0, 8)


def test_no_texts(small: Small) -> None:
    encoder = SentenceEncoder(small("bert"), "fp32")
    assert encoder.encode([], layers=2, dimensions=8).shape == (0, 8)
    assert {n: v.shape for n, v in encoder.encode_layers([], [2, 4]).items()} == {2: (0, 32), 4: (0, 32)}


@pytest.mark.parametrize("layers", [0, -1, 5, 99, True, 2.0, "2"])
def test_layers_that_there_are_not(layers: int, small: Small) -> None:
    encoder = SentenceEncoder(small("bert"), "fp32")
    for call in (
        lambda: encoder.encode(TEXTS, layers=layers),
        lambda: encoder.encode_layers(TEXTS, [2, layers]),
    ):
        with pytest.raises(InvalidInput, match="layers must be a whole number from 1 to 4 for"):
            call()


@pytest.mark.parametrize("dimensions", [0, 7, 33, 10**6, -8, True, 8.0, "8"])
def test_dimensions_that_there_are_not(dimensions: int, small: Small) -> None:
    encoder = SentenceEncoder(small("bert"), "fp32")
    with pytest.raises(InvalidInput, match="dimensions must be a whole number from 8 to 32"):
        encoder.encode(TEXTS, dimensions=dimensions)


def test_a_pre_norm_encoder_runs_whole_or_not_at_all(small: Small) -> None:
    model = small("roberta-prelayernorm")
    encoder = SentenceEncoder(model, "fp32")
    last = tapped(model, TEXTS)[-1]
    assert encoder.encode(TEXTS) == pytest.approx(last, abs=1e-5)
    assert encoder.encode_layers(TEXTS, [4])[4] == pytest.approx(last, abs=1e-5)
    with pytest.raises(
        InvalidInput, match=r"layers must be 4 for .*cannot stop at layer 2.*Encoders that can are bert"
    ):
        encoder.encode(TEXTS, layers=2)


def test_from_many_threads(small: Small) -> None:
    encoder = SentenceEncoder(small("bert"), "fp32")
    plans = [[1], [4, 2], [3], [1, 2, 3, 4]]
    wanted = [{n: v.tobytes() for n, v in encoder.encode_layers(TEXTS, plan).items()} for plan in plans]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda n: encoder.encode_layers(TEXTS, plans[n % 4]), range(80)))
    assert [{n: v.tobytes() for n, v in each.items()} for each in found] == wanted * 20


def test_deadline(small: Small) -> None:
    with pytest.raises(DeadlineExceeded):
        SentenceEncoder(small("bert"), "fp32").encode_layers(TEXTS, [1, 2], Deadline(0.0))


def factors(model: Model) -> dict[str, torch.Tensor]:
    from transformers import AutoModel

    network = AutoModel.from_pretrained(model.folder)
    low_rank.attach(network, 3, seed=1)
    made = low_rank.state(network)
    generator = torch.Generator().manual_seed(2)
    return {name: torch.randn(factor.shape, generator=generator) / 4 for name, factor in made.items()}


@pytest.mark.parametrize(("dtype", "least"), [("fp32", 0.999999), ("bf16", 0.99)])
def test_an_adapter_changes_the_weights(dtype: str, least: float, small: Small) -> None:
    from transformers import AutoModel

    model, adapter = small("bert"), factors(small("bert"))
    network = AutoModel.from_pretrained(model.folder)
    low_rank.merge(network, adapter)
    network.save_pretrained(model.folder / "merged")
    (model.folder / "merged" / "tokenizer.json").write_bytes((model.folder / "tokenizer.json").read_bytes())
    merged = Model("merged", model.folder / "merged", "", "")
    wanted = SentenceEncoder(merged, "fp32").encode_layers(TEXTS, [1, 4])
    found = SentenceEncoder(model, dtype, adapter=adapter).encode_layers(TEXTS, [1, 4])
    plain = SentenceEncoder(model, dtype).encode_layers(TEXTS, [1, 4])
    for layer in (1, 4):
        assert (found[layer] * wanted[layer]).sum(1).min() > least
        assert (plain[layer] * wanted[layer]).sum(1).max() < 0.99


def test_an_adapter_of_another_network(small: Small) -> None:
    made = factors(small("bert"))
    renamed = {name.replace("layer.3", "layer.9"): factor for name, factor in made.items()}
    with pytest.raises(InvalidInput, match="does not fit"):
        SentenceEncoder(small("bert"), adapter=renamed)
