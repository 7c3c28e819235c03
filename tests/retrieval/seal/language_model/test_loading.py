"""What `load` makes of folders, adapters and threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from skerry.core.errors import IndexCorrupt, NotFound
from skerry.core.models import low_rank
from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.seal import adapter
from skerry.retrieval.seal.language_model import load

from . import tiny
from .conftest import Case


@pytest.mark.parametrize("kind", ["llama", "bart"])
def test_adapters(folders: dict[str, Model], tmp_path: Path, kind: str) -> None:
    """An adapter is the same as a model with its product in the weights; a stranger's is refused."""
    folder = folders[kind]
    weights = tiny.weights(kind)
    low_rank.attach(weights.base_model, rank=2, seed=3)
    factors = {
        name: value if name.endswith("_a") else torch.randn(value.shape) * 0.2
        for name, value in low_rank.state(weights.base_model).items()
    }
    config = adapter.AdapterConfig(str(folder.folder), folder.weights_hash, folder.tokenizer_hash, 2)
    adapter.save(tmp_path / "adapter", config, factors)

    tuned = tmp_path / "tuned"
    merged = tiny.weights(kind)
    low_rank.merge(merged.base_model, adapter.load(tmp_path / "adapter")[1])
    merged.save_pretrained(tuned)
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        (tuned / name).write_bytes((folder.folder / name).read_bytes())
    whole = load(ModelStore(tmp_path).resolve(str(tuned)), dtype="fp32")
    added = load(folder, tmp_path / "adapter", dtype="fp32")
    plain = load(folder, dtype="fp32")
    prompts = [[5, 6, 7], [8]]
    expected = whole.start(prompts).log_probs
    np.testing.assert_allclose(added.start(prompts).log_probs, expected, atol=1e-4, rtol=0)
    assert np.abs(plain.start(prompts).log_probs - expected).max() > 0.1

    other = folders["qwen2"]
    with pytest.raises(IndexCorrupt, match="was trained on"):
        load(other, tmp_path / "adapter")
    with pytest.raises(NotFound, match="no SEAL adapter"):
        load(folder, tmp_path / "nothing")


def test_the_shipped_adapter_serves_every_copy_of_its_model(
    folders: dict[str, Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = folders["llama"]
    weights = tiny.weights("llama")
    low_rank.attach(weights.base_model, rank=2, seed=3)
    config = adapter.AdapterConfig(model.name, "of another copy", model.tokenizer_hash, 2)
    adapter.save(tmp_path, config, low_rank.state(weights.base_model))
    with pytest.raises(IndexCorrupt, match="was trained on"):
        load(model, tmp_path)
    monkeypatch.setattr(adapter, "SHIPPED", tmp_path)
    assert load(model, tmp_path).context == load(model).context


def test_a_forced_first_token_may_stand_in_either_config(
    cases: dict[str, Case], folders: dict[str, Model], tmp_path: Path
) -> None:
    weights = tiny.weights("bart")
    weights.generation_config.forced_bos_token_id = 1
    weights.save_pretrained(tmp_path / "saved")
    tiny.tokenizer(tiny.MODELS["bart"][1]).save_pretrained(tmp_path / "saved")
    model = load(ModelStore(tmp_path).resolve(str(tmp_path / "saved")), dtype="fp32")
    prompts = [[5, 6, 7], [8]]
    expected = cases["bart"].model.start(prompts).log_probs
    np.testing.assert_allclose(model.start(prompts).log_probs, expected, atol=1e-5, rtol=0)


def test_threads_are_those_of_the_calling_thread(folders: dict[str, Model]) -> None:
    before = torch.get_num_threads()
    try:
        model = load(folders["llama"], threads=before + 1)
        model.start([[5]])
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
