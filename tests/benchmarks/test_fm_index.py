"""The bench of the FM-index: what it measures on a small text, and what it says without its peer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from skerry.benchmarks.fm_index.latency import read_seconds
from skerry.benchmarks.fm_index.run import Report, run
from skerry.benchmarks.fm_index.show import lines
from skerry.benchmarks.fm_index.text import Text, drawn_text, real_ngrams, repeated_text
from skerry.core.errors import InvalidInput


@pytest.fixture(scope="module")
def report() -> Report:
    said: list[str] = []
    text = drawn_text(tokens=30_000, alphabet=2_000)
    found = run(text, locate_every=4, queries=50, length=4, repeats=1, peer=False, say=said.append)
    assert said
    return found


def test_everything_is_measured(report: Report) -> None:
    assert report.text["tokens"] == 30_000
    assert len(report.ours.extend_s) == len(report.ours.continuations_s) == 4
    assert all(occurrences >= 50 for occurrences in report.ours.occurrences)
    assert report.ours.build_s > 0 and report.ours.locate_s > 0 and report.ours.extract_s > 0
    assert sorted(report.locate) == [1, 2, 4, 8, 16, 32]
    assert all(seconds > 0 for seconds in report.read_s.values())
    assert report.memory["peak_bytes"] > report.memory["before_bytes"]
    assert report.memory["tokens"] == 30_000


def test_the_report_can_be_read_by_people_and_programs(report: Report) -> None:
    text = "\n".join(lines(report))
    assert "30,000 tokens" in text and "The limit" in text and "Without the peer" in text
    assert json.loads(json.dumps(report.json()))["ratios"] == {}


def test_without_a_compiler_it_says_how_to_get_the_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    text = drawn_text(tokens=3_000, alphabet=100)
    found = run(text, locate_every=4, queries=5, length=2, repeats=1, peer=True, say=lambda what: None)
    assert found.peer is None
    assert "libsdsl-dev" in found.without and found.without in "\n".join(lines(found))


def test_ngrams_stand_in_passages() -> None:
    text = Text("three", np.arange(9, dtype=np.uint32), np.array([2, 4, 3]), 9)
    assert {tuple(row) for row in real_ngrams(text, 200, 3)} == {(2, 3, 4), (3, 4, 5), (6, 7, 8)}
    with pytest.raises(InvalidInput, match="5 tokens"):
        real_ngrams(text, 1, 5)


def test_repeated_text_starts_as_it_was_and_changes_a_share() -> None:
    base = drawn_text(tokens=10_000, alphabet=500)
    text = repeated_text(base, 35_000, mutated=0.2)
    assert len(text.tokens) == text.lengths.sum() == 40_000
    np.testing.assert_array_equal(text.tokens[:10_000], base.tokens)
    changed = (text.tokens[10_000:].reshape(3, -1) != base.tokens).mean()
    assert 0.1 < changed < 0.2


def test_a_read_takes_time() -> None:
    assert read_seconds(1 << 16, 1) > 0
