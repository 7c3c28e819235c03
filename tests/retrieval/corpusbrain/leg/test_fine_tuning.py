"""An index's memory is taught how questions are put."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexNotReady, InvalidInput
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress, SilentProgress
from skerry.retrieval.corpusbrain.fine_tuning import FineTuned, FineTuning
from skerry.retrieval.corpusbrain.leg import MEMORY
from skerry.retrieval.corpusbrain.memory.files import load_memory
from skerry.retrieval.corpusbrain.memory.fit import FitSettings
from skerry.retrieval.corpusbrain.memory.page_memory import PageMemory
from skerry.retrieval.corpusbrain.model.config import WEIGHTS
from skerry.retrieval.corpusbrain.training.questions import PageQuestion
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.manifest import Manifest
from skerry.retrieval.index.reader import Index

from ...seal.language_model import tiny  # noqa: TID252 -- another room's models
from .small import PAGES, Counting, network_bytes, write_corpus

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
SETTINGS = FitSettings(passes=2, batch=5)


@pytest.fixture
def tune(built: Path, open_index: Open) -> Callable[..., FineTuned]:
    """`tune(out, questions, chosen_by, tested, settings, progress)`."""

    def run(
        out: Path,
        questions: list[PageQuestion] = QUESTIONS,
        chosen_by: list[PageQuestion] = QUESTIONS,
        tested: list[PageQuestion] = QUESTIONS,
        settings: FitSettings = SETTINGS,
        progress: Progress | None = None,
    ) -> FineTuned:
        with open_index(built) as index:
            return FineTuning(index).train(
                questions, chosen_by, tested, out, settings, progress or SilentProgress()
            )

    return run


Tune = Callable[..., FineTuned]


def memory_of(folder: Path) -> PageMemory:
    with Index.open(folder) as index:
        return load_memory(index.folder_of("corpusbrain") / MEMORY)


def test_it_learns_the_questions_and_an_index_uses_it(
    tune: Tune, build: Build, built: Path, corpus: Path, tmp_path: Path, open_index: Open
) -> None:
    was = network_bytes(built)
    out = tmp_path / "tuned"
    progress = Counting()
    result = tune(out, settings=FitSettings(passes=40, batch=5, learning_rate=1e-2), progress=progress)
    assert (result.questions, result.chosen_by, result.tested) == (5, 5, 5)
    assert result.passes >= 1
    assert sum(progress.advances["questions"]) == 40 * 6
    assert result.before < result.after
    assert result.after >= 0.8
    assert network_bytes(built) == was
    build(corpus, tmp_path / "index", weights=str(out))
    with open_index(tmp_path / "index") as index:
        queries = [question.query for question in QUESTIONS]
        found = index.retriever("corpusbrain").retrieve(queries, 1, {}, Deadline())
    hits = sum(f"p{one.ordinals[0]}" in q.page_ids for one, q in zip(found, QUESTIONS, strict=True))
    assert hits >= 4
    taught, plain = memory_of(tmp_path / "index"), memory_of(built)
    np.testing.assert_array_equal(taught.keys, plain.keys)
    assert plain.asking is None and not plain.log_prior.any()
    assert taught.asking is not None


def test_without_others_to_choose_by(tune: Tune, tmp_path: Path) -> None:
    result = tune(tmp_path, chosen_by=[])
    assert (result.chosen_by, result.passes, result.strength) == (0, 1, 1.0)


def test_pages_that_nobody_asked_for_are_not_pushed_down(
    tune: Tune, build: Build, corpus: Path, tmp_path: Path
) -> None:
    """Every question is about one page: the correction takes back what the map learns of that."""
    asked = [PageQuestion(f"{word} its head", ("p0",)) for word in ("why", "how", "where", "when")] * 5
    tune(tmp_path / "tuned", asked, [], [], FitSettings(passes=1, batch=5, learning_rate=0.01))
    build(corpus, tmp_path / "index", weights=str(tmp_path / "tuned"))
    taught = memory_of(tmp_path / "index")
    uncorrected = replace(taught, log_prior=np.zeros_like(taught.log_prior))
    vectors = taught.keys[taught.starts]
    rows = np.arange(1, len(PAGES))
    without, with_it = (each.log_probs(vectors)[rows, rows] for each in (uncorrected, taught))
    assert (with_it > without).all()
    assert taught.log_prior[0] == taught.log_prior.max()


def test_pages_that_come_later_have_a_prior_too(
    tune: Tune, build: Build, corpus: Path, tmp_path: Path
) -> None:
    tune(tmp_path / "tuned", chosen_by=[])
    out = tmp_path / "index"
    build(corpus, out, weights=str(tmp_path / "tuned"))
    first = memory_of(out)
    barley = ("Barley", "A grain of the islands is sown in spring.")
    build(write_corpus(tmp_path / "grown.jsonl", [*PAGES, barley]), out, start="current")
    again = memory_of(out)
    assert first.asking is not None and again.asking is not None
    np.testing.assert_array_equal(again.asking.weight, first.asking.weight)
    np.testing.assert_array_equal(again.asking.asked, first.asking.asked)
    assert len(again.log_prior) == len(first.log_prior) + 1
    plain = PageMemory.of(again.keys, again.starts)
    np.testing.assert_allclose(again.log_prior, plain.taught(again.asking).log_prior, rtol=0.05)
    assert np.isfinite(again.log_prior).all() and again.log_prior[-1] < 0


def test_other_pages_are_left_out(tune: Tune, tmp_path: Path) -> None:
    plain = tune(tmp_path / "plain", tested=[])
    assert plain == tune(tmp_path / "again", tested=[])
    assert (tmp_path / "again" / WEIGHTS).read_bytes() == (tmp_path / "plain" / WEIGHTS).read_bytes()
    assert (plain.tested, plain.before, plain.after) == (0, 0.0, 0.0)
    mixed = [*STRANGE, *QUESTIONS[:-1], PageQuestion(QUESTIONS[-1].query, ("p99", "p5", "p0"))]
    assert tune(tmp_path / "mixed", mixed, [*QUESTIONS, *STRANGE], STRANGE) == plain
    assert (tmp_path / "mixed" / WEIGHTS).read_bytes() == (tmp_path / "plain" / WEIGHTS).read_bytes()
    assert tune(tmp_path / "tested", tested=[*QUESTIONS[:2], *STRANGE]).tested == 2
    with pytest.raises(InvalidInput, match="None of 2 questions is about a page of"):
        tune(tmp_path / "none", STRANGE)
    assert not (tmp_path / "none").exists()


def test_a_corpus_of_one_page(build: Build, tmp_path: Path, open_index: Open) -> None:
    build(write_corpus(tmp_path / "one.jsonl", [("Owl", "The owl hunts mice at night.")]), tmp_path / "one")
    with open_index(tmp_path / "one") as index:
        result = FineTuning(index).train(
            QUESTIONS, QUESTIONS, QUESTIONS, tmp_path / "out", SETTINGS, SilentProgress()
        )
    assert (result.questions, result.chosen_by, result.tested) == (2, 2, 2)
    assert (result.before, result.after) == (1, 1)


def test_indexes_without_a_memory(
    build: Build, corpus: Path, tmp_path: Path, store: ModelStore, open_index: Open
) -> None:
    bart = str(tiny.write("bart", tmp_path / "bart"))
    build(corpus, tmp_path / "bart-index", model=bart, weights="none")
    build(corpus, tmp_path / "decoder-index", memory=0)
    for name in ("bart-index", "decoder-index"):
        with (
            open_index(tmp_path / name) as index,
            pytest.raises(InvalidInput, match=f"{name} has no page memory"),
        ):
            FineTuning(index)
    spec = BuildSpec(corpus, "jsonl", legs=("bm25",))
    build_index(spec, tmp_path / "bm25", engine=SerialEngine(), models=store, progress=SilentProgress())
    with (
        open_index(tmp_path / "bm25") as index,
        pytest.raises(IndexNotReady, match="without the leg 'corpusbrain'"),
    ):
        FineTuning(index)
