"""The adapter's files: what is kept, how exactly, and what damage is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from skerry.core.errors import IndexCorrupt, NotFound
from skerry.retrieval.seal import adapter

CONFIG = adapter.AdapterConfig("base", "aa", "bb", 4)


def factors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    strengths = torch.tensor([1e-4, 1.0, 100.0, 0.0])
    return {
        "layers.0.q.low_rank_a": torch.randn(4, 30) * strengths[:, None],
        "layers.0.q.low_rank_b": torch.randn(20, 4) * strengths,
    }


def test_eight_bits_cost_each_direction_half_a_step(tmp_path: Path) -> None:
    adapter.save(tmp_path, CONFIG, factors())
    config, found = adapter.load(tmp_path)
    assert (config.base_model, config.rank) == ("base", 4)
    for name, factor in factors().items():
        step = factor.abs().amax(dim=1 if name.endswith("_a") else 0, keepdim=True) / 127
        assert ((found[name] - factor).abs() <= step / 2 + 1e-12).all()


def test_no_adapter(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"config\.json is missing"):
        adapter.load(tmp_path)


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "format", "json", "key"])
def test_damage_names_the_file(tmp_path: Path, damage: str) -> None:
    adapter.save(tmp_path, CONFIG, factors())
    weights, config = tmp_path / adapter.WEIGHTS, tmp_path / adapter.CONFIG
    data, fields = bytearray(weights.read_bytes()), json.loads(config.read_text())
    if damage == "flip":
        data[-3] ^= 1
        weights.write_bytes(data)
    elif damage == "cut":
        weights.write_bytes(data[:-5])
    elif damage == "gone":
        weights.unlink()
    elif damage == "format":
        config.write_text(json.dumps(fields | {"format": 99}))
    elif damage == "json":
        config.write_text("{")
    else:
        del fields["rank"]
        config.write_text(json.dumps(fields))
    named = weights if damage in ("flip", "cut", "gone") else config
    with pytest.raises(IndexCorrupt) as caught:
        adapter.load(tmp_path)
    assert str(named) in str(caught.value)
