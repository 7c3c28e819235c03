"""Training of elastic sentence embeddings: good after any layer and at any width."""
