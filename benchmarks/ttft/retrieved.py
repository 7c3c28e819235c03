"""The passages that the chain hands to the generator: retrieved, fused, ranked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skerry.benchmarks.ttft.chain import Asked
from skerry.core.deadline import Deadline
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress
from skerry.evaluation.answers import gold_answers
from skerry.evaluation.gold import Record
from skerry.generation.base import Source
from skerry.ranking import load_ranker
from skerry.ranking.cascade import Cascade
from skerry.ranking.plan import FIRST_HITS
from skerry.ranking.rerank import rerank
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.index.reader import Index
from skerry.retrieval.pipeline import RetrievalPipeline

_HITS = 50


def retrieved(
    folder: Path,
    questions: Sequence[Record],
    ranker: str,
    passages: int,
    models: ModelStore,
    progress: Progress,
) -> list[Asked]:
    """As `skerry answer` does it by default; questions without an answer or a passage are left out.

    Raises:
        NotFound: the index or the ranker.
    """
    asked = []
    cascade = Cascade.of(load_ranker(ranker, models))
    with (
        Index.open(folder, models=models) as index,
        RetrievalPipeline(index) as pipeline,
        progress.task("passages", len(questions), "questions") as task,
    ):
        legs = tuple(LegRequest(leg) for leg in index.legs)
        for question in questions:
            golds = gold_answers(question.outputs)
            request = RetrievalRequest(question.input, legs, limit=_HITS)
            [result] = pipeline.retrieve([request], Deadline(None))
            if golds and result.hits:
                hits, _ = rerank(cascade, question.input, result.hits, FIRST_HITS, Deadline(None))
                best = [entry.hit.passage for entry in hits[:passages]]
                sources = tuple(Source(one.id, one.title, one.text) for one in best)
                asked.append(Asked(question.input, golds, sources))
            task.advance()
    return asked
