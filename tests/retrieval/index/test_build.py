"""The batch job: what is built again and what is not, and what it says when it cannot build."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, Cancelled, IndexNotReady, InvalidInput, NotFound
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.corpus.chunking import Chunking, chunk_page
from skerry.retrieval.corpus.readers import open_corpus
from skerry.retrieval.index.build import BuildOutcome, BuildSpec, run_build
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.reader import Index
from skerry.retrieval.index.versions import current_version

T = TypeVar("T")
R = TypeVar("R")
Build = Callable[..., BuildOutcome]


class _Breaking(SerialEngine):
    """Does so many tasks altogether, then fails as a lost worker does."""

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.left = tasks

    def map(
        self, function: Callable[[T], R], tasks: Iterable[T], deadline: Deadline
    ) -> Generator[R, None, None]:
        for result in super().map(function, islice(tasks, self.left), deadline):
            self.left -= 1
            yield result
        if self.left == 0:
            raise BackendUnavailable("A worker was lost.")


def test_the_passages_are_those_of_the_pages_one_by_one(tmp_path: Path, build: Build, corpus: Path) -> None:
    expected = [
        (passage.id, passage.title, passage.section, passage.text, passage.span)
        for page in open_corpus(corpus, "kilt")
        for passage in chunk_page(page, Chunking(words=60))
    ]
    manifest = build(corpus, tmp_path / "index", chunking=Chunking(words=60), shard_passages=50).manifest
    assert manifest.build.built["passages"] > 3
    with Index.open(tmp_path / "index") as index:
        found = list(index.passages)
    assert [passage.ordinal for passage in found] == list(range(len(expected)))
    assert [(p.id, p.title, p.section, p.text, p.span) for p in found] == expected
    assert manifest.corpus.pages == 60
    assert manifest.corpus.passages == len(expected)


def test_shards_do_not_change_the_result(tmp_path: Path, build: Build, corpus: Path) -> None:
    hashes = {
        build(corpus, tmp_path / str(size), shard_passages=size).manifest.result_hash
        for size in (7, 100, 10**6)
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("tasks", range(1, 8))
def test_a_rerun_finishes_what_is_left(tmp_path: Path, build: Build, corpus: Path, tasks: int) -> None:
    out = tmp_path / "index"
    with pytest.raises(BackendUnavailable):
        build(corpus, out, engine=_Breaking(tasks))
    with pytest.raises(IndexNotReady, match="not been finished"):
        Index.open(out)
    facts = build(corpus, out).manifest.build
    whole = build(corpus, tmp_path / "whole").manifest
    shards = whole.build.built["passages"]
    redone = sum(facts.built.values())
    assert redone == sum(whole.build.built.values()) - tasks
    assert facts.reused.get("passages", 0) == (tasks if tasks <= shards else 0)
    with Index.open(out) as index:
        assert index.manifest.result_hash == whole.result_hash


def test_a_damaged_shard_is_made_again(tmp_path: Path, build: Build, corpus: Path) -> None:
    out = tmp_path / "index"
    with pytest.raises(BackendUnavailable):
        build(corpus, out, engine=_Breaking(2))
    text, other = sorted(out.glob("build/passages-*/shards/[0-9]*/data/text.blob"))
    text.write_bytes(text.read_bytes()[:-1] + b"?")
    (other.parent / "stray").write_text("no part of it")
    manifest = build(corpus, out).manifest
    assert manifest.build.reused == {}
    assert manifest.result_hash == build(corpus, tmp_path / "whole").manifest.result_hash


def test_nothing_to_do(tmp_path: Path, build: Build, corpus: Path) -> None:
    out, said = tmp_path / "index", []
    first = build(corpus, out)
    again = build(corpus, out, say=said.append)
    assert first.published
    assert not again.published
    assert again.manifest == first.manifest
    assert "nothing to do" in said[0]
    forced = build(corpus, out, force=True, say=said.append)
    assert forced.published
    assert forced.manifest.result_hash == first.manifest.result_hash
    assert forced.manifest.version != first.manifest.version
    assert sum(forced.manifest.build.built.values()) == sum(first.manifest.build.built.values())


def test_back_to_an_earlier_specification(tmp_path: Path, build: Build, corpus: Path) -> None:
    out, said = tmp_path / "index", []
    first = build(corpus, out)
    second = build(corpus, out, parameters={"bm25": {"b": 0.5}}, say=said.append)
    assert second.manifest.result_hash != first.manifest.result_hash
    # The passages have not changed, so that they are not built again.
    assert "passages" not in second.manifest.build.built
    assert any("passages of version" in text for text in said)
    back = build(corpus, out, say=said.append)
    assert not back.published
    assert current_version(out) == first.manifest.version
    assert "now in use" in said[-1]


def test_damaged_versions_are_not_used_again(tmp_path: Path, build: Build, corpus: Path) -> None:
    out = tmp_path / "index"
    first = build(corpus, out).manifest
    text = out / "versions" / first.version / "passages" / "text.blob"
    text.write_bytes(text.read_bytes()[:-1] + b"?")
    again = build(corpus, out)
    assert again.published
    assert again.manifest.result_hash == first.result_hash
    assert again.manifest.build.built["passages"] > 0
    # The leg was whole, so that it is used as it is.
    assert "bm25" not in again.manifest.build.built
    Index.open(out, verify="full").close()


@pytest.mark.parametrize(
    ("change", "said", "kept"),
    [
        ({"parameters": {"bm25": {"b": 0.5}}}, "work on bm25: b was", "passages"),
        ({"chunking": Chunking(words=50)}, "work on passages: words was 100, is 50", ""),
        ({"shard_passages": 60}, "work on passages: shard_passages was 100, is 60", ""),
        ({"on_error": "skip"}, "work on passages: on_error was fail, is skip", ""),
    ],
)
def test_a_changed_specification(
    tmp_path: Path, build: Build, corpus: Path, change: dict[str, object], said: str, kept: str
) -> None:
    out, notes = tmp_path / "index", []
    passages = build(corpus, tmp_path / "count").manifest.build.built["passages"]
    with pytest.raises(BackendUnavailable):
        build(corpus, out, engine=_Breaking(passages + 1))
    manifest = build(corpus, out, say=notes.append, **change).manifest
    assert any(said in note for note in notes), notes
    assert ("passages" in manifest.build.built) is (kept != "passages")
    assert manifest.result_hash == build(corpus, tmp_path / "fresh", **change).manifest.result_hash


def test_a_changed_corpus(tmp_path: Path, build: Build, write_kilt: Callable[..., Path]) -> None:
    out, notes = tmp_path / "index", []
    corpus = write_kilt(tmp_path / "corpus.jsonl", 60)
    with pytest.raises(BackendUnavailable):
        build(corpus, out, engine=_Breaking(2))
    write_kilt(corpus, 61)
    manifest = build(corpus, out, say=notes.append).manifest
    assert any("passages: the corpus changed" in note for note in notes), notes
    assert manifest.corpus.pages == 61
    assert manifest.build.reused == {}


def test_cancelled(tmp_path: Path, corpus: Path) -> None:
    deadline = Deadline()
    deadline.cancel()
    with pytest.raises(Cancelled):
        run_build(
            BuildSpec(corpus, "kilt", ("bm25",)),
            tmp_path / "index",
            engine=SerialEngine(),
            models=ModelStore(tmp_path / "models"),
            progress=SilentProgress(),
            deadline=deadline,
        )


def test_bad_lines(tmp_path: Path, build: Build, corpus: Path) -> None:
    lines = corpus.read_text().splitlines(keepends=True)
    lines[2] = lines[2][:40] + "\n"
    corpus.write_text("".join(lines))
    with pytest.raises(InvalidInput, match=r"corpus\.jsonl:3"):
        build(corpus, tmp_path / "index")
    manifest = build(corpus, tmp_path / "index", on_error="skip").manifest
    assert manifest.corpus.pages == 59
    assert sum(manifest.corpus.skipped.values()) == 1


def test_a_page_id_twice(tmp_path: Path, build: Build, corpus: Path) -> None:
    lines = corpus.read_text().splitlines(keepends=True)
    corpus.write_text("".join([*lines, lines[7]]))
    with pytest.raises(InvalidInput, match="p7"):
        build(corpus, tmp_path / "index")
    assert build(corpus, tmp_path / "index", on_error="skip").manifest.corpus.pages == 60


def test_a_corpus_without_text(tmp_path: Path, build: Build) -> None:
    corpus = tmp_path / "corpus.jsonl"
    page = {"_id": "1", "wikipedia_id": "1", "wikipedia_title": "T", "text": ["T"], "anchors": []}
    corpus.write_text(json.dumps(page) + "\n")
    with pytest.raises(InvalidInput):
        build(corpus, tmp_path / "index")
    corpus.write_text("")
    with pytest.raises(InvalidInput):
        build(corpus, tmp_path / "index")


def test_bad_specifications(tmp_path: Path, build: Build, corpus: Path) -> None:
    out = tmp_path / "index"
    with pytest.raises(NotFound, match="no corpus"):
        build(tmp_path / "nothing", out)
    with pytest.raises(NotFound, match="bm25"):
        build(corpus, out, legs=("bm26",))
    with pytest.raises(NotFound, match="models pull"):
        build(corpus, out, legs=("dense",))
    with pytest.raises(InvalidInput, match="no parameter 'bb'"):
        build(corpus, out, parameters={"bm25": {"bb": 1}})
    with pytest.raises(InvalidInput, match=r"bm25\.b"):
        build(corpus, out, parameters={"bm25": {"b": -1}})
    with pytest.raises(InvalidInput, match="not among"):
        build(corpus, out, parameters={"dense": {"m": 1}})
    with pytest.raises(InvalidInput, match="at least one leg"):
        build(corpus, out, legs=())
    with pytest.raises(InvalidInput, match="twice"):
        build(corpus, out, legs=("bm25", "bm25"))
    with pytest.raises(InvalidInput, match="shard"):
        build(corpus, out, shard_passages=0)
    with pytest.raises(InvalidInput, match="version"):
        build(corpus, out, keep_versions=0)
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(InvalidInput, match="is a file"):
        build(corpus, file)
    assert not (out / "versions").exists()
