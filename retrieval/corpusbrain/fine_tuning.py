"""The title model of an index learns from questions; the next build of the index can be given the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skerry.core.errors import InvalidInput
from skerry.core.progress import Progress
from skerry.retrieval.corpusbrain.decoding.beam import search
from skerry.retrieval.corpusbrain.learning import corpus_pairs
from skerry.retrieval.corpusbrain.leg import OBJECTIVES, TREE, names_of
from skerry.retrieval.corpusbrain.model.opening import open_title_model
from skerry.retrieval.corpusbrain.options import LEG
from skerry.retrieval.corpusbrain.pretraining.pairs import Pair
from skerry.retrieval.corpusbrain.start import NETWORK
from skerry.retrieval.corpusbrain.title_tree import TitleTree
from skerry.retrieval.corpusbrain.training.questions import PageQuestion, question_pairs
from skerry.retrieval.corpusbrain.training.rehearsal import drawn
from skerry.retrieval.corpusbrain.training.settings import Settings
from skerry.retrieval.corpusbrain.training.trainer import Report, TitleTrainer
from skerry.retrieval.index.reader import Index

_BEAMS = 10


@dataclass(frozen=True, slots=True)
class FineTuned:
    """What came of it.

    Attributes:
        questions, texts: learnt from, in an epoch: questions, and texts of the corpus.
        tested: held-out questions.
        before, after: page R-precision of the held-out questions, by title alone; 0 without any.
        report: of the training.
    """

    questions: int
    texts: int
    tested: int
    before: float
    after: float
    report: Report


class FineTuning:
    """Goes on training an index's title model.

    Args:
        index: with the leg, built on an encoder.

    Raises:
        IndexNotReady: an index without the leg.
        InvalidInput: a leg that is a sequence-to-sequence model, which is not trained here.
    """

    def __init__(self, index: Index) -> None:
        files, model = index.files_of(LEG)
        if model is None or not (files / NETWORK).is_dir():
            raise InvalidInput(
                f"The title model of {index.folder} is a sequence-to-sequence one, not trained here.",
                hint="Fine-tune it with its own tools, or build the index with an encoder.",
            )
        self._index, self._base, self._network = index, model, files / NETWORK
        self._tree = TitleTree.open(files / TREE)
        title_tokens = index.manifest.legs[LEG].parameters["title_tokens"]
        self._names = names_of(index.passages, model, int(title_tokens))
        self._numbers = {page.id: number for number, page in enumerate(index.passages.pages())}

    def train(
        self,
        questions: Sequence[PageQuestion],
        tested: Sequence[PageQuestion],
        out: Path,
        settings: Settings,
        rehearsal: float,
        progress: Progress,
    ) -> FineTuned:
        """Learn from `questions`, with `rehearsal` texts of the corpus for each, and write to `out`.

        Of `questions` and `tested`, those count that are about a page of the index.

        Raises:
            InvalidInput: no question is about a page of the index; or see `TitleTrainer.train`.
        """
        asked = question_pairs(questions, self._numbers)
        if not asked:
            raise InvalidInput(
                f"None of {len(questions)} questions is about a page of {self._index.folder}.",
                hint="Give the gold file of this corpus.",
            )
        corpus = corpus_pairs(self._index.passages, ",".join(OBJECTIVES), settings.seed)
        texts = drawn(corpus, rehearsal, len(asked), settings.seed)
        held = question_pairs(tested, self._numbers)
        before = self._r_precision(held, self._network)
        trainer = TitleTrainer(self._base, self._names, self._tree, out, settings, start=self._network)
        report = trainer.train(asked + texts, progress)
        after = self._r_precision(held, out)
        return FineTuned(len(asked), len(texts), len(held), before, after, report)

    def _r_precision(self, held: Sequence[Pair], network: Path) -> float:
        if not held:
            return 0.0
        model = open_title_model(self._base, network)
        lists = search(model, self._tree, [pair.source for pair in held], _BEAMS)
        shares = []
        for pair, found in zip(held, lists, strict=True):
            gold = set(pair.pages)
            shares.append(len(gold & {one.page for one in found[: len(gold)]}) / len(gold))
        return float(np.mean(shares))
