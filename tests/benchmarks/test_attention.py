"""`skerry bench attention`: density and mass beside slow versions, the command on a tiny model, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.benchmarks.attention.fewest import fewest
from skerry.benchmarks.attention.measure import DENSE, SDPA, density, measure
from skerry.benchmarks.attention.patterns import SETTINGS, labelled
from skerry.benchmarks.attention.prefill import LIBRARY
from skerry.benchmarks.attention.tensors import LayerTensors, spread
from skerry.core.errors import SkerryError
from skerry.generation.attention.a_shape import AShape
from skerry.generation.attention.grid import Grid, block_index
from skerry.kernels.reference.attention import block_mask
from skerry.services.cli.bench import bench

from ..generation.conftest import make_tiny_model  # noqa: TID252 -- the room's model


@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_density_counts_pairs(n: int, before: int, seed: int) -> None:
    grid = Grid(n, n + before, 16)
    random = torch.Generator().manual_seed(seed)
    blocks = torch.rand(2, grid.rows, grid.columns, generator=random) < 0.3
    lone = torch.rand(2, grid.rows, grid.columns * 16, generator=random) < 0.1
    index = block_index(grid, blocks, lone)
    seen = int(block_mask(index, 2, n, n + before).sum())
    assert density(index, grid, 2) == pytest.approx(seen / (2 * sum(range(before + 1, before + n + 1))))


def test_layers_are_spread() -> None:
    assert spread(30, 6) == {0, 5, 10, 15, 20, 25}
    assert spread(3, 9) == {0, 1, 2}


def test_mass_is_what_the_seen_keys_have() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(4, 500, 16), torch.randn(2, 500, 16), torch.randn(2, 500, 16)
    pattern = AShape(16, 64)
    spots = measure([LayerTensors(0, q, k, v, 0.25)], {"a": pattern}, 1, False, lambda: None)
    assert [spot.name for spot in spots] == [SDPA, DENSE, "a"]
    scores = q @ k.repeat_interleave(2, 0).transpose(1, 2) * 0.25
    weights = scores.masked_fill(torch.ones(500, 500).triu(1).bool(), -torch.inf).softmax(-1)
    seen = block_mask(pattern.plan(q, k, 0.25), 4, 500, 500)
    mass = (weights * seen).sum(-1)
    assert spots[2].mass == pytest.approx(float(mass.mean()), abs=1e-5)
    assert spots[2].low == pytest.approx(float(mass.flatten().quantile(0.05)), abs=1e-5)
    sparse = (weights * seen) @ v.repeat_interleave(2, 0) / mass[..., None]
    dense = weights @ v.repeat_interleave(2, 0)
    assert spots[2].error == pytest.approx(float((sparse - dense).norm() / dense.norm()), abs=1e-4)


def test_the_fewest_pairs() -> None:
    """Every query looks at key 0 alone: one key of those before a block, and one block, hold everything."""
    q, k = torch.full((1, 1024, 16), 9.0), torch.zeros(1, 1024, 16)
    k[:, 0] = 1.0
    found = fewest([LayerTensors(0, q, k, k, 1.0)])
    assert found.keys == pytest.approx(1 / 1024)
    assert found.blocks == pytest.approx(1 / 8)
    q, k = torch.zeros(2, 2048, 16), torch.zeros(1, 2048, 16)
    alike = fewest([LayerTensors(0, q, k, k, 1.0)])
    assert 0.5 < alike.keys <= alike.blocks <= 1


def test_every_pattern_has_its_default_among_the_settings() -> None:
    assert len(labelled(SETTINGS, defaults=True)) == len(SETTINGS)


@pytest.fixture(scope="module")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny")).folder


@pytest.fixture
def knowledge(tmp_path: Path) -> Path:
    path = tmp_path / "pages.jsonl"
    text = ["Skerryvore", "The harbour was lit in 1844 by a lamp that the keepers tended. " * 30]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for _ in range(4)))
    return path


def test_the_command(tiny_model_folder: Path, knowledge: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out.png"
    arguments = ["attention", "--knowledge", str(knowledge), "--model", str(tiny_model_folder)]
    arguments += ["--lengths", "200,300", "--prefill", "700", "--layers", "2", "--rounds", "1"]
    arguments += ["--readings", "1", "--threads", "1", "--patterns", "stripe,hyper", "--defaults", "--json"]
    result = CliRunner().invoke(bench, [*arguments, "--plot", str(out), "--quiet"], catch_exceptions=False)
    report = json.loads(result.stdout)
    assert [(one["length"], one["name"].split(",")[0]) for one in report["spots"]] == [
        (length, name) for length in (200, 300) for name in ("dense", "dense", "stripe", "hyper")
    ]
    assert report["spots"][3]["density"] is None
    assert [one["length"] for one in report["fewest"]] == [200, 300]
    assert report["prefills"][0]["name"] == LIBRARY
    assert abs(report["prefills"][1]["change"]) < 1e-3
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--patterns", "stripes"], "Did you mean 'stripe'"),
        (["--patterns", "dense"], "measured in any case"),
        (["--lengths", "0"], "--lengths"),
        (["--lengths", "99999"], "are needed"),
        (["--lengths", "100", "--prefill", "5000"], "Give shorter --prefill"),
    ],
)
def test_bad_input(tiny_model_folder: Path, knowledge: Path, arguments: list[str], message: str) -> None:
    given_ = ["attention", "--knowledge", str(knowledge), "--model", str(tiny_model_folder)]
    result = CliRunner().invoke(bench, [*given_, *arguments, "--quiet"])
    assert isinstance(result.exception, SkerryError)
    assert message in str(result.exception)
