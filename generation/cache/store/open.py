"""From a configuration to a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.core.errors import InvalidInput

if TYPE_CHECKING:
    from skerry.generation.cache.store.tiered import TieredStore

DTYPES = ("same", "int8")
"""How numbers are kept in Redis and on the disk: as they were computed, or in 8 bits."""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Which tiers there are, and how large.

    Attributes:
        memory_bytes: budget of the memory tier; 0 turns it off.
        redis_url: the Redis server; empty turns it off.
        redis_ttl: seconds after which Redis forgets a value; 0 leaves that to its own policy.
        disk_folder: the folder of the disk tier; empty turns it off.
        disk_bytes: its budget; 0 turns it off.
        dtype: "same" or "int8", the numbers in Redis and on the disk.
    """

    memory_bytes: int = 2**30
    redis_url: str = ""
    redis_ttl: int = 0
    disk_folder: str = ""
    disk_bytes: int = 10 * 2**30
    dtype: str = "same"


def open_store(options: StoreOptions) -> TieredStore | None:
    """The store, or None where every tier is turned off.

    Raises:
        InvalidInput: a number below 0, an unknown dtype, a URL that is none.
        BackendUnavailable: the folder cannot be used; Redis refuses the password; its package is missing.
    """
    for name in ("memory_bytes", "redis_ttl", "disk_bytes"):
        if getattr(options, name) < 0:
            raise InvalidInput(
                f"{name} is {getattr(options, name)}; it must be 0 or more.", details={"field": name}
            )
    if options.dtype not in DTYPES:
        raise InvalidInput(
            f"There is no dtype {options.dtype!r} for stored keys and values.",
            hint=f"Choose {' or '.join(DTYPES)}.",
            details={"field": "dtype"},
        )
    from skerry.generation.cache.store.base import StoreTier
    from skerry.generation.cache.store.disk import DiskTier
    from skerry.generation.cache.store.format import Kind
    from skerry.generation.cache.store.memory import MemoryTier
    from skerry.generation.cache.store.redis import RedisTier
    from skerry.generation.cache.store.tiered import TieredStore

    kind: Kind = "int8" if options.dtype == "int8" else "same"
    memory = MemoryTier(options.memory_bytes) if options.memory_bytes else None
    slow: list[StoreTier] = []
    if options.redis_url:
        slow.append(RedisTier(options.redis_url, options.redis_ttl, kind))
    if options.disk_folder and options.disk_bytes:
        slow.append(DiskTier(Path(options.disk_folder).expanduser(), options.disk_bytes, kind))
    return TieredStore(memory, slow) if memory or slow else None
