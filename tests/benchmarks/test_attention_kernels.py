"""What the kernels are timed with: blocks of a density, the same for flex_attention, and the tables."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.attention.flex_attention import create_mask

from skerry.benchmarks.attention import kernels
from skerry.benchmarks.attention.blocks import BLOCK, blocks, density_of, index_of
from skerry.benchmarks.attention.flex_mask import block_mask
from skerry.kernels.reference.attention import block_mask as seen_by


@pytest.mark.parametrize("density", [0.1, 0.5, 1.0])
def test_every_block_of_queries_has_its_share_and_itself(density: float) -> None:
    chosen = blocks(2, 10 * BLOCK, density)
    assert bool(chosen.diagonal(dim1=1, dim2=2).all()) and not chosen.triu(1).any()
    assert chosen.sum(2).tolist() == [[max(1, round(density * (i + 1))) for i in range(10)]] * 2
    assert density_of(blocks(2, 10 * BLOCK, 1.0)) == 1


def test_flex_attention_sees_the_same_keys() -> None:
    n = 4 * BLOCK
    chosen = blocks(2, n, 0.5)
    ours = seen_by(index_of(chosen), 2, n, n)
    mask = block_mask(chosen, n)
    causal = create_mask(mask.mask_mod, 1, 2, n, n, device="cpu")[0]
    dense = mask.to_dense()[0].bool().repeat_interleave(BLOCK, 1).repeat_interleave(BLOCK, 2)
    assert torch.equal(ours, dense & causal)


def test_lone_keys_take_the_place_of_their_blocks() -> None:
    n = 4 * BLOCK
    index = index_of(blocks(1, n, 1.0), lone=10)
    seen = seen_by(index, 1, n, n)[0, -1]
    assert seen.nonzero().flatten().tolist() == [
        *range(BLOCK),
        *range(BLOCK, BLOCK + 10),
        *range(2 * BLOCK, n),
    ]


def test_the_table_has_times_and_ratios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kernels, "_compiled_flex", lambda: lambda q, k, v, block_mask: q)
    out = tmp_path / "kernels.json"
    monkeypatch.setattr(sys, "argv", ["kernels", "--out", str(out), "--lengths", "1024", "--rounds", "1"])
    kernels.main()
    tables = json.loads(out.read_text("utf-8"))
    assert len(tables["prefill"]) == 8 and len(tables["suffix"]) == 6 and len(tables["decode"]) == 4
    assert all(row["native_ms"] > 0 and row["times_sdpa"] > 0 for row in tables["decode"])
    assert "times_flex" in capsys.readouterr().out
