"""F1 over the bags of words of two answers after SQuAD's normalisation."""

from __future__ import annotations

from collections import Counter

from skerry.evaluation.answers import normalise


def f1(prediction: str, gold: str) -> float:
    """Harmonic mean of word precision and recall, in [0, 1]; 0 without a common word (two empty bags too)."""
    predicted, expected = normalise(prediction).split(), normalise(gold).split()
    common = (Counter(predicted) & Counter(expected)).total()
    if common == 0:
        return 0.0
    precision, recall = common / len(predicted), common / len(expected)
    return 2 * precision * recall / (precision + recall)
