"""The chain: references first, then the answer; reasons when there is none; deadlines and bad input."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, InvalidInput, NotFound
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.generation.answer import AnswerPipeline, AnswerRequest, References
from skerry.generation.base import (
    Citation,
    Completed,
    Delta,
    Event,
    FinishReason,
    GenerationRequest,
    Started,
)
from skerry.generation.beams import BeamPlan
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import ContextPlan
from skerry.ranking.base import RankRequest, RankScores
from skerry.ranking.cascade import Cascade
from skerry.ranking.plan import RankPlan
from skerry.ranking.ranked import Reading, StoppedBy
from skerry.retrieval.base import LegRequest, RetrievalChain, RetrievalRequest
from skerry.retrieval.pipeline import RetrievalPipeline

_PAGES = {
    "Skerryvore": "Skerryvore is a lighthouse off Tiree. Alan Stevenson built it; it was lit in 1844.",
    "Bell Rock": "The Bell Rock lighthouse stands on a reef. Robert Stevenson built it from 1807 on.",
    "Heather": "Heather is a low shrub of moors and acid soils, with purple flowers late in summer.",
    "Harbour seal": "The harbour seal hauls out on skerries and sandbanks and eats fish and squid.",
}


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RetrievalChain]:
    """A real BM25 index of four pages."""
    import json

    from skerry.retrieval.index.build import build_index
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.index.spec import BuildSpec
    from skerry.services.indexing.local import LocalEngine

    folder = tmp_path_factory.mktemp("index")
    corpus = folder / "corpus.jsonl"
    lines = [json.dumps({"id": title, "title": title, "text": text}) for title, text in _PAGES.items()]
    corpus.write_text("\n".join(lines) + "\n")
    spec = BuildSpec(corpus=corpus, format="jsonl", legs=("bm25",))
    build_index(
        spec, folder / "index", engine=LocalEngine(workers=1), models=ModelStore(), progress=SilentProgress()
    )
    with Index.open(folder / "index") as index, RetrievalPipeline(index) as pipeline:
        yield pipeline


class WordRanker:
    """Probability: the share of the question's words that the passage has. Enough to order four passages."""

    name = "words"

    def score(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[RankScores]:
        deadline.check("ranking")
        results = []
        for request in requests:
            asked = set(request.query.lower().strip("?").split())
            shares = [
                len(asked & set(candidate.text.lower().replace(".", "").split())) / len(asked)
                for candidate in request.candidates
            ]
            scores = np.array(shares, np.float32)
            results.append(RankScores(raw=scores, calibrated=scores))
        return results


QUESTION = "Who built the Bell Rock lighthouse?"


def _request(question: str = QUESTION, **fields: object) -> AnswerRequest:
    retrieval = RetrievalRequest(question, (LegRequest("bm25"),), limit=10)
    return AnswerRequest(question, retrieval, **{"max_tokens": 12, **fields})  # type: ignore[arg-type]


def _run(pipeline: AnswerPipeline, request: AnswerRequest) -> list[References | Event]:
    return list(pipeline.stream(request, Deadline(120)))


def _ends(events: list[References | Event]) -> tuple[References, Completed]:
    first, last = events[0], events[-1]
    assert isinstance(first, References)
    assert isinstance(last, Completed)
    return first, last


@pytest.fixture
def pipeline(retrieval: RetrievalChain, tiny_generator: TransformersGenerator) -> AnswerPipeline:
    return AnswerPipeline(retrieval, Cascade.of(WordRanker()), tiny_generator)


def test_references_come_first_then_the_generators_events(pipeline: AnswerPipeline) -> None:
    events = _run(pipeline, _request(passages=1))
    references, done = _ends(events)
    assert references.hits[0].hit.passage.title == "Bell Rock"
    assert references.given == 1
    assert len(references.hits) >= 2
    assert isinstance(events[1], Started)
    assert events[1].sources == 1
    assert "".join(event.text for event in events if isinstance(event, Delta)) == done.text
    assert {
        "retrieve",
        "retrieve.bm25",
        "rank",
        "generate",
        "generate.prefill",
        "total",
    } <= done.timings.keys()
    assert done.timings["total"] >= done.timings["retrieve"] + done.timings["rank"]


def test_beams_reach_the_generator(pipeline: AnswerPipeline) -> None:
    _, done = _ends(_run(pipeline, _request(beams=BeamPlan(4, 4, 2.0, 3))))
    assert len(done.alternatives) == 2
    for change, field in (
        ({"beams": BeamPlan(4, 3)}, "beam_groups"),
        ({"beams": BeamPlan(4), "temperature": 1.0}, "temperature"),
        ({"beams": BeamPlan(4), "context": ContextPlan(selector="sentence")}, "selector"),
    ):
        with pytest.raises(InvalidInput) as caught:  # at the call, before anything is retrieved
            pipeline.stream(_request(**change), Deadline(60))
        assert caught.value.details["field"] == field


def test_the_ranker_decides_the_order_and_the_sources(pipeline: AnswerPipeline) -> None:
    references, _ = _ends(_run(pipeline, _request()))
    scores = [ranked.score for ranked in references.hits]
    assert scores == sorted(scores, reverse=True)
    assert references.given == len(references.hits) <= 5


def test_the_request_says_who_ranks_and_how_far(
    retrieval: RetrievalChain, tiny_generator: TransformersGenerator
) -> None:
    class Backwards(WordRanker):
        name = "backwards"

        def score(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[RankScores]:
            return [RankScores(-s.raw, 1 - s.calibrated) for s in super().score(requests, deadline)]

    pipeline = AnswerPipeline(retrieval, Cascade.of(WordRanker(), Backwards()), tiny_generator)
    usual, _ = _ends(_run(pipeline, _request()))
    assert usual.reading == Reading("words", "", len(usual.hits), StoppedBy.DEPTH)
    assert all(ranked.explanation is None for ranked in usual.hits)
    plan = RankPlan(ranker="words", cheap="backwards", strong_depth=1, explain=True)
    cascaded, _ = _ends(_run(pipeline, _request(ranking=plan)))
    assert cascaded.reading == Reading("words", "backwards", 1, StoppedBy.DEPTH)
    assert cascaded.hits[0].hit == usual.hits[-1].hit
    explanation = cascaded.hits[0].explanation
    assert explanation is not None and explanation.after == 1
    assert [score.ranker for score in explanation.scores] == ["backwards", "words"]
    with pytest.raises(NotFound, match="there are backwards, words"):
        _run(pipeline, _request(ranking=RankPlan(ranker="sentences")))


def test_a_ranker_without_time_leaves_retrievals_order_and_judges_nothing(
    retrieval: RetrievalChain, tiny_generator: TransformersGenerator
) -> None:
    class Slow(WordRanker):
        def score(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[RankScores]:
            while True:
                deadline.check("ranking")
                time.sleep(0.005)

    pipeline = AnswerPipeline(retrieval, Cascade.of(Slow()), tiny_generator)
    request = _request(ranking=RankPlan(reserve=0.99))
    references, done = _ends(list(pipeline.stream(request, Deadline(20))))
    assert references.reading == Reading("words", "", 0, StoppedBy.DEADLINE)
    scores = [ranked.hit.score for ranked in references.hits]
    assert scores == sorted(scores, reverse=True) and len(scores) > 1
    assert done.reason is not FinishReason.ABSTAINED or "time" not in done.abstention
    judged = replace(request, min_confidence=0.5)
    _, done = _ends(list(pipeline.stream(judged, Deadline(20))))
    assert done.reason is FinishReason.ABSTAINED
    assert done.abstention.startswith("There was no time to judge a passage")


def test_without_a_ranker_the_order_is_retrievals(
    retrieval: RetrievalChain, tiny_generator: TransformersGenerator
) -> None:
    references, done = _ends(_run(AnswerPipeline(retrieval, None, tiny_generator), _request()))
    [result] = retrieval.retrieve([_request().retrieval], Deadline(60))
    assert [ranked.hit for ranked in references.hits] == list(result.hits)
    assert all(math.isnan(ranked.calibrated) for ranked in references.hits)
    assert done.prompt_tokens > 0


def test_citations_name_passages_of_the_references(pipeline: AnswerPipeline) -> None:
    events = _run(pipeline, _request(max_tokens=60, temperature=1.0, seed=5))
    references, done = _ends(events)
    texts = {ranked.hit.passage.id: ranked.hit.passage.text for ranked in references.hits}
    for event in events:
        if isinstance(event, Citation):
            assert event.quote == texts[event.source_id][event.source_start : event.source_end]
            assert 0 <= event.answer_start < event.answer_end <= len(done.text)


def test_nothing_found_abstains_without_generating(pipeline: AnswerPipeline) -> None:
    events = _run(pipeline, _request("zzyzx qwrtp"))
    references, done = _ends(events)
    assert len(events) == 2
    assert references == References((), 0)
    assert done.reason is FinishReason.ABSTAINED
    assert "No passage" in done.abstention
    assert done.text == ""


def test_weak_evidence_abstains_with_the_references_and_a_reason(pipeline: AnswerPipeline) -> None:
    events = _run(pipeline, _request(min_confidence=0.99))
    references, done = _ends(events)
    assert len(events) == 2
    assert references.hits
    assert done.reason is FinishReason.ABSTAINED
    assert "probability" in done.abstention
    _, answered = _ends(_run(pipeline, _request(min_confidence=0.1)))
    assert "probability" not in answered.abstention


def test_a_model_that_does_not_know_abstains(
    retrieval: RetrievalChain, tiny_generator: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from skerry.generation.model import Run

    loaded = tiny_generator._get()
    said = [*loaded.tokenizer("I don't know.", add_special_tokens=False).input_ids, 2]

    def step(self: Run, tokens: Sequence[int]) -> object:
        import torch

        self.said = getattr(self, "said", -1) + 1  # type: ignore[attr-defined]
        return torch.nn.functional.one_hot(torch.tensor(said[self.said]), 400).float()  # type: ignore[attr-defined]

    def prefill(self: Run, tokens: Sequence[int], deadline: Deadline) -> object:
        self.said = -1  # type: ignore[attr-defined]
        return step(self, tokens)

    monkeypatch.setattr(Run, "prefill", prefill)
    monkeypatch.setattr(Run, "step", step)
    _, done = _ends(_run(AnswerPipeline(retrieval, None, tiny_generator), _request(max_tokens=40)))
    assert done.text == "I don't know."
    assert done.reason is FinishReason.ABSTAINED
    assert "does not answer" in done.abstention or "do not answer" in done.abstention


_BAD = [
    {"question": ""},
    {"question": "\t "},
    {"question": "x" * 70_000},
    {"passages": 0},
    {"passages": 65},
    {"ranking": RankPlan(depth=0)},
    {"ranking": RankPlan(margin=math.nan)},
    {"max_tokens": 0},
    {"max_tokens": 5000},
    {"temperature": math.nan},
    {"temperature": 2.5},
    {"min_confidence": math.nan},
    {"min_confidence": 1.5},
    {"seed": -1},
    {"stop": ("",)},
]


@pytest.mark.parametrize("change", _BAD, ids=lambda change: repr(change)[:40])
def test_bad_input_is_refused_at_the_call(pipeline: AnswerPipeline, change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        pipeline.stream(replace(_request(), **change), Deadline(60))  # type: ignore[arg-type]
    assert caught.value.details["field"] in change or isinstance(change.get("ranking"), RankPlan)


def test_confidence_without_a_ranker_is_refused(
    retrieval: RetrievalChain, tiny_generator: TransformersGenerator
) -> None:
    with pytest.raises(InvalidInput, match="no ranker"):
        AnswerPipeline(retrieval, None, tiny_generator).stream(_request(min_confidence=0.5), Deadline(60))


def test_an_unknown_leg_is_named(pipeline: AnswerPipeline) -> None:
    request = _request()
    wrong = replace(request, retrieval=replace(request.retrieval, legs=(LegRequest("bm52"),)))
    with pytest.raises(NotFound, match="bm25"):
        _run(pipeline, wrong)


def test_the_deadline_is_passed_to_every_stage(
    retrieval: RetrievalChain, tiny_generator: TransformersGenerator
) -> None:
    seen = []

    class Watching:
        name = "watching"

        def generate(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
            seen.append(deadline)
            return tiny_generator.generate(request, deadline)

    deadline = Deadline(60)
    list(AnswerPipeline(retrieval, None, Watching()).stream(_request(), deadline))
    assert seen == [deadline]
    with pytest.raises(DeadlineExceeded):
        list(
            AnswerPipeline(retrieval, Cascade.of(WordRanker()), tiny_generator).stream(
                _request(), Deadline(0)
            )
        )


def test_a_caller_who_goes_away_after_the_references_costs_no_generation(pipeline: AnswerPipeline) -> None:
    deadline = Deadline(60)
    stream = pipeline.stream(_request(), deadline)
    assert isinstance(next(stream), References)
    deadline.cancel()
    with pytest.raises(Cancelled):
        list(stream)


@pytest.mark.models
def test_the_real_model_answers_from_a_real_index(
    retrieval: RetrievalChain, smol_model: object, tmp_path: Path
) -> None:
    generator = TransformersGenerator(smol_model)  # type: ignore[arg-type]
    pipeline = AnswerPipeline(retrieval, Cascade.of(WordRanker()), generator)
    events = _run(pipeline, _request("When was Skerryvore lit?", passages=1, max_tokens=32))
    _, done = _ends(events)
    assert "1844" in done.text
    assert any("1844" in event.quote for event in events if isinstance(event, Citation))
