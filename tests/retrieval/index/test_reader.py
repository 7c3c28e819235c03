"""Opening an index: versions, legs, models, and what stays on disk while it is open."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexCorrupt, IndexNotReady, NotFound
from skerry.core.models.store import ModelStore
from skerry.retrieval.index.build import BuildOutcome
from skerry.retrieval.index.reader import Index
from skerry.retrieval.index.versions import activate_version, current_version, list_versions, prune_versions


def _link(source: str, target: str) -> None:
    if source.endswith(".safetensors"):
        Path(target).symlink_to(source)
    else:
        shutil.copyfile(source, target)


def test_it_answers(small_index: Path) -> None:
    with Index.open(small_index) as index:
        assert index.legs == ("bm25",)
        assert index.version == current_version(small_index)
        assert len(index.passages) == index.manifest.corpus.passages
        retriever = index.retriever("bm25")
        assert index.retriever("bm25") is retriever
        (found,) = retriever.retrieve([index.passages[5].text], 3, {}, Deadline())
        assert found.ordinals[0] == 5


def test_another_version(small_index: Path) -> None:
    first, second = (version.name for version in list_versions(small_index))
    with Index.open(small_index, version=first) as old, Index.open(small_index) as new:
        assert (old.version, new.version) == (first, second)
        assert old.passages.digest() != new.passages.digest()
    activate_version(small_index, first)
    with Index.open(small_index) as index:
        assert index.version == first
    assert [version.current for version in list_versions(small_index)] == [True, False]


def test_legs_that_are_not_there(small_index: Path) -> None:
    with Index.open(small_index) as index:
        with pytest.raises(IndexNotReady, match=r"without the leg 'dense'; it has bm25"):
            index.retriever("dense")
        with pytest.raises(NotFound, match="bm25"):
            index.retriever("bm52")


def test_closed_twice_and_used_after(small_index: Path) -> None:
    index = Index.open(small_index)
    index.retriever("bm25")
    index.close()
    index.close()
    with pytest.raises(IndexNotReady, match="closed"):
        index.retriever("bm25")


def test_one_retriever_for_many_threads(small_index: Path) -> None:
    with Index.open(small_index) as index:
        found = []
        threads = [threading.Thread(target=lambda: found.append(index.retriever("bm25"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len({id(retriever) for retriever in found}) == 1


def test_an_open_version_is_not_pruned(
    small_index: Path, build: Callable[..., BuildOutcome], corpus: Path
) -> None:
    first, second = (version.name for version in list_versions(small_index))
    with Index.open(small_index, version=first) as index:
        build(corpus, small_index, keep_versions=1)
        names = [version.name for version in list_versions(small_index)]
        assert first in names
        assert second not in names
        # Only opened now, long after its version went out of use.
        assert index.retriever("bm25").retrieve(["text"], 3, {}, Deadline())
    assert prune_versions(small_index, 1) == [first]


def test_pruning_spares_the_one_in_use(small_index: Path) -> None:
    first, second = (version.name for version in list_versions(small_index))
    activate_version(small_index, first)
    assert prune_versions(small_index, 1) == []
    assert [version.name for version in list_versions(small_index)] == [first, second]


def test_another_model(
    tmp_path: Path, models: ModelStore, build: Callable[..., BuildOutcome], write_kilt: Callable[..., Path]
) -> None:
    corpus = write_kilt(tmp_path / "two.jsonl", 2)
    model = models.resolve("all-MiniLM-L6-v2")
    other = tmp_path / "models"
    shutil.copytree(model.folder, other / "all-MiniLM-L6-v2", copy_function=_link)
    build(corpus, tmp_path / "index", legs=("dense",), models=models)
    with Index.open(tmp_path / "index", models=ModelStore(other)) as index:
        (found,) = index.retriever("dense").retrieve([index.passages[3].text], 3, {}, Deadline())
        assert found.ordinals[0] == 3
    # The record beside the weights is what a store goes by; a model of other weights has another one.
    for field in ("weights_hash", "tokenizer_hash"):
        for path in (other / "all-MiniLM-L6-v2").glob("*.json"):
            record = json.loads(path.read_text())
            if isinstance(record, dict) and field in record:
                record[field] = "0123456789abcdef" * 4
                path.write_text(json.dumps(record))
        with Index.open(tmp_path / "index", models=ModelStore(other)) as index:
            with pytest.raises(IndexCorrupt, match=r"all-MiniLM-L6-v2.*0123456789ab") as caught:
                index.retriever("dense")
            assert str(other) in str(caught.value)
    with (
        Index.open(tmp_path / "index", models=ModelStore(tmp_path / "none")) as index,
        pytest.raises(NotFound, match="models pull"),
    ):
        index.retriever("dense")
