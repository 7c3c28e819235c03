"""A title model learns from a corpus, as a part of an index's build that may be killed at any moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from shutil import copyfile

import torch

from skerry.core.checked_progress import CheckedProgress
from skerry.core.files import write_atomically
from skerry.core.models.hashes import weight_files
from skerry.core.models.store import Model
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.naming import Names
from skerry.retrieval.corpusbrain.pretraining.disguise import Disguise
from skerry.retrieval.corpusbrain.pretraining.hip import hyperlinks
from skerry.retrieval.corpusbrain.pretraining.iss import inner_sentences
from skerry.retrieval.corpusbrain.pretraining.links import resolved_links
from skerry.retrieval.corpusbrain.pretraining.lps import lead_paragraphs
from skerry.retrieval.corpusbrain.pretraining.pairs import Link, Pair
from skerry.retrieval.corpusbrain.start import Start
from skerry.retrieval.corpusbrain.title_tree import TitleTree
from skerry.retrieval.corpusbrain.training.rehearsal import rehearsed
from skerry.retrieval.corpusbrain.training.settings import Settings
from skerry.retrieval.corpusbrain.training.trainer import Report, TitleTrainer
from skerry.retrieval.index.leg import Workshop

REPORT = "training.json"
_DISGUISE = Disguise(mask=0.3, lower=0.1)
"""Questions name their page less often than its own sentences do."""
_REHEARSAL = 1.0
"""Pairs of pages that were learnt before, for each pair of a new one."""
_OBJECTIVES: dict[str, Callable[[PassageStore, Sequence[Link], int], Iterator[Pair]]] = {
    # Stretches of words are as long as questions, and quicker to learn from than sentences.
    "iss": partial(inner_sentences, share=0.5, runs=0.05, spans=0.8, whole=0.0, disguise=_DISGUISE),
    "lps": partial(lead_paragraphs, disguise=_DISGUISE),
    "hip": partial(hyperlinks, disguise=_DISGUISE),
}


def corpus_pairs(passages: PassageStore, objectives: str, seed: int) -> list[Pair]:
    """The pre-training pairs of a corpus.

    Args:
        objectives: of `iss`, `lps` and `hip`, with commas.
    """
    links = list(resolved_links(passages))
    return [pair for name in objectives.split(",") for pair in _OBJECTIVES[name](passages, links, seed)]


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
    if start is not None and start.known.all():
        return _nothing_new(start.network, out)
    pairs = corpus_pairs(passages, objectives, settings.seed)
    if start is not None:
        pairs = rehearsed(pairs, start.known, _REHEARSAL, settings.seed)
        if not pairs:
            return _nothing_new(start.network, out)
    with _threads(workshop.threads):
        trainer = TitleTrainer(
            base, names, tree, out, settings, start=None if start is None else start.network
        )
        return _reported(trainer.train(pairs, progress), out)


def _nothing_new(network: Path, out: Path) -> Path:
    """No new page, or none with a text to learn from."""
    out.mkdir(parents=True, exist_ok=True)
    for file in weight_files(network):
        copyfile(file, out / file.name)
    return _reported(Report(pairs=0, steps=0, before=None, after=None), out)


def _reported(report: Report, out: Path) -> Path:
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
