"""A tiny encoder in a model store, an untrained ranker on it, a tiny index, and questions about the index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from skerry.core.models.store import Model, ModelStore
from skerry.core.progress import SilentProgress
from skerry.evaluation.gold import read_gold
from skerry.evaluation.ranking_questions import ranking_questions
from skerry.ranking.pair_network import PairNetwork, load_network
from skerry.ranking.training.examples import Example, Question, mine
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.reader import Index
from skerry.retrieval.pipeline import RetrievalPipeline

from .tiny import write_corpus, write_gold, write_model, write_vectors
from .tiny_rankers import MAX_TOKENS, write_cross_encoder


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """An empty store of models."""
    return ModelStore(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, store: ModelStore) -> Model:
    """The tiny encoder, a folder of the user's."""
    return store.resolve(str(write_model(tmp_path_factory.mktemp("base") / "tiny")))


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory, store: ModelStore) -> Model:
    """Tiny word vectors, a folder of the user's."""
    return store.resolve(str(write_vectors(tmp_path_factory.mktemp("vectors") / "tiny")))


@pytest.fixture
def network(base: Model) -> PairNetwork:
    """A fresh float32 network on the tiny encoder, its head always the same."""
    torch.manual_seed(0)
    return load_network(base, torch.float32, "sdpa", MAX_TOKENS).eval()


@pytest.fixture(scope="session")
def ranker_folder(tmp_path_factory: pytest.TempPathFactory, base: Model) -> Path:
    """A ranker of random factors on the tiny encoder, written as training writes it."""
    return write_cross_encoder(tmp_path_factory.mktemp("ranker") / "random", base)


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory, store: ModelStore) -> Iterator[Index]:
    """Ten pages of two passages with the leg bm25."""
    folder = tmp_path_factory.mktemp("ranking-index")
    build_index(
        BuildSpec(write_corpus(folder / "corpus.jsonl"), "kilt", legs=("bm25",)),
        folder / "index",
        engine=SerialEngine(),
        models=store,
        progress=SilentProgress(),
    )
    with Index.open(folder / "index", models=store) as opened:
        yield opened


@pytest.fixture(scope="session")
def questions(tmp_path_factory: pytest.TempPathFactory, index: Index) -> list[Question]:
    """Twenty questions, one for each passage."""
    gold = read_gold(write_gold(tmp_path_factory.mktemp("gold") / "gold.jsonl"))
    return ranking_questions(gold, index.passages)


@pytest.fixture(scope="session")
def examples(index: Index, questions: list[Question]) -> list[Example]:
    """The questions with what bm25 finds for them."""
    with RetrievalPipeline(index) as pipeline:
        return list(mine(questions, pipeline, ["bm25"], 20, SilentProgress()))
