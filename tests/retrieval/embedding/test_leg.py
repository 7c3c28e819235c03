"""The dense leg, built in shards and opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexCorrupt, IndexNotReady, InvalidInput
from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.embedding.leg import DenseLeg
from skerry.retrieval.index.leg import BuiltLeg, Workshop

TEXTS = [
    "The keeper trims the lamp of the lighthouse every night.",
    "A ferry carries people and cars over water.",
    "Owls hunt mice in the dark.",
    "Bread is baked from flour, water and yeast.",
    "Rain falls when droplets grow heavy.",
    "Rain falls when droplets grow heavy.",
] * 5


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> PassageStore:
    folder = tmp_path_factory.mktemp("passages")
    with PassageWriter(folder) as writer:
        for n, text in enumerate(TEXTS):
            writer.append(Passage(n, f"{n}#0", str(n), f"Page {n % 6}", "", text, Span(1, 0, 1, len(text))))
    return PassageStore.open(folder)


@pytest.fixture(scope="module")
def model(models: ModelStore) -> Model:
    return models.resolve("all-MiniLM-L6-v2")


def build(leg: DenseLeg, passages: PassageStore, folder: Path, model: Model, cuts: list[int]) -> BuiltLeg:
    shards = []
    for start, stop in zip([0, *cuts], [*cuts, len(passages)], strict=True):
        shards.append(folder / f"{start}")
        leg.build_shard(passages, start, stop, shards[-1], model, 1)
    return leg.assemble(passages, shards, folder / "leg", model, Workshop(folder, folder / "work"))


@pytest.mark.parametrize("index", ["flat", "hnsw"])
def test_finds_by_meaning(index: str, passages: PassageStore, model: Model, tmp_path: Path) -> None:
    leg = DenseLeg(index=index, dtype="fp32", m=8, ef_construction=40)
    built = build(leg, passages, tmp_path, model, [7, 19])
    retriever = DenseLeg(**built.parameters).open(tmp_path / "leg", passages, model)  # type: ignore[arg-type]
    queries = ["Which birds catch rodents after sunset?", "How do I cross the sea by boat?"]
    owls, boats = retriever.retrieve(queries, 5, {}, Deadline())
    # Every text stands five times in the store: equal vectors, told apart by ordinal.
    assert owls.ordinals.tolist() == [2, 8, 14, 20, 26]
    assert boats.ordinals.tolist() == [1, 7, 13, 19, 25]
    assert np.all(np.diff(owls.scores) <= 0) and 0.2 < owls.scores[0] <= 1.0
    [within] = retriever.retrieve(queries[:1], 5, {}, Deadline(), within=np.array([3, 8, 9]))
    assert within.ordinals[0] == 8 and set(within.ordinals.tolist()) == {3, 8, 9}
    retriever.close()
    with pytest.raises(IndexNotReady, match="closed"):
        retriever.retrieve(queries, 5, {}, Deadline())


def test_a_rebuild_has_the_same_digest(passages: PassageStore, model: Model, tmp_path: Path) -> None:
    first = build(DenseLeg(), passages, tmp_path / "a", model, [10])
    assert build(DenseLeg(), passages, tmp_path / "b", model, [10]) == first
    assert build(DenseLeg(title=False), passages, tmp_path / "c", model, [10]).digest != first.digest


def test_options(passages: PassageStore, model: Model, tmp_path: Path) -> None:
    build(DenseLeg(index="hnsw"), passages, tmp_path, model, [])
    retriever = DenseLeg(index="hnsw").open(tmp_path / "leg", passages, model)
    assert len(retriever.retrieve(["owl"], 3, {"ef_search": 64}, Deadline())[0].ordinals) == 3
    for bad in (0, 10_001, "64", 1.5, True):
        with pytest.raises(InvalidInput, match="ef_search must be a whole number from 1 to 10000"):
            retriever.retrieve(["owl"], 3, {"ef_search": bad}, Deadline())
    with pytest.raises(InvalidInput, match="It knows: ef_search"):
        retriever.retrieve(["owl"], 3, {"beams": 5}, Deadline())


def test_damage(passages: PassageStore, model: Model, tmp_path: Path) -> None:
    build(DenseLeg(), passages, tmp_path, model, [])
    folder = tmp_path / "leg"
    with pytest.raises(IndexCorrupt, match="cannot be opened"):
        DenseLeg().open(tmp_path / "nowhere", passages, model)
    whole = (folder / "vectors.faiss").read_bytes()
    (folder / "vectors.faiss").write_bytes(whole[:1000])
    with pytest.raises(IndexCorrupt, match="does not fit"):
        DenseLeg().open(folder, passages, model)
    (folder / "vectors.faiss").write_bytes(whole)
    (folder / "shape.json").write_text("{}")
    with pytest.raises(IndexCorrupt, match="cannot be opened"):
        DenseLeg().open(folder, passages, model)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"index": "ivf"}, "one of flat, hnsw"),
        ({"dtype": "int8"}, "one of auto, bf16, fp32"),
        ({"m": 1}, "dense.m must be a whole number from 4 to 128"),
        ({"ef_construction": 10**6}, "dense.ef_construction"),
        ({"title": "yes"}, "true or false"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        DenseLeg(**parameters)
