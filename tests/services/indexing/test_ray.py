"""The Ray engine: the same build on a cluster of this machine, or a clear word on how to get Ray."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, Cancelled, InvalidInput
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.services.indexing.ray import RayEngine


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'skerry\[ray\]'"):
        RayEngine()


def test_bad_numbers() -> None:
    with pytest.raises(InvalidInput, match="Workers"):
        RayEngine(workers=0)
    with pytest.raises(InvalidInput, match="Threads"):
        RayEngine(threads=0)


@pytest.fixture(scope="module")
def engine() -> Iterator[RayEngine]:
    """An engine on a cluster of two processors."""
    ray = pytest.importorskip("ray", reason="Ray is not installed (extra `ray`)")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield RayEngine(workers=2)
    ray.shutdown()


def test_every_result_once(engine: RayEngine) -> None:
    assert engine.workers == 2
    assert sorted(engine.map(abs, [-3, 1, -2, 0], Deadline())) == [0, 1, 2, 3]


def test_errors(engine: RayEngine, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(engine.map(os.stat, [str(tmp_path / "nothing")], Deadline()))
    with pytest.raises(BackendUnavailable, match="resumes"):
        list(engine.map(os._exit, [7], Deadline()))
    deadline = Deadline()
    deadline.cancel()
    with pytest.raises(Cancelled):
        list(engine.map(abs, [1], deadline))


def test_the_same_index(engine: RayEngine, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(20):
        sentences = " ".join(f"Sentence {place} of text {number} says nothing new." for place in range(60))
        (corpus / f"{number}.txt").write_text(sentences)
    spec = BuildSpec(corpus, "text", legs=("bm25",), shard_passages=10)
    hashes = {
        build_index(
            spec,
            tmp_path / where.name,
            engine=where,
            models=ModelStore(tmp_path / "models"),
            progress=SilentProgress(),
        ).result_hash
        for where in (engine, SerialEngine())
    }
    assert len(hashes) == 1
