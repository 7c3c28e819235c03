"""What the demo prints of one answer."""

from __future__ import annotations

from typing import Any

import pytest

from skerry.generation.base import Delta
from skerry.services.demo.show import Screen


def _result(**changes: Any) -> dict[str, Any]:
    text = "A [bold] start, then the quoted words, then an end."
    reference = {
        "passage": "p#1",
        "page": "p",
        "title": "A title",
        "section": "Part > Piece",
        "text": text,
        "score": 1.25,
        "confidence": 0.875,
        "legs": [{"leg": "bm25", "rank": 2, "score": 7.5}, {"leg": "dense", "rank": 11, "score": 0.5}],
    }
    start = text.index("quoted")
    return {
        "question": "What?",
        "abstention": "",
        "citations": [
            {"passage": "p#1", "span": [start, start + len("quoted words")], "quote": "quoted words"}
        ],
        "references": [reference],
        "given": 1,
        "seconds": {"retrieve": 0.012, "rank": 0.1, "total": 0.2},
        "wall": 0.25,
        "prompt_tokens": 10,
        "answer_tokens": 3,
        **changes,
    }


def test_answer_citation_evidence_and_timings_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.question(1, "What? [red]")
    screen.event(Delta("quoted"))
    screen.event(Delta(" words"))
    screen.answer(_result())
    printed = capsys.readouterr().out
    assert "1. What? [red]" in printed
    assert "quoted words\n" in printed
    assert "A title › Part > Piece: …A [bold] start, then the »quoted words«, then an end." in printed
    assert "#2 (7.50)" in printed
    assert "#11 (0.50)" in printed
    assert "1.25" in printed
    assert "0.88" in printed
    assert "retrieve 12, rank 100, total 200; 250 at the client" in printed


def test_an_abstention_says_why_and_a_list_without_ranker_shows_the_fused_score(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = _result(abstention="Too weak.", citations=[])
    result["references"][0] |= {"confidence": None, "score": 0.0325}
    Screen().answer(result)
    printed = capsys.readouterr().out
    assert "No answer: Too weak." in printed
    assert "fused" in printed
    assert "0.0325" in printed
    assert "probability" not in printed
