"""What rankers are given: questions and the passages that an index finds for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress
from skerry.ranking.base import Candidate, RankRequest
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.index.reader import Index
from skerry.retrieval.pipeline import RetrievalPipeline


def found(
    folder: Path,
    questions: Sequence[str],
    legs: Sequence[str],
    depth: int,
    models: ModelStore,
    progress: Progress,
) -> list[RankRequest]:
    """The first `depth` passages for each question by these legs, fused where there are several.

    They come without a first stage's score, so that what a ranker gives is what it read. Questions for which
    nothing is found are left out.

    Raises:
        InvalidInput: nothing is found for any; a leg that the index does not have.
    """
    requests = []
    asked = tuple(LegRequest(leg, depth) for leg in legs)
    with (
        Index.open(folder, models=models) as index,
        RetrievalPipeline(index) as pipeline,
        progress.task("candidates", len(questions), "questions") as task,
    ):
        for question in questions:
            [result] = pipeline.retrieve([RetrievalRequest(question, asked, limit=depth)], Deadline())
            hits = (Candidate(hit.passage.title, hit.passage.text) for hit in result.hits)
            requests.append(RankRequest(question, tuple(hits)))
            task.advance()
    requests = [request for request in requests if request.candidates]
    if not requests:
        raise InvalidInput(
            f"For none of {len(questions)} questions was anything found in {folder}.",
            hint="Give the gold file of this corpus.",
        )
    return requests
