"""What several commands print of a hit as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skerry.retrieval.base import Evidence
from skerry.retrieval.corpus.records import Passage


def passage_object(passage: Passage) -> dict[str, Any]:
    """Where a passage is from, and its text."""
    return {
        "passage": passage.id,
        "page": passage.page_id,
        "title": passage.title,
        "section": passage.section,
        "text": passage.text,
    }


def evidence_objects(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    """What speaks for a hit, with its places in the passage."""
    return [
        {
            "ngram": item.ngram,
            "count": item.count,
            "score": item.score,
            "spans": [list(span) for span in item.spans],
            "in_title": item.in_title,
            "leg": item.leg,
        }
        for item in evidence
    ]
