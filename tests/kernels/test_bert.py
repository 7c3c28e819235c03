"""A BERT of transformers in the kernel, beside itself in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

from skerry.kernels import encoder
from skerry.kernels.bert import PackedBert

SIZES = {"vocab_size": 50, "hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 128}


def bert(**options: Any) -> BertModel:
    torch.manual_seed(1)
    fields = {**SIZES, "num_hidden_layers": 3, "initializer_range": 0.1, **options}
    return BertModel(BertConfig(**fields), add_pooling_layer=False).eval()


@pytest.mark.skipif(not encoder.available(), reason="this processor cannot run the packed encoder")
@pytest.mark.parametrize("eight_bits", [False, True])
@pytest.mark.parametrize("segments", [False, True])
def test_states_are_those_of_torch(eight_bits: bool, segments: bool) -> None:
    rng = np.random.default_rng(6)
    sequences = [rng.integers(0, 50, length).tolist() for length in (1, 9, 200, 48, 3)]
    seconds = [1, 4, 0, 48, 2] if segments else None
    network = bert()
    wanted = []
    with torch.no_grad():
        for row, ids in enumerate(sequences):
            types = (torch.arange(len(ids)) >= (seconds[row] if seconds else len(ids))).long()[None]
            given = network(torch.tensor([ids]), token_type_ids=types, output_hidden_states=True)
            wanted.append(torch.cat(given.hidden_states).numpy())
    packed = PackedBert(network, eight_bits)
    assert (packed.layers, packed.width) == (3, 64)
    depths = [0, 1, 3]
    found = packed.states(sequences, seconds, depths)
    for states, depth in zip(found, depths, strict=True):
        like = np.concatenate([each[depth] for each in wanted])
        assert np.abs(states - like).mean() < (1e-6 if depth == 0 else 0.03 if eight_bits else 0.01)
    assert packed.states(sequences, seconds, [3])[0].tobytes() == found[2].tobytes()


@pytest.mark.skipif(not encoder.available(), reason="this processor cannot run the packed encoder")
def test_what_the_kernel_is_made_for() -> None:
    assert PackedBert.can_be(bert()) == PackedBert.can_be(bert(), eight_bits=True)
    assert not PackedBert.can_be(bert(intermediate_size=96), eight_bits=True)
    for other in (
        bert(hidden_act="relu"),
        bert(num_attention_heads=8),
        bert(is_decoder=True),
        DistilBertModel(DistilBertConfig(vocab_size=50, dim=32, hidden_dim=64, n_heads=2, n_layers=1)),
    ):
        assert not PackedBert.can_be(other)
