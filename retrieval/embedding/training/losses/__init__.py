"""Losses of elastic embeddings: one file a method, found by name."""

from __future__ import annotations

from skerry.core.registry import Registry
from skerry.retrieval.embedding.training.losses.base import LossFactory

LOSSES: Registry[LossFactory] = Registry(
    "loss",
    {
        "cross_depth": "skerry.retrieval.embedding.training.losses.cross_depth:CrossDepthLoss",
        "structured": "skerry.retrieval.embedding.training.losses.structured:StructuredLoss",
        "2dmse": "skerry.retrieval.embedding.training.losses.two_d_matryoshka:TwoDMatryoshkaLoss",
    },
)
