"""A packed sequence says of each token what the token's own continuation, alone, would say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from skerry.core.models.store import Model
from skerry.retrieval.seal.prompts import body_prompt, title_prompt
from skerry.retrieval.seal.training.packing import Packer
from skerry.retrieval.seal.training.spans import start_probabilities
from skerry.retrieval.seal.vocabulary import Vocabulary

SOURCE, TITLE, TEXT = (
    "Where does the otter sleep?",
    "The otter",
    "The otter sleeps under the marsh all night.",
)


def test_the_packed_loss_is_that_of_separate_sequences(base: Model, vocabulary: Vocabulary) -> None:
    packed = Packer(vocabulary, 3, 6, 2.0, 48).pack(SOURCE, TITLE, TEXT, (0, 0), np.random.default_rng(1))
    assert packed is not None
    model = AutoModelForCausalLM.from_pretrained(base.folder, attn_implementation="eager").eval()

    def log_probs(tokens: list[int]) -> torch.Tensor:
        return model(torch.tensor([tokens])).logits[0].log_softmax(-1)

    with torch.no_grad():
        mask = torch.zeros(packed.sees.shape).masked_fill_(~torch.from_numpy(packed.sees), -torch.inf)
        together = (
            model(
                input_ids=torch.from_numpy(packed.tokens)[None],
                position_ids=torch.from_numpy(packed.positions)[None],
                attention_mask=mask[None, None],
            )
            .logits[0]
            .log_softmax(-1)
        )
        got = float((together[packed.sources, packed.targets] * torch.from_numpy(packed.weights)).sum())

        words = TEXT.split()
        starts = start_probabilities(SOURCE, words)
        drawn = np.random.default_rng(1).choice(len(words), 3, replace=False, p=starts, shuffle=False)
        body = vocabulary.encode(body_prompt(SOURCE))
        first = log_probs(body)[-1]
        expected = 3 * sum(
            p * float(first[vocabulary.words(w)[0]]) for p, w in zip(starts, words, strict=True)
        )
        for start in drawn:
            ngram = vocabulary.words(" ".join(words[start:]))[:6]
            said = log_probs(body + ngram)
            expected += sum(float(said[len(body) + i, token]) for i, token in enumerate(ngram[1:]))
        naming = vocabulary.encode(title_prompt(SOURCE))
        title = [*vocabulary.words(TITLE), vocabulary.title_end]
        said = log_probs(naming + title)
        expected += 2 * sum(float(said[len(naming) - 1 + i, token]) for i, token in enumerate(title))
    assert got == pytest.approx(expected, rel=1e-5)


def test_a_passage_without_a_start_is_passed_over(vocabulary: Vocabulary) -> None:
    packer = Packer(vocabulary, 3, 6, 2.0, 48)
    assert packer.pack(SOURCE, TITLE, "of the and", (0, 0), np.random.default_rng(0)) is None


def test_fewer_starts_than_ngrams_and_a_cut_source(vocabulary: Vocabulary) -> None:
    packed = Packer(vocabulary, 8, 6, 1.0, 3).pack(
        "a b c d e", TITLE, "otters", (0, 0), np.random.default_rng(0)
    )
    assert packed is not None
    assert " d" not in vocabulary.text(packed.tokens.tolist())
