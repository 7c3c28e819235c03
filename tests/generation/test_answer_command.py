"""`skerry answer`: what it prints where, and what it refuses. The chain itself has its own tests."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, InvalidInput, SkerryError
from skerry.generation.answer import AnswerRequest, References
from skerry.generation.base import (
    Alternative,
    CacheReuse,
    Citation,
    Completed,
    Delta,
    Event,
    FinishReason,
    Started,
)
from skerry.generation.beams import BeamPlan
from skerry.generation.plan import ANY_CONTEXT, ContextPlan
from skerry.ranking.plan import RankPlan
from skerry.ranking.ranked import Explanation, RankerScore, Reading, StoppedBy
from skerry.ranking.rerank import RankedHit
from skerry.retrieval.base import Evidence, Hit, LegScore
from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.quotes import Quote, QuotePlace
from skerry.services.cli import answer as command

_TEXT = "Skerryvore was built by Alan Stevenson and lit in 1844."
_PASSAGE = Passage(0, "sk#0", "sk", "Skerryvore", "History", _TEXT, Span(1, 0, 1, len(_TEXT)))
_HIT = Hit(_PASSAGE, 0.5, (LegScore("bm25", 1, 7.5),), (Evidence("lit in", 3, 1.25),))
_PLACE = QuotePlace("sk#0", "Skerryvore", "Alan Stevenson", 24, 38, 24)
_QUOTES = (
    Quote("Alan Stevenson", 0, 14, True, 1204, (_PLACE, replace(_PLACE, passage_id="sk#1"))),
    Quote("Stevenson", 5, 14, False, 3, (_PLACE,)),
    Quote("Ste\nven", 5, 9, False, 0),
)


_MOVED = Explanation(
    4, 1, 0.5, (RankerScore("drmm", 1.5, 0.25), RankerScore("cross-encoder", 2.0, 0.91, -0.25))
)
_READING = Reading("cross-encoder", "drmm", 8, StoppedBy.MARGIN)


def _events(calibrated: float, reason: FinishReason) -> list[References | Event]:
    start = _TEXT.index("Alan")
    return [
        References((RankedHit(_HIT, 2.0, calibrated, _MOVED),), 1, _READING),
        Started(90, 60, 1, (CacheReuse("sk#0", 50, 40, 10, "redis"),), "no reason"),
        Delta("Alan "),
        Delta("Stevenson"),
        Citation("sk#0", 0, 14, start, start + 14, "Alan Stevenson"),
        Completed(reason, "Alan Stevenson", 90, 0, 4, "", {"total": 0.25}, _QUOTES),
    ]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[AnswerRequest]:
    """The requests that reach the chain; the chain gives fixed events."""
    requests: list[AnswerRequest] = []

    def stream(request: AnswerRequest, deadline: Deadline) -> Iterator[References | Event]:
        requests.append(request)
        return iter(_events(math.nan if request.seed else 0.91, FinishReason.STOP))

    @contextmanager
    def chain(*_: object) -> Iterator[tuple[tuple[str, ...], object]]:
        yield ("bm25", "dense"), stream

    monkeypatch.setattr(command, "_chain", chain)
    return requests


def test_answer_and_citations_on_stdout_the_rest_on_stderr(asked: list[AnswerRequest]) -> None:
    result = CliRunner().invoke(command.answer, ["Who built Skerryvore?", "--index", "x"])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "Alan Stevenson",
        "",
        "[1] Skerryvore › History (sk#0)",
        "    Skerryvore was built by »Alan Stevenson« and lit in 1844.",
        "In the corpus: »Alan Stevenson« 1,204 times (sk#0, sk#1, …)",
        "Unsupported: »Stevenson« (3 times, alone); »Ste ven«",
    ]
    assert "p=0.91" in result.stderr
    assert "bm25 #1" in result.stderr
    assert "'lit in'" in result.stderr
    assert "total 250" in result.stderr
    assert [leg.name for leg in asked[0].retrieval.legs] == ["bm25", "dense"]


def test_flags_reach_the_request(asked: list[AnswerRequest]) -> None:
    flags = ["--index", "x", "--legs", "bm25", "--passages", "3", "--max-tokens", "9", "--limit", "20"]
    flags += ["--min-confidence", "0.5"]
    assert CliRunner().invoke(command.answer, ["q", *flags]).exit_code == 0
    [request] = asked
    assert [leg.name for leg in request.retrieval.legs] == ["bm25"]
    assert (request.passages, request.max_tokens, request.retrieval.limit) == (3, 9, 20)
    assert request.min_confidence == 0.5


def test_flags_of_the_cascade_reach_the_request(asked: list[AnswerRequest]) -> None:
    flags = ["--ranker", "knrm=k", "--cheap-ranker", "drmm=d", "--rank-depth", "100", "--strong-depth", "30"]
    flags += ["--rank-margin", "0.9", "--rank-block", "6", "--rank-reserve", "0.25", "--explain"]
    for more in ([], flags):
        assert CliRunner().invoke(command.answer, ["q", "--index", "x", *more]).exit_code == 0
    usual, cascade = (request.ranking for request in asked)
    assert usual == RankPlan(depth=50)
    assert cascade == RankPlan("knrm", 100, "drmm", 30, 0.9, 6, 0.25, True)


def test_what_moved_a_passage_is_told(asked: list[AnswerRequest]) -> None:
    result = CliRunner().invoke(command.answer, ["q", "--index", "x"])
    for line in (
        "       moved from place 4 to 1; fused score 0.5000; bm25 #1 (7.500)",
        "       drmm +1.50; p=0.250",
        "       cross-encoder +2.00, of it -0.25 for the place before; p=0.910",
        "cross-encoder read 8 passages, sorted by drmm: the lead was decided",
    ):
        assert line in result.stderr.splitlines()
    found = json.loads(CliRunner().invoke(command.answer, ["q", "--index", "x", "--json"]).stdout)
    assert found["reading"]["stopped"] == "margin" and found["reading"]["read"] == 8
    explanation = found["references"][0]["explanation"]
    assert (explanation["before"], explanation["after"]) == (4, 1)
    assert [score["first_stage"] for score in explanation["scores"]] == [None, -0.25]
    assert asked


def test_knobs_of_legs_reach_the_request(asked: list[AnswerRequest]) -> None:
    knobs = ["--set", "dense.ef_search=64", "--set", "bm25.weight=0.5"]
    assert CliRunner().invoke(command.answer, ["q", "--index", "x", *knobs]).exit_code == 0
    bm25, dense = asked[0].retrieval.legs
    assert (bm25.weight, bm25.options) == (0.5, {})
    assert (dense.limit, dense.options) == (100, {"ef_search": 64})
    with pytest.raises(InvalidInput, match="'seal', which is not among --legs bm25,dense"):
        call = ["q", "--index", "x", "--set", "seal.beams=5"]
        CliRunner().invoke(command.answer, call, catch_exceptions=False)


def test_json_is_one_valid_object_also_without_a_ranker(asked: list[AnswerRequest]) -> None:
    result = CliRunner().invoke(command.answer, ["q", "--index", "x", "--json", "--seed", "1"])
    found = json.loads(result.stdout)
    assert found["answer"] == "Alan Stevenson"
    assert found["reason"] == "stop"
    [citation] = found["citations"]
    [reference] = found["references"]
    start, end = citation["span"]
    assert reference["text"][start:end] == citation["quote"] == "Alan Stevenson"
    assert reference["confidence"] is None
    assert [quote["supported"] for quote in found["quotes"]] == [True, False, False]
    assert found["quotes"][0]["places"][1]["passage"] == "sk#1"
    assert asked


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "--index DIR"),
        (["--index", "x", "--target", "y:1"], "--index DIR"),
        (["--target", "y:1", "--no-rank"], "--no-rank"),
        (["--target", "y:1", "--ranker", "drmm=d"], "without a folder"),
        (["--target", "y:1", "--cheap-ranker", "drmm=d"], "without a folder"),
        (["--index", "x", "--no-rank", "--explain"], "--no-rank"),
        (["--index", "x", "--no-rank", "--cheap-ranker", "drmm"], "--no-rank"),
    ],
)
def test_flags_that_contradict_are_refused(flags: list[str], said: str) -> None:
    result = CliRunner().invoke(command.answer, ["q", *flags])
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_service_that_is_not_there_is_named() -> None:
    with pytest.raises(BackendUnavailable, match=r"127\.0\.0\.1:1\b"):
        CliRunner().invoke(command.answer, ["q", "--target", "127.0.0.1:1"], catch_exceptions=False)


def test_a_folder_without_an_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(SkerryError, match=str(tmp_path)):
        CliRunner().invoke(command.answer, ["q", "--index", str(tmp_path)], catch_exceptions=False)


def test_how_the_prompt_is_read_reaches_the_chain_and_what_was_reused_comes_back(
    asked: list[AnswerRequest],
) -> None:
    options = "--no-reuse --recompute first:16 --recompute-margin 0.1 --selector quest --kv-budget 99"
    arguments = ["Who?", "--index", "x", "--json"]
    result = CliRunner().invoke(command.answer, [*arguments, *options.split(), "--prefill=auto"])
    assert result.exit_code == 0, result.output
    assert asked[0].context == ContextPlan(False, "first:16", 0.1, "quest", 99, "auto")
    printed = json.loads(result.stdout)
    assert printed["reuse"] == [
        {
            "source_id": "sk#0",
            "tokens": 50,
            "reused_tokens": 40,
            "recomputed_tokens": 10,
            "tier": "redis",
        }
    ]
    assert printed["no_reuse"] == "no reason"
    CliRunner().invoke(command.answer, arguments)
    assert asked[1].context == ANY_CONTEXT


def test_beams_reach_the_chain_and_other_answers_come_back(
    asked: list[AnswerRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = CliRunner().invoke(command.answer, ["q", "--index", "x"]).stdout
    assert asked[0].beams == BeamPlan()
    cited = Citation("sk#0", 7, 11, 51, 55, "1844", 0.5)
    other = Alternative("lit in 1844", -0.75, FinishReason.LENGTH, (cited,))
    events = _events(0.91, FinishReason.STOP)
    assert isinstance(events[-1], Completed)
    events[-1] = replace(events[-1], score=-0.25, alternatives=(other,))
    monkeypatch.setattr(f"{__name__}._events", lambda *_: events)
    flags = [
        "--beams",
        "4",
        "--beam-groups",
        "2",
        "--diversity",
        "0.75",
        "--answers",
        "2",
        "--length-penalty",
        "1",
    ]
    found = CliRunner().invoke(command.answer, ["q", "--index", "x", *flags])
    assert asked[1].beams == BeamPlan(4, 2, 0.75, 2, 1.0)
    assert found.stdout.splitlines() == [
        *plain.splitlines(),
        "",
        "Other answers, by log-probability (-0.25 for this one)",
        "  -0.75  lit in 1844",
    ]
    printed = json.loads(CliRunner().invoke(command.answer, ["q", "--index", "x", "--json"]).stdout)
    assert printed["score"] == -0.25
    [alternative] = printed["alternatives"]
    assert (alternative["answer"], alternative["reason"]) == ("lit in 1844", "length")
    assert alternative["citations"][0]["span"] == [51, 55]
