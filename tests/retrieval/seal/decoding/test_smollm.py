"""Decoding with the real language model over a few real sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from skerry.core.models.store import ModelStore
from skerry.kernels.fm_index import FmIndex
from skerry.retrieval.seal.decoding import DecodingOptions, decode, rescore
from skerry.retrieval.seal.language_model import load

pytestmark = pytest.mark.models

PASSAGES = [
    (
        "Bell Rock Lighthouse",
        "The Bell Rock Lighthouse was built between 1807 and 1810 by Robert Stevenson on the Bell Rock.",
    ),
    ("Robert Stevenson", "Robert Stevenson was a Scottish civil engineer, and a designer of lighthouses."),
    (
        "Grey seal",
        "The grey seal is found on both shores of the North Atlantic Ocean. It sleeps on skerries.",
    ),
    ("Skerry", "A skerry is a small rocky island, usually too small for human habitation."),
    ("", "A passage without a title, about lighthouses and seals."),
]
QUESTIONS = ["Who built the Bell Rock lighthouse?", "Where do grey seals live?", "what is a skerry"]


@pytest.fixture(scope="module")
def language_model(models: ModelStore) -> Any:
    return load(models.resolve("SmolLM2-135M-Instruct"), dtype="fp32")


@pytest.mark.parametrize("groups", [1, 2])
def test_keys_of_real_questions(language_model: Any, groups: int) -> None:
    vocabulary = language_model.vocabulary
    tokens = vocabulary.passages(PASSAGES)
    index = FmIndex.build(np.concatenate(tokens), [len(passage) for passage in tokens], vocabulary.size)
    options = DecodingOptions(beams=4, length=4, groups=groups)
    together = decode(language_model, index, QUESTIONS, options)
    titles = {tuple(passage[: passage.index(vocabulary.title_end) + 1]) for passage in tokens}
    for question, found in zip(QUESTIONS, together.questions, strict=True):
        alone = decode(language_model, index, [question], options).questions[0]
        for kind in ("body", "titles", "query"):
            one, other = getattr(found, kind), getattr(alone, kind)
            assert {key.tokens for key in one} == {key.tokens for key in other}
            scores = {key.tokens: key.log_prob for key in other}
            assert [key.log_prob for key in one] == pytest.approx(
                [scores[key.tokens] for key in one], abs=1e-3
            )
        assert {len(key.tokens) for key in found.body} == {1, 2, 3, 4}
        assert {key.tokens for key in found.titles} <= titles - {(vocabulary.title_end,)}
        for key in (*found.body, *found.query):
            assert any(
                list(key.tokens) == passage[start : start + len(key.tokens)]
                for passage in tokens
                for start in range(len(passage))
            )
        assert np.exp(found.first_log_probs.astype(np.float64)).sum() == pytest.approx(1, abs=1e-3)
    keys = [(*found.body, *found.titles, *found.query) for found in together.questions]
    for one, again in zip(keys, rescore(language_model, QUESTIONS, keys), strict=True):
        assert [key.log_prob for key in again] == pytest.approx([key.log_prob for key in one], abs=1e-3)
    assert "Bell Rock" in {vocabulary.text(key.tokens).strip() for key in together.questions[0].query}
    assert all(key.log_prob <= 0 for of_one in keys for key in of_one)
