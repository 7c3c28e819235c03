"""A causal language model with a low-rank adapter as the one that names pages: the small model's alternative.

Every title of the corpus has its exact probability behind the title prompt of SEAL, whose training teaches
it: no search can find more than that ranking has.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from skerry.benchmarks.corpusbrain.pages import COLUMNS, page_figures
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress
from skerry.evaluation.gold import Record
from skerry.evaluation.table import Row
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.seal.adapter import chosen_adapter
from skerry.retrieval.seal.prompts import title_prompt
from skerry.retrieval.seal.speaker import speaker

_MODEL = "SmolLM2-135M-Instruct"


def language_model_row(
    name: str, adapter: str, passages: PassageStore, questions: Sequence[Record], progress: Progress
) -> Row:
    """The page columns of `COLUMNS`, by titles alone; "ms" is the median, a question with all titles.

    Args:
        adapter: "shipped", "none", or a folder that `skerry train seal` left.
    """
    base = ModelStore().resolve(_MODEL)
    model = speaker(base, chosen_adapter(adapter, base), "auto").model
    pages = list(passages.pages())
    titles = [[*model.vocabulary.words(page.title), model.vocabulary.title_end] for page in pages]
    values: dict[str, list[float]] = {column: [] for column in COLUMNS if not column.startswith("hit")}
    with progress.task(name, len(questions), "questions") as task:
        for question in questions:
            start = perf_counter()
            prompt = model.vocabulary.encode(title_prompt(question.input))
            each = model.sequence_log_probs([prompt], np.zeros(len(titles), np.int64), titles)
            found = [pages[row].id for row in _best_first(each)]
            values["ms"].append(1000 * (perf_counter() - start))
            for column, figure in page_figures(found, question).items():
                values[column].append(figure)
            task.advance()
    averages = {column: float(np.mean(each)) for column, each in values.items()}
    return Row(name, averages | {"ms": float(np.median(values["ms"]))})


def language_model_rows(
    adapters: Sequence[str], passages: PassageStore, questions: Sequence[Record], progress: Progress
) -> list[Row]:
    """One row an adapter."""
    return [
        language_model_row(
            f"{_MODEL}, {_named(adapter)}: titles alone", adapter, passages, questions, progress
        )
        for adapter in adapters
    ]


def _best_first(each: Sequence[NDArray[np.float32]]) -> list[int]:
    scores = np.array([log_probs.sum() for log_probs in each])
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    return order


def _named(adapter: str) -> str:
    return {"none": "no adapter", "shipped": "SEAL's adapter"}.get(adapter, Path(adapter).name)
