"""Small models, and builds with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress, SilentProgress
from skerry.retrieval.corpusbrain.training import settings as training_settings
from skerry.retrieval.index.build import BuildSpec, run_build
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.manifest import Manifest
from skerry.retrieval.index.reader import Index

from .small import write_corpus, write_encoder

Build = Callable[..., Manifest]
Open = Callable[[Path], Index]


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder") / "small")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """Where digests of the small models are remembered."""
    return ModelStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "corpus.jsonl")


@pytest.fixture(scope="session")
def build(encoder: Path, store: ModelStore) -> Build:
    """`build(corpus, out, progress=..., legs=..., force=..., **parameters of the leg)`: its manifest."""

    def run(
        corpus: Path,
        out: Path,
        progress: Progress | None = None,
        legs: tuple[str, ...] = ("corpusbrain",),
        force: bool = False,
        shard_passages: int = 2000,
        **parameters: Any,
    ) -> Manifest:
        settings = {"model": str(encoder), "epochs": 3, **parameters}
        spec = BuildSpec(
            corpus,
            "jsonl",
            legs=legs,
            parameters={"corpusbrain": settings},
            force=force,
            shard_passages=shard_passages,
        )
        return run_build(
            spec, out, engine=SerialEngine(), models=store, progress=progress or SilentProgress()
        ).manifest

    return run


@pytest.fixture(scope="session")
def built(build: Build, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with the legs bm25 and corpusbrain, not to be changed."""
    out = tmp_path_factory.mktemp("built") / "index"
    build(corpus, out, legs=("bm25", "corpusbrain"))
    return out


@pytest.fixture
def open_index(store: ModelStore) -> Open:
    return lambda folder: Index.open(folder, models=store)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small steps, and a checkpoint after every second."""
    often = partial(training_settings.Settings, batch=8, checkpoint_every=2)
    monkeypatch.setattr(training_settings, "Settings", often)
