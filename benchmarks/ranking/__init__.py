"""The cross-encoder beside sentence-transformers' on the same weights."""
