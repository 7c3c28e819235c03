"""The Redis tier against a real server: found, stopped, hung, full, damaged, refused."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import redis
import torch

from skerry.benchmarks.store.server import RedisServer
from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.generation.cache.passage_kv import PassageKV, StoreKey
from skerry.generation.cache.store.redis import RedisTier
from skerry.generation.cache.store.url import without_password

MakeKV = Callable[..., PassageKV]
MakeKey = Callable[..., StoreKey]


@pytest.mark.parametrize("kind", ["same", "int8"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_round_trip(
    server: RedisServer, make_kv: MakeKV, make_key: MakeKey, kind: str, dtype: torch.dtype
) -> None:
    tier, kv = RedisTier(server.url, kind=kind), make_kv(dtype=dtype)  # type: ignore[arg-type]
    tier.offer(make_key(1), kv)
    found = tier.get_many([make_key(2), make_key(1), make_key(1)])
    assert found[0] is None and found[1] is not None and found[2] is not None
    close = 0.0 if kind == "same" else 0.05
    assert torch.allclose(found[1].values.float(), kv.values.float(), rtol=0, atol=close)
    assert found[1].keys.dtype == dtype and found[1].sentence_ends == kv.sentence_ends
    assert tier.holds(make_key(1)) and not tier.holds(make_key(2))
    assert tier.get_many([]) == []
    counts = tier.counts()
    assert (counts.hits, counts.stored, counts.failed, counts.nbytes) == (2, 1, 0, None)
    other = RedisTier(server.url, kind="int8" if kind == "same" else "same")
    assert other.get_many([make_key(1)]) == [None]
    tier.close()


def test_names_carry_model_and_prompt_and_expire(
    server: RedisServer, make_kv: MakeKV, make_key: MakeKey
) -> None:
    tier = RedisTier(server.url, ttl=100)
    tier.offer(make_key(1), make_kv())
    client = redis.Redis(port=server.port)
    assert client.keys() == [str(make_key(1)).encode()]
    assert 0 < client.ttl(str(make_key(1))) <= 100
    assert tier.get_many([make_key(1, model="cc" * 16), make_key(1, prompt="cc" * 16)]) == [None, None]


def test_damage_is_counted_deleted_and_made_good(
    server: RedisServer, make_kv: MakeKV, make_key: MakeKey
) -> None:
    tier, client, name = RedisTier(server.url), redis.Redis(port=server.port), str(make_key(1))
    tier.offer(make_key(1), make_kv())
    tier.offer(make_key(2), make_kv(2))
    whole = client.get(name)
    assert isinstance(whole, bytes)
    for number, data in enumerate((b"", b"{}", whole[:-1], client.get(str(make_key(2)))), 1):
        client.set(name, data)  # type: ignore[arg-type]
        assert tier.get_many([make_key(1)]) == [None]
        assert not client.exists(name)
        assert tier.counts().damaged == number and name in tier.counts().problem
    tier.offer(make_key(1), make_kv())
    assert tier.get_many([make_key(1)])[0] is not None
    assert tier.counts().failed == 0


def test_a_value_of_another_type_is_a_miss(server: RedisServer, make_key: MakeKey) -> None:
    redis.Redis(port=server.port).lpush(str(make_key(1)), "x")
    assert RedisTier(server.url).get_many([make_key(1)]) == [None]


def test_stopped_and_started_again(server: RedisServer, make_kv: MakeKV, make_key: MakeKey) -> None:
    tier = RedisTier(server.url)
    tier.offer(make_key(1), make_kv())
    server.stop()
    for _ in range(20):
        assert tier.get_many([make_key(1)]) == [None]
        tier.offer(make_key(2), make_kv(2))
        assert not tier.holds(make_key(2))
    counts = tier.counts()
    assert counts.failed == 1 and counts.passed_over == 59 and counts.problem
    server.start()
    time.sleep(1.1)
    tier.offer(make_key(3), make_kv(3))
    assert tier.get_many([make_key(3)])[0] is not None


def test_hung_costs_one_wait(server: RedisServer, make_kv: MakeKV, make_key: MakeKey) -> None:
    tier = RedisTier(server.url)
    tier.offer(make_key(1), make_kv())
    server.pause()
    try:
        started = time.monotonic()
        for _ in range(10):
            assert tier.get_many([make_key(1)]) == [None]
        assert time.monotonic() - started < 2.0
        assert tier.counts().failed == 1
    finally:
        server.go_on()
    time.sleep(1.1)
    # The late answer to the call that was given up is nobody's.
    assert tier.get_many([make_key(2)]) == [None]
    assert tier.get_many([make_key(1)])[0] is not None


def test_a_full_server_is_still_read(server: RedisServer, make_kv: MakeKV, make_key: MakeKey) -> None:
    tier, client = RedisTier(server.url), redis.Redis(port=server.port)
    tier.offer(make_key(1), make_kv())
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    tier.offer(make_key(2), make_kv(2))
    assert tier.get_many([make_key(1), make_key(2)])[0] is not None
    counts = tier.counts()
    assert (counts.failed, counts.passed_over, counts.stored) == (1, 0, 1) and "maxmemory" in counts.problem


def test_a_wrong_password_is_an_error_at_the_start() -> None:
    with RedisServer(password="secret") as server:
        for url in (
            server.url,
            server.url.replace("//", "//:wrong@"),
            server.url.replace("//", "//me:wrong@"),
        ):
            with pytest.raises(BackendUnavailable, match="refuses") as caught:
                RedisTier(url)
            assert "redis_url" in str(caught.value) and "wrong@" not in str(caught.value)
        RedisTier(server.url.replace("//", "//:secret@")).close()


def test_a_user_without_rights_is_an_error_at_the_start(server: RedisServer) -> None:
    redis.Redis(port=server.port).execute_command("ACL", "SETUSER", "me", "on", ">x", "~other:*", "+@all")
    with pytest.raises(BackendUnavailable, match="refuses"):
        RedisTier(server.url.replace("//", "//me:x@"))


def test_a_server_that_is_not_there_is_no_error(make_kv: MakeKV, make_key: MakeKey) -> None:
    server = RedisServer()
    tier = RedisTier(server.url)
    assert tier.get_many([make_key(1)]) == [None]
    assert tier.counts().failed == 1
    with server:
        time.sleep(1.1)
        tier.offer(make_key(1), make_kv())
        assert tier.get_many([make_key(1)])[0] is not None


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis://localhost:port/0"])
def test_no_url(url: str) -> None:
    with pytest.raises(InvalidInput, match="no Redis URL"):
        RedisTier(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:1/0", "redis://...@host:1/0"),
        ("redis://me:se/cr?et@host/0", "redis://...@host/0"),
        ("redis://host/0?password=secret&db=1", "redis://host/0?password=...&db=1"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
