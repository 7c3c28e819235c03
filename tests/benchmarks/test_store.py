"""The bench of the store: its stream, its windows, what it says; a small run with a real server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
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
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import ContextPlan
from skerry.services.cli.bench import bench


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
        Asked(2, Counter({"memory": number % 3}), number == 4, float(number), 10 * number)
        for number in range(5)
    ]
    first, last = windows(asked, 3)
    assert (first.first, first.last, last.first, last.last) == (0, 3, 3, 5)
    assert first.shares == {"memory": 0.5} and first.found == 0.5
    assert (first.failed, last.failed, first.median, last.resident) == (0, 1, 1.0, 40)


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


def _kilt(folder: Path) -> tuple[Path, list[Record]]:
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
        for page, paragraph in ((0, 2), (0, 6), (1, 3), (2, 7))
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

    def generate(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
        if "fail" in request.question:
            raise BackendUnavailable("as told")
        yield Started(10, 5, 2, (CacheReuse("a", 5, 5, 0, "memory"), CacheReuse("b", 5, 0, 5, "")))


def test_answers_are_timed_to_the_first_token_and_failures_counted() -> None:
    sources = (Source("a", "A", "a"), Source("b", "B", "b"))
    units = [Unit("well", sources), Unit("fail", sources[:1])]
    asker = AnswersAsker(cast(TransformersGenerator, _Generator()), units, ContextPlan(), 1)
    good, bad = asker.ask(0), asker.ask(1)
    assert (good.failed, good.passages, good.tiers) == (
        False,
        2,
        Counter({"memory": 1}),
    ) and good.seconds >= 0
    assert (bad.failed, bad.tiers) == (True, Counter())
