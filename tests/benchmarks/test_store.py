"""The bench of the store: its stream, its windows, what it says; a small run with a real server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

from skerry.benchmarks.store.answers import AnswersAsker
from skerry.benchmarks.store.policies import hit_rates
from skerry.benchmarks.store.stream import draw_stream
from skerry.benchmarks.store.units import Unit, draw_units
from skerry.benchmarks.store.windows import Asked, windows
from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.evaluation.gold import Record, read_gold
from skerry.generation.base import CacheReuse, Event, GenerationRequest, Source, Started
from skerry.generation.cache.store.open import StoreOptions, open_store
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import ContextPlan
from skerry.services.cli.bench import bench

from ..generation.conftest import make_tiny_model  # noqa: TID252 -- the room's model


def test_the_stream_repeats_the_popular_only() -> None:
    stream = draw_stream(4_000, 50, 0.25, 1.0, seed=3)
    assert stream == draw_stream(4_000, 50, 0.25, 1.0, seed=3) != draw_stream(4_000, 50, 0.25, 1.0, seed=4)
    counts = Counter(stream.numbers)
    novel = [number for number in stream.numbers if number >= 50]
    assert novel == list(range(50, 50 + len(novel))) and 850 < len(novel) < 1_150
    assert stream.different == 50 + len(novel)
    assert 1.6 < counts[0] / counts[1] < 2.4


@pytest.mark.parametrize(("novel", "different"), [(0.0, 10), (1.0, 510)])
def test_streams_of_one_kind(novel: float, different: int) -> None:
    assert draw_stream(500, 10, novel, 1.0, seed=0).different == different


def test_policies_on_a_scan_and_a_hot_set() -> None:
    hot = [number % 4 for number in range(400)]
    novel = range(100, 500)
    requests = [number for pair in zip(hot, novel, strict=True) for number in pair]
    rates = hit_rates(requests, [10] * 500, budget=40)
    assert rates.ours == 0.5 == rates.fixed
    assert rates.recent == 0.0
    assert hit_rates(requests, [10] * 500, budget=5).ours == 0.0


def test_windows() -> None:
    asked = [
        Asked(
            passages=2,
            tiers={"memory": number % 3},
            tokens=20,
            reused={"memory": 9 * (number % 3)},
            seconds=float(number),
            resident=10 * number,
            problem="as told" if number == 4 else "",
        )
        for number in range(5)
    ]
    first, last = windows(asked, 3)
    assert (first.first, first.last, last.first, last.last) == (0, 3, 3, 5)
    assert first.shares == {"memory": 0.5} and first.found == 0.5
    assert first.reused == 0.45
    assert (first.failed, last.failed, first.median, last.resident) == (0, 1, 1.0, 40)
    # One that failed has no part in the times.
    assert (last.median, last.slowest) == (3.0, 3.0)
    [failed] = windows(asked[4:], 3)
    assert (failed.failed, failed.median) == (1, 0.0)


def test_a_small_run(tmp_path: Path) -> None:
    arguments = ["store", "--questions", "40", "--popular", "6", "--passages", "2", "--memory", "20"]
    arguments += ["--redis", "20", "--disk", "50", "--quiet", "--json", "--plot", str(tmp_path / "store.png")]
    done = CliRunner().invoke(bench, arguments)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["failed"] == 0 and report["stopped"] == 20 and len(report["windows"]) == 10
    found = [sum(window["shares"].values()) for window in report["windows"]]
    assert all(window["shares"].get("redis", 0) == 0 for window in report["windows"][5:])
    assert found[0] < max(found)
    memory, redis, disk = report["counts"]["tiers"]
    assert memory["nbytes"] <= 20 * 2**20 and disk["nbytes"] <= 50 * 2**20
    assert redis["failed"] >= 1 and redis["stored"] > 0 and disk["stored"] > 0
    assert (tmp_path / "store.png").read_bytes().startswith(b"\x89PNG")


def test_without_tiers() -> None:
    arguments = ["store", "--questions", "10", "--memory", "0", "--redis", "0", "--disk", "0", "--quiet"]
    done = CliRunner().invoke(bench, arguments)
    assert done.exit_code != 0 and "turned off" in str(done.exception)


_PLACES = ((0, 2), (0, 6), (1, 3), (2, 7))


def _kilt(folder: Path, places: Sequence[tuple[int, int]] = _PLACES) -> tuple[Path, list[Record]]:
    """Three pages of seven paragraphs; a question about each place."""
    pages = [
        {
            "_id": f"p{page}",
            "wikipedia_id": f"p{page}",
            "wikipedia_title": f"Page {page}",
            "text": [f"Page {page}", *(f"Paragraph {number} of page {page}." for number in range(1, 8))],
        }
        for page in range(3)
    ]
    knowledge, gold = folder / "pages.jsonl", folder / "gold.jsonl"
    knowledge.write_text("".join(json.dumps(page) + "\n" for page in pages))
    lines = [
        {
            "id": f"q{page}-{paragraph}",
            "input": f"What is {paragraph} of {page}?",
            "output": [
                {
                    "answer": "it",
                    "provenance": [
                        {
                            "wikipedia_id": f"p{page}",
                            "start_paragraph_id": paragraph,
                            "end_paragraph_id": paragraph,
                        }
                    ],
                }
            ],
        }
        for page, paragraph in places
    ]
    gold.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return knowledge, read_gold(gold)


def test_units_share_no_passage_and_have_a_question_of_one(tmp_path: Path) -> None:
    knowledge, questions = _kilt(tmp_path)
    units = draw_units(knowledge, questions, passages=3, wanted=3, seed=0)
    ids = [source.id for unit in units for source in unit.sources]
    assert len(ids) == len(set(ids)) == 9
    assert {unit.question for unit in units} == {"What is 2 of 0?", "What is 6 of 0?", "What is 3 of 1?"}
    with pytest.raises(InvalidInput, match="3 runs"):
        draw_units(knowledge, questions, passages=3, wanted=4, seed=0)


class _Generator:
    """Reuses one source from memory; fails at the question that says so."""

    def __init__(self, no_reuse: str = "") -> None:
        self._no_reuse = no_reuse

    def generate(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
        if "fail" in request.question:
            raise BackendUnavailable("as told")
        reuse = (CacheReuse("a", 5, 4, 1, "memory"), CacheReuse("b", 5, 0, 5, ""))
        yield Started(10, 5, 2, reuse, self._no_reuse)


def _asker(generator: _Generator) -> AnswersAsker:
    sources = (Source("a", "A", "a"), Source("b", "B", "b"))
    units = [Unit("well", sources), Unit("fail", sources[:1]), Unit("before the stream", sources)]
    store = open_store(StoreOptions(2**20))
    assert store is not None
    return AnswersAsker(cast(TransformersGenerator, generator), store, units, ContextPlan(), 1)


def test_answers_are_timed_to_the_first_token_and_failures_counted() -> None:
    asker = _asker(_Generator())
    good, bad = asker.ask(0), asker.ask(1)
    assert (good.problem, good.passages, good.tokens) == ("", 2, 10)
    assert (good.tiers, good.reused) == ({"memory": 1}, {"memory": 4})
    assert good.seconds > 0
    assert (bad.problem, bad.tiers, bad.tokens) == ("as told", {}, 0)


def test_a_model_whose_keys_cannot_be_moved_is_no_measurement() -> None:
    with pytest.raises(BackendUnavailable, match="learnt positions"):
        _asker(_Generator("learnt positions"))


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Arguments of 12 answers by a tiny model; Redis is killed before the seventh."""
    folder = tmp_path_factory.mktemp("store")
    _kilt(folder, [(page, paragraph) for page in range(3) for paragraph in range(1, 8)])
    make_tiny_model(folder / "model")
    arguments = [
        "store",
        "--questions",
        "12",
        "--popular",
        "2",
        "--novel",
        "0.5",
        "--memory",
        "1",
        "--redis",
        "4",
    ]
    arguments += ["--disk", "4", "--knowledge", str(folder / "pages.jsonl"), "--gold"]
    return [*arguments, str(folder / "gold.jsonl"), "--model", str(folder / "model"), "--quiet"]


@pytest.mark.parametrize("mode", ["full", "first:4"])
def test_a_model_answers_the_stream_and_redis_dies(answering: list[str], mode: str) -> None:
    done = CliRunner().invoke(bench, [*answering, "--recompute", mode, "--json"], catch_exceptions=False)
    report = json.loads(done.stdout)
    assert report["failed"] == 0 and report["stopped"] == 6 and len(report["asked"]) == 12
    assert report["plan"]["passages"] == 2 and mode in report["plan"]["asks"]
    assert all(one["seconds"] > 0 and one["tokens"] > 0 and not one["problem"] for one in report["asked"])
    again = [one for one in report["asked"] if one["tiers"]]
    assert again and all(sum(one["tiers"].values()) == 2 for one in again)
    assert all(
        0 < sum(one["reused"].values()) <= one["tokens"] - (4 if mode == "first:4" else 0) for one in again
    )
    redis = next(tier for tier in report["counts"]["tiers"] if tier["tier"] == "redis")
    assert redis["stored"] > 0 and redis["failed"] >= 1


def test_the_answers_as_tables(answering: list[str]) -> None:
    done = CliRunner().invoke(bench, [*answering, "--markdown"], catch_exceptions=False)
    assert "| 6-7, Redis killed |" in done.stdout and "12 questions of 2 passages" in done.stdout
    assert "| redis |" in done.stdout and "| resident set | 1 |" in done.stdout


def test_a_question_that_fails_ends_in_an_error(
    answering: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = AnswersAsker.ask

    def failing(asker: AnswersAsker, question: int) -> Asked:
        return replace(ask(asker, question), problem="as told") if question == 0 else ask(asker, question)

    monkeypatch.setattr(AnswersAsker, "ask", failing)
    done = CliRunner().invoke(bench, answering)
    assert isinstance(done.exception, BackendUnavailable)
    assert "of 12 questions failed; the first said: as told" in str(done.exception)
    assert "Redis killed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recompute", "sometimes"], "sometimes"),
        (["--popular", "40"], "questions are needed"),
        (["--threads", "999"], "999 processors"),
    ],
)
def test_answers_with_bad_input(answering: list[str], arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(bench, [*answering, *arguments])
    assert isinstance(done.exception, InvalidInput) and message in str(done.exception)
