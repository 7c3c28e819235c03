"""Page R-precision of legs and of titles alone, over one or several indexes of the same corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from skerry.core.deadline import Deadline
from skerry.core.progress import Progress
from skerry.evaluation.evidence import ranked_keys
from skerry.evaluation.gold import Record
from skerry.evaluation.predictions import provenance_of
from skerry.evaluation.r_precision import r_precision
from skerry.evaluation.scores import first_hit
from skerry.evaluation.table import Row
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.options import LEG
from skerry.retrieval.index.reader import Index
from skerry.retrieval.pipeline import RetrievalPipeline

PAGE = ("wikipedia_id",)
COLUMNS = ("page Rprec", "page hit@5", "hit@1", "hit@5", "ms")
_DEPTH = 100
_HITS = 5


@dataclass(frozen=True, slots=True)
class System:
    """What is asked.

    Attributes:
        name: of the row.
        legs: fused where there are several.
        fusion: how.
    """

    name: str
    legs: tuple[LegRequest, ...]
    fusion: str = "rrf"


def systems(name: str, legs: Sequence[str], beams: int, memory: bool) -> list[System]:
    """The rows of one index: the other legs, CorpusBrain by titles alone and with passages, fusions.

    Args:
        memory: whether the index has a page memory: then titles are also found by it, and by the decoder,
            alone.
    """
    others = tuple(LegRequest(leg, _DEPTH) for leg in legs if leg != LEG)
    titles = LegRequest(LEG, _DEPTH, options={"beams": beams, "passage_weight": 0.0})
    own = LegRequest(LEG, _DEPTH, options={"beams": beams})
    rows = [System(f"{name}{leg.name}", (leg,)) for leg in others]
    if LEG in legs:
        rows.append(System(f"{name}titles alone", (titles,)))
        for part, share in (("decoder's", 0.0), ("memory's", 1.0)) if memory else ():
            only = replace(titles, options={**titles.options, "memory_share": share})
            rows.append(System(f"{name}{part} titles alone", (only,)))
        rows.append(System(f"{name}{LEG}", (own,)))
    for fusion in ("rrf", "convex"):
        if len(others) > 1:
            joined = " + ".join(leg.name for leg in others)
            rows.append(System(f"{name}{joined}: {fusion}", others, fusion))
        if others and LEG in legs:
            joined = " + ".join([*(leg.name for leg in others), LEG])
            rows.append(System(f"{name}{joined}: {fusion}", (*others, own), fusion))
    return rows


def about_pages(questions: Sequence[Record], passages: PassageStore) -> list[Record]:
    """The questions of which an output has all its pages among these."""
    ids = {page.id for page in passages.pages()}
    return [
        question
        for question in questions
        if any((keys := ranked_keys(output, PAGE)) and ids.issuperset(keys) for output in question.outputs)
    ]


def page_figures(pages: Sequence[str], question: Record) -> dict[str, float]:
    """The "page" columns of one question; `pages` are ids, best first."""
    gold = {key for output in question.outputs for key in ranked_keys(output, PAGE)}
    return {
        "page Rprec": r_precision(pages, question, PAGE),
        "page hit@5": float(not gold.isdisjoint(pages[:_HITS])),
    }


def page_rows(
    index: Index, rows: Sequence[System], questions: Sequence[Record], progress: Progress
) -> list[Row]:
    """One row of `COLUMNS` a system: questions are asked one at a time, "ms" is the median of their times.

    "page" figures go by page, "hit" ones by gold paragraph, as in `skerry eval run`.
    """
    table = []
    with (
        RetrievalPipeline(index) as pipeline,
        progress.task(f"questions of {index.folder.name}", len(rows) * len(questions), "questions") as task,
    ):
        for system in rows:
            values: dict[str, list[float]] = {column: [] for column in COLUMNS}
            for question in questions:
                request = RetrievalRequest(question.input, system.legs, system.fusion, limit=_DEPTH)
                start = perf_counter()
                [result] = pipeline.retrieve([request], Deadline())
                values["ms"].append(1000 * (perf_counter() - start))
                found = [provenance_of(hit.passage, hit.score) for hit in result.hits]
                pages = list(dict.fromkeys(hit.passage.page_id for hit in result.hits))
                for column, figure in page_figures(pages, question).items():
                    values[column].append(figure)
                rank = first_hit(question, found) or _DEPTH + 1
                values["hit@1"].append(float(rank == 1))
                values["hit@5"].append(float(rank <= _HITS))
                task.advance()
            averages = {name: float(np.mean(each)) for name, each in values.items()}
            table.append(Row(system.name, averages | {"ms": float(np.median(values["ms"]))}))
    return table
