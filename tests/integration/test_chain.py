"""The whole chain with real models: in one process, spread over four, and with clients that go away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skerry.core.errors import (
    BackendUnavailable,
    Cancelled,
    DeadlineExceeded,
    IndexNotReady,
    InvalidInput,
    SkerryError,
)
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.generation.answer import AnswerRequest, References
from skerry.generation.base import Citation, Completed, Delta, GenerationRequest, Source, Started
from skerry.generation.beams import BeamPlan
from skerry.ranking import load_ranker
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.plan import RankPlan
from skerry.retrieval.base import LegRequest, Option, RetrievalRequest
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.services.client import AsyncClient, Client

pytestmark = pytest.mark.models

BOTH = (LegRequest("bm25"), LegRequest("dense"))
KEEPER = "Who was the keeper of the Skerry lighthouse?"


@pytest.fixture(scope="module")
def index(models: ModelStore, corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("chain") / "index"
    spec = BuildSpec(corpus=corpus_file, format="jsonl", legs=("bm25", "dense"))
    build_index(spec, out, engine=SerialEngine(), models=models, progress=SilentProgress())
    return out


@pytest.fixture(scope="module")
def ranker(models: ModelStore) -> None:
    """Skips where the ranker's weights have not been trained yet."""
    try:
        load_ranker("cross-encoder", models)
    except SkerryError as error:
        pytest.skip(f"no ranker: {error}")


@pytest.fixture(scope="module")
def server(start: Any, index: Path) -> Any:
    return start("all", f"--index={index}", "--log-format=json")


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with Client(server.address, deadline=120) as client:
        yield client


def asked(**knobs: Any) -> AnswerRequest:
    return AnswerRequest(KEEPER, RetrievalRequest(KEEPER, BOTH), **{"passages": 2, "max_tokens": 24, **knobs})


def check_answer(events: list[Any]) -> None:
    first, started, *rest, last = events
    assert isinstance(first, References)
    assert isinstance(started, Started)
    assert isinstance(last, Completed)
    assert first.hits[0].hit.passage.page_id == "lighthouses"
    assert "".join(event.text for event in rest if isinstance(event, Delta)) == last.text
    assert "Maren Holt" in last.text
    texts = {item.hit.passage.id: item.hit.passage.text for item in first.hits}
    cited = [event for event in rest if isinstance(event, Citation)]
    assert cited
    for citation in cited:
        assert texts[citation.source_id][citation.source_start : citation.source_end] == citation.quote
    assert {"retrieve", "rank", "generate", "total"} <= set(last.timings)


def test_answer_streams_with_proven_citations(client: Client) -> None:
    check_answer(list(client.stream_answer(asked())))


def test_answer_in_one_response(client: Client) -> None:
    answer = client.answer(asked())
    assert "Maren Holt" in answer.text
    assert answer.citations
    assert answer.hits[0].hit.passage.page_id == "lighthouses"
    legs = {score.leg for score in answer.hits[0].hit.legs}
    assert legs == {"bm25", "dense"}
    again = client.answer(asked())
    assert again.text == answer.text
    assert {part.tier for part in again.reuse} == {"memory"}
    assert again.no_reuse == ""


def test_several_answers(client: Client) -> None:
    wanted = asked(beams=BeamPlan(4, 4, answers=3))
    answer = client.answer(wanted)
    assert len(answer.alternatives) == 2
    assert answer.completed.score is not None
    assert answer.completed.score >= answer.alternatives[0].score >= answer.alternatives[1].score
    end = list(client.stream_answer(wanted))[-1]
    assert isinstance(end, Completed)
    assert (end.text, end.score, end.alternatives) == (
        answer.text,
        answer.completed.score,
        answer.alternatives,
    )
    for field, bad in (
        ("beam_groups", {"beams": BeamPlan(4, 3)}),
        ("answers", {"beams": BeamPlan(1, 1, 0.5, 2)}),
    ):
        with pytest.raises(InvalidInput) as caught:
            client.answer(asked(**bad))
        assert caught.value.details["field"] == field


@pytest.mark.usefixtures("ranker")
def test_parts_over_four_processes(start: Any, index: Path, client: Client) -> None:
    parts = {
        "retrieval": start("retrieval", f"--index={index}"),
        "ranking": start("ranking"),
        "generation": start("generation"),
    }
    answering = start("answer", *(f"--{role}={part.address}" for role, part in parts.items()))
    with Client(answering.address, deadline=120) as spread:
        events = list(spread.stream_answer(asked()))
        check_answer(events)
        here = list(client.stream_answer(asked()))
        assert [e for e in events if isinstance(e, Delta)] == [e for e in here if isinstance(e, Delta)]
        assert [r.hit.passage.id for r in events[0].hits] == [r.hit.passage.id for r in here[0].hits]
        with pytest.raises(InvalidInput) as caught:
            list(spread.stream_answer(asked(passages=0)))
        assert caught.value.details["field"] == "passages"
        with pytest.raises(DeadlineExceeded):
            list(spread.stream_answer(asked(max_tokens=400), deadline=0.15))
        several = asked(beams=BeamPlan(2, 2, answers=2))
        assert spread.answer(several).alternatives == client.answer(several).alternatives
        assert parts["generation"].stop() == 0
        with pytest.raises(BackendUnavailable, match="cannot be reached"):
            list(spread.stream_answer(asked()))


def test_client_gone_in_mid_stream_frees_the_generator(client: Client, server: Any) -> None:
    for _ in range(2):
        long = client.generate(endless())
        assert any(isinstance(event, Delta) for event in (next(long), next(long), next(long)))
        long.close()  # type: ignore[attr-defined]
        began = time.monotonic()
        short = GenerationRequest("Say yes.", (Source("1", "t", "Yes."),), max_tokens=2)
        assert isinstance(list(client.generate(short))[-1], Completed)
        # 400 tokens would take far longer than what is left of one step and a short answer.
        assert time.monotonic() - began < 15
    # The line is written once the cancelled call's own thread has come to its end.
    until = time.monotonic() + 30
    while '"code": "CANCELLED"' not in server.logged() and time.monotonic() < until:
        time.sleep(0.05)
    assert '"code": "CANCELLED"' in server.logged()


def endless() -> GenerationRequest:
    text = "The lamp of the lighthouse turns and turns through the night. " * 4
    return GenerationRequest("Tell a very long story of the lamp.", (Source("1", "Lamp", text),), 400, 2.0, 7)


def test_deadline_in_the_middle_of_an_answer(client: Client) -> None:
    # Less than reading the prompt and writing a few tokens takes on any processor: the model may end early.
    with pytest.raises((DeadlineExceeded, Cancelled)):
        list(client.generate(endless(), deadline=0.03))
    assert client.server_info().generator


def test_deadline_of_a_millisecond(client: Client) -> None:
    with pytest.raises(DeadlineExceeded):
        client.answer(asked(), deadline=0.001)
    assert client.answer(asked()).text


@pytest.mark.usefixtures("ranker")
def test_rank(client: Client) -> None:
    candidates = (
        Candidate("Tides", "A spring tide comes at full moon."),
        Candidate("Lighthouses", "The keeper of the Skerry lighthouse was called Maren Holt."),
    )
    [scores] = client.rank([RankRequest(KEEPER, candidates)])
    assert scores.raw[1] > scores.raw[0]
    assert ((scores.calibrated >= 0) & (scores.calibrated <= 1)).all()
    with pytest.raises(InvalidInput):
        client.rank([RankRequest(KEEPER, ())])


def test_embed(client: Client) -> None:
    vectors = client.embed(["a seal on a rock", "a seal on the rocks", "tax law"])
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    narrow = client.embed(["a seal on a rock", "tax law"], dimensions=64)
    leading = vectors[[0, 2], :64]
    np.testing.assert_allclose(narrow, leading / np.linalg.norm(leading, axis=1)[:, None], atol=1e-2)
    shallow = client.embed(["a seal on a rock"], layers=3, dimensions=128)
    assert shallow.shape == (1, 128) and abs(float(shallow[0] @ vectors[0, :128])) < 0.95
    for sizes, message in (
        ({"layers": 0}, "options.layers must be a whole number from 1 to 6"),
        ({"layers": 99}, "from 1 to 6 for all-MiniLM-L6-v2; got 99"),
        ({"dimensions": 7}, "options.dimensions must be a whole number from 8 to 384; got 7"),
        ({"dimensions": 10**6}, "got 1000000"),
    ):
        with pytest.raises(InvalidInput, match=message):
            client.embed(["x"], **sizes)
    with pytest.raises(InvalidInput):
        client.embed([])


def test_elastic_search(client: Client) -> None:
    def found(**options: Option) -> list[tuple[str, float]]:
        dense = LegRequest("dense", options=options)
        result = client.retrieve(RetrievalRequest(KEEPER, (dense,), limit=5))
        return [(hit.passage.id, hit.score) for hit in result.hits]

    whole = found()
    assert found(layers=6, document_layers=6, dimensions=384) == whole
    funnel = found(dimensions=32, rescore_dimensions=384, oversample=100.0)
    assert [name for name, _ in funnel] == [name for name, _ in whole]
    assert found(layers=3) != whole
    with pytest.raises(IndexNotReady, match="no vectors of 3 layers; it has those of 6"):
        found(document_layers=3)
    for options in ({"layers": 0}, {"layers": 99}, {"dimensions": 7}, {"oversample": 0.1}, {"nprobe": 3}):
        with pytest.raises(InvalidInput, match=f"{next(iter(options))}"):
            found(**options)


def test_embed_stream(client: Client) -> None:
    batches = [["a seal on a rock", "tax law"], ["puffins"], ["a seal on a rock"]]
    streamed = list(client.embed_stream(iter(batches)))
    assert [vectors.shape for vectors in streamed] == [(2, 384), (1, 384), (1, 384)]
    for texts, vectors in zip(batches, streamed, strict=True):
        np.testing.assert_allclose(vectors, client.embed(texts), atol=1e-2)
    assert list(client.embed_stream([])) == []
    vectors = client.embed_stream([["one"], []])
    assert next(vectors).shape == (1, 384)
    with pytest.raises(InvalidInput, match="1 to 1024 texts"):
        next(vectors)


def test_async_client(server: Any, client: Client) -> None:
    async def use() -> None:
        async with AsyncClient(server.address, deadline=120) as there:
            vectors = await there.embed(["a seal on a rock", "tax law"])
            assert vectors.shape == (2, 384)
            streamed = [part async for part in there.embed_stream([["a seal on a rock"], ["tax law"]])]
            np.testing.assert_allclose(np.concatenate(streamed), vectors, atol=1e-2)
            answer = await there.answer(asked())
            assert answer.text == client.answer(asked()).text
            assert answer.citations
            events = [event async for event in there.stream_answer(asked())]
            check_answer(events)
            assert events[-1].text == answer.text
            with pytest.raises(InvalidInput):
                await there.answer(asked(passages=0))

    asyncio.run(use())


@pytest.mark.usefixtures("ranker")
def test_async_rank(server: Any, client: Client) -> None:
    request = RankRequest(KEEPER, (Candidate("Tides", "A spring tide."), Candidate("L", "The keeper.")))

    async def use() -> None:
        async with AsyncClient(server.address, deadline=120) as there:
            [scores] = await there.rank([request])
            [expected] = client.rank([request])
            np.testing.assert_allclose(scores.raw, expected.raw)
            with pytest.raises(InvalidInput):
                await there.rank([RankRequest(KEEPER, ())])

    asyncio.run(use())


@pytest.mark.parametrize(
    "knobs",
    [
        {"passages": 0},
        {"ranking": RankPlan(depth=10**6)},
        {"ranking": RankPlan(margin=-2.0)},
        {"max_tokens": 0},
        {"temperature": -1.0},
        {"min_confidence": 2.0},
        {"seed": -1},
    ],
)
def test_bad_knobs(client: Client, knobs: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        client.answer(asked(**knobs))


def test_bad_sources(client: Client) -> None:
    twice = (Source("1", "t", "x"), Source("1", "t", "y"))
    for sources in ((), twice):
        with pytest.raises(InvalidInput):
            list(client.generate(GenerationRequest("who?", sources)))
