"""The doctor looks at the store that the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.benchmarks.store.server import RedisServer
from skerry.services.doctor.cache import check_cache


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKERRY_CONFIG", raising=False)


def test_nothing_is_configured() -> None:
    assert not list(check_cache())


def test_settings_that_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKERRY_GENERATION_CACHE_MEMORY", "1")
    [found] = check_cache()
    assert (found.name, found.state) == ("settings", "wrong") and "CACHE_MEMORY_BYTES" in found.fix


def test_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    with RedisServer(megabytes=64, password="secret") as server:
        monkeypatch.setenv("SKERRY_GENERATION_CACHE_REDIS_URL", server.url.replace("//", "//:secret@"))
        [found] = check_cache()
        assert (found.state, found.fix) == ("ok", "") and "64 MB, allkeys-lfu" in found.found
        assert "secret" not in found.found
        monkeypatch.setenv("SKERRY_GENERATION_CACHE_REDIS_URL", server.url)
        [found] = check_cache()
        assert found.state == "wrong" and "redis_url" in found.fix
    [found] = check_cache()
    assert found.state == "wrong" and str(server.port) in found.found


def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKERRY_GENERATION_CACHE_DISK_FOLDER", str(tmp_path / "not" / "yet"))
    [found] = check_cache()
    assert found.state == "ok" and "0 values" in found.found
    (tmp_path / "not").write_text("a file")
    [found] = check_cache()
    assert found.state == "wrong" and "disk_folder" in found.fix
