"""Rankers of random weights on tiny models, written as training writes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from skerry.core.models import low_rank
from skerry.core.models.store import Model
from skerry.ranking import adapter
from skerry.ranking.calibration import PlattScaling
from skerry.ranking.features.idf import Idf, count_idf
from skerry.ranking.features.vectors import load_vectors
from skerry.ranking.neural import files
from skerry.ranking.pair_network import load_network

MAX_TOKENS = 128
NEURAL_WEIGHT = 0.7
"""Of the first stage, in a neural ranker."""


def write_cross_encoder(folder: Path, base: Model) -> Path:
    """Random factors on the tiny encoder."""
    torch.manual_seed(1)
    network = load_network(base, torch.float32, "sdpa", MAX_TOKENS)
    low_rank.attach(network.encoder, rank=4, seed=1)
    factors = {
        name: value if name.endswith("_a") else torch.randn(value.shape) * 0.2
        for name, value in low_rank.state(network.encoder).items()
    }
    config = adapter.AdapterConfig(
        base_model=str(base.folder),
        base_weights_hash=base.weights_hash,
        base_tokenizer_hash=base.tokenizer_hash,
        rank=4,
        max_tokens=MAX_TOKENS,
        first_stage_weight=2.0,
        calibration=PlattScaling(1.5, -0.25),
    )
    adapter.save(folder, config, factors, network.head.state_dict())
    return folder


def write_neural(folder: Path, name: str, vectors: Model, **options: object) -> Path:
    """One of the registry's models with the sizes that are asked for."""
    torch.manual_seed(2)
    loaded = load_vectors(vectors)
    texts = [[number, 1 + number // 2] for number in range(1, loaded.known + 1)] * 3
    config = files.NeuralConfig(
        base_model=str(vectors.folder),
        base_weights_hash=vectors.weights_hash,
        base_tokenizer_hash=vectors.tokenizer_hash,
        model=name,
        query_terms=8,
        document_terms=40,
        rare_idf=0.0,
        first_stage_weight=NEURAL_WEIGHT,
        calibration=PlattScaling(1.5, -0.25),
        options=dict(options),
    )
    model = config.build(loaded.width)
    idf = count_idf(texts, loaded.known) if model.fields.idf else Idf.none()
    files.save(folder, replace(config, rare_idf=idf.rare), model, idf)
    return folder
