"""The bench of kinds: every one is there, and what is exact finds all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skerry.benchmarks.elastic.kinds import kinds_table, main
from skerry.retrieval.embedding.spec import KINDS, STORAGES

ROWS, WIDTH = 400, 16


def test_every_kind_and_storage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(3).normal(size=(ROWS, WIDTH))
    vectors = (random / np.linalg.norm(random, axis=1, keepdims=True)).astype(np.float32)
    rows = list(kinds_table(vectors, vectors[:20]))
    assert {(row.kind, row.storage) for row in rows} == {
        (kind, storage) for kind in KINDS[1:] for storage in STORAGES[1:]
    }
    for row in rows:
        whole = row.kind == "flat" or row.options.nprobe == 128 or row.options.ef_search == 256
        assert row.recall >= {"fp32": 0.999, "fp16": 0.98, "int8": 0.85}[row.storage] * whole
        assert row.bytes >= ROWS * WIDTH * {"fp32": 4, "fp16": 2, "int8": 1}[row.storage]
        assert row.build_seconds > 0
        assert row.milliseconds > 0
    sizes = {(row.kind, row.storage): row.bytes for row in rows}
    assert all(sizes[kind, "int8"] < sizes[kind, "fp16"] < sizes[kind, "fp32"] for kind in KINDS[1:])

    np.save(tmp_path / "vectors.npy", vectors[:60])
    np.save(tmp_path / "queries.npy", vectors[:2])
    main(tmp_path / "vectors.npy", tmp_path / "queries.npy")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(rows)
    assert lines[1].split()[:2] == ["flat", "fp32"]
