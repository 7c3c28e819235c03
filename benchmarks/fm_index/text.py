"""What is indexed, and what is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Text:
    """Passages of tokens.

    Attributes:
        name: what the report calls it.
        tokens: of all passages, uint32 (N,).
        lengths: tokens of each passage, int64 (passages,).
        alphabet: tokens are below it.
    """

    name: str
    tokens: NDArray[np.uint32]
    lengths: NDArray[np.int64]
    alphabet: int


def corpus_text(path: Path, corpus_format: str, model: str) -> Text:
    """A corpus, cut into passages as an index build cuts it, under a model's tokenizer."""
    from skerry.core.models.store import ModelStore
    from skerry.retrieval.corpus.chunking import Chunking, chunk_page
    from skerry.retrieval.corpus.readers import open_corpus
    from skerry.retrieval.seal.vocabulary import Vocabulary

    vocabulary = Vocabulary.load(ModelStore().resolve(model))
    tokens: list[NDArray[np.uint32]] = []
    lengths: list[int] = []
    for page in open_corpus(path, corpus_format):
        passages = chunk_page(page, Chunking())
        for row in vocabulary.passages([(passage.title, passage.text) for passage in passages]):
            tokens.append(np.array(row, dtype=np.uint32))
            lengths.append(len(row))
    if not lengths:
        raise InvalidInput(f"{path} has no passages to measure on.")
    return Text(
        f"{path.name} under {model}", np.concatenate(tokens), np.array(lengths, np.int64), vocabulary.size
    )


def drawn_text(tokens: int = 1_000_000, alphabet: int = 49_152, seed: int = 0) -> Text:
    """Tokens drawn by Zipf's law, in passages of about 140: for where there is no corpus."""
    rng = np.random.default_rng(seed)
    drawn = (rng.zipf(1.15, tokens) % alphabet).astype(np.uint32)
    cuts = np.unique(rng.integers(1, tokens, tokens // 140))
    return Text("drawn tokens", drawn, np.diff(cuts, prepend=0, append=tokens).astype(np.int64), alphabet)


def repeated_text(base: Text, tokens: int, mutated: float = 0.1, seed: int = 0) -> Text:
    """The base text again and again up to at least `tokens` tokens, a share of them replaced by others of
    it."""
    copies = -(-tokens // len(base.tokens))
    rng = np.random.default_rng(seed)
    text = np.tile(base.tokens, copies)
    for start in range(len(base.tokens), len(text), 1 << 20):  # the first copy stays as it is
        part = text[start : start + (1 << 20)]
        other = rng.random(len(part)) < mutated
        part[other] = base.tokens[rng.integers(0, len(base.tokens), int(other.sum()))]
    return Text(
        f"{base.name}, {copies} times, {mutated:.0%} of the tokens changed",
        text,
        np.tile(base.lengths, copies),
        base.alphabet,
    )


def real_ngrams(text: Text, count: int, length: int, seed: int = 1) -> NDArray[np.uint32]:
    """N-grams as they stand in passages drawn at random, uint32 (count, length)."""
    rng = np.random.default_rng(seed)
    starts = np.cumsum(text.lengths) - text.lengths
    long_enough = np.flatnonzero(text.lengths >= length)
    if not len(long_enough):
        raise InvalidInput(f"No passage of the text has {length} tokens.")
    chosen = rng.choice(long_enough, count)
    places = starts[chosen] + rng.integers(0, text.lengths[chosen] - length + 1)
    ngrams: NDArray[np.uint32] = text.tokens[places[:, None] + np.arange(length)]
    return ngrams
