"""A trained network on disk: what comes back, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from skerry.core.errors import IndexCorrupt, NotFound
from skerry.core.files import sha256_file
from skerry.core.models.store import Model, ModelStore
from skerry.core.models.trained_files import CONFIG
from skerry.retrieval.corpusbrain.memory.asking import Asking
from skerry.retrieval.corpusbrain.model.config import WEIGHTS
from skerry.retrieval.corpusbrain.model.files import (
    load_asking,
    load_network,
    load_trainable,
    new_network,
    save_network,
    save_with_asking,
    trained_tensors,
)
from skerry.retrieval.corpusbrain.model.network import DecoderShape, TitleNetwork
from skerry.retrieval.corpusbrain.model.small import SmallTitleModel
from skerry.retrieval.corpusbrain.model.tokenizer import TitleTokenizer

from .. import tiny  # noqa: TID252 -- the room's texts
from ..leg.small import write_encoder  # noqa: TID252 -- the room's encoder

Load = Callable[[Path, Model], object]
LOADS: list[Load] = [load_network, lambda folder, base: load_trainable(folder, base, 0.0, 0)]
SHAPE = DecoderShape(layers=1, heads=4, positions=20)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return ModelStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def base(store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return store.resolve(str(write_encoder(tmp_path_factory.mktemp("base") / "tiny", words=tiny.WORDS)))


@pytest.fixture(scope="module")
def network(base: Model) -> TitleNetwork:
    """Every trained weight is somewhere else than in an untrained one."""
    made = new_network(base, SHAPE, 0.1, seed=1)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(2)
        for parameter in made.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return made.eval()


@pytest.fixture
def saved(base: Model, network: TitleNetwork, tmp_path: Path) -> Path:
    save_network(tmp_path / "saved", base, network)
    return tmp_path / "saved"


def log_probs(network: TitleNetwork, base: Model) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    model = SmallTitleModel(network, TitleTokenizer.load(base.folder))
    state = model.begin(model.read(tiny.QUERIES), np.arange(len(tiny.QUERIES)))
    state = model.advance(state, np.arange(len(tiny.QUERIES)), np.array([7, 6, 5, 8]))
    return np.array(model.log_probs(state, [np.arange(60)] * len(tiny.QUERIES)))


def test_it_decodes_like_the_trained_one(base: Model, network: TitleNetwork, saved: Path) -> None:
    loaded = load_network(saved, base)
    untrained = new_network(base, SHAPE, 0.0, seed=1).eval()
    expected = log_probs(network, base)
    np.testing.assert_array_equal(log_probs(loaded, base), expected)
    assert np.abs(log_probs(untrained, base) - expected).max() > 0.1


def test_what_was_learnt_from_questions_lies_beside_it(
    base: Model, network: TitleNetwork, saved: Path, tmp_path: Path
) -> None:
    width = network.width
    random = np.random.default_rng(3)
    weight, bias, asked = (
        random.normal(size=shape).astype("f4") for shape in ((width, width), width, (9, width))
    )
    assert load_asking(saved, base) is None
    save_with_asking(saved, base, Asking(weight, bias, asked, 0.75), tmp_path / "asking")
    np.testing.assert_array_equal(
        log_probs(load_network(tmp_path / "asking", base), base), log_probs(network, base)
    )
    _, again = load_trainable(tmp_path / "asking", base, 0.0, 0)
    save_network(tmp_path / "again", base, again, load_asking(tmp_path / "asking", base))
    for folder in (tmp_path / "asking", tmp_path / "again"):
        found = load_asking(folder, base)
        assert found is not None
        np.testing.assert_array_equal(found.weight, weight)
        np.testing.assert_array_equal(found.bias, bias)
        np.testing.assert_allclose(found.asked, asked, rtol=1e-3)
        assert found.strength == 0.75
    save_with_asking(
        tmp_path / "again", base, Asking(weight[:, 1:].copy(), bias, asked, 1.0), tmp_path / "narrow"
    )
    with pytest.raises(IndexCorrupt, match=r"asking\.weight does not fit"):
        load_asking(tmp_path / "narrow", base)


def test_to_train_further_it_is_the_very_same(base: Model, network: TitleNetwork, saved: Path) -> None:
    config, again = load_trainable(saved, base, 0.3, seed=8)
    assert (config.layers, config.heads, config.positions) == (1, 4, 20)
    assert config.base_weights_hash == base.weights_hash
    torch.testing.assert_close(trained_tensors(again), trained_tensors(network), rtol=0, atol=0)
    np.testing.assert_array_equal(log_probs(again.eval(), base), log_probs(network, base))
    learnt = {name for name, parameter in again.named_parameters() if parameter.requires_grad}
    assert learnt == {name for name, parameter in network.named_parameters() if parameter.requires_grad}


def test_seeds(base: Model) -> None:
    one, same, other = (trained_tensors(new_network(base, SHAPE, 0.0, seed)) for seed in (4, 4, 5))
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    assert any(not torch.equal(one[name], other[name]) for name in one if name.startswith("layers."))


@pytest.mark.parametrize(
    ("width", "heads"), [(384, 6), (768, 12), (1024, 16), (312, 4), (48, 1), (1000, 10), (127, 1)]
)
def test_heads_divide_any_width(width: int, heads: int) -> None:
    assert DecoderShape.of_width(width) == DecoderShape(heads=heads)


@pytest.mark.parametrize("load", LOADS)
class TestDamage:
    @staticmethod
    def edit(folder: Path, **changes: Any) -> None:
        """Change the configuration; None leaves a key out."""
        fields = json.loads((folder / CONFIG).read_text()) | changes
        (folder / CONFIG).write_text(
            json.dumps({name: value for name, value in fields.items() if value is not None})
        )

    def test_nothing_there(self, base: Model, tmp_path: Path, load: Load) -> None:
        with pytest.raises(NotFound, match=f"no title model in {tmp_path}: {CONFIG} is missing"):
            load(tmp_path, base)

    @pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "null", "\ud800"])
    def test_no_configuration(self, base: Model, saved: Path, load: Load, text: str) -> None:
        (saved / CONFIG).write_bytes(text.encode(errors="surrogatepass"))
        with pytest.raises(IndexCorrupt, match=f"{saved / CONFIG} cannot be used"):
            load(saved, base)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"format": 2}, "of another format than 1"),
            ({"format": None}, "the key 'format' is missing"),
            ({"layers": None}, "layers"),
            ({"colour": "red"}, "colour"),
            ({"layers": "1"}, "whole numbers above 0"),
            ({"positions": 0}, "whole numbers above 0"),
            ({"heads": 1.5}, "whole numbers above 0"),
            ({"weights_sha256": "0"}, f"its checksum is not the one in {CONFIG}"),
            ({"layers": 2}, "layers.1"),
            ({"positions": 21}, "positions does not fit"),
        ],
    )
    def test_a_changed_configuration(
        self, base: Model, saved: Path, load: Load, changes: dict[str, Any], said: str
    ) -> None:
        self.edit(saved, **changes)
        with pytest.raises(IndexCorrupt, match=f"{saved}/.* cannot be used: .*{said}"):
            load(saved, base)

    def test_damaged_weights(self, base: Model, saved: Path, load: Load) -> None:
        path = saved / WEIGHTS
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        with pytest.raises(IndexCorrupt, match=f"{path} cannot be used: its checksum"):
            load(saved, base)
        path.write_bytes(b"nothing of the kind")
        self.edit(saved, weights_sha256=sha256_file(path))
        with pytest.raises(IndexCorrupt, match=f"{path} cannot be used"):
            load(saved, base)
        path.unlink()
        with pytest.raises(IndexCorrupt, match=f"{path} cannot be used: it is missing"):
            load(saved, base)

    def test_weights_of_another_network(self, base: Model, saved: Path, load: Load) -> None:
        tensors = load_file(saved / WEIGHTS)
        del tensors["last.weight"]
        save_file(tensors, saved / WEIGHTS)
        self.edit(saved, weights_sha256=sha256_file(saved / WEIGHTS))
        with pytest.raises(IndexCorrupt, match=r"last\.weight does not fit"):
            load(saved, base)

    def test_another_base_model(
        self, base: Model, saved: Path, store: ModelStore, tmp_path: Path, load: Load
    ) -> None:
        other = store.resolve(str(write_encoder(tmp_path / "other", seed=3, words=tiny.WORDS)))
        with pytest.raises(IndexCorrupt) as caught:
            load(saved, other)
        for name in (str(saved), base.lasting_name, str(other.folder)):
            assert name in caught.value.message
        assert "weights" in caught.value.message
        words = store.resolve(str(write_encoder(tmp_path / "words", words=[*tiny.WORDS[:-1], "names"])))
        with pytest.raises(IndexCorrupt, match="tokenizer"):
            load(saved, words)


def test_a_base_model_that_cannot_be_loaded(base: Model, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(IndexCorrupt, match=f"The model in {tmp_path} cannot be loaded"):
        new_network(Model("broken", tmp_path, "", ""), SHAPE, 0.0, 0)
