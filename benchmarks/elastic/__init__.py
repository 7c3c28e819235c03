"""Elastic embeddings: what fewer layers and dimensions cost and save."""
