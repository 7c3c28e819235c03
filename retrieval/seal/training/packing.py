"""A question with several n-grams of its passage and the title in one sequence, each blind to the others.

The prompt is read once for all of its continuations: a token sees what stands before it in the prompt and in
its own continuation only, and stands at the position it would have if its continuation were alone.

    Question: ...\\n | Passage: | n-gram 1 | n-gram 2 | ... | Title: | title <end>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.prompts import body_prompt, title_prompt
from skerry.retrieval.seal.training.spans import start_probabilities
from skerry.retrieval.seal.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Packed:
    """One packed sequence of n tokens.

    Attributes:
        tokens, positions: int64 (n,).
        sees: bool (n, n); row i is what token i attends to.
        sources, targets: int64 (t,): after place `sources[j]` of the sequence `targets[j]` should follow ...
        weights: ... which counts `weights[j]`, float32 (t,).
    """

    tokens: NDArray[np.int64]
    positions: NDArray[np.int64]
    sees: NDArray[np.bool_]
    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]


class Packer:
    """Packs pairs for one language model.

    Args:
        ngrams: n-grams of the passage in a sequence.
        ngram_tokens: tokens of each.
        title_weight: what the title's tokens count beside an n-gram's.
        source_words: longer sources are cut.
    """

    def __init__(
        self, vocabulary: Vocabulary, ngrams: int, ngram_tokens: int, title_weight: float, source_words: int
    ) -> None:
        self._vocabulary = vocabulary
        self._ngrams, self._ngram_tokens = ngrams, ngram_tokens
        self._title_weight, self._source_words = title_weight, source_words
        self._word = lru_cache(1 << 16)(lambda word: tuple(vocabulary.words(word)))

    def pack(
        self, source: str, title: str, text: str, hidden: tuple[int, int], rng: np.random.Generator
    ) -> Packed | None:
        """The sequence of one pair; None for a passage in which no n-gram can start.

        The first token of the n-grams has the whole distribution of starts as its target instead of the drawn
        ones: the same expectation with less noise.
        """
        words = text.split()
        probabilities = start_probabilities(source, words, hidden)
        starts = np.flatnonzero(probabilities)
        if not len(starts):
            return None
        drawn = rng.choice(
            len(words), size=min(self._ngrams, len(starts)), replace=False, p=probabilities, shuffle=False
        )
        ids = [self._word(word) for word in words]
        firsts: dict[int, float] = {}
        for start in starts:
            firsts[ids[start][0]] = firsts.get(ids[start][0], 0.0) + float(probabilities[start])
        ngrams = [self._ngram(ids, int(start)) for start in drawn]
        short = " ".join(source.split()[: self._source_words])
        body = self._vocabulary.encode(body_prompt(short))
        naming = self._vocabulary.encode(title_prompt(short))
        titled = [*self._vocabulary.words(title), self._vocabulary.title_end]
        return _packed(body, naming, ngrams, firsts, titled, self._title_weight)

    def _ngram(self, ids: Sequence[tuple[int, ...]], start: int) -> list[int]:
        tokens: list[int] = []
        while start < len(ids) and len(tokens) < self._ngram_tokens:
            tokens += ids[start]
            start += 1
        return tokens[: self._ngram_tokens]


def _packed(
    body: Sequence[int],
    naming: Sequence[int],
    ngrams: Sequence[Sequence[int]],
    firsts: dict[int, float],
    title: Sequence[int],
    title_weight: float,
) -> Packed:
    shared = 0
    while shared < min(len(body), len(naming)) - 1 and body[shared] == naming[shared]:
        shared += 1
    tokens, positions, branches = (
        list(body),
        list(range(len(body))),
        [0] * shared + [1] * (len(body) - shared),
    )
    sources, targets, weights = [], [], []
    for token, probability in firsts.items():
        sources.append(len(body) - 1)
        targets.append(token)
        weights.append(probability * len(ngrams))
    for number, ngram in enumerate(ngrams):
        for place, token in enumerate(ngram[1:]):
            sources.append(len(tokens) + place)
            targets.append(token)
            weights.append(1.0)
        inside = ngram[:-1]
        tokens += inside
        positions += range(len(body), len(body) + len(inside))
        branches += [2 + number] * len(inside)
    named = [*naming[shared:], *title[:-1]]
    first = len(tokens) + len(naming) - shared - 1
    sources += range(first, first + len(title))
    targets += title
    weights += [title_weight] * len(title)
    tokens += named
    positions += range(shared, shared + len(named))
    branches += [-1] * len(named)
    branch = np.array(branches)
    seen = (branch[:, None] == branch) | (branch == 0) | ((branch[:, None] >= 2) & (branch == 1))
    return Packed(
        np.array(tokens, np.int64),
        np.array(positions, np.int64),
        seen & np.tri(len(tokens), dtype=np.bool_),
        np.array(sources, np.int64),
        np.array(targets, np.int64),
        np.array(weights, np.float32),
    )
