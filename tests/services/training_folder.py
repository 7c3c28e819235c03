"""What the commands that train are tried on."""

from __future__ import annotations

from pathlib import Path

from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine

from ..ranking.tiny import ANIMALS, paragraphs, write_corpus, write_gold, write_model  # noqa: TID252 -- another room's
from ..retrieval.corpusbrain.leg.small import write_encoder  # noqa: TID252 -- another room's model


def write_index_and_gold(folder: Path) -> None:
    """Put `index`, built of `corpus.jsonl`, and `gold.jsonl` of twenty questions into the folder."""
    write_gold(folder / "gold.jsonl")
    _build(BuildSpec(write_corpus(folder / "corpus.jsonl"), "kilt", legs=("bm25",)), folder)


def write_two_legged_index_and_gold(folder: Path) -> None:
    """The same with the legs bm25 and dense, whose encoder `tiny` lies there."""
    write_gold(folder / "gold.jsonl")
    spec = BuildSpec(
        write_corpus(folder / "corpus.jsonl"),
        "kilt",
        legs=("bm25", "dense"),
        parameters={"dense": {"model": str(write_model(folder / "tiny"))}},
    )
    _build(spec, folder)


def write_title_index_and_gold(folder: Path) -> None:
    """The same with the legs bm25 and corpusbrain, which has hardly learnt, and its encoder `small`."""
    write_gold(folder / "gold.jsonl")
    words = {
        word.strip(".,") for number in range(len(ANIMALS)) for word in " ".join(paragraphs(number)).split()
    }
    encoder = write_encoder(folder / "small", words=sorted(word.lower() for word in words))
    spec = BuildSpec(
        write_corpus(folder / "corpus.jsonl"),
        "kilt",
        legs=("bm25", "corpusbrain"),
        parameters={"corpusbrain": {"model": str(encoder), "epochs": 1}},
    )
    _build(spec, folder)


def _build(spec: BuildSpec, folder: Path) -> None:
    build_index(
        spec,
        folder / "index",
        engine=SerialEngine(),
        models=ModelStore(folder / "models"),
        progress=SilentProgress(),
    )
