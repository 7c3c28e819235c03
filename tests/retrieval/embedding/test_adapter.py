"""The embedding adapter's files, and which models it may be used on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from skerry.core.errors import IndexCorrupt, NotFound
from skerry.core.models.store import Model
from skerry.retrieval.embedding import adapter

MODEL = Model("all-MiniLM-L6-v2", Path("somewhere"), "aa", "bb")
PAIRS = ((3, 96), (6, 384))


def factors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "encoder.layer.0.output.dense.low_rank_a": torch.randn(4, 30),
        "encoder.layer.0.output.dense.low_rank_b": torch.randn(20, 4),
        "encoder.layer.1.output.dense.low_rank_a": torch.randn(2, 30) * 1e-3,
        "encoder.layer.1.output.dense.low_rank_b": torch.randn(20, 2),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    adapter.save(tmp_path / "adapter", adapter.AdapterConfig.of(MODEL, factors(), PAIRS), factors())
    return tmp_path / "adapter"


def test_what_is_saved_is_loaded(folder: Path) -> None:
    config, found = adapter.load(folder)
    assert config.base_model == MODEL.name and config.is_of(MODEL)
    assert config.pairs == PAIRS
    assert config.ranks == {"encoder.layer.0.output.dense": 4, "encoder.layer.1.output.dense": 2}
    assert found.keys() == factors().keys()
    for name, factor in factors().items():
        axis = 1 if name.endswith("_a") else 0
        assert ((found[name] - factor).abs() <= factor.abs().amax(axis, keepdim=True) / 254 + 1e-9).all()
    stored = (folder / adapter.WEIGHTS).stat().st_size
    assert stored < sum(factor.numel() for factor in factors().values()) + 1200


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"pairs": [[3]]}, "not enough values"),
        ({"pairs": 3}, "not iterable"),
        ({"ranks": [1]}, "items"),
        ({"more": 1}, "more"),
        ({"format": 2}, "another format"),
    ],
)
def test_damage_to_the_configuration(fields: dict[str, object], why: str, folder: Path) -> None:
    path = folder / adapter.CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with pytest.raises(IndexCorrupt, match=why) as caught:
        adapter.load_config(folder)
    assert str(path) in str(caught.value) and "embedding adapter" in str(caught.value)


def test_a_folder_is_bound_to_its_copy_of_the_model(folder: Path, tmp_path: Path) -> None:
    found = adapter.chosen_adapter(str(folder), MODEL)
    assert found is not None and found.folder == folder
    assert found.weights_sha256 == adapter.load_config(folder).weights_sha256
    for other in (replace(MODEL, weights_hash="cc"), replace(MODEL, tokenizer_hash="cc")):
        with pytest.raises(IndexCorrupt, match=r"embedding adapter.*all-MiniLM-L6-v2.*dense\.adapter=none"):
            adapter.chosen_adapter(str(folder), other)
    with pytest.raises(NotFound, match="no embedding adapter"):
        adapter.chosen_adapter(str(tmp_path / "nowhere"), MODEL)


def test_the_shipped_one_is_for_every_copy_of_its_model(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "SHIPPED", tmp_path / "nothing")
    assert adapter.chosen_adapter("shipped", MODEL) is None
    monkeypatch.setattr(adapter, "SHIPPED", folder)
    assert adapter.chosen_adapter("none", MODEL) is None
    for model in (MODEL, replace(MODEL, weights_hash="cc"), replace(MODEL, name="/a/copy")):
        found = adapter.chosen_adapter("shipped", model)
        assert found is not None and found.folder == folder
    assert adapter.chosen_adapter("shipped", replace(MODEL, name="/another", weights_hash="cc")) is None


def test_what_is_shipped() -> None:
    if not (adapter.SHIPPED / adapter.CONFIG).is_file():
        pytest.skip(f"there is no adapter in {adapter.SHIPPED}")
    config, _ = adapter.load(adapter.SHIPPED)
    assert config.base_model == adapter.SHIPPED.name
    assert (adapter.SHIPPED / adapter.WEIGHTS).stat().st_size <= 4_000_000


def over(folder: Path, to: Path) -> Path:
    """An adapter of the exits that stands over the one in `folder`."""
    own = {name: 2 * tensor for name, tensor in factors().items() if ".layer.0." in name}
    below = {f"whole.{name}": tensor for name, tensor in factors().items()}
    adapter.save(to, adapter.AdapterConfig.of(MODEL, own | below, PAIRS), own | below, folder)
    return to


def test_one_adapter_stands_over_another(folder: Path, tmp_path: Path) -> None:
    config, found = adapter.load(over(folder, tmp_path / "over"))
    assert config.whole_sha256 == adapter.load_config(folder).weights_sha256
    assert config.ranks == {"encoder.layer.0.output.dense": 4}
    below = adapter.whole_factors(found)
    assert below.keys() == adapter.load(folder)[1].keys()
    assert all(torch.equal(below[name], tensor) for name, tensor in adapter.load(folder)[1].items())
    assert adapter.early_factors(found).keys() == {name for name in factors() if ".layer.0." in name}
    assert adapter.keeps_whole(found, 2) and not adapter.keeps_whole(below, 2)


def test_what_is_stood_over_is_the_one_it_was_trained_over(folder: Path, tmp_path: Path) -> None:
    both = over(folder, tmp_path / "over")
    other = {name: 3 * tensor for name, tensor in factors().items()}
    adapter.save(both / "whole", adapter.AdapterConfig.of(MODEL, other, PAIRS), other)
    with pytest.raises(IndexCorrupt, match="another adapter of the whole size") as caught:
        adapter.load(both)
    assert str(both / "whole") in str(caught.value)
    (both / "whole" / adapter.CONFIG).unlink()
    with pytest.raises(NotFound, match="no embedding adapter"):
        adapter.load(both)


def test_early_layers_are_of_the_configuration(tmp_path: Path) -> None:
    own = factors() | {adapter.EARLY_LAYERS: torch.tensor([1, 3, 3])}
    adapter.save(tmp_path, adapter.AdapterConfig.of(MODEL, own, PAIRS), own)
    config, found = adapter.load(tmp_path)
    assert config.early_layers == adapter.early_layers(found) == (1, 3, 3)
    assert adapter.early_factors(found).keys() == factors().keys()
    assert adapter.early_layers(factors()) == ()
