"""The disk tier: whole files or none, within the budget, by several processes at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from skerry.core.errors import BackendUnavailable
from skerry.generation.cache.passage_kv import PassageKV, StoreKey
from skerry.generation.cache.store.disk import DiskTier

MakeKV = Callable[..., PassageKV]
MakeKey = Callable[..., StoreKey]
_BUDGET = 2**20

_FILL = """
import sys, torch
from pathlib import Path
from skerry.generation.cache.passage_kv import PassageKV, StoreKey
from skerry.generation.cache.store.disk import DiskTier

folder, budget, first, count = Path(sys.argv[1]), *map(int, sys.argv[2:5])
tier = DiskTier(folder, budget)
for number in range(first, first + count):
    key = StoreKey("aa" * 16, "bb" * 16, f"{number:032x}")
    rows = torch.full((2, 3, 32, 8), float(number))
    for _ in range(number % 7):
        tier.asked([key])
    [kv] = tier.get_many([key])
    assert kv is None or bool((kv.keys == number).all() and (kv.values == number).all()), number
    tier.offer(key, PassageKV(rows, rows, 0, (32,)))
    assert not tier.counts().damaged, tier.counts()
assert not tier.counts().failed, tier.counts()
"""


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.kv"))


def _fill(folder: Path, budget: int, first: int, count: int, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _FILL, str(folder), str(budget), str(first), str(count)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("kind", ["same", "int8"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_round_trip_also_by_another_tier_later(
    tmp_path: Path, make_kv: MakeKV, make_key: MakeKey, kind: str, dtype: torch.dtype
) -> None:
    kv = make_kv(dtype=dtype)
    DiskTier(tmp_path, _BUDGET, kind).offer(make_key(1), kv)  # type: ignore[arg-type]
    later = DiskTier(tmp_path, _BUDGET, kind)  # type: ignore[arg-type]
    assert later.holds(make_key(1)) and later.counts().entries == 1
    [found, none] = later.get_many([make_key(1), make_key(2)])
    assert found is not None and none is None
    assert found.keys.dtype == dtype and found.sentence_ends == kv.sentence_ends
    close = 0.0 if kind == "same" else 0.05
    assert torch.allclose(found.keys.float(), kv.keys.float(), rtol=0, atol=close)
    other = DiskTier(tmp_path, _BUDGET, "int8" if kind == "same" else "same")
    assert other.get_many([make_key(1)]) == [None]


def test_a_found_value_outlives_its_file(tmp_path: Path, make_kv: MakeKV, make_key: MakeKey) -> None:
    tier, kv = DiskTier(tmp_path, _BUDGET), make_kv()
    tier.offer(make_key(1), kv)
    [found] = tier.get_many([make_key(1)])
    [file] = _files(tmp_path)
    file.unlink()
    assert found is not None and torch.equal(found.values, kv.values)
    assert tier.get_many([make_key(1)]) == [None]


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other"])
def test_damage_is_counted_deleted_and_made_good(
    tmp_path: Path, make_kv: MakeKV, make_key: MakeKey, damage: str
) -> None:
    tier, kv = DiskTier(tmp_path, _BUDGET), make_kv()
    tier.offer(make_key(1), kv)
    [file] = _files(tmp_path)
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 4
    elif damage == "other":
        tier.offer(make_key(2), make_kv(2))
        data = bytearray(next(path for path in _files(tmp_path) if path != file).read_bytes())
    file.write_bytes(data if damage in ("flip", "other") else data[: 100 if damage == "cut" else 0])
    assert tier.get_many([make_key(1)]) == [None]
    assert not file.exists()
    counts = tier.counts()
    assert (counts.damaged, counts.hits, counts.failed) == (1, 0, 0) and file.name in counts.problem
    tier.offer(make_key(1), kv)
    [found] = tier.get_many([make_key(1)])
    assert found is not None and torch.equal(found.keys, kv.keys)


def test_the_folder_stays_within_the_budget_and_keeps_the_popular(
    tmp_path: Path, make_kv: MakeKV, make_key: MakeKey
) -> None:
    tier = DiskTier(tmp_path, 20_000)
    hot = [make_key(number) for number in (1, 2, 3)]
    for _ in range(4):
        tier.asked(hot)
    for number in range(1, 60):
        tier.asked([make_key(number)])
        tier.offer(make_key(number), make_kv(number))
        assert sum(file.stat().st_size for file in _files(tmp_path)) <= 20_000
    assert all(tier.get_many(hot))
    counts = tier.counts()
    assert counts.refused > 40 and counts.nbytes == sum(file.stat().st_size for file in _files(tmp_path))


def test_a_smaller_budget_empties_what_was_asked_for_longest_ago(
    tmp_path: Path, make_kv: MakeKV, make_key: MakeKey
) -> None:
    tier = DiskTier(tmp_path, _BUDGET)
    for number in range(6):
        tier.offer(make_key(number), make_kv(number))
    for age, file in enumerate(_files(tmp_path)):
        os.utime(file, (time.time() - 1_000 * age - 1_000,) * 2)
    tier.get_many([make_key(4)])
    size = _files(tmp_path)[0].stat().st_size
    small = DiskTier(tmp_path, 2 * size)
    assert len(_files(tmp_path)) == 2 and small.holds(make_key(4))
    assert small.counts().evicted == 4


@pytest.mark.parametrize("budget", [0, 100])
def test_a_value_larger_than_the_budget_is_refused(
    tmp_path: Path, make_kv: MakeKV, make_key: MakeKey, budget: int
) -> None:
    tier = DiskTier(tmp_path, budget)
    tier.offer(make_key(1), make_kv())
    assert not _files(tmp_path) and tier.counts().refused == 1


def test_a_disk_that_fails_is_left_alone(tmp_path: Path, make_kv: MakeKV, make_key: MakeKey) -> None:
    folder = tmp_path / "kv"
    tier = DiskTier(folder, _BUDGET)
    folder.rmdir()
    folder.write_text("no folder any more")
    tier.offer(make_key(1), make_kv())
    tier.offer(make_key(2), make_kv())
    assert tier.get_many([make_key(1)]) == [None]
    counts = tier.counts()
    assert counts.failed >= 1 and counts.passed_over == 1 and str(folder) in counts.problem


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendUnavailable, match="disk_folder"):
        DiskTier(tmp_path / "file" / "kv", _BUDGET)


def test_strange_files_are_left_alone_and_old_parts_swept(tmp_path: Path) -> None:
    for name in ("notes.txt", "not-hex.kv", ".ab.kv.1-1.part", ".cd.kv.2-2.part"):
        (tmp_path / name).write_text("x" * 5_000)
    os.utime(tmp_path / ".ab.kv.1-1.part", (time.time() - 7_200,) * 2)
    DiskTier(tmp_path, 100)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "not-hex.kv", ".cd.kv.2-2.part"}


def test_two_processes_fill_one_folder(tmp_path: Path) -> None:
    budget = 600_000
    # They share half of their names.
    processes = [_fill(tmp_path, budget, first, 160) for first in (0, 80)]
    for process in processes:
        assert process.wait() == 0, process.stderr.read() if process.stderr else ""
    tier = DiskTier(tmp_path, budget)
    size = sum(file.stat().st_size for file in _files(tmp_path))
    assert tier.counts().nbytes == size and 0.8 * budget < size <= budget
    assert not list(tmp_path.glob(".*.part"))
    whole = [tier.get_many([StoreKey("aa" * 16, "bb" * 16, f"{number:032x}")])[0] for number in range(240)]
    assert sum(kv is not None for kv in whole) == len(_files(tmp_path))
    assert not tier.counts().damaged


def test_a_killed_writer_leaves_nothing_that_is_read(tmp_path: Path) -> None:
    killed = _fill(tmp_path, _BUDGET, 0, 10, SKERRY_FAILPOINT="*=4")
    assert killed.wait() == -signal.SIGKILL
    assert len(_files(tmp_path)) == 3 and len(list(tmp_path.glob(".*.part"))) == 1
    tier = DiskTier(tmp_path, _BUDGET)
    for number in range(10):
        rows = torch.full((2, 3, 32, 8), float(number))
        key = StoreKey("aa" * 16, "bb" * 16, f"{number:032x}")
        [kv] = tier.get_many([key])
        assert (kv is not None) == (number < 3) and (kv is None or torch.equal(kv.keys, rows))
        tier.offer(key, PassageKV(rows, rows, 0, (32,)))
    assert len(_files(tmp_path)) == 10
