"""The SEAL leg: built in shards, opened, and what it refuses."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexCorrupt, IndexNotReady, InvalidInput, NotFound
from skerry.core.models.store import Model, ModelStore
from skerry.core.progress import SilentProgress
from skerry.kernels.fm_index import LOCATE_EVERY
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.leg import BuiltLeg, Workshop
from skerry.retrieval.index.reader import Index
from skerry.retrieval.seal import adapter
from skerry.retrieval.seal.adapter import chosen_adapter
from skerry.retrieval.seal.leg import INDEX_FILE, SealLeg
from skerry.retrieval.seal.speaker import speaker

from .small import write_language_model

Build = Callable[..., BuiltLeg]


def leg(**parameters: Any) -> SealLeg:
    return SealLeg(**{"dtype": "fp32", **parameters})


def test_shards_do_not_show(build: Build, passages: PassageStore, model: Model, tmp_path: Path) -> None:
    whole = build(leg(), passages, tmp_path / "a", model)
    assert build(leg(), passages, tmp_path / "b", model, [1, 5, 5, 11]) == whole
    files = [(tmp_path / name / "leg" / INDEX_FILE).read_bytes() for name in "ab"]
    assert files[0] == files[1]
    assert build(leg(locate_every=LOCATE_EVERY + 3), passages, tmp_path / "c", model).digest != whole.digest
    assert whole.parameters == {
        "model": "SmolLM2-135M-Instruct",
        "adapter": "shipped",
        "locate_every": LOCATE_EVERY,
        "dtype": "fp32",
    }
    opened = SealLeg(**whole.parameters).open(tmp_path / "a" / "leg", passages, model)  # type: ignore[arg-type]
    assert opened.name == "seal"


def test_the_index_holds_the_passages_tokens(
    build: Build, passages: PassageStore, model: Model, tmp_path: Path
) -> None:
    import numpy as np

    from skerry.retrieval.seal import fm_index
    from skerry.retrieval.seal.vocabulary import Vocabulary

    build(leg(), passages, tmp_path, model, [7])
    index = fm_index.open(tmp_path / "leg" / INDEX_FILE)
    offsets, tokens = index.extract(np.arange(len(passages)))
    vocabulary = Vocabulary.load(model)
    for ordinal, passage in enumerate(passages):
        held = tokens[offsets[ordinal] : offsets[ordinal + 1]].tolist()
        assert held == vocabulary.passage(passage.title, passage.text)


def test_an_empty_corpus(model: Model, tmp_path: Path) -> None:
    with PassageWriter(tmp_path / "passages"):
        pass
    empty = PassageStore.open(tmp_path / "passages")
    built = leg().assemble(empty, [], tmp_path / "leg", model, Workshop(tmp_path, tmp_path / "work"))
    assert built.digest
    retriever = leg().open(tmp_path / "leg", empty, model)
    for found in retriever.retrieve(["anything", "at all"], 5, {}, Deadline()):
        assert len(found.ordinals) == len(found.scores) == len(found.evidence) == 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"adapter": ""}, "seal.adapter must be shipped, none or a folder"),
        ({"adapter": 3}, "seal.adapter"),
        ({"locate_every": 0}, "seal.locate_every must be a whole number from 1 to"),
        ({"locate_every": True}, "seal.locate_every"),
        ({"dtype": "int8"}, "seal.dtype must be one of auto, bf16, fp32"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        SealLeg(**parameters)


def test_damage(build: Build, passages: PassageStore, model: Model, tmp_path: Path) -> None:
    build(leg(), passages, tmp_path, model)
    path = tmp_path / "leg" / INDEX_FILE
    with pytest.raises(IndexCorrupt):
        leg().open(tmp_path / "nowhere", passages, model)
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], whole[:-1], b"\0" * 64 + whole[64:]):
        path.write_bytes(damaged)
        with pytest.raises(IndexCorrupt, match=INDEX_FILE):
            leg().open(tmp_path / "leg", passages, model)
    with PassageWriter(tmp_path / "other") as writer:
        writer.append(passages[0])
    path.write_bytes(whole)
    with pytest.raises(IndexCorrupt, match="has 12 passages, the passage store 1"):
        leg().open(tmp_path / "leg", PassageStore.open(tmp_path / "other"), model)


def test_without_its_model(passages: PassageStore, tmp_path: Path) -> None:
    with pytest.raises(IndexNotReady, match="without its language model"):
        leg().open(tmp_path, passages, None)


class TestAdapter:
    @pytest.fixture
    def folder(self, model: Model, tmp_path: Path) -> Path:
        """An adapter of the small model that changes what it says."""
        from transformers import AutoModelForCausalLM

        from skerry.core.models import low_rank

        network = AutoModelForCausalLM.from_pretrained(model.folder)
        low_rank.attach(network.model, 2, seed=1)
        factors = {name: torch.randn_like(value) for name, value in low_rank.state(network.model).items()}
        config = adapter.AdapterConfig(model.name, model.weights_hash, model.tokenizer_hash, rank=2)
        adapter.save(tmp_path / "adapter", config, factors)
        return tmp_path / "adapter"

    def test_it_speaks(self, folder: Path, model: Model) -> None:
        chosen = chosen_adapter(str(folder), model)
        assert chosen is not None
        plain = speaker(model, None, "fp32").model
        adapted = speaker(model, chosen, "fp32").model
        prompt = plain.vocabulary.encode("Question: who kept the lamp?")
        assert abs(plain.start([prompt]).log_probs - adapted.start([prompt]).log_probs).max() > 0.1

    def test_of_another_model(
        self,
        folder: Path,
        build: Build,
        passages: PassageStore,
        model: Model,
        small_models: ModelStore,
        tmp_path: Path,
    ) -> None:
        build(leg(), passages, tmp_path, model)
        other = small_models.resolve(str(write_language_model(tmp_path / "other", ["a text"], seed=3)))
        for call in (
            lambda: leg(adapter=str(folder)).open(tmp_path / "leg", passages, other),
            lambda: leg(adapter=str(folder)).build_shard(passages, 0, 1, tmp_path / "s", other, 1),
        ):
            with pytest.raises(IndexCorrupt) as caught:
                call()
            assert model.name in caught.value.message
            assert str(other.folder) in caught.value.message

    def test_its_folder_is_kept_whole(
        self,
        folder: Path,
        build: Build,
        passages: PassageStore,
        model: Model,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(folder.parent)
        built = build(leg(adapter=folder.name), passages, folder.parent / "built", model)
        assert built.parameters["adapter"] == str(folder)

    def test_not_there_or_damaged(self, folder: Path, model: Model, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="nowhere"):
            chosen_adapter(str(tmp_path / "nowhere"), model)
        config = folder / adapter.CONFIG
        config.write_text(json.dumps({**json.loads(config.read_text()), "format": 99}))
        with pytest.raises(IndexCorrupt, match="format"):
            chosen_adapter(str(folder), model)

    def test_the_shipped_one_is_for_its_own_model_only(
        self,
        folder: Path,
        model: Model,
        small_models: ModelStore,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        assert chosen_adapter("none", model) is None
        monkeypatch.setattr(adapter, "SHIPPED", tmp_path / "nothing")
        assert chosen_adapter("shipped", model) is None
        monkeypatch.setattr(adapter, "SHIPPED", folder)
        chosen = chosen_adapter("shipped", model)
        assert chosen is not None
        assert asdict(chosen)["folder"] == folder
        other = small_models.resolve(str(write_language_model(tmp_path / "other", ["a text"], seed=3)))
        assert chosen_adapter("shipped", other) is None
        copy = replace(other, name=adapter.load_config(folder).base_model)
        again = chosen_adapter("shipped", copy)
        assert again is not None and again.folder == folder


def test_the_model_is_shared_while_it_is_used(model: Model) -> None:
    first = speaker(model, None, "auto")
    assert speaker(model, None, "auto") is first
    assert speaker(model, None, "fp32") is not first
    held = weakref.ref(first)
    del first
    gc.collect()
    assert held() is None


def test_another_tokenizer_is_refused_with_both_names(
    build: Build, passages: PassageStore, model: Model, small_models: ModelStore, tmp_path: Path
) -> None:
    named = tmp_path / "language-model"
    shutil.copytree(model.folder, named)
    corpus = tmp_path / "corpus.jsonl"
    lines = [{"id": str(n), "title": p.title, "text": p.text} for n, p in enumerate(passages)]
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    parameters = {"seal": {"model": str(named), "dtype": "fp32"}}
    spec = BuildSpec(corpus, "jsonl", legs=("seal",), parameters=parameters)
    out = tmp_path / "index"
    manifest = build_index(spec, out, engine=SerialEngine(), models=small_models, progress=SilentProgress())
    assert manifest.legs["seal"].model is not None
    assert manifest.legs["seal"].model.tokenizer_hash == model.tokenizer_hash
    with Index.open(out, models=small_models) as index:
        [found] = index.retriever("seal").retrieve(["who trims the lamp?"], 3, {}, Deadline())
        assert len(found.ordinals)
    shutil.rmtree(named)
    write_language_model(named, ["another text with other tokens"])
    with (
        Index.open(out, models=small_models) as index,
        pytest.raises(IndexCorrupt, match=r"built with the model .*language-model.*but .*language-model"),
    ):
        index.retriever("seal")


def test_a_tokenizer_alone_is_told_apart(
    passages: PassageStore, model: Model, small_models: ModelStore, tmp_path: Path
) -> None:
    """The same weights with another tokenizer: neither the leg nor the finder of quotes reads the index."""
    from skerry.retrieval.seal.quotes.opening import open_quotes

    named = tmp_path / "language-model"
    shutil.copytree(model.folder, named)
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps({"id": "0", "title": passages[0].title, "text": passages[0].text}))
    parameters = {"seal": {"model": str(named), "dtype": "fp32"}}
    spec = BuildSpec(corpus, "jsonl", legs=("seal",), parameters=parameters)
    out = tmp_path / "index"
    build_index(spec, out, engine=SerialEngine(), models=small_models, progress=SilentProgress())
    other = write_language_model(tmp_path / "other", ["another text with other tokens"])
    shutil.copy(other / "tokenizer.json", named / "tokenizer.json")
    with Index.open(out, models=small_models) as index:
        for opening in (lambda: index.retriever("seal"), lambda: open_quotes(index)):
            with pytest.raises(IndexCorrupt, match=r"tokenizer \w+\), but .*language-model") as caught:
                opening()
            assert caught.value.details["differs"] == "tokenizer"


@pytest.mark.parametrize("lines", [[], [{"id": "0", "title": "", "text": " "}]])
def test_no_index_is_built_of_an_empty_corpus(
    lines: list[dict[str, str]], model: Model, small_models: ModelStore, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    spec = BuildSpec(corpus, "jsonl", legs=("seal",), parameters={"seal": {"model": str(model.folder)}})
    with pytest.raises(InvalidInput, match=r"corpus\.jsonl"):
        build_index(
            spec, tmp_path / "index", engine=SerialEngine(), models=small_models, progress=SilentProgress()
        )
    assert not (tmp_path / "index" / "CURRENT").exists()
