"""Question sets over indexes, and the scores of ranked lists of their passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.evaluation import beir, beir_files
from skerry.evaluation.evidence import ranked_keys
from skerry.evaluation.gold import Output, Record, read_gold
from skerry.evaluation.kilt import PAGE, retrieval_values
from skerry.evaluation.paragraph import Place, gold_places, paragraph_hits, place_of
from skerry.evaluation.predictions import provenance_of
from skerry.retrieval.corpus.store import PassageStore

DEPTH = 100
"""Passages of a ranked list."""
_KS = (1, 5, 20, 100)
_BEIR_KS = (10, 100)


@dataclass(frozen=True, slots=True)
class SetFiles:
    """Where a set is: the folder of an index, and gold in KILT's form, or BEIR's questions and judgements."""

    name: str
    index: Path
    gold: Path
    qrels: Path | None = None

    @classmethod
    def parse(cls, text: str) -> SetFiles:
        """Of "NAME=INDEX:GOLD" or "NAME=INDEX:QUESTIONS:QRELS". Raises `InvalidInput`."""
        name, _, paths = text.partition("=")
        parts = [Path(part) for part in paths.split(":") if part]
        if not name or len(parts) not in (2, 3):
            raise InvalidInput(
                f"--other {text!r} is no question set.",
                hint="Give NAME=INDEX:GOLD for KILT's format, NAME=INDEX:QUESTIONS:QRELS for BEIR's.",
            )
        return cls(name, parts[0], parts[1], parts[2] if len(parts) == 3 else None)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions over the passages of an index.

    Attributes:
        qrels: BEIR's judgements; None for KILT's gold, which is in the questions.
    """

    name: str
    questions: Sequence[Record]
    passages: PassageStore
    qrels: Mapping[str, beir.Judgements] | None = None

    @classmethod
    def read(cls, files: SetFiles, passages: PassageStore) -> QuestionSet:
        """The set in these files. Raises as `read_gold`, `read_queries` and `read_qrels`."""
        if files.qrels is None:
            return cls(files.name, read_gold(files.gold), passages)
        qrels = beir_files.read_qrels(files.qrels)
        queries = beir_files.read_queries(files.gold)
        return cls(files.name, beir_files.judged_questions(queries, qrels, files.gold), passages, qrels)

    def scores(self, found: NDArray[np.int64]) -> dict[str, float]:
        """Averages, by metric, of ranked ordinals, int64 of shape (questions, k).

        KILT: hit@k and paragraph recall@k by gold paragraph (page where the gold has no paragraphs), and
        KILT's own Rprec and recall@k by page. BEIR: nDCG@10, recall@100, MRR@10 of pages.

        Raises:
            InvalidInput: a gold question without an output.
        """
        rows = []
        for question, ordinals in zip(self.questions, found, strict=True):
            found_here = self.passages.get_many(ordinals)
            output = Output(None, tuple(provenance_of(passage, 0.0) for passage in found_here))
            rows.append(self._values(question, output))
        return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}

    def _values(self, question: Record, output: Output) -> dict[str, float]:
        if self.qrels is not None:
            ranked = ranked_keys(output, PAGE)
            values = beir.question_values(ranked, self.qrels[question.id], _BEIR_KS)
            return {name: values[name] for name in ("nDCG@10", "recall@100", "MRR@10")}
        places = [place_of(item, question.where) for item in output.provenance or ()]
        hits = paragraph_hits([place for place in places if place is not None], gold_places(question)[0])
        by_page = retrieval_values(question, output, _KS, PAGE)
        values = {f"hit@{k}": hits.hit_at(k) for k in _KS}
        values |= {f"paragraph recall@{k}": hits.recall_at(k) for k in _KS[1:-1]}
        return values | {name: by_page[name] for name in ("Rprec", *(f"recall@{k}" for k in _KS[1:]))}


@dataclass(frozen=True, slots=True)
class RightPassages:
    """Which passages are right: of every question those on a gold paragraph (or page)."""

    ordinals: Sequence[NDArray[np.int64]]

    @classmethod
    def of(cls, questions: Sequence[Record], passages: PassageStore) -> RightPassages:
        """Those of KILT questions. Raises `InvalidInput` where none of the questions has one."""
        right = []
        for question in questions:
            golds, _ = gold_places(question)
            near = passages.get_many(passages.page_ordinals(page for page, _ in golds))
            places = [Place(one.page_id, one.span.start_paragraph, one.span.end_paragraph) for one in near]
            covering = [
                one.ordinal
                for one, place in zip(near, places, strict=True)
                if paragraph_hits([place], golds).hit_at(1)
            ]
            right.append(np.array(covering, np.int64))
        if not any(len(ordinals) for ordinals in right):
            raise InvalidInput(
                "No passage of the index is on a gold paragraph of any question.",
                hint="Give the index of the corpus that the gold file belongs to.",
            )
        return cls(right)

    def hits(self, found: NDArray[np.int64], k: int) -> NDArray[np.bool_]:
        """Whether a right one is among the first `k` found: bool of shape (questions,).

        Args:
            found: ordinals, best first, int64 of shape (questions, depth).
        """
        pairs = zip(found[:, :k], self.ordinals, strict=True)
        return np.array([np.isin(row, right).any() for row, right in pairs])
