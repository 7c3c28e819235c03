"""Damage to any file of an index is an error that names the file, never a wrong answer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from skerry.core.errors import IndexCorrupt, IndexNotReady, NotFound
from skerry.retrieval.index.reader import Index
from skerry.retrieval.index.verify import verify_index
from skerry.retrieval.index.versions import CURRENT, activate_version, current_version, list_versions


def _flip_first(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 0x01
    path.write_bytes(data)


def _flip_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x80
    path.write_bytes(data)


def _flip_last(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 0x10
    path.write_bytes(data)


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


_DAMAGES = [_flip_first, _flip_middle, _flip_last, _truncate, _empty, _lengthen, Path.unlink]


def _files(index: Path) -> list[Path]:
    version = index / "versions" / current_version(index)
    return [index / CURRENT, *(path for path in sorted(version.rglob("*")) if path.is_file())]


@pytest.mark.parametrize("damage", _DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
def test_every_file(damage: Callable[[Path], None], small_index: Path) -> None:
    files = _files(small_index)
    assert len(files) > 10
    for path in files:
        before = path.read_bytes()
        if not before and damage not in (_lengthen, Path.unlink):
            continue
        damage(path)
        with pytest.raises(IndexCorrupt) as caught:
            Index.open(small_index).close()
        assert path.name in str(caught.value), path
        path.write_bytes(before)
    Index.open(small_index).close()


def test_verify_reports_all_problems(small_index: Path) -> None:
    files = [path for path in _files(small_index)[1:] if path.name != "manifest.json" and path.stat().st_size]
    damaged = {}
    for path, damage in zip(files, _DAMAGES, strict=False):
        damage(path)
        damaged[path.name] = damage
    report = verify_index(small_index)
    assert {Path(problem.path).name for problem in report.problems} == set(damaged)
    assert len(report.files) == len(_files(small_index)) - 1 + (Path.unlink in damaged.values())


def test_sizes_only_misses_a_flip_and_sees_a_truncation(small_index: Path) -> None:
    text = next(small_index.glob(f"versions/{current_version(small_index)}/passages/text.blob"))
    _flip_last(text)
    Index.open(small_index, verify="sizes").close()
    with pytest.raises(IndexCorrupt, match=r"text\.blob"):
        Index.open(small_index, verify="full")
    _truncate(text)
    with pytest.raises(IndexCorrupt, match=r"text\.blob"):
        Index.open(small_index, verify="sizes")


def test_a_damaged_version_is_not_activated(small_index: Path) -> None:
    first, second = (version.name for version in list_versions(small_index))
    _flip_last(small_index / "versions" / first / "passages" / "text.blob")
    with pytest.raises(IndexCorrupt, match=r"text\.blob"):
        activate_version(small_index, first)
    assert current_version(small_index) == second
    _truncate(small_index / "versions" / first / "manifest.json")
    assert [version.manifest is None for version in list_versions(small_index)] == [True, False]


def test_current_that_names_nothing(small_index: Path) -> None:
    for text in ("000009-00000000\n", "", "../../etc\n", "000001", "\xff\n"):
        (small_index / CURRENT).write_bytes(text.encode("latin-1"))
        with pytest.raises(IndexCorrupt, match="CURRENT"):
            Index.open(small_index)
        with pytest.raises(IndexCorrupt, match="CURRENT"):
            verify_index(small_index)


def test_folders_that_are_no_index(tmp_path: Path) -> None:
    with pytest.raises(IndexNotReady, match="does not exist"):
        Index.open(tmp_path / "nothing")
    with pytest.raises(IndexNotReady, match="is no index"):
        Index.open(tmp_path)
    (tmp_path / "build").mkdir()
    with pytest.raises(IndexNotReady, match="not been finished"):
        Index.open(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(IndexNotReady):
        Index.open(tmp_path / "file")


def test_unknown_version(small_index: Path) -> None:
    for version in ("000009-00000000", "", "../versions", "x"):
        with pytest.raises(NotFound, match="000001"):
            Index.open(small_index, version=version)
        with pytest.raises(NotFound, match="000001"):
            activate_version(small_index, version)
