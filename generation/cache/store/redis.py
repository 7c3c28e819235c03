"""The middle tier: a Redis (or Valkey) server, which other processes and machines may share.

What it keeps is the server's choice: give it `maxmemory` and the policy `allkeys-lfu`. A server that is down,
hung or full is left alone for a while (`breaker.py`); answers go on without it.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.generation.cache.passage_kv import PassageKV, StoreKey, Tier
from skerry.generation.cache.store.breaker import Breaker
from skerry.generation.cache.store.bulk import BulkReader
from skerry.generation.cache.store.counts import Tally, TierCounts
from skerry.generation.cache.store.format import (
    DamagedValue,
    Kind,
    decode,
    encode,
    stored_digest,
    stored_name,
)
from skerry.generation.cache.store.url import without_password

if TYPE_CHECKING:
    from redis import Redis

_CONNECT_SECONDS = 0.5
_ANSWER_SECONDS = 1.0
"""For each piece of an answer: a large value may take longer as a whole."""
_VALUES_SECONDS = 5.0
"""For all values of a question: a line that takes longer is slower than computing them."""
_FIELD = {"field": "generation.cache.redis_url"}


class RedisTier:
    """Values on a server.

    Args:
        url: redis://[[user]:password@]host[:port][/database], rediss:// over TLS, unix://path.
        ttl: seconds after which the server forgets a value; 0 leaves that to its policy.
        kind: the stored numbers.

    Raises:
        BackendUnavailable: the server refuses the password or the commands, or the package redis is missing.
            A server that cannot be reached is no error: it may come back.
        InvalidInput: no URL of that form.
    """

    name: Tier = "redis"

    def __init__(self, url: str, ttl: int = 0, kind: Kind = "same") -> None:
        self._kind = kind
        self._ttl = ttl or None
        self._lock = threading.Lock()
        self._breaker = Breaker()
        self._tally = Tally()
        self._redis = _client(url)
        self._first_call(url)

    def asked(self, keys: Sequence[StoreKey]) -> None:
        """The server counts by itself."""

    def get_many(self, keys: Sequence[StoreKey]) -> list[PassageKV | None]:
        """All values by one MGET."""
        if not keys:
            return []
        told = self._ask(lambda: self._mget([stored_name(key, self._kind) for key in keys]))
        if told is None:
            return [None] * len(keys)
        found = [
            self._decoded(key, data) if data is not None else None
            for key, data in zip(keys, told, strict=True)
        ]
        with self._lock:
            self._tally.counts["hits"] += sum(kv is not None for kv in found)
        return found

    def offer(self, key: StoreKey, kv: PassageKV) -> None:
        """Send the value. What leaves for it, only the server knows."""
        pieces = encode(stored_digest(key, self._kind), kv, self._kind)
        if self._ask(lambda: self._set(stored_name(key, self._kind).encode(), pieces)):
            with self._lock:
                self._tally.counts["stored"] += 1

    def holds(self, key: StoreKey) -> bool:
        """Whether the server has it."""
        return bool(self._ask(lambda: self._redis.exists(stored_name(key, self._kind))))

    def counts(self) -> TierCounts:
        """What it did; what the server holds is not asked for."""
        with self._lock:
            return self._tally.snapshot(self.name, None, None, None)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _first_call(self, url: str) -> None:
        from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError

        failure = self._try(lambda: self._redis.mget(["kv:1:"]))[1]
        if isinstance(failure, AuthenticationError | AuthorizationError | NoPermissionError):
            raise BackendUnavailable(
                f"The Redis server {without_password(url)} refuses: {failure}.",
                hint="Correct the user and the password in generation.cache.redis_url.",
                details=_FIELD,
            ) from failure

    def _mget(self, names: Sequence[str]) -> list[mmap.mmap | memoryview | None]:
        with self._connection() as connection:
            connection.send_command("MGET", *names)
            return BulkReader(connection._sock, _VALUES_SECONDS).values(len(names))

    def _set(self, name: bytes, pieces: Sequence[memoryview]) -> Any:
        """SET without joining the value's pieces first."""
        expiry = b"$2\r\nEX\r\n$%d\r\n%d\r\n" % (len(str(self._ttl)), self._ttl) if self._ttl else b""
        head = b"*%d\r\n$3\r\nSET\r\n$%d\r\n%b\r\n" % (5 if expiry else 3, len(name), name)
        length = sum(piece.nbytes for piece in pieces)
        with self._connection() as connection:
            connection.send_packed_command([head + b"$%d\r\n" % length, *pieces, b"\r\n" + expiry])
            return connection.read_response()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        connection: Any = self._redis.connection_pool.get_connection()
        try:
            yield connection
        except BaseException:
            # What is left of an answer must not become the next one's.
            connection.disconnect()
            raise
        finally:
            self._redis.connection_pool.release(connection)

    def _ask(self, call: Any) -> Any:
        """What the server says; None when it cannot be asked or fails."""
        return self._try(call)[0]

    def _try(self, call: Any) -> tuple[Any, Exception | None]:
        from redis.exceptions import OutOfMemoryError, RedisError

        if not self._breaker.allows():
            with self._lock:
                self._tally.counts["passed_over"] += 1
            return None, None
        try:
            told = call()
        except (RedisError, OSError) as error:
            # A server that is full answers, and what it has can be read.
            if isinstance(error, OutOfMemoryError):
                self._breaker.succeeded()
            else:
                self._breaker.failed()
            with self._lock:
                self._tally.failed(str(error))
            return None, error
        self._breaker.succeeded()
        return told, None

    def _decoded(self, key: StoreKey, data: mmap.mmap | memoryview) -> PassageKV | None:
        try:
            return decode(stored_digest(key, self._kind), data, self._kind)
        except DamagedValue as damage:
            name = stored_name(key, self._kind)
            with self._lock:
                self._tally.counts["damaged"] += 1
                self._tally.problem = f"{name}: {damage}"
            self._ask(lambda: self._redis.delete(name))
            return None


def _client(url: str) -> Redis:
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as error:
        raise BackendUnavailable(
            "The package redis is not installed.",
            hint="pip install redis, or leave generation.cache.redis_url empty.",
            details=_FIELD,
        ) from error
    try:
        return redis.Redis.from_url(
            url,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
    except ValueError as error:
        raise InvalidInput(
            f"{without_password(url)!r} is no Redis URL: {error}.",
            hint="redis://:password@host:6379/0, for example.",
            details=_FIELD,
        ) from error
