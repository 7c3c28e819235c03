"""Which folders are title models, and which are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BartConfig, BartModel

from skerry.core.errors import IndexCorrupt, InvalidInput, NotFound
from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.corpusbrain.model.files import load_network, new_network, save_network
from skerry.retrieval.corpusbrain.model.network import DecoderShape
from skerry.retrieval.corpusbrain.model.opening import open_title_model
from skerry.retrieval.corpusbrain.model.seq2seq import Seq2SeqTitleModel
from skerry.retrieval.corpusbrain.model.small import SmallTitleModel
from skerry.retrieval.corpusbrain.model.tokenizer import TitleTokenizer

from ...seal.language_model import tiny as language_models  # noqa: TID252 -- another room's models
from .. import tiny  # noqa: TID252 -- the room's words
from ..leg.small import write_encoder  # noqa: TID252 -- the room's encoder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return ModelStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def encoder(store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A BERT of some kilobytes."""
    return store.resolve(str(write_encoder(tmp_path_factory.mktemp("encoder") / "tiny", words=tiny.WORDS)))


@pytest.fixture(scope="module")
def bart(store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return store.resolve(str(language_models.write("bart", tmp_path_factory.mktemp("bart") / "model")))


def test_each_kind_is_opened(encoder: Model, bart: Model, tmp_path: Path) -> None:
    save_network(tmp_path, encoder, new_network(encoder, DecoderShape(1, 4, 20), 0.0, seed=5))
    small = open_title_model(encoder, tmp_path)
    assert isinstance(small, SmallTitleModel)
    assert small.room == 20
    same = SmallTitleModel(load_network(tmp_path, encoder), TitleTokenizer.load(encoder.folder))
    first, second = (
        model.log_probs(model.begin(model.read(["york"]), np.zeros(1, np.int64)), [np.arange(50)])[0]
        for model in (small, same)
    )
    np.testing.assert_array_equal(first, second)
    assert isinstance(open_title_model(bart, dtype="fp32"), Seq2SeqTitleModel)


def test_an_encoder_needs_a_decoder_and_nothing_else_takes_one(
    encoder: Model, bart: Model, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="writes no titles"):
        open_title_model(encoder)
    with pytest.raises(InvalidInput, match="takes no decoder"):
        open_title_model(bart, tmp_path)
    with pytest.raises(NotFound, match="no title model"):
        open_title_model(encoder, tmp_path)


def test_what_is_no_seq2seq_model(store: ModelStore, encoder: Model, tmp_path: Path) -> None:
    causal = store.resolve(str(language_models.write("llama", tmp_path / "causal")))
    for model in (causal, encoder):
        with pytest.raises(InvalidInput, match="no sequence-to-sequence language model"):
            Seq2SeqTitleModel(model)
        with pytest.raises(InvalidInput, match="writes no titles"):
            open_title_model(model)
    headless = tmp_path / "headless"
    with torch.random.fork_rng():
        BartModel(BartConfig(vocab_size=300, d_model=16, encoder_layers=1, decoder_layers=1)).save_pretrained(
            headless
        )
    language_models.tokenizer().save_pretrained(headless)
    with pytest.raises(InvalidInput, match="no sequence-to-sequence language model"):
        Seq2SeqTitleModel(store.resolve(str(headless)))


@pytest.mark.parametrize("damage", [None, "{", "[]", '"text"'])
def test_a_damaged_configuration(bart: Model, tmp_path: Path, damage: str | None) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(bart.folder, folder)
    if damage is None:
        (folder / "config.json").unlink()
    else:
        (folder / "config.json").write_text(damage)
    with pytest.raises(IndexCorrupt, match=r"config\.json cannot be read"):
        open_title_model(Model("copy", folder, "", ""))


def test_a_damaged_tokenizer(encoder: Model, tmp_path: Path) -> None:
    with pytest.raises(IndexCorrupt, match="cannot be loaded"):
        TitleTokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(IndexCorrupt, match="cannot be loaded"):
        TitleTokenizer.load(tmp_path)
    told = json.loads((encoder.folder / "tokenizer.json").read_text())
    told["added_tokens"] = [one for one in told["added_tokens"] if one["content"] != "[MASK]"]
    del told["model"]["vocab"]["[MASK]"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(told))
    with pytest.raises(InvalidInput, match=r"no \[MASK\]"):
        TitleTokenizer.load(tmp_path)
