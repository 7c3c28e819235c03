"""Where models run."""

from __future__ import annotations

import pytest
import torch

from skerry.core.device import best_device


@pytest.mark.parametrize(("found", "device"), [(True, "cuda"), (False, "cpu")])
def test_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, found: bool, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    assert best_device() == device
