"""The cascade beside a slow version of itself, its blocks beside one reading, and little time."""

from __future__ import annotations

import math
import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, InvalidInput, NotFound
from skerry.core.models.store import Model, ModelStore
from skerry.ranking import load_ranker
from skerry.ranking.base import Candidate, Ranker, RankRequest
from skerry.ranking.cascade import Cascade, decided
from skerry.ranking.cross_encoder import CrossEncoder
from skerry.ranking.plan import RankPlan
from skerry.ranking.ranked import Explanation, RankerScore, StoppedBy

from .readers import NumberRanker, number_candidates
from .tiny import ANIMALS, FOODS, PLACES
from .tiny_rankers import write_neural

NOW = Deadline()


def cascade() -> Cascade:
    return Cascade.of(NumberRanker("strong"), NumberRanker("cheap", title=True))


def log_odds(per_cent: int) -> float:
    probability = min(max(float(np.float32(per_cent) / np.float32(100)), 1e-26), 1 - 2**-24)
    return math.log(probability / (1 - probability))


def slow(candidates: tuple[Candidate, ...], plan: RankPlan) -> tuple[list[int], int, StoppedBy]:
    """Order, how many were read and why not more, one candidate and one comparison at a time."""

    def strong(place: int) -> int:
        return int(candidates[place].text)

    queue = sorted(range(len(candidates)), key=lambda place: -candidates[place].first_stage_score)
    depth = len(queue) if plan.depth is None else plan.depth
    queue, behind = queue[:depth], queue[depth:]
    if plan.cheap:
        queue = sorted(queue, key=lambda place: -int(candidates[place].title))
    most = len(queue) if plan.strong_depth is None else min(plan.strong_depth, len(queue))
    read: list[int] = []
    stopped = StoppedBy.DEPTH
    while len(read) < most:
        block = queue[len(read) : most][: len(queue) if plan.margin is None else plan.block]
        read += block
        best = max(read, key=strong)
        others = [strong(place) for place in block if place != best]
        if len(read) == most:
            break
        lead = log_odds(strong(best)) - log_odds(max(others)) if others else 0.0
        if plan.margin is not None and lead >= plan.margin:
            stopped = StoppedBy.MARGIN
            break
    order = sorted(read, key=lambda place: -strong(place)) + queue[len(read) :] + behind
    return order, len(read), stopped


plans = st.builds(
    RankPlan,
    depth=st.none() | st.integers(1, 25),
    cheap=st.sampled_from(["", "cheap"]),
    strong_depth=st.none() | st.integers(1, 25),
    margin=st.none() | st.sampled_from([0.31, 1.1, 2.3, 9.7]),
    block=st.integers(1, 7),
)
lists = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 5), st.integers(0, 6)), max_size=20)


@given(st.lists(lists, min_size=1, max_size=4), plans)
def test_as_the_slow_version(several: list[list[tuple[int, int, int]]], plan: RankPlan) -> None:
    requests = [
        RankRequest("q", tuple(Candidate(str(c), str(s), float(first)) for s, c, first in values))
        for values in several
    ]
    for request, ranked in zip(requests, cascade().rank(requests, plan, NOW), strict=True):
        order, read, stopped = slow(request.candidates, plan)
        assert ranked.order.tolist() == order
        assert (ranked.reading.read, ranked.reading.stopped) == (read, stopped)
        known = set(order[:read])
        depth = len(order) if plan.depth is None else plan.depth
        for place, candidate in enumerate(request.candidates):
            assert ranked.raw[place] == (int(candidate.text) if place in known else -np.inf)
            cheap_only = plan.cheap and place in order[read:depth]
            probable = candidate.text if place in known else candidate.title if cheap_only else "0"
            assert ranked.calibrated[place] == np.float32(int(probable)) / np.float32(100)


@given(lists.filter(len), st.integers(1, 7), st.floats(0.01, 9))
def test_a_wider_margin_reads_no_less_and_the_best_of_those_read_is_first(
    values: list[tuple[int, int, int]], block: int, margin: float
) -> None:
    request = RankRequest("q", number_candidates([strong for strong, _, _ in values]))
    [narrow] = cascade().rank([request], RankPlan(block=block, margin=margin), NOW)
    [wide] = cascade().rank([request], RankPlan(block=block, margin=1.5 * margin), NOW)
    assert wide.reading.read >= narrow.reading.read
    for ranked in (narrow, wide):
        assert ranked.raw[ranked.order[0]] == ranked.raw.max()


@given(lists, plans, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(
    values: list[tuple[int, int, int]], plan: RankPlan, rng: random.Random
) -> None:
    items = [Candidate(str(c), str(s), float(-place)) for place, (s, c, _) in enumerate(values)]
    mixed = rng.sample(items, len(items))
    requests = [RankRequest("q", tuple(items)), RankRequest("q", tuple(mixed))]
    one, two = cascade().rank(requests, plan, NOW)
    assert [items[place] for place in one.order] == [mixed[place] for place in two.order]
    assert one.reading == two.reading


def test_what_decides() -> None:
    # Odds of 1/3, 9, 1/9, 1 and 3/5.
    read = np.array([0.25, 0.9, 0.1, 0.5, 0.375], np.float32)
    for part, block, times in ((read[:3], 3, 27), (read, 2, 9), (read, 5, 9)):
        assert decided(part, block, math.log(times) - 1e-4)
        assert not decided(part, block, math.log(times) + 1e-4)
    # A best candidate alone in its block says nothing of what comes.
    assert not decided(read[:1], 1, 0.01) and not decided(read[:2], 1, 0.01)
    assert not decided(np.ones(4, np.float32), 2, 0.01)
    assert decided(np.array([1, 0], np.float32), 2, 70.0)


def animals(count: int) -> tuple[Candidate, ...]:
    """Texts of 1 to many words with tied first-stage scores, not in their order."""
    words = [*ANIMALS, *PLACES, *FOODS]
    return tuple(
        Candidate(
            ANIMALS[n % 10], " ".join(words[(7 * n + k) % 30] for k in range(2 * n % 37 + 1)), n * 11 % 23 / 2
        )
        for n in range(count)
    )


@pytest.fixture(scope="module")
def real(
    store: ModelStore, ranker_folder: Path, vectors: Model, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Ranker]:
    """A cross-encoder and a neural ranker of random weights; both weigh the first stage in."""
    folder = write_neural(tmp_path_factory.mktemp("cascade") / "drmm", "drmm", vectors)
    return {
        "cross-encoder": CrossEncoder(store, ranker_folder, dtype="fp32"),
        "drmm": load_ranker("drmm", store, folder),
    }


@pytest.mark.parametrize("name", ["cross-encoder", "drmm"])
@pytest.mark.parametrize("block", [1, 4, 9])
def test_blocks_score_as_one_reading_does(real: dict[str, Ranker], name: str, block: int) -> None:
    requests = [
        RankRequest(f"what does the {ANIMALS[size % 10]} eat?", animals(size)) for size in (1, 13, 40)
    ]
    alone = Cascade.of(real[name])
    plan = RankPlan(block=block, reserve=0.1, explain=True)
    for scores, ranked in zip(real[name].score(requests, NOW), alone.rank(requests, plan, NOW), strict=True):
        np.testing.assert_allclose(ranked.raw, scores.raw, atol=1e-5)
        np.testing.assert_allclose(ranked.calibrated, scores.calibrated, atol=1e-6)
        assert scores.first_stage is not None
        for place, explained in enumerate(ranked.explanations):
            assert explained.scores[0].first_stage == pytest.approx(float(scores.first_stage[place]))
        # Ties go by the first stage here, by the candidates' order there.
        assert (np.diff(ranked.raw[ranked.order]) <= 0).all()


@pytest.mark.models
def test_the_shipped_ranker_reads_blocks_as_it_reads_all(models: ModelStore) -> None:
    ranker = CrossEncoder(models)
    request = RankRequest("where does the newt sleep?", animals(24))
    [scores] = ranker.score([request], NOW)
    [ranked] = Cascade.of(ranker).rank([request], RankPlan(block=5, reserve=0.1), NOW)
    # In eight bits pairs are read without padding; elsewhere what pads a batch rounds differently.
    np.testing.assert_allclose(ranked.raw, scores.raw, atol=1e-5 if ranker.dtype == "int8" else 0.05)


def test_who_is_asked_for_what() -> None:
    cheap, strong = NumberRanker("cheap", title=True), NumberRanker("strong")
    request = RankRequest("q", number_candidates(strong=[1, 9, 7, 3, 8], cheap=[50, 40, 30, 60, 90]))
    plan = RankPlan(depth=4, cheap="cheap", strong_depth=3, margin=20.0, block=2)
    [ranked] = Cascade.of(strong, cheap).rank([request], plan, NOW)
    assert [[c.title for c in asked.candidates] for asked in cheap.asked] == [["50", "40", "30", "60"]]
    assert [[c.title for c in asked.candidates] for asked in strong.asked] == [["60", "50"], ["40"]]
    assert [c.first_stage_rank for c in strong.asked[0].candidates] == [3, 0]
    assert ranked.order.tolist() == [1, 3, 0, 2, 4]
    assert ranked.reading.cheap == "cheap" and ranked.reading.ranker == "strong"


def test_each_candidate_says_what_moved_it() -> None:
    request = RankRequest("q", number_candidates(strong=[1, 9, 7], cheap=[50, 40, 60]))
    plan = RankPlan(depth=3, cheap="cheap", strong_depth=2, explain=True)
    [ranked] = cascade().rank([request], plan, NOW)
    assert ranked.order.tolist() == [2, 0, 1]
    half = float(np.float32(0.5))
    assert ranked.explanations[0] == Explanation(
        before=1,
        after=2,
        first_stage_score=0.0,
        scores=(
            RankerScore("cheap", 50.0, half),
            RankerScore("strong", 1.0, float(np.float32(1) / np.float32(100))),
        ),
    )
    assert [(e.before, e.after) for e in ranked.explanations] == [(1, 2), (2, 3), (3, 1)]
    assert [score.ranker for score in ranked.explanations[1].scores] == ["cheap"]
    [plain] = cascade().rank([request], replace(plan, explain=False), NOW)
    assert plain.explanations == ()


def test_time_that_runs_short_leaves_the_rest_in_order() -> None:
    strong = NumberRanker("strong", seconds=0.01)
    request = RankRequest("q", number_candidates([1, 2, 3, 4] * 25))
    deadline = Deadline(0.5)
    [ranked] = Cascade.of(strong).rank([request], RankPlan(block=4, reserve=0.5), deadline)
    read = ranked.reading.read
    assert ranked.reading.stopped is StoppedBy.DEADLINE
    assert 0 < read < 30 and read % 4 == 0
    assert ranked.order[read:].tolist() == list(range(read, 100))
    assert np.isneginf(ranked.raw[ranked.order[read:]]).all()
    assert (np.diff(ranked.raw[ranked.order[:read]]) <= 0).all()
    left = deadline.remaining()
    assert left is not None and left > 0.15


def test_a_block_that_takes_too_long_is_given_up() -> None:
    strong, cheap = NumberRanker("strong", seconds=0.02), NumberRanker("cheap", title=True)
    request = RankRequest("q", number_candidates(strong=[1, 2, 3], cheap=[3, 9, 6]) * 10)
    [ranked] = Cascade.of(strong).rank([request], RankPlan(block=1000, reserve=0.4), Deadline(0.3))
    assert (ranked.reading.read, ranked.reading.stopped) == (0, StoppedBy.DEADLINE)
    assert sorted(ranked.order.tolist()) == list(range(30))
    plan = RankPlan(cheap="cheap", block=1000, reserve=0.4)
    [ranked] = Cascade.of(strong, cheap).rank([request], plan, Deadline(0.3))
    assert ranked.reading.read == 0 and ranked.reading.cheap == "cheap"
    assert [request.candidates[place].title for place in ranked.order[:10]] == ["9"] * 10
    assert ranked.calibrated[ranked.order[0]] == np.float32(0.09)
    slowly = NumberRanker("cheap", title=True, seconds=0.02)
    [ranked] = Cascade.of(strong, slowly).rank([request], plan, Deadline(0.3))
    assert ranked.reading.read == 0 and ranked.reading.cheap == ""


def test_without_a_reserve_the_deadline_is_an_error() -> None:
    strong = NumberRanker("strong", seconds=0.02)
    request = RankRequest("q", number_candidates([1] * 30))
    for plan in (RankPlan(), RankPlan(margin=9.0), RankPlan(cheap="cheap")):
        with pytest.raises(DeadlineExceeded):
            Cascade.of(strong, NumberRanker("cheap", title=True)).rank([request], plan, Deadline(0.1))
    with pytest.raises(DeadlineExceeded):
        Cascade.of(strong).rank([request], RankPlan(reserve=0.5), Deadline(0))


def test_a_caller_who_leaves_ends_it() -> None:
    class Leaves(NumberRanker):
        def score(self, requests, deadline):  # type: ignore[no-untyped-def]
            whole.cancel()
            return super().score(requests, deadline)

    whole = Deadline(30)
    request = RankRequest("q", number_candidates([1] * 30))
    begun = time.perf_counter()
    with pytest.raises(Cancelled):
        Cascade.of(Leaves()).rank([request], RankPlan(reserve=0.5), whole)
    assert time.perf_counter() - begun < 5


def test_no_candidates() -> None:
    strong = NumberRanker("strong")
    assert Cascade.of(strong).rank([], RankPlan(), NOW) == []
    [ranked] = Cascade.of(strong).rank([RankRequest("q", ())], RankPlan(margin=0.5, explain=True), NOW)
    assert ranked.order.shape == ranked.raw.shape == ranked.calibrated.shape == (0,)
    assert (ranked.reading.read, ranked.reading.stopped) == (0, StoppedBy.DEPTH)
    assert strong.asked == []


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (RankPlan(depth=0), "depth"),
        (RankPlan(depth=10_001), "depth"),
        (RankPlan(depth=True), "depth"),
        (RankPlan(strong_depth=-1), "strong_depth"),
        (RankPlan(block=0), "block"),
        (RankPlan(block=1001), "block"),
        (RankPlan(margin=0.0), "margin"),
        (RankPlan(margin=-1.0), "margin"),
        (RankPlan(margin=float("nan")), "margin"),
        (RankPlan(reserve=0.0), "reserve"),
        (RankPlan(reserve=1.0), "reserve"),
        (RankPlan(reserve=float("nan")), "reserve"),
    ],
)
def test_plans_that_make_no_sense(plan: RankPlan, field: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{field} is ") as caught:
        cascade().rank([RankRequest("q", number_candidates([1]))], plan, NOW)
    assert caught.value.details["field"] == field


def test_rankers_that_are_not_there() -> None:
    request = RankRequest("q", number_candidates([1]))
    for plan in (RankPlan(ranker="strongest"), RankPlan(cheap="strongest")):
        with pytest.raises(NotFound, match=r"'strongest' here; there are cheap, strong\."):
            cascade().rank([request], plan, NOW)
    [ranked] = cascade().rank([request], RankPlan(ranker="cheap"), NOW)
    assert ranked.reading.ranker == "cheap"


def test_first_stages_that_are_no_numbers() -> None:
    for candidate, field in (
        (Candidate("1", "1", float("nan")), "first_stage_score"),
        (Candidate("1", "1", first_stage_rank=-2), "first_stage_rank"),
    ):
        with pytest.raises(InvalidInput) as caught:
            cascade().rank([RankRequest("q", (Candidate("1", "1"), candidate))], RankPlan(), NOW)
        assert caught.value.details["field"] == f"candidates[1].{field}"
