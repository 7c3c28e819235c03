"""RankingService over real processes: rankers by request, cascades, passages by id, bad lists."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    IndexCorrupt,
    InvalidInput,
    NotFound,
    SkerryError,
)
from skerry.core.models.store import ModelStore
from skerry.generation.answer import AnswerRequest
from skerry.protos.v1 import ranking_pb2, ranking_pb2_grpc
from skerry.ranking import adapter, load_ranker
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.cascade import Cascade
from skerry.ranking.plan import RankPlan
from skerry.ranking.ranked import Ranked, RankingChain, StoppedBy
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.index.reader import Index
from skerry.services.client import AsyncClient, Client
from skerry.services.remote import Remote, RemoteRankers

from ..ranking.tiny import ANIMALS, FOODS, PLACES, write_model, write_vectors  # noqa: TID252 -- tiny models
from ..ranking.tiny_rankers import write_cross_encoder, write_neural  # noqa: TID252 -- of another room

QUERY = f"what does the {ANIMALS[3]} eat?"


@pytest.fixture(scope="module")
def rankers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of a cross-encoder, a neural ranker, and one that was trained on other word vectors."""
    folder = tmp_path_factory.mktemp("rankers")
    store = ModelStore(folder / "none")
    base = store.resolve(str(write_model(folder / "base")))
    vectors = store.resolve(str(write_vectors(folder / "vectors")))
    made = {
        "cross-encoder": write_cross_encoder(folder / "cross-encoder", base),
        "drmm": write_neural(folder / "drmm", "drmm", vectors),
        "knrm": write_neural(folder / "knrm", "knrm", vectors),
    }
    other = write_vectors(folder / "other", seed=8)
    fields = json.loads((made["knrm"] / adapter.CONFIG).read_text())
    (made["knrm"] / adapter.CONFIG).write_text(json.dumps(fields | {"base_model": str(other)}))
    return made


@pytest.fixture(scope="module")
def server(start: Any, rankers: dict[str, Path], bm25_index: Path) -> Any:
    flags = [f"--ranker={name}={folder}" for name, folder in rankers.items()]
    return start("ranking", f"--index={bm25_index}", *flags)


@pytest.fixture(scope="module")
def client(server: Any) -> Iterator[Client]:
    with Client(server.address, deadline=60) as client:
        yield client


@pytest.fixture(scope="module", params=["service", "in process"])
def chain(request: Any, server: Any, rankers: dict[str, Path]) -> Iterator[RankingChain]:
    """The same rankers behind the service, and without it."""
    if request.param == "service":
        remote = Remote(server.address)
        yield RemoteRankers(remote)
        remote.close()
    else:
        store = ModelStore()
        yield Cascade.of(*(load_ranker(name, store, rankers[name]) for name in ("cross-encoder", "drmm")))


def candidates(count: int) -> tuple[Candidate, ...]:
    words = [*ANIMALS, *PLACES, *FOODS]
    return tuple(
        Candidate(ANIMALS[n % 10], " ".join(words[(7 * n + k) % 30] for k in range(n % 13 + 1)), -n / 7)
        for n in range(count)
    )


def rank(chain: RankingChain, plan: RankPlan, *items: Candidate, query: str = QUERY) -> Ranked:
    [ranked] = chain.rank([RankRequest(query, items)], plan, Deadline(60))
    return ranked


def whole(ranked: Ranked, read: int | None = None) -> None:
    """Every candidate once, with the ranker's finite scores for all that it read."""
    count = len(ranked.order)
    assert sorted(ranked.order.tolist()) == list(range(count))
    assert ranked.reading.read == np.isfinite(ranked.raw).sum() == (count if read is None else read)
    assert ((ranked.calibrated >= 0) & (ranked.calibrated <= 1)).all()


def test_the_request_says_who_ranks(client: Client) -> None:
    assert client.server_info().rankers == ("cross-encoder", "drmm")
    assert client.server_info().ranker == "cross-encoder"
    asked = RankRequest(QUERY, candidates(12))
    [usual] = client.rank([asked])
    [named] = client.rank([asked], RankPlan(ranker="cross-encoder"))
    [other] = client.rank([asked], RankPlan(ranker="drmm"))
    assert np.array_equal(usual.raw, named.raw) and not np.allclose(usual.raw, other.raw)
    assert (usual.reading.ranker, other.reading.ranker) == ("cross-encoder", "drmm")
    with pytest.raises(NotFound, match="ranks with 'cross-encoder', 'drmm', 'knrm', not with 'duet'"):
        client.rank([asked], RankPlan(ranker="duet"))
    with pytest.raises(NotFound, match="Did you mean 'drmm'"):
        client.rank([asked], RankPlan(cheap="drmn"))


def test_a_cascade_is_what_it_is_in_process(server: Any, rankers: dict[str, Path]) -> None:
    remote = Remote(server.address)
    store = ModelStore()
    here = Cascade.of(*(load_ranker(name, store, rankers[name]) for name in ("cross-encoder", "drmm")))
    plan = RankPlan(depth=30, cheap="drmm", strong_depth=20, margin=0.2, block=5, reserve=0.5, explain=True)
    requests = [RankRequest(QUERY, candidates(40)), RankRequest("where?", candidates(7))]
    there = RemoteRankers(remote).rank(requests, plan, Deadline(60))
    for one, two in zip(there, here.rank(requests, plan, Deadline(60)), strict=True):
        assert one.order.tolist() == two.order.tolist()
        assert one.reading == two.reading
        # Both run the cross-encoder at whatever precision the processor is good at.
        np.testing.assert_allclose(one.raw, two.raw, atol=0.05)
        for said, expected in zip(one.explanations, two.explanations, strict=True):
            assert (said.before, said.after) == (expected.before, expected.after)
            assert [s.ranker for s in said.scores] == [s.ranker for s in expected.scores]
    remote.close()


def test_a_batch_of_different_plans(server: Any) -> None:
    remote = Remote(server.address)
    stub = ranking_pb2_grpc.RankingServiceStub(remote.channel)
    texts = [ranking_pb2.Candidate(id=f"c{n}", text=item.text) for n, item in enumerate(candidates(6))]
    plans = [{}, {"ranker": "drmm"}, {"cascade": ranking_pb2.Cascade(strong_depth=2)}, {"limit": 3}]
    batch = ranking_pb2.BatchRankRequest(
        requests=[ranking_pb2.RankRequest(query=QUERY, candidates=texts, **plan) for plan in plans]
    )
    responses = stub.BatchRank(batch).responses
    assert [response.ranker for response in responses] == ["cross-encoder", "drmm", *["cross-encoder"] * 2]
    assert [response.reading.read for response in responses] == [6, 6, 2, 6]
    assert [len(response.candidates) for response in responses] == [6, 6, 6, 3]
    assert list(responses[3].candidates) == list(responses[0].candidates[:3])
    assert all(item.id == f"c{item.index}" for item in responses[1].candidates)
    remote.close()


def test_passages_of_the_index(client: Client, bm25_index: Path) -> None:
    with Index.open(bm25_index) as index:
        passages = list(index.passages)
    scores = {passage.id: 1.0 / (1 + place) for place, passage in enumerate(passages)}
    texts = tuple(Candidate(p.title, p.text, scores[p.id]) for p in passages)
    [expected] = client.rank([RankRequest(QUERY, texts)], RankPlan(explain=True))
    found = client.rank_passages(QUERY, scores, RankPlan(explain=True), corpus="default")
    assert np.array_equal(found.raw, expected.raw)
    assert found.explanations == expected.explanations
    with pytest.raises(NotFound, match="no passage 'atlantis#0'"):
        client.rank_passages(QUERY, {"atlantis#0": 0.0})
    with pytest.raises(NotFound, match="known: default"):
        client.rank_passages(QUERY, scores, corpus="atlantis")


def test_passages_and_texts_together(server: Any, bm25_index: Path) -> None:
    with Index.open(bm25_index) as index:
        first = index.passages[0]
    items = [
        ranking_pb2.Candidate(passage_id=first.id),
        ranking_pb2.Candidate(title=first.title, text=first.text),
    ]
    remote = Remote(server.address)
    stub = ranking_pb2_grpc.RankingServiceStub(remote.channel)
    response = stub.Rank(ranking_pb2.RankRequest(query=QUERY, candidates=items))
    assert response.candidates[0].score == pytest.approx(response.candidates[1].score, abs=1e-5)
    both = ranking_pb2.Candidate(passage_id=first.id, text="and a text")
    with pytest.raises(InvalidInput, match="a passage id and a text of its own"):
        remote.call(stub.Rank, ranking_pb2.RankRequest(query=QUERY, candidates=[both]), Deadline(30))
    remote.close()


def test_a_server_without_an_index(start: Any, rankers: dict[str, Path]) -> None:
    alone = start("ranking", f"--ranker=drmm={rankers['drmm']}")
    with Client(alone.address, deadline=60) as client:
        assert client.server_info().rankers == ("drmm",)
        whole(client.rank([RankRequest(QUERY, candidates(3))])[0])
        with pytest.raises(BackendUnavailable, match="--index DIR"):
            client.rank_passages(QUERY, {"tides#0": 1.0})


def test_async_client(server: Any, client: Client) -> None:
    asked, plan = RankRequest(QUERY, candidates(9)), RankPlan(ranker="drmm", strong_depth=4)

    async def use() -> None:
        async with AsyncClient(server.address, deadline=60) as there:
            [ranked] = await there.rank([asked], plan)
            assert np.array_equal(ranked.order, client.rank([asked], plan)[0].order)
            found = await there.rank_passages(QUERY, {"tides#0": 1.0, "kelp#0": 0.5})
            whole(found)

    asyncio.run(use())


def test_no_candidates(chain: RankingChain, client: Client) -> None:
    with pytest.raises(InvalidInput, match="1 to 10,000 candidates, not 0"):
        client.rank([RankRequest(QUERY, ())])
    if isinstance(chain, Cascade):
        whole(rank(chain, RankPlan()))


@pytest.mark.parametrize("name", ["cross-encoder", "drmm"])
def test_ten_thousand_candidates(chain: RankingChain, name: str) -> None:
    many = candidates(10_000)
    plan = RankPlan(ranker=name, depth=10_000, strong_depth=200, cheap="drmm", explain=True)
    ranked = rank(chain, plan, *many)
    whole(ranked, 200)
    assert [ranked.explanations[place].after for place in ranked.order] == list(range(1, 10_001))
    if name == "drmm":
        whole(rank(chain, RankPlan(ranker=name), *many))


def test_more_than_that(client: Client) -> None:
    with pytest.raises(InvalidInput, match="1 to 10,000 candidates, not 10,001"):
        client.rank([RankRequest(QUERY, candidates(10_001))])
    tiny = RankRequest("q", (Candidate("", ""),) * 10_000)
    with pytest.raises(InvalidInput, match="at most 100,000 candidates, not 110,000"):
        client.rank([tiny] * 11)


def test_time_ends_a_long_list(client: Client) -> None:
    long = tuple(replace(item, text=f"{item.text} " * 10) for item in candidates(5_000))
    begun = time.perf_counter()
    [whole_list] = client.rank([RankRequest(QUERY, long)])
    taken = time.perf_counter() - begun
    assert whole_list.reading.stopped is StoppedBy.DEPTH
    with pytest.raises(DeadlineExceeded):
        client.rank([RankRequest(QUERY, long)], deadline=taken / 10)
    [ranked] = client.rank([RankRequest(QUERY, long)], RankPlan(reserve=0.9, block=50), deadline=taken)
    assert ranked.reading.stopped is StoppedBy.DEADLINE
    whole(ranked, ranked.reading.read)


@pytest.mark.parametrize("name", ["cross-encoder", "drmm"])
def test_strange_texts(chain: RankingChain, name: str) -> None:
    plan = RankPlan(ranker=name)
    long = "the newt eats moss. " * 5_000
    assert len(long) == 100_000
    strange = (Candidate("", ""), Candidate("", long), Candidate("", "\x00"), Candidate("newt", ""))
    for query in (QUERY, "qqqq zzzz xxxx", "?!"):
        begun = time.perf_counter()
        whole(rank(chain, plan, *strange, query=query))
        assert time.perf_counter() - begun < 10
    ranked = rank(chain, plan, *candidates(3), *candidates(3), query="zzzz qqqq")
    whole(ranked)


@pytest.mark.parametrize("name", ["cross-encoder", "drmm"])
def test_equal_texts_have_equal_scores_and_keep_their_order(chain: RankingChain, name: str) -> None:
    same = replace(candidates(4)[3], first_stage_score=0.0)
    ranked = rank(chain, RankPlan(ranker=name), same, same, same)
    assert len(set(ranked.raw.tolist())) == len(set(ranked.calibrated.tolist())) == 1
    assert ranked.order.tolist() == [0, 1, 2]


def test_weights_from_another_model(client: Client, rankers: dict[str, Path], tmp_path: Path) -> None:
    fields = json.loads((rankers["knrm"] / adapter.CONFIG).read_text())
    other = ModelStore().resolve(fields["base_model"])
    expected = (fields["base_weights_hash"][:12], other.weights_hash[:12], str(other.folder))
    with pytest.raises(IndexCorrupt) as caught:
        client.rank([RankRequest(QUERY, candidates(2))], RankPlan(ranker="knrm"))
    assert all(part in caught.value.message for part in expected)
    whole(client.rank([RankRequest(QUERY, candidates(2))])[0])
    with pytest.raises(IndexCorrupt) as caught:
        load_ranker("knrm", ModelStore(), rankers["knrm"])
    assert all(part in caught.value.message for part in expected)
    # A cross-encoder's weights given as another ranker's, and the other way round.
    for name, folder in (("drmm", "cross-encoder"), ("cross-encoder", "drmm")):
        shutil.copytree(rankers[folder], tmp_path / name)
        with pytest.raises((IndexCorrupt, InvalidInput), match=str(tmp_path / name)):
            load_ranker(name, ModelStore(), tmp_path / name)


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (RankPlan(depth=0), "depth"),
        (RankPlan(strong_depth=10_001), "strong_depth"),
        (RankPlan(margin=0.0), "margin"),
        (RankPlan(margin=float("nan")), "margin"),
        (RankPlan(block=0), "block"),
        (RankPlan(reserve=1.0), "reserve"),
    ],
)
def test_plans_that_make_no_sense(chain: RankingChain, plan: RankPlan, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        rank(chain, plan, *candidates(2))
    assert caught.value.details["field"] == field


def test_first_stages_that_are_no_numbers(chain: RankingChain) -> None:
    for item in (Candidate("a", "b", float("nan")), Candidate("a", "b", first_stage_rank=-1)):
        with pytest.raises(InvalidInput, match="candidate 1 is"):
            rank(chain, RankPlan(), Candidate("a", "b"), item)


def test_a_command_line_of_rankers_that_are_none(start: Any) -> None:
    for flags, told in (
        (["--ranker=drmn"], "Did you mean 'drmm'"),
        (["--ranker=drmm=a", "--ranker=drmm=b"], "names 'drmm' twice"),
        (["--ranker=drmm", "--ranker= "], "lacks a name"),
    ):
        with pytest.raises(AssertionError, match=told):
            start("ranking", *flags)


@pytest.mark.models
def test_answers_choose_their_ranker(start: Any, rankers: dict[str, Path], bm25_index: Path) -> None:
    flags = [f"--ranker={name}={rankers[name]}" for name in ("cross-encoder", "drmm")]
    server = start("all", f"--index={bm25_index}", *flags, SKERRY_ANSWER_STRONG_DEPTH="1")
    query = "Who was the keeper of the Skerry lighthouse?"
    plan = RankPlan("drmm", 50, "cross-encoder", 2, explain=True)
    with Client(server.address, deadline=120) as client:
        request = AnswerRequest(query, RetrievalRequest(query, (LegRequest("bm25"),)), plan, 2, max_tokens=8)
        answer = client.answer(request)
        assert answer.reading is not None
        assert (answer.reading.ranker, answer.reading.cheap) == ("drmm", "cross-encoder")
        assert answer.reading.read == min(2, len(answer.hits))
        for place, ranked in enumerate(answer.hits, 1):
            assert ranked.explanation is not None and ranked.explanation.after == place
            assert ranked.explanation.first_stage_score == pytest.approx(ranked.hit.score)
        usual = client.answer(replace(request, ranking=RankPlan(), min_confidence=0.0))
        assert usual.reading is not None
        assert (usual.reading.ranker, usual.reading.read) == ("cross-encoder", 1)
        assert all(ranked.explanation is None for ranked in usual.hits)
        with pytest.raises(SkerryError, match="not with 'knrm'"):
            client.answer(replace(request, ranking=RankPlan("knrm")))
