"""A generation server with a store: it says what it reused, and answers when Redis stops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from skerry.benchmarks.store.server import RedisServer
from skerry.generation.base import Completed, GenerationRequest, Source, Started
from skerry.services.client import Client

_SOURCES = (
    Source(
        "l", "Lighthouses", "The keeper of the Skerry lighthouse was called Maren Holt. She lit the lamp."
    ),
    Source("t", "Tides", "Tides are the rise and fall of the sea, caused by the moon and the sun."),
    Source("k", "Kelp", "Kelp is a large brown seaweed. It grows in cold water."),
)


@pytest.mark.models
@pytest.mark.usefixtures("models")
def test_redis_stops_in_mid_run(start: Any, tmp_path: Path) -> None:
    with RedisServer(megabytes=256) as redis:
        arguments = (f"--kv-redis={redis.url}", f"--kv-disk={tmp_path}", "--kv-memory=0")
        server = start("generation", *arguments, SKERRY_GENERATION_THREADS="1")
        with Client(server.address) as client:
            told: list[tuple[str, tuple[str, ...]]] = []
            for number in range(6):
                if number == 3:
                    redis.stop()
                request = GenerationRequest("Who was the keeper of the lighthouse?", _SOURCES, max_tokens=6)
                events = list(client.generate(request, deadline=100))
                [started] = [event for event in events if isinstance(event, Started)]
                [completed] = [event for event in events if isinstance(event, Completed)]
                told.append((completed.text, tuple(sorted({one.tier for one in started.reuse}))))
        assert len({text for text, _ in told}) == 1 and "Maren Holt" in told[0][0]
        tiers = [where for _, where in told]
        assert tiers[0] == ("",) and tiers[2] == ("redis",) and tiers[5] == ("disk",)
        assert server.stop() == 0
        assert list(tmp_path.glob("*.kv"))


def test_a_wrong_password_ends_the_start() -> None:
    with RedisServer(password="secret") as redis:
        command = [sys.executable, "-m", "skerry", "serve", "generation", "--listen", "127.0.0.1:0"]
        command += ["--kv-redis", redis.url.replace("//", "//:wrong@")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert "refuses" in done.stderr and "redis_url" in done.stderr
    assert "wrong@" not in done.stderr and "Traceback" not in done.stderr
