"""BEIR's metrics over relevance judgements (qrels), with trec_eval's semantics.

Ranking: by score, descending, as 32-bit floats; equal scores by document id, descending (trec_eval's rule, so
that the order of the file says nothing). Relevant is a judgement above 0; the gain of nDCG is the judgement.
A question with judgements but without results counts, with 0 (trec_eval's -c); a question without judgements
does not. Documents that were not judged are not relevant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from skerry.core.errors import InvalidInput
from skerry.evaluation.kilt import checked_ks

Judgements = Mapping[str, int]
"""Document id -> relevance of one question."""

DEFAULT_KS = (1, 5, 10, 100)


def ranking(scores: Mapping[str, float]) -> list[str]:
    """Document ids, best first (see above for ties). Raises `InvalidInput` for a score that is NaN."""
    for document, value in scores.items():
        if math.isnan(value):
            raise InvalidInput(f"The score of {document!r} is not a number.")
    return sorted(scores, key=lambda document: (float(np.float32(scores[document])), document), reverse=True)


def ndcg_at(ranked: Sequence[str], judgements: Judgements, k: int) -> float:
    """Normalised discounted cumulative gain: gains over log2(1 + rank), over that of the ideal ranking."""
    ideal = _discounted(sorted((gain for gain in judgements.values() if gain > 0), reverse=True)[:k])
    if ideal == 0:
        return 0.0
    return _discounted([max(0, judgements.get(document, 0)) for document in ranked[:k]]) / ideal


def recall_at(ranked: Sequence[str], judgements: Judgements, k: int) -> float:
    """Share of the relevant documents within the first `k`; 0 where none is relevant."""
    relevant = _relevant(judgements)
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0


def precision_at(ranked: Sequence[str], judgements: Judgements, k: int) -> float:
    """Relevant documents within the first `k`, over `k`."""
    return len(_relevant(judgements).intersection(ranked[:k])) / k


def mrr_at(ranked: Sequence[str], judgements: Judgements, k: int) -> float:
    """1 / rank of the first relevant document within the first `k`, 0 without one."""
    relevant = _relevant(judgements)
    return next((1 / rank for rank, found in enumerate(ranked[:k], start=1) if found in relevant), 0.0)


def average_precision(ranked: Sequence[str], judgements: Judgements, k: int | None = None) -> float:
    """Mean over the relevant documents of the precision at their ranks; 0 for those beyond the first `k`."""
    relevant = _relevant(judgements)
    found, total = 0, 0.0
    for rank, document in enumerate(ranked[:k], start=1):
        if document in relevant:
            found += 1
            total += found / rank
    return total / len(relevant) if relevant else 0.0


@dataclass(frozen=True, slots=True)
class BeirScores:
    """Averages over the judged questions: nDCG@k, recall@k, MRR@k, P@k, MAP; and each question's values."""

    questions: int
    metrics: Mapping[str, float]
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)


def score(
    qrels: Mapping[str, Judgements],
    ranked: Mapping[str, Sequence[str]],
    ks: Sequence[int] = DEFAULT_KS,
) -> BeirScores:
    """Score ranked lists of distinct document ids (see `ranking`), by question id.

    Raises:
        InvalidInput: no judgements, bad `ks`, a document twice in a list.
    """
    ks = checked_ks(ks)
    if not qrels:
        raise InvalidInput("There are no relevance judgements.")
    rows: list[dict[str, float]] = []
    for question, judgements in qrels.items():
        documents = ranked.get(question, ())
        if len(set(documents)) != len(documents):
            raise InvalidInput(f"The results of question {question!r} hold a document twice.")
        rows.append(question_values(documents, judgements, ks))
    values = {name: tuple(row[name] for row in rows) for name in rows[0]}
    return BeirScores(len(rows), {name: sum(column) / len(rows) for name, column in values.items()}, values)


def question_values(ranked: Sequence[str], judgements: Judgements, ks: Sequence[int]) -> dict[str, float]:
    """One question's metrics by name."""
    values: dict[str, float] = {}
    for name, metric in (("nDCG", ndcg_at), ("recall", recall_at), ("MRR", mrr_at), ("P", precision_at)):
        values |= {f"{name}@{k}": metric(ranked, judgements, k) for k in ks}
    values["MAP"] = average_precision(ranked, judgements)
    return values


def _relevant(judgements: Judgements) -> set[str]:
    return {document for document, gain in judgements.items() if gain > 0}


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
