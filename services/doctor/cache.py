"""The store of passages' keys and values as it is configured: can its server and its folder be used?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from skerry.core.errors import SkerryError
from skerry.generation.cache.store.url import without_password
from skerry.services.config import load_settings
from skerry.services.doctor.base import Finding

_PATIENCE_SECONDS = 2.0


def check_cache() -> Iterator[Finding]:
    """Look at what SKERRY_CONFIG and the variables name; without either there is nothing to look at."""
    try:
        cache = load_settings().settings.generation.cache
    except SkerryError as error:
        yield Finding("extras", "settings", "wrong", error.message, error.hint)
        return
    if cache.redis_url:
        yield _check_redis(cache.redis_url)
    if cache.disk_folder and cache.disk_bytes:
        yield _check_folder(Path(cache.disk_folder).expanduser(), cache.disk_bytes)


def _check_redis(url: str) -> Finding:
    name, where = "kv store, redis", without_password(url)
    try:
        import redis
    except ImportError:
        return Finding("extras", name, "wrong", "the package redis is not installed", "pip install redis")
    fix = "Correct generation.cache.redis_url, or leave it empty."
    try:
        client = redis.Redis.from_url(url, socket_timeout=_PATIENCE_SECONDS, protocol=2)
        with client:
            about = client.info()
    except (redis.exceptions.RedisError, OSError, ValueError) as error:
        return Finding("extras", name, "wrong", f"{where}: {error}", fix)
    most, policy = int(about.get("maxmemory", 0)), about.get("maxmemory_policy", "unknown policy")
    if not most:
        advice = "Give the server maxmemory and the policy allkeys-lfu."
        return Finding("extras", name, "ok", f"{where}, without a limit of memory", advice)
    advice = "" if str(policy).startswith("allkeys-") else "The policy allkeys-lfu lets the least used leave."
    return Finding("extras", name, "ok", f"{where}, {most / 2**20:,.0f} MB, {policy}", advice)


def _check_folder(folder: Path, budget: int) -> Finding:
    name, fix = "kv store, disk", "Choose another folder for generation.cache.disk_folder, or leave it empty."
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Finding("extras", name, "wrong", f"{folder} cannot be written to", fix)
    sizes = [path.stat().st_size for path in folder.glob("*.kv")]
    text = f"{folder}, {len(sizes):,} values, {sum(sizes) / 2**20:,.0f} of {budget / 2**20:,.0f} MB"
    return Finding("extras", name, "ok", text)
