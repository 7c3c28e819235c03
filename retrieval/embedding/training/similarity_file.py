"""Graded sentence pairs from JSON lines, as STS-B comes in them."""

from __future__ import annotations

import json
import math
from pathlib import Path

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.readers.lines import LineSource
from skerry.retrieval.embedding.training.similarity import SimilarPair


def read_similar_pairs(path: Path) -> list[SimilarPair]:
    """The pairs of a file whose lines have `sentence1`, `sentence2` and a number `score`; may be compressed.

    Raises:
        BackendUnavailable: a file that cannot be read.
        InvalidInput: naming the line: a record that is no such pair; a file with fewer than two.
    """
    pairs = []
    with LineSource(path) as lines:
        for number, line in lines:
            try:
                record = json.loads(line)
                first, second, score = record["sentence1"], record["sentence2"], float(record["score"])
            except (ValueError, TypeError, LookupError) as error:
                raise _bad(path, number) from error
            if not (isinstance(first, str) and isinstance(second, str) and math.isfinite(score)):
                raise _bad(path, number)
            pairs.append(SimilarPair(first, second, score))
    if len(pairs) < 2:
        raise InvalidInput(
            f"{path} holds {len(pairs)} sentence pairs; an order needs two.", details={"path": str(path)}
        )
    return pairs


def _bad(path: Path, number: int) -> InvalidInput:
    return InvalidInput(
        f"{path}:{number} is no graded sentence pair.",
        hint='Give JSON lines such as {"sentence1": "...", "sentence2": "...", "score": 3.5}.',
        details={"where": f"{path}:{number}"},
    )
