"""Weights are loaded by one thread at a time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from skerry.core.models.loading import load_weights


class Kind:
    """A model class as `load_weights` sees it; says how many are being built at once."""

    building = 0
    most = 0
    lock = threading.Lock()

    @classmethod
    def from_pretrained(cls, folder: Path, **options: Any) -> tuple[Path, dict[str, Any]]:
        with cls.lock:
            cls.building += 1
            cls.most = max(cls.most, cls.building)
        time.sleep(0.02)
        with cls.lock:
            cls.building -= 1
        if folder.name == "broken":
            raise OSError("broken")
        return folder, options


def test_one_at_a_time_also_after_a_failure() -> None:
    with ThreadPoolExecutor(6) as threads:
        calls = [
            threads.submit(load_weights, Kind, Path(name), dtype="auto")
            for name in ("a", "broken", "b", "c", "broken", "d")
        ]
    assert calls[0].result() == (Path("a"), {"dtype": "auto", "local_files_only": True})
    for number in (1, 4):
        with pytest.raises(OSError, match="broken"):
            calls[number].result()
    assert [calls[number].result()[0].name for number in (2, 3, 5)] == ["b", "c", "d"]
    assert Kind.most == 1
