"""Distillation: nothing to learn from oneself, no gradient for the teacher; texts of other domains."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch

from skerry.core.errors import InvalidInput, NotFound
from skerry.core.progress import SilentProgress
from skerry.retrieval.embedding.training import texts as texts_module
from skerry.retrieval.embedding.training.distil import distil, stretch
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.scores import Scores
from skerry.retrieval.embedding.training.texts import CutText, read_texts


def scores(seed: int) -> Scores:
    generator = torch.Generator().manual_seed(seed)
    states = [torch.randn(3, 8, generator=generator).requires_grad_() for _ in range(2)]
    return Scores(states, states, 5.0, torch.eye(3, dtype=torch.bool))


def test_the_mean_over_the_pairs_and_no_gradient_for_the_teacher() -> None:
    student, teacher = scores(0), scores(1)
    pairs = [(1, 4), (2, 8)]
    loss = distil(student, teacher.whole(), pairs)
    by_hand = [float(score_kl(student(*pair), teacher.whole()).detach()) for pair in pairs]
    assert float(loss.detach()) == pytest.approx(sum(by_hand) / 2)
    loss.backward()  # type: ignore[no-untyped-call]
    assert all(state.grad is None for state in teacher.left)
    assert all(state.grad is not None for state in student.left)


def test_there_is_nothing_to_learn_from_oneself() -> None:
    student = scores(0)
    loss = distil(student, student.whole(), [(2, 8)])
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)


def test_stretches_are_runs_of_words() -> None:
    text = " ".join(f"w{n}" for n in range(40))
    rng = random.Random(0)
    lengths = set()
    for _ in range(200):
        run = stretch(text, rng)
        assert run in text
        lengths.add(len(run.split()))
    assert lengths == set(range(4, 17))
    assert stretch("two words", rng) == "two words"
    assert stretch("", rng) == ""


def write_corpus(path: Path, pages: int) -> Path:
    lines = [{"id": str(n), "title": f"T{n}", "text": f"Text number {n}."} for n in range(pages)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_texts_are_passages_as_the_encoder_reads_them(tmp_path: Path) -> None:
    path = write_corpus(tmp_path / "corpus.jsonl", 3)
    found = read_texts("jsonl", path, 0, SilentProgress())
    assert found == [CutText(f"T{n}. Text number {n}.", len(f"T{n}. ")) for n in range(3)]


def test_of_a_large_corpus_some_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_corpus(tmp_path / "corpus.jsonl", 60)
    monkeypatch.setattr(texts_module, "MOST", 5)
    found = read_texts("jsonl", path, 0, SilentProgress())
    assert len(set(found)) == 5
    assert any(one.text not in [f"T{n}. Text number {n}." for n in range(5)] for one in found)
    assert read_texts("jsonl", path, 0, SilentProgress()) == found
    assert read_texts("jsonl", path, 1, SilentProgress()) != found


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="corpus format"):
        read_texts("docx", tmp_path, 0, SilentProgress())
    with pytest.raises(NotFound, match="no-such"):
        read_texts("kilt", tmp_path / "no-such", 0, SilentProgress())
    with pytest.raises(InvalidInput):
        read_texts("beir", tmp_path, 0, SilentProgress())
