"""What the commands that train are tried on."""

from __future__ import annotations

from pathlib import Path

from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine

from ..ranking.tiny import write_corpus, write_gold  # noqa: TID252 -- another room's tests


def write_index_and_gold(folder: Path) -> None:
    """Put `index`, built of `corpus.jsonl`, and `gold.jsonl` of twenty questions into the folder."""
    write_gold(folder / "gold.jsonl")
    build_index(
        BuildSpec(write_corpus(folder / "corpus.jsonl"), "kilt", legs=("bm25",)),
        folder / "index",
        engine=SerialEngine(),
        models=ModelStore(folder / "models"),
        progress=SilentProgress(),
    )
