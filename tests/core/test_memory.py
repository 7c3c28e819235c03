"""Freed memory goes back to the system, and kernels of single shapes are not hoarded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skerry.core.memory import give_back_freed_memory, keep_few_kernels


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such call")
def test_what_was_freed_is_given_back() -> None:
    kept = []
    blocks = []
    for number in range(4000):
        block = bytearray(16_000)
        (kept if number % 100 == 99 else blocks).append(block)  # what is kept holds the heap's end up
    before = _resident()
    blocks.clear()
    give_back_freed_memory()
    assert before - _resident() > 30_000_000
    assert len(kept) == 40


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "elsewhere")
    give_back_freed_memory()


_SHAPES = """
import sys
import torch
from skerry.core.memory import give_back_freed_memory, keep_few_kernels
from skerry.benchmarks.memory import memory

if sys.argv[1] == "few":
    keep_few_kernels()
torch.set_num_threads(1)
weights = torch.zeros(512, 512, dtype=torch.bfloat16)
before = memory().private
for length in range(100, 400):
    torch.nn.functional.linear(torch.zeros(length, 512, dtype=torch.bfloat16), weights)
give_back_freed_memory()
print(memory().private - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_kernels_of_single_shapes_are_not_hoarded() -> None:
    """Where the processor has no bf16, torch makes no such kernels, and both stay small."""
    unset = {name: value for name, value in os.environ.items() if not name.endswith("CACHE_CAPACITY")}
    few, all_of_them = (
        int(subprocess.check_output([sys.executable, "-c", _SHAPES, how], env=unset))
        for how in ("few", "all")
    )
    assert few < 30_000_000
    assert few <= max(all_of_them / 3, 10_000_000)


def test_what_the_environment_says_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRU_CACHE_CAPACITY", "7")
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    keep_few_kernels()
    assert (os.environ["LRU_CACHE_CAPACITY"], os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]) == ("7", "32")
