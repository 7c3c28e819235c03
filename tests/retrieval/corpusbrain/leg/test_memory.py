"""The page memory in an index: when there is one, what it is made of, and what is refused."""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexCorrupt
from skerry.core.models.store import ModelStore
from skerry.core.models.trained_files import CONFIG
from skerry.retrieval.corpusbrain.leg import MEMORY, CorpusBrainLeg
from skerry.retrieval.corpusbrain.memory.config import WEIGHTS
from skerry.retrieval.corpusbrain.memory.files import load_memory
from skerry.retrieval.corpusbrain.memory.page_memory import PageMemory
from skerry.retrieval.index.manifest import Manifest
from skerry.retrieval.index.reader import Index

from .small import PAGES, Counting, Killed, write_corpus

Build = Callable[..., Manifest]
Open = Callable[[Path], Index]


def memory_of(folder: Path) -> PageMemory:
    with Index.open(folder) as index:
        return load_memory(index.folder_of("corpusbrain") / MEMORY)


def test_every_page_has_slots(built: Path) -> None:
    memory = memory_of(built)
    assert len(memory.starts) == len(PAGES)
    np.testing.assert_allclose(np.linalg.norm(memory.keys, axis=1), 1, atol=1e-3)
    assert memory.asking is None
    assert not memory.log_prior.any()


def test_shards_do_not_show_but_for_rounding(build: Build, corpus: Path, built: Path, tmp_path: Path) -> None:
    progress = Counting()
    build(corpus, tmp_path / "index", progress, shard_passages=2)
    assert len(progress.advances["page memory"]) == len(PAGES)
    one, other = memory_of(built), memory_of(tmp_path / "index")
    np.testing.assert_array_equal(one.starts, other.starts)
    np.testing.assert_allclose(one.keys, other.keys, atol=0.02)


def test_killed_while_it_is_made(build: Build, corpus: Path, built: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        build(corpus, tmp_path / "index", Counting(("page memory", 3)))
    rerun = Counting()
    build(corpus, tmp_path / "index", rerun)
    assert "training" not in rerun.advances
    np.testing.assert_array_equal(memory_of(tmp_path / "index").keys, memory_of(built).keys)


def test_pages_share_the_slots(build: Build, tmp_path: Path, open_index: Open) -> None:
    long = " ".join(f"The owl hunts mice at night in the river {word}." for word in PAGES[6][0].split())
    pages = [("Owl", long), *PAGES[1:]]
    corpus = write_corpus(tmp_path / "corpus.jsonl", pages)
    for most in (len(pages), 2 * len(pages)):
        manifest = build(corpus, tmp_path / "index", memory=most, epochs=1)
        assert manifest.legs["corpusbrain"].parameters["memory"] == most
        with open_index(tmp_path / "index") as index:
            sizes = index.passages.columns().pages["passages"]
        assert sizes[0] > len(pages) + 1
        memory = memory_of(tmp_path / "index")
        assert len(memory.keys) == most
        assert (np.diff(memory.starts[1:]) == 1).all()


@pytest.mark.parametrize("most", [0, len(PAGES) - 1])
def test_none_where_pages_are_more_than_slots(
    build: Build, corpus: Path, tmp_path: Path, open_index: Open, most: int
) -> None:
    manifest = build(corpus, tmp_path / "index", memory=most)
    assert manifest.legs["corpusbrain"].parameters["memory"] == 0
    with open_index(tmp_path / "index") as index:
        assert not (index.folder_of("corpusbrain") / MEMORY).exists()
        [found] = index.retriever("corpusbrain").retrieve(["owl"], 10, {}, Deadline())
        assert len(found.ordinals) == len(PAGES)


def test_its_share(build: Build, corpus: Path, built: Path, tmp_path: Path, open_index: Open) -> None:
    build(corpus, tmp_path / "without", memory=0)

    def ask(index: Index, **options: float) -> dict[int, float]:
        titles = {"passage_weight": 0.0, **options}
        query = ". ".join(PAGES[2])
        [found] = index.retriever("corpusbrain").retrieve([query], 10, titles, Deadline())
        return dict(zip(found.ordinals.tolist(), found.scores.tolist(), strict=True))

    with open_index(built) as index, open_index(tmp_path / "without") as decoder:
        written = ask(decoder)
        assert ask(decoder, memory_share=1.0) == written
        assert ask(index, memory_share=0.0) == pytest.approx(written, abs=1e-4)
        remembered, both = ask(index, memory_share=1.0), ask(index)
        assert max(remembered, key=lambda page: remembered[page]) == 2
        assert remembered != both != written
        one, other = (each.retriever("corpusbrain").weights_sha256 for each in (index, decoder))  # type: ignore[attr-defined]
        assert one != other


def test_pages_that_come_later_are_in_it(build: Build, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    build(corpus, out)
    before = memory_of(out)
    grown = write_corpus(tmp_path / "grown.jsonl", [*PAGES, ("Barley", "A grain. It is sown in spring.")])
    build(grown, out, start="current")
    after = memory_of(out)
    assert len(after.starts) == len(before.starts) + 1
    np.testing.assert_allclose(after.keys[: len(before.keys)], before.keys, atol=0.02)


def test_damage(built: Path, store: ModelStore, encoder: Path, tmp_path: Path) -> None:
    with Index.open(built) as index:
        folder = Path(shutil.copytree(index.folder_of("corpusbrain"), tmp_path / "leg"))
        leg, model = CorpusBrainLeg(model=str(encoder)), store.resolve(str(encoder))
        config, weights = folder / MEMORY / CONFIG, folder / MEMORY / WEIGHTS
        whole = config.read_text()
        for changes, said in (
            ({"pages": 3}, "has 3 pages, the passage store 7"),
            ({"slots": 0}, "whole numbers above 0"),
            ({"width": None}, "whole numbers above 0"),
            ({"colour": 1}, "colour"),
            ({"base_weights_hash": "0"}, "was made with"),
        ):
            config.write_text(json.dumps(json.loads(whole) | changes))
            with pytest.raises(IndexCorrupt, match=said):
                leg.open(folder, index.passages, model)
        for changes in ({"slots": 3}, {"width": 3}):
            config.write_text(json.dumps(json.loads(whole) | changes))
            with pytest.raises(IndexCorrupt, match="does not fit"):
                leg.open(folder, index.passages, model).retrieve(["owl"], 1, {}, Deadline())
        config.write_text(whole)
        weights.write_bytes(weights.read_bytes()[:-4] + b"none")
        gc.collect()
        with pytest.raises(IndexCorrupt, match=WEIGHTS):
            leg.open(folder, index.passages, model).retrieve(["owl"], 1, {}, Deadline())
        shutil.rmtree(folder / MEMORY)
        with pytest.raises(IndexCorrupt, match=r"no page memory in .*memory") as caught:
            leg.open(folder, index.passages, model)
        assert "Build it again" in caught.value.hint
        CorpusBrainLeg(model=str(encoder), memory=0).open(folder, index.passages, model).close()
