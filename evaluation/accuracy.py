"""Accuracy: the answer is a gold answer, character by character."""

from __future__ import annotations


def accuracy(prediction: str, gold: str) -> float:
    """1 if the stripped answers are the same string, else 0."""
    return float(prediction.strip() == gold.strip())
