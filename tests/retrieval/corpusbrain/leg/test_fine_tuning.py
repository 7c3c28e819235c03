"""An index's title model learns from questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexNotReady, InvalidInput
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress, SilentProgress
from skerry.retrieval.corpusbrain.fine_tuning import FineTuned, FineTuning
from skerry.retrieval.corpusbrain.learning import corpus_pairs
from skerry.retrieval.corpusbrain.model.config import WEIGHTS
from skerry.retrieval.corpusbrain.training.questions import PageQuestion
from skerry.retrieval.corpusbrain.training.settings import Settings
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.manifest import Manifest
from skerry.retrieval.index.reader import Index

from ...seal.language_model import tiny  # noqa: TID252 -- another room's models
from .small import Counting, Killed, network_bytes, write_corpus

Build = Callable[..., Manifest]
Open = Callable[[Path], Index]

QUESTIONS = [
    PageQuestion("why does it turn its head", ("p0",)),
    PageQuestion("where does the eels hunter live", ("p1",)),
    PageQuestion("has a planet no moon", ("p2",)),
    PageQuestion("is a metal of thermometers liquid", ("p3",)),
    PageQuestion("when drops fall where is it", ("p5", "p0")),
]
STRANGE = [PageQuestion("of another corpus", ("p99",)), PageQuestion("of none", ())]
SETTINGS = Settings(batch=5, epochs=2, checkpoint_every=2)


@pytest.fixture
def tune(built: Path, open_index: Open) -> Callable[..., FineTuned]:
    """`tune(out, questions, tested, settings, rehearsal, progress)`."""

    def run(
        out: Path,
        questions: list[PageQuestion] = QUESTIONS,
        tested: list[PageQuestion] = QUESTIONS,
        settings: Settings = SETTINGS,
        rehearsal: float = 1.0,
        progress: Progress | None = None,
    ) -> FineTuned:
        with open_index(built) as index:
            return FineTuning(index).train(
                questions, tested, out, settings, rehearsal, progress or SilentProgress()
            )

    return run


Tune = Callable[..., FineTuned]


def test_it_learns_the_questions_and_an_index_uses_it(
    tune: Tune, build: Build, built: Path, corpus: Path, tmp_path: Path, open_index: Open
) -> None:
    was = network_bytes(built)
    out = tmp_path / "tuned"
    settings = Settings(batch=10, epochs=80, learning_rate=1e-2, label_smoothing=0.0)
    result = tune(out, settings=settings)
    assert (result.questions, result.texts, result.tested) == (5, 5, 5)
    assert result.report.pairs == 10
    assert result.before < 0.7
    assert result.after >= 0.9
    assert network_bytes(built) == was
    build(corpus, tmp_path / "index", weights=str(out))
    with open_index(tmp_path / "index") as index:
        queries = [question.query for question in QUESTIONS]
        found = index.retriever("corpusbrain").retrieve(queries, 1, {}, Deadline())
    hits = sum(f"p{one.ordinals[0]}" in q.page_ids for one, q in zip(found, QUESTIONS, strict=True))
    assert hits >= 4


@pytest.mark.parametrize(("rehearsal", "texts"), [(0.0, 0), (0.5, 2), (100.0, None)])
def test_texts_of_the_corpus(
    tune: Tune, built: Path, tmp_path: Path, rehearsal: float, texts: int | None
) -> None:
    if texts is None:
        with Index.open(built) as index:
            texts = len(corpus_pairs(index.passages, "iss,lps,hip", SETTINGS.seed))
    result = tune(tmp_path, rehearsal=rehearsal)
    assert (result.questions, result.texts) == (5, texts)


def test_other_pages_are_left_out(tune: Tune, tmp_path: Path) -> None:
    plain = tune(tmp_path / "plain", tested=[])
    assert (plain.tested, plain.before, plain.after) == (0, 0.0, 0.0)
    mixed = [*STRANGE, *QUESTIONS[:-1], PageQuestion(QUESTIONS[-1].query, ("p99", "p5", "p0"))]
    assert tune(tmp_path / "mixed", mixed, STRANGE) == plain
    assert (tmp_path / "mixed" / WEIGHTS).read_bytes() == (tmp_path / "plain" / WEIGHTS).read_bytes()
    assert tune(tmp_path / "tested", tested=[*QUESTIONS[:2], *STRANGE]).tested == 2
    with pytest.raises(InvalidInput, match="None of 2 questions is about a page of"):
        tune(tmp_path / "none", STRANGE)
    assert not (tmp_path / "none").exists()


def test_killed_it_goes_on(tune: Tune, tmp_path: Path) -> None:
    whole = tune(tmp_path / "whole")
    with pytest.raises(Killed):
        tune(tmp_path / "cut", progress=Counting(("training", 4)))
    assert tune(tmp_path / "cut") == whole
    assert (tmp_path / "cut" / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()


def test_a_corpus_of_one_page(build: Build, tmp_path: Path, open_index: Open) -> None:
    build(write_corpus(tmp_path / "one.jsonl", [("Owl", "The owl hunts mice at night.")]), tmp_path / "one")
    with open_index(tmp_path / "one") as index:
        result = FineTuning(index).train(
            QUESTIONS, QUESTIONS, tmp_path / "out", SETTINGS, 1.0, SilentProgress()
        )
    assert (result.questions, result.tested, result.report.steps) == (2, 2, 0)
    assert (result.before, result.after) == (1, 1)


def test_indexes_without_a_model_to_train(
    build: Build, corpus: Path, tmp_path: Path, store: ModelStore, open_index: Open
) -> None:
    bart = str(tiny.write("bart", tmp_path / "bart"))
    build(corpus, tmp_path / "bart-index", model=bart, weights="none")
    with (
        open_index(tmp_path / "bart-index") as index,
        pytest.raises(InvalidInput, match="bart-index is a sequence-to-sequence one"),
    ):
        FineTuning(index)
    spec = BuildSpec(corpus, "jsonl", legs=("bm25",))
    build_index(spec, tmp_path / "bm25", engine=SerialEngine(), models=store, progress=SilentProgress())
    with (
        open_index(tmp_path / "bm25") as index,
        pytest.raises(IndexNotReady, match="without the leg 'corpusbrain'"),
    ):
        FineTuning(index)
