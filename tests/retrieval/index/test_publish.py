"""Publication is one step: whatever dies, fails or looks on, the old or the new version is there, whole."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from skerry.core.errors import AlreadyExists, BackendUnavailable
from skerry.retrieval.index.build import BuildOutcome
from skerry.retrieval.index.lock import build_lock
from skerry.retrieval.index.publish import POINTS
from skerry.retrieval.index.reader import Index
from skerry.retrieval.index.versions import current_version, list_versions


def test_a_kill_at_every_point(repository: Path, tmp_path: Path) -> None:
    script = repository / "tests" / "acceptance" / "kill_publish.py"
    command = [sys.executable, str(script), "--kills", str(len(POINTS)), "--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "0 times neither" in done.stdout


def test_readers_while_versions_come_and_go(
    tmp_path: Path, build: Callable[..., BuildOutcome], write_kilt: Callable[..., Path]
) -> None:
    out = tmp_path / "index"
    corpora = [write_kilt(tmp_path / f"{seed}.jsonl", 2, seed=seed) for seed in range(12)]
    hashes = {build(corpora[0], out, keep_versions=1).manifest.result_hash}
    seen: list[str] = []
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                with Index.open(out, verify="full") as index:
                    index.retriever("bm25")
                    assert index.passages[0].text
                    seen.append(index.manifest.result_hash)
        except BaseException as error:
            failures.append(error)
            raise

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for corpus in corpora[1:]:
        # Nothing but the version in use is kept, which is the hardest case for whoever is just opening one.
        hashes.add(build(corpus, out, keep_versions=1, force=True).manifest.result_hash)
    stop.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert set(seen) <= hashes
    assert len(set(seen)) > 2


def test_old_versions_go(tmp_path: Path, build: Callable[..., BuildOutcome], corpus: Path) -> None:
    out = tmp_path / "index"
    made = [build(corpus, out, force=True).manifest.version for _ in range(4)]
    assert [version.name for version in list_versions(out)] == made[-2:]
    assert current_version(out) == made[-1]
    assert sorted(path.name for path in out.iterdir()) == [".build.lock", "CURRENT", "versions"]
    assert len({name.partition("-")[2] for name in made}) == 1


def test_a_second_build_is_refused(tmp_path: Path, build: Callable[..., BuildOutcome], corpus: Path) -> None:
    out = tmp_path / "index"
    out.mkdir()
    with build_lock(out), pytest.raises(AlreadyExists, match=f"process {os.getpid()}"):
        build(corpus, out)
    assert build(corpus, out).published


@pytest.fixture
def small_disk(tmp_path: Path) -> object:
    """A file system of its own with 2 MiB of room."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(
    small_disk: Path, tmp_path: Path, build: Callable[..., BuildOutcome], write_kilt: Callable[..., Path]
) -> None:
    out = small_disk / "index"
    old = build(write_kilt(tmp_path / "small.jsonl", 10), out).manifest
    large = write_kilt(tmp_path / "large.jsonl", 400)
    with pytest.raises(BackendUnavailable, match=rf"{small_disk}.*No space left") as caught:
        build(large, out)
    assert "resumes" in str(caught.value)
    with Index.open(out, verify="full") as index:
        assert index.manifest == old
    finished = len(list(out.glob("build/passages-*/shards/[0-9]*/done.json")))
    assert finished > 0
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    new = build(large, out).manifest
    assert new.build.reused["passages"] == finished
    assert new.result_hash == build(large, tmp_path / "elsewhere").manifest.result_hash


def test_a_file_size_limit(
    tmp_path: Path, build: Callable[..., BuildOutcome], write_kilt: Callable[..., Path]
) -> None:
    """A full disk where no file system can be mounted, and what the command line says to it."""
    out = tmp_path / "index"
    corpus = write_kilt(tmp_path / "corpus.jsonl", 300)
    command = [
        *("index", "build", "--corpus", str(corpus), "--format", "kilt", "--legs", "bm25"),
        *("--workers", "1", "--out", str(out)),
    ]
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000)); "
        f"sys.argv = ['skerry', *{command!r}]; from skerry.services.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert str(out) in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (out / "CURRENT").exists()
    assert build(corpus, out).published
