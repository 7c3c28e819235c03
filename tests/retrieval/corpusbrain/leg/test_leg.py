"""The leg from a corpus to an open index, with a small encoder that learns as the index is built."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, IndexCorrupt, IndexNotReady, InvalidInput
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress, Task
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.leg import TREE, CorpusBrainLeg
from skerry.retrieval.corpusbrain.start import NETWORK
from skerry.retrieval.corpusbrain.title_tree import TitleTree
from skerry.retrieval.corpusbrain.training import settings as training_settings
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.manifest import Manifest
from skerry.retrieval.index.reader import Index
from skerry.retrieval.index.verify import verify_index

from .small import PAGES, Counting, Killed, network_bytes, write_corpus, write_encoder

Build = Callable[..., Manifest]
Open = Callable[[Path], Index]


def test_built_opened_and_asked(built: Path, open_index: Open) -> None:
    assert verify_index(built).problems == ()
    with open_index(built) as index:
        retriever = index.retriever("corpusbrain")
        queries = ["which owl hunts at night?", "a" * 60_000, "日本 \u200b 🦉", "?"]
        for found in retriever.retrieve(queries, 10, {}, Deadline()):
            assert sorted(found.ordinals.tolist()) == list(range(len(PAGES)))
            assert np.isfinite(found.scores).all()
        [narrow] = retriever.retrieve(["owl"], 10, {"beams": 1}, Deadline(), np.array([6]))
        assert narrow.ordinals.tolist() == [6]
        assert narrow.evidence[0][0].ngram == PAGES[6][0].strip()
        with pytest.raises(InvalidInput, match="valid Unicode"):
            retriever.retrieve(["\ud800"], 10, {}, Deadline())
        tree = TitleTree.open(index.folder_of("corpusbrain") / TREE)
        assert tree.pages == len(PAGES)
    with pytest.raises(IndexNotReady, match="closed"):
        retriever.retrieve(["owl"], 10, {}, Deadline())


def test_it_has_learnt_its_texts(
    build: Build, tmp_path: Path, open_index: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = partial(training_settings.Settings, batch=8, learning_rate=3e-3, dropout=0.0)
    monkeypatch.setattr(training_settings, "Settings", quick)
    progress = Counting()
    three = PAGES[:3]
    build(write_corpus(tmp_path / "three.jsonl", three), tmp_path / "index", progress, epochs=80, memory=0)
    assert len(progress.advances["page names"]) == len(three)
    assert progress.notes[-1].startswith("loss")
    with open_index(tmp_path / "index") as index:
        queries = [text.split(".")[0] for _, text in three]
        found = index.retriever("corpusbrain").retrieve(queries, 1, {}, Deadline())
    assert [int(one.ordinals[0]) for one in found] == [0, 1, 2]


@pytest.mark.usefixtures("often")
def test_the_same_whatever_was_killed(build: Build, corpus: Path, tmp_path: Path) -> None:
    progress = Counting()
    whole = build(corpus, tmp_path / "whole", progress)
    steps = sum(progress.advances["training"])
    for point in (("page names", 3), ("training", 5)):
        out = tmp_path / f"{point[0]}-{point[1]}"
        with pytest.raises(Killed):
            build(corpus, out, Counting(point))
        rerun = Counting()
        assert build(corpus, out, rerun).result_hash == whole.result_hash
        assert rerun.advances["training"][0] == (2 if point == ("training", 5) else 0)
        assert sum(rerun.advances["training"]) == steps
        assert network_bytes(out) == network_bytes(tmp_path / "whole")
        assert not (out / "build").exists()


def test_a_finished_training_is_not_done_again(
    build: Build, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(folder: Path, passages: PassageStore) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("skerry.retrieval.corpusbrain.leg.save_pages", killed)
        with pytest.raises(Killed):
            build(corpus, tmp_path / "index")
    rerun = Counting()
    build(corpus, tmp_path / "index", rerun)
    assert "training" not in rerun.advances


def test_a_caller_who_leaves_stops_the_training(
    corpus: Path, encoder: Path, store: ModelStore, tmp_path: Path
) -> None:
    deadline = Deadline()

    class Leaving(Counting):
        @contextmanager
        def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
            if name == "training":
                deadline.cancel()
            with super().task(name, total, unit) as task:
                yield task

    progress = Leaving()
    spec = BuildSpec(
        corpus, "jsonl", legs=("corpusbrain",), parameters={"corpusbrain": {"model": str(encoder)}}
    )
    with pytest.raises(Cancelled, match="while training the title model"):
        build_index(
            spec,
            tmp_path / "index",
            engine=SerialEngine(),
            models=store,
            progress=progress,
            deadline=deadline,
        )
    assert sum(progress.advances["training"]) == 0


def test_shards_do_not_show(build: Build, corpus: Path, built: Path, tmp_path: Path) -> None:
    one = build(corpus, tmp_path / "index", shard_passages=2)
    with Index.open(built) as index:
        assert one.legs["corpusbrain"].digest == index.manifest.legs["corpusbrain"].digest
    other = build(corpus, tmp_path / "index", seed=1)
    assert other.legs["corpusbrain"].digest != one.legs["corpusbrain"].digest


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"weights": ""}, "corpusbrain.weights must be train, none or a folder"),
        ({"start": 3}, "corpusbrain.start must be none, current or a folder"),
        ({"start": "current", "weights": "none"}, "says what a training goes on from"),
        ({"objectives": ""}, "corpusbrain.objectives must be one or more of iss, lps, hip"),
        ({"objectives": "iss,iss"}, "got 'iss,iss'"),
        ({"objectives": "iss, lps"}, "corpusbrain.objectives"),
        ({"objectives": "mlm"}, "corpusbrain.objectives"),
        ({"seed": -1}, "corpusbrain.seed"),
        ({"epochs": 101}, "corpusbrain.epochs must be a whole number from 0 to 100"),
        ({"pairs": 10}, "corpusbrain.pairs"),
        ({"title_tokens": 7}, "corpusbrain.title_tokens must be a whole number from 8 to 128"),
        ({"memory": -1}, "corpusbrain.memory must be a whole number from 0 to 10000000"),
        ({"memory": 10_000_001}, "corpusbrain.memory"),
        ({"memory": 0.5}, "corpusbrain.memory"),
        ({"memory": True}, "corpusbrain.memory"),
        ({"memory": "all"}, "corpusbrain.memory"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        CorpusBrainLeg(**parameters)


def test_objectives_have_one_order(build: Build, corpus: Path, tmp_path: Path) -> None:
    built = build(corpus, tmp_path / "index", objectives="hip,iss")
    assert built.legs["corpusbrain"].parameters["objectives"] == "iss,hip"


def test_a_corpus_of_one_page(build: Build, tmp_path: Path, open_index: Open) -> None:
    build(write_corpus(tmp_path / "one.jsonl", PAGES[:1]), tmp_path / "index")
    with open_index(tmp_path / "index") as index:
        [found] = index.retriever("corpusbrain").retrieve(["anything"], 10, {"titles": 5}, Deadline())
    assert (found.ordinals.tolist(), found.scores.tolist()) == ([0], [0.0])


def test_nothing_to_learn_from(build: Build, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "short.jsonl", [("Owl", "It hunts."), ("Otter", "It swims.")])
    with pytest.raises(InvalidInput, match="no pair of a text and a title"):
        build(corpus, tmp_path / "index")
    assert not (tmp_path / "index" / "CURRENT").exists()


def test_damage(built: Path, store: ModelStore, encoder: Path, tmp_path: Path) -> None:
    with Index.open(built) as index:
        folder = Path(shutil.copytree(index.folder_of("corpusbrain"), tmp_path / "leg"))
        passages = index.passages
        leg = CorpusBrainLeg(model=str(encoder))
        model = store.resolve(str(encoder))
        leg.open(folder, passages, model).close()
        with pytest.raises(IndexNotReady, match="without its model"):
            leg.open(folder, passages, None)
        for path in (folder / TREE, folder / NETWORK / "config.json"):
            whole = path.read_bytes()
            for damaged in (b"", whole[: len(whole) // 2], b"\0" * len(whole)):
                path.write_bytes(damaged)
                with pytest.raises(IndexCorrupt, match=path.name):
                    leg.open(folder, passages, model)
            path.write_bytes(whole)
        network = next((folder / NETWORK).glob("*.safetensors"))
        network.write_bytes(network.read_bytes()[:-4] + b"none")
        gc.collect()  # the undamaged one may be in memory still
        with pytest.raises(IndexCorrupt, match=network.name):
            leg.open(folder, passages, model).retrieve(["owl"], 1, {}, Deadline())
    [first, *_] = PAGES
    (tmp_path / "other").mkdir()
    one = write_corpus(tmp_path / "one.jsonl", [first])
    spec = BuildSpec(one, "jsonl", legs=("bm25",))
    build_index(spec, tmp_path / "one", engine=SerialEngine(), models=store, progress=SilentProgress())
    with (
        Index.open(tmp_path / "one") as index,
        pytest.raises(IndexCorrupt, match="has 7 pages, the passage store 1"),
    ):
        leg.open(folder, index.passages, model)


def test_another_encoder_is_refused_with_both_names(
    build: Build, corpus: Path, built: Path, encoder: Path, store: ModelStore, tmp_path: Path
) -> None:
    named = tmp_path / "named"
    shutil.copytree(encoder, named)
    build(corpus, tmp_path / "index", model=str(named))
    shutil.rmtree(named)
    write_encoder(named, seed=5)
    with (
        Index.open(tmp_path / "index", models=store) as index,
        pytest.raises(IndexCorrupt, match=r"built with the model .*named.*but .*named"),
    ):
        index.retriever("corpusbrain")
    other = write_encoder(tmp_path / "other", seed=6)
    with Index.open(built) as index:
        trained = index.folder_of("corpusbrain") / NETWORK
    for settings in ({"weights": str(trained)}, {"start": str(built)}):
        with pytest.raises(IndexCorrupt) as caught:
            build(corpus, tmp_path / "elsewhere", model=str(other), **settings)
        assert str(encoder) in caught.value.message and str(other) in caught.value.message


def test_the_model_is_shared_by_open_indexes(built: Path, open_index: Open) -> None:
    with open_index(built) as one, open_index(built) as other:
        loaded = [index.retriever("corpusbrain")._load().shared for index in (one, other)]  # type: ignore[attr-defined]
        assert loaded[0] is loaded[1]
