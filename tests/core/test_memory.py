"""Freed memory goes back to the system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from skerry.core.memory import give_back_freed_memory


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
