"""How the title model is trained."""

from __future__ import annotations

from dataclasses import dataclass

ENOUGH = 12_000
_MOST_PASSES = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        learning_rate: of the decoder at its peak; a linear rise over 2% of the steps, then a cosine.
        batch: pairs a step.
        epochs: passes over the pairs; 0 is one, and of a small corpus as many as
            make `ENOUGH` pairs, ten at most.
        most_pairs: pairs of an epoch at most, drawn evenly from all; bounds time and memory.
        max_tokens: of a source; longer ones are cut.
        label_smoothing: of the choice among titles' first tokens (paper: 0.1).
        dropout: of the decoder.
        held_out: pairs that are not learnt from; their loss stops the training.
        patience: how many times in a row the held-out loss may fail to fall before training stops.
        evaluate_every: steps between two looks at the held-out loss, each taken at the next checkpoint.
        checkpoint_every: steps between two checkpoints.
        seed: of the weights, the order and the dropout.
    """

    learning_rate: float = 1e-3
    batch: int = 64
    epochs: int = 0
    most_pairs: int = 400_000
    max_tokens: int = 64
    label_smoothing: float = 0.1
    dropout: float = 0.1
    held_out: int = 1000
    patience: int = 3
    evaluate_every: int = 500
    checkpoint_every: int = 200
    seed: int = 0

    def passes(self, pairs: int) -> int:
        """How many passes over so many pairs."""
        return self.epochs or max(1, min(_MOST_PASSES, ENOUGH // max(pairs, 1)))
