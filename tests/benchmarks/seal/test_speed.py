"""`skerry bench seal` on a small index."""

from __future__ import annotations

import json
import os

import pytest
import torch
from click.testing import CliRunner

from skerry.benchmarks.memory import memory
from skerry.benchmarks.numbers import positive_numbers, whole_numbers
from skerry.benchmarks.processors import on_processors
from skerry.benchmarks.seal.latency import Latency
from skerry.benchmarks.seal.throughput import rounds_of
from skerry.core.errors import InvalidInput
from skerry.services.cli.bench import bench

from .conftest import Small


def test_all_is_measured(small: Small) -> None:
    call = ["seal", "--index", str(small.index), "--gold", str(small.gold), "--questions", "2"]
    done = CliRunner().invoke(bench, [*call, "--beams", "3,2", "--json", "--quiet"], catch_exceptions=False)
    found = json.loads(done.stdout)
    assert found["questions"] == 2
    assert found["adapter"] == "none"
    assert found["tokens"] > 100
    assert found["memory"]["peak"] >= found["memory"]["resident"] >= found["memory"]["private"] > 0
    assert list(found["by_beams"]) == ["2", "3"]
    for speed in found["by_beams"].values():
        assert 0 < speed["latency"]["median"] <= speed["latency"]["p90"]
        seconds = speed["work"]["seconds"]
        assert min(seconds.values()) > 0
        parts = ("lm", "decoding_index", "scoring_index", "scoring", "evidence", "other")
        assert sum(seconds[name] for name in parts) == pytest.approx(seconds["total"])
        assert speed["work"]["calls"] >= 10
        assert speed["work"]["rows"] > 1
        assert speed["work"]["keys"] > 1
        assert speed["throughput"]["ratio"] > 0


def test_the_table(small: Small) -> None:
    call = ["seal", "--index", str(small.index), "--gold", str(small.gold), "--questions", "1"]
    done = CliRunner().invoke(bench, [*call, "--beams", "5,2", "--quiet"], catch_exceptions=False)
    lines = {line.strip().split("  ")[0]: line for line in done.stdout.splitlines()}
    assert lines["latency, median"].count("reached") == 1
    assert lines["FM-index"].count("reached") == 2
    assert "at most 10%" in lines["FM-index"]
    assert "at least 2x" in lines["together against one at a time"]
    assert lines["memory, resident"].count("1.5 GiB") == 1


def test_latencies() -> None:
    assert Latency.of([1, 2, 3, 10], 0.5) == Latency(2.5, pytest.approx(7.9), 4, 0.5)


def test_rounds() -> None:
    assert rounds_of(["a", "b", "c"]) == [["a", "b", "c", "a", "b", "c", "a", "b"]]
    many = [str(number) for number in range(23)]
    assert [question for group in rounds_of(many) for question in group] == many[:16]


def test_memory_is_this_process() -> None:
    before = memory()
    held = bytearray(b"x" * 50_000_000)
    after = memory()
    assert after.private - before.private > 40_000_000
    assert after.peak >= after.resident
    del held


def test_fewer_processors() -> None:
    allowed, threads = os.sched_getaffinity(0), torch.get_num_threads()
    with on_processors(None) as count:
        assert count == len(allowed)
    with on_processors(1) as count:
        assert count == len(os.sched_getaffinity(0)) == torch.get_num_threads() == 1
    assert (os.sched_getaffinity(0), torch.get_num_threads()) == (allowed, threads)
    for wrong in (0, len(allowed) + 1):
        with pytest.raises(InvalidInput, match="--threads from 1"), on_processors(wrong):
            pass


def test_numbers() -> None:
    assert whole_numbers("--beams", "15, 5,5", 100) == (5, 15)
    assert positive_numbers("--weights", "1,0.5") == (0.5, 1.0)
    for text in ("", "a", "0", "5,101", "1.5", "-1"):
        with pytest.raises(InvalidInput, match="--beams"):
            whole_numbers("--beams", text, 100)
    for text in ("", "a", "0", "-1,2", "inf", "nan"):
        with pytest.raises(InvalidInput, match="--weights"):
            positive_numbers("--weights", text)
