"""Pages that come later: the training goes on from an index that is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexNotReady
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.corpusbrain.training.rehearsal import rehearsed
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.manifest import Manifest
from skerry.retrieval.index.reader import Index

from .small import PAGES, Counting, Killed, network_bytes, write_corpus

Build = Callable[..., Manifest]
Open = Callable[[Path], Index]


NEW = ("Barley", "Barley was the chief grain of the islands. It is sown in spring and cut in autumn.")


def grown(folder: Path) -> Path:
    return write_corpus(folder / "grown.jsonl", [*PAGES, NEW])


def test_new_pages_are_learnt(
    build: Build, corpus: Path, tmp_path: Path, open_index: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[bool]] = []

    def spy(pairs: Any, known: Any, share: float, seed: int) -> Any:
        seen.append(known.tolist())
        return rehearsed(pairs, known, share, seed)

    monkeypatch.setattr("skerry.retrieval.corpusbrain.learning.rehearsed", spy)
    out = tmp_path / "index"
    build(corpus, out)
    before = network_bytes(out)
    first = build(grown(tmp_path), out, start="current")
    assert seen == [[True] * len(PAGES) + [False]]
    assert network_bytes(out) != before
    again = build(grown(tmp_path), out, start="current")
    assert again.version == first.version
    with open_index(out) as index:
        [found] = index.retriever("corpusbrain").retrieve(["grain"], 20, {}, Deadline())
        assert len(PAGES) in found.ordinals.tolist()


def test_nothing_new(build: Build, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    build(corpus, out)
    before = network_bytes(out)
    progress = Counting()
    build(corpus, out, progress, start="current")
    assert "training" not in progress.advances
    assert network_bytes(out) == before


@pytest.mark.usefixtures("often")
def test_killed_it_goes_on_from_the_same(build: Build, corpus: Path, tmp_path: Path) -> None:
    base, out = tmp_path / "base", tmp_path / "index"
    build(corpus, base)
    more = grown(tmp_path)
    whole = build(more, tmp_path / "whole", start=str(base))
    with pytest.raises(Killed):
        build(more, out, Counting(("training", 3)), start=str(base))
    # Another version is in use by now, and the one it began with is gone.
    for seed in (3, 4):
        build(corpus, base, seed=seed)
    assert build(more, out, start=str(base)).result_hash == whole.result_hash
    assert network_bytes(out) == network_bytes(tmp_path / "whole")


def test_from_nothing(build: Build, corpus: Path, store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(IndexNotReady):
        build(corpus, tmp_path / "index", start="current")
    spec = BuildSpec(corpus, "jsonl", legs=("bm25",))
    out = tmp_path / "bm25"
    build_index(spec, out, engine=SerialEngine(), models=store, progress=SilentProgress())
    with pytest.raises(IndexNotReady, match="built without the leg 'corpusbrain'"):
        build(corpus, tmp_path / "index", start=str(out))
    with pytest.raises(IndexNotReady, match="nowhere does not exist"):
        build(corpus, tmp_path / "index", start=str(tmp_path / "nowhere"))
