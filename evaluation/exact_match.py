"""Exact match (EM): equal after SQuAD's normalisation."""

from __future__ import annotations

from skerry.evaluation.answers import normalise


def exact_match(prediction: str, gold: str) -> float:
    """1 if both answers are the same but for case, punctuation, articles and spaces, else 0."""
    return float(normalise(prediction) == normalise(gold))
