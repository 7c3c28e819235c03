"""A few words with vectors, and batches of random texts over them and over words that are unknown."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import Any

import torch

from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.features.featuriser import Featuriser
from skerry.ranking.features.idf import Idf
from skerry.ranking.features.vectors import WordVectors

WIDTH = 12
KNOWN = [f"w{number}" for number in range(40)]
UNKNOWN = [f"u{number}" for number in range(10)]


def word_vectors(width: int = WIDTH) -> WordVectors:
    """Random vectors of the 40 known words."""
    generator = torch.Generator().manual_seed(5)
    return WordVectors(
        {word: row for row, word in enumerate(KNOWN)}, torch.randn(len(KNOWN), width, generator=generator)
    )


def idf() -> Idf:
    """Falling from 4 to 0.1 along the known words; 5 for all others."""
    return Idf(torch.cat([torch.zeros(1), torch.linspace(4, 0.1, len(KNOWN))]), 5.0)


def featuriser(asks: Fields) -> Featuriser:
    return Featuriser(word_vectors(), idf(), asks)


def text(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices([*KNOWN, *UNKNOWN], k=words))


def request(seed: int, candidates: int, longest: int = 50, query: int = 5) -> RankRequest:
    """A query of `query` words; candidates of 1 to `longest`."""
    rng = random.Random(seed)
    return RankRequest(
        text(rng, query),
        tuple(
            Candidate("", text(rng, rng.randint(1, longest)), float(-number)) for number in range(candidates)
        ),
    )


def padded(batch: Batch, query: int, document: int) -> Batch:
    """The same batch with so many more columns of padding; what it does not hold stays empty."""
    more = {
        "query_ids": (0, query),
        "query_mask": (0, query),
        "query_vectors": (0, 0, 0, query),
        "query_idf": (0, query),
        "document_ids": (0, document),
        "document_mask": (0, document),
        "document_vectors": (0, 0, 0, document),
        "exact": (0, document, 0, query),
    }
    values: dict[str, Any] = {field.name: getattr(batch, field.name) for field in fields(batch)}
    for name, pads in more.items():
        if values[name].numel():
            values[name] = torch.nn.functional.pad(values[name], pads)
    return Batch(**values)
