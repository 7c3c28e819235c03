"""Files are the old bytes or all the new ones: also when the writer fails, and when it is killed."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.errors import BackendUnavailable
from skerry.core.files import (
    atomic_writer,
    fsync_tree,
    naming_full_disk,
    sha256_file,
    write_atomically,
)

_WRITE_NEW = """
import sys
from pathlib import Path
from skerry.core.files import write_atomically
write_atomically(Path(sys.argv[1]), b"new" * 1000)
"""


def _write_new_elsewhere(path: Path, failpoint: str) -> int:
    environment = {**os.environ, "SKERRY_FAILPOINT": failpoint}
    return subprocess.run([sys.executable, "-c", _WRITE_NEW, str(path)], env=environment).returncode


@given(data=st.binary(max_size=5000))
def test_checksum_is_that_of_the_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("sum") / "file"
    write_atomically(path, data)
    assert path.read_bytes() == data
    assert sha256_file(path) == hashlib.sha256(data).hexdigest()


def test_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_failing_writer_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(KeyboardInterrupt), atomic_writer(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("old", [b"old", None])
def test_killed_before_the_rename(tmp_path: Path, old: bytes | None) -> None:
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)
    assert _write_new_elsewhere(path, "atomic_writer.before_rename:file") == -signal.SIGKILL
    assert (path.read_bytes() if path.exists() else None) == old
    assert _write_new_elsewhere(path, "") == 0
    assert path.read_bytes() == b"new" * 1000


def test_failpoint_of_the_second_passing_lets_the_first_go(tmp_path: Path) -> None:
    assert _write_new_elsewhere(tmp_path / "file", "atomic_writer.before_rename:file=2") == 0


def test_fsync_tree_takes_nested_and_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").write_bytes(b"x")
    fsync_tree(tmp_path)


def test_full_disk_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable) as caught, naming_full_disk(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(tmp_path) in str(caught.value)
    assert "No space left" in str(caught.value)
    assert caught.value.details["errno"] == str(errno.ENOSPC)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_real_full_device() -> None:
    with (
        pytest.raises(BackendUnavailable, match="No space left"),
        naming_full_disk(Path("/dev")),
        Path("/dev/full").open("wb", buffering=0) as file,
    ):
        file.write(b"x")
