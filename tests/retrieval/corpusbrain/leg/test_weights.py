"""Weights that are given: a trained network's, or a sequence-to-sequence model's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput, NotFound
from skerry.retrieval.corpusbrain.start import NETWORK
from skerry.retrieval.index.manifest import Manifest
from skerry.retrieval.index.reader import Index

from ...seal.language_model import tiny  # noqa: TID252 -- another room's models
from .small import PAGES, Counting

Build = Callable[..., Manifest]
Open = Callable[[Path], Index]


def test_of_a_folder(build: Build, corpus: Path, built: Path, tmp_path: Path, open_index: Open) -> None:
    weights = tmp_path / "weights"
    with open_index(built) as index:
        shutil.copytree(index.folder_of("corpusbrain") / NETWORK, weights)
        [expected] = index.retriever("corpusbrain").retrieve(["owl"], 9, {}, Deadline())
    progress = Counting()
    out = tmp_path / "index"
    first = build(corpus, out, progress, legs=("bm25", "corpusbrain"), weights=str(weights))
    assert "training" not in progress.advances
    with open_index(out) as index:
        [found] = index.retriever("corpusbrain").retrieve(["owl"], 9, {}, Deadline())
    assert found.scores.tolist() == expected.scores.tolist()
    shutil.rmtree(weights)
    build(corpus, tmp_path / "other", seed=8)
    with open_index(tmp_path / "other") as index:
        shutil.copytree(index.folder_of("corpusbrain") / NETWORK, weights)
    second = build(corpus, out, legs=("bm25", "corpusbrain"), weights=str(weights))
    assert second.result_hash != first.result_hash


def test_of_no_folder(build: Build, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no title model in .*nowhere.*skerry train corpusbrain"):
        build(corpus, tmp_path / "index", weights=str(tmp_path / "nowhere"))


def test_an_encoder_cannot_do_without(build: Build, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is an encoder, which must learn"):
        build(corpus, tmp_path / "index", weights="none")


def test_a_sequence_to_sequence_model_has_its_own(
    build: Build, corpus: Path, tmp_path: Path, open_index: Open
) -> None:
    bart = str(tiny.write("bart", tmp_path / "bart"))
    with pytest.raises(InvalidInput, match=r"is a sequence-to-sequence model.*corpusbrain\.weights=none"):
        build(corpus, tmp_path / "index", model=bart)
    build(corpus, tmp_path / "index", model=bart, weights="none")
    with open_index(tmp_path / "index") as index:
        [found] = index.retriever("corpusbrain").retrieve(["owl"], 9, {"beams": 7}, Deadline())
    assert set(found.ordinals.tolist()) <= set(range(len(PAGES)))
    assert len(found.ordinals) > 0
