"""An index's page memory is taught how questions are put; the next build can be given the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.core.progress import Progress
from skerry.retrieval.corpusbrain.decoding.beam import search
from skerry.retrieval.corpusbrain.leg import MEMORY, TREE
from skerry.retrieval.corpusbrain.memory.asking import Asking
from skerry.retrieval.corpusbrain.memory.files import load_memory
from skerry.retrieval.corpusbrain.memory.fit import FitSettings, fitted
from skerry.retrieval.corpusbrain.memory.page_memory import PageMemory
from skerry.retrieval.corpusbrain.memory.recall import RecallingTitleModel
from skerry.retrieval.corpusbrain.model.files import load_network, save_with_asking
from skerry.retrieval.corpusbrain.model.small import SmallTitleModel
from skerry.retrieval.corpusbrain.model.tokenizer import TitleTokenizer
from skerry.retrieval.corpusbrain.options import LEG, CorpusBrainOptions
from skerry.retrieval.corpusbrain.pretraining.pairs import Pair
from skerry.retrieval.corpusbrain.start import NETWORK
from skerry.retrieval.corpusbrain.title_tree import TitleTree
from skerry.retrieval.corpusbrain.training.questions import PageQuestion, question_pairs
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.index.reader import Index

_BEAMS = 10
_KEPT = 4096
"""Questions whose vectors stay with the model: what a page's prior is worked out from."""
_STRENGTHS = (1.0, 0.75, 0.5, 0.0)
_USUAL = (1, 1.0)
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class FineTuned:
    """What came of it.

    Attributes:
        questions: learnt from, in a pass.
        chosen_by: questions of other pages, by which passes and strength were chosen.
        passes: over the questions; 0 leaves them as they are.
        strength: of the correction by how probable each page is, 0 to 1.
        tested: held-out questions, of yet other pages.
        before, after: page R-precision of the held-out questions, by title alone; 0 without any.
    """

    questions: int
    chosen_by: int
    passes: int
    strength: float
    tested: int
    before: float
    after: float


class FineTuning:
    """Teaches the memory of an index; the title model stays as it is.

    Args:
        index: with the leg, built on an encoder, with a memory.

    Raises:
        IndexNotReady: an index without the leg.
        InvalidInput: a leg without a memory.
        IndexCorrupt: damaged files.
    """

    def __init__(self, index: Index) -> None:
        files, model = index.files_of(LEG)
        if model is None or not (files / MEMORY).is_dir():
            raise InvalidInput(
                f"The leg {LEG} of {index.folder} has no page memory, which is what learns from questions.",
                hint="Build the index on an encoder, with a slot for every page in corpusbrain.memory.",
            )
        self._index, self._base, self._network = index, model, files / NETWORK
        self._memory = load_memory(files / MEMORY)
        self._tree = TitleTree.open(files / TREE)
        self._numbers = {page.id: number for number, page in enumerate(index.passages.pages())}

    def train(
        self,
        questions: Sequence[PageQuestion],
        chosen_by: Sequence[PageQuestion],
        tested: Sequence[PageQuestion],
        out: Path,
        settings: FitSettings,
        progress: Progress,
    ) -> FineTuned:
        """Learn from `questions`, and write the title model with what was learnt to `out`.

        Of all questions, those count that are about a page of the index. How many passes, and how much of the
        correction, is chosen by `chosen_by`: pages that nothing was learnt of. Without any it is one pass
        and the whole correction.

        Raises:
            InvalidInput: no question is about a page of the index.
        """
        asked, choosing, held = (
            question_pairs(each, self._numbers) for each in (questions, chosen_by, tested)
        )
        if not asked:
            raise InvalidInput(
                f"None of {len(questions)} questions is about a page of {self._index.folder}.",
                hint="Give the gold file of this corpus.",
            )
        encoder = SentenceEncoder(self._base)
        vectors, choosing_vectors = (_encoded(encoder, each, progress) for each in (asked, choosing))
        rows = np.repeat(np.arange(len(asked)), [len(pair.pages) for pair in asked])
        pages = np.array([page for pair in asked for page in pair.pages], np.int64)
        kept = np.random.default_rng(settings.seed).permutation(len(asked))[:_KEPT]
        plain = PageMemory.of(self._memory.keys, self._memory.starts)
        width = vectors.shape[1]
        maps = [(np.zeros((width, width), np.float32), np.zeros(width, np.float32))]
        maps += fitted(plain, vectors[rows], pages, settings, progress)
        choices = []
        for passes, (weight, bias) in enumerate(maps):
            whole = plain.taught(Asking(weight, bias, vectors[kept], 1.0))
            found = whole.log_probs(choosing_vectors) + whole.log_prior
            for strength in _STRENGTHS:
                ranked = np.argsort(strength * whole.log_prior - found, axis=1, kind="stable")
                score = _r_precision(choosing, ranked) if choosing else float((passes, strength) == _USUAL)
                choices.append((score, passes, strength))
        _, passes, strength = max(choices, key=lambda choice: choice[0])
        asking = Asking(*maps[passes], vectors[kept], strength)
        before = self._by_title(held, self._memory)
        after = self._by_title(held, plain.taught(asking))
        save_with_asking(self._network, self._base, asking, out)
        return FineTuned(len(asked), len(choosing), passes, asking.strength, len(held), before, after)

    def _by_title(self, held: Sequence[Pair], memory: PageMemory) -> float:
        if not held:
            return 0.0
        share = CorpusBrainOptions.of({}).memory_share
        model = RecallingTitleModel(self._writer, memory, self._tree, share)
        lists = search(model, self._tree, [pair.source for pair in held], _BEAMS)
        return _r_precision(held, [[one.page for one in found] for found in lists])

    @cached_property
    def _writer(self) -> SmallTitleModel:
        network = load_network(self._network, self._base)
        return SmallTitleModel(network, TitleTokenizer.load(self._base.folder))


def _encoded(encoder: SentenceEncoder, pairs: Sequence[Pair], progress: Progress) -> NDArray[np.float32]:
    vectors = [np.empty((0, encoder.dimensions), np.float32)]
    with progress.task("encoding questions", len(pairs), "questions") as task:
        for low in range(0, len(pairs), _BLOCK):
            block = pairs[low : low + _BLOCK]
            vectors.append(encoder.encode([pair.source for pair in block]))
            task.advance(len(block))
    return np.concatenate(vectors)


def _r_precision(pairs: Sequence[Pair], ranked: Sequence[Sequence[int]] | NDArray[np.int64]) -> float:
    shares = []
    for pair, pages in zip(pairs, ranked, strict=True):
        gold = set(pair.pages)
        shares.append(len(gold.intersection(np.asarray(pages)[: len(gold)].tolist())) / len(gold))
    return float(np.mean(shares))
