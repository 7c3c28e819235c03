"""The whole store: tiers in order, promotion, demotion, and failures that no caller notices."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from skerry.benchmarks.store.server import RedisServer
from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.generation.cache.passage_kv import Found, PassageKV, StoreKey
from skerry.generation.cache.store import tiered
from skerry.generation.cache.store.blocks import taken
from skerry.generation.cache.store.disk import DiskTier
from skerry.generation.cache.store.memory import MemoryTier
from skerry.generation.cache.store.open import StoreOptions, open_store
from skerry.generation.cache.store.redis import RedisTier
from skerry.generation.cache.store.tiered import TieredStore

MakeKV = Callable[..., PassageKV]
MakeKey = Callable[..., StoreKey]


def _tiers(found: list[Found | None]) -> list[str]:
    return [value.tier if value else "-" for value in found]


def test_each_tier_answers_when_those_before_it_have_nothing(
    server: RedisServer, tmp_path: Path, make_kv: MakeKV, make_key: MakeKey
) -> None:
    options = StoreOptions(2**20, server.url, 60, str(tmp_path), 2**20)
    keys = [make_key(number) for number in range(3)]
    with _opened(options) as store:
        assert _tiers(store.get_many(keys)) == ["-", "-", "-"]
        store.put_many([(key, make_kv(number)) for number, key in enumerate(keys)])
        store.flush()
        assert _tiers(store.get_many(keys)) == ["memory"] * 3
        counts = store.counts()
        assert (counts.asked, counts.missed, counts.dropped) == (6, 3, 0)
        assert [(tier.tier, tier.stored) for tier in counts.tiers] == [
            ("memory", 3),
            ("redis", 3),
            ("disk", 3),
        ]
    with _opened(options) as store:
        found = store.get_many([keys[1], keys[1], make_key(9)])
        assert _tiers(found) == ["redis", "redis", "-"]
        store.flush()
        assert _tiers(store.get_many([keys[1]])) == ["memory"]
    server.stop()
    server.start()
    with _opened(options) as store:
        found = store.get_many(keys)
        assert _tiers(found) == ["disk"] * 3
        for number, value in enumerate(found):
            assert value is not None and torch.equal(value.kv.keys, make_kv(number).keys)
        store.flush()
        assert [(tier.tier, tier.hits, tier.stored) for tier in store.counts().tiers] == [
            ("memory", 0, 3),
            ("redis", 0, 3),
            ("disk", 3, 0),
        ]
    with TieredStore(None, [RedisTier(server.url)]) as redis_alone:
        assert _tiers(redis_alone.get_many(keys)) == ["redis"] * 3


def _opened(options: StoreOptions) -> TieredStore:
    store = open_store(options)
    assert store is not None
    return store


def test_redis_stopped_in_mid_run(
    server: RedisServer, tmp_path: Path, make_kv: MakeKV, make_key: MakeKey
) -> None:
    with _opened(StoreOptions(0, server.url, 0, str(tmp_path), 2**20)) as store:
        for number in range(12):
            if number == 6:
                server.stop()
            key = make_key(number)
            assert store.get_many([key]) == [None]
            store.put_many([(key, make_kv(number))])
            store.flush()
            [found] = store.get_many([key])
            assert found is not None and found.tier == ("redis" if number < 6 else "disk")
            assert torch.equal(found.kv.values, make_kv(number).values)
        redis, disk = store.counts().tiers
        assert redis.failed >= 1 and redis.passed_over and disk.failed == 0
        assert _tiers(store.get_many([make_key(number) for number in range(12)])) == ["disk"] * 12


def test_what_memory_lets_go_is_kept_by_a_tier_that_had_lost_it(
    tmp_path: Path, make_kv: MakeKV, make_key: MakeKey
) -> None:
    memory, disk = MemoryTier(taken(make_kv().nbytes)), DiskTier(tmp_path, 2**20)
    with TieredStore(memory, [disk]) as store:
        store.put_many([(make_key(1), make_kv(1))])
        store.flush()
        for file in tmp_path.glob("*.kv"):
            file.unlink()
        for _ in range(2):
            store.get_many([make_key(2)])
        store.put_many([(make_key(2), make_kv(2))])
        store.flush()
        assert _tiers(store.get_many([make_key(1), make_key(2)])) == ["disk", "memory"]


def test_the_hot_set_stays_in_memory_under_novel_questions(make_kv: MakeKV, make_key: MakeKey) -> None:
    size = taken(make_kv().nbytes)
    with _opened(StoreOptions(memory_bytes=8 * size)) as store:
        hot = [make_key(number) for number in range(8)]

        def ask(key: StoreKey) -> str:
            [found] = store.get_many([key])
            if found is None:
                store.put_many([(key, make_kv())])
            return found.tier if found else "-"

        for _ in range(3):
            for key in hot:
                ask(key)
        told = [ask(hot[novel % 8]) for novel in range(400) if ask(make_key(1_000 + novel)) == "-"]
        assert told == ["memory"] * 400
        assert store.counts().tiers[0].evicted == 0


def test_a_writer_that_is_behind_drops_and_counts(
    tmp_path: Path, make_kv: MakeKV, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiered, "WAITING_BYTES", 3 * make_kv().nbytes)
    begun, go_on = threading.Event(), threading.Event()

    class Slow(DiskTier):
        def offer(self, key: StoreKey, kv: PassageKV) -> None:
            begun.set()
            assert go_on.wait(20)
            super().offer(key, kv)

    with TieredStore(None, [Slow(tmp_path, 2**20)]) as store:
        for number in range(6):
            store.put_many([(make_key(number), make_kv(number))])
            assert begun.wait(20)
        assert store.counts().dropped == 3
        go_on.set()
        store.flush()
        assert _tiers(store.get_many([make_key(number) for number in range(6)])) == ["disk"] * 3 + ["-"] * 3


def test_what_memory_took_waits_for_the_writer_without_a_second_copy(
    tmp_path: Path, make_kv: MakeKV, make_key: MakeKey
) -> None:
    written: list[PassageKV] = []

    class Watched(DiskTier):
        def offer(self, key: StoreKey, kv: PassageKV) -> None:
            written.append(kv)
            super().offer(key, kv)

    kv = make_kv()
    with TieredStore(MemoryTier(2**20), [Watched(tmp_path, 2**20)]) as store:
        store.put_many([(make_key(1), kv)])
        store.flush()
        [found] = store.get_many([make_key(1)])
    assert found is not None and found.tier == "memory" and [found.kv] == written
    assert found.kv.keys.data_ptr() != kv.keys.data_ptr()


def test_the_callers_tensors_may_change_once_the_call_is_over(
    tmp_path: Path, make_kv: MakeKV, make_key: MakeKey
) -> None:
    with TieredStore(None, [DiskTier(tmp_path, 2**20)]) as store:
        kv = make_kv(5)
        store.put_many([(make_key(1), kv)])
        kv.keys.zero_()
        store.flush()
        [found] = store.get_many([make_key(1)])
        assert found is not None and torch.equal(found.kv.keys, make_kv(5).keys)


def test_a_value_that_does_not_fit_itself_is_refused_whole(make_kv: MakeKV, make_key: MakeKey) -> None:
    with _opened(StoreOptions(2**20)) as store:
        kv = make_kv()
        with pytest.raises(InvalidInput, match="sentence ends"):
            store.put_many([(make_key(1), kv), (make_key(2), PassageKV(kv.keys, kv.values, 0, (1,)))])
        assert store.get_many([make_key(1)]) == [None]


def test_after_the_end_nothing_fails(tmp_path: Path, make_kv: MakeKV, make_key: MakeKey) -> None:
    store = _opened(StoreOptions(2**20, disk_folder=str(tmp_path)))
    store.put_many([(make_key(1), make_kv())])
    store.close()
    assert len(list(tmp_path.glob("*.kv"))) == 1
    store.put_many([(make_key(2), make_kv())])
    assert _tiers(store.get_many([make_key(1)])) == ["disk"]
    assert len(list(tmp_path.glob("*.kv"))) == 1


def test_many_threads(tmp_path: Path, make_kv: MakeKV, make_key: MakeKey) -> None:
    size = taken(make_kv().nbytes)
    wrong: list[int] = []
    with _opened(StoreOptions(6 * size, disk_folder=str(tmp_path), disk_bytes=12 * size)) as store:

        def work(first: int) -> None:
            for step in range(150):
                number = (first + step * step) % 20
                [found] = store.get_many([make_key(number)])
                if found is None:
                    store.put_many([(make_key(number), make_kv(number))])
                elif not torch.equal(found.kv.keys, make_kv(number).keys):
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.flush()
        memory, disk = store.counts().tiers
        assert not wrong and not disk.damaged and not disk.failed
        assert (memory.nbytes or 0) <= 6 * size and (disk.nbytes or 0) <= 12 * size


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (StoreOptions(memory_bytes=-1), "memory_bytes"),
        (StoreOptions(redis_ttl=-1), "redis_ttl"),
        (StoreOptions(disk_bytes=-1), "disk_bytes"),
        (StoreOptions(dtype="fp4"), "same or int8"),
        (StoreOptions(redis_url="nonsense"), "Redis URL"),
    ],
)
def test_bad_options(options: StoreOptions, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        open_store(options)


def test_bad_places(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendUnavailable, match="disk_folder"):
        open_store(StoreOptions(disk_folder=str(tmp_path / "file")))
    with RedisServer(password="secret") as server, pytest.raises(BackendUnavailable, match="password"):
        open_store(StoreOptions(redis_url=server.url))


def test_everything_turned_off(tmp_path: Path) -> None:
    assert open_store(StoreOptions(memory_bytes=0)) is None
    assert open_store(StoreOptions(memory_bytes=0, disk_folder=str(tmp_path), disk_bytes=0)) is None
