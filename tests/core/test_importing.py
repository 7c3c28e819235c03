"""A module that is another after its import, imported by two threads at once."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skerry.core.importing import import_whole

MODULE = """
import sys, time, types
from pathlib import Path

whole = types.ModuleType(__name__)
whole.__spec__ = __spec__
whole.answer = 42
Path(__file__).with_name("started").touch()
time.sleep(0.3)
sys.modules[__name__] = whole
"""


def test_the_later_thread_gets_the_whole_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "becomes_another.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)

    def late() -> int:
        while not (tmp_path / "started").exists():
            pass
        return int(import_whole("becomes_another").answer)

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.submit(import_whole, "becomes_another"), threads.submit(late)
        assert first.result(10).answer == 42
        assert second.result(10) == 42
    del sys.modules["becomes_another"]
