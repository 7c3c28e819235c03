"""A title model learns from a corpus, as a part of an index's build that may be killed at any moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch

from skerry.core.checked_progress import CheckedProgress
from skerry.core.files import write_atomically
from skerry.core.models.store import Model
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.naming import Names
from skerry.retrieval.corpusbrain.pretraining.hip import hyperlinks
from skerry.retrieval.corpusbrain.pretraining.iss import inner_sentences
from skerry.retrieval.corpusbrain.pretraining.links import resolved_links
from skerry.retrieval.corpusbrain.pretraining.lps import lead_paragraphs
from skerry.retrieval.corpusbrain.pretraining.pairs import Link, Pair
from skerry.retrieval.corpusbrain.start import Start
from skerry.retrieval.corpusbrain.title_tree import TitleTree
from skerry.retrieval.corpusbrain.training.settings import Settings
from skerry.retrieval.corpusbrain.training.trainer import TitleTrainer
from skerry.retrieval.index.leg import Workshop

REPORT = "training.json"
_OBJECTIVES: dict[str, Callable[[PassageStore, Sequence[Link], int], Iterator[Pair]]] = {
    "iss": inner_sentences,
    "lps": lead_paragraphs,
    "hip": hyperlinks,
}


def learn(
    passages: PassageStore,
    names: Names,
    tree: TitleTree,
    base: Model,
    objectives: str,
    settings: Settings,
    start: Start | None,
    workshop: Workshop,
) -> Path:
    """Train, or go on with a training that was killed.

    Args:
        objectives: of `iss`, `lps` and `hip`, with commas.

    Returns:
        The folder with the network, and with what came of the training in `REPORT`.

    Raises:
        InvalidInput: no page has a text to learn from.
        Cancelled, DeadlineExceeded: between steps; the last checkpoint stays.
    """
    out = workshop.work / "training"
    if (out / REPORT).is_file():
        return out
    progress = CheckedProgress(workshop.progress, workshop.deadline, "training the title model")
    links = list(resolved_links(passages))
    pairs = [
        pair for name in objectives.split(",") for pair in _OBJECTIVES[name](passages, links, settings.seed)
    ]
    with _threads(workshop.threads):
        trainer = TitleTrainer(
            base, names, tree, out, settings, start=None if start is None else start.network
        )
        report = trainer.train(pairs, progress)
    write_atomically(out / REPORT, json.dumps(asdict(report), indent=1).encode() + b"\n")
    return out


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
