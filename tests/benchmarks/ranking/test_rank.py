"""`skerry bench rank` on a tiny ranker, beside sentence-transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from skerry.benchmarks.ranking.candidates import found
from skerry.benchmarks.ranking.speed import speeds
from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, InvalidInput, NotFound
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.kernels import encoder
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.cross_encoder import CrossEncoder, trained_network
from skerry.retrieval.index.reader import Index
from skerry.services.cli.bench import bench

from ...ranking.tiny import write_gold  # noqa: TID252 -- another room's corpus

QUESTIONS = ["Where does the otter sleep at night?", "What does the heron eat at night?"]


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gold(tmp_path_factory.mktemp("bench-rank") / "gold.jsonl")


def call(index: Index, gold: Path, ranker: Path, *options: str) -> Result:
    arguments = ["rank", "--index", index.folder, "--gold", gold, "--ranker", ranker, "--quiet"]
    return CliRunner().invoke(bench, [*map(str, arguments), *options], catch_exceptions=False)


def rows(done: Result) -> dict[str, dict[str, float]]:
    assert done.exit_code == 0, done.output
    systems: dict[str, Any] = json.loads(done.stdout)["systems"]
    return {name: row["metrics"] for name, row in systems.items()}


def test_the_table(index: Index, gold: Path, ranker_folder: Path) -> None:
    pytest.importorskip("sentence_transformers")
    dtypes = "fp32,bf16" if encoder.available() else "fp32"
    done = call(index, gold, ranker_folder, "--questions", "4", "--rounds", "1", "--dtypes", dtypes, "--json")
    found = rows(done)
    assert list(found)[:3] == ["sentence-transformers, fp32", "sentence-transformers, bf16", "Skerry, fp32"]
    first, _, ours = list(found.values())[:3]
    assert first["times faster"] == first["tau"] == first["least tau"] == first["same first"] == 1
    assert ours["tau"] == ours["same first"] == 1
    for row in found.values():
        assert row["ms a query"] > 0 and row["pairs/s"] > 0
        assert row["least tau"] <= row["tau"] <= 1


def test_without_the_peer(index: Index, gold: Path, ranker_folder: Path) -> None:
    options = ("--questions", "2", "--rounds", "1", "--no-peer", "--dtypes", "fp32")
    assert list(rows(call(index, gold, ranker_folder, *options, "--json"))) == ["Skerry, fp32"]
    shown = call(index, gold, ranker_folder, *options, "--markdown").stdout.splitlines()
    assert shown[0].startswith("| system | ms a query | pairs/s |") and len(shown) == 3


def test_the_peer_reads_the_same_weights(
    store: ModelStore, index: Index, ranker_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("sentence_transformers")
    import torch

    from skerry.benchmarks.ranking.peer import Peer, write_folder

    network, base, config = trained_network(store, ranker_folder)
    write_folder(network, base, tmp_path / "peer")
    peer = Peer(tmp_path / "peer", torch.float32, config.max_tokens)
    long = RankRequest("otter?", (Candidate("Otter", "eels " * 400), Candidate("", "x"), Candidate("A", "")))
    requests = [*found(index.folder, QUESTIONS, ["bm25"], 8, store, SilentProgress()), long]
    assert all(len(request.candidates) > 1 for request in requests)
    expected = CrossEncoder(store, ranker_folder, "fp32").score(requests, Deadline())
    for request, ours in zip(requests, expected, strict=True):
        np.testing.assert_allclose(peer.logits(request), ours.raw, atol=1e-5)


def test_figures_of_known_systems() -> None:
    requests = [RankRequest("a", tuple(Candidate("", str(n)) for n in range(4)))] * 3
    rising = np.arange(4, dtype=np.float32)
    measured = speeds(
        {"one": lambda _: rising, "other": lambda _: rising[::-1]}, requests, 2, SilentProgress()
    )
    assert measured["one"].tau == measured["one"].faster == 1
    assert measured["other"].tau == measured["other"].least_tau == -1
    assert measured["other"].same_first == 0


def test_what_cannot_be(
    store: ModelStore, index: Index, gold: Path, ranker_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="no dtype 'fp8'"):
        call(index, gold, ranker_folder, "--no-peer", "--dtypes", "fp8")
    with pytest.raises(NotFound, match="no ranker"):
        call(index, gold, gold.parent, "--no-peer")
    with pytest.raises(InvalidInput, match="was anything found"):
        found(index.folder, ["zzz"], ["bm25"], 5, store, SilentProgress())
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(BackendUnavailable, match="not installed"):
        call(index, gold, ranker_folder)
