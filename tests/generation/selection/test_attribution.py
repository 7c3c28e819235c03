"""What an answer rests on is what its tokens looked at."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoTokenizer

from skerry.core.models.store import Model
from skerry.generation.selection.attribution import Attributes, SentenceWeight, rows_of, support
from skerry.generation.selection.base import make_selector


def test_the_sentence_that_is_looked_at_has_most_weight() -> None:
    random = torch.Generator().manual_seed(0)
    keys = torch.randn((1, 2, 400, 8), generator=random) * 0.1
    keys[:, :, 198:207] = 3.0
    queries = torch.ones((1, 6, 400, 8))
    selector = make_selector("sentence", 160)
    selector.begin([list(range(9, 399, 9))])
    for layer in range(2):
        selector.observe(layer, queries[:, :, :399], keys[:, :, :399])
    selector.advance([False])
    for layer in range(2):
        selector.select(layer, queries[:, :, 399:], keys)
    assert isinstance(selector, Attributes)
    sentences = selector.attribution()
    assert (sentences[0].start, sentences[0].end) == (198, 207)
    assert sentences[0].weight > 0.9
    assert sum(one.weight for one in sentences) == pytest.approx(1)
    assert [one.weight for one in sentences] == sorted((one.weight for one in sentences), reverse=True)
    assert min(one.start for one in sentences) == 32


def test_nothing_is_attributed_where_nothing_is_chosen() -> None:
    selector = make_selector("sentence", 160)
    selector.begin([[]])
    selector.advance([False])
    selector.select(0, torch.ones((1, 6, 1, 8)), torch.ones((1, 2, 100, 8)))
    assert isinstance(selector, Attributes)
    assert selector.attribution() == ()


def test_support_is_that_of_the_sentences_touched() -> None:
    sentences = [SentenceWeight(10, 20, 0.5), SentenceWeight(20, 30, 0.25), SentenceWeight(40, 44, 0.25)]
    assert support(sentences, 12, 13) == 0.5
    assert support(sentences, 19, 21) == 0.75
    assert support(sentences, 30, 40) == 0
    assert support((), 0, 9) == 0


def test_rows_of_characters(tiny_model: Model) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model.folder)
    text = "The harbour of Skerryvore: 灯台 was lit in 1844."
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    for words in ("Skerryvore", "灯台", "1844.", "The"):
        start = text.index(words)
        first, last = rows_of(tokenizer, tokens, start, start + len(words))
        assert words in tokenizer.decode(tokens[first:last])
        assert words not in tokenizer.decode(tokens[first + 1 : last])
        assert words not in tokenizer.decode(tokens[first : last - 1])
