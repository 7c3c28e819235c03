"""What is learnt when an index is built, and when there is nothing to learn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from skerry.core.deadline import Deadline
from skerry.retrieval.corpusbrain import learning
from skerry.retrieval.corpusbrain.learning import REPORT, corpus_pairs
from skerry.retrieval.index.manifest import Manifest
from skerry.retrieval.index.reader import Index

from .small import PAGES, Counting, Killed, network_bytes, write_corpus

Build = Callable[..., Manifest]
Open = Callable[[Path], Index]


def test_pairs_are_those_of_the_objectives(build: Build, tmp_path: Path) -> None:
    pages = [
        ("Barn owl", "It hunts mice at night. Its eyes are fixed, so it turns its head far round."),
        ("Sea otter", "It swims along the shore. No Barn owl has seen it hunt crabs at night."),
    ]
    build(write_corpus(tmp_path / "corpus.jsonl", pages), tmp_path / "index", epochs=1)
    with Index.open(tmp_path / "index") as index:
        passages = index.passages
        alone = {name: corpus_pairs(passages, name, 4) for name in ("iss", "lps", "hip")}
        assert corpus_pairs(passages, "iss,lps,hip", 4) == [*alone["iss"], *alone["lps"], *alone["hip"]]
        assert corpus_pairs(passages, "hip,iss", 4) == [*alone["hip"], *alone["iss"]]
        assert corpus_pairs(passages, "iss", 5) != alone["iss"]
        assert {pair.pages for name in ("iss", "lps") for pair in alone[name]} == {(0,), (1,)}
        assert {pair.pages for pair in alone["hip"]} == {(0,)}


def test_what_came_of_it_stands_in_the_index(build: Build, corpus: Path, tmp_path: Path) -> None:
    progress = Counting()
    build(corpus, tmp_path / "index", progress)
    with Index.open(tmp_path / "index") as index:
        report = json.loads((index.folder_of("corpusbrain") / REPORT).read_text())
        pairs = len(corpus_pairs(index.passages, "iss,lps,hip", 0))
    assert report["pairs"] == pairs - pairs // 20
    assert report["steps"] == sum(progress.advances["training"])
    assert report["before"] > 0
    assert report["after"] > 0
    assert report["after"] != report["before"]


def test_a_corpus_of_one_page_then_of_more(
    build: Build, corpus: Path, tmp_path: Path, open_index: Open
) -> None:
    """Nothing is to be chosen, so nothing is learnt, not even where the page has no sentence."""
    out = tmp_path / "index"
    progress = Counting()
    build(write_corpus(tmp_path / "one.jsonl", [("Owl", "An owl.")]), out, progress)
    assert "training" not in progress.advances
    with open_index(out) as index:
        report = json.loads((index.folder_of("corpusbrain") / REPORT).read_text())
        assert report == {"pairs": 0, "steps": 0, "before": None, "after": None}
        [found] = index.retriever("corpusbrain").retrieve(["owl"], 5, {}, Deadline())
        assert found.ordinals.tolist() == [0]
    build(corpus, out, progress, start="current")
    assert sum(progress.advances["training"]) > 0


def test_a_new_page_without_a_text_to_learn_from(
    build: Build, corpus: Path, tmp_path: Path, open_index: Open
) -> None:
    out = tmp_path / "index"
    build(corpus, out)
    before = network_bytes(out)
    progress = Counting()
    grown = write_corpus(tmp_path / "grown.jsonl", [*PAGES, ("Barley", "A grain.")])
    build(grown, out, progress, start="current")
    assert "training" not in progress.advances
    assert network_bytes(out) == before
    with open_index(out) as index:
        [found] = index.retriever("corpusbrain").retrieve(["grain"], 20, {}, Deadline())
        assert len(PAGES) in found.ordinals.tolist()


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with pytest.raises(Killed), learning._threads(before + 2):
        assert torch.get_num_threads() == before + 2
        raise Killed
    assert torch.get_num_threads() == before
