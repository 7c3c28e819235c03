"""Passages of an index are read before anyone asks, once, as far as there is room."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.core.errors import InvalidInput
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.generation.cache.store.open import StoreOptions
from skerry.services.cli.index import index
from skerry.services.config import GenerationSettings
from skerry.services.indexing.keep_passages import keep_passages, lasting_store


def test_without_a_place_it_is_an_error_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKERRY_GENERATION_CACHE_DISK_FOLDER", "")
    (tmp_path / "corpus.jsonl").write_text('{"id": "k", "title": "Kelp", "text": "A brown seaweed."}\n')
    arguments = ["build", "--corpus", str(tmp_path / "corpus.jsonl"), "--format", "jsonl", "--legs", "bm25"]
    done = CliRunner().invoke(index, [*arguments, "--out", str(tmp_path / "index"), "--kv"])
    assert done.exit_code != 0 and not (tmp_path / "index").exists()
    with pytest.raises(InvalidInput, match="disk_folder"), lasting_store(GenerationSettings()):
        pass


@pytest.mark.models
def test_what_is_kept_is_not_read_again(
    tmp_path: Path, models: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skerry.services.indexing.keep_passages._AT_ONCE", 2)
    folder = tmp_path / "kv"
    monkeypatch.setenv("SKERRY_GENERATION_CACHE_DISK_FOLDER", str(folder))
    pages = [{"id": str(n), "title": f"Page {n}", "text": f"Page {n} tells of the sea."} for n in range(5)]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(page) + "\n" for page in pages))
    arguments = ["build", "--corpus", str(tmp_path / "corpus.jsonl"), "--format", "jsonl", "--legs", "bm25"]
    arguments += ["--workers", "1", "--out", str(tmp_path / "index"), "--kv", "--quiet", "--json"]
    done = CliRunner().invoke(index, arguments)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["kv"] == {"passages": 5, "read": 5, "looked_at": 5}
    files = sorted(folder.glob("*.kv"))
    assert len(files) == 5

    size = max(file.stat().st_size for file in files)
    files[0].unlink()
    settings = GenerationSettings(cache=StoreOptions(disk_folder=str(folder)))
    with lasting_store(settings) as store:
        kept = keep_passages(tmp_path / "index", settings, store, models, SilentProgress())
    assert (kept.read, kept.looked_at) == (1, 5) and len(list(folder.glob("*.kv"))) == 5

    small = replace(settings.cache, disk_folder=str(tmp_path / "small"), disk_bytes=3 * size)
    settings = replace(settings, cache=small)
    with lasting_store(settings) as store:
        kept = keep_passages(tmp_path / "index", settings, store, models, SilentProgress())
    assert (kept.passages, kept.looked_at) == (5, 4)
    assert len(list((tmp_path / "small").glob("*.kv"))) == 3
