"""What a leg is given to be assembled with, what it may read besides, and what it may rest on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, IndexNotReady
from skerry.core.models.store import Model
from skerry.retrieval.base import Candidates, Option, Retriever
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.index.build import BuildOutcome
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.leg import LEGS, BuiltLeg, Workshop
from skerry.retrieval.index.reader import Index

Build = Callable[..., BuildOutcome]


class EchoRetriever:
    """Says what bm25 says."""

    name = "echo"
    legs: Mapping[str, Callable[[], Retriever]]

    def rest_on(self, legs: Mapping[str, Callable[[], Retriever]]) -> None:
        self.legs = legs

    def retrieve(
        self,
        queries: Sequence[str],
        limit: int,
        options: Mapping[str, Option],
        deadline: Deadline,
        within: NDArray[np.int64] | None = None,
    ) -> list[Candidates]:
        return self.legs["bm25"]().retrieve(queries, limit, options, deadline, within)

    def close(self) -> None:
        pass


class EchoLeg:
    """Counts in its work folder how often it was assembled, and is killed the first `kills` times."""

    name = "echo"
    files: Path
    seen: list[Workshop]

    def __init__(self, kills: int = 0) -> None:
        self.kills = kills

    def model(self) -> str | None:
        return None

    def files_hash(self) -> str:
        return self.files.read_text()

    def build_shard(
        self, passages: PassageStore, start: int, stop: int, out: Path, model: Model | None, threads: int
    ) -> None:
        pass

    def assemble(
        self,
        passages: PassageStore,
        shards: Sequence[Path],
        out: Path,
        model: Model | None,
        workshop: Workshop,
    ) -> BuiltLeg:
        self.seen.append(workshop)
        count = workshop.work / "count"
        times = int(count.read_text()) if count.exists() else 0
        if times < self.kills:
            count.write_text(str(times + 1))
            raise BackendUnavailable("killed")
        (out / "times").write_text(str(times))
        return BuiltLeg({"kills": self.kills}, "digest")

    def open(self, folder: Path, passages: PassageStore, model: Model | None) -> EchoRetriever:
        return EchoRetriever()


@pytest.fixture(autouse=True)
def _registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEGS._entries, "echo", f"{__name__}:EchoLeg")
    monkeypatch.setattr(EchoLeg, "files", tmp_path / "weights", raising=False)
    monkeypatch.setattr(EchoLeg, "seen", [], raising=False)
    (tmp_path / "weights").write_text("one")


def test_work_survives_a_kill_and_ends_with_the_stage(tmp_path: Path, build: Build, corpus: Path) -> None:
    out = tmp_path / "index"
    parameters = {"echo": {"kills": 2}}
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match="killed"):
            build(corpus, out, legs=("echo",), parameters=parameters)
        with pytest.raises(IndexNotReady):
            Index.open(out)
    engine = SerialEngine(threads=3)
    manifest = build(corpus, out, legs=("echo",), parameters=parameters, engine=engine).manifest
    with Index.open(out) as index:
        assert (index.folder_of("echo") / "times").read_text() == "2"
    assert "echo/times" in manifest.files
    assert not (out / "build").exists()
    workshop = EchoLeg.seen[-1]
    assert (workshop.index, workshop.threads) == (out.resolve(), 3)
    assert not workshop.work.exists()


def test_other_files_are_another_index(tmp_path: Path, build: Build, corpus: Path) -> None:
    out = tmp_path / "index"
    first = build(corpus, out, legs=("bm25", "echo"))
    assert not build(corpus, out, legs=("bm25", "echo")).published
    (tmp_path / "weights").write_text("two")
    second = build(corpus, out, legs=("bm25", "echo"))
    assert second.published and len(EchoLeg.seen) == 2
    assert second.manifest.legs["bm25"].key == first.manifest.legs["bm25"].key
    (tmp_path / "weights").write_text("one")
    assert build(corpus, out, legs=("bm25", "echo")).manifest.version == first.manifest.version


def test_a_retriever_rests_on_the_other_legs(tmp_path: Path, build: Build, corpus: Path) -> None:
    build(corpus, tmp_path / "index", legs=("bm25", "echo"))
    query = json.loads(corpus.read_text().splitlines()[0])["text"][1]
    with Index.open(tmp_path / "index") as index:
        echo = index.retriever("echo")
        assert isinstance(echo, EchoRetriever)
        assert set(echo.legs) == {"bm25"}
        [said] = echo.retrieve([query], 5, {}, Deadline())
        [expected] = index.retriever("bm25").retrieve([query], 5, {}, Deadline())
        assert said.ordinals.tolist() == expected.ordinals.tolist() != []
    with pytest.raises(IndexNotReady, match="was closed"):
        echo.retrieve([query], 5, {}, Deadline())
