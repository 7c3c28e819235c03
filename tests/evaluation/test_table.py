"""Tables in their three forms, and how sure their numbers are."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from skerry.core.errors import InvalidInput
from skerry.evaluation.bootstrap import interval, paired_p_value
from skerry.evaluation.table import Row, ScoreTable

TABLE = ScoreTable(
    "squad: 2 questions",
    ["hit@1", "em"],
    [Row("bm25", {"hit@1": 0.5, "other": 1}), Row("a|b", {"hit@1": 1, "em": 0.12345}, {"em": (0.0, 0.5)})],
)


def test_markdown() -> None:
    assert TABLE.markdown() == (
        "| system | hit@1 | em |\n| --- | ---: | ---: |\n| bm25 | 0.500 | - |\n| a\\|b | 1.000 | 0.123 |\n"
    )


def test_json_has_every_metric() -> None:
    assert TABLE.json() == {
        "title": "squad: 2 questions",
        "systems": {
            "bm25": {"metrics": {"hit@1": 0.5, "other": 1}, "intervals": {}},
            "a|b": {"metrics": {"hit@1": 1, "em": 0.12345}, "intervals": {"em": [0.0, 0.5]}},
        },
    }


def test_rich() -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(TABLE.rich())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "squad: 2 questions" in text
    assert "0.123" in text


def test_interval() -> None:
    assert interval([1.0, 1.0, 1.0]) == (1, 1)
    low, high = interval([0.0, 1.0] * 200)
    # The normal approximation: 0.5 -+ 1.96 * 0.5 / sqrt(400).
    assert low == pytest.approx(0.451, abs=0.01)
    assert high == pytest.approx(0.549, abs=0.01)
    assert interval([0.0, 1.0, 1.0]) == interval([0.0, 1.0, 1.0])
    for values, confidence, resamples in (([], 0.95, 10), ([1.0], 1.0, 10), ([1.0], 0.95, 0)):
        with pytest.raises(InvalidInput):
            interval(values, confidence=confidence, resamples=resamples)


def test_paired() -> None:
    same = [0.0, 1.0, 1.0, 0.0]
    assert paired_p_value(same, same) == 1
    # Ten questions, all better: two of the 1,024 sign patterns are as extreme.
    assert paired_p_value([1.0] * 10, [0.0] * 10) == pytest.approx(2 / 1024, abs=0.002)
    assert paired_p_value([1.0, 0.0] * 20, [0.0, 1.0] * 20) == 1
    for first, second in (([], []), ([1.0], [1.0, 0.0])):
        with pytest.raises(InvalidInput):
            paired_p_value(first, second)
