"""Low-rank adapters on a model, and their files."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from skerry.core.errors import IndexCorrupt, InvalidInput, NotFound
from skerry.core.files import sha256_file
from skerry.core.models import low_rank
from skerry.ranking import adapter
from skerry.ranking.calibration import PlattScaling
from skerry.ranking.pair_network import PairNetwork

_IDS = torch.tensor([[2, 7, 8, 3, 9, 10, 3, 0]])
_MASK = (_IDS > 0).long()
_TYPES = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 0]])


def run(network: PairNetwork) -> Tensor:
    with torch.no_grad():
        return network(_IDS, _MASK, _TYPES)


def train_a_little(network: PairNetwork, trainable: list[torch.nn.Parameter]) -> None:
    """Factors away from zero."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in trainable:
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)


def test_attached_factors_change_nothing_at_first(network: PairNetwork) -> None:
    before = run(network)
    low_rank.attach(network.encoder, rank=4, seed=0)
    assert torch.equal(run(network), before)


def test_the_seed_decides_the_factors(network: PairNetwork) -> None:
    kept = []
    for seed in (0, 0, 1):
        model = copy.deepcopy(network.encoder)
        low_rank.attach(model, rank=4, seed=seed)
        kept.append(low_rank.state(model)["encoder.layer.0.attention.self.query.low_rank_a"])
    assert torch.equal(kept[0], kept[1])
    assert not torch.equal(kept[0], kept[2])


def test_merged_equals_attached(network: PairNetwork) -> None:
    plain = copy.deepcopy(network)
    before = run(network)
    train_a_little(network, low_rank.attach(network.encoder, rank=4, seed=0))
    low_rank.merge(plain.encoder, low_rank.state(network.encoder))
    assert not torch.allclose(run(network), before, atol=1e-3)
    assert torch.allclose(run(plain), run(network), atol=1e-6)


def test_only_factors_are_trainable_and_float32(network: PairNetwork) -> None:
    network.encoder.to(torch.bfloat16)
    layers = [m for m in network.encoder.modules() if isinstance(m, torch.nn.Linear)]
    factors = low_rank.attach(network.encoder, rank=3, seed=0)
    trainable = [p for p in network.encoder.parameters() if p.requires_grad]
    assert {id(p) for p in trainable} == {id(p) for p in factors}
    assert len(factors) == 2 * len(layers)
    assert all(p.dtype == torch.float32 and 3 in p.shape for p in factors)
    network(_IDS, _MASK, _TYPES).sum().backward()
    frozen = [p for p in network.encoder.parameters() if not p.requires_grad]
    assert frozen
    assert all(p.grad is None for p in frozen)
    used = "encoder.layer.1.output.dense.parametrizations.weight.0.b"
    assert dict(network.encoder.named_parameters())[used].grad.abs().max() > 0


def _renamed(factors: dict[str, Tensor]) -> str:
    for part in (".low_rank_a", ".low_rank_b"):
        factors["encoder.layer.9.output.dense" + part] = factors.pop("encoder.layer.1.output.dense" + part)
    return "encoder.layer.9.output.dense"


def _narrower(factors: dict[str, Tensor]) -> str:
    factors["encoder.layer.0.output.dense.low_rank_a"] = torch.zeros(4, 7)
    return "encoder.layer.0.output.dense"


def _half(factors: dict[str, Tensor]) -> str:
    del factors["pooler.dense.low_rank_b"]
    return "pooler.dense"


@pytest.mark.parametrize("change", [_renamed, _narrower, _half])
def test_factors_of_another_model(network: PairNetwork, change: Callable[[dict[str, Tensor]], str]) -> None:
    plain = copy.deepcopy(network.encoder)
    low_rank.attach(network.encoder, rank=4, seed=0)
    factors = dict(low_rank.state(network.encoder))
    name = change(factors)
    with pytest.raises(InvalidInput, match=name) as caught:
        low_rank.merge(plain, factors)
    assert caught.value.details == {"layer": name}


def config() -> adapter.AdapterConfig:
    return adapter.AdapterConfig("base", "aa", "bb", 4, 128, 2.5, PlattScaling(1.25, -0.5))


def test_save_and_load(network: PairNetwork, tmp_path: Path) -> None:
    train_a_little(network, low_rank.attach(network.encoder, rank=4, seed=0))
    factors = low_rank.state(network.encoder)
    adapter.save(tmp_path / "new" / "folder", config(), factors, network.head.state_dict())
    found, loaded, head = adapter.load(tmp_path / "new" / "folder")
    assert found.weights_sha256 == sha256_file(tmp_path / "new" / "folder" / adapter.WEIGHTS)
    assert found == adapter.AdapterConfig(
        "base", "aa", "bb", 4, 128, 2.5, PlattScaling(1.25, -0.5), weights_sha256=found.weights_sha256
    )
    assert loaded.keys() == factors.keys()
    assert all(torch.equal(loaded[name], value.to(torch.bfloat16)) for name, value in factors.items())
    assert all(torch.equal(head[name], value) for name, value in network.head.state_dict().items())
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        adapter.WEIGHTS,
        adapter.CONFIG,
    ]


def test_no_ranker_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=str(tmp_path)):
        adapter.load(tmp_path)


def _edit(folder: Path, edit: Callable[[dict[str, object]], object]) -> None:
    fields = json.loads((folder / adapter.CONFIG).read_text())
    edit(fields)
    (folder / adapter.CONFIG).write_text(json.dumps(fields))


def _flip(folder: Path) -> None:
    data = bytearray((folder / adapter.WEIGHTS).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / adapter.WEIGHTS).write_bytes(data)


def _reseal(folder: Path, data: bytes) -> None:
    (folder / adapter.WEIGHTS).write_bytes(data)
    _edit(folder, lambda fields: fields.update(weights_sha256=sha256_file(folder / adapter.WEIGHTS)))


def _headless(folder: Path) -> None:
    tensors = load_file(folder / adapter.WEIGHTS)
    del tensors["head.bias"]
    save_file(tensors, folder / "other")
    _reseal(folder, (folder / "other").read_bytes())


_W, _C = adapter.WEIGHTS, adapter.CONFIG
_DAMAGE: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "a flipped byte": (_W, "checksum", _flip),
    "truncated": (_W, "checksum", lambda f: (f / _W).write_bytes((f / _W).read_bytes()[:-9])),
    "no weights": (_W, "missing", lambda f: (f / _W).unlink()),
    "no safetensors": (_W, "header", lambda f: _reseal(f, b"PK nonsense")),
    "no head": (_W, "bias is missing", _headless),
    "another format": (_C, "format", lambda f: _edit(f, lambda x: x.update(format=2))),
    "no format": (_C, "'format' is missing", lambda f: _edit(f, lambda x: x.pop("format"))),
    "no key": (_C, "max_tokens", lambda f: _edit(f, lambda x: x.pop("max_tokens"))),
    "no calibration": (_C, "calibration", lambda f: _edit(f, lambda x: x.pop("calibration"))),
    "a foreign key": (_C, "spice", lambda f: _edit(f, lambda x: x.update(spice=1))),
    "calibration of another kind": (
        _C,
        "cannot be used",
        lambda f: _edit(f, lambda x: x.update(calibration=3)),
    ),
    "cut config": (_C, "cannot be used", lambda f: (f / _C).write_text((f / _C).read_text()[:50])),
    "a list": (_C, "cannot be used", lambda f: (f / _C).write_text("[1]")),
    "a number": (_C, "cannot be used", lambda f: (f / _C).write_text("7")),
    "bytes": (_C, "cannot be used", lambda f: (f / _C).write_bytes(b"\xff\xfe{}")),
}


@pytest.mark.parametrize("kind", _DAMAGE)
def test_damaged_files(ranker_folder: Path, tmp_path: Path, kind: str) -> None:
    file, why, damage = _DAMAGE[kind]
    folder = tmp_path / "copy"
    shutil.copytree(ranker_folder, folder)
    damage(folder)
    with pytest.raises(IndexCorrupt, match=why) as caught:
        adapter.load(folder)
    assert caught.value.details == {"file": str(folder / file)}
    assert str(folder / file) in caught.value.message
