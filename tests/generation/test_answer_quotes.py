"""The chain looks an answer's words up in the whole corpus, over a real index with the SEAL leg."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from skerry.core.deadline import Deadline
from skerry.core.models.store import Model, ModelStore
from skerry.core.progress import SilentProgress
from skerry.generation.answer import AnswerPipeline, AnswerRequest, References
from skerry.generation.base import Completed, Delta, Event, FinishReason, GenerationRequest, Started
from skerry.generation.citations import cite
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.reader import Index
from skerry.retrieval.pipeline import RetrievalPipeline
from skerry.retrieval.seal.quotes.opening import open_quotes

_PAGES = {
    "Skerryvore": "Skerryvore is a lighthouse off Tiree. Alan Stevenson built it; it was lit in 1844.",
    "Bell Rock": "The Bell Rock lighthouse stands on a reef. Robert Stevenson built it from 1807 on.",
    "Engineers": "Alan Stevenson was a son of Robert. Alan Stevenson built ten lights.",
}


class Saying:
    """A generator that says one thing, and cites it."""

    name = "saying"

    def __init__(self, text: str, reason: FinishReason = FinishReason.STOP) -> None:
        self._text, self._reason = text, reason

    def generate(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
        yield Started(1, 0, len(request.sources))
        yield Delta(self._text)
        yield from cite(self._text, request.sources)
        yield Completed(self._reason, self._text, 1, 0, 1)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, tiny_model: Model) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("quotes")
    corpus = folder / "corpus.jsonl"
    lines = [json.dumps({"id": title, "title": title, "text": text}) for title, text in _PAGES.items()]
    corpus.write_text("\n".join(lines) + "\n")
    seal = {"model": str(tiny_model.folder), "adapter": "none"}
    spec = BuildSpec(corpus=corpus, format="jsonl", legs=("bm25", "seal"), parameters={"seal": seal})
    models = ModelStore(folder / "models")
    build_index(spec, folder / "index", engine=SerialEngine(), models=models, progress=SilentProgress())
    with Index.open(folder / "index", models=models) as opened:
        yield opened


def _ask(index: Index, said: Saying, checked: bool = True) -> tuple[References, Completed]:
    request = AnswerRequest(
        "Who built Skerryvore off Tiree?",
        RetrievalRequest("Who built Skerryvore off Tiree?", (LegRequest("bm25"),)),
        passages=1,
    )
    with RetrievalPipeline(index) as retrieval:
        pipeline = AnswerPipeline(retrieval, None, said, open_quotes(index) if checked else None)
        events = list(pipeline.stream(request, Deadline(60)))
    first, last = events[0], events[-1]
    assert isinstance(first, References)
    assert isinstance(last, Completed)
    return first, last


def test_runs_of_the_answer_stand_in_the_corpus_or_are_unsupported(index: Index) -> None:
    text = "Alan Stevenson built it in 1844, from zyzzyva stone; Robert Stevenson built it from 1807."
    references, end = _ask(index, Saying(text))
    assert references.hits[0].hit.passage.id == "Skerryvore#0"
    assert end.quotes is not None
    assert [(q.text, q.supported, q.count) for q in end.quotes] == [
        ("Alan Stevenson built it", True, 1),
        # A citation proves it in the source that was read.
        ("in 1844", True, 1),
        ("zyzzyva stone", False, 0),
        ("Robert Stevenson built it from 1807", True, 1),
    ]
    assert [[place.passage_id for place in q.places] for q in end.quotes] == [
        ["Skerryvore#0"],
        ["Skerryvore#0"],
        [],
        ["Bell Rock#0"],
    ]
    assert 0 < end.timings["quotes"] < end.timings["total"]


def test_places_in_the_sources_come_first(index: Index) -> None:
    _, end = _ask(index, Saying("Alan Stevenson"))
    assert end.quotes is not None
    [quote] = end.quotes
    assert quote.count == 3
    assert [place.passage_id for place in quote.places] == ["Skerryvore#0", "Engineers#0"]


@pytest.mark.parametrize(
    ("said", "checked"),
    [
        (Saying("Alan Stevenson"), False),
        (Saying("It is not known.", FinishReason.ABSTAINED), True),
    ],
)
def test_not_checked_is_none(index: Index, said: Saying, checked: bool) -> None:
    _, end = _ask(index, said, checked)
    assert end.quotes is None
    assert "quotes" not in end.timings
