"""How rankers learn: questions, hard negatives, and a training loop a model."""
