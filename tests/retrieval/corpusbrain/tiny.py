"""Tiny title models with random weights, and what they must agree with: a slow pass over whole sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from skerry.core.models.store import ModelStore
from skerry.retrieval.corpusbrain.model.base import TitleModel
from skerry.retrieval.corpusbrain.model.network import DecoderShape, TitleNetwork
from skerry.retrieval.corpusbrain.model.seq2seq import Seq2SeqTitleModel
from skerry.retrieval.corpusbrain.model.small import SmallTitleModel
from skerry.retrieval.corpusbrain.model.tokenizer import TitleTokenizer

from ..seal.language_model import tiny as language_models  # noqa: TID252 -- another room's models

TITLES = ("New York", "New York City", "New York City Opera", "New Zealand", "York", "Opera", "Zealand York")
QUERIES = ("where is the opera", "york", "a city of new zealand and another city of that name", "x")
WORDS = (
    "new",
    "york",
    "city",
    "opera",
    "zealand",
    "where",
    "is",
    "the",
    "of",
    "and",
    "another",
    "that",
    "name",
)

FullPass = Callable[[str, Sequence[int]], NDArray[np.float64]]
"""(query, tokens) -> log-shares or logits of the whole vocabulary before each token: (tokens, vocabulary)."""


@dataclass(frozen=True)
class Case:
    """A model and its oracle."""

    model: TitleModel
    full: FullPass


def word_tokenizer(words: Sequence[str] = WORDS) -> Tokenizer:
    """BERT's way, with whole words and letters."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces = dict.fromkeys(
        [*special, *words, *letters, *(f"##{letter}" for letter in letters), *"()[]0123456789"]
    )
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(special)
    return tokenizer


def network(vocabulary: int, positions: int = 24) -> TitleNetwork:
    """32 wide; its weights spread widely enough that every hypothesis differs from every other."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        encoder = BertModel(
            BertConfig(
                vocab_size=vocabulary,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=48,
                max_position_embeddings=512,
            ),
            add_pooling_layer=False,
        )
        made = TitleNetwork(encoder, DecoderShape(layers=2, heads=4, positions=positions)).eval()
        with torch.no_grad():
            for parameter in made.parameters():
                if parameter.dim() > 1:
                    parameter.copy_(torch.randn(parameter.shape) * 2 / parameter.shape[-1] ** 0.5)
        return made


def small(words: Sequence[str] = WORDS) -> Case:
    """The small model."""
    raw = word_tokenizer(words)
    net = network(raw.get_vocab_size())
    tokenizer = TitleTokenizer(raw)

    @torch.inference_mode()
    def full(query: str, tokens: Sequence[int]) -> NDArray[np.float64]:
        ids, mask = (torch.from_numpy(array) for array in tokenizer.encode_queries([query]))
        read = net.read(ids, mask)
        before = torch.tensor([[tokenizer.start, *tokens[:-1]]])
        states, _ = net.decode(before, net.memory(read), torch.ones(1, read.shape[1], dtype=torch.bool))
        logits = net.scores_of_all(states[0], torch.arange(len(net.embedding)))
        return logits.double().numpy()

    return Case(SmallTitleModel(net, tokenizer), full)


def seq2seq(kind: str, folder: Path) -> Case:
    """SEAL's tiny BART or T5."""
    store = ModelStore(folder / "store")
    model = Seq2SeqTitleModel(store.resolve(str(language_models.write(kind, folder / kind))), dtype="fp32")
    reference = language_models.weights(kind)
    tokenizer = language_models.tokenizer()
    first, prefix = ([2, 1], [1]) if kind == "bart" else ([0], [])

    @torch.inference_mode()
    def full(query: str, tokens: Sequence[int]) -> NDArray[np.float64]:
        out = reference(
            input_ids=torch.tensor([[*prefix, *tokenizer.encode(query, add_special_tokens=False), 2]]),
            decoder_input_ids=torch.tensor([[*first, *tokens[:-1]]]),
            use_cache=False,
        )
        logits = out.logits[0, len(first) - 1 :].double()
        return torch.log_softmax(logits, -1).numpy()

    return Case(model, full)
