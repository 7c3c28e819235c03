"""The dense leg, built in shards and opened."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexCorrupt, IndexNotReady, InvalidInput, NotFound
from skerry.core.models import low_rank
from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.base import Option
from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.embedding import adapter as adapters
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.leg import DenseLeg
from skerry.retrieval.embedding.options import DenseOptions
from skerry.retrieval.embedding.passage_text import passage_text, text_begin
from skerry.retrieval.embedding.shape import Shape
from skerry.retrieval.index.leg import BuiltLeg, Workshop

TEXTS = [
    "The keeper trims the lamp of the lighthouse every night.",
    "A ferry carries people and cars over water.",
    "Owls hunt mice in the dark.",
    "Bread is baked from flour, water and yeast.",
    "Rain falls when droplets grow heavy.",
    "Rain falls when droplets grow heavy.",
] * 5
Small = Callable[[str], Model]


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


def save_adapter(folder: Path, model: Model, seed: int) -> None:
    import torch
    from transformers import AutoModel

    network = AutoModel.from_pretrained(model.folder)
    low_rank.attach(network, 2, seed)
    generator = torch.Generator().manual_seed(seed)
    shapes = {name: factor.shape for name, factor in low_rank.state(network).items()}
    factors = {name: torch.randn(shape, generator=generator) / 4 for name, shape in shapes.items()}
    adapters.save(folder, adapters.AdapterConfig.of(model, factors, [(2, 16)]), factors)


@pytest.mark.parametrize("index", ["auto", "flat", "hnsw", "ivf"])
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


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_rebuild_has_the_same_digest(passages: PassageStore, model: Model, tmp_path: Path) -> None:
    first = build(DenseLeg(), passages, tmp_path / "a", model, [10])
    assert build(DenseLeg(), passages, tmp_path / "b", model, [10]) == first
    assert files(tmp_path / "a" / "leg") == files(tmp_path / "b" / "leg")
    assert build(DenseLeg(title=False), passages, tmp_path / "c", model, [10]).digest != first.digest


def test_several_depths_side_by_side(passages: PassageStore, small: Small, tmp_path: Path) -> None:
    """Every depth of the query against every indexed depth, beside brute force over the encoder's vectors."""
    model = small("bert")
    leg = DenseLeg(layers="4, 2", dimensions=24, dtype="fp32", vectors="passage")
    built = build(leg, passages, tmp_path, model, [7])
    assert built.parameters["layers"] == "2,4" and built.parameters["dimensions"] == 24
    assert built.parameters["adapter"] == "none" and built.parameters["index"] == "flat"
    retriever = DenseLeg(**built.parameters).open(tmp_path / "leg", passages, model)  # type: ignore[arg-type]
    encoder = SentenceEncoder(model, "fp32")
    texts = [passage_text(title, text) for title, _, text in passages.texts(0, len(passages))]

    def wanted(layers: int, document_layers: int, dimensions: int = 24) -> NDArray[np.float32]:
        rows = encoder.encode(texts, layers=document_layers, dimensions=dimensions)
        cosines: NDArray[np.float32] = rows @ encoder.encode(["owl lamp"], None, layers, dimensions)[0]
        return cosines

    cases: list[tuple[dict[str, Option], NDArray[np.float32]]] = [
        ({}, wanted(4, 4)),
        ({"layers": 2}, wanted(2, 2)),
        ({"layers": 3}, wanted(3, 4)),
        ({"document_layers": 2}, wanted(2, 2)),
        ({"layers": 1, "document_layers": 2}, wanted(1, 2)),
        ({"layers": 4, "document_layers": 2, "dimensions": 9}, wanted(4, 2, 9)),
        ({"dimensions": 8, "rescore_dimensions": 16, "oversample": 30}, wanted(4, 4, 16)),
        ({"dimensions": 8, "rescore_dimensions": 24, "oversample": 30.0}, wanted(4, 4)),
    ]
    for options, cosines in cases:
        [found] = retriever.retrieve(["owl lamp"], 9, options, Deadline())
        assert found.scores == pytest.approx(np.sort(cosines)[::-1][:9], abs=1e-5), options
        assert found.scores == pytest.approx(cosines[found.ordinals], abs=1e-5), options
    retriever.close()


@pytest.mark.parametrize("index", ["flat", "hnsw", "ivf"])
def test_several_vectors_a_passage(index: str, passages: PassageStore, small: Small, tmp_path: Path) -> None:
    """The best of each passage's vectors, over shards, depths and chosen passages, beside brute force."""
    model = small("bert")
    leg = DenseLeg(layers="2,4", index=index, m=8, dtype="fp32", vectors="stretches")
    built = build(leg, passages, tmp_path / "a", model, [7, 19])
    assert built.parameters["vectors"] == "stretches"
    assert build(leg, passages, tmp_path / "b", model, [11]) == built
    assert build(DenseLeg(layers="2,4", index=index, m=8), passages, tmp_path / "c", model, []) != built
    folder = tmp_path / "a" / "leg"
    # What is opened says for itself what it has, whatever the parameters are by default.
    retriever = DenseLeg(dtype="fp32").open(folder, passages, model)
    encoder = SentenceEncoder(model, "fp32")
    pairs = [(title, text) for title, _, text in passages.texts(0, len(passages))]
    texts, begins = [passage_text(*pair) for pair in pairs], [text_begin(title) for title, _ in pairs]
    vectors = encoder.encode_stretches(texts, begins, [2, 4])
    assert retriever.shape.rows == vectors.starts[-1] == 60
    wide: dict[str, Option] = {"flat": {}, "hnsw": {"ef_search": 99}, "ivf": {"nprobe": 99}}[index]  # type: ignore[assignment]
    for depth in (2, 4):
        cosines = vectors.layers[depth] @ encoder.encode(["owl lamp"], layers=depth)[0]
        best = np.maximum.reduceat(cosines, vectors.starts[:-1])
        for within in (None, np.array([1, 2, 9, 17, 28])):
            [found] = retriever.retrieve(["owl lamp"], 99, {"layers": depth, **wide}, Deadline(), within)
            chosen = np.arange(len(best)) if within is None else within
            assert found.ordinals.tolist() == chosen[np.lexsort((chosen, -best[chosen]))].tolist()
            assert found.scores == pytest.approx(best[found.ordinals], abs=1e-5)
    retriever.close()


def test_vectors_that_do_not_fit_their_passages(passages: PassageStore, small: Small, tmp_path: Path) -> None:
    model = small("bert")
    build(DenseLeg(vectors="stretches"), passages, tmp_path / "a", model, [])
    build(DenseLeg(vectors="passage"), passages, tmp_path / "b", model, [])
    folder = tmp_path / "a" / "leg"

    def fails(message: str) -> None:
        with pytest.raises(IndexCorrupt, match=message):
            DenseLeg().open(folder, passages, model).retrieve(["owl"], 3, {}, Deadline())

    layer, starts = folder / "layer-4", (folder / "starts.npy").read_bytes()
    shutil.move(layer, tmp_path / "kept")
    shutil.copytree(tmp_path / "b" / "leg" / "layer-4", layer)
    fails(r"layer-4 cannot be used: it has 30 vectors, where 60 are expected")
    shutil.rmtree(layer)
    shutil.move(tmp_path / "kept", layer)
    (folder / "starts.npy").write_bytes(starts[:-8])
    fails(r"starts\.npy cannot be used")
    (folder / "starts.npy").unlink()
    fails(r"starts\.npy cannot be used.*No such file")
    Shape(30, 32, (4,), 4, "flat", "", 29).write(folder)
    fails(r"shape\.json: it has 29 vectors of 30 passages")


def test_an_index_from_before_there_were_several(
    passages: PassageStore, small: Small, tmp_path: Path
) -> None:
    build(DenseLeg(vectors="passage"), passages, tmp_path, small("bert"), [])
    path = tmp_path / "leg" / "shape.json"
    fields = json.loads(path.read_text())
    assert fields.pop("rows") is None
    path.write_text(json.dumps(fields))
    retriever = DenseLeg().open(tmp_path / "leg", passages, small("bert"))
    assert len(retriever.retrieve(["owl"], 3, {}, Deadline())[0].ordinals) == 3


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"layers": 0}, InvalidInput, "dense.layers must be a whole number from 1 to 4; got 0"),
        ({"layers": 99}, InvalidInput, "dense.layers must be a whole number from 1 to 4; got 99"),
        ({"layers": True}, InvalidInput, "dense.layers"),
        ({"document_layers": 0}, InvalidInput, "dense.document_layers must be a whole number from 1 to 4"),
        ({"document_layers": 3}, IndexNotReady, "no vectors of 3 layers; it has those of 2, 4"),
        ({"dimensions": 0}, InvalidInput, "dense.dimensions must be a whole number from 8 to 24; got 0"),
        ({"dimensions": 7}, InvalidInput, "from 8 to 24; got 7"),
        ({"dimensions": 10**6}, InvalidInput, "from 8 to 24; got 1000000"),
        ({"dimensions": 8.0}, InvalidInput, "from 8 to 24"),
        ({"rescore_dimensions": 25}, InvalidInput, "dense.rescore_dimensions must be .* 24 to 24; got 25"),
        ({"dimensions": 12, "rescore_dimensions": 9}, InvalidInput, "rescore_dimensions .* from 12 to 24"),
        ({"oversample": 0.5}, InvalidInput, "dense.oversample must be a number from 1 to 100"),
        ({"ef_search": 5}, InvalidInput, "no option 'ef_search'. It knows: layers .whole number from 1 to 4"),
        ({"nprobe": 5}, InvalidInput, "no option 'nprobe'"),
    ],
)
def test_bad_options(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    shape = Shape(30, 24, (2, 4), 4, "flat", "")
    with pytest.raises(kind, match=message):
        DenseOptions.of(options, shape)


@pytest.mark.parametrize(("kind", "option"), [("hnsw", "ef_search"), ("ivf", "nprobe")])
def test_options_of_one_kind_of_index(kind: str, option: str) -> None:
    shape = Shape(30, 24, (4,), 4, kind, "")
    assert getattr(DenseOptions.of({option: 64}, shape).search, option) == 64
    for bad in (0, 10**7, "64", 1.5, True):
        with pytest.raises(InvalidInput, match=f"{option} must be a whole number from 1 to 10"):
            DenseOptions.of({option: bad}, shape)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layers": 99}, "dense.layers must be at most 4 for .*; got 99"),
        ({"layers": "2,5"}, "dense.layers must be at most 4 for .*; got 5"),
        ({"dimensions": 10**6}, "dense.dimensions must be at most 32 for .*; got 1000000"),
    ],
)
def test_sizes_that_the_model_has_not(
    parameters: dict[str, Any], message: str, passages: PassageStore, small: Small, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=message):
        DenseLeg(**parameters).build_shard(passages, 0, 3, tmp_path, small("bert"), 1)
    assert list(tmp_path.iterdir()) == []


def test_an_index_belongs_to_its_adapter(passages: PassageStore, small: Small, tmp_path: Path) -> None:
    model = small("bert")
    folder = tmp_path / "adapter"
    save_adapter(folder, model, seed=1)
    leg = DenseLeg(adapter=str(folder), dtype="fp32", layers=2)
    assert leg.files_hash() == adapters.load_config(folder).weights_sha256
    built = build(leg, passages, tmp_path / "a", model, [11])
    plain = build(DenseLeg(adapter="none", dtype="fp32", layers=2), passages, tmp_path / "b", model, [])
    assert built.parameters["adapter"] == str(folder) and built.digest != plain.digest
    settings: dict[str, Any] = dict(built.parameters)
    reopened = DenseLeg(**settings).open(tmp_path / "a" / "leg", passages, model)
    [found] = reopened.retrieve(["owl"], 3, {}, Deadline())
    encoder = SentenceEncoder(model, "fp32", adapter=adapters.load(folder)[1])
    texts = [passage_text(title, text) for title, _, text in passages.texts(0, len(passages))]
    cosines = encoder.encode(texts, layers=2) @ encoder.encode(["owl"], layers=2)[0]
    assert found.scores == pytest.approx(np.sort(cosines)[::-1][:3], abs=1e-5)
    for other in ("none", "shipped"):
        with pytest.raises(IndexCorrupt, match=r"was built with the embedding adapter .*there is none now"):
            DenseLeg(adapter=other).open(tmp_path / "a" / "leg", passages, model)
    # An index without an adapter stays without, whatever is shipped later.
    unchanged = DenseLeg(adapter=str(folder)).open(tmp_path / "b" / "leg", passages, model)
    assert len(unchanged.retrieve(["owl"], 3, {}, Deadline())[0].ordinals) == 3
    save_adapter(folder, model, seed=2)
    with pytest.raises(IndexCorrupt, match=r"built with the embedding adapter .* now holds"):
        leg.open(tmp_path / "a" / "leg", passages, model)
    with pytest.raises(NotFound, match="no embedding adapter"):
        DenseLeg(adapter=str(tmp_path / "nowhere")).files_hash()
    with pytest.raises(IndexCorrupt, match="trained on"):
        leg.build_shard(passages, 0, 3, tmp_path / "c", small("roberta"), 1)


def test_what_is_shipped_counts(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "SHIPPED", tmp_path / "shipped")
    assert DenseLeg(adapter="shipped").files_hash() == DenseLeg(adapter="none").files_hash() == ""
    save_adapter(tmp_path / "shipped", small("bert"), seed=1)
    shipped = adapters.load_config(tmp_path / "shipped").weights_sha256
    assert DenseLeg(adapter="shipped").files_hash() == shipped
    assert DenseLeg().files_hash() == shipped
    assert DenseLeg(adapter="none").files_hash() == ""


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "3", '{"layers": []}', "{!", '{"count": 30, "layers": [9], "depth": 4}']
)
def test_damage_to_the_shape(text: str, passages: PassageStore, small: Small, tmp_path: Path) -> None:
    model = small("bert")
    build(DenseLeg(), passages, tmp_path, model, [])
    folder = tmp_path / "leg"
    with pytest.raises(IndexCorrupt, match="cannot be opened"):
        DenseLeg().open(tmp_path / "nowhere", passages, model)
    (folder / "shape.json").write_text(text)
    with pytest.raises(IndexCorrupt, match=r"cannot be opened: shape\.json"):
        DenseLeg().open(folder, passages, model)


def test_an_index_of_other_passages(passages: PassageStore, small: Small, tmp_path: Path) -> None:
    build(DenseLeg(), passages, tmp_path, small("bert"), [])
    Shape(29, 32, (4,), 4, "flat", "").write(tmp_path / "leg")
    with pytest.raises(IndexCorrupt, match="has 29 passages, the passage store 30"):
        DenseLeg().open(tmp_path / "leg", passages, small("bert"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"index": "tree"}, "one of auto, flat, hnsw, ivf"),
        ({"storage": "int4"}, "one of auto, fp32, fp16, int8"),
        ({"vectors": "sentences"}, "dense.vectors must be one of passage, stretches; got 'sentences'"),
        ({"vectors": 5}, "dense.vectors"),
        ({"layers": 0}, "dense.layers must be all, or whole numbers from 1"),
        ({"layers": "3,"}, "dense.layers"),
        ({"layers": "-1"}, "dense.layers"),
        ({"layers": 2.5}, "dense.layers"),
        ({"layers": True}, "dense.layers"),
        ({"dimensions": 0}, "dense.dimensions must be all, or a whole number from 8"),
        ({"dimensions": 7}, "dense.dimensions"),
        ({"dimensions": "96"}, "dense.dimensions"),
        ({"adapter": ""}, "dense.adapter must be shipped, none or a folder"),
        ({"dtype": "int8"}, "one of auto, bf16, fp32"),
        ({"m": 1}, "dense.m must be a whole number from 4 to 128"),
        ({"ef_construction": 10**6}, "dense.ef_construction"),
        ({"title": "yes"}, "true or false"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        DenseLeg(**parameters)
