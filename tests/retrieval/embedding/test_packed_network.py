"""The network in the kernel beside the same in torch: any depths, early layers of their own, neighbours."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertModel

from skerry.core.errors import InvalidInput
from skerry.core.models.store import ModelStore
from skerry.kernels import encoder as kernel
from skerry.retrieval.embedding.elastic_network import ElasticNetwork, without_last
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.packed_network import PackedNetwork

pytestmark = pytest.mark.skipif(not kernel.available(), reason="this processor cannot run the packed encoder")

LENGTHS = [17, 3, 30, 1]


def bert() -> Any:
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=60,
        hidden_size=64,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=128,
        initializer_range=0.1,
    )
    return BertModel(config).eval()


def batch() -> tuple[Tensor, Tensor]:
    mask = (torch.arange(32)[None] < torch.tensor(LENGTHS)[:, None]).long()
    return torch.randint(1, 60, mask.shape, generator=torch.Generator().manual_seed(1)) * mask, mask


@pytest.mark.parametrize("own", [False, True])
def test_states_are_those_of_torch(own: bool) -> None:
    network = bert()
    early = without_last(network) if own else None
    if early is not None:
        with torch.no_grad():
            for parameter in early.encoder.parameters():
                parameter += torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)) * 0.05
    plain = ElasticNetwork(*copy.deepcopy((network, "tiny", early)))
    packed = PackedNetwork(network, "tiny", early)
    assert (packed.layers, packed.width) == (plain.layers, plain.width) == (4, 64)
    ids, mask = batch()
    real = mask.bool()
    for layers in ([4], [1], [0, 2], [3, 1, 4], [0, 1, 2, 3, 4]):
        for ours, theirs in zip(
            packed.states(ids, mask, layers), plain.states(ids, mask, layers), strict=True
        ):
            assert ours.dtype == torch.float32 and ours.shape == theirs.shape
            assert (ours - theirs)[real].abs().mean() < 0.01
            assert (ours[~real] == 0).all()
    for bad in (0, 5, True):
        with pytest.raises(InvalidInput, match="from 1 to 4"):
            packed.check_layers(bad)


@pytest.mark.models
def test_a_text_is_the_same_beside_any_others(models: ModelStore) -> None:
    encoder = SentenceEncoder(models.resolve("all-MiniLM-L6-v2"), "bf16")
    if not isinstance(encoder._network, PackedNetwork):
        pytest.skip("torch is faster on this processor")
    texts = ["Who kept the light?", "", "Granite. " * 60, "The captain read his chart twice."] * 5
    together = encoder.encode_layers(texts, [2, 6])
    for number, text in enumerate(texts[:4]):
        for layers, vectors in together.items():
            assert encoder.encode([text], layers=layers).tobytes() == vectors[number].tobytes()
