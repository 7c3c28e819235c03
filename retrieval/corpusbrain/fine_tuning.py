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
from skerry.retrieval.corpusbrain.start import NETWORK
from skerry.retrieval.corpusbrain.title_tree import TitleTree
from skerry.retrieval.corpusbrain.training.questions import PageQuestion, question_pairs
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
                f"The title model of {index.folder} is a sequence-to-sequence one, which is not trained here.",
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
        """Learn from `questions`, with `rehearsal` texts of the corpus for each; the result goes to `out`.

        Raises:
            InvalidInput: no question is about a page of the index; or see `TitleTrainer.train`.
        """
        corpus = corpus_pairs(self._index.passages, ",".join(OBJECTIVES), settings.seed)
        asked = question_pairs(questions, self._numbers, corpus, 0.0, settings.seed)
        if not asked:
            raise InvalidInput(
                f"None of the {len(questions)} questions is about a page of {self._index.folder}.",
                hint="Give the gold file of this corpus.",
            )
        pairs = question_pairs(questions, self._numbers, corpus, rehearsal, settings.seed)
        before = self.r_precision(tested, self._network)
        trainer = TitleTrainer(self._base, self._names, self._tree, out, settings, start=self._network)
        report = trainer.train(pairs, progress)
        after = self.r_precision(tested, out)
        return FineTuned(len(asked), len(pairs) - len(asked), len(tested), before, after, report)

    def r_precision(self, questions: Sequence[PageQuestion], network: Path) -> float:
        """Page R-precision by title alone; 0 without questions."""
        if not questions:
            return 0.0
        model = open_title_model(self._base, network)
        found = search(model, self._tree, [question.query for question in questions], _BEAMS)
        shares = []
        for question, pages in zip(questions, found, strict=True):
            gold = {self._numbers[page] for page in question.page_ids}
            shares.append(len(gold & {page.page for page in pages[: len(gold)]}) / len(gold))
        return float(np.mean(shares))
