"""Quotes over the wire: a real server over an index with the SEAL leg, and one without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.generation.answer import AnswerRequest
from skerry.generation.base import Completed
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.services.client import Client

pytestmark = pytest.mark.models

KEEPER = "Who was the keeper of the Skerry lighthouse?"
REQUEST = AnswerRequest(KEEPER, RetrievalRequest(KEEPER, (LegRequest("bm25"),)), passages=1, max_tokens=24)


@pytest.fixture(scope="module")
def index(models: ModelStore, corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("quotes") / "index"
    spec = BuildSpec(corpus=corpus_file, format="jsonl", legs=("bm25", "seal"))
    build_index(spec, out, engine=SerialEngine(), models=models, progress=SilentProgress())
    return out


def test_an_answer_says_where_its_words_stand(start: Any, index: Path) -> None:
    server = start("all", f"--index={index}")
    with Client(server.address, deadline=120) as client:
        answer = client.answer(REQUEST)
        assert "Maren Holt" in answer.text
        assert answer.quotes
        named = [quote for quote in answer.quotes if "Maren Holt" in quote.text]
        assert all(quote.supported and quote.count == 1 for quote in named)
        texts = {item.hit.passage.id: item.hit.passage.text for item in answer.hits}
        for quote in named:
            assert answer.text[quote.start : quote.end] == quote.text
            [place] = quote.places
            assert texts[place.passage_id][place.start : place.end] == place.quote
        *_, end = client.stream_answer(REQUEST)
        assert isinstance(end, Completed)
        assert end.quotes == answer.quotes


def test_without_the_leg_nothing_is_checked(start: Any, models: ModelStore, bm25_index: Path) -> None:
    server = start("all", f"--index={bm25_index}")
    with Client(server.address, deadline=120) as client:
        answer = client.answer(REQUEST)
    assert answer.text
    assert answer.quotes is None
