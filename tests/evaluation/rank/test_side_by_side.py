"""Several comparisons in one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skerry.core.errors import InvalidInput, NotFound
from skerry.evaluation.rank.side_by_side import read_report, side_by_side

PARAGRAPHS: dict[str, Any] = {
    "baseline": "bm25",
    "systems": {
        "bm25": {"metrics": {"hit@1": 0.5, "hit@5": 0.75, "MRR": 0.6}},
        "knrm": {
            "metrics": {
                "hit@1": 0.625,
                "hit@5": 0.75,
                "MRR": 0.65,
                "ms": 10.0,
                "parameters": 12,
                "p (hit@1)": 0.01,
            }
        },
        "legs + rankers, convex": {"metrics": {"hit@1": 0.75, "hit@5": 1.0, "MRR": 0.8, "p (hit@1)": 0.5}},
    },
}
JUDGED: dict[str, Any] = {
    "baseline": "fused",
    "systems": {
        "bm25": {"metrics": {"nDCG@10": 0.25, "MAP": 0.2, "P@10": 0.1, "p (nDCG@10)": 0.2}},
        "fused": {"metrics": {"nDCG@10": 0.5, "MAP": 0.2, "P@10": 0.1}},
        "knrm": {"metrics": {"nDCG@10": 0.375, "MAP": 0.2, "P@10": 0.1, "ms": 30.0, "p (nDCG@10)": 0.04}},
        "drmm": {"metrics": {"nDCG@10": 0.5, "MAP": 0.2, "P@10": 0.1, "ms": 5.0, "p (nDCG@10)": 0.9}},
    },
}


def test_side_by_side() -> None:
    assert side_by_side({"one": PARAGRAPHS, "two": JUDGED}).markdown() == (
        "| system | one hit@1 | one hit@5 | two nDCG@10 | ms | parameters |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |\n"
        "| bm25 | 0.500 | 0.750 | 0.250 | - | - |\n"
        "| knrm | 0.625* | 0.750 | 0.375* | 20.0 | 12 |\n"
        "| fused | - | - | 0.500 | - | - |\n"
        "| drmm | - | - | 0.500 | 5.0 | - |\n"
        "| legs + rankers, convex | 0.750 | 1.000 | - | - | - |\n"
    )


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(PARAGRAPHS))
    assert read_report(path) == PARAGRAPHS
    with pytest.raises(NotFound, match="no file"):
        read_report(tmp_path / "none.json")
    for wrong in (
        "[",
        "[]",
        "{}",
        '{"systems": {"a": {"metrics": {}}}}',
        '{"systems": {"a": 1}, "baseline": "a"}',
    ):
        path.write_text(wrong)
        with pytest.raises(InvalidInput, match=r"one\.json is no comparison of rankers"):
            read_report(path)
    path.write_text('{"systems": {"a": {"metrics": {}}}, "baseline": "a"}')
    with pytest.raises(InvalidInput, match=r"KeyError: 'hit@1 or nDCG@10 of a'"):
        read_report(path)
